"""One call: header, encoding, envelope, retry, and its error messages."""

from __future__ import annotations

import logging
import socket
import threading
import time
import traceback
from urllib.parse import quote, quote_plus

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.api.client import CallCounts
from airflow_provider_tiktok.api.retry import RetryPolicy
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokRateLimitError,
    TikTokStoppedError,
    TikTokTransportError,
)

from .conftest import HASTY, SECRET, TOKEN, Reply, ok, refusal

pytestmark = pytest.mark.usefixtures("moved_clock")

PATH = "report/integrated/get/"


def failure(client, kind=TikTokAPIError, params=None, path=PATH):
    with pytest.raises(kind) as caught:
        client.get(path, params or {}, subject="advertiser 7, page 2")
    return caught.value


def everything_shown(error: BaseException) -> str:
    """Return all text that a log could show for an error, including causes and contexts."""
    seen, found = error, []
    while seen is not None:
        found += [str(seen), repr(seen), repr(seen.args), repr(vars(seen))]
        found += traceback.format_exception(seen)
        seen = seen.__cause__ or seen.__context__
    return "\n".join(found)


# requests


def test_the_token_goes_into_the_header_only(client, server):
    client.get(PATH, {"a": "b"})
    (call,) = server.calls
    assert call.headers["Access-Token"] == TOKEN
    assert call.path == "/open_api/v1.3/report/integrated/get/"
    assert call.query == {"a": "b"}
    assert "Authorization" not in call.headers


def test_parameters_are_encoded_as_tiktok_requires(client, server):
    client.get(
        PATH,
        {
            "text": "a b&c=d/\u00e9\U0001f600",
            "list": ["campaign_id", "stat_time_day"],
            "object": [{"field_name": "x", "filter_value": '["1"]'}],
            "yes": True,
            "no": False,
            "number": 1000,
            "none": None,
            "empty": "",
        },
    )
    assert server.calls[0].query == {
        "text": "a b&c=d/\u00e9\U0001f600",
        "list": '["campaign_id","stat_time_day"]',
        "object": '[{"field_name":"x","filter_value":"[\\"1\\"]"}]',
        "yes": "true",
        "no": "false",
        "number": "1000",
        "empty": "",
    }


def test_the_api_version_is_the_connections(make_client, server):
    make_client(api_version="v2.0").get(PATH, {})
    assert server.calls[0].path == "/open_api/v2.0/report/integrated/get/"


# answers


def test_an_answer_has_data_request_id_and_no_truncation(client, server):
    server.script = [ok({"list": []})]
    assert client.get(PATH, {}) == Answer({"list": []}, "R1", "")
    assert client.counts == CallCounts(api_calls=1)


def test_the_throttle_header_is_handed_on(client, server):
    server.script = [Reply({"code": 0, "data": {}}, headers={"x-tt-ads-throttle": "top 20k only"})]
    assert client.get(PATH, {}).truncated == "top 20k only"


@pytest.mark.parametrize(
    "digits", ["20.000", "0.1000000000000000055511151231257827", "1e400", "-0.0", "116.0"]
)
def test_numbers_keep_their_digits(client, server, digits):
    server.script = [Reply(b'{"code":0,"data":{"x":%s}}' % digits.encode())]
    assert client.get(PATH, {}).data == {"x": digits}


def test_long_ids_keep_their_digits(client, server):
    server.script = [Reply(b'{"code":0,"data":{"ad_id":7533163835474346001}}')]
    assert client.get(PATH, {}).data == {"ad_id": 7533163835474346001}


# network faults

