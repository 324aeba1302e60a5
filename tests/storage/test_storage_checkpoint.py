"""Checkpoints at the destination: when they are saved, and what damage to them does."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import fsspec
import pytest

from airflow_provider_tiktok.storage.checkpoint import Checkpoint

JOB = {"job": 1}
SAVE = 2.0  # seconds that a save takes


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class SlowCheckpoint(Checkpoint):
    """A checkpoint whose every upload takes a second."""

    def _upload(self, path: str, name: str) -> None:
        super()._upload(path, name)
        self._clock.now += SAVE / 2


def saved(folder: Path) -> int:
    """Return how many segments are at the destination."""
    return len(list(folder.rglob("*.rows")))


def test_saves_take_a_twentieth_of_the_time(tmp_path):
    clock = Clock()
    checkpoint = SlowCheckpoint(fsspec.filesystem("file"), str(tmp_path / "one"), JOB, clock=clock)
    saves = []
    for _ in range(120):
        checkpoint.add([b"row\n"])
        checkpoint.set_resume_point(lambda: {"position": 1})
        if saved(tmp_path) > len(saves):
            saves.append(clock.now)
        clock.now += 1
    checkpoint.close()
    assert [later - earlier for earlier, later in pairwise(saves)] == [20 * SAVE + SAVE] * (len(saves) - 1)
    assert saves[0] == 100 + 1 + SAVE
    assert len(saves) == 3


@pytest.mark.parametrize("place", range(0, 60, 5))
def test_rows_that_are_damaged_anywhere_are_not_used(tmp_path, place):
    def checkpoint() -> Checkpoint:
        return Checkpoint(fsspec.filesystem("file"), str(tmp_path / "one"), JOB)

    row = b"%02d" % place * 30
    first = checkpoint()
    first.add([row])
    first.set_resume_point(lambda: {"position": 1})
    first.save()
    first.close()
    (segment,) = tmp_path.rglob("*.rows")
    again = checkpoint()
    assert again.load() == {"position": 1}
    assert list(again.rows()) == [[row]]
    again.close()
    data = bytearray(segment.read_bytes())
    data[place] ^= 1
    segment.write_bytes(data)
    damaged = checkpoint()
    assert damaged.load() is None
    assert list(damaged.rows()) == []
    damaged.close()
