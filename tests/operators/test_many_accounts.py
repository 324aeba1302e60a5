"""A thousand accounts in one task: calls, a log of one screen, a small summary, and one account that fails."""

import json

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.emulator import Settings, serve
from airflow_provider_tiktok.operators.report import TikTokReportOperator

REPORT = "report/integrated/get/"
SCREEN = 24  # lines
LARGEST = 64 * 1024  # bytes of a summary in XCom; the default limit of rows there is four times that

pytestmark = pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.full)])


@pytest.fixture
def many(connect, count):
    """Return TikTok's API with many accounts that the token reaches, with one ad each, and the one of them that fails."""
    with serve(Settings(accounts=count, empty_account=False, ads=1)) as emulator:
        connect(emulator.url)
        bad = list(emulator.world.accounts)[count // 2]
        yield emulator, bad


@pytest.fixture
def execute(tmp_path, caplog):
    """Return a function that runs the report of all accounts; ``refused`` is refused by TikTok."""

    def run(emulator, policy="fail", refused=None):
        rule = {"fault": "code:40001", "path": REPORT, "advertiser_id": refused}
        emulator.set_faults([rule] if refused else [])
        with caplog.at_level("INFO"):
            return TikTokReportOperator(
                task_id="report",
                advertiser_ids="*",
                dimensions="ad_id,stat_time_day",
                metrics="spend",
                report_start_date="2026-08-01",
                report_end_date="2026-08-02",
                on_advertiser_error=policy,
                output_path=str(tmp_path / "rows.jsonl"),
            ).execute({})

    return run


def reports(emulator):
    return [call for call in emulator.calls if call.path.endswith(REPORT)]


def lines(caplog):
    """Return the lines of the log that a reader sees, without what is folded."""
    shown, folded = [], False
    for text in caplog.messages:
        folded = folded and "::endgroup::" not in text
        shown += [] if folded else text.splitlines()
        folded = folded or "::group::" in text
    return shown


def test_calls_log_and_summary_of_many_accounts(many, execute, count, caplog):
    emulator, _ = many
    summary = execute(emulator)
    assert (summary["row_count"], len(summary["advertiser_ids"])) == (count * 2, count)
    assert len(reports(emulator)) == count
    assert len(emulator.calls) - count <= 2 + -(-count // 100)  # the list, and a hundred zones at a time
    assert len(lines(caplog)) <= SCREEN
    assert len(json.dumps(summary)) <= LARGEST


def test_one_account_of_many_fails_the_report(many, execute, caplog):
    emulator, bad = many
    with pytest.raises(AirflowFailException, match=bad):
        execute(emulator, "fail", bad)
    assert len(lines(caplog)) <= SCREEN


def test_one_account_of_many_fails_the_report_at_its_end(many, execute, count, caplog):
    emulator, bad = many
    with pytest.raises(AirflowFailException, match=bad):
        execute(emulator, "fail_at_end", bad)
    assert len(reports(emulator)) == count
    assert len(lines(caplog)) <= SCREEN


def test_one_account_of_many_is_skipped(many, execute, count, caplog, tmp_path):
    emulator, bad = many
    summary = execute(emulator, "skip", bad)
    assert list(summary["skipped_advertisers"]) == [bad]
    assert (summary["complete"], summary["row_count"]) == (False, (count - 1) * 2)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert {row["advertiser_id"] for row in rows} == set(emulator.world.accounts) - {bad}
    assert len(lines(caplog)) <= SCREEN
    assert len(json.dumps(summary)) <= LARGEST
