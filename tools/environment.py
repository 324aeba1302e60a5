"""The environment in ``.venv``: the pinned Airflow, this package, and what the tests need.

A stamp in the environment says what it was made from. Nothing is done while that has not changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import console
from tools.console import Stop
from tools.paths import CHOSEN, EXAMPLES, LOGS, MINOR, REQUIREMENTS, ROOT, VENV, WORK, shown
from tools.processes import run

PYTHON = VENV / "bin" / "python"
MAIN = REQUIREMENTS / "airflow.txt"
DEV = REQUIREMENTS / "dev.txt"
PACKAGE = ".[emulator]"
VERSION = ROOT / "airflow_provider_tiktok" / "__init__.py"
THIS_PYTHON = ".".join(str(part) for part in sys.version_info[:3])
_STAMP = VENV / "made-by-make.json"

# What pip says when it fails, and what the user can do about it.
_PIP_FAILURES = (
    (r"No space left on device", "the disk is full: free about 1 GB and run the same again"),
    (
        r"Read timed out|Max retries exceeded|NewConnectionError|Name or service not known"
        r"|Temporary failure in name resolution|Connection refused|Connection to .* timed out"
        r"|SSLError|CERTIFICATE_VERIFY_FAILED|ProxyError|Retrying \(Retry",
        "the package index cannot be reached: check the network, the proxy, or pip's index setting, "
        "and run the same again",
    ),
    (
        r"No matching distribution found|Could not find a version",
        "the package index does not offer a pinned version: check the network and pip's index settings, "
        "and run the same again",
    ),
    (
        r"Failed building wheel|command '.*(cc|clang|cargo|g\+\+)' failed|Python\.h",
        "a package has no ready-made wheel for this machine: take another Python, for example "
        "PYTHON=python3.12",
    ),
)


def main_version() -> str:
    """Return the version of Airflow that everything runs on unless ``AIRFLOW=`` says otherwise."""
    return _version_in(MAIN)


def airflow_version() -> str:
    """Return the version of Airflow that is worked with."""
    return _version_in(_pins() / "airflow.txt")


def constraints() -> Path:
    """Return the pins for this Python, or those for the newest one when this is newer."""
    exact = constraints_of_this_python()
    if exact.exists():
        return exact
    return max(_pins().glob("constraints-3.*.txt"), key=lambda path: int(path.stem.rpartition(".")[2]))


def constraints_of_this_python() -> Path:
    """Return where the pins for this Python stand, or would."""
    return _pins() / f"constraints-{MINOR}.txt"


def _pins() -> Path:
    """Return the folder with the pins of the Airflow that is worked with."""
    if not CHOSEN or main_version() == CHOSEN:
        return REQUIREMENTS
    folder = REQUIREMENTS / f"airflow-{CHOSEN}"
    if not (folder / "airflow.txt").exists():
        known = sorted(path.name.partition("-")[2] for path in REQUIREMENTS.glob("airflow-*/"))
        raise Stop(f"AIRFLOW={CHOSEN} is not pinned here: take {main_version()}, {', '.join(known)}.")
    return folder


def _version_in(file: Path) -> str:
    found = re.search(r"^apache-airflow==(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise Stop(f"{shown(file)} does not say apache-airflow==VERSION: put that line back.")
    return found[1]


def ensure(*, dev: bool = False) -> None:
    """Make the environment, or what is missing of it.

    :param dev: with the tools for tests, too
    """
    with _alone():
        stamp = _read_stamp()
        if not stamp.items() >= _origin().items():
            _create()
            stamp = {}
        wanted = _digest(_pins() / "airflow.txt", constraints(), ROOT / "setup.cfg", VERSION)
        with_dev = dev or "dev" in stamp
        tools = _digest(DEV) if with_dev else ""
        if stamp.get("package") == wanted and stamp.get("dev", "") == tools:
            console.line(
                f"ok  Python {THIS_PYTHON} and Apache Airflow {airflow_version()} are in {shown(VENV)}"
            )
            return
        _install(dev=with_dev)
        stamp = _origin() | {"package": wanted}
        _write_stamp(stamp | ({"dev": tools} if with_dev else {}))


def variables() -> dict[str, str]:
    """Return this process's environment with ``.venv`` first and nothing of the user's Airflow in it."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name != "AIRFLOW" and not name.startswith("AIRFLOW_")
    }
    for name in ("PYTHONHOME", "PYTHONPATH"):
        ours.pop(name, None)
    ours["VIRTUAL_ENV"] = str(VENV)
    ours["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    ours["PYTHONUNBUFFERED"] = "1"
    # A proxy has no business between Airflow, the emulator and the tasks.
    for name in ("NO_PROXY", "no_proxy"):
        ours[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))
    return ours


