"""Asks OSV, the open database of vulnerabilities, about the pinned packages: one question for all of them.

No package index is asked, so the audit needs no more than one call, and one for each advisory that is found.
Where the database can't be reached nothing can be said, and the audit says so instead of passing in silence.
What was looked at and found to concern nobody here stands in ``requirements/advisories.txt``, with why.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tools import console
from tools.console import Stop
from tools.paths import REQUIREMENTS, shown

_SOURCE = "https://api.osv.dev/v1"
_ACCEPTED = REQUIREMENTS / "advisories.txt"
_PATIENCE = 30.0  # seconds a call
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_ID = re.compile(r"[A-Z]+-[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Advisory:
    """One known vulnerability of a pinned package."""

    package: str
    version: str
    names: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        fix = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no version mends it yet"
        return f"{self.package} {self.version}: {', '.join(self.names)}; {fix}"


def main() -> int:
    """Audit the constraints of this Python, and say what was found."""
    pins = read_pins(REQUIREMENTS / f"constraints-3.{sys.version_info[1]}.txt")
    accepted = read_accepted(_ACCEPTED)
    source = os.environ.get("TIKTOK_AUDIT_SOURCE", _SOURCE).rstrip("/")
    try:
        found = look_up(source, pins)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = plain_reason(error)
        console.line(
            f"--  Dependencies are not audited: {source} gives no answer ({reason}). Run `make audit` elsewhere."
        )
        return 0
    told = [advisory for advisory in found if not accepted & set(advisory.names)]
    for advisory in told:
        console.line(f"    {advisory}")
    if told:
        raise Stop(
            f"{len(told)} known vulnerabilities. Raise the pins with `make pins`, or put an advisory's ID into "
            f"{shown(_ACCEPTED)} with the reason why it concerns nobody here."
        )
    console.line(f"ok  No known vulnerability in {len(pins)} pinned packages.")
    return 0


def read_pins(path: Path) -> dict[str, str]:
    """Read version by package from a constraints file.

    :raises Stop: there are none.
    """
    pins = {match[1]: match[2] for line in _lines(path) if (match := _PIN.match(line))}
    if not pins:
        raise Stop(f"{shown(path)} pins nothing; make it with `make pins`.")
    return pins


def read_accepted(path: Path) -> set[str]:
    """Read the IDs of advisories that concern nobody here; each wants a reason.

    :raises Stop: one has none.
    """
    accepted = set()
    for line in _lines(path):
        name, _, reason = line.partition(" ")
        if not _ID.fullmatch(name) or not reason.strip(" #"):
            raise Stop(f"{shown(path)}: {line!r} must be an advisory's ID, a blank, and the reason.")
        accepted.add(name)
    return accepted


def look_up(source: str, pins: dict[str, str]) -> list[Advisory]:
    """Ask about all packages at once.

    :raises OSError: the database can't be reached, or refuses.
    :raises ValueError: it answers otherwise than it should, so that a package would have been left out.
    """
    asked = sorted(pins.items())
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in asked
    ]
    results = _call(f"{source}/querybatch", {"queries": queries})["results"]
    if len(results) != len(asked) or any(result.get("next_page_token") for result in results):
        raise ValueError("it answers about other packages than were asked for")
    found = [
        _read(_call(f"{source}/vulns/{quote(one['id'], safe='')}"), name, version)
        for (name, version), result in zip(asked, results, strict=True)
        for one in result.get("vulns", ())
    ]
    return [advisory for advisory in found if advisory is not None]


def plain_reason(error: Exception) -> str:
    """Say in few words why there was no answer."""
    return str(getattr(error, "reason", None) or error or type(error).__name__)


def _read(answer: dict[str, Any], package: str, version: str) -> Advisory | None:
    """Read an advisory; one that was withdrawn is none."""
    if answer.get("withdrawn"):
        return None
    fixed = {
        event["fixed"]
        for affected in answer.get("affected", ())
        if affected.get("package", {}).get("name", "").lower() == package.lower()
        for span in affected.get("ranges", ())
        if span.get("type") != "GIT"
        for event in span.get("events", ())
        if "fixed" in event
    }
    return Advisory(package, version, (answer["id"], *answer.get("aliases", ())), tuple(sorted(fixed)))


def _call(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
        found = json.load(answer)
    if not isinstance(found, dict):
        raise ValueError("its answer is no object")
    return found


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.strip() and not line.startswith("#"):
            yield line.strip()
