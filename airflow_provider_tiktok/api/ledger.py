"""Where an app's latest calls are written down: in a file that all tasks of a machine share, or in memory.

The file is small, belongs to the user that Airflow's tasks run as, and is named after a digest; it holds
times and counts, and neither token nor app ID. The operating system's lock on it lasts as long as one look
into it and ends with the process, so that a task which dies holds nobody up.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

try:
    import fcntl
except ImportError:  # a system without such locks: every task keeps its own ledger
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

_MOST_SHARED = 128  # calls a second; TikTok's highest level has 50, so more than this means "no limit"
_CLOSED = -1
_SIZE = 4096  # bytes of the file, always, so that writing it is one step


@dataclass
class Account:
    """What is known about an app's calls. Times are seconds on the machine's monotonic clock.

    :param starts: when the latest calls started, oldest first.
    :param rate: calls a second allowed at ``rate_at``, after a refusal; 0 when there was none.
    :param closed_at: when the present pause was decided on.
    :param closed_until: when it ends.
    :param strikes: how often TikTok refused since it last took a call.
    :param refused_at: when it first did.
    :param probed_at: when a call started that finds out whether a pause is over; 0 when none is under way.
    :param limit: the limit that it was.
    """

    starts: deque[float] = field(default_factory=deque)
    rate: float = 0.0
    rate_at: float = 0.0
    closed_at: float = 0.0
    closed_until: float = 0.0
    strikes: int = 0
    refused_at: float = 0.0
    probed_at: float = 0.0
    limit: str = ""


class Ledger(Protocol):
    """Gives the account to one caller at a time, and keeps what that changed."""

    def __enter__(self) -> Account: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """Let go of it."""


class MemoryLedger:
    """A ledger of this process alone.

    :param calls: how many calls to remember.
    """

    def __init__(self, calls: int) -> None:
        self._lock = threading.Lock()
        self._account = Account(starts=deque(maxlen=calls))

    def __enter__(self) -> Account:
        self._lock.acquire()
        return self._account

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def close(self) -> None:
        """Do nothing; memory goes with the process."""


class FileLedger:
    """A ledger that all processes of a machine share which run as the same user.

    :param path: the file; it is made if it is not there.
    :param calls: how many calls to remember.
    :raises OSError: the file can't be used.
    """

    def __init__(self, path: Path, calls: int) -> None:
        self._calls = calls
        self._lock = threading.Lock()  # the file's lock is one for all threads
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._account = Account()
        self._written = b""

    def __enter__(self) -> Account:
        self._lock.acquire()
        if self._file != _CLOSED:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
                self._written = os.pread(self._file, _SIZE, 0)
                self._account = _read(self._written, self._calls)
            except OSError:
                self._give_up()
            except BaseException:
                self._lock.release()
                raise
        return self._account

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._file != _CLOSED:
                text = _write(self._account)
                if kind is None and text != self._written:
                    os.pwrite(self._file, text, 0)
                fcntl.flock(self._file, fcntl.LOCK_UN)
        except OSError:
            self._give_up()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the file. Calls that are still under way see what was known last, and write nothing."""
        with self._lock:
            self._give_up()

    def _give_up(self) -> None:
        # the number may be another file's as soon as it is closed, so it is forgotten first
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            with suppress(OSError):
                os.close(file)


def open_ledger(host: str, app: str, qps: float, *, shared: bool = True) -> Ledger:
    """Open the ledger of an app.

    :param host: where its calls go.
    :param app: what tells the app from others: its ID, or a token.
    :param qps: calls a second; how many calls need to be remembered.
    :param shared: whether to share it with the other tasks on this machine.
    """
    calls = max(1, int(qps))
    if shared and fcntl is not None and calls <= _MOST_SHARED:
        name = hashlib.sha256(f"{host}\n{app}".encode()).hexdigest()[:32]
        try:
            return FileLedger(_folder() / f"{name}.json", calls)
        except OSError as error:
            log.warning(
                "The app's request budget can't be shared with other tasks of this machine (%s), so each task keeps to %g "
                "calls a second by itself.",
                error.strerror or type(error).__name__,
                qps,
            )
    return MemoryLedger(calls)


def _folder() -> Path:
    """Give the folder of this user's ledgers.

    :raises OSError: it can't be made, or is somebody else's.
    """
    folder = Path(tempfile.gettempdir(), f"airflow-provider-tiktok-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid():
        raise PermissionError(0, f"{folder} belongs to somebody else")
    return folder


def _read(text: bytes, calls: int) -> Account:
    """Read an account; what can't be read, or was written before the machine was started, is a new one."""
    try:
        values = json.loads(text) if text.strip() else {}
        starts = values.pop("starts", ())
        if values.pop("boot", _BOOT) != _BOOT:
            return Account(starts=deque(maxlen=calls))
        return Account(starts=deque(map(float, starts), maxlen=max(calls, len(starts))), **values)
    except (ValueError, TypeError, AttributeError):
        return Account(starts=deque(maxlen=calls))


def _write(account: Account) -> bytes:
    values: Mapping[str, Any] = {**vars(account), "starts": list(account.starts), "boot": _BOOT}
    return json.dumps(values).encode().ljust(_SIZE)


def _boot() -> str:
    """Tell this run of the machine from earlier ones, whose clock means nothing now."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


_BOOT = _boot()
