"""Rows held back until they are known to be whole."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.reports.rows.buffer import Room, RowSpool

_CELLS = st.one_of(
    st.none(), st.sampled_from(["", "a", "b", "c", "\u00e9"]), st.text("0123456789", max_size=3)
)
_ROWS = st.lists(st.tuples(_CELLS, _CELLS, _CELLS), max_size=60)
_CUTS = st.lists(st.integers(0, 9), max_size=60)
_SIZES = st.sampled_from([1, 7, 30, 1_000])


def fill(spool: RowSpool, rows: list[tuple[str | None, ...]], cuts: list[int], indexes=(0,)) -> None:
    """Hand rows over in pieces, each with the texts that its key is made of."""
    rest = list(rows)
    for cut in [*cuts, len(rows)]:
        some, rest = rest[:cut], rest[cut:]
        spool.add([key(row, indexes) for row in some], some)


def key(row, indexes):
    return tuple(row[index] or "" for index in indexes)


def drain(spool: RowSpool) -> list[tuple[str | None, ...]]:
    return [row for batch in spool.batches() for row in batch]


@given(rows=_ROWS, cuts=_CUTS, max_rows=_SIZES)
def test_rows_come_out_whole_and_sorted_by_their_key(rows, cuts, max_rows):
    with RowSpool(room=Room(max_rows)) as spool:
        fill(spool, rows, cuts, (2, 0))
        found = drain(spool)
    assert Counter(found) == Counter(rows)
    keys = [key(row, (2, 0)) for row in found]
    assert keys == sorted(keys)


@given(rows=_ROWS, cuts=_CUTS, max_rows=_SIZES)
def test_rows_keep_their_order_when_asked_to(rows, cuts, max_rows):
    with RowSpool(keep_order=True, room=Room(max_rows)) as spool:
        fill(spool, rows, cuts)
        assert len(spool) == len(rows)
        assert drain(spool) == rows


@given(
    rows=_ROWS,
    cuts=_CUTS,
    max_rows=_SIZES,
    keep_order=st.booleans(),
    indexes=st.sampled_from([(0,), (0, 2)]),
)
def test_duplicates_are_found_exactly_when_there_are_some(rows, cuts, max_rows, keep_order, indexes):
    keys = [key(row, indexes) for row in rows]
    with RowSpool(keep_order=keep_order, room=Room(max_rows)) as spool:
        fill(spool, rows, cuts, indexes)
        assert spool.has_duplicates() is (len(set(keys)) != len(keys))
        assert Counter(drain(spool)) == Counter(rows)


@given(rows=_ROWS.filter(lambda rows: len({row[0] or "" for row in rows}) == len(rows)), seed=st.randoms())
def test_the_order_in_which_rows_came_does_not_matter(rows, seed):
    shuffled = list(rows)
    seed.shuffle(shuffled)
    with RowSpool(room=Room(7)) as one, RowSpool(room=Room(15)) as other:
        fill(one, rows, [3] * 20)
        fill(other, shuffled, [4] * 20)
        assert drain(one) == drain(other)


@given(rows=_ROWS, more=_ROWS, max_rows=_SIZES, keep_order=st.booleans())
def test_a_spool_takes_over_all_of_another(rows, more, max_rows, keep_order):
    room = Room(max_rows)
    with RowSpool(keep_order=keep_order, room=room) as spool:
        other = RowSpool(keep_order=keep_order, room=room)
        fill(spool, rows, [5] * 20)
        fill(other, more, [5] * 20)
        spool.absorb(other)
        assert (len(spool), len(other)) == (len(rows) + len(more), 0)
        found = drain(spool)
    assert Counter(found) == Counter([*rows, *more])
    assert not keep_order or found == [*rows, *more]


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=8), max_rows=st.integers(1, 40))
def test_spools_hold_no_more_in_memory_than_their_room(sizes, max_rows):
    room = Room(max_rows)
    spools = [RowSpool(room=room) for _ in sizes]
    for number, (spool, size) in enumerate(zip(spools, sizes, strict=True)):
        spool.add([(str(index),) for index in range(size)], [f"{number}-{index}" for index in range(size)])
        assert sum(one.in_memory for one in spools) <= max_rows
    assert [len(drain(spool)) for spool in spools] == sizes


@pytest.mark.parametrize("keep_order", [True, False])
def test_batches_have_a_thousand_rows(keep_order):
    with RowSpool(keep_order=keep_order, room=Room(900)) as spool:
        for first in range(0, 2_500, 500):
            rows = [(str(number),) for number in range(first, first + 500)]
            spool.add(rows, rows)
        assert [len(batch) for batch in spool.batches()] == [1_000, 1_000, 500]


def test_an_empty_spool_gives_nothing():
    with RowSpool() as spool:
        spool.add([], [])
        assert (len(spool), spool.has_duplicates(), list(spool.batches())) == (0, False, [])


def test_odd_texts_and_bytes_survive_the_file():
    rows = [("\ud83d", "\0", "\n", None), ("\U0001f600", "", "x" * 10_000, "-"), b"\0\xff"]
    with RowSpool(room=Room(1)) as spool:
        spool.add([("a",), ("b",), ("c",)], rows)
        assert drain(spool) == rows


def test_a_closed_spool_has_let_go_of_its_file():
    spool = RowSpool(keep_order=True, room=Room(1))
    spool.add([("a",), ("b",)], ["a", "b"])
    file = spool._file
    assert file is not None
    spool.close()
    spool.close()
    assert file.closed


@pytest.mark.parametrize("keep_order", [False, True])
@pytest.mark.parametrize("room", [5, 50, 500])
@pytest.mark.parametrize("period", [1, 7, 40])
def test_pages_that_come_again_are_noticed_in_bounded_memory(keep_order, room, period):
    spool = RowSpool(keep_order=keep_order, room=Room(room))
    for page in range(period):
        keys = [f"{page}-{number}" for number in range(10)]
        spool.add(keys, keys)
        assert not spool.saw_double
    spool.add([f"0-{number}" for number in range(10)], [""] * 10)
    with spool:
        assert spool.saw_double
        assert spool.has_duplicates()
        assert spool.in_memory <= max(room, 10)
    assert not spool.saw_double
