"""The sampling of generated cases: all with ``--full``, else a sample that is the same in every run."""

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

import pytest

SEED = 13

_Case = TypeVar("_Case")


class Run:
    """This run of pytest."""

    full = False


def sample(cases: Iterable[_Case], count: int) -> list[_Case]:
    """Return so many of the cases, in their order; all of them with ``--full``."""
    all_cases = list(cases)
    if Run.full or len(all_cases) <= count:
        return all_cases
    chosen = random.Random(SEED).sample(range(len(all_cases)), count)
    return [all_cases[place] for place in sorted(chosen)]


def left_out(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return the tests marked ``sampled(count)`` that this run leaves out; none with ``--full``.

    Of each test function ``count`` cases are chosen, first those with a value that no case chosen before has.
    """
    functions = defaultdict(list)
    for item in items:
        if (mark := item.get_closest_marker("sampled")) and not Run.full:
            functions[item.nodeid.partition("[")[0], mark.args[0]].append(item)
    return {
        item
        for (_, count), cases in functions.items()
        for item in _by_novelty(random.Random(SEED).sample(cases, len(cases)))[count:]
    }


def _by_novelty(cases: list[pytest.Item]) -> list[pytest.Item]:
    """Return the cases, first those with a value that none before them has."""
    seen: set[tuple[str, int]] = set()
    first, others = [], []
    for case in cases:
        values = set(case.callspec.indices.items())  # type: ignore[attr-defined]
        (others if values <= seen else first).append(case)
        seen |= values
    return first + others
