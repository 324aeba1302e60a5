"""Processes of their own, which have the package's modules when they start."""

import multiprocessing
from multiprocessing.context import ForkServerContext

_MODULES = (
    "airflow_provider_tiktok.api.client",
    "airflow_provider_tiktok.emulator.server",
    "airflow_provider_tiktok.hooks.tiktok",
    "hypothesis",
    "redis",
    "tests.api.conftest",
    "tests.conftest",
    "tests.servers",
)


def start_context() -> ForkServerContext:
    """Return what starts processes: each is a fork of one that imported Airflow once and runs no thread."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_MODULES))
    return context
