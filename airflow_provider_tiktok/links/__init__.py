"""The links of a report's task: to the same figures in TikTok Ads Manager, and to the task's output.

Airflow 3 requests them in the worker, with the operator that has just run, after every attempt: a success,
a failure or a deferral. Airflow 2 requests them in the webserver, with an operator whose templates are not
rendered; there the stored fields and summary of the task are read. In both, an unknown link is empty text,
and nothing is raised: a link is no reason to fail a task or a page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from airflow_provider_tiktok._compat_links import BaseOperatorLink, stored_facts, xcom_page
from airflow_provider_tiktok.links.urls import ReportFacts, ads_manager_url, output_url, read_facts

log = logging.getLogger(__name__)


class TikTokAdsManagerLink(BaseOperatorLink):
    """Opens TikTok Ads Manager at the report's account, level and days."""

    name = "TikTok Ads Manager"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address; empty if no account is known."""
        return _quietly(lambda: ads_manager_url(_facts(operator, ti_key)))


class TikTokOutputLink(BaseOperatorLink):
    """Opens the location of the rows: the storage's console, or the task's XCom."""

    name = "Output"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address; empty if the storage has no page for it."""
        return _quietly(lambda: output_url(_facts(operator, ti_key), xcom_page(ti_key)))


LINKS = (TikTokAdsManagerLink(), TikTokOutputLink())
"""The links of a report's task, in the order of their buttons."""


def _facts(operator: Any, ti_key: Any) -> ReportFacts:
    rendered, summary = stored_facts(ti_key)
    written = {name: getattr(operator, name, None) for name in operator.template_fields}
    return read_facts({**written, **rendered}, {**summary, **getattr(operator, "link_facts", {})})


def _quietly(build: Callable[[], str]) -> str:
    try:
        return build()
    except Exception as error:
        log.debug("No link: %s", type(error).__name__)
        return ""
