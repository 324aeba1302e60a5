"""Fingerprints name files, tables and checkpoints of earlier versions, so they must not change."""

from datetime import date

import pytest

from airflow_provider_tiktok.fingerprint import fingerprint_of


@pytest.mark.parametrize(
    ("value", "digits"),
    [
        ({"b": 1, "a": [None, "\u00e9"]}, "0d3bab1693e7"),
        (["dag", "run", "task", -1], "d8966c33a8c6"),
        ({"day": date(2026, 8, 1)}, "29ff58223c1e"),
    ],
)
def test_a_fingerprint_is_that_of_earlier_versions(value, digits):
    assert fingerprint_of(value, 12) == digits
    assert fingerprint_of(value).startswith(digits)
    assert len(fingerprint_of(value)) == 64


def test_the_order_of_keys_does_not_matter():
    assert fingerprint_of({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint_of({"b": {"d": 3, "c": 2}, "a": 1})
