"""Journals of earlier versions, journals at the wrong place, and what outlasts an error."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files.local_disk import LocalDisk
from tests.storage.test_storage_atomic import Store, data_of, leftovers, matches_files, write

DISK = fsspec.filesystem("file")
HOURS_AGO = time.time() - 7200


def killed(lake: Path, journal: dict[str, Any], files: dict[str, bytes]) -> Path:
    """Write the folder of a killed run."""
    run = lake / ".tiktok-run-0a1b2c3d"
    run.mkdir()
    for name, data in files.items():
        (run / name).write_bytes(data)
    (run / ".journal.json").write_text(json.dumps(journal))
    return run


def step(path: str, source: str | None, kept: int, *, is_new: bool = False) -> dict[str, Any]:
    return {"path": path, "source": source, "is_new": is_new, "kept": f".{kept}.old"}


@pytest.fixture
def lake(tmp_path):
    """Return a folder with the partitions A, B and C of version "old"."""
    write(DISK, tmp_path / "lake", "old", True, ["A", "B", "C"])
    return tmp_path / "lake"


def contents(lake: Path) -> dict[str, bytes]:
    """Return the last row of each partition by its country."""
    return {
        name[len("country=")].upper(): data.splitlines()[-1] for name, data in sorted(data_of(lake).items())
    }


OLD, NEW = b'{"version":"old"}', b'{"version":"new"}'


@pytest.mark.parametrize("key", ["direction", "state"], ids=["earlier version", "this version"])
@pytest.mark.parametrize(
    ("state", "expected"),
    [("forward", {"A": NEW, "B": NEW, "D": NEW}), ("back", {"A": OLD, "B": OLD, "C": OLD})],
)
def test_a_journal_on_a_disk_is_carried_out(lake, key, state, expected):
    names = {country: f"country={country}/data.jsonl" for country in "ABCD"}
    steps = [
        step(names["A"], ".1.tmp", 0),
        step(names["B"], ".2.tmp", 1),
        step(names["D"], ".3.tmp", 2, is_new=True),
        step(names["C"], None, 3),
    ]
    # A, D and C are done, B is not
    run = killed(lake, {key: state, "steps": steps}, {".2.tmp": NEW})
    for number, country in ((0, "A"), (3, "C")):
        (lake / names[country]).rename(run / f".{number}.old")
    (lake / "country=D").mkdir()
    for country in "AD":
        (lake / names[country]).write_bytes(NEW)
    LocalDisk(lake).recover()
    assert contents(lake) == expected
    assert leftovers(lake) == []


def test_an_old_file_that_the_user_removed_does_not_stop_a_recovery(lake):
    steps = [step("country=A/data.jsonl", ".1.tmp", 0), step("country=B/data.jsonl", ".2.tmp", 1)]
    killed(lake, {"state": "forward", "steps": steps}, {".1.tmp": NEW, ".2.tmp": NEW})
    (lake / "country=A" / "data.jsonl").unlink()
    LocalDisk(lake).recover()
    assert contents(lake) == {"A": NEW, "B": NEW, "C": OLD}
    assert leftovers(lake) == []


def of_a_store(lake: Path, state: str) -> None:
    """Leave a journal of an earlier version in a store, two hours ago, after A was published."""
    run = f"{lake}/.tiktok-run-0a1b2c3d"
    journal = {
        "state": state,
        "files": [
            {"path": f"{lake}/country={country}/data.jsonl", "source": f"{run}/.{number}.tmp"}
            for number, country in enumerate("AB")
        ],
        "stale": [f"{lake}/country=C/data.jsonl"],
    }
    killed(lake, journal, {".0.tmp": NEW, ".1.tmp": NEW})
    for file in lake.rglob("*"):
        os.utime(file, (HOURS_AGO, HOURS_AGO - (file.name != ".journal.json")))


@pytest.mark.parametrize(
    ("state", "expected"),
    [("publishing", {"A": NEW, "B": NEW}), ("uploading", {"A": OLD, "B": OLD, "C": OLD})],
)
def test_the_journal_of_an_earlier_version_in_a_store_is_carried_out(lake, state, expected):
    of_a_store(lake, state)
    write(Store(), lake, "other", True, ["X"], covers=False)
    found = contents(lake)
    assert found.pop("X") == b'{"version":"other"}'
    assert found == expected
    assert leftovers(lake) == []


def test_a_rerun_of_the_request_supersedes_the_journal_of_an_earlier_version(lake):
    of_a_store(lake, "publishing")
    (lake / ".tiktok-run-0a1b2c3d" / ".journal.json").touch()  # it may still be active
    write(Store(), lake, "other", True, ["A", "B", "C"])
    assert set(contents(lake).values()) == {b'{"version":"other"}'}
    assert leftovers(lake) == []


def test_the_journal_of_a_disk_in_a_store_is_refused(lake):
    run = killed(lake, {"state": "back", "steps": [step("country=A/data.jsonl", ".1.tmp", 0)]}, {})
    os.utime(run / ".journal.json", (HOURS_AGO, HOURS_AGO))
    with pytest.raises(TikTokOutputError, match="is of a task that wrote to a disk; run it again there"):
        write(Store(), lake, "new", True, ["A"])
    assert (run / ".journal.json").exists()


class Azure(Store):
    """A store that copies asynchronously: not before the staged file is removed."""

    protocol = "abfs"

    def cp_file(self, path1, path2, **kwargs):
        raise AssertionError("the copy would be empty")

    def get_file(self, rpath, lpath, **kwargs):
        Path(lpath).write_bytes(Path(rpath).read_bytes())


def test_a_journal_in_a_store_that_copies_asynchronously_is_carried_out_by_uploads(lake):
    of_a_store(lake, "publishing")
    write(Azure(), lake, "other", True, ["X"], covers=False)
    assert contents(lake) == {"A": NEW, "B": NEW, "X": b'{"version":"other"}'}
    assert leftovers(lake) == []


def test_an_error_with_the_journals_of_others_does_not_fail_a_run_that_has_published(lake):
    published = lake / "country=X" / "data.jsonl"
    refused = []

    class Listing(Store):
        def ls(self, path, detail=False, **kwargs):
            if path == str(lake) and published.exists():
                refused.append(path)
                raise ConnectionError("reset")
            return super().ls(path, detail=detail, **kwargs)

    write(Listing(), lake, "other", True, ["X"], covers=False)
    assert refused
    assert contents(lake)["X"] == b'{"version":"other"}'
    assert matches_files(lake / "_manifest.json")


def test_folders_of_a_failed_run_are_removed_before_another_can_use_them(lake, monkeypatch):
    run = LocalDisk(lake)
    changes = []
    for country in "DE":
        changes.append((run.new_file(), f"{lake}/country={country}/data.jsonl"))
        changes[-1][0].write_bytes(NEW)
    real = Path.replace

    def refuse(self: Path, target: Any) -> Any:
        if "country=E" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        run.replace_all(changes, [])
    # the lock of the destination is free, so another run can publish into an empty folder
    assert sorted(path.name for path in lake.glob("country=*")) == ["country=A", "country=B", "country=C"]
    run.discard()


def test_a_partition_behind_a_link_to_one_without_rows_is_refused(lake):
    (lake / "country=D").symlink_to(lake / "country=C")
    with pytest.raises(TikTokOutputError, match="two partitions have the same folder"):
        write(DISK, lake, "new", True, ["A", "D"])
    assert contents(lake)["C"] == OLD
    assert leftovers(lake) == []
