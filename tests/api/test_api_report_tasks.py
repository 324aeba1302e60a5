"""The four calls of report tasks, byte by byte where the emulator can't send such errors."""

import io
import logging

import pytest

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.endpoints.downloads import LapsedAddressError, check_address, fetch_file
from airflow_provider_tiktok.api.endpoints.report_tasks import (
    JobState,
    ReportJob,
    cancel_all,
    cancel_task,
    check_task,
    create_task,
    download_task,
)
from airflow_provider_tiktok.api.rate_limit import throttle
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokPermissionError,
    TikTokReportTaskError,
    TikTokTransportError,
)

from .conftest import TOKEN, Reply, ok, refusal

pytestmark = pytest.mark.usefixtures("moved_clock")

TASK = ReportJob("75", "71", "2026-08-01", "2026-08-03", "filter 1 of 2", ("reach",))
CSV = b"ad_id,spend\n1,2.50\n"
LINK = "/wsos_v2/object/1?expire=9&sign=5ec7e7"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(throttle, "CREATIONS_PER_SECOND", 1000.0)
    monkeypatch.setattr(TikTokClient, "wait", lambda self, seconds: None)


def test_a_task_survives_a_journey_as_json():
    assert ReportJob.from_list(TASK.as_list()) == TASK


def test_a_creation_posts_json_and_gives_the_id(server, client):
    server.script = [ok({"task_id": "7500"})]
    assert (
        create_task(client, {"advertiser_id": "71", "metrics": ["spend"], "filtering": None}, "a task")
        == "7500"
    )
    (call,) = server.calls
    assert call.path == "/open_api/v1.3/report/task/create/"
    assert call.body == {"advertiser_id": "71", "metrics": ["spend"]}
    assert call.raw_query == ""
    assert call.headers["Access-Token"] == TOKEN


@pytest.mark.parametrize(
    "lost",
    [
        Reply(fault="reset"),
        Reply({"code": 0, "data": {"task_id": "1"}}, fault="truncate"),
        Reply(b"<html>", 502),
        Reply(b"<html>", 200),
        refusal(51010, "Internal service timed out"),
    ],
    ids=["reset", "cut off", "HTTP 502", "HTML", "internal timeout"],
)
def test_a_creation_whose_answer_is_lost_is_not_made_again(server, client, lost):
    server.script = [lost, ok({"task_id": "2"})]
    with pytest.raises(TikTokReportTaskError, match="not repeated blindly") as caught:
        create_task(client, {"advertiser_id": "71"}, "a task")
    assert caught.value.retryable
    assert len(server.calls) == 1


@pytest.mark.parametrize("code", [40100, 40133, 40202, 50000, 50002])
def test_a_creation_that_tiktok_did_not_take_is_made_again(server, client, code):
    server.script = [refusal(code), ok({"task_id": "2"})]
    assert create_task(client, {"advertiser_id": "71"}, "a task") == "2"
    assert len(server.calls) == 2


def test_creations_are_paced(server, client, monkeypatch, moved_clock):
    monkeypatch.setattr(throttle, "CREATIONS_PER_SECOND", 4.0)
    server.script = [ok({"task_id": "2"})]
    started = moved_clock.monotonic()
    for _ in range(6):
        create_task(client, {"advertiser_id": "71"}, "a task")
    assert moved_clock.monotonic() - started >= 1.0


@pytest.mark.parametrize(
    ("code", "message", "begins"),
    [
        (40118, "Not allow-listed.", "The app is not on TikTok's allow-list"),
        (40001, "No permission.", "It may be that the app is not on TikTok's allow-list"),
        (
            40001,
            "advertiser does not grant you /report/task/create/:POST permission",
            "TikTok refused the call",
        ),
        (40001, "Permission error: lacks the required scope, reauthorize", "TikTok refused the call"),
    ],
)
def test_a_refusal_says_whether_it_may_be_the_allow_list(server, client, code, message, begins):
    server.script = [refusal(code, message)]
    with pytest.raises(TikTokPermissionError) as caught:
        create_task(client, {"advertiser_id": "71"}, "a task")
    assert str(caught.value).startswith(begins)
    assert (caught.value.code, caught.value.request_id) == (code, "R9")


def test_a_creation_without_an_id_is_an_error(server, client):
    server.script = [ok({})]
    with pytest.raises(TikTokReportTaskError, match="gave no ID"):
        create_task(client, {"advertiser_id": "71"}, "a task")


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (ok({"status": "PROCESSING", "message": ""}), JobState("PROCESSING")),
        (ok({"status": "success"}), JobState("SUCCESS")),
        (ok({"status": "CANCELLED"}), JobState("CANCELED")),
        (ok({"status": "FAILED", "message": f"No, {TOKEN}."}), JobState("FAILED", "No, ***.")),
        (refusal(40201), JobState("QUEUING")),
    ],
)
def test_a_check_gives_the_status(server, client, reply, state):
    server.script = [reply]
    assert check_task(client, TASK) == state
    assert server.calls[0].query == {"advertiser_id": "71", "task_id": "75"}


