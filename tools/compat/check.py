"""``make compat``: install each client, let it fetch, fetch the same, and compare row by row."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tools import airflow_home, console, environment
from tools.console import Stop
from tools.paths import LOGS, REQUIREMENTS, WORK, port_setting, shown
from tools.processes import is_free, require_free, run, run_or_stop, stop

PINS = REQUIREMENTS / "compat.txt"
FOLDER = WORK / "compat"
# Two windows of TikTok's, old enough that no figure grows any more; pages small enough that there are several.
LAST_DAY_AGO = 40
DAYS = 35
PAGE_SIZE = 200
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T]00:00:00(?:\.0+)?Z?)?")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What a stream of a client is in this package's words; its metrics are those that its rows have."""

    dimensions: tuple[str, ...]
    report_type: str = "BASIC"
    include_deleted: bool = False


@dataclass(frozen=True)
class Client:
    """A client, the streams of it that are compared, and the newest Python that its makers allow."""

    name: str
    package: str
    streams: dict[str, Report]
    newest_python: int | None = None


DAILY = ("ad_id", "stat_time_day")
CLIENTS = (
    Client("sdk", "tiktok-business-api-sdk-official", {"ad_daily": Report(DAILY)}),
    Client(
        "singer",
        "tap-tiktok-ads",
        {
            "ad_insights": Report(DAILY),
            "ad_insights_by_age_and_gender": Report((*DAILY, "age", "gender"), "AUDIENCE"),
            "ad_insights_by_country": Report((*DAILY, "country_code"), "AUDIENCE"),
        },
    ),
    Client(
        "airbyte",
        "airbyte-source-tiktok-marketing",
        {
            "ads_reports_daily": Report(DAILY, include_deleted=True),
            "ads_audience_reports_by_country_daily": Report((*DAILY, "country_code"), "AUDIENCE"),
        },
        newest_python=11,
    ),
)


def main() -> int:
    """Run every client, then print what came of each."""
    environment.ensure()
    emulator, connection = airflow_home.start_emulator(chosen_port())
    results = [outcome(client, connection) for client in CLIENTS]
    stop(emulator)
    console.line()
    for sentence, _ in results:
        console.line(sentence)
    return 0 if all(equal for _, equal in results) else 1


def chosen_port() -> int:
    """Return the port that ``PORT=`` names, else the first that is free."""
    if not os.environ.get("PORT"):
        return next(port for port in range(8765, 65536) if is_free(port))
    port = port_setting("PORT", 8765)
    require_free("compat", "PORT", port)
    return port


def outcome(client: Client, connection: dict[str, Any]) -> tuple[str, bool]:
    """Run one client and say in a line what came of it, and whether its rows are ours."""
    version = pinned(client.package).partition("==")[2]
    title = f"{client.package} {version}"
    try:
        python = install(client)
        theirs = fetch(client, python, connection)
        ours = fetch_same(client, theirs, connection)
    except Stop as failed:
        if failed.log:
            console.tail(failed.log)
        return f"{title}: {failed}", False
    said, equal = [], True
    for stream in client.streams:
        found = difference(client.streams[stream], theirs.get(stream, []), ours.get(stream, []))
        equal = equal and not found
        said.append(f"{stream}, {len(theirs.get(stream, []))} rows, {found or 'equal'}")
    return f"{title}: {'; '.join(said)}", equal


