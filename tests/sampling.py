"""The sample of tests and generated cases that a plain run makes, the same in every run; ``--full`` runs all."""

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
    """Whether tests take all generated cases."""


def sample(cases: Iterable[_Case], count: int) -> list[_Case]:
    """Return so many of the cases, in their order; in a full run all. The tests that take them are marked ``grows``."""
    all_cases = list(cases)
    if Run.full or len(all_cases) <= count:
        return all_cases
    chosen = random.Random(SEED).sample(range(len(all_cases)), count)
    return [all_cases[place] for place in sorted(chosen)]


def grows(item: pytest.Item) -> bool:
    """Return whether a test does more in a full run: with more cases, or more of Hypothesis' examples."""
    function = getattr(item, "function", None)
    return bool(item.get_closest_marker("grows") or getattr(function, "is_hypothesis_test", False))


def beyond_the_sample(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return the tests that a plain run leaves out.

    Those are the tests marked ``alone`` or ``full``, and of functions marked ``sampled(count)`` all but ``count``
    cases, of which the first have a value that no case chosen before has.
    """
    functions = defaultdict(list)
    beyond = set()
    for item in items:
        if item.get_closest_marker("alone") or item.get_closest_marker("full"):
            beyond.add(item)
        elif mark := item.get_closest_marker("sampled"):
            functions[item.nodeid.partition("[")[0], mark.args[0]].append(item)
    return beyond | {
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
