"""What tests of reports share."""

import pytest


@pytest.fixture(autouse=True)
def _no_backoff_between_attempts(monkeypatch):
    """Fetch a window that was not whole again at once."""
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0)