def clean() -> int:
    """Remove what make, builds and checks left in the clone."""
    venvs = [ROOT / ".venv", *ROOT.glob(".venv-*")]
    for venv in venvs:
        if venv.exists() and not (venv / _STAMP.name).exists():
            console.line(f"    {shown(venv)} was not made by make and stays")
    left = [WORK, *(ROOT / name for name in ("build", "dist", ".hypothesis", ".mypy_cache"))]
    left += [ROOT / ".pytest_cache", ROOT / ".ruff_cache", *ROOT.glob("*.egg-info")]
    left += [venv for venv in venvs if (venv / _STAMP.name).exists()]
    for folder in ("airflow_provider_tiktok", "tests", "tools", "benchmarks", EXAMPLES.name):
        left += (ROOT / folder).rglob("__pycache__")
    for path in left:
        if path.exists():
            shutil.rmtree(path)
            console.line(f"ok  removed {shown(path)}")
    return 0


def _origin() -> dict[str, str]:
    """Return what an environment is bound to: one interpreter (run.sh reads it) and one folder."""
    return {"python": sys.executable, "version": THIS_PYTHON, "folder": str(ROOT)}


def _digest(*files: Path) -> str:
    found = hashlib.sha256()
    for path in files:
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def _read_stamp() -> dict[str, str]:
    if not VENV.exists():
        return {}
    if not _STAMP.exists():
        raise Stop(
            f"{shown(VENV)} is there and was not made by make: move or remove it, then run the same again."
        )
    try:
        stamp: dict[str, str] = json.loads(_STAMP.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return stamp if PYTHON.exists() else {}


def _write_stamp(stamp: dict[str, str]) -> None:
    _STAMP.write_text(json.dumps(stamp, indent=1), encoding="utf-8")


@contextmanager
def _alone() -> Iterator[None]:
    """Let one make at a time work on the environment."""
    WORK.mkdir(exist_ok=True)
    with (WORK / "environment.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with console.step("Waiting for another make that is setting up") as step:
                _wait_for(lock.fileno(), step)
        yield


def _wait_for(lock: int, step: console.Step) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            step.tick()
            time.sleep(0.5)
        else:
            return


def _create() -> None:
    """Make the environment anew, without packages."""
    if not constraints_of_this_python().exists():
        console.line(
            f"    Python {THIS_PYTHON} is newer than those this is tested with; using {shown(constraints())}"
        )
    log = LOGS / "venv.log"
    with console.step(f"Python {THIS_PYTHON} environment in {shown(VENV)}") as step:
        shutil.rmtree(VENV, ignore_errors=True)
        VENV.mkdir()
        _write_stamp({})
        failed = run([sys.executable, "-m", "venv", VENV], log, step)
    if failed:
        raise Stop(
            f"{sys.executable} could not make an environment: install its venv package "
            "(on Debian and Ubuntu: apt install python3-venv), or name another Python with PYTHON=.",
            log,
        )
    _write_stamp(_origin())


def _install(*, dev: bool) -> None:
    """Install the pinned versions, and this package in place."""
    log = LOGS / "pip.log"
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-c", constraints(), "-r", _pins() / "airflow.txt", "-e", PACKAGE]
    command += ["-r", DEV] if dev else []
    title = f"Apache Airflow {airflow_version()} and this package" + (", with test tools" if dev else "")
    with console.step(title) as step:
        failed = run(command, log, step, variables(), PipProgress())
    if failed:
        raise failure(log)


class PipProgress:
    """Makes of pip's hundreds of lines a note of a few words."""

    _PATTERN = re.compile(
        r"(?P<seen>Collecting|Processing|Obtaining|Requirement already satisfied:) (?P<name>\S+)"
        r"|(?P<large>Downloading) (?P<file>[^/\s]+) \((?P<size>[\d.]+ MB)\)"
        r"|Installing collected packages: (?P<all>.+)"
        r"|(?P<retry>.*Retrying \(Retry)"
    )

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, text: str) -> str:
        """Return the note for a line of pip, or nothing."""
        found = self._PATTERN.match(text)
        if found is None:
            return ""
        if found["retry"]:
            return "the package index does not answer, trying again"
        if found["all"]:
            return f"installing {found['all'].count(',') + 1} packages"
        if found["seen"]:
            self.count += 1
            return f"packages found: {self.count}"
        return f"packages found: {self.count}, fetching {found['file'].split('-')[0]} ({found['size']})"


def failure(log: Path) -> Stop:
    """Return what to say about a failure of pip: the reason, or the end of its log when it is not known."""
    text = log.read_text(encoding="utf-8", errors="replace")
    for pattern, reason in _PIP_FAILURES:
        if re.search(pattern, text):
            return Stop(f"pip could not install: {reason} (all of it: {shown(log)}).")
    return Stop(f"pip could not install; the lines above are the end of {shown(log)}.", log)