_FAULTS = {
    "timeout": Reply(delay=1.5),
    "reset": Reply(fault="reset"),
    "half a body": Reply({"code": 0, "data": {"list": ["x" * 500]}}, fault="truncate"),
    "HTTP 500": Reply(b"oops", 500),
    "HTTP 502 in HTML": Reply(b"<html>Bad gateway</html>", 502),
    "HTTP 408": Reply(b"", 408),
    "HTML with 200": Reply(b"<html>Log in to the Wi-Fi</html>"),
    "empty body": Reply(b""),
    "broken JSON": Reply(b'{"code":0,"data":{'),
    "a list": Reply(b"[1, 2]"),
    "no code": Reply({"message": "OK", "data": {}}),
    "null code": Reply({"code": None, "data": {}}),
    "no data": Reply({"code": 0, "message": "OK"}),
    "data that is a list": Reply({"code": 0, "data": []}),
    "success in a 500": Reply({"code": 0, "data": {"list": []}}, 500),
    "bytes that are no UTF-8": Reply(b'{"code":0,"data":{"x":"\xff\xfe"}}'),
    "gzip that is none": Reply(b'{"code":0,"data":{}}', headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", _FAULTS.values(), ids=_FAULTS)
def test_a_transport_fault_is_retried(make_client, server, fault):
    # a busy machine may delay a valid answer
    client = make_client(timeout=1 if fault is _FAULTS["timeout"] else 10)
    server.script = [fault, ok({"x": "1"})]
    assert client.get(PATH, {}).data == {"x": "1"}
    assert client.counts == CallCounts(api_calls=2, retried_calls=1)


@pytest.mark.parametrize("fault", ["timeout", "HTTP 408", 51010])
def test_a_call_that_times_out_is_repeated_once_only(make_client, server, fault):
    client = make_client(timeout=0.15)
    server.script = [_FAULTS[fault] if isinstance(fault, str) else refusal(fault)]
    error = failure(client, TikTokTransportError)
    assert (error.timed_out, error.retryable) == (True, True)
    assert client.counts.api_calls == 2


@pytest.mark.parametrize("fault", _FAULTS.values(), ids=_FAULTS)
def test_a_transport_fault_that_stays_is_an_error(make_client, server, fault):
    client = make_client(timeout=0.15, retry=RetryPolicy(attempts=2, initial_backoff=0.01))
    server.script = [fault]
    error = failure(client, TikTokTransportError)
    assert error.retryable is True
    assert error.code is None
    assert str(error).startswith(f"No usable answer from {server.url} (advertiser 7, page 2): ")
    assert client.counts == CallCounts(api_calls=2, retried_calls=1)


@pytest.mark.parametrize("message", ["OK", "", f"no data for {TOKEN}"])
def test_an_answer_whose_data_are_null_is_accepted_and_has_none(client, server, message):
    server.script = [Reply({"code": 0, "message": message, "request_id": "R7", "data": None})]
    error = failure(client, TikTokTransportError)
    assert client.counts == CallCounts(api_calls=1)
    assert (error.code, error.request_id, error.retryable, error.timed_out) == (0, "R7", True, False)
    shown = message.replace(TOKEN, "***")
    assert error.message in {shown, str(error)}
    assert str(error) == (
        "TikTok accepted the call and sent no data: `data` is null (advertiser 7, page 2). Run the task again; if it "
        f"stays, ask TikTok's support. Its message: {shown!r} [code 0, request_id R7]"
    )
    assert client.get(PATH, {}, needs_data=False) == Answer({}, "R7", "")
    assert client.post(PATH, {}, needs_data=False) == Answer({}, "R7", "")


@pytest.mark.parametrize("data", [[], "text", 0, False, 1.5, ...], ids=repr)
def test_an_answer_whose_data_are_no_object_is_read_again(client, server, data):
    envelope = {"code": 0, "message": "OK", "request_id": "R7"} | ({} if data is ... else {"data": data})
    server.script = [Reply(envelope)]
    error = failure(client, TikTokTransportError)
    what = "is missing" if data is ... else "isn't an object"
    assert f"but `data` {what} in its answer. Its message: 'OK' [code 0, request_id R7]." in str(error)
    assert client.counts.api_calls == 5


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("timeout", "no answer within 0.15 s"),
        ("reset", "the connection broke"),
        ("HTTP 502 in HTML", "HTTP 502"),
        ("HTML with 200", "the answer is not TikTok's JSON"),
    ],
)
def test_a_transport_error_says_what_happened_but_never_the_body(make_client, server, fault, problem):
    client = make_client(timeout=0.15 if fault == "timeout" else 10, retry=RetryPolicy(attempts=1))
    server.script = [_FAULTS[fault]]
    assert str(failure(client)) == (
        f"No usable answer from {server.url} (advertiser 7, page 2): {problem}. Check that the worker reaches the "
        "host; if it does, the failure is TikTok's and passes."
    )


def test_the_default_number_of_attempts_is_five(client, server):
    server.script = [Reply(b"", 503)]
    failure(client, TikTokTransportError)
    assert client.counts == CallCounts(api_calls=5, retried_calls=4)


