"""Fixtures for tests of reports."""

import pytest


@pytest.fixture(autouse=True)
def _no_backoff_between_attempts(monkeypatch):
    """Fetch an incomplete window again at once."""
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0)
