"""How much of the generated cases a run takes: all of them with ``--full``, else a sample, the same in every run."""

import random
from collections.abc import Iterable
from typing import TypeVar

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
