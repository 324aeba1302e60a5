"""The example DAGs can be read by the Airflow that is here."""

import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3

EXAMPLES = Path(__file__).parent.parent / "example_dags"
ASSETS = {"example_tiktok_load_on_asset"}  # which Airflow 2 has under another name


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_read_without_an_error(path):
    if path.stem in ASSETS and not AIRFLOW_3:
        pytest.skip("is about the assets of Airflow 3")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