def test_a_refused_connection_is_named(make_client):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = make_client(base_url=f"http://127.0.0.1:{port}", retry=RetryPolicy(attempts=1))
    assert "the connection was refused" in str(failure(client, TikTokTransportError))


def test_an_unknown_host_is_named(make_client):
    client = make_client(base_url="http://no-such-host.invalid", retry=RetryPolicy(attempts=1))
    assert "the host name could not be resolved" in str(failure(client, TikTokTransportError))


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(b"404 page not found", 404), "HTTP 404, there is no such API path at this host"),
        (Reply(b"<html>", 405), "HTTP 405"),
        (Reply(b"", 401), "HTTP 401, the host refuses the token, or a proxy before it wants a login"),
    ],
)
def test_a_wrong_path_or_method_is_not_retried(client, server, reply, problem):
    server.script = [reply]
    error = failure(client, TikTokTransportError)
    assert f": {problem}. Check the API host and version in the Airflow connection." in str(error)
    assert error.retryable is False
    assert client.counts == CallCounts(api_calls=1)


@pytest.mark.parametrize(
    "location", ["{other}/steal", "//{other_host}/steal", "http://[broken", "/elsewhere"]
)
def test_a_redirect_is_not_followed(client, server, other_server, location):
    location = location.format(other=other_server.url, other_host=other_server.url.removeprefix("http://"))
    server.script = [Reply(b"", 302, {"Location": location})]
    error = failure(client, TikTokTransportError)
    assert "HTTP 302, the host redirects and the token must not follow" in str(error)
    assert error.retryable is False
    assert other_server.calls == []
    assert len(server.calls) == 1


@pytest.mark.skipif(
    not hasattr(urllib3.HTTPResponse, "read1"), reason="urllib3 before 2.1 waits for complete chunks"
)
def test_a_body_that_drips_ends_at_the_time_out(make_client, server, within):
    client = make_client(timeout=0.3, retry=RetryPolicy(attempts=1))
    server.script = [Reply({"code": 0, "data": {"x": "y" * 100}}, fault="drip")]
    with within(2):
        error = failure(client, TikTokTransportError)
    assert "no answer within 0.3 s" in str(error)


def test_a_gzip_body_is_read(client, server):
    import gzip

    body = gzip.compress(b'{"code":0,"data":{"x":"1"}}')
    server.script = [Reply(body, headers={"Content-Encoding": "gzip"})]
    assert client.get(PATH, {}).data == {"x": "1"}


def test_a_large_body_is_complete(client, server):
    server.script = [ok({"list": ["\u00e9" * 1000] * 2000})]
    assert client.get(PATH, {}).data == {"list": ["\u00e9" * 1000] * 2000}


# TikTok's refusals


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (40002, TikTokInvalidRequestError),
        (40001, TikTokPermissionError),
        (40105, TikTokAuthError),
        (40102, TikTokAuthError),
        (40300, TikTokPermissionError),
        (40999, TikTokAPIError),
    ],
)
def test_a_refusal_is_not_retried(client, server, code, kind):
    server.script = [refusal(code)]
    error = failure(client, kind)
    assert type(error) is kind
    assert (error.code, error.message, error.request_id) == (code, "Some message.", "R9")
    assert client.counts == CallCounts(api_calls=1)


def test_a_refusal_says_what_where_why_and_what_to_do(client, server):
    server.script = [refusal(40002, "Invalid  metric\nfields: ['video_views']")]
    assert str(failure(client)) == (
        'TikTok refused the call: parameter error (advertiser 7, page 2). Its message: "Invalid metric fields: '
        "['video_views']\". Correct the parameter that the message names. [code 40002, request_id R9]"
    )


@pytest.mark.parametrize(
    ("code", "retryable"), [(40002, False), (40105, False), (50000, True), (40999, True)]
)
def test_a_refusal_says_whether_it_may_pass(make_client, server, code, retryable):
    server.script = [refusal(code)]
    assert failure(make_client(retry=RetryPolicy(attempts=1))).retryable is retryable


def test_a_refusal_counts_in_an_http_error_too(client, server):
    server.script = [Reply({"code": 40105, "message": "no", "data": {}}, 401)]
    assert failure(client, TikTokAuthError).code == 40105


def test_a_code_in_text_is_a_code(client, server):
    server.script = [Reply({"code": "40105", "message": "no"})]
    assert failure(client, TikTokAuthError).code == 40105


