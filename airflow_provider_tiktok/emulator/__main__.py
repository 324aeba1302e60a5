"""The entry point of ``python -m airflow_provider_tiktok.emulator``."""

from __future__ import annotations

import sys

from airflow_provider_tiktok.emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
