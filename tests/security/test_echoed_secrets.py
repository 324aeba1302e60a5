"""A server that repeats token and secret wherever it can: they are in no error, log, frame, row or file."""

from __future__ import annotations

import io
import json
import logging
import random
import threading
import traceback
from datetime import date, datetime, timezone
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_tiktok.api.diagnosis.check import check_connection
from airflow_provider_tiktok.api.endpoints.advertisers import describe_batch, list_advertisers
from airflow_provider_tiktok.api.endpoints.downloads import fetch_file
from airflow_provider_tiktok.api.endpoints.report_tasks import (
    ReportJob,
    check_task,
    create_task,
    download_task,
)
from airflow_provider_tiktok.api.transport.redaction import Redactor, without_signatures
from airflow_provider_tiktok.entities.plan import list_all
from airflow_provider_tiktok.exceptions import TikTokError, TikTokTransportError
from airflow_provider_tiktok.reports.fetch.paged import PagedSource
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.planning.plan import RunTime
from airflow_provider_tiktok.reports.planning.planner import make_plan

from .conftest import SECRET, TOKEN, complete, head

SPELLINGS = {
    "token": TOKEN,
    "secret": SECRET,
    "quoted": quote(SECRET, safe=""),
    "quoted as a form": quote_plus(SECRET),
    "a path": quote(SECRET),
}
PARTS = (TOKEN, TOKEN[5:], SECRET, *SPELLINGS.values())
TASK = ReportJob("1", "7")


def shown(error: BaseException | None) -> str:
    """Write an error as error trackers do, with the variables of every frame but the tests' own, and all its causes."""
    found = []
    while error is not None:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        own = [frame for frame in frames.stack if "/tests/" not in frame.filename]
        found += [str(error), repr(error), repr(vars(error)), *(repr(frame.locals) for frame in own)]
        error = error.__cause__ or error.__context__
    return "\n".join(found)


def shows_none(text: str) -> None:
    for part in PARTS:
        assert part not in text
    assert TOKEN[:12] not in text  # nor a truncated part of it


def row(**changes: object) -> dict[str, object]:
    dimensions = {"advertiser_id": "7", "ad_id": "1", "stat_time_day": "2026-08-01 00:00:00"}
    metrics = {"spend": "1.00", "impressions": "1", "ad_name": "x"}
    return {
        "dimensions": {name: changes.get(name, value) for name, value in dimensions.items()},
        "metrics": {name: changes.get(name, value) for name, value in metrics.items()},
    }


def page(rows: object, **info: object) -> dict[str, object]:
    return {
        "list": rows,
        "page_info": {"page": 1, "page_size": 1000, "total_number": 1, "total_page": 1, **info},
    }


def answer(data: object, **changes: object) -> dict[str, object]:
    return {"code": 0, "message": "OK", "request_id": "R", "data": data, **changes}


def bodies(echo: str) -> dict[str, dict[str, object]]:
    """Make answers with the echo in each place that a message or a row is made of."""
    fields = ("advertiser_id", "ad_id", "stat_time_day", "spend", "impressions", "ad_name")
    account = {"advertiser_id": "7", "name": "x", "currency": "USD", "timezone": "Etc/UTC", "status": "x"}
    return {
        **{f"row's {name}": answer(page([row(**{name: echo})])) for name in fields},
        **{f"row's {name}, nested": answer(page([row(**{name: [echo, {echo: echo}]})])) for name in fields},
        "row": answer(page([echo])),
        "rows": answer(page(echo)),
        "metrics": answer(page([{"dimensions": row()["dimensions"], "metrics": echo}])),
        "unknown metric": answer(page([row() | {"metrics": {"spend": "1", echo: "2"}}])),
        **{
            f"page's {name}": answer(page([row()], **{name: echo}))
            for name in ("total_number", "total_page", "page")
        },
        "page": answer({"list": [row()], "page_info": echo}),
        "request ID": answer(page([row(spend="none")]), request_id=echo),
        "data": answer(echo),
        **{
            f"code {code}": answer({}, code=code, message=f"No: {echo}", request_id=echo)
            for code in (40002, 40105, 50000)
        },
        "message in parts": answer({}, code=40001, message=f"{'x' * 590}{echo}"),
        "code": answer({}, code=echo),
        **{f"account's {name}": answer({"list": [{**account, name: echo}]}) for name in account},
        "account": answer({"list": [echo]}),
        "status": answer({"task_id": echo, "status": echo, "message": echo}),
        "failure": answer({"task_id": f"{echo}!", "status": "FAILED", "message": f"{'x' * 490}{echo}"}),
        "address": answer({"download_url": f"https://{echo}.example/{echo}?sign={echo}"}),
        "no URL": answer({"download_url": f"http://[{echo}"}),
        "no address": answer({"download_url": {echo: echo}}),
        "throttle": answer(
            {**page([row()]), "extra_info": {"search_ads_throttle": echo, "uv_invalid": echo}}
        ),
        "an error's data": answer({"list": echo, echo: echo}, code=40000),
    }


