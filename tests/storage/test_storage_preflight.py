"""The preflight check of an object store."""

from __future__ import annotations

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files.preflight import check_reachable
from airflow_provider_tiktok.storage.files.target import Target

FOLDER = Target("s3://lake/ads", True, "jsonl", False)
FILE = Target("s3://lake/ads.jsonl", False, "jsonl", False)


class Store(MemoryFileSystem):
    """A store whose answers a test sets."""

    cachable = False

    def __init__(self, **answers):
        super().__init__()
        self.answers = answers
        self.requested = []

    @classmethod
    def _strip_protocol(cls, path):
        return path.partition("://")[2] or path

    def info(self, path, **_):
        self.requested.append(path)
        answer = self.answers["bucket" if path == "lake" else "path"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ls(self, path, **_):
        return self.info(path)


def refusal(code):
    """Return the error that fsspec raises for a store's response."""
    cause = Exception("with the key id in it")
    cause.response = {"Error": {"Code": code, "Message": "with the key id in it"}}
    error = PermissionError("with the key id in it")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("path", [{"type": "directory"}, FileNotFoundError("lake/ads")])
@pytest.mark.parametrize("bucket", [{"type": "directory"}, PermissionError("no access to buckets")])
def test_two_requests_are_enough_without_an_error(path, bucket):
    store = Store(path=path, bucket=bucket)
    check_reachable(store, "s3://lake/ads", FOLDER)
    assert store.requested == ["lake/ads", "lake"]


def test_a_missing_bucket_is_named():
    store = Store(path=FileNotFoundError("lake/ads"), bucket=FileNotFoundError("lake"))
    with pytest.raises(TikTokOutputError, match="there is no bucket or container 'lake'") as caught:
        check_reachable(store, "s3://lake/ads", FOLDER)
    assert not caught.value.retryable


def test_a_file_needs_no_permission_to_read():
    check_reachable(Store(path=refusal("AccessDenied"), bucket={}), "s3://lake/ads.jsonl", FILE)


@pytest.mark.parametrize(("target", "code"), [(FOLDER, "AccessDenied"), (FILE, "InvalidAccessKeyId")])
def test_refused_credentials_are_reported_by_the_stores_code_only(target, code):
    with pytest.raises(TikTokOutputError) as caught:
        check_reachable(Store(path=refusal(code), bucket={}), target.path, target)
    assert f"the store refuses these credentials (PermissionError: {code})" in str(caught.value)
    assert "key id" not in str(caught.value)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("error", "words", "retryable"),
    [
        (ConnectionRefusedError("no route"), "ConnectionRefusedError: no route", True),
        (TypeError("unexpected 'x'"), "TypeError: unexpected 'x'", False),
        (RuntimeError("https://a/b?sig=abc"), "(RuntimeError)", False),
    ],
)
def test_an_unreachable_store_is_reported_without_signed_urls(error, words, retryable):
    with pytest.raises(TikTokOutputError) as caught:
        check_reachable(Store(path=error, bucket={}), "s3://lake/ads", FOLDER)
    assert words in str(caught.value)
    assert "sig=abc" not in str(caught.value)
    assert caught.value.retryable is retryable
