"""The threads that make a report's calls."""

import threading
import time

_CALLERS = ("tiktok-report", "tiktok-accounts")


def wait_for_calls(seconds: float = 10) -> None:
    """Wait until the calls of runs that have ended are answered: a run that fails doesn't wait for those under way."""
    deadline = time.monotonic() + seconds
    while [thread for thread in threading.enumerate() if thread.name.startswith(_CALLERS)]:
        assert time.monotonic() < deadline, "a thread outlives the task"
        time.sleep(0.01)
