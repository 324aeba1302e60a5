"""Where the state of an app's rate limiter is: in a file that all tasks of a machine share, or in memory.

The file is small, belongs to the user that Airflow's tasks run as, and is named after a digest; it holds
times and counts, and neither token nor app ID. The operating system's lock on it lasts for one read and write,
and ends with the process, so that a task which dies blocks no other.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from airflow_provider_tiktok import clock

try:
    import fcntl
except ImportError:  # a system without such locks: every task keeps a state of its own
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

_MOST_SHARED = 128  # calls a second; TikTok's highest level has 50, so more than this means "no limit"
_LOCK_RETRY = 0.001  # seconds
_CLOSED = -1
_ASIDE = ".unusable"
_VERSION = 3  # of what the file holds; versions have files of their own
_SIZE = 4096  # bytes of the file, always, so that it is written at once
_LOCK_TIMEOUT = 0.5  # seconds; a lock lasts for a millisecond, unless its process is frozen
_MOST_REFUSALS = 1_000  # in a row; long before, it is known to be the limit of a day
_MOST_RATE = 1_000_000  # calls a second
_Result = TypeVar("_Result")

MOST_ACCOUNTS = 32
"""Accounts whose backoffs are kept, of which each has a few dozen bytes of the file."""

SECOND, MINUTE, DAY = "second", "minute", "day"
"""The limits of an app: calls a second, a minute, a day."""

LEAST_RATE = 0.5
"""Calls a second that are made after any number of refusals."""


@dataclass
class LimiterState:
    """The state of an app's rate limiter. Times are seconds on the clock of its store.

    :param starts: when the latest calls started, oldest first.
    :param rate: calls a second allowed at ``rate_at``, after a refusal; 0 when there was none.
    :param blocked_at: when it was decided to make no call for a while.
    :param blocked_until: when calls are made again.
    :param refusals: consecutive refusals, since TikTok last took a call.
    :param refused_at: when it first did.
    :param probed_at: when a call started that finds out whether TikTok takes calls again; 0 when none is in flight.
    :param limit: the limit that it was.
    :param created_at: when the latest call started that creates a report task.
    :param accounts: until when no call about an account is made, by a digest of its ID.
    """

    starts: deque[float] = field(default_factory=deque)
    rate: float = 0.0
    rate_at: float = 0.0
    blocked_at: float = 0.0
    blocked_until: float = 0.0
    refusals: int = 0
    refused_at: float = 0.0
    probed_at: float = 0.0
    limit: str = ""
    created_at: float = 0.0
    accounts: dict[str, float] = field(default_factory=dict)


_FIELDS = frozenset(LimiterState.__dataclass_fields__)
_TIMES = ("rate_at", "blocked_at", "blocked_until", "refused_at", "probed_at", "created_at")


class UntrueError(ValueError):
    """A state is one that none of our tasks writes; the text says why."""


def new_state(calls: int) -> LimiterState:
    """Return the state of an app of which nothing is known.

    :param calls: how many calls to remember.
    """
    return LimiterState(starts=deque(maxlen=calls))


Change = Callable[[LimiterState, float], _Result]
"""Reads or changes a state at a time of its store's clock. It may be called again, with another state, if a store has to."""


class StateStore(Protocol):
    """Keeps a state, whose times are those of one clock."""

    @property
    def problem(self) -> str:
        """Why the state is not shared as it should be; empty if it is."""

    def update(self, change: Change[_Result]) -> _Result:
        """Apply a change, with no other one at the same time, and return what it returns.

        A change that raises :class:`UntrueError` is applied to a new state, which replaces the one that can't be true.
        """

    def close(self) -> None:
        """Close it."""


class MemoryStore:
    """Keeps the state for this process alone.

    :param calls: how many calls to remember.
    :param now: seconds on a clock that never goes back.
    """

    problem = ""

    def __init__(self, calls: int, now: Callable[[], float] = clock.monotonic) -> None:
        self._calls = calls
        self._now = now
        self._lock = threading.Lock()
        self._state = new_state(calls)

    def update(self, change: Change[_Result]) -> _Result:
        """Apply a change."""
        with self._lock:
            try:
                return change(self._state, self._now())
            except UntrueError:
                self._state = new_state(self._calls)
                return change(self._state, self._now())

    def close(self) -> None:
        """Do nothing; memory goes with the process."""


