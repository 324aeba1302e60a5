"""Rows that are buffered until they are known to be complete."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.storage import buffer as buffers
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer

_CELLS = st.one_of(
    st.none(), st.sampled_from(["", "a", "b", "c", "\u00e9"]), st.text("0123456789", max_size=3)
)
_ROWS = st.lists(st.tuples(_CELLS, _CELLS, _CELLS), max_size=60)
_CUTS = st.lists(st.integers(0, 9), max_size=60)
_SIZES = st.sampled_from([1, 7, 30, 1_000])


def fill(buffer: RowBuffer, rows: list[tuple[str | None, ...]], cuts: list[int], indexes=(0,)) -> None:
    """Yield rows in pieces, each with the text of its keys."""
    rest = list(rows)
    for cut in [*cuts, len(rows)]:
        some, rest = rest[:cut], rest[cut:]
        buffer.add([key(row, indexes) for row in some], some)


def key(row, indexes):
    return tuple(row[index] or "" for index in indexes)


def drain(buffer: RowBuffer) -> list[tuple[str | None, ...]]:
    return [row for batch in buffer.batches() for row in batch]


@given(rows=_ROWS, cuts=_CUTS, max_rows=_SIZES, merged=st.sampled_from([2, buffers._MAX_MERGED]))
def test_rows_come_out_complete_and_sorted_by_their_key(rows, cuts, max_rows, merged):
    with pytest.MonkeyPatch.context() as patch, RowBuffer(budget=MemoryBudget(max_rows)) as buffer:
        patch.setattr(buffers, "_MAX_MERGED", merged)
        fill(buffer, rows, cuts, (2, 0))
        found = drain(buffer)
    assert Counter(found) == Counter(rows)
    keys = [key(row, (2, 0)) for row in found]
    assert keys == sorted(keys)


@given(rows=_ROWS, cuts=_CUTS, max_rows=_SIZES)
def test_rows_keep_their_order_when_asked_to(rows, cuts, max_rows):
    with RowBuffer(keep_order=True, budget=MemoryBudget(max_rows)) as buffer:
        fill(buffer, rows, cuts)
        assert len(buffer) == len(rows)
        assert drain(buffer) == rows


@given(
    rows=_ROWS,
    cuts=_CUTS,
    max_rows=_SIZES,
    keep_order=st.booleans(),
    indexes=st.sampled_from([(0,), (0, 2)]),
)
def test_duplicates_are_found_exactly_when_there_are_some(rows, cuts, max_rows, keep_order, indexes):
    keys = [key(row, indexes) for row in rows]
    with RowBuffer(keep_order=keep_order, budget=MemoryBudget(max_rows)) as buffer:
        fill(buffer, rows, cuts, indexes)
        assert buffer.has_duplicates() is (len(set(keys)) != len(keys))
        assert Counter(drain(buffer)) == Counter(rows)


@pytest.mark.parametrize("keep_order", [False, True])
@pytest.mark.parametrize("doubled", range(0, 4_000, 500))
def test_a_duplicate_far_behind_its_twin_is_found(doubled, keep_order):
    keys = [f"{number:04}" for number in range(4_000)]
    with RowBuffer(keep_order=keep_order, budget=MemoryBudget(100)) as buffer:
        for first in range(0, 4_000, 1_000):
            buffer.add(keys[first : first + 1_000], keys[first : first + 1_000])
        assert not buffer.has_duplicates()
        buffer.add([keys[doubled]], ["again"])
        assert buffer.has_duplicates()
        assert list(buffer.duplicates()) == [keys[doubled]]


@given(rows=_ROWS.filter(lambda rows: len({row[0] or "" for row in rows}) == len(rows)), seed=st.randoms())
def test_the_order_in_which_rows_came_does_not_matter(rows, seed):
    shuffled = list(rows)
    seed.shuffle(shuffled)
    with RowBuffer(budget=MemoryBudget(7)) as one, RowBuffer(budget=MemoryBudget(15)) as other:
        fill(one, rows, [3] * 20)
        fill(other, shuffled, [4] * 20)
        assert drain(one) == drain(other)


@given(rows=_ROWS, more=_ROWS, max_rows=_SIZES, keep_order=st.booleans())
def test_a_buffer_absorbs_all_rows_of_another(rows, more, max_rows, keep_order):
    budget = MemoryBudget(max_rows)
    with RowBuffer(keep_order=keep_order, budget=budget) as buffer:
        other = RowBuffer(keep_order=keep_order, budget=budget)
        fill(buffer, rows, [5] * 20)
        fill(other, more, [5] * 20)
        buffer.absorb(other)
        assert (len(buffer), len(other)) == (len(rows) + len(more), 0)
        found = drain(buffer)
    assert Counter(found) == Counter([*rows, *more])
    assert not keep_order or found == [*rows, *more]


@given(rows=_ROWS, cuts=_CUTS, max_rows=_SIZES, keep_order=st.booleans())
def test_rows_can_be_sorted_again_within_the_memory_budget(rows, cuts, max_rows, keep_order):
    buffer = RowBuffer(keep_order=keep_order, budget=MemoryBudget(max_rows))
    fill(buffer, rows, cuts, (0, 2))
    with buffer.sorted_by(lambda known: known[::-1]) as ordered:
        found = drain(ordered)
    assert Counter(found) == Counter(rows)
    keys = [key(row, (2, 0)) for row in found]
    assert keys == sorted(keys)


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=8), max_rows=st.integers(1, 40))
def test_buffers_hold_no_more_in_memory_than_their_memory_budget(sizes, max_rows):
    budget = MemoryBudget(max_rows)
    buffers = [RowBuffer(budget=budget) for _ in sizes]
    for number, (buffer, size) in enumerate(zip(buffers, sizes, strict=True)):
        buffer.add([(str(index),) for index in range(size)], [f"{number}-{index}" for index in range(size)])
        assert sum(one.in_memory for one in buffers) <= max_rows
    assert [len(drain(buffer)) for buffer in buffers] == sizes


@pytest.mark.parametrize("keep_order", [True, False])
def test_batches_have_a_thousand_rows(keep_order):
    with RowBuffer(keep_order=keep_order, budget=MemoryBudget(900)) as buffer:
        for first in range(0, 2_500, 500):
            rows = [(str(number),) for number in range(first, first + 500)]
            buffer.add(rows, rows)
        assert [len(batch) for batch in buffer.batches()] == [1_000, 1_000, 500]


def test_an_empty_buffer_has_no_rows():
    with RowBuffer() as buffer:
        buffer.add([], [])
        assert (len(buffer), buffer.has_duplicates(), list(buffer.batches())) == (0, False, [])


def test_unusual_text_and_bytes_survive_the_file():
    rows = [("\ud83d", "\0", "\n", None), ("\U0001f600", "", "x" * 10_000, "-"), b"\0\xff"]
    with RowBuffer(budget=MemoryBudget(1)) as buffer:
        buffer.add([("a",), ("b",), ("c",)], rows)
        assert drain(buffer) == rows


def test_a_closed_buffer_has_closed_its_file():
    buffer = RowBuffer(keep_order=True, budget=MemoryBudget(1))
    buffer.add([("a",), ("b",)], ["a", "b"])
    file = buffer._file
    assert file is not None
    buffer.close()
    buffer.close()
    assert file.closed


@pytest.mark.parametrize("keep_order", [False, True])
@pytest.mark.parametrize("budget", [5, 50, 500])
@pytest.mark.parametrize("period", [1, 7, 40])
def test_repeated_pages_are_detected_in_bounded_memory(keep_order, budget, period):
    buffer = RowBuffer(keep_order=keep_order, budget=MemoryBudget(budget))
    for page in range(period):
        keys = [f"{page}-{number}" for number in range(10)]
        buffer.add(keys, keys)
        assert not buffer.saw_duplicate
    buffer.add([f"0-{number}" for number in range(10)], [""] * 10)
    with buffer:
        assert buffer.saw_duplicate
        assert buffer.has_duplicates()
        assert buffer.in_memory <= max(budget, 10)
    assert not buffer.saw_duplicate


def test_rows_that_come_in_order_are_one_run():
    with RowBuffer(budget=MemoryBudget(10)) as buffer:
        for number in range(200):
            buffer.add([number], [number])
        assert len(buffer._runs) == 1
        assert drain(buffer) == [*range(200)]


def test_however_many_runs_there_are_a_bounded_number_is_merged_at_a_time(monkeypatch):
    merged, merge = [], buffers._merge

    def counted(sources):
        found = list(sources)
        merged.append(len(found))
        return merge(found)

    monkeypatch.setattr(buffers, "_merge", counted)
    runs = 2 * buffers._MAX_MERGED + 5
    keys = [number * runs + run for run in range(runs) for number in reversed(range(3))]
    with RowBuffer(budget=MemoryBudget(2)) as buffer:
        for key in keys:
            buffer.add([key], [str(key)])
        assert len(buffer._runs) > buffers._MAX_MERGED
        assert not buffer.has_duplicates()
        assert drain(buffer) == [str(key) for key in sorted(keys)]
    assert max(merged) <= buffers._MAX_MERGED + 1
