"""What a run sends to Airflow's own metrics."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from airflow_provider_tiktok import _compat_late
from airflow_provider_tiktok.operators._run import metrics
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.operators.test_report_operator import accounts


class Sent:
    """Airflow's sender of metrics, as far as it is used."""

    def __init__(self):
        self.counts, self.timers, self.tags = {}, {}, []

    def incr(self, name, count, *, tags):
        self.counts[name] = count
        self.tags.append(tags)

    def timing(self, name, duration, *, tags):
        self.timers[name] = duration
        self.tags.append(tags)


class Broken:
    def incr(self, *args, **kwargs):
        raise OSError("no route to host")


@pytest.fixture
def run(emulator, connect):
    connect()

    def execute():
        ti = SimpleNamespace(dag_id="dag", task_id="report", xcom_push=lambda **_: None)
        return TikTokReportOperator(
            task_id="report",
            dimensions="campaign_id",
            metrics="spend",
            advertiser_ids=accounts(emulator, 1),
            report_start_date="2026-08-01",
        ).execute({"ti": ti})

    return execute


def test_a_run_sends_rows_calls_and_seconds_and_no_money(run, monkeypatch):
    sent = Sent()
    monkeypatch.setattr(metrics, "stats", lambda: sent)
    summary = run()
    assert sent.counts == {"tiktok.rows": summary["row_count"], "tiktok.calls": 2, "tiktok.throttled": 0}
    assert timedelta() < sent.timers["tiktok.seconds"] < timedelta(minutes=5)
    assert sent.tags == [{"dag_id": "dag", "task_id": "report"}] * 4


def test_calls_that_tiktok_throttled_are_counted(run, emulator, monkeypatch):
    emulator.set_faults([{"fault": "code:40100", "path": "report/integrated/get/", "first": 1}])
    sent = Sent()
    monkeypatch.setattr(metrics, "stats", lambda: sent)
    assert run()["throttled_calls"] == sent.counts["tiktok.throttled"] == 1
    assert sent.counts["tiktok.calls"] == 3


@pytest.mark.parametrize("sender", [Broken(), None])
def test_metrics_that_fail_fail_no_task(run, monkeypatch, sender):
    monkeypatch.setattr(metrics, "stats", lambda: sender)
    assert run()["complete"]


def test_airflow_has_a_sender():
    assert {"incr", "timing"} <= set(dir(_compat_late.stats()))