class FileStore:
    """Keeps the state for all processes of a machine that run as the same user.

    :param path: the file; it is made if it is not there.
    :param calls: how many calls to remember.
    :param now: seconds on a clock that never goes back and that all processes of the machine share.
    :raises OSError: the file can't be used.
    """

    problem = ""

    def __init__(self, path: Path, calls: int, now: Callable[[], float] = clock.monotonic) -> None:
        self._calls = calls
        self._path = path
        self._now = now
        self._warned = False
        self._lock = threading.Lock()  # the file's lock is one for all threads
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._state = new_state(calls)
        self._held = b""

    def update(self, change: Change[_Result]) -> _Result:
        """Apply a change to what the file holds; without the file, to what was known last."""
        with self._locked():
            try:
                self._read()
                result = change(self._state, self._now())
            except UntrueError as error:
                self._set_aside(str(error))
                result = change(self._state, self._now())
            self._write()
            return result

    def close(self) -> None:
        """Close the file. Calls that are still under way see what was known last, and write nothing."""
        with self._lock:
            self._give_up()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the file, if it can be."""
        with self._lock:
            if self._file != _CLOSED:
                try:
                    _lock_file(self._file)
                except OSError as error:
                    self._fail(error)
            try:
                yield
            finally:
                if self._file != _CLOSED:
                    with suppress(OSError):
                        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read(self) -> None:
        """Read the file.

        :raises UntrueError: it holds what can't be true.
        """
        if self._file == _CLOSED:
            return
        try:
            self._held = os.pread(self._file, _SIZE, 0)
        except OSError as error:
            self._fail(error)
        else:
            self._state = read_state(self._held, self._calls)

    def _write(self) -> None:
        """Write the state, if it is another one."""
        if self._file == _CLOSED:
            return
        text = write_state(self._state, _BOOT).ljust(_SIZE)
        if text != self._held:
            try:
                os.pwrite(self._file, text, 0)
            except OSError:
                self._give_up()

    def _set_aside(self, problem: str) -> None:
        """Keep what the file holds in a file next to it, and begin with a new state."""
        self._warn(
            "The rate limiter begins from scratch: its file %s holds what can't be true (%s), and is saved as %s. "
            "Damage, another version or another program may have done this.",
            *(self._path, problem, self._path.with_suffix(_ASIDE).name),
        )
        self._state = new_state(self._calls)
        with suppress(OSError):
            if self._file != _CLOSED:
                os.ftruncate(self._file, _SIZE)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            aside = os.open(self._path.with_suffix(_ASIDE), flags, 0o600)
            try:
                os.write(aside, self._held)
            finally:
                os.close(aside)

    def _fail(self, error: OSError) -> None:
        self._warn(
            "This task keeps to the rate limit by itself, for the rate limiter's file %s can't be used (%s).",
            *(self._path, error.strerror or type(error).__name__),
        )
        self._give_up()

    def _warn(self, text: str, *values: object) -> None:
        if not self._warned:
            self._warned = True
            log.warning(text, *values)

    def _give_up(self) -> None:
        # the number may be another file's as soon as it is closed, so it is forgotten first
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            with suppress(OSError):
                os.close(file)


def open_store(host: str, app: str, qps: float, *, shared: bool = True) -> StateStore:
    """Open the state store of an app's rate limiter.

    :param host: where its calls go.
    :param app: what distinguishes the app from others: its ID, or a token.
    :param qps: calls a second; how many calls need to be remembered.
    :param shared: whether to share it with the other tasks on this machine.
    """
    calls = calls_to_remember(qps)
    if shared and fcntl is not None and qps <= _MOST_SHARED:
        try:
            return FileStore(_folder() / f"{state_name(host, app)}.json", calls)
        except OSError as error:
            log.warning(
                "The app's rate limiter can't be shared with other tasks of this machine (%s), so each task keeps to %g "
                "calls a second by itself.",
                error.strerror or type(error).__name__,
                qps,
            )
    return MemoryStore(calls)


def calls_to_remember(qps: float) -> int:
    """Return how many calls a state remembers; an app without a limit needs the latest only, for after a refusal."""
    return max(1, int(qps)) if qps <= _MOST_SHARED else 1


def state_name(host: str, app: str) -> str:
    """Return the name of an app's state: a digest, so that it shows neither app nor token."""
    return hashlib.sha256(f"{_VERSION}\n{host}\n{app}".encode()).hexdigest()[:32]