def report(client) -> list[object]:
    request = parse_request(
        advertiser_ids="7",
        dimensions="ad_id,stat_time_day",
        metrics="spend,impressions,ad_name",
        report_start_date=date(2026, 8, 1),
    )
    report_plan = make_plan(client, request, RunTime(datetime.now(timezone.utc)))
    fetch = PagedSource(client, report_plan, list_all=list_all)
    return [list(batch) for batch in fetch.batches()]


WORK = {
    "report": report,
    "accounts": lambda client: [vars_of(one) for one in list_advertisers(client)],
    "account": lambda client: [vars_of(one) for one in describe_batch(client, ["7"]).values()],
    "creation": lambda client: create_task(client, {"advertiser_id": "7"}, "a task"),
    "check": lambda client: check_task(client, TASK),
    "download": lambda client: download_task(client, TASK, io.BytesIO()),
    "connection": check_connection,
}


def vars_of(one: object) -> str:
    return repr(one)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch):
    from airflow_provider_tiktok.api.client import TikTokClient

    monkeypatch.setattr(TikTokClient, "wait", lambda *_: None)
    monkeypatch.setattr("airflow_provider_tiktok.api.stopping.wait", lambda *_: None)
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0)


def result_of(work, client, caplog) -> str:
    """Do work, and return everything that it shows."""
    caplog.set_level(logging.DEBUG)
    try:
        made = repr(work(client))
    except TikTokError as error:
        made = shown(error)
    return "\n".join((made, caplog.text, *map(repr, (record.args for record in caplog.records))))


PLACES = list(bodies(""))


@pytest.mark.sampled(40)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", WORK)
def test_an_echo_in_an_answer_gets_nowhere(hostile, client_of, caplog, kind, place):
    spelling = list(SPELLINGS.values())[(list(WORK).index(kind) + PLACES.index(place)) % len(SPELLINGS)]
    body = json.dumps(bodies(spelling)[place]).encode()
    shows_none(result_of(WORK[kind], client_of(hostile(complete(body))), caplog))


@pytest.mark.sampled(12)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["report", "check"])
def test_nor_does_one_in_escapes(hostile, client_of, caplog, kind, place):
    body = json.dumps(bodies("@@")[place]).replace("@@", escaped(TOKEN)).encode()
    shows_none(result_of(WORK[kind], client_of(hostile(complete(body))), caplog))


GOOD = json.dumps(answer(page([row()]))).encode()
HEADS = {
    **{
        name: lambda echo, name=name: head(f"{name}: {echo}", f"Content-Length: {len(GOOD)}") + GOOD
        for name in (
            "Date",
            "Content-Encoding",
            "Content-Type",
            "X-Tt-Ads-Throttle",
            "Server",
            "Set-Cookie",
            "X-Tt-Logid",
        )
    },
    "length": lambda echo: head(f"Content-Length: {echo}") + GOOD,
    "transfer": lambda echo: head(f"Transfer-Encoding: {echo}") + GOOD,
    "chunk": lambda echo: head("Transfer-Encoding: chunked") + f"{echo}\r\n".encode() + GOOD,
    "redirect": lambda echo: head(
        f"Location: https://{echo}/{echo}", "Content-Length: 0", status="302 Found"
    ),
    "reason": lambda echo: head("Content-Length: 0", status=f"500 {echo}"),
    "status": lambda echo: f"HTTP/1.1 {echo} OK\r\n\r\n".encode(),
    "no HTTP": lambda echo: f"{echo}\r\n\r\n".encode(),
    "header's name": lambda echo: head(f"{echo}: 1", f"Content-Length: {len(GOOD)}") + GOOD,
    "long header": lambda echo: head(f"X: {echo * 3000}") + GOOD,
    "HTML": lambda echo: head() + f"<html>{echo}".encode(),
}


@pytest.mark.sampled(24)
@pytest.mark.parametrize("spelling", ["token", "quoted"])
@pytest.mark.parametrize("place", HEADS)
@pytest.mark.parametrize("kind", ["report", "download", "connection"])
def test_nor_does_one_in_a_head(hostile, client_of, caplog, kind, place, spelling):
    sent = HEADS[place](SPELLINGS[spelling])
    shows_none(result_of(WORK[kind], client_of(hostile(lambda: [sent])), caplog))


@pytest.mark.sampled(8)
@pytest.mark.parametrize("seed", range(20))
def test_a_file_is_redacted_wherever_the_echo_is(seed, monkeypatch):
    rng = random.Random(seed)
    monkeypatch.setattr("airflow_provider_tiktok.api.transport.redaction._BLOCK", rng.randint(1, 200))
    pieces = [rng.choice(["x", "ad,1\n", *SPELLINGS.values(), TOKEN[:9]]) for _ in range(rng.randint(1, 60))]
    text = "".join(pieces).encode()
    file = io.BytesIO(text)
    Redactor((TOKEN, SECRET)).file(file)
    expected = text
    for secret in sorted(SPELLINGS.values(), key=len, reverse=True):
        expected = expected.replace(secret.encode(), b"*" * len(secret))
    assert file.getvalue() == expected


