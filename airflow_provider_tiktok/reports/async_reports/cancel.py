"""Cancels report tasks when an Airflow task is killed: quickly, and with nothing that the killed one may hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob, cancel_all
from airflow_provider_tiktok.api.retry import RetryPolicy

_TIMEOUT = 5.0  # seconds for a call; Airflow kills a task for good after some seconds
_RETRY = RetryPolicy(attempts=2, timeouts=1, initial_backoff=0.3, max_throttle_wait=3.0)


def cancel_jobs(credentials: TikTokCredentials, tasks: Sequence[ReportJob]) -> None:
    """Have tasks cancelled, with a client of their own: the other one is stopped, and a lock of it may be taken."""
    if not tasks:
        return
    quick = replace(credentials, timeout=min(_TIMEOUT, credentials.timeout), shared_budget=False)
    client = TikTokClient(quick, retry=_RETRY)
    try:
        cancel_all(client, tasks)
    finally:
        client.close()