def pinned(package: str) -> str:
    """Return the line of the pins that names a package."""
    found = re.search(rf"^{package}==\S+$", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise Stop(f"{shown(PINS)} does not say {package}==VERSION: put that line back.")
    return found[0]


def install(client: Client) -> Path:
    """Make the client's environment, unless the one that is there has the pinned version."""
    base, pin = interpreter(client), pinned(client.package)
    folder = FOLDER / client.name / "venv"
    python, stamp = folder / "bin" / "python", folder / "made-by-make.json"
    made = json.dumps({"python": base, "pin": pin})
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == made:
        return python
    log = LOGS / f"compat-{client.name}-pip.log"
    shutil.rmtree(folder, ignore_errors=True)
    with console.step(f"{pin} in {shown(folder)}") as step:
        run_or_stop([base, "-m", "venv", folder], log, step)
        command: list[str | Path] = [python, "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
        failed = run([*command, pin], log, step, environment.variables(), environment.PipProgress())
    if failed:
        raise environment.failure(log)
    stamp.write_text(made, encoding="utf-8")
    return python


def interpreter(client: Client) -> str:
    """Return a Python that the client allows: this one, or an older one of this machine."""
    newest = client.newest_python
    if newest is None or sys.version_info[:2] <= (3, newest):
        return sys.executable
    for minor in range(newest, 9, -1):
        found = shutil.which(f"python3.{minor}")
        if (
            found
            and not subprocess.run(
                [found, "-c", "import venv, ensurepip"], capture_output=True, check=False
            ).returncode
        ):
            return found
    raise Stop(f"not run, since it allows Python 3.10 to 3.{newest} and none is here: install one of them.")


def fetch(client: Client, python: Path, connection: dict[str, Any]) -> dict[str, list[Row]]:
    """Let the client fetch its streams."""
    extra = connection["extra"]
    job = told(connection) | {
        "url": connection["host"],
        "token": connection["password"],
        "app_id": extra["app_id"],
        "app_secret": extra["app_secret"],
        "page_size": PAGE_SIZE,
        "streams": list(client.streams),
    }
    return rows_of(client.name, python, client.name, job, environment.variables())


def fetch_same(
    client: Client, theirs: dict[str, list[Row]], connection: dict[str, Any]
) -> dict[str, list[Row]]:
    """Fetch, with this package, the columns that the client's rows have."""
    reports = {}
    for stream, report in client.streams.items():
        columns = theirs[stream][0] if theirs.get(stream) else ()
        reports[stream] = {
            "report_type": report.report_type,
            "data_level": "AUCTION_AD",
            "dimensions": list(report.dimensions),
            "metrics": [name for name in columns if name not in {*report.dimensions, "advertiser_id"}]
            or ["spend"],
            "include_deleted": report.include_deleted,
        }
    env = airflow_home.settings() | {airflow_home.CONNECTION_VARIABLE: json.dumps(connection)}
    return rows_of(client.name, environment.PYTHON, "ours", told(connection) | {"reports": reports}, env)


def told(connection: dict[str, Any]) -> dict[str, Any]:
    """Return the accounts and the days of every report."""
    end = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=LAST_DAY_AGO)
    return {
        "accounts": connection["extra"]["advertiser_ids"],
        "start": str(end - datetime.timedelta(days=DAYS - 1)),
        "end": str(end),
    }


def rows_of(
    client: str, python: Path, module: str, job: dict[str, Any], env: dict[str, str]
) -> dict[str, list[Row]]:
    """Run a module of this package in an environment, and return the rows that it wrote, by stream."""
    output = FOLDER / client / f"{module}.jsonl"
    path = FOLDER / client / f"{module}.json"
    path.write_text(json.dumps(job | {"output": str(output)}), encoding="utf-8")
    what = "the same through this package" if module == "ours" else f"{client} against the emulator"
    with console.step(what) as step:
        log = LOGS / f"compat-{client}-{module}.log"
        run_or_stop([python, "-B", "-m", f"tools.compat.{module}", path], log, step, env)
    found: dict[str, list[Row]] = {}
    for stream, row in records(output):
        found.setdefault(stream, []).append(row)
    return found


def records(path: Path) -> Iterator[tuple[str, Row]]:
    """Give the stream and the row of each record: Singer's messages, or Airbyte's."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line, parse_float=Decimal) if line.startswith("{") else {}
            if message.get("type") != "RECORD":
                continue
            record = message["record"]
            if "data" in record and "stream" in record:
                yield record["stream"], record["data"]["dimensions"] | record["data"]["metrics"]
            else:
                yield message["stream"], record


def difference(report: Report, theirs: list[Row], ours: list[Row]) -> str:
    """Return the first difference between the rows of a client and ours, or nothing."""
    if not theirs:
        return f"ours are {len(ours)}" if ours else "and none of ours: nothing was compared"

    def key(row: Row) -> list[str]:
        return [str(plain(row[name])) for name in report.dimensions]

    for one, other in zip_longest(sorted(theirs, key=key), sorted(ours, key=key)):
        if one is None or other is None or key(one) != key(other):
            return f"ours are {len(ours)}, the first that differs is {one and key(one)}, ours {other and key(other)}"
        for name in one:
            if name not in other or plain(one[name]) != plain(other[name]):
                return f"{name} of {key(one)} is {one[name]!r}, ours {other.get(name)!r}"
    return ""


def plain(value: object) -> object:
    """Return a value without what clients do to its type: numbers as numbers, days as days, ``-`` as none."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if value is None or value == "-":
        return None
    text = str(value)
    if text in {"True", "False"}:
        return text == "True"
    day = _DATE.fullmatch(text)
    if day:
        return day[1]
    return Decimal(text) if _NUMBER.fullmatch(text) else text
