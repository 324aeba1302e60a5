"""A report whose metrics TikTok refuses by name."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params.explain import refused_metrics
from airflow_provider_tiktok.reports.result.summary import make_summary

from .helpers import NOW, FakeClient, all_rows, fetch, items, old_plan, paged

TEXT = "Please correct the information in invalid metric fields and try again. Invalid metric fields: {}. "


def refusing(*bad: str, only: str | None = None) -> FakeClient:
    """Return a client that refuses metrics as TikTok does: all bad ones at once."""

    def report(params: dict[str, Any]) -> Any:
        found = [name for name in params["metrics"] if name in bad]
        if found and only in (None, params["advertiser_id"]):
            raise TikTokInvalidRequestError(
                "TikTok refused the call.", code=40002, message=TEXT.format(found), request_id="R7"
            )
        return paged(items(3))(params)

    return FakeClient(report)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (TEXT.format(["voucher_spend", "cash_spend"]), ["voucher_spend", "cash_spend"]),
        (TEXT.format(["a"]), ["a"]),
        ("Invalid metric fields: ['a', 'a']", ["a"]),
        ('Invalid metric fields: ["a"]', ["a"]),
        ("Invalid metric fields: []", []),
        ("max time span is 30 days when use stat_time_day", []),
        ("", []),
    ],
)
def test_refused_metrics_are_read_from_the_message(message, names):
    assert refused_metrics(message) == names


def test_every_refused_metric_is_explained():
    client = refusing("cash_spend", "conversions", "shares", "zebra_rate_of_quagga")
    plan = old_plan(
        client,
        dimensions="campaign_id",
        metrics="spend,cash_spend,conversions,shares,zebra_rate_of_quagga",
        check_fields=False,
    )
    with pytest.raises(TikTokInvalidRequestError) as caught:
        all_rows(fetch(client, plan))
    assert str(caught.value) == (
        "TikTok refused the call. Refused: cash_spend (exists at AUCTION_ADVERTISER only); conversions (did you mean "
        "conversion?); shares (known, but not for this account or grouping); zebra_rate_of_quagga (unknown to this "
        "version as well). Drop them from `metrics`, or set `drop_invalid_metrics=True` to go on without."
    )
    assert (caught.value.code, caught.value.request_id) == (40002, "R7")
    assert len(client.calls) == 1


def test_refused_metrics_are_dropped_where_that_is_allowed(caplog):
    caplog.set_level(logging.WARNING)
    client = refusing("shares", "likes")
    report = fetch(client, old_plan(client, metrics="spend,shares,likes"), drop_invalid_metrics=True)
    assert all_rows(report) == [("7", str(10_000 + i), f"{i}.50", None, None) for i in range(3)]
    assert [params["metrics"] for _, params in client.calls] == [["spend", "shares", "likes"], ["spend"]]
    assert make_summary(report, client.counts, NOW)["dropped_metrics"] == ["likes", "shares"]
    assert caplog.messages == ["advertiser 7: TikTok refused shares, likes; the report goes on without."]


def test_metrics_are_dropped_for_the_account_that_refuses_them():
    client = refusing("shares", only="8")
    report = fetch(
        client, old_plan(client, metrics="spend,shares", advertiser_ids="7,8"), drop_invalid_metrics=True
    )
    all_rows(report)
    assert [params["metrics"] for _, params in client.calls] == [
        ["spend", "shares"],
        ["spend", "shares"],
        ["spend"],
    ]
    assert report.result.dropped == {"8": ["shares"]}


@pytest.mark.parametrize(
    "parameters",
    [{"metrics": "shares,likes"}, {"metrics": "spend,shares", "order_field": "shares"}],
    ids=["nothing left", "order by it"],
)
def test_a_report_without_any_metric_left_fails(parameters):
    client = refusing("shares", "likes")
    with pytest.raises(TikTokInvalidRequestError, match="Refused: shares"):
        all_rows(fetch(client, old_plan(client, **parameters), drop_invalid_metrics=True))


def test_another_error_is_left_as_it_is():
    def report(params: dict[str, Any]) -> Any:
        raise TikTokInvalidRequestError("What TikTok said.", code=40002, message="page: must be positive")

    client = FakeClient(report)
    with pytest.raises(TikTokInvalidRequestError, match=r"^What TikTok said\.$"):
        all_rows(fetch(client, old_plan(client), drop_invalid_metrics=True))
