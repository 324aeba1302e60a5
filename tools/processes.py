"""Start programs, and leave none behind.

Every program runs in a session of its own: Ctrl-C reaches this process alone, which then ends the programs in order.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import psutil

from tools.progress import ROOT, Stop, console, shown, step, tail

_GRACE_SECONDS = 6.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_running: list[subprocess.Popen[bytes]] = []


def run_main(main: Callable[[], object]) -> NoReturn:
    """Run a target; whatever happens, no process that it started outlives it."""
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    code = 0
    try:
        main()
    except Stop as stop:
        if stop.log:
            tail(stop.log)
        print(stop, file=sys.stderr)
        code = 1
    except BrokenPipeError:
        # The reader of the output has gone (`make demo | head`); nor may Python complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        print(f"{error}: the clone must be writable and the disk not full.", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        code = 130
    finally:
        end_all()
    sys.exit(code)


def start(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, its output in ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _running.append(process)
    return process


def run(title: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a program to its end.

    :raises Stop: it failed.
    """
    with step(title):
        process = start(command, log, env)
        process.wait()
        end(process)
        if process.returncode:
            raise Stop(f"'{title}' failed; the lines above are the end of {shown(log)}.", log)


def wait_until(
    ready: Callable[[], object], process: subprocess.Popen[bytes], log: Path, seconds: float
) -> None:
    """Wait for a program that was started to be ready.

    :raises Stop: it ended, or was not ready in time.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            what = "ended" if process.poll() is not None else f"was not ready after {seconds:.0f} s"
            raise Stop(f"The {log.stem} {what}; the lines above are the end of {shown(log)}.", log)
        time.sleep(0.2)


def end(*processes: subprocess.Popen[bytes]) -> None:
    """End programs and all that they started: all are asked first, since Airflow's parts wait long for their children."""
    for process in processes:
        _send(signal.SIGTERM, process)
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        _send(signal.SIGKILL, process)
        process.wait()
        if process in _running:
            _running.remove(process)


def end_all() -> None:
    """End every program that is still running, the youngest first; a second Ctrl-C does not prevent it."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    end(*reversed(_running))


def _send(number: signal.Signals, leader: subprocess.Popen[bytes]) -> None:
    """Send a signal to a session: Airflow's tasks have process groups of their own, but no session of their own."""
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader.pid:
                os.kill(pid, number)
