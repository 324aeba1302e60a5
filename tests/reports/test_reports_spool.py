"""Rows held back until they are known to be whole."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.reports.spool import RowSpool

_CELLS = st.one_of(
    st.none(), st.sampled_from(["", "a", "b", "c", "\u00e9"]), st.text("0123456789", max_size=3)
)
_ROWS = st.lists(st.tuples(_CELLS, _CELLS, _CELLS), max_size=60)
_CUTS = st.lists(st.integers(0, 9), max_size=60)
_SIZES = st.sampled_from([1, 7, 30, 1_000])


def fill(spool: RowSpool, rows: list[tuple[str | None, ...]], cuts: list[int]) -> None:
    rest = list(rows)
    for cut in cuts:
        spool.add(rest[:cut])
        rest = rest[cut:]
    spool.add(rest)


def drain(spool: RowSpool) -> list[tuple[str | None, ...]]:
    return [row for batch in spool.batches() for row in batch]


def order(row: tuple[str | None, ...]) -> list[tuple[int, str]]:
    """Sort as the spool does: empty text, then null, then all other."""
    return [(1, "") if cell is None else (2 if cell else 0, cell) for cell in row]


@given(rows=_ROWS, cuts=_CUTS, max_cells=_SIZES)
def test_rows_come_out_whole_and_sorted_by_their_key(rows, cuts, max_cells):
    with RowSpool((2, 0), max_cells=max_cells) as spool:
        fill(spool, rows, cuts)
        found = drain(spool)
    assert Counter(found) == Counter(rows)
    keys = [order((row[2], row[0])) for row in found]
    assert keys == sorted(keys)


@given(rows=_ROWS, cuts=_CUTS, max_cells=_SIZES)
def test_rows_keep_their_order_when_asked_to(rows, cuts, max_cells):
    with RowSpool((0,), keep_order=True, max_cells=max_cells) as spool:
        fill(spool, rows, cuts)
        assert len(spool) == len(rows)
        assert drain(spool) == rows


@given(
    rows=_ROWS,
    cuts=_CUTS,
    max_cells=_SIZES,
    keep_order=st.booleans(),
    indexes=st.sampled_from([(0,), (0, 2)]),
)
def test_duplicates_are_found_exactly_when_there_are_some(rows, cuts, max_cells, keep_order, indexes):
    keys = [tuple(row[index] for index in indexes) for row in rows]
    with RowSpool(indexes, keep_order=keep_order, max_cells=max_cells) as spool:
        fill(spool, rows, cuts)
        assert spool.has_duplicates() is (len(set(keys)) != len(keys))


@given(rows=_ROWS, max_cells=_SIZES)
def test_rows_without_a_key_keep_their_order(rows, max_cells):
    with RowSpool((), keep_order=True, max_cells=max_cells) as spool:
        fill(spool, rows, [5] * 20)
        assert drain(spool) == rows


@given(rows=_ROWS.filter(lambda rows: len({row[0] for row in rows}) == len(rows)), seed=st.randoms())
def test_the_order_in_which_rows_came_does_not_matter(rows, seed):
    shuffled = list(rows)
    seed.shuffle(shuffled)
    with RowSpool((0,), max_cells=20) as one, RowSpool((0,), max_cells=50) as other:
        fill(one, rows, [3] * 20)
        fill(other, shuffled, [4] * 20)
        assert drain(one) == drain(other)


@pytest.mark.parametrize("keep_order", [True, False])
def test_batches_have_a_thousand_rows(keep_order):
    with RowSpool((0,), keep_order=keep_order, max_cells=900) as spool:
        for first in range(0, 2_500, 500):
            spool.add([(str(number),) for number in range(first, first + 500)])
        assert [len(batch) for batch in spool.batches()] == [1_000, 1_000, 500]


def test_an_empty_spool_gives_nothing():
    with RowSpool((0,)) as spool:
        spool.add([])
        assert (len(spool), spool.has_duplicates(), list(spool.batches())) == (0, False, [])


def test_odd_texts_survive_the_file():
    rows = [("\ud83d", "\0", "\n", None), ("\U0001f600", "", "x" * 10_000, "-")]
    with RowSpool((0,), max_cells=1) as spool:
        spool.add(rows)
        assert sorted(drain(spool)) == sorted(rows)


def test_a_closed_spool_has_let_go_of_its_file():
    spool = RowSpool((0,), keep_order=True, max_cells=1)
    spool.add([("a",)])
    file = spool._file
    assert file is not None
    spool.close()
    spool.close()
    assert file.closed