@pytest.mark.parametrize(
    "code", [False, True, None, "", " 0", "0_0", "\u0660", "+0", "0.0", 0.5, [], {}, "OK"]
)
def test_what_is_no_code_is_no_success(make_client, server, code):
    server.script = [Reply({"code": code, "message": "OK", "data": {}})]
    assert failure(make_client(retry=RetryPolicy(attempts=1)), TikTokTransportError).retryable


@pytest.mark.parametrize("code", [50000, 50002, 51305, 60001, 40700, 40202, 20001, 59999])
def test_a_server_fault_is_retried(client, server, code):
    server.script = [refusal(code), ok()]
    client.get(PATH, {})
    assert client.counts == CallCounts(api_calls=2, retried_calls=1)


def test_a_server_fault_that_stays_is_an_error(client, server):
    server.script = [refusal(50000)]
    assert failure(client).code == 50000
    assert client.counts == CallCounts(api_calls=5, retried_calls=4)


@pytest.mark.parametrize("code", [40100, 40016, 40132, 40133])
def test_too_many_requests_are_waited_out(client, server, code):
    server.script = [refusal(code)] * 3 + [ok()]
    client.get(PATH, {})
    assert client.counts == CallCounts(api_calls=4, retried_calls=3, throttled_calls=3)


def test_http_429_is_waited_out(client, server):
    server.script = [Reply(b"slow down", 429), ok()]
    client.get(PATH, {})
    assert client.counts == CallCounts(api_calls=2, retried_calls=1, throttled_calls=1)


def test_too_many_requests_for_too_long_are_an_error(client, server):
    server.script = [
        refusal(40100, "Due to too many requests, requests from App 7 are temporarily restricted.")
    ]
    error = failure(client, TikTokRateLimitError)
    assert (error.code, error.request_id, error.retryable) == (40100, "R9", True)
    assert "[code 40100, request_id R9]" in str(error)
    assert client.counts.api_calls == client.counts.throttled_calls == client.counts.retried_calls + 1
    assert 4 <= client.counts.api_calls <= 15  # backoff of 0.01 to 0.025 s within 0.1 s


def test_throttling_does_not_use_up_the_attempts(make_client, server):
    client = make_client(
        retry=RetryPolicy(attempts=2, initial_backoff=0.01, max_backoff=0.01, max_throttle_wait=1)
    )
    server.script = [refusal(40100)] * 4 + [Reply(b"", 500), refusal(40100), ok()]
    client.get(PATH, {})
    assert client.counts == CallCounts(api_calls=7, retried_calls=6, throttled_calls=5)


@given(failures=st.integers(1, 60))
def test_backoff_doubles_up_to_the_maximum_with_a_quarter_of_jitter(failures):
    policy = RetryPolicy(initial_backoff=1, max_backoff=60)
    middle = min(2.0 ** (failures - 1), 60)
    assert 0.75 * middle <= policy.backoff(failures) <= 1.25 * middle


def test_a_used_up_day_ends_the_call_at_once_and_says_until_when(make_client, server):
    client = make_client(retry=RetryPolicy())
    server.script = [refusal(40100, "App reaches the QPD limit 864000")]
    error = failure(client, TikTokRateLimitError)
    assert client.counts.api_calls == 1
    assert (error.code, error.retryable) == (40100, True)
    assert 0 < error.retry_after <= 24 * 3600 + 5
    assert "the app's calls of the day are used up" in str(error)
    assert "00:00:0" in str(error)


def test_a_suspension_is_waited_for_only_within_the_maximum_wait(make_client, server):
    server.script = [refusal(40100, "App reaches the QPM limit 600")]
    client = make_client(retry=RetryPolicy(max_throttle_wait=3))
    error = failure(client, TikTokRateLimitError)
    assert "suspended for five" in str(error)
    assert 290 < error.retry_after <= 300
    assert client.counts == CallCounts(api_calls=1, throttled_calls=1, suspensions=1)


def test_an_accounts_limit_delays_no_other_account(make_client, server, real_clock):
    stop, errors = threading.Event(), []
    client = make_client(retry=RetryPolicy(initial_backoff=60, max_throttle_wait=600), stop=stop)
    server.script = [refusal(40133), ok()]

    def call_the_limited() -> None:
        errors.append(failure(client, TikTokStoppedError, params={"advertiser_id": "1"}))

    waiting = threading.Thread(target=call_the_limited)
    waiting.start()
    while not server.calls:
        time.sleep(0.01)
    client.get(PATH, {"advertiser_id": "2"})
    assert waiting.is_alive()
    stop.set()
    waiting.join()
    assert len(errors) == 1
    assert [call.query["advertiser_id"] for call in server.calls] == ["1", "2"]


