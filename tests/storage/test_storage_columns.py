"""Which columns of text hold nothing but numbers."""

import random

import pytest

from airflow_provider_tiktok.storage.columns import (
    FIXED_PATTERN,
    INTEGER_PATTERN,
    NUMBER_PATTERN,
    column_test,
    number_test,
)

PATTERNS = (INTEGER_PATTERN, FIXED_PATTERN, NUMBER_PATTERN, rf"(?:null|{NUMBER_PATTERN})")
DIGITS = "0123456789"
NOT_TEXT = (None, 1, 1.5, True, ["1"])


def columns(seed):
    """Yield columns of a few numbers, odd text and what is no text at all."""
    chance = random.Random(seed)
    for _ in range(2_000):
        letters = DIGITS if chance.random() < 0.5 else f"{DIGITS}.-+eE \n_nul٣"
        values = [
            "".join(chance.choices(letters, k=chance.randrange(6))) for _ in range(chance.randrange(1, 4))
        ]
        if chance.random() < 0.05:
            values[-1] = chance.choice(NOT_TEXT)
        yield values


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pattern", PATTERNS)
def test_shapes_decide_as_the_numbers_themselves(pattern, seed):
    by_shape, by_value = number_test(pattern), column_test(pattern)
    found = {True: 0, False: 0}
    for values in columns(seed):
        assert by_shape(values) == by_value(values), values
        found[by_shape(values)] += 1
    assert min(found.values()) > 100


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_column_of_nothing_holds_no_numbers(pattern):
    assert not number_test(pattern)([])
    assert not column_test(pattern)([])
