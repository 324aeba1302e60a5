"""Rows from the files of report tasks, without TikTok."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import tempfile
from datetime import date

import pytest

from airflow_provider_tiktok.api.endpoints.report_tasks import FAILED, SUCCESS, JobState
from airflow_provider_tiktok.exceptions import (
    TikTokIncompleteReportError,
    TikTokOutputError,
    TikTokReportTaskError,
)
from airflow_provider_tiktok.reports.async_reports import files
from airflow_provider_tiktok.reports.async_reports.files import FileSource
from airflow_provider_tiktok.reports.async_reports.poll import WatchEnd
from airflow_provider_tiktok.reports.async_reports.submission import Submission, job_of
from airflow_provider_tiktok.reports.planning.reconcile import read_reconciliation

from .helpers import FakeClient, all_rows, old_plan

SPENT = {"2026-01-05": 10, "2026-01-06": 20, "2026-01-07": 30}


@pytest.fixture
def _files(monkeypatch):
    """Each task's file has one ad, with the spend of the task's first day."""

    def download(client, task, into):
        data = f"ad_id,spend\n1,{SPENT[task.start_date]}\n".encode()
        into.seek(0)
        into.truncate()
        into.write(data)
        return {"bytes": len(data), "is_complete": True}

    monkeypatch.setattr(files, "download_task", download)


def submitted(plan, tasks, **changes):
    planned = {name: sum(call.advertiser_id == name for call in plan.calls) for name in plan.advertiser_ids}
    made = Submission(tuple(tasks), plan.advertiser_ids, {}, {}, "f", {}, 0.0, planned)
    return Submission.from_dict(json.loads(json.dumps(dataclasses.replace(made, **changes).as_dict())))


def tasks_of(plan):
    return [job_of(call, str(number)) for number, call in enumerate(plan.calls)]


@pytest.mark.usefixtures("_files")
def test_each_window_is_compared_with_its_own_days_spend():
    def own(params):
        assert params["start_date"] == params["end_date"]
        row = {"dimensions": {"advertiser_id": "7"}, "metrics": {"spend": str(SPENT[params["start_date"]])}}
        return {"list": [row]}

    client = FakeClient(own)
    plan = old_plan(
        client,
        preset="ad_audience_interest_daily",
        report_type="BASIC",
        dimensions="ad_id",
        metrics="spend",
        mode="async",
        report_end_date=date(2026, 1, 7),
    )
    reconciliation = read_reconciliation(plan.request, True, 0)
    fetch = FileSource(client, plan, tasks_of(plan), {}, refused={}, reconciliation=reconciliation)
    assert [row[-1] for row in all_rows(fetch)] == ["10", "20", "30"]


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"extra_info": {"search_ads_throttle": True}}, "TikTok left rows out"),
        (
            {"list": [{"dimensions": {"advertiser_id": None}, "metrics": {"spend": "10"}}]},
            "advertiser_id is None",
        ),
        (
            {"list": [{"dimensions": {"advertiser_id": "8"}, "metrics": {"spend": "10"}}]},
            "advertiser_id is '8'",
        ),
    ],
)
def test_an_accounts_own_spend_that_is_not_complete_fails_the_report(data, words):
    row = {"dimensions": {"advertiser_id": "7"}, "metrics": {"spend": "10"}}
    client = FakeClient(lambda params: {"list": [row], **data})
    plan = old_plan(client, mode="async", metrics="spend")
    reconciliation = read_reconciliation(plan.request, True, 0)
    fetch = FileSource(client, plan, tasks_of(plan), {}, refused={}, reconciliation=reconciliation)
    with pytest.raises(TikTokIncompleteReportError, match=words):
        all_rows(fetch)


def test_a_submission_that_lacks_a_task_is_no_plan():
    plan = old_plan(FakeClient(), mode="async", advertiser_ids="7,8")
    tasks = tasks_of(plan)
    assert len(submitted(plan, tasks).plan(plan.request).calls) == 2
    with pytest.raises(
        TikTokIncompleteReportError, match=r"Advertiser 8 has 0 report task\(s\) where 1 were planned"
    ):
        submitted(plan, tasks[:1]).plan(plan.request)
    # stored by an older version
    assert len(submitted(plan, tasks[:1], planned=None).plan(plan.request).calls) == 1


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("policy", ["skip", "fail_at_end", "fail"])
def test_an_account_that_is_refused_after_its_task_was_created_is_treated_as_the_policy_says(policy):
    plan = old_plan(FakeClient(), mode="async", advertiser_ids="7,8")
    refused = JobState(FAILED, "no permission", "R1", about_account=True)
    # as it comes from the triggerer
    stored = WatchEnd("done", states={"0": refused, "1": JobState(SUCCESS)}).as_dict()
    states = WatchEnd.from_dict(json.loads(json.dumps(stored))).states
    assert [one.about_account for one in states.values()] == [True, False]
    fetch = FileSource(FakeClient(), plan, tasks_of(plan), states, refused={}, on_advertiser_error=policy)
    if policy == "fail":
        with pytest.raises(TikTokReportTaskError, match="no permission"):
            next(fetch.batches())
        return
    batches = fetch.batches()
    assert [row[0] for row in next(batches)] == ["8"]
    if policy == "fail_at_end":
        with pytest.raises(TikTokReportTaskError, match="no permission"):
            next(batches)
    else:
        assert list(batches) == []
        assert list(fetch.result.skipped) == ["7"]


def test_a_task_that_failed_by_itself_is_skipped_for_no_policy():
    plan = old_plan(FakeClient(), mode="async", advertiser_ids="7,8")
    states = {"0": JobState(FAILED, "no permission"), "1": JobState(SUCCESS)}
    fetch = FileSource(FakeClient(), plan, tasks_of(plan), states, refused={}, on_advertiser_error="skip")
    with pytest.raises(TikTokReportTaskError):
        all_rows(fetch)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("policy", ["skip", "fail_at_end", "fail"])
@pytest.mark.parametrize("step", ["open", "write"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE])
def test_a_full_disk_names_the_folder_whatever_the_policy(monkeypatch, policy, step, code):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    if step == "open":
        monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(files, "download_task", refuse)
    plan = old_plan(FakeClient(), mode="async", advertiser_ids="7,8")
    fetch = FileSource(FakeClient(), plan, tasks_of(plan), {}, refused={}, on_advertiser_error=policy)
    with pytest.raises(TikTokOutputError, match="then run the task again") as caught:
        next(fetch.batches())
    assert caught.value.retryable
    assert str(caught.value).startswith(
        f"Rows could not be buffered in {tempfile.gettempdir()!r} ({os.strerror(code)}), so nothing was published. "
    )
