"""The addresses of a task's links, from the facts of its report."""

from types import SimpleNamespace

import pytest

from airflow_provider_tiktok import links as links_module
from airflow_provider_tiktok.links import TikTokAdsManagerLink, TikTokOutputLink
from airflow_provider_tiktok.links.urls import ads_manager_url, output_url, read_facts
from airflow_provider_tiktok.operators.report import TikTokReportOperator

ACCOUNT = "7100000000000000001"
DAYS = {"report_start_date": "2026-11-01", "report_end_date": "2026-11-03"}
XCOM = "http://airflow/dags/d/runs/r/tasks/t/xcom"


@pytest.fixture(autouse=True)
def _nothing_is_stored(monkeypatch):
    """Replace Airflow 2's database, which unit tests don't have; Airflow 3 needs none."""
    monkeypatch.setattr(links_module, "stored_facts", lambda key: ({}, {}))


def key(**changes):
    """Identify a task instance, as Airflow does."""
    return SimpleNamespace(**{"dag_id": "d", "run_id": "r 1", "task_id": "t", "map_index": -1} | changes)


def links(**parameters):
    operator = TikTokReportOperator(task_id="t", **parameters)
    return {link.name: link.get_link(operator, ti_key=key()) for link in operator.operator_extra_links}


@pytest.mark.parametrize(
    ("fields", "page"),
    [
        ({"dimensions": ["campaign_id", "stat_time_day"]}, "perf/campaign"),
        ({"dimensions": "adgroup_id"}, "perf/adgroup"),
        ({"dimensions": "['ad_id', 'stat_time_day']"}, "perf/creative"),
        ({"dimensions": "ad_id_v2"}, "perf/creative"),
        ({"dimensions": ["advertiser_id"]}, "dashboard"),
        ({"dimensions": ["country_code"], "data_level": "AUCTION_ADGROUP"}, "perf/adgroup"),
        ({"preset": "ad_group_summary"}, "perf/adgroup"),
        ({"preset": "ad_daily", "dimensions": ["campaign_id"]}, "perf/campaign"),
        ({"preset": "ad_daily", "dimensions": ["advertiser_id"]}, "dashboard"),
        ({"preset": "campaign_audience_country_daily"}, "perf/campaign"),
        ({}, "dashboard"),
    ],
)
def test_ads_manager_opens_at_the_level_of_the_rows(fields, page):
    url = ads_manager_url(read_facts({"advertiser_ids": ACCOUNT, **fields}, {}))
    assert url == f"https://ads.tiktok.com/i18n/{page}?aadvid={ACCOUNT}"


@pytest.mark.parametrize(
    "written", [ACCOUNT, int(ACCOUNT), [ACCOUNT, "72"], f"{ACCOUNT}, 72", f'["{ACCOUNT}"]']
)
def test_the_account_is_the_first_of_those_requested(written):
    assert read_facts({"advertiser_ids": written}, {}).advertiser_id == ACCOUNT


@pytest.mark.parametrize("written", [None, "", "*", "{{ params.account }}", "x&y=1", object()])
def test_without_a_known_account_there_is_no_link_to_ads_manager(written):
    assert ads_manager_url(read_facts({"advertiser_ids": written}, DAYS)) == ""


def test_what_the_report_found_out_wins_over_the_fields():
    facts = read_facts(
        {"advertiser_ids": "*", "report_start_date": "2026-10-01", "dimensions": "ad_id"},
        {"advertiser_ids": [ACCOUNT, "72"], **DAYS},
    )
    assert ads_manager_url(facts) == (
        f"https://ads.tiktok.com/i18n/perf/creative?aadvid={ACCOUNT}&st=2026-11-01&et=2026-11-03"
    )


def test_one_date_is_that_day():
    facts = read_facts({"advertiser_ids": ACCOUNT, "report_end_date": "2026-11-03"}, {})
    assert ads_manager_url(facts).endswith(f"?aadvid={ACCOUNT}&st=2026-11-03&et=2026-11-03")


