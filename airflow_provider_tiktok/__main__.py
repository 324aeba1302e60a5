"""``python -m airflow_provider_tiktok``: presets, fields, plan; connect, revoke, doctor."""

from __future__ import annotations

import sys

from airflow_provider_tiktok.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