def test_a_signed_address_of_another_name_is_in_no_variable(hostile, client_of):
    body = json.dumps(answer({"file_url": "https://ads.tiktok.com/x?sign=5ecret"})).encode()
    with pytest.raises(TikTokError, match="gave no address") as caught:
        download_task(client_of(hostile(complete(body))), TASK, io.BytesIO())
    assert "5ecret" not in shown(caught.value)


def test_the_host_of_files_may_echo_a_token_of_the_process(hostile, client_of, caplog):
    """Hosts of files don't receive it; but an emulator, or a proxy, may know it from the API's calls."""
    files = hostile(lambda: [head(f"Content-Encoding: {TOKEN}", "Content-Length: 2") + b"xx"])
    client = client_of(files)
    with pytest.raises(TikTokTransportError, match="packed in a way that was not asked for") as caught:
        fetch_file(
            f"{files.url}/x?sign=1",
            io.BytesIO(),
            api_url=client.credentials.base_url,
            timeout=60,
            stop=threading.Event(),
            subject="file",
        )
    shows_none(shown(caught.value))


def test_a_downloaded_file_holds_no_token(hostile, client_of):
    text = f"ad_id,spend\n{TOKEN},1\n".encode()
    file = io.BytesIO()
    saved = download_task(
        client_of(hostile(lambda: [head(f"Content-Length: {len(text)}") + text])), TASK, file
    )
    assert saved["bytes"] == len(text) == len(file.getvalue())
    assert TOKEN.encode() not in file.getvalue()


@pytest.mark.parametrize("secret", ["short", "1234567890123456789", ""])
def test_what_may_be_in_data_by_chance_is_left_in_data(secret):
    body = b'{"ad_id":"1234567890123456789","ad_name":"a short name \\u0041\\u4e2d"}'
    assert json.loads(Redactor((secret,)).body(body)) == json.loads(body)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("seed", range(20))
def test_unescaping_changes_no_value(seed):
    rng = random.Random(seed)
    texts = ["".join(rng.choice('a"\\/\n\t\0\x7f\u00e9\u4e2d u0041') for _ in range(30)) for _ in range(20)]

    def spell(char: str) -> str:
        return f"\\u{ord(char):04x}" if rng.random() < 0.3 else json.dumps(char, ensure_ascii=False)[1:-1]

    body = "[" + ",".join('"' + "".join(map(spell, text)) + '"' for text in texts) + "]"
    assert json.loads(body) == json.loads(Redactor((TOKEN,)).body(body.encode())) == texts


@pytest.mark.parametrize(
    "name", ["sign", "x-signature", "X-Amz-Signature", "token", "auth_key", "Expires", "policy"]
)
def test_a_signature_is_taken_out_of_an_address(name):
    text = without_signatures(f"failed: https://ads.tiktok.com/x?a=1&{name}=5ec7e7, code=40002, id?x=3")
    assert "5ec7e7" not in text
    assert "a=1" in text
    assert "code=40002" in text


# addresses of files


SIGNED = "/wsos_v2/object/0bj3c7?expire=9&sign=5ec7e7&timeStamp=1"
ANSWERS = {
    "refused": lambda: [head("Content-Length: 0", status="403 No")],
    "gone": lambda: [head("Content-Length: 0", status="500 No")],
    "broken": lambda: [head("Content-Length: 50") + b"half"],
    "no HTTP": lambda: [b"\0\0"],
    "bad redirect": lambda: [head(f"Location: http://elsewhere.example{SIGNED}", status="302 Found")],
    "odd redirect": lambda: [head(f"Location: http://[{SIGNED}", status="302 Found")],
    "endless redirect": lambda: [head(f"Location: {SIGNED}", "Content-Length: 0", status="302 Found")],
}


@pytest.mark.parametrize("place", ANSWERS)
def test_the_signed_address_of_a_file_is_in_no_frame(hostile, client_of, caplog, place):
    files = hostile(ANSWERS[place])
    body = json.dumps(answer({"download_url": f"{files.url}{SIGNED}"})).encode()
    client = client_of(hostile(complete(body)))
    object.__setattr__(client, "credentials", client_of(files).credentials)
    text = result_of(WORK["download"], client, caplog)
    for part in ("5ec7e7", "0bj3c7", "expire=9"):
        assert part not in text


@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, MemoryError, type("TaskTimeout", (BaseException,), {})]
)
@pytest.mark.parametrize(
    "where",
    [
        "requests.adapters.HTTPAdapter.send",
        "http.client.HTTPConnection.getresponse",
        "requests.Response.close",
    ],
)
def test_nor_after_an_interruption(hostile, client_of, monkeypatch, kind, where):
    from airflow_provider_tiktok.api.endpoints.downloads import fetch_file

    files = hostile(complete(b"ad_id\n1\n"))

    def interrupt(*_: object, **__: object) -> None:
        raise kind

    monkeypatch.setattr(where, interrupt)
    client = client_of(files)
    with pytest.raises(kind) as caught:
        fetch_file(
            f"{files.url}{SIGNED}",
            io.BytesIO(),
            api_url=files.url,
            timeout=60,
            stop=client.stop,
            subject="a file",
        )
    text = shown(caught.value)
    for part in ("5ec7e7", "0bj3c7"):
        assert part not in text
