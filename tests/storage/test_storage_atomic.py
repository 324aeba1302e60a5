"""Atomic publication: kills at every step and at random times, and errors."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files import local_disk, locks, object_store, publication
from airflow_provider_tiktok.storage.files.destination import Destination
from airflow_provider_tiktok.storage.files.target import parse_target
from tests.sampling import Run

COLUMNS = {"country": "string", "version": "string"}
COUNTRIES = [f"C{number}" for number in range(4)]


class Store(LocalFileSystem):
    """An object store on a disk: each write is atomic, and folders don't exist."""

    protocol = "store"
    cachable = False

    def _write_atomically(self, path: str, write: Callable[[Path], Any]) -> None:
        temporary = Path(path + ".store-temporary")
        temporary.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.rename(path)

    def act(self, name: str) -> None:
        """Do nothing; tests replace it."""

    def put_file(self, lpath, rpath, **kwargs):
        self.act("put")
        self._write_atomically(rpath, lambda temporary: shutil.copyfile(lpath, temporary))

    def pipe_file(self, path, value, **kwargs):
        self.act("pipe")
        self._write_atomically(path, lambda temporary: temporary.write_bytes(value))

    def cp_file(self, path1, path2, **kwargs):
        self.act("copy")
        self._write_atomically(path2, lambda temporary: shutil.copyfile(path1, temporary))

    def rm_file(self, path):
        self.act("remove")
        super().rm_file(path)

    def rm(self, path, recursive=False, maxdepth=None):
        self.act("remove all")
        super().rm(path, recursive=recursive)


FILESYSTEMS: dict[str, Callable[[], Any]] = {"disk": lambda: fsspec.filesystem("file"), "store": Store}


def write(
    fs: Any, path: Path, version: str, partitioned: bool, countries: Any = COUNTRIES, covers: Any = True
) -> Any:
    by = ("country",) if partitioned else ()
    text = str(path) if path.suffix else f"{path}/"
    destination = Destination(parse_target(text, "jsonl", by), fs, text.rstrip("/"), COLUMNS)
    try:
        destination.name_files("data")
        for country in countries:
            destination.write(destination.encode([[country] * 50, [version] * 50], [True, True]))
        return destination.publish({"version": version}, lambda _: covers)
    finally:
        destination.discard()


def data_of(path: Path) -> dict[str, bytes]:
    """Return the data files by name."""
    if path.suffix:
        return {path.name: path.read_bytes()} if path.exists() else {}
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    }


def leftovers(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.startswith(".")]


def is_publishing(folder: Path) -> bool:
    return any(folder.rglob(f"{publication.RUN_FOLDER}*/{publication.JOURNAL}"))


def matches_files(manifest: Path) -> bool:
    """Return whether a manifest matches its files."""
    return all(
        Path(file["path"]).exists()
        and hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest() == file["sha256"]
        for file in json.loads(manifest.read_bytes())["files"]
    )


KINDS = [("out/rows.jsonl", False), ("out/lake", False), ("out/lake", True)]


@pytest.fixture(params=KINDS, ids=["file", "folder", "partitions"])
def place(request, tmp_path, monkeypatch):
    """Return a destination with the files of version "old", whether it is partitioned, and both versions' files."""
    monkeypatch.setattr(local_disk, "_sync", lambda path: None)
    name, partitioned = request.param
    versions = {}
    for version, countries in (("new", COUNTRIES[1:]), ("old", COUNTRIES)):
        path = tmp_path / name
        write(fsspec.filesystem("file"), path, version, partitioned, countries)
        versions[version] = data_of(path)
    return tmp_path / name, partitioned, versions