# stopping


@pytest.mark.parametrize("reply", [Reply(b"", 503), refusal(40100)], ids=["retry", "throttle"])
def test_a_stop_ends_a_wait_at_once(make_client, server, reply, within, real_clock):
    stop = threading.Event()
    policy = RetryPolicy(initial_backoff=60, max_throttle_wait=600)
    client = make_client(retry=policy, stop=stop)
    server.script = [reply]
    threading.Timer(0.1, stop.set).start()
    with within(5):
        error = failure(client, TikTokError)
    assert str(error) == "The task was stopped, so the calls to TikTok were given up."
    assert len(server.calls) == 1


def test_a_stopped_client_makes_no_call(make_client, server):
    stop = threading.Event()
    stop.set()
    failure(make_client(stop=stop), TikTokError)
    assert server.calls == []


# secrets


@pytest.mark.parametrize(
    "reply",
    [
        refusal(40105, f"Token {TOKEN} is wrong, so is {SECRET}.", f"R-{TOKEN}"),
        refusal(40100, f"{TOKEN} {SECRET}"),
        refusal(50000, f"{TOKEN} {SECRET}"),
        Reply(f"<html>{TOKEN} {SECRET}</html>".encode(), 500),
        Reply(f"{TOKEN} {SECRET}".encode()),
        Reply(b"", 302, {"Location": f"http://{TOKEN}.invalid/{quote(SECRET)}"}),
        Reply(fault="reset"),
        Reply({"code": 0, "data": {"x": "y" * 99}}, fault="truncate"),
        Reply(delay=0.4),
        Reply(b"", 404),
    ],
    ids=["auth", "throttle", "fault", "HTML", "text", "redirect", "reset", "truncated", "timeout", "404"],
)
def test_no_error_and_no_log_holds_a_secret(make_client, server, caplog, reply):
    caplog.set_level(logging.DEBUG)
    client = make_client(
        timeout=0.15, app_id="7", app_secret=SECRET, retry=RetryPolicy(2, 0.01, 0.01, max_throttle_wait=0.02)
    )
    server.script = [reply]
    error = failure(client, path="oauth2/advertiser/get/", params={"app_id": "7", "secret": SECRET})
    shown = everything_shown(error) + caplog.text + repr(client.credentials)
    assert server.calls[0].query["secret"] == SECRET
    for secret in (TOKEN, SECRET, quote(SECRET), quote_plus(SECRET)):
        assert secret not in shown
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:1", "http://no-such-host.invalid", "http://" + "a" * 70]
)
def test_no_error_of_a_call_that_never_left_holds_a_secret(make_client, caplog, base_url):
    caplog.set_level(logging.DEBUG)
    client = make_client(base_url=base_url, app_secret=SECRET, retry=RetryPolicy(attempts=1))
    error = failure(client, TikTokTransportError, params={"secret": SECRET})
    shown = everything_shown(error) + caplog.text
    for secret in (TOKEN, SECRET, quote(SECRET), quote_plus(SECRET)):
        assert secret not in shown


def test_a_secret_is_redacted_not_the_rest_of_the_message(client, server):
    server.script = [refusal(40105, f"The token {TOKEN} is wrong.")]
    assert failure(client).message == "The token *** is wrong."


def test_a_success_logs_no_secret_at_debug(make_client, caplog):
    caplog.set_level(logging.DEBUG)
    make_client(app_id="7", app_secret=SECRET).get("oauth2/advertiser/get/", {"secret": SECRET})
    assert "oauth2/advertiser/get/" in caplog.text
    for secret in (TOKEN, SECRET, quote(SECRET), quote_plus(SECRET)):
        assert secret not in caplog.text


# several threads


def test_a_client_serves_many_threads(make_client, server):
    client = make_client(retry=HASTY)
    server.script = [refusal(50000), refusal(40100), ok()]
    threads = [threading.Thread(target=client.get, args=(PATH, {})) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.counts == CallCounts(api_calls=22, retried_calls=2, throttled_calls=1)
