"""The command line: presets, fields, plan."""

import subprocess
import sys

import pytest

from airflow_provider_tiktok.cli.main import main
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.presets import PRESETS


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_presets_show_name_level_dimensions_and_metrics(capsys):
    _, out, _ = run(capsys, "presets")
    assert [line for line in out.splitlines() if line and not line.startswith(" ")] == list(PRESETS)
    assert run(capsys, "presets", "auction_campaign") == (
        0,
        "auction_campaign_summary\n"
        "  level       BASIC, AUCTION_CAMPAIGN\n"
        "  dimensions  campaign_id\n"
        "  metrics     spend, impressions, reach, clicks, conversion, cpm\n\n",
        "",
    )
    _, out, _ = run(capsys, "presets", "ad_audience_interest")
    assert "AUDIENCE, AUCTION_AD, one call a day" in out


@pytest.mark.parametrize("report_type", catalog.LEVELS_OF)
def test_fields_lists_every_field(capsys, report_type):
    count = len(catalog.dimensions(report_type)) + len(catalog.metrics(report_type))
    code, out, _ = run(capsys, "fields", "--report-type", report_type.lower())
    assert (code, out.splitlines()[-1]) == (0, f"{count} of {count} fields of {report_type} reports")


def test_fields_finds_by_word_and_level(capsys):
    assert run(capsys, "fields", "cash_spend") == (
        0,
        "metric        cash_spend  [currency, core; advertiser; advertiser_daily; no_hour; no_lifetime]\n"
        "              The account level only, and by day.\n"
        "1 of 1096 fields of BASIC reports\n",
        "",
    )
    for level in ("campaign", "AUCTION_CAMPAIGN"):
        assert "0 of 1096" in run(capsys, "fields", "cash_spend", "--level", level)[1]


def test_fields_finds_by_note_and_says_what_does_not_add_up(capsys):
    _, out, _ = run(capsys, "fields", "Money, for all")
    assert out.startswith("metric        total_complete_payment_rate  [currency, website]\n")
    assert "metric        reach  [integer, core; not additive]" in run(capsys, "fields", "reach")[1]


def test_a_wrong_level_is_reported_with_the_right_ones(capsys):
    assert run(capsys, "fields", "--level", "ads") == (
        1,
        "",
        "--level ads is not a level of BASIC reports; it can be AUCTION_ADVERTISER, AUCTION_CAMPAIGN, AUCTION_ADGROUP, "
        "AUCTION_AD.\n",
    )


def test_presets_and_fields_need_neither_airflow_nor_http():
    code = (
        "import sys\nfrom airflow_provider_tiktok.cli.main import main\n"
        "main(['presets']); main(['fields', 'spend'])\n"
        "assert not {'airflow', 'requests'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_plan_shows_what_a_report_costs(capsys, connect):
    connect(advertiser_ids="7000000000000000001,7000000000000000002", qps=10)
    code, out, _ = run(
        capsys,
        *(
            "plan",
            "--preset",
            "ad_daily",
            "--report-start-date",
            "2025-01-01",
            "--report-end-date",
            "2025-06-29",
        ),
    )
    assert (code, out) == (
        0,
        f"report      BASIC, AUCTION_AD, by ad_id, stat_time_day; {len(PRESETS['ad_daily']['metrics'])} metrics\n"
        "accounts    2\n"
        "days        2025-01-01 to 2025-06-29\n"
        "windows     6\n"
        "calls       12 (first pages; more follow where a window has more than 1,000 rows)\n"
        "quota       0.001% of the 864,000 calls a day of TikTok's basic level\n"
        "time        1.0 s at least, at 10 calls a second\n",
    )


def test_a_plan_that_cannot_be_made_says_why(capsys, connect):
    connect()
    code, out, err = run(capsys, "plan", "--preset", "ad_dayly")
    assert (code, out) == (1, "")
    assert "Did you mean 'ad_daily'?" in err