def in_child(work: Callable[[], Any]) -> int:
    """Run a function in a child process and return the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) <= 0
    return os.WTERMSIG(status)


def check(path: Path, versions: dict[str, dict[str, bytes]]) -> str:
    """Assert that every file is complete and that a mixture has a journal; return which version it is."""
    found = data_of(path)
    for name, data in found.items():
        assert data in {versions[version].get(name) for version in versions}
    if not is_publishing(path.parent):
        assert found in versions.values()
    return "old" if found == versions["old"] else "new" if found == versions["new"] else "mixed"


# kills


def killing_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the process before one of its steps on the disk or in the store."""
    left = [steps]

    def step(real: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return counted

    for module, name in ((os, "link"), (os, "replace"), (Path, "replace"), (Path, "unlink"), (Path, "mkdir")):
        monkeypatch.setattr(module, name, step(getattr(module, name)))
    monkeypatch.setattr(Path, "write_text", step(Path.write_text))
    monkeypatch.setattr(shutil, "rmtree", step(shutil.rmtree))
    monkeypatch.setattr(Store, "act", step(Store.act))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", FILESYSTEMS)
def test_a_kill_at_any_step_leaves_old_or_new_files_for_the_next_run(place, kind, tmp_path, monkeypatch):
    path, partitioned, versions = place
    monkeypatch.setattr(object_store.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    seen = set()
    for steps in range(200):
        write(FILESYSTEMS["disk"](), path, "old", partitioned)
        assert data_of(path) == versions["old"]

        def run(steps: int = steps) -> None:
            with monkeypatch.context() as patch:
                killing_after(steps, patch)
                write(FILESYSTEMS[kind](), path, "new", partitioned, COUNTRIES[1:])

        died = in_child(run)
        seen.add(check(path, versions))
        if not died:
            break
        # a store has no locks, so only the same request can know that the run has ended
        again = ("new", COUNTRIES[1:]) if kind == "store" else None
        if again:
            write(FILESYSTEMS[kind](), path, again[0], partitioned, again[1])
        else:
            Destination(
                parse_target(f"{path.parent if path.suffix else path}/", "jsonl", ()),
                FILESYSTEMS[kind](),
                str(path.parent if path.suffix else path),
                COLUMNS,
            ).discard()
        assert data_of(path) in versions.values()
        assert leftovers(path.parent) == []
        assert list((tmp_path / "temporary").iterdir()) == []
        if not path.suffix:
            assert matches_files(path / "_manifest.json")
            version = json.loads((path / "_manifest.json").read_bytes())["version"]
            assert data_of(path) == versions[version]
    else:
        raise AssertionError("it never completes")
    assert {"old", "new"} <= seen
    assert steps > 3


@pytest.mark.grows
def test_kills_at_random_times_leave_old_or_new_files(place):
    path, partitioned, versions = place
    chance = random.Random(5)

    def run() -> None:
        while True:
            for version, countries in (("new", COUNTRIES[1:]), ("old", COUNTRIES)):
                write(FILESYSTEMS["disk"](), path, version, partitioned, countries)

    for _ in range(30 if Run.full else 8):
        child = os.fork()
        if child == 0:
            run()
        time.sleep(chance.uniform(0.005, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        check(path, versions)
        version = chance.choice(["old", "new"])
        write(
            FILESYSTEMS["disk"](),
            path,
            version,
            partitioned,
            COUNTRIES if version == "old" else COUNTRIES[1:],
        )
        assert data_of(path) == versions[version]
        assert leftovers(path.parent) == []
        if not path.suffix:
            assert matches_files(path / "_manifest.json")


# errors


def refusing_from(number: int, patch: pytest.MonkeyPatch, error: BaseException, once: bool) -> list[int]:
    """Raise an error at one step of the publication, or from then on; the list counts the steps."""
    count = [0]

    def step(real: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            if count[0] - 1 == number or (not once and count[0] > number):
                raise error
            return real(*args, **kwargs)

        return counted

    patch.setattr(os, "link", step(os.link))
    patch.setattr(os, "replace", step(os.replace))
    patch.setattr(Path, "replace", step(Path.replace))
    patch.setattr(Path, "write_text", step(Path.write_text))
    patch.setattr(Path, "mkdir", step(Path.mkdir))
    return count


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=errno.errorcode.get)
def test_an_error_at_any_step_leaves_the_old_files(place, monkeypatch, code):
    path, partitioned, versions = place
    before = (path / "_manifest.json").read_bytes() if not path.suffix else b""
    raised = unchanged = 0
    for number in range(100):
        with monkeypatch.context() as patch:
            count = refusing_from(number, patch, OSError(code, os.strerror(code)), once=True)
            try:
                write(FILESYSTEMS["disk"](), path, "new", partitioned, COUNTRIES[1:])
            except TikTokOutputError as error:
                unchanged += "the previous files are unchanged" in str(error)
                raised += 1
                assert data_of(path) == versions["old"]
                assert leftovers(path.parent) == []
                assert path.suffix or (path / "_manifest.json").read_bytes() == before
                continue
        if count[0] <= number:
            break
        # a disk without hard links is no failure
        assert data_of(path) == versions["new"]
        write(FILESYSTEMS["disk"](), path, "old", partitioned)
        before = (path / "_manifest.json").read_bytes() if not path.suffix else b""
    assert data_of(path) == versions["new"]
    assert raised == unchanged >= (2 if path.suffix else 5)


def test_a_task_that_is_stopped_at_any_step_leaves_the_old_files(place, monkeypatch):
    path, partitioned, versions = place
    for number in range(100):
        with monkeypatch.context() as patch:
            count = refusing_from(number, patch, KeyboardInterrupt(), once=True)
            with suppress(KeyboardInterrupt):
                write(FILESYSTEMS["disk"](), path, "new", partitioned, COUNTRIES[1:])
        assert leftovers(path.parent) == []
        if count[0] <= number:
            break
        assert data_of(path) == versions["old"]
    assert data_of(path) == versions["new"]
    assert number >= (2 if path.suffix else 5)


@pytest.mark.parametrize(("refused", "version"), [(".jsonl", "old"), ("", "new")])
def test_a_failed_rollback_is_repaired_by_the_next_run(tmp_path, monkeypatch, refused, version):
    path = tmp_path / "lake"
    for each in ("new", "old"):
        write(FILESYSTEMS["disk"](), path, each, True)
        (tmp_path / each).mkdir()
        shutil.copytree(path, tmp_path / each, dirs_exist_ok=True)
    replaced = []
    real = Path.replace

    def lost(self, target):
        replaced.append(str(target).endswith(".jsonl"))
        if sum(replaced) > 2 and str(target).endswith(refused):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lost)
        with pytest.raises(
            TikTokOutputError, match="some files are new and some are old, which the next run repairs"
        ):
            write(FILESYSTEMS["disk"](), path, "new", True)
    assert is_publishing(path)
    Destination(parse_target(f"{path}/", None), FILESYSTEMS["disk"](), str(path), COLUMNS).discard()
    assert data_of(path) == data_of(tmp_path / version)
    assert matches_files(path / "_manifest.json")
    assert leftovers(path) == []


def refuse(action: str, number: int, monkeypatch: pytest.MonkeyPatch, *, times: int = 10**6) -> list[str]:
    seen: list[str] = []

    def act(self, name):
        seen.append(name)
        done = seen.count(action)
        if name == action and number < done <= number + times:
            raise RuntimeError("SlowDown: secret=abc")

    monkeypatch.setattr(Store, "act", act)
    return seen


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("action", ["put", "pipe"])
def test_an_upload_that_is_refused_half_way_leaves_the_old_files(tmp_path, monkeypatch, action, number):
    path = tmp_path / "lake"
    write(Store(), path, "old", True)
    before = data_of(path), (path / "_manifest.json").read_bytes()
    refuse(action, number if action == "put" else number % 2, monkeypatch)
    with pytest.raises(TikTokOutputError) as caught:
        write(Store(), path, "new", True)
    assert str(caught.value) == (
        "The files could not be written (OSError: RuntimeError while uploading), and the previous files are "
        f"unchanged: '{path}'. Check space and permissions, then run the task again."
    )
    assert (data_of(path), (path / "_manifest.json").read_bytes()) == before
    assert leftovers(path) == []


def test_one_file_whose_upload_is_refused_stays(tmp_path, monkeypatch):
    path = tmp_path / "rows.jsonl"
    write(Store(), path, "old", False)
    before = data_of(path)
    refuse("put", 0, monkeypatch)
    with pytest.raises(TikTokOutputError, match="the previous files are unchanged"):
        write(Store(), path, "new", False)
    assert data_of(path) == before


def test_a_store_that_does_not_copy_gets_a_second_upload(tmp_path, monkeypatch):
    path = tmp_path / "lake"
    write(Store(), path, "old", True)
    refuse("copy", 0, monkeypatch)
    write(Store(), path, "new", True)
    assert all(b"new" in data for data in data_of(path).values())
    assert matches_files(path / "_manifest.json")
    assert leftovers(path) == []


def test_a_store_that_fails_at_the_last_step_has_a_journal_that_the_retry_removes(tmp_path, monkeypatch):
    path = tmp_path / "lake"
    write(Store(), path, "old", True)

    def act(self, name, seen=[]):  # noqa: B006 - it keeps state between calls
        seen.append(name)
        if seen.count("copy") > 2:
            raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "act", act)
        with pytest.raises(
            TikTokOutputError, match="some files are new and some are old, which the next run repairs"
        ):
            write(Store(), path, "new", True)
    assert is_publishing(path)
    assert not matches_files(path / "_manifest.json")
    write(Store(), path, "new", True)
    assert matches_files(path / "_manifest.json")
    assert leftovers(path) == []


def left_by_a_kill(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill a run into a store after two of its files are published."""

    def act(self, name, seen=[]):  # noqa: B006 - it keeps state between calls
        seen.append(name)
        if seen.count("copy") > 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "act", act)
        assert in_child(lambda: write(Store(), path, "new", True)) == signal.SIGKILL
    assert is_publishing(path)


def test_another_request_finishes_in_a_store_what_was_left_for_an_hour(tmp_path, monkeypatch):
    path = tmp_path / "lake"
    write(Store(), path, "old", True)
    left_by_a_kill(path, monkeypatch)
    write(Store(), path, "other", True, ["C9"], covers=False)
    assert is_publishing(path)  # the run may still be active
    (journal,) = path.rglob(publication.JOURNAL)
    two_hours_ago = time.time() - 7200
    for file in path.rglob("*"):
        if file.is_file():
            os.utime(file, (two_hours_ago, two_hours_ago - 60))
    os.utime(journal, (two_hours_ago, two_hours_ago))
    superseded = path / "country=C3" / "data.jsonl"
    superseded.write_bytes(b"newer\n")
    write(Store(), path, "other", True, ["C8"], covers=False)
    assert leftovers(path) == []
    found = data_of(path)
    assert [b'"new"' in found[f"country={name}/data.jsonl"] for name in COUNTRIES] == [
        True,
        True,
        True,
        False,
    ]
    assert found["country=C3/data.jsonl"] == b"newer\n"


# concurrent runs


def test_the_files_of_an_active_run_are_not_removed(tmp_path):
    path = tmp_path / "lake"
    text = f"{path}/"
    first = Destination(parse_target(text, "jsonl", ("country",)), FILESYSTEMS["disk"](), str(path), COLUMNS)
    first.name_files("data")
    first.write(first.encode([["A"], ["1"]], [True, True]))
    write(FILESYSTEMS["disk"](), path, "2", True, ["B"], covers=False)
    first.publish({}, lambda partition: partition["country"] == "A")
    assert sorted(data_of(path)) == ["country=A/data.jsonl", "country=B/data.jsonl"]
    assert leftovers(path) == []


def test_concurrent_runs_on_other_partitions_do_not_hurt_each_other(tmp_path):
    path = tmp_path / "lake"
    children = []
    for number in range(6):
        child = os.fork()
        if child == 0:
            try:
                for turn in range(8):
                    names = [f"P{number}-{country}" for country in (COUNTRIES if turn % 2 else COUNTRIES[:2])]
                    target = parse_target(f"{path}/", "jsonl", ("country",))
                    run = Destination(target, FILESYSTEMS["disk"](), str(path), COLUMNS)
                    run.name_files("data")
                    for name in names:
                        run.write(run.encode([[name], [str(turn)]], [True, True]))
                    run.publish({}, lambda partition, own=f"P{number}-": partition["country"].startswith(own))
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    assert data_of(path) == {
        f"country=P{number}-{country}/data.jsonl": b'{"version":"7"}\n'
        for number in range(6)
        for country in COUNTRIES
    }
    assert leftovers(path) == []
    manifest = json.loads((path / "_manifest.json").read_bytes())
    assert len({file["partition"]["country"].partition("-")[0] for file in manifest["files"]}) == 1
    assert matches_files(path / "_manifest.json")


def test_concurrent_runs_on_the_same_partitions_end_with_the_files_of_one(tmp_path):
    path = tmp_path / "lake"
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            try:
                for _ in range(10):
                    write(FILESYSTEMS["disk"](), path, str(number), True)
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert len(set(data_of(path).values())) == 1
    assert matches_files(path / "_manifest.json")


def test_a_lock_timeout_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "lake"
    write(FILESYSTEMS["disk"](), path, "old", True)
    before = data_of(path)
    monkeypatch.setattr(locks, "_LOCK_TIMEOUT", 0.05)
    with (
        locks.exclusive_lock(path),
        pytest.raises(TikTokOutputError, match="another task has been publishing there for ten minutes"),
    ):
        write(FILESYSTEMS["disk"](), path, "new", True)
    assert data_of(path) == before