@pytest.mark.parametrize("parameters", [{"bc_id": "7001"}, '{"bc_id": 7001}'])
def test_a_business_centers_report_opens_the_business_center(parameters):
    facts = read_facts({"report_type": "BC", "request_params": parameters}, DAYS)
    assert ads_manager_url(facts) == "https://business.tiktok.com/manage/overview?org_id=7001"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("s3://lake/tiktok ads/", "https://console.aws.amazon.com/s3/buckets/lake?prefix=tiktok+ads%2F"),
        ("s3://aws_lake@lake/a/b.csv", "https://console.aws.amazon.com/s3/object/lake?prefix=a%2Fb.csv"),
        ("gs://lake/tiktok/ads", "https://console.cloud.google.com/storage/browser/lake/tiktok/ads"),
        ("gs://lake/a.csv.gz", "https://console.cloud.google.com/storage/browser/_details/lake/a.csv.gz"),
        ("abfs://box@acc.dfs.core.windows.net/a.csv", "https://acc.blob.core.windows.net/box/a.csv"),
        ("abfs://box/a.csv", ""),
        ("/data/a b.csv", f"{XCOM}#/data/a%20b.csv"),
        ("file:///data/ads/", f"{XCOM}#file:///data/ads/"),
        ("hdfs://host/a.csv", ""),
        ("", XCOM),
    ],
)
def test_the_output_link_opens_the_storages_own_page(path, page):
    assert output_url(read_facts({"output_path": path}, {}), XCOM) == page


def test_a_partitioned_path_is_a_folder():
    facts = read_facts({"output_path": "s3://lake/ads.v2", "partition_by": ["stat_time_day"]}, {})
    assert output_url(facts, XCOM).startswith("https://console.aws.amazon.com/s3/buckets/lake?")


def test_a_password_in_the_path_gets_into_no_link():
    found = links(advertiser_ids=ACCOUNT, output_path="s3://user:secret-9a@lake/a.csv")
    assert found["TikTok Ads Manager"].endswith(ACCOUNT)
    assert "secret-9a" not in found["Output"]


def test_the_operator_offers_both_links():
    found = links(advertiser_ids=ACCOUNT, dimensions="ad_id", output_path="s3://lake/a.csv", **DAYS)
    assert found == {
        "TikTok Ads Manager": f"https://ads.tiktok.com/i18n/perf/creative?aadvid={ACCOUNT}&st=2026-11-01&et=2026-11-03",
        "Output": "https://console.aws.amazon.com/s3/object/lake?prefix=a.csv",
    }


def test_what_airflow_2_has_stored_is_used_for_templates_and_for_the_run(monkeypatch):
    stored = {"dimensions": "['campaign_id']"}, {"advertiser_ids": [ACCOUNT], **DAYS}
    monkeypatch.setattr(links_module, "stored_facts", lambda key: stored)
    assert links(dimensions="{{ params.dimensions }}")["TikTok Ads Manager"] == (
        f"https://ads.tiktok.com/i18n/perf/campaign?aadvid={ACCOUNT}&st=2026-11-01&et=2026-11-03"
    )


@pytest.mark.parametrize("link", [TikTokAdsManagerLink(), TikTokOutputLink()])
def test_a_link_that_can_not_be_built_is_empty_and_raises_nothing(link):
    assert link.get_link(object(), ti_key=None) == ""


def test_after_a_run_the_links_know_the_connections_accounts_and_the_runs_days(emulator, connect):
    accounts = [name for name in emulator.world.accounts if name.startswith("71")][:2]
    connect(advertiser_ids=accounts)
    operator = TikTokReportOperator(task_id="t", preset="ad_group_summary", report_start_date="2026-11-02")
    operator.execute({})
    assert TikTokAdsManagerLink().get_link(operator, ti_key=key()) == (
        f"https://ads.tiktok.com/i18n/perf/adgroup?aadvid={accounts[0]}&st=2026-11-02&et=2026-11-02"
    )


def test_after_a_deferral_the_links_know_the_summary():
    class Deferred(TikTokReportOperator):
        def execute_complete(self, context, event):
            return {"advertiser_ids": [event], **DAYS}

    operator = Deferred(task_id="t", dimensions="ad_id")
    operator.resume_execution("execute_complete", {"event": ACCOUNT}, {})
    assert (
        TikTokAdsManagerLink()
        .get_link(operator, ti_key=key())
        .endswith(f"perf/creative?aadvid={ACCOUNT}&st=2026-11-01&et=2026-11-03")
    )
