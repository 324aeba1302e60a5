"""Progress lines, on a clock that only the test moves."""

import logging

from airflow_provider_tiktok.reports.fetch.progress import Progress


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_long_report_logs_its_progress_every_few_seconds(caplog):
    caplog.set_level(logging.INFO)
    clock, calls = Clock(), [7]
    progress = Progress(3, 10, 10, lambda: calls[0], clock)
    logged = []
    for second in range(60):
        clock.now = 100 + second
        if second == 4:
            progress.window_done(pages=20, rows=20_000)
            calls[0] += 22
        progress.tick(lambda: (10, 4))
        if len(caplog.records) > len(logged):
            logged.append(second)
    assert logged == [5, 13, 25, 42]
    assert caplog.records[0].getMessage() == (
        "So far 0 of 3 account(s), 1 of 10 window(s), 24 pages, 20,000 complete rows (4,000 rows/s); 4.4 calls/s, 44% of "
        "the rate limit of 10; about 0:00:37 left"
    )


def test_a_short_report_logs_no_progress(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    progress = Progress(1, 1, 10, lambda: 0, clock)
    clock.now += 4.9
    progress.tick(lambda: (1, 0))
    assert caplog.text == ""


def test_before_the_first_window_nothing_is_guessed(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    progress = Progress(1, 1, 10, lambda: 1, clock)
    clock.now += 6
    progress.tick(lambda: (30, 2))
    assert "too early to say how long it takes" in caplog.text
