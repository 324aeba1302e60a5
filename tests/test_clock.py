"""The clock that tests move is right with several threads, too."""

import asyncio
import threading
import time

import pytest

from airflow_provider_tiktok import clock
from tests.clock import MovedClock

NEVER = threading.Event()


@pytest.fixture
def moved():
    moved = MovedClock()
    with clock.replaced(moved):
        yield moved


def in_threads(*works):
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_wait_moves_the_clock_to_its_end(moved):
    before, day = clock.monotonic(), clock.time()
    assert clock.wait(NEVER, 3600) is False
    assert 3600 <= clock.monotonic() - before < 3700
    assert 3600 <= clock.time() - day < 3700
    assert time.monotonic() < before + 3000


def test_an_event_ends_a_wait_before_its_time(moved):
    event = threading.Event()
    event.set()
    before = clock.monotonic()
    assert clock.wait(event, 3600) is True
    assert clock.monotonic() - before < 3000


def test_the_machines_clock_is_back_afterwards():
    with clock.replaced(MovedClock()):
        clock.wait(NEVER, 3600)
    assert abs(clock.monotonic() - time.monotonic()) < 100
    assert abs(clock.time() - time.time()) < 100


@pytest.mark.parametrize("count", [2, 20])
def test_waits_end_in_the_order_of_their_ends(moved, count):
    ended, together = [], threading.Barrier(count)

    def wait(number):
        together.wait()
        with moved.call():  # until all are at it
            together.wait()
            seconds = 1000 * (number + 1)
        clock.wait(NEVER, seconds)
        ended.append((number, clock.monotonic()))

    before = clock.monotonic()
    # a call on its way keeps the clock until all threads wait
    with moved.call():
        threads = [threading.Thread(target=wait, args=(number,)) for number in reversed(range(count))]
        for thread in threads:
            thread.start()
        while len(moved._ends) < count:
            time.sleep(0.001)
        assert not ended
    for thread in threads:
        thread.join(10)
    assert [number for number, _ in sorted(ended, key=lambda one: one[1])] == list(range(count))
    assert all(end - before >= 1000 * (number + 1) for number, end in ended)


def test_an_event_loops_wait_and_a_threads_are_one_order(moved):
    ended = []

    async def sleep():
        await clock.sleep(500)
        ended.append("loop")

    def wait():
        clock.wait(NEVER, 1000)
        ended.append("thread")

    with moved.call():
        threads = [threading.Thread(target=wait), threading.Thread(target=lambda: asyncio.run(sleep()))]
        for thread in threads:
            thread.start()
        while len(moved._ends) < 2:
            time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert ended == ["loop", "thread"]


def test_no_wait_moves_the_clock_while_a_call_is_on_its_way(moved):
    begun, over = threading.Event(), threading.Event()

    def wait():
        begun.set()
        clock.wait(NEVER, 3600)
        over.set()

    with moved.call():
        before = clock.monotonic()
        thread = threading.Thread(target=wait)
        thread.start()
        begun.wait(10)
        assert not over.wait(0.05)
        assert clock.monotonic() - before < 3000
    thread.join(10)
    assert over.is_set()


def test_an_event_that_another_thread_sets_ends_a_wait(moved):
    event = threading.Event()
    with moved.call():  # so that the wait lasts
        threading.Timer(0.02, event.set).start()
        assert clock.wait(event, 3600) is True


def test_advance_ends_waits_without_their_doing(moved):
    with moved.call():
        threading.Timer(0.02, moved.advance, (4000,)).start()
        assert clock.wait(NEVER, 3600) is False