def _folder() -> Path:
    """Return the folder of this user's state files.

    :raises OSError: it can't be created, or belongs to another user.
    """
    folder = Path(tempfile.gettempdir(), f"airflow-provider-tiktok-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid():
        raise PermissionError(0, f"{folder} belongs to another user")
    return folder


def _lock_file(file: int) -> None:
    """Lock a file, unless another process keeps it locked for longer than a read and write take.

    :raises OSError: it does, or the file system has no locks.
    """
    end = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(_LOCK_RETRY)
        else:
            return


def read_state(text: bytes, calls: int) -> LimiterState:
    """Return the state that a text holds; one that was written before the machine was started is a new one.

    :raises UntrueError: it is none, or holds values that no task writes. Its times are for the limiter to judge.
    """
    try:
        return _read(text, calls)
    except UntrueError:
        raise
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise UntrueError("it can't be read") from error


def _read(text: bytes, calls: int) -> LimiterState:
    values = json.loads(text) if text.strip() else {}
    if not isinstance(values, dict):
        raise UntrueError("it is not an object")
    boot = values.pop("boot", _BOOT)
    unknown = sorted(values.keys() - _FIELDS)
    if unknown or not isinstance(boot, str):
        raise UntrueError("it has fields of another version")
    if boot != _BOOT:
        return new_state(calls)
    starts = values.pop("starts", [])
    if not isinstance(starts, list) or len(starts) > _MOST_SHARED:
        raise UntrueError("`starts` is not a list of times")
    state = LimiterState(starts=deque(starts, maxlen=max(calls, len(starts))), **values)
    for name in _TIMES:
        _check_number(name, getattr(state, name))
    for started in starts:
        _check_number("starts", started)
    _check_refusals(state)
    _check_accounts(state.accounts)
    return state


def _check_number(name: str, value: Any) -> None:
    # a truth value is a number to Python
    if type(value) not in {int, float} or not math.isfinite(value) or value < 0:
        raise UntrueError(f"`{name}` is not a number of seconds")


def _check_refusals(state: LimiterState) -> None:
    """Raise if no course of refusals leads to a state."""
    _check_number("rate", state.rate)
    if state.rate and not LEAST_RATE <= state.rate <= _MOST_RATE:
        raise UntrueError("`rate` is not a rate")
    if type(state.refusals) is not int or not 0 <= state.refusals <= _MOST_REFUSALS:
        raise UntrueError("`refusals` is not a number of refusals")
    if state.limit not in {"", SECOND, MINUTE, DAY} or bool(state.limit) != bool(state.refusals):
        raise UntrueError("`limit` is not the limit of these refusals")


def _check_accounts(accounts: Any) -> None:
    if not isinstance(accounts, dict) or len(accounts) > MOST_ACCOUNTS:
        raise UntrueError("`accounts` is not a list of accounts")
    for end in accounts.values():
        _check_number("accounts", end)


def write_state(state: LimiterState, boot: str | None = None) -> bytes:
    """Return the text that holds a state.

    :param boot: the run of the machine, where the times are those of its own clock.
    """
    values: Mapping[str, Any] = {**vars(state), "starts": list(state.starts)}
    return json.dumps(values if boot is None else {**values, "boot": boot}).encode()


def _boot() -> str:
    """Return what distinguishes this run of the machine from earlier ones, whose clock means nothing now."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


_BOOT = _boot()
