"""Starts programs and sees to it that none outlives the target that started it.

Every program runs in a session of its own: Ctrl-C reaches this process alone, which then stops the
sessions in order. Signals become the exception :class:`Interrupted`, though never between the start of a
program and its being written down.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from tools.console import Step, Stop
from tools.paths import ROOT, shown

LOOPBACK = "127.0.0.1"
_PATIENCE = 6.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM, or a closed terminal."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class _Signals:
    """Raises :class:`Interrupted`, at once or when what must not be torn apart is over."""

    def __init__(self) -> None:
        self.held = 0
        self.pending = 0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if self.held:
            self.pending = number
        else:
            raise Interrupted(number)

    @contextmanager
    def hold(self) -> Iterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
        if self.pending and not self.held:
            number, self.pending = self.pending, 0
            raise Interrupted(number)


_signals = _Signals()
_running: list[subprocess.Popen[bytes]] = []


def catch_signals() -> None:
    """Turn signals that end a program into :class:`Interrupted`."""
    for number in _SIGNALS:
        signal.signal(number, _signals)


def start(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, its output in ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, _signals.hold():
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


def run(
    command: Sequence[str | Path],
    log: Path,
    step: Step,
    env: Mapping[str, str] | None = None,
    progress: Callable[[str], str] | None = None,
) -> int:
    """Run a program to its end while ``step`` shows that it is alive.

    :param progress: gives the step's note from each line of the program's output
    :return: the exit code
    """
    process = start(command, log, env)
    with log.open(encoding="utf-8", errors="replace") as output:
        while process.poll() is None:
            if progress:
                for entry in output:
                    step.note = progress(entry.strip()) or step.note
            step.tick()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
    stop(process)
    step.failed = process.returncode != 0
    return process.returncode


def run_or_stop(
    command: Sequence[str | Path], log: Path, step: Step, env: Mapping[str, str] | None = None
) -> None:
    """Run a program; when it fails, show the end of its log and end the target."""
    if run(command, log, step, env):
        raise Stop(f"'{step.title}' failed; the lines above are the end of {shown(log)}.", log)


def stop(*processes: subprocess.Popen[bytes]) -> None:
    """End programs and all that they started: first asked, then made to.

    All are asked, since Airflow's parts wait long for children that do not know.
    """
    with _signals.hold():
        for process in processes:
            for pid in _session(process.pid):
                _send(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in processes:
            for pid in _session(process.pid):
                _send(pid, signal.SIGKILL)
            process.wait()
            if process in _running:
                _running.remove(process)


def _session(leader: int) -> list[int]:
    """Return the program and its descendants; Airflow's tasks have their own group, but not their own session."""
    if Path("/proc/self/stat").exists():
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    else:
        listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=False)
        pids = [int(pid) for pid in listed.stdout.split()]
    found = []
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader:
                found.append(pid)
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def stop_all() -> None:
    """End every program that is still running, the youngest first; a second Ctrl-C does not hinder it."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    stop(*reversed(_running))


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of the loopback interface."""
    if accepts(port):
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(target: str, setting: str, port: int) -> None:
    """End the target when a port is taken, and name one that is not."""
    if not is_free(port):
        other = next((free for free in range(port + 1, 65536) if is_free(free)), port)
        raise Stop(
            f"Port {port} of {LOOPBACK} is in use: stop what listens there, "
            f"or take another port: make {target} {setting}={other}"
        )


def wait_until(
    ready: Callable[[], object], process: subprocess.Popen[bytes], log: Path, step: Step, seconds: float
) -> None:
    """Wait for a program that was started to be ready.

    :raises Stop: it ended or was not ready in time
    """
    while not ready():
        ended = process.poll() is not None
        if ended or step.seconds > seconds:
            what = "ended" if ended else f"was not ready after {seconds:.0f} s"
            raise Stop(f"'{step.title}' {what}; the lines above are the end of {shown(log)}.", log)
        step.tick()
        time.sleep(0.2)


def accepts(port: int) -> bool:
    """Say whether something listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
