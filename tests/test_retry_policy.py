"""The decision of the retry policy for each error."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from airflow_provider_tiktok.api.codes import RETURN_CODES, Action
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokConfigError,
    TikTokEmptyReportError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokRateLimitError,
    TikTokTransportError,
)

TikTokRetryPolicy = pytest.importorskip(
    "airflow_provider_tiktok.retry_policy",
    reason="retry policies came with Airflow 3.3",
    exc_type=ImportError,
).TikTokRetryPolicy


def decide(error, policy=None):
    decision = (policy or TikTokRetryPolicy()).evaluate(error, try_number=1, max_tries=3)
    return decision.action.value, decision.retry_delay, decision.reason


def throttled(seconds):
    return TikTokRateLimitError("Too many calls.", code=40100, retry_after=seconds)


@pytest.mark.parametrize(
    "error",
    [
        TikTokAuthError("Revoked.", code=40105),
        TikTokPermissionError("Not granted.", code=40001),
        TikTokInvalidRequestError("Wrong.", code=40002),
        TikTokConfigError("No connection."),
        TikTokTransportError("TLS.", retryable=False),
    ],
)
def test_what_cannot_pass_by_itself_fails(error):
    assert decide(error) == ("fail", None, str(error))


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (throttled(1.25), timedelta(seconds=1.25)),
        (throttled(300.0), timedelta(minutes=5)),
        (throttled(40_000.0), timedelta(seconds=40_000)),
        (throttled(None), timedelta(minutes=5)),
        (TikTokAPIError("Maintenance.", code=60001, retryable=True), timedelta(minutes=30)),
        (TikTokIncompleteReportError("Rows are missing."), timedelta(minutes=1)),
    ],
)
def test_what_says_how_long_it_takes_sets_the_delay(error, delay):
    assert decide(error) == ("retry", delay, str(error))


@pytest.mark.parametrize(
    "error",
    [
        TikTokTransportError("No answer."),
        TikTokAPIError("System error.", code=50000, retryable=True),
        TikTokEmptyReportError("No rows."),
        ValueError("Not TikTok's."),
        KeyboardInterrupt(),
    ],
)
def test_everything_else_is_left_to_the_task(error):
    assert decide(error) == ("default", None, None)


def test_an_error_that_was_raised_from_tiktoks_counts_as_that():
    outer = RuntimeError("my task failed")
    outer.__cause__ = throttled(60.0)
    assert decide(outer) == ("retry", timedelta(minutes=1), "Too many calls.")
    outer.__cause__.__cause__ = outer  # a circle ends
    assert decide(outer)[0] == "retry"


def test_the_delays_can_be_chosen_and_survive_json():
    policy = TikTokRetryPolicy(
        maintenance_delay=timedelta(hours=2),
        incomplete_delay=timedelta(seconds=0),
        throttle_delay=timedelta(minutes=7),
    )
    again = TikTokRetryPolicy.deserialize(json.loads(json.dumps(policy.serialize())))
    assert decide(TikTokAPIError("", code=60001, retryable=True), again)[1] == timedelta(hours=2)
    assert decide(TikTokIncompleteReportError(""), again)[:2] == ("retry", timedelta(0))
    assert decide(throttled(None), again)[1] == timedelta(minutes=7)


def test_a_reason_is_never_longer_than_airflow_keeps():
    reason = decide(TikTokAuthError("x" * 2000))[2]
    assert len(reason) == 500


@pytest.mark.parametrize("code", sorted(RETURN_CODES))
def test_every_return_code_is_decided_as_the_client_classes_it(code):
    known = RETURN_CODES[code]
    permanent = known.action in {Action.PERMANENT, Action.REAUTHORISE}
    error = known.error("What happened.", code=code, retryable=not permanent)
    delayed = code == 60001 or isinstance(error, TikTokRateLimitError)
    assert decide(error)[0] == ("fail" if permanent else "retry" if delayed else "default")


def test_an_airflow_without_retry_policies_gets_a_sentence():
    code = (
        "import sys, types; sdk = types.ModuleType('airflow.sdk'); sys.modules['airflow.sdk'] = sdk;"
        "import airflow_provider_tiktok.retry_policy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("ImportError: TikTokRetryPolicy needs Airflow 3.3 or later")
    )


def test_a_task_takes_it():
    from airflow_provider_tiktok.operators.report import TikTokReportOperator

    policy = TikTokRetryPolicy()
    task = TikTokReportOperator(task_id="report", preset="ad_daily", retry_policy=policy)
    assert task.retry_policy is policy
    assert task.has_retry_policy
