"""The locks of folders: exclusive ones, and those that show that a run is active."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_provider_tiktok.storage.files import local_disk, locks
from airflow_provider_tiktok.storage.files.local_disk import LocalDisk
from airflow_provider_tiktok.storage.files.object_store import ObjectStore


def test_a_lock_is_waited_for(tmp_path):
    held, release, order = threading.Event(), threading.Event(), []

    def hold() -> None:
        with locks.exclusive_lock(tmp_path):
            held.set()
            release.wait(10)
            order.append("first")

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    threading.Timer(0.1, release.set).start()
    with locks.exclusive_lock(tmp_path):
        order.append("second")
    holder.join(10)
    assert order == ["first", "second"]


def test_a_lock_that_stays_taken_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_LOCK_TIMEOUT", 0.05)
    with (
        locks.exclusive_lock(tmp_path),
        pytest.raises(TimeoutError, match="another task"),
        locks.exclusive_lock(tmp_path),
    ):
        pass


# a new folder is not taken for a stale one


def test_a_new_folder_that_is_removed_before_it_is_locked_is_replaced(tmp_path):
    created = []

    def create() -> Path:
        created.append(tmp_path / str(len(created)))
        created[-1].mkdir()
        if len(created) == 1:  # another process recovers between the creation and the lock
            with locks.locked_if_stale(created[0]) as is_stale:
                assert is_stale
                created[0].rmdir()
        return created[-1]

    folder, lock = locks.create_locked_folder(create)
    assert folder == created[1]
    with locks.locked_if_stale(folder) as is_stale:
        assert not is_stale
    lock.release()


def test_a_new_folder_that_is_being_removed_is_not_used(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with locks.locked_if_stale(first) as is_stale:
        assert is_stale
        folder, lock = locks.create_locked_folder(iter([first, second]).__next__)
        assert folder == second
    lock.release()


def test_a_new_folder_with_the_path_of_a_removed_one_is_not_locked(tmp_path, monkeypatch):
    folder, real = tmp_path / "folder", locks._lock
    folder.mkdir()

    def lock(handle: int) -> bool:
        folder.rename(tmp_path / "removed")
        folder.mkdir()
        return real(handle)

    monkeypatch.setattr(locks, "_lock", lock)
    with pytest.raises(FileNotFoundError):
        locks.FolderLock(folder)


def test_a_folder_that_is_removed_again_and_again_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        locks.create_locked_folder(lambda: tmp_path / "missing")


@pytest.mark.parametrize("kind", ["disk", "store"])
def test_the_folder_of_a_starting_run_survives_the_recovery_of_another(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def run() -> LocalDisk | ObjectStore:
        return LocalDisk(tmp_path) if kind == "disk" else ObjectStore(fsspec.filesystem("memory"), "/lake")

    def recovering(create: Callable[..., Any]) -> Callable[..., Any]:
        def created(*args: Any, **options: Any) -> Any:
            folder = create(*args, **options)
            if not folders:
                folders.extend(tmp_path.iterdir())
                run().recover()
                assert list(tmp_path.iterdir()) == []
            return folder

        return created

    folders: list[Path] = []
    for module, name in ((tempfile, "mkdtemp"), (Path, "mkdir")):
        monkeypatch.setattr(module, name, recovering(getattr(module, name)))
    starting = run()
    part = starting.new_file()
    part.write_bytes(b"rows")
    assert len(folders) == 1
    run().recover()
    assert part.read_bytes() == b"rows"
    starting.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["disk", "store"])
def test_a_recovery_holds_the_lock_of_the_folder_that_it_removes(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stale = tmp_path / (".tiktok-run-1" if kind == "disk" else "tiktok-report-1")
    stale.mkdir()
    removed, real = [], shutil.rmtree

    def remove(folder: Path, **options: Any) -> None:
        with pytest.raises(BlockingIOError):
            locks.FolderLock(folder)
        removed.append(folder)
        real(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", remove)
    run = LocalDisk(tmp_path) if kind == "disk" else ObjectStore(fsspec.filesystem("memory"), "/lake")
    run.recover()
    assert removed == [stale]
    assert not stale.exists()


def test_a_folder_that_a_failed_run_removes_during_the_recovery_is_no_error(tmp_path, monkeypatch):
    lake = tmp_path / "lake"
    (lake / ".tiktok-run-1").mkdir(parents=True)
    real = local_disk.exclusive_lock

    def lock(folder: Path) -> Any:
        shutil.rmtree(folder)
        return real(folder)

    monkeypatch.setattr(local_disk, "exclusive_lock", lock)
    LocalDisk(lake).recover()
    assert not lake.exists()
