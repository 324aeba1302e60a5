"""The request budget, on a clock that only moves when told to."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_tiktok.api.pacing import Pacer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(
    qps=st.one_of(st.integers(1, 50).map(float), st.floats(1, 6)),
    gaps=st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.5, 1.0, 3.0]), min_size=1, max_size=120),
)
@example(qps=2.5, gaps=[0.0] * 20)
@example(qps=1.9, gaps=[0.0] * 20)
def test_no_second_sees_more_than_qps_starts(qps, gaps):
    clock = Clock()
    pacer = Pacer(qps, clock)
    starts = []
    for gap in gaps:
        clock.now += gap
        starts.append(clock.now + pacer.reserve())
    assert starts == sorted(starts)
    assert max(sum(first <= start < first + 1 for start in starts) for first in starts) <= qps


@given(qps=st.floats(0.05, 0.99))
def test_below_one_a_second_calls_keep_their_distance(qps):
    clock = Clock()
    pacer = Pacer(qps, clock)
    starts = [clock.now + pacer.reserve() for _ in range(5)]
    assert starts[0] == clock.now
    assert all(later - earlier >= 1 / qps for earlier, later in pairwise(starts))


def test_the_budget_is_used_up():
    clock = Clock()
    pacer = Pacer(10, clock)
    assert [pacer.reserve() for _ in range(10)] == [0.0] * 10
    assert pacer.reserve() == pytest.approx(1.02)


def test_a_closed_pacer_lets_nobody_start():
    clock = Clock()
    pacer = Pacer(10, clock)
    pacer.close_for(7)
    pacer.close_for(3)
    assert pacer.reserve() == 7.0
    clock.now += 8
    assert pacer.reserve() == 0.0
