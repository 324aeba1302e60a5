"""What the emulator refuses, with which code and message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import REPORT, Client

CONFLICT = "Conflict occurs. The input params including metrics and dimensions have no relation."
AD = {"data_level": "AUCTION_AD"}
CAMPAIGN = {"data_level": "AUCTION_CAMPAIGN"}
ADVERTISER = {"data_level": "AUCTION_ADVERTISER"}
DAY = {"start_date": "2026-11-01", "end_date": "2026-11-01"}


def invalid_metrics(*names: str) -> str:
    return (
        "Please correct the information in invalid metric fields and try again. "
        f"Invalid metric fields: {list(names)}. "
    )


def filtering(**changes: Any) -> list[dict[str, Any]]:
    rule = {"field_name": "ad_status", "filter_type": "IN", "filter_value": '["STATUS_ALL"]', **changes}
    return [{key: value for key, value in rule.items() if value is not None}]


REFUSED: list[tuple[dict[str, Any], str]] = [
    # required
    ({"report_type": None}, "Missing required field(s): report_type"),
    ({"data_level": None}, "Missing required field(s): data_level"),
    ({"dimensions": None}, "Missing required field(s): dimensions"),
    ({"advertiser_id": None}, "Missing required field(s): advertiser_id"),
    ({"start_date": None}, "Missing required field(s): start_date"),
    ({"start_date": None, "end_date": None}, "Missing required field(s): start_date, end_date"),
    # enumerations, which are case-sensitive
    ({"report_type": "basic"}, "one or more value of the param is not acceptable, correct is ['BASIC'"),
    ({"data_level": "AD"}, "data_level: one or more value of the param is not acceptable, correct is ["),
    ({"service_type": "auction"}, "correct is ['AUCTION', 'RESERVATION']"),
    ({"order_type": "desc"}, "correct is ['ASC', 'DESC']"),
    ({"query_mode": "FAST"}, "correct is ['REGULAR', 'CHUNK']"),
    ({"service_type": "RESERVATION"}, "AUCTION_AD and service_type RESERVATION do not match"),
    ({"report_type": "AUDIENCE"}, "an audience dimension is required when report_type is AUDIENCE"),
    # types
    ({"advertiser_id": "12a"}, "advertiser_id: Not a valid ID"),
    ({"advertiser_ids": [7100000007131187933]}, "advertiser_ids: Not a valid list of strings."),
    ({"advertiser_ids": ["1"] * 6}, "advertiser_ids: Length must be between 1 and 5"),
    ({"dimensions": "ad_id,stat_time_day"}, "dimensions: Not a valid list."),
    ({"metrics": "spend"}, "metrics: Not a valid list."),
    ({"metrics": [1]}, "metrics: Not a valid list of strings."),
    ({"metrics": []}, "metrics: Length must be between 1 and 100"),
    ({"query_lifetime": "TRUE"}, "query_lifetime: Not a valid boolean."),
    ({"query_lifetime": "1"}, "query_lifetime: Not a valid boolean."),
    ({"enable_total_metrics": "yes"}, "enable_total_metrics: Not a valid boolean."),
    ({"page": 0}, "page: Must be greater than or equal to 1."),
    ({"page": "1.5"}, "page: Not a valid integer."),
    ({"page": "true"}, "page: Not a valid integer."),
    ({"page_size": 1001}, "page_size: Must be between 1 and 1000."),
    ({"page_size": 0}, "page_size: Must be between 1 and 1000."),
    # dimensions
    ({"dimensions": []}, "dimensions: Length must be between 1 and 4"),
    (
        {"dimensions": ["ad_id", "stat_time_day", "country_code", "ad_type", "room_id"]},
        "dimensions: Length must be between 1 and 4",
    ),
    ({"dimensions": ["ad_id", "nonsense"]}, "Invalid value for dimensions: nonsense is not supported"),
    (
        {"dimensions": ["ad_id", "campaign_name"]},
        "Invalid value for dimensions: campaign_name is not supported",
    ),
    (
        {"dimensions": ["advertiser_id"]},
        "Invalid value for dimensions: data_level AUCTION_AD and dimension advertiser_id do not match",
    ),
    (
        {"dimensions": ["ad_id", "campaign_id"]},
        "Invalid value for dimensions: data_level AUCTION_AD and dimension campaign_id do not match",
    ),
    ({"dimensions": ["stat_time_day"]}, "data_level AUCTION_AD requires dimension ad_id"),
    ({"dimensions": ["ad_id", "ad_id_v2"]}, "ad_id and ad_id_v2 cannot be used together"),
    ({"dimensions": ["ad_id", "ad_id"]}, "duplicate dimensions are not supported"),
    ({"dimensions": ["ad_id", "stat_time_day", "stat_time_hour"]}, "only one time dimension is supported"),
    (
        {"dimensions": ["ad_id", "country_code", "ad_type"]},
        "country_code and ad_type cannot be used together",
    ),
    (
        {**ADVERTISER, "dimensions": ["advertiser_id", "ad_type"]},
        "data_level AUCTION_ADVERTISER and dimension ad_type do not match",
    ),
    (
        {"dimensions": ["ad_id", "search_terms"]},
        "data_level AUCTION_AD and dimension search_terms do not match",
    ),
    (
        {**CAMPAIGN, "dimensions": ["campaign_id", "match_type"]},
        "match_type requires dimension search_keyword",
    ),
    ({"dimensions": ["ad_id_v2", "image_id"]}, "ad_id_v2 and image_id cannot be used together"),
    (
        {"dimensions": ["ad_id", "country_code", "stat_time_hour"], **DAY},
        "country_code and stat_time_hour cannot be used together",
    ),
    (
        {"dimensions": ["ad_id", "country_code"], "query_lifetime": True},
        "country_code is not supported when query_lifetime is true",
    ),
    ({"query_lifetime": True}, "stat_time_day is not supported when query_lifetime is true"),
    # dates
    ({"start_date": "2026-11-1"}, "start_date: Not a valid date"),
    ({"start_date": "2026-02-30"}, "start_date: Not a valid date"),
    ({"start_date": "2026-11-01 00:00:00"}, "start_date: Not a valid date"),
    ({"start_date": "2026-11-04"}, "start_date must be earlier than or equal to end_date"),
    ({"start_date": "2026-10-04"}, "max time span is 30 days when use stat_time_day"),
    ({"dimensions": ["ad_id", "stat_time_hour"]}, "max time span is 1 day when use stat_time_hour"),
    ({"dimensions": ["ad_id"], "start_date": "2025-11-03"}, "max time span is 365 days"),
    # metrics
    ({"metrics": ["spend", "spendd", "conversions"]}, invalid_metrics("spendd", "conversions")),
    ({"metrics": ["voucher_spend", "spend", "cash_spend"]}, invalid_metrics("voucher_spend", "cash_spend")),
    (
        {
            **ADVERTISER,
            **DAY,
            "dimensions": ["advertiser_id", "stat_time_hour"],
            "metrics": ["cash_spend"],
        },
        invalid_metrics("cash_spend"),
    ),
    (
        {**CAMPAIGN, "dimensions": ["campaign_id"], "metrics": ["adgroup_name", "ad_text"]},
        invalid_metrics("adgroup_name", "ad_text"),
    ),
    (
        {"dimensions": ["ad_id", "stat_time_hour"], **DAY, "metrics": ["skan_conversion"]},
        invalid_metrics("skan_conversion"),
    ),
    ({"dimensions": ["ad_id", "country_code"], "metrics": ["total_purchase_value"]}, CONFLICT),
    ({"dimensions": ["ad_id", "ad_type"], "metrics": ["reach"]}, CONFLICT),
    ({"dimensions": ["ad_id", "ad_type"], "metrics": ["paid_engaged_view"]}, CONFLICT),
    ({"metrics": ["single_image_ctr"]}, CONFLICT),
    ({"metrics": ["ad_text_list"]}, CONFLICT),
    ({"dimensions": ["ad_id_v2"], "metrics": ["ad_id"]}, CONFLICT),
    (
        {**CAMPAIGN, "dimensions": ["campaign_id", "search_keyword"], "metrics": ["conversion"]},
        CONFLICT,
    ),
    # filtering
    ({"filtering": "nonsense"}, "filtering: Not a valid list."),
    ({"filtering": {"ad_ids": ["1"]}}, "filtering: Not a valid list."),
    ({"filtering": ["x"]}, "filtering: Not a valid list of objects."),
    ({"filtering": filtering(filter_value=None)}, "Missing required field(s): filtering.filter_value"),
    ({"filtering": filtering(filter_type=None)}, "Missing required field(s): filtering.filter_type"),
    ({"filtering": filtering(extra="x")}, "filtering: extra: Unknown field."),
    ({"filtering": filtering(field_name="status")}, "field_name status is not supported"),
    ({"filtering": filtering(filter_type="EQUALS")}, "filter_type: one or more value of the param is not"),
    (
        {"filtering": filtering(filter_type="BETWEEN")},
        "filter_type BETWEEN is not supported for field_name ad_status",
    ),
    ({"filtering": filtering(filter_value=["STATUS_ALL"])}, "filter_value of ad_status: Not a valid string."),
    (
        {"filtering": filtering(filter_value="STATUS_ALL")},
        "filter_value of ad_status: Not a valid JSON array",
    ),
    (
        {"filtering": filtering(filter_value='["ALL"]')},
        "ad_status: one or more value of the param is not acceptable",
    ),
    (
        {"filtering": filtering(field_name="ad_ids", filter_value='["x"]')},
        "filtering: ad_ids: Not a valid ID.",
    ),
    (
        {"filtering": filtering(field_name="ad_ids", filter_value=json.dumps(["1"] * 101))},
        "filtering: ad_ids: Longer than maximum length 100.",
    ),
    (
        {
            "filtering": filtering(
                field_name="create_time", filter_type="BETWEEN", filter_value='["2026-01-01"]'
            )
        },
        "filter_value of create_time: Length must be 2.",
    ),
    (
        {"filtering": filtering(field_name="create_time", filter_type="LOWER_THAN", filter_value="soon")},
        "filter_value of create_time: Not a valid datetime.",
    ),
    (
        {"filtering": filtering(field_name="ad_ids_v2", filter_value='["1"]')},
        "ad_ids_v2 requires dimension ad_id_v2",
    ),
    (
        {"dimensions": ["ad_id_v2"], "filtering": filtering(field_name="ad_ids", filter_value='["1"]')},
        "ad_ids and ad_id_v2 cannot be used together",
    ),
    # order and totals
    ({"order_field": "ad_name"}, "Invalid value for order_field: ad_name is not supported"),
    ({"order_field": "nonsense"}, "Invalid value for order_field: nonsense is not supported"),
    (
        {"dimensions": ["ad_id", "country_code"], "enable_total_metrics": True},
        "enable_total_metrics is only supported",
    ),
]


@pytest.mark.parametrize(("changes", "text"), REFUSED, ids=[text[:60] for _, text in REFUSED])
def test_refuses(client: Client, changes: dict[str, Any], text: str) -> None:
    answer = client.report(**changes)
    assert answer["code"] == 40002
    assert text in answer["message"]
    assert answer["data"] == {}


LEGAL: list[dict[str, Any]] = [
    {"start_date": "2026-10-05"},  # thirty days
    {"dimensions": ["ad_id"], "start_date": "2025-11-04"},  # 365 days
    {"dimensions": ["ad_id", "stat_time_hour"], **DAY},
    {"dimensions": ["stat_time_day", "ad_id"]},
    {"dimensions": ["ad_id"], "query_lifetime": True, "start_date": None, "end_date": None},
    {"dimensions": ["ad_id"], "query_lifetime": True, "start_date": "rubbish"},
    {"dimensions": ["ad_id", "country_code", "stat_time_day"], "metrics": ["spend", "ad_name"]},
    {"dimensions": ["ad_id", "page_id", "component_name"]},
    {**CAMPAIGN, "dimensions": ["campaign_id", "search_keyword", "match_type"]},
    {
        **ADVERTISER,
        "dimensions": ["advertiser_id", "stat_time_day"],
        "metrics": ["cash_spend", "voucher_spend"],
    },
    {"dimensions": ["ad_id", "image_id"], "metrics": ["single_image_ctr"]},
    {"dimensions": ["ad_id_v2"], "metrics": ["ad_text_list", "ad_id_v2"]},
    {"data_level": "RESERVATION_AD", "service_type": "RESERVATION"},
    {"order_field": "cost_per_conversion", "order_type": "ASC"},
    {"query_mode": "CHUNK"},
    {"enable_total_metrics": "True", "query_lifetime": "False"},  # as TikTok's SDK for Python writes them
    {
        "filtering": filtering(
            field_name="create_time", filter_type="GREATER_EQUAL", filter_value="2024-01-01"
        )
    },
    {"filtering": []},
    {"unknown_parameter": "x"},
    {"page": "2", "page_size": "1000"},
]


@pytest.mark.parametrize("changes", LEGAL, ids=[json.dumps(one)[:70] for one in LEGAL])
def test_accepts(client: Client, changes: dict[str, Any]) -> None:
    answer = client.report(**changes)
    assert (answer["code"], answer["message"]) == (0, "OK")


def test_parameters_are_checked_before_the_account(client: Client) -> None:
    assert client.report(advertiser_id="999", metrics=["nonsense"])["code"] == 40002


def test_an_unknown_account(client: Client) -> None:
    answer = client.report(advertiser_id="999")
    assert (answer["code"], answer["message"]) == (
        40001,
        "The advertiser 999 doesn't exist or has been deleted.",
    )


def test_an_account_that_grants_nothing(client: Client) -> None:
    (forbidden,) = [one for one in client.emulator.world.accounts.values() if one.forbidden]
    answer = client.report(advertiser_id=forbidden.advertiser_id)
    assert (answer["code"], answer["message"]) == (
        40001,
        "advertiser does not grant you /report/integrated/get/:GET permission",
    )


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (None, 40104),
        ("", 40104),
        ("revoked-1", 40105),
        ("invalid", 40105),
        ("bad", 40105),
        ("Wrong one", 40105),
        ("expired", 40102),
        ("anything else", 0),
    ],
)
def test_tokens(client: Client, token: str | None, code: int) -> None:
    # the token is checked before the parameters
    metrics = ["nonsense"] if code else ["spend"]
    assert client.get(REPORT, token=token, **{**client.legal(), "metrics": metrics}).json()["code"] == code


def test_messages_for_bad_tokens(client: Client) -> None:
    assert client.get(REPORT, token=None).json()["message"] == (
        "Access token is null, you should set it in http header with key Access-Token."
    )
    assert (
        client.get(REPORT, token="bad").json()["message"] == "Access token is incorrect or has been revoked."
    )


def test_a_bearer_header_or_a_query_parameter_is_no_token(client: Client) -> None:
    client.session.headers["Authorization"] = "Bearer good"
    assert client.get(REPORT, token=None, access_token="good").json()["code"] == 40104


def test_only_named_tokens(own_client: Any) -> None:
    client = own_client(tokens=("one", "two"))
    codes = [client.get("user/info/", token=token).json()["code"] for token in ("one", "two", "three")]
    assert codes == [0, 0, 40105]
