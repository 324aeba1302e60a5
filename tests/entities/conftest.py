"""Fixtures for tests of lists of entities."""

import pytest


@pytest.fixture(autouse=True)
def _no_backoff_between_attempts(monkeypatch):
    """Read a list that moved again at once."""
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0)
