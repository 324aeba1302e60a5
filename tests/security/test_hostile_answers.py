"""Hostile answers: they cost no more memory and time than the client allows, and end in a clear error."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import tracemalloc
import zlib

import pytest

from airflow_provider_tiktok.api.transport import session as module
from airflow_provider_tiktok.exceptions import TikTokTransportError

from .conftest import complete, head

PATH = "report/integrated/get/"
MIB = 2**20


def refusal(client) -> TikTokTransportError:
    with pytest.raises(TikTokTransportError) as caught:
        client.get(PATH, {}, subject="page 1")
    return caught.value


@pytest.fixture
def small(monkeypatch):
    """Make the bound small, so that tests are quick."""
    monkeypatch.setattr(module, "_MAX_BODY", MIB)


def endless():
    yield head()
    while True:
        yield b" " * 65_536


def endless_chunks():
    yield head("Transfer-Encoding: chunked")
    while True:
        yield b"10000\r\n" + b" " * 65_536 + b"\r\n"


def ten_gigabytes():
    yield head("Content-Length: 10737418240")
    while True:
        yield b" " * 65_536


@pytest.mark.parametrize("pieces", [endless, endless_chunks, ten_gigabytes])
def test_an_endless_body_is_abandoned_at_the_limit(hostile, client_of, small, pieces):
    server = hostile(pieces)
    error = refusal(client_of(server))
    assert ": the answer is larger than 1 MiB." in str(error)
    assert error.retryable is False
    assert server.calls == 1
    assert server.sent < 16 * MIB  # within the system's buffers


def bomb(size: int, window: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    zeros = b"0" * MIB
    return b"".join(packer.compress(zeros) for _ in range(size // MIB)) + packer.flush()


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("encoding", "window"), [("gzip", 31), ("deflate", 15), ("deflate", -15), ("x-gzip", 31)]
)
def test_a_bomb_is_not_unpacked_beyond_the_bound(hostile, client_of, small, encoding, window):
    packed = bomb(256 * MIB, window)
    assert len(packed) < MIB  # compressed, it is within the limit
    client = client_of(hostile(complete(packed, f"Content-Encoding: {encoding}")))
    tracemalloc.start()
    try:
        error = refusal(client)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ": the answer is larger than 1 MiB." in str(error)
    assert peak < 8 * MIB


def test_many_small_members_are_one_bomb(hostile, client_of, small):
    packed = gzip.compress(b"0" * 65_536) * 1_000
    error = refusal(client_of(hostile(complete(packed, "Content-Encoding: gzip"))))
    assert ": the answer is larger than 1 MiB." in str(error)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "rot13\x1b[2J"])
def test_an_unrequested_compression_is_refused(hostile, client_of, encoding):
    error = refusal(client_of(hostile(complete(b"x", f"Content-Encoding: {encoding}"))))
    assert "packed in a way that was not asked for" in str(error)
    assert str(error).isprintable()
    assert error.retryable is False


def test_only_supported_compression_is_requested(hostile, client_of):
    client = client_of(hostile(complete(b"{}")))
    assert client._transport.session.headers["Accept-Encoding"] == "gzip, deflate"


GOOD = json.dumps({"code": 0, "data": {"list": ["\u00e9" * 500] * 500}}).encode()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(GOOD)),
        ("GZIP", gzip.compress(GOOD[:1_000]) + gzip.compress(GOOD[1_000:])),
        ("deflate", zlib.compress(GOOD)),
        ("deflate", zlib.compress(GOOD)[2:-4]),
        ("identity", GOOD),
        ("gzip", gzip.compress(GOOD, 0)),
    ],
)
def test_compressed_answers_are_read_completely(hostile, client_of, encoding, packed):
    client = client_of(hostile(complete(packed, f"Content-Encoding: {encoding}")))
    assert client.get(PATH, {}).data == {"list": ["\u00e9" * 500] * 500}


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(GOOD)[:-9],
        gzip.compress(GOOD)[:50],
        b"\x1f\x8b garbage that is none",
        gzip.compress(GOOD) + b"garbage",
        gzip.compress(GOOD)[:-8] + b"\0" * 8,
    ],
    ids=["cut", "cut early", "none", "more", "wrong sum"],
)
def test_a_damaged_packing_is_no_answer(hostile, client_of, packed):
    error = refusal(client_of(hostile(complete(packed, "Content-Encoding: gzip"))))
    assert "the connection broke (ContentDecodingError)" in str(error)
    assert error.retryable is True


def test_a_page_of_a_thousand_rows_with_a_hundred_long_metrics_is_read(hostile, client_of):
    row = {"dimensions": {"ad_id": "7" * 19}, "metrics": {f"metric_{n}": "x" * 200 for n in range(100)}}
    body = json.dumps({"code": 0, "data": {"list": [row] * 1_000}}).encode()
    assert len(body) > 20 * MIB
    assert len(client_of(hostile(complete(body))).get(PATH, {}).data["list"]) == 1_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":0,"data":' + b"[" * 5_000_000,
        b'{"code":0,"data":' + b'{"a":' * 2_000_000,
        b'{"code":0,"data":{"list":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b"[" * 5_000_000 + b"]" * 5_000_000,
    ],
    ids=["lists", "objects", "closed", "only lists"],
)
def test_deep_json_is_no_answer(hostile, client_of, body):
    assert "the answer is not TikTok's JSON" in str(refusal(client_of(hostile(complete(body)))))


@pytest.mark.parametrize("number", [b"9" * 1_000_000, b"1e999999999", b"0." + b"9" * 1_000_000])
def test_a_giant_number_costs_neither_time_nor_memory(hostile, client_of, number, within):
    client = client_of(hostile(complete(b'{"code":0,"data":{"x":' + number + b"}}")))
    with within(3):
        try:
            data = client.get(PATH, {}).data
        except TikTokTransportError:
            data = {"x": number.decode()}  # as Python itself refuses to read integers of so many digits
    assert data == {"x": number.decode()}


@pytest.mark.parametrize(
    "code", [b"9" * 1_000_000, b"1e999999999", b'"' + b"9" * 1_000_000 + b'"', b"[[]]", b"NaN"]
)
def test_a_return_code_that_is_none_is_no_answer(hostile, client_of, code):
    server = hostile(complete(b'{"code":' + code + b',"data":{}}'))
    assert "the answer is not TikTok's JSON" in str(refusal(client_of(server)))


# time


def dripping_head():
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X"
        time.sleep(0.05)


def endless_continue():
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n"
        time.sleep(0.01)


def dripping_chunks():
    yield head("Transfer-Encoding: chunked")
    while True:
        yield b"1\r\n \r\n"
        time.sleep(0.05)


def dripping_body():
    yield head("Content-Length: 1000000")
    while True:
        yield b" "
        time.sleep(0.05)


@pytest.mark.parametrize("pieces", [dripping_head, endless_continue, dripping_chunks, dripping_body])
def test_whatever_drips_ends_at_the_time_out(hostile, client_of, pieces, within):
    client = client_of(hostile(pieces), timeout=0.6)
    with within(2.5):
        error = refusal(client)
    assert "no answer within 0.6 s" in str(error)
    assert error.timed_out is True


@pytest.mark.alone
def test_a_connection_has_all_of_the_time_again_for_each_call(hostile, client_of):
    """Make four calls of a second within three seconds each: what is left after three is too little for the fourth."""

    def slow():
        body = b'{"code":0,"data":{}}'
        yield head(f"Content-Length: {len(body)}")[:-2]
        time.sleep(1)
        yield b"\r\n" + body

    client = client_of(hostile(slow), timeout=3.0)
    for _ in range(4):
        assert client.get(PATH, {}).data == {}


@pytest.mark.parametrize(
    "lines",
    [["X-Many: 1"] * 1_000, ["X-Long: " + "x" * 100_000]],
    ids=["many", "long"],
)
def test_a_head_without_measure_is_no_answer(hostile, client_of, lines):
    error = refusal(client_of(hostile(lambda: [head(*lines)])))
    assert "No usable answer" in str(error)


MEMORY = """
import resource, sys
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.retry import RetryPolicy
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.exceptions import TikTokTransportError

credentials = TikTokCredentials("token-1234", sys.argv[1], qps=1000.0, shared_budget=False)
client = TikTokClient(credentials, retry=RetryPolicy(attempts=1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    client.get("report/integrated/get/", {})
except TikTokTransportError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


@pytest.mark.alone
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads the peak of memory in KiB, as Linux has it"
)
def test_half_a_gigabyte_in_half_a_megabyte_costs_the_bound_and_no_more(hostile):
    server = hostile(complete(bomb(512 * MIB, 31), "Content-Encoding: gzip"))
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, server.url], capture_output=True, text=True, check=True
    )
    kibibytes, _, said = done.stdout.partition(" ")
    assert "the answer is larger than 64 MiB" in said
    assert int(kibibytes) < 160 * 1024