def test_an_unknown_status_is_an_error(server, client):
    server.script = [ok({"status": "DREAMING"})]
    with pytest.raises(TikTokReportTaskError, match="DREAMING"):
        check_task(client, TASK)


def test_a_cancellation_posts_and_tasks_that_cannot_be_cancelled_are_reported(server, client, caplog):
    server.script = [ok({"status": "CANCELED"}), refusal(40002, "It is done.")]
    assert cancel_task(client, TASK) == JobState("CANCELED")
    assert server.calls[0].body == {"advertiser_id": "71", "task_id": "75"}
    with caplog.at_level(logging.WARNING):
        cancel_all(client, [TASK])
    assert "was not cancelled" in caplog.text


# files


def test_a_file_that_is_the_answer_is_written_down(server, client):
    server.script = [Reply(CSV, headers={"Content-Type": "text/csv"})]
    file = io.BytesIO(b"something old and long that was there before")
    assert download_task(client, TASK, file) == {"bytes": 19, "is_complete": True}
    assert file.getvalue() == CSV


@pytest.mark.parametrize("kind", ["application/json", "text/csv", "text/plain"])
def test_a_refusal_is_none_the_less_one_whatever_it_calls_itself(server, client, kind):
    server.script = [Reply(refusal(40201).body, headers={"Content-Type": kind})]
    with pytest.raises(TikTokAPIError) as caught:
        download_task(client, TASK, io.BytesIO())
    assert caught.value.code == 40201


def test_the_file_host_sees_no_token_and_the_log_no_signature(server, client, caplog):
    server.script = [ok({"download_url": server.url + LINK}), Reply(CSV)]
    file = io.BytesIO()
    with caplog.at_level(logging.DEBUG):
        assert download_task(client, TASK, file)["is_complete"]
    assert file.getvalue() == CSV
    fetched = server.calls[1]
    assert fetched.raw_query == "expire=9&sign=5ec7e7"
    assert "Access-Token" not in fetched.headers
    assert "5ec7e7" not in caplog.text


@pytest.mark.parametrize(
    "broken", [Reply(b"", 403), Reply(CSV, fault="truncate"), Reply(fault="reset"), Reply(b"", 503)]
)
def test_a_new_address_is_requested_when_one_is_invalid(server, client, broken):
    link = ok({"download_url": server.url + LINK})
    server.script = [link, broken, link, Reply(CSV)]
    file = io.BytesIO()
    download_task(client, TASK, file)
    assert file.getvalue() == CSV
    assert len(server.calls) == 4


def test_a_file_that_never_comes_is_an_error_without_its_address(server, client):
    link = ok({"download_url": server.url + LINK})
    server.script = [link, Reply(b"", 403)] * 3
    with pytest.raises(TikTokTransportError, match="in 3 attempts: its host says HTTP 403") as caught:
        download_task(client, TASK, io.BytesIO())
    assert "sign" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://ads.tiktok.com/wsos_v2/x?sign=1",
        "https://p16.tiktokcdn.com/x",
        "https://ads.tiktok.com:443/x",
        "http://127.0.0.1:8765/x",
    ],
)
def test_addresses_of_tiktok_and_of_the_api_host_are_good(url):
    check_address(url, "http://127.0.0.1:8765", "a file")


@pytest.mark.parametrize(
    "url",
    [
        "http://ads.tiktok.com/x",
        "https://ads.tiktok.com.evil.example/x",
        "https://evil-tiktok.com/x",
        "https://evil.example\\.tiktok.com/x",
        "https://127.0.0.1\\.tiktok.com/x",
        "https://evil.example%2f.tiktok.com/x",
        "https://evil.example\t.tiktok.com/x",
        "https://ads.tiktok.com /x",
        "https://ads.tiktok.com@evil.example/x",
        "https://user@ads.tiktok.com/x",
        "https://ads.tiktok.com:8443/x",
        "http://127.0.0.1:9/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://ads.tiktok.com/x",
        "https://[broken/x",
        "//ads.tiktok.com/x",
    ],
)
def test_other_addresses_are_not_followed(url):
    with pytest.raises(TikTokReportTaskError, match="No file is fetched from"):
        check_address(url, "http://127.0.0.1:8765", "a file")


def test_a_redirect_is_followed_only_where_an_address_would_be(server, client):
    def fetch():
        return fetch_file(
            server.url + LINK, io.BytesIO(), api_url=server.url, timeout=2, stop=client.stop, subject="a file"
        )

    server.script = [Reply(b"", 302, {"Location": "/elsewhere"}), Reply(CSV)]
    assert fetch()["bytes"] == len(CSV)
    server.script = [Reply(b"", 302, {"Location": "http://169.254.169.254/"}), Reply(CSV)]
    with pytest.raises(TikTokReportTaskError, match=r"169\.254\.169\.254"):
        fetch()
    server.script = [Reply(b"", 302, {"Location": "/again"})]
    with pytest.raises(TikTokTransportError, match="again and again"):
        fetch()
    server.script = [Reply(b"", 404)]
    with pytest.raises(LapsedAddressError):
        fetch()
