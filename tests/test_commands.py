"""The command line: presets, fields, plan."""

import configparser
import importlib
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_tiktok import __version__
from airflow_provider_tiktok.cli.main import main
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.presets import PRESETS


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_presets_are_listed_in_short_and_one_is_shown_in_full(capsys):
    code, out, _ = run(capsys, "presets")
    title, *lines = out.splitlines()
    assert (code, title.split()) == (0, ["preset", "level", "metrics", "grouped", "by"])
    assert [line.split()[0] for line in lines] == list(PRESETS)
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
    _, out, _ = run(capsys, "presets", "gmv_max_daily")
    assert "  needs       request_params with store_ids\n" in out
    _, out, _ = run(capsys, "presets", "ad_daily", "--json")
    assert json.loads(out) == {"ad_daily": json.loads(json.dumps(dict(PRESETS["ad_daily"])))}


def test_a_preset_whose_name_is_part_of_others_is_shown_alone(capsys):
    _, out, _ = run(capsys, "presets", "advertiser_audience_age_gender_daily")
    assert [line for line in out.splitlines() if line and not line.startswith(" ")] == [
        "advertiser_audience_age_gender_daily"
    ]
    _, out, _ = run(capsys, "presets", "--details")
    assert [line for line in out.splitlines() if line and not line.startswith(" ")] == list(PRESETS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("presets", "daly"), "No preset has 'daly' in its name. Did you mean "),
        (("presets", "ad_dayly"), "Did you mean ad_daily"),
        (("fields", "spnd"), "No field of BASIC reports has 'spnd'. Did you mean spend?"),
        (("fields", "live_launched_time"), "Other report types do: --report-type GMV_MAX"),
        (("fields", "cash_spend", "--level", "ad"), "has 'cash_spend' at the level ad."),
    ],
)
def test_what_is_not_found_is_suggested_and_fails(capsys, arguments, says):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert says in err


@pytest.mark.parametrize("report_type", catalog.LEVELS_OF)
def test_fields_lists_every_field(capsys, report_type):
    fields = [*catalog.dimensions(report_type), *catalog.metrics(report_type)]
    code, out, _ = run(capsys, "fields", "--report-type", report_type.lower())
    title, *lines, last = out.splitlines()
    assert (code, last) == (0, f"{len(fields)} of {len(fields)} fields of {report_type} reports")
    assert title.split() == ["name", "kind", "type", "section"]
    assert [line.split()[0] for line in lines] == fields


def test_one_field_is_shown_with_its_rules_in_words(capsys):
    assert run(capsys, "fields", "cash_spend") == (
        0,
        "cash_spend\n"
        "  kind        metric, currency, core\n"
        "  levels      AUCTION_ADVERTISER\n"
        "  rules       exists for advertiser_id, by stat_time_day, only; doesn't go with stat_time_hour;\n"
        "              doesn't go with `query_lifetime`\n"
        "  note        The account level only, and by day.\n"
        "\n"
        "1 of 1096 fields of BASIC reports\n",
        "",
    )
    assert "values of several days or entities can't be added up" in run(capsys, "fields", "reach")[1]
    _, out, _ = run(capsys, "fields", "campaign_id")  # which is a dimension and a metric
    assert out.count("\ncampaign_id\n") + out.startswith("campaign_id\n") == 2
    (field,) = json.loads(run(capsys, "fields", "cash_spend", "--json")[1])
    assert (field["levels"], field["rules"][0]) == (["AUCTION_ADVERTISER"], "advertiser_daily")


@pytest.mark.parametrize("report_type", catalog.LEVELS_OF)
def test_every_rule_is_explained(capsys, report_type):
    _, out, _ = run(capsys, "fields", "--report-type", report_type, "--details")
    rules = {rule for metric in catalog.metrics(report_type).values() for rule in metric.rules}
    assert not [rule for rule in rules if rule in out.split()]


def test_fields_finds_by_note(capsys):
    _, out, _ = run(capsys, "fields", "Money, for all")
    assert out.startswith("total_complete_payment_rate\n")


def test_a_wrong_level_is_reported_with_the_right_ones(capsys):
    assert run(capsys, "fields", "--level", "ads") == (
        1,
        "",
        "--level ads is not a level of BASIC reports; it can be AUCTION_ADVERTISER, AUCTION_CAMPAIGN, AUCTION_ADGROUP, "
        "AUCTION_AD.\n",
    )


def test_presets_and_fields_need_neither_airflow_nor_http():
    code = (
        "import sys\nfrom contextlib import suppress\nfrom airflow_provider_tiktok.cli.main import main\n"
        "main(['presets']); main(['fields', 'spend'])\n"
        "for command in ('report', 'plan'):\n"
        "    with suppress(SystemExit): main([command, '--help'])\n"
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


def test_the_console_script_and_python_m_run_the_same(monkeypatch, capsys):
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parent.parent / "setup.cfg")
    name, _, place = setup["options.entry_points"]["console_scripts"].strip().partition(" = ")
    module, _, function = place.partition(":")
    run_script = getattr(importlib.import_module(module), function)
    for call in (run_script, lambda: runpy.run_module("airflow_provider_tiktok", run_name="__main__")):
        monkeypatch.setattr(sys, "argv", [name, "--version"])
        with pytest.raises(SystemExit) as stopped:
            call()
        assert stopped.value.code == 0
        assert capsys.readouterr().out == f"airflow-tiktok {__version__}\n"


def test_a_plan_as_json(capsys, connect):
    connect(advertiser_ids="7000000000000000001", qps=10)
    day = ("--report-start-date", "2025-01-01")
    _, out, _ = run(capsys, "plan", "--preset", "ad_daily", *day, "--json", "--no-include-deleted")
    found = json.loads(out)
    assert (found["calls"], found["advertiser_ids"]) == (1, ["7000000000000000001"])
    assert found["metrics"] == list(PRESETS["ad_daily"]["metrics"])


def test_a_plan_that_cannot_be_made_says_why(capsys, connect):
    connect()
    code, out, err = run(capsys, "plan", "--preset", "ad_dayly")
    assert (code, out) == (1, "")
    assert "Did you mean 'ad_daily'?" in err
