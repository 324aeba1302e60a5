"""The example DAGs can be read by the Airflow that is here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3

EXAMPLES = Path(__file__).parent.parent / "example_dags"
ASSETS = {"example_tiktok_load_on_asset"}  # which Airflow 2 has under another name


PATHS = sorted(EXAMPLES.glob("*.py"))
# one process for all, which costs Airflow's start once
READ = """
import json, runpy, sys, traceback, warnings
warnings.simplefilter("ignore")
errors = {}
for path in sys.argv[1:]:
    try:
        runpy.run_path(path, run_name="__main__")
    except Exception:
        errors[path] = traceback.format_exc()
print(json.dumps(errors))
"""


@pytest.fixture(scope="module")
def errors():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, *map(str, PATHS)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_example_is_read_without_an_error(errors, path):
    if path.stem in ASSETS and not AIRFLOW_3:
        pytest.skip("is about the assets of Airflow 3")
    assert str(path) not in errors, errors[str(path)][-2000:]
