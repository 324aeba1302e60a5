"""Report tasks: their requests, outcomes and files."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from airflow_provider_tiktok.emulator.access import CreationLimit
from airflow_provider_tiktok.emulator.errors import ApiError
from airflow_provider_tiktok.emulator.settings import Settings
from tests.clock import MovedClock

from .conftest import Client, ordinary

pytestmark = pytest.mark.usefixtures("moved_clock")

CREATE, CHECK, DOWNLOAD, CANCEL = (
    f"report/task/{name}/" for name in ("create", "check", "download", "cancel")
)
NO_LIMITS = {"task_qps": 0, "task_qpm": 0, "task_qpd": 0, "task_account_hour": 0}
CONFLICT = "Conflict occurs. The input params including metrics and dimensions have no relation."

Start = Callable[..., Client]


@pytest.fixture
def start(own_client: Start) -> Start:
    """Return a function that starts an emulator whose report tasks have no duration and no limits."""
    return lambda **settings: own_client(**{"task_seconds": 0, **NO_LIMITS, **settings})


def create(client: Client, **changes: Any) -> dict[str, Any]:
    """Create a valid report task, with changes."""
    return client.post(CREATE, **{**client.legal(), "enable_report_title_translation": False, **changes})


def created(client: Client, **changes: Any) -> dict[str, str]:
    """Create a report task and return the parameters of later calls."""
    answer = create(client, **changes)
    assert answer["code"] == 0, answer
    account = (changes.get("advertiser_ids") or [ordinary(client.emulator.world)])[0]
    return {"advertiser_id": account, "task_id": answer["data"]["task_id"]}


def table(client: Client, **changes: Any) -> list[list[str]]:
    """Create a report task and return the rows of its file."""
    text = client.get(DOWNLOAD, **created(client, **changes)).content.decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def link(client: Client, **changes: Any) -> str:
    """Create a report task and return the URL of its file."""
    task = created(client, **{"output_format": "CSV_DOWNLOAD", **changes})
    return str(client.get(DOWNLOAD, **task).json()["data"]["download_url"])


def test_a_task_from_creation_to_file(start: Start) -> None:
    client = start()
    answer = create(client)
    assert list(answer["data"]) == ["task_id"]
    assert re.fullmatch(r"\d{19}", answer["data"]["task_id"])
    task = {"advertiser_id": ordinary(client.emulator.world), "task_id": answer["data"]["task_id"]}
    assert client.get(CHECK, **task).json()["data"] == {"status": "SUCCESS", "message": ""}
    file = client.get(DOWNLOAD, **task)
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert file.text.startswith("ad_id,stat_time_day,spend,impressions\n")


def test_the_rows_are_those_of_the_synchronous_report(start: Start) -> None:
    client = start()
    wanted = client.emulator.world.rows(
        ordinary(client.emulator.world),
        "AUCTION_AD",
        ["ad_id", "stat_time_day"],
        ["spend", "ctr", "ad_name"],
        "2026-11-01",
        "2026-11-03",
        include_deleted=True,
    )
    head, *rows = table(client, metrics=["spend", "ctr", "ad_name"])
    assert head == ["ad_id", "ad_name", "stat_time_day", "spend", "ctr"]
    assert [(row[0], row[1], row[2], float(row[3]), float(row[4])) for row in rows] == [
        (
            row["dimensions"]["ad_id"],
            row["metrics"]["ad_name"],
            row["dimensions"]["stat_time_day"],
            float(row["metrics"]["spend"]),
            float(row["metrics"]["ctr"]),
        )
        for row in wanted
    ]


def test_figures_have_no_zeros_at_their_end(start: Start) -> None:
    figures = [row[2] for row in table(start())[1:]]
    assert not [one for one in figures if "." in one and one.endswith(("0", "."))]
    assert [one for one in figures if "." in one]


def test_columns_have_the_titles_of_ads_manager_by_default(start: Start) -> None:
    client = start()
    names = ["campaign_name", "spend", "impressions", "clicks", "cpc", "video_play_actions"]
    (head, *_) = table(client, metrics=names, enable_report_title_translation=None)
    assert head == [
        *("Campaign Name", "AD ID", "Date", "Cost", "Impression", "Click", "CPC", "Video Play Actions")
    ]


def test_audiences_have_the_names_of_ads_manager(start: Start) -> None:
    client = start()
    params = {"report_type": "AUDIENCE", "data_level": "AUCTION_ADGROUP", "metrics": ["clicks"]}
    dimensions = ["adgroup_id", "age", "gender"]
    head, *rows = table(client, **params, dimensions=dimensions, enable_report_title_translation=True)
    assert head == ["Ad Group ID", "Age", "Gender", "Click"]
    assert {row[1] for row in rows} >= {"13-17", "18-24", "55-100"}
    assert {row[2] for row in rows} == {"female", "male", "none"}
    head, *rows = table(client, **params, dimensions=dimensions)
    assert head == ["adgroup_id", "age", "gender", "clicks"]
    assert {row[1] for row in rows} >= {"AGE_13_17", "AGE_18_24", "AGE_55_100"}


def test_a_country_is_its_name(start: Start) -> None:
    dimensions = ["ad_id", "country_code"]
    _, *rows = table(start(), dimensions=dimensions)
    assert {row[1] for row in rows} == {"United States", "Canada", "Mexico"}


def test_a_date_range_of_any_length_without_truncation(start: Start) -> None:
    client = start(max_entities=5)
    _, *rows = table(client, start_date="2024-11-01", end_date="2026-10-31")
    assert len({row[0] for row in rows}) == 40
    assert len({row[1] for row in rows}) == 730


def test_no_filter_excludes_deleted_ads(start: Start) -> None:
    dimensions = ["ad_id"]
    assert len(table(start(), dimensions=dimensions)) == 41
    world = start().emulator.world
    alive = len(world.rows(ordinary(world), "AUCTION_AD", ["ad_id"], ["spend"], "2026-11-01", "2026-11-03"))
    assert alive < 40
    assert len(table(start(task_deleted=False), dimensions=dimensions)) == alive + 1


def test_a_filter_by_ids(start: Start) -> None:
    client = start()
    _, _, second, *_ = table(client, dimensions=["ad_id"])
    rule = {"field_name": "ad_ids", "filter_type": "IN", "filter_value": json.dumps([second[0]])}
    assert table(client, dimensions=["ad_id"], filtering=[rule])[1:] == [second]
    many = json.dumps([str(10**18 + number) for number in range(20_000)])
    assert create(client, filtering=[{**rule, "filter_value": many}])["code"] == 0
    more = json.dumps([str(10**18 + number) for number in range(20_001)])
    assert create(client, filtering=[{**rule, "filter_value": more}])["message"] == (
        "filtering: ad_ids: Longer than maximum length 20000."
    )


def test_rows_in_the_requested_order(start: Start) -> None:
    _, *rows = table(start(), order_field="spend", order_type="ASC")
    spend = [float(row[2]) for row in rows]
    assert spend == sorted(spend)


def test_several_accounts_grouped_by_account_and_ad(start: Start) -> None:
    client = start()
    accounts = list(client.emulator.world.accounts)[:2]
    params = {"advertiser_id": None, "advertiser_ids": accounts, "metrics": ["impressions", "currency"]}
    head, *rows = table(client, **params, dimensions=["advertiser_id", "ad_id"])
    assert head == ["advertiser_id", "ad_id", "impressions", "currency"]
    assert {(row[0], row[3]) for row in rows} == {(accounts[0], "USD"), (accounts[1], "EUR")}
    assert len({row[1] for row in rows}) == 80


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"report_type": None}, "Missing required field(s): report_type"),
        ({"report_type": "PLAYABLE_MATERIAL"}, "report_type: one or more value"),
        ({"report_type": "BC"}, "report_type: one or more value"),
        ({"data_level": None}, "Missing required field(s): data_level"),
        ({"page": 1}, "page is not supported"),
        ({"page_size": 1000}, "page_size is not supported"),
        ({"query_mode": "CHUNK"}, "query_mode is not supported"),
        ({"enable_total_metrics": True}, "enable_total_metrics is not supported"),
        ({"start_date": "2026-11-04"}, "start_date must be earlier"),
        ({"output_format": "JSON"}, "output_format: one or more value"),
        ({"file_name": "a/b"}, "file_name: Special characters"),
        ({"file_name": "x" * 256}, "file_name: Longer than"),
        ({"metrics": ["spendd"]}, "Please correct the information"),
        ({"dimensions": ["advertiser_id", "ad_id"]}, "Invalid value for dimensions: data_level"),
        (
            {
                "filtering": [
                    {"field_name": "ad_status", "filter_type": "IN", "filter_value": '["STATUS_ALL"]'}
                ]
            },
            "Invalid value for filtering: field_name ad_status is not supported",
        ),
        ({"report_type": "AUDIENCE", "dimensions": ["ad_id", "age"], "metrics": ["result"]}, CONFLICT),
        ({"report_type": "CATALOG", "query_lifetime": True}, "query_lifetime is not supported"),
    ],
)
def test_refuses(client: Client, changes: dict[str, Any], message: str) -> None:
    answer = create(client, **changes)
    assert (answer["code"], answer["message"][: len(message)]) == (40002, message)


def test_an_account_as_the_only_id_is_refused_for_ads(client: Client) -> None:
    accounts = list(client.emulator.world.accounts)[:2]
    params = {"advertiser_ids": accounts, "dimensions": ["advertiser_id", "stat_time_day"]}
    assert create(client, **params)["message"] == (
        "Invalid value for dimensions: data_level AUCTION_AD requires dimension ad_id"
    )


def test_a_lifetime_needs_no_dates(start: Start) -> None:
    params = {"query_lifetime": True, "start_date": None, "end_date": None, "dimensions": ["ad_id"]}
    assert len(table(start(), **params)) == 41


def test_the_states_of_a_task(start: Start, moved_clock: MovedClock) -> None:
    client = start(task_seconds=1.2)
    task = created(client)
    seen = []
    while not seen or seen[-1] != "SUCCESS":
        status = client.get(CHECK, **task).json()["data"]["status"]
        seen += [status] if status not in seen else []
        moved_clock.advance(0.05)
    assert seen == ["QUEUING", "PROCESSING", "SUCCESS"]
    assert client.get(DOWNLOAD, **task).status_code == 200


def test_a_file_is_not_ready_before_the_task_is_done(start: Start) -> None:
    client = start(task_seconds=30)
    answer = client.get(DOWNLOAD, **created(client)).json()
    assert (answer["code"], answer["message"], answer["data"]) == (40201, "Task is not ready.", {})


def test_a_task_can_be_canceled_until_it_is_done(start: Start) -> None:
    client = start(task_seconds=30)
    task = created(client)
    assert client.post(CANCEL, **task)["data"] == {"status": "CANCELED"}
    assert client.get(CHECK, **task).json()["data"] == {"status": "CANCELED", "message": ""}
    assert client.get(DOWNLOAD, **task).json()["code"] == 40200
    again = client.post(CANCEL, **task)
    assert (again["code"], again["message"]) == (
        40200,
        "The task cannot be canceled, its status is CANCELED.",
    )
    client.emulator.configure(task_seconds=0)
    done = client.post(CANCEL, **created(client))
    assert (done["code"], done["data"]) == (40200, {})


def test_a_task_is_its_tokens(start: Start) -> None:
    client = start()
    task = created(client)
    for answer in (
        client.get(CHECK, token="another", **task).json(),
        client.get(DOWNLOAD, token="another", **task).json(),
        client.post(CANCEL, token="another", **task),
        client.get(CHECK, **{**task, "advertiser_id": ordinary(client.emulator.world, 1)}).json(),
    ):
        assert (answer["code"], answer["message"]) == (
            40001,
            f"No permission to operate task {task['task_id']}.",
        )
    assert client.get(CHECK, **{**task, "task_id": "1"}).json()["code"] == 40007
    assert client.get(CHECK, task_id=task["task_id"]).json()["message"] == (
        "Missing required field(s): advertiser_id"
    )


def test_a_task_lives_for_thirty_days(start: Start) -> None:
    client = start()
    task = created(client)
    clock = client.emulator.tasks[0]
    clock.created -= 30 * 86_400 - 60
    assert client.get(CHECK, **task).json()["code"] == 0
    clock.created -= 120
    assert client.get(CHECK, **task).json()["code"] == 40007


def test_an_app_that_is_not_on_the_allow_list(start: Start) -> None:
    client = start(report_tasks=False)
    answer = create(client)
    assert (answer["code"], answer["message"]) == (40118, "The developer is not in the allow list.")


def test_an_account_that_grants_nothing(client: Client) -> None:
    (forbidden,) = [one for one in client.emulator.world.accounts.values() if one.forbidden]
    assert create(client, advertiser_id=forbidden.advertiser_id)["code"] == 40001


@pytest.mark.parametrize("path", [CREATE, CANCEL])
def test_creating_and_canceling_are_posts(client: Client, path: str) -> None:
    assert client.get(path).status_code == 405


def test_a_file_by_its_url(start: Start) -> None:
    client = start()
    task = created(client, output_format="CSV_DOWNLOAD", file_name="my file")
    data = client.get(DOWNLOAD, **task).json()["data"]
    assert (data["output_format"], data["file_name"]) == ("CSV_DOWNLOAD", "my file.csv")
    url = re.escape(client.emulator.url)
    query = r"expire=(\d+)&skipCookie=true&timeStamp=(\d+)&sign=[0-9a-f]{64}"
    found = re.fullmatch(rf"{url}/wsos_v2/statistics/object/wsos[0-9a-f]+\?{query}", data["download_url"])
    assert found
    assert int(found[1]) - int(found[2]) == 3600
    file = requests.get(data["download_url"], timeout=60)
    assert file.text == client.get(DOWNLOAD, **created(client)).text
    assert int(file.headers["Content-Length"]) == len(file.content)
    assert [
        (call.status, call.with_token, call.rows) for call in client.emulator.calls if "wsos" in call.path
    ] == [(200, False, file.text.count("\n") - 1)]


def test_a_url_is_signed(start: Start) -> None:
    client = start()
    url = link(client)
    for wrong in (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("expire=", "expire=9"),
        url.split("?", 1)[0],
        url.replace("/wsos", "/wsos1").replace("/wsos1_v2", "/wsos_v2"),
    ):
        assert requests.get(wrong, timeout=60).status_code == 403
    assert "sign" not in str([call.query for call in client.emulator.calls])


def test_a_url_expires_and_another_call_returns_a_new_one(start: Start, moved_clock: MovedClock) -> None:
    client = start(download_seconds=60)  # a busy machine takes more than one between two calls
    task = created(client, output_format="CSV_DOWNLOAD")
    url = client.get(DOWNLOAD, **task).json()["data"]["download_url"]
    moved_clock.advance(61)
    assert requests.get(url, timeout=60).status_code == 403
    again = client.get(DOWNLOAD, **task).json()["data"]["download_url"]
    assert again != url
    assert requests.get(again, timeout=60).status_code == 200


def test_a_workbook(start: Start, tmp_path: Any) -> None:
    client = start()
    file = tmp_path / "report.xlsx"
    file.write_bytes(requests.get(link(client, output_format="XLSX_DOWNLOAD"), timeout=60).content)
    with zipfile.ZipFile(file) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        parts = book.namelist()
    assert parts[:2] == ["[Content_Types].xml", "_rels/.rels"]
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    rows = [[cell.findtext(f".//{space}t") for cell in row] for row in sheet.iter(f"{space}row")]
    assert rows == table(client)


@pytest.mark.parametrize(
    ("fault", "more", "wanted"),
    [
        ("task_failed", {}, {"status": "FAILED", "message": "Internal error, please create the task again."}),
        ("task_failed", {"message": "No."}, {"status": "FAILED", "message": "No."}),
        ("task_canceled", {}, {"status": "CANCELED", "message": ""}),
        ("task_stuck", {}, {"status": "PROCESSING", "message": ""}),
    ],
)
def test_the_outcome_of_a_task(
    start: Start, fault: str, more: dict[str, str], wanted: dict[str, str]
) -> None:
    client = start()
    client.emulator.set_faults([{"fault": fault, **more, "at": [2]}])
    good, faulty = created(client), created(client)
    assert client.get(CHECK, **good).json()["data"]["status"] == "SUCCESS"
    assert client.get(CHECK, **faulty).json()["data"] == wanted


@pytest.mark.parametrize("by_url", [True, False])
@pytest.mark.parametrize(("fault", "more_rows"), [("drop_row", -1), ("duplicate_row", 1)])
def test_a_file_with_wrong_rows(start: Start, fault: str, more_rows: int, by_url: bool) -> None:
    client = start()
    complete = table(client, metrics=["ad_name"])
    path = {} if by_url else {"path": DOWNLOAD}
    client.emulator.set_faults([{"fault": fault, **path}])
    if by_url:
        text = requests.get(link(client, metrics=["ad_name"]), timeout=60).content.decode()
        found = list(csv.reader(io.StringIO(text, newline="")))
    else:
        found = table(client, metrics=["ad_name"])
    assert len(found) == len(complete) + more_rows
    assert all(row in complete for row in found)


def test_a_truncated_file(start: Start) -> None:
    client = start()
    complete = requests.get(link(client), timeout=60).text
    client.emulator.set_faults([{"fault": "cut_file"}])
    truncated = requests.get(link(client), timeout=60).text
    assert complete.startswith(truncated)
    assert not truncated.endswith("\n")
    assert len(truncated) < len(complete) * 0.7


def test_a_file_whose_connection_breaks(start: Start) -> None:
    client = start()
    url = link(client)
    client.emulator.set_faults([{"fault": "truncated", "path": "/wsos_v2/statistics/object/"}])
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=60)
    client.emulator.set_faults([{"fault": "code:40100"}])
    assert requests.get(url, timeout=60).status_code == 200


class Clock:
    now = 1_800_000_000.0 // 86_400 * 86_400

    def __call__(self) -> float:
        return self.now


def refused(limit: CreationLimit, settings: Settings, *accounts: str) -> int | None:
    """Create a report task and return the code of the refusal, if any."""
    try:
        limit.acquire(accounts or ("1",), settings)
    except ApiError as error:
        return error.code
    return None


def test_creations_a_second() -> None:
    clock = Clock()
    limit, settings = CreationLimit(clock), Settings(task_qps=2)
    assert [refused(limit, settings) for _ in range(3)] == [None, None, 40100]
    clock.now += 1.01
    assert refused(limit, settings) is None


def test_a_creation_too_many_in_a_minute_blocks_creations_for_five() -> None:
    clock = Clock()
    limit, settings = CreationLimit(clock), Settings(task_qps=0, task_qpm=3)
    assert [refused(limit, settings) for _ in range(4)] == [None, None, None, 40100]
    clock.now += 299
    assert refused(limit, settings) == 40100
    clock.now += 1
    assert refused(limit, settings) is None


def test_creations_a_day_of_utc() -> None:
    clock = Clock()
    clock.now += 86_000
    limit, settings = CreationLimit(clock), Settings(task_qps=0, task_qpm=0, task_qpd=2)
    assert [refused(limit, settings) for _ in range(3)] == [None, None, 40100]
    clock.now += 399
    assert refused(limit, settings) == 40100
    clock.now += 1
    assert refused(limit, settings) is None


def test_creations_an_hour_for_one_account() -> None:
    clock = Clock()
    limit, settings = CreationLimit(clock), Settings(task_qps=0, task_qpm=0, task_account_hour=2)
    assert [refused(limit, settings, "1") for _ in range(3)] == [None, None, 40133]
    assert refused(limit, settings, "2") is None
    assert refused(limit, settings, "2", "1") == 40133
    clock.now += 3601
    assert refused(limit, settings, "1") is None


def test_the_limits_over_http(own_client: Start) -> None:
    client = own_client()
    answers = [create(client) for _ in range(3)]
    assert [answer["code"] for answer in answers] == [0, 0, 40100]
    assert "temporarily restricted" in answers[-1]["message"]
