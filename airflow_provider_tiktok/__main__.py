"""``python -m airflow_provider_tiktok``, which is ``airflow-tiktok``, too."""

from __future__ import annotations

from airflow_provider_tiktok.cli.main import run

if __name__ == "__main__":
    run()
