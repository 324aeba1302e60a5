"""The exclusive lock of a folder."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_tiktok.storage.files import locks


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
