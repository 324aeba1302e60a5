"""Airflow warns about deprecated names; on the newest version this package must cause no such warning."""

import subprocess
import sys
import warnings
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not metadata.version("apache-airflow").startswith("3.3."), reason="judges by the newest Airflow only"
)

ROOT = Path(__file__).parent.parent

IMPORT_ALL = """
import importlib, pkgutil, runpy, sys, warnings
from airflow.exceptions import AirflowProviderDeprecationWarning, RemovedInAirflow4Warning
from airflow.sdk.exceptions import RemovedInAirflow4Warning as FromSdk
from airflow.utils.deprecation_tools import DeprecatedImportWarning
for category in (AirflowProviderDeprecationWarning, RemovedInAirflow4Warning, FromSdk, DeprecatedImportWarning):
    warnings.simplefilter("error", category)
import airflow_provider_tiktok
for module in pkgutil.walk_packages(airflow_provider_tiktok.__path__, "airflow_provider_tiktok."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for path in sys.argv[1:]:
    runpy.run_path(path)
"""


@pytest.mark.full
def test_no_module_and_no_example_uses_a_deprecated_name_of_airflows():
    examples = [str(path) for path in sorted((ROOT / "example_dags").glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *examples], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_deprecated_name_fails_the_test_that_uses_it():
    from airflow.utils.deprecation_tools import DeprecatedImportWarning

    with pytest.raises(DeprecatedImportWarning):
        warnings.warn("some name is deprecated", DeprecatedImportWarning, stacklevel=1)
