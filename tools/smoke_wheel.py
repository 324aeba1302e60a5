"""Look at the installed wheel from an environment that holds nothing else: ``python -I smoke_wheel.py WHEEL``."""

import sys
from importlib import metadata
from pathlib import Path

from airflow.providers_manager import ProvidersManager

import airflow_provider_tiktok
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.reports import catalog

NAME = "airflow-provider-tiktok"
# What setup.cfg names and no more; each further one is something that users must install.
REQUIRED = {"apache-airflow>=2.11.0", "pendulum>=3.0", "requests>=2.31"}

version = Path(sys.argv[1]).name.split("-")[1]
required = {line for line in metadata.requires(NAME) or () if "extra ==" not in line}
folder = Path(airflow_provider_tiktok.__file__).parent
TikTokReportOperator(task_id="report", preset="ad_group_summary")

for what, found, right in (
    ("version", metadata.version(NAME), version),
    ("requirements", required, REQUIRED),
    ("provider's version", ProvidersManager().providers[NAME].version, version),
    ("hook's name", ProvidersManager().hooks[TikTokHook.conn_type].hook_name, TikTokHook.hook_name),
    ("folder", folder.is_relative_to(sys.prefix), True),
    ("type marker", (folder / "py.typed").is_file(), True),
    ("catalogue", bool(catalog.metrics("BASIC")), True),
    ("licence", any(path.name == "LICENSE" for path in metadata.files(NAME) or ()), True),
):
    if found != right:
        sys.exit(f"The installed wheel is not right: {what} is {found!r} and not {right!r}.")
print(f"Airflow finds the installed provider {version}")
