"""``make dist``: sdist and wheel in ``dist/``, looked into, and the wheel installed where nothing else is."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath

from tools import console, environment
from tools.console import Stop
from tools.paths import LOGS, REQUIREMENTS, ROOT, WORK, shown
from tools.processes import run, run_or_stop

DIST = ROOT / "dist"
PACKAGE = ROOT / "airflow_provider_tiktok"
PINS = REQUIREMENTS / "release.txt"
_TOOLS = WORK / "release"
_EMPTY = WORK / "empty"
# What setup.cfg names and no more; each further one is something that users must install.
REQUIRED = {"apache-airflow>=2.11.0", "pendulum>=3.0", "requests>=2.31"}
ENTRY_POINT = "provider_info = airflow_provider_tiktok.get_provider_info:get_provider_info"
BESIDE_THE_PACKAGE = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "setup.cfg"}
_INSTALLED = """
import json
from importlib import metadata
from pathlib import Path
import airflow_provider_tiktok
from airflow.providers_manager import ProvidersManager
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.reports import catalog
TikTokReportOperator(task_id="report", preset="ad_group_summary")
print(json.dumps({
    "folder": str(Path(airflow_provider_tiktok.__file__).parent),
    "version": metadata.version("airflow-provider-tiktok"),
    "provider": ProvidersManager().providers["airflow-provider-tiktok"].version,
    "hook": ProvidersManager().hooks["tiktok"].hook_name,
    "metrics": len(catalog.metrics("BASIC")),
}))
"""


def main() -> int:
    """Build, check, install."""
    tools = environment_of(_TOOLS, ["-r", PINS], PINS)
    shutil.rmtree(DIST, ignore_errors=True)
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)  # what an earlier build left would get in
    env = environment.variables()
    with console.step("sdist, and from it the wheel") as step:
        run_or_stop([tools, "-m", "build", "--outdir", DIST, ROOT], LOGS / "build.log", step, env)
    wheel, sdist = next(DIST.glob("*.whl")), next(DIST.glob("*.tar.gz"))
    with console.step("twine check --strict") as step:
        command: list[str | Path] = [tools, "-m", "twine", "check", "--strict", wheel, sdist]
        run_or_stop(command, LOGS / "twine.log", step, env)
    faults = faults_of_wheel(wheel) + faults_of_sdist(sdist)
    if faults:
        raise Stop(f"Not fit to be published: {'; '.join(faults)}.")
    console.line(f"ok  {wheel.name} and {sdist.name} hold the package, and nothing else")
    install(wheel)
    console.line(f"    {shown(wheel)}, {shown(sdist)}")
    return 0


def environment_of(folder: Path, wanted: list[str | Path], *made_of: Path) -> Path:
    """Make an environment with these packages, unless it is there, and give its interpreter."""
    python, stamp = folder / "bin" / "python", folder / "made-by-make.json"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_of)).hexdigest()
    made = json.dumps({"python": sys.executable, "of": digest})
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == made:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    log = LOGS / f"{folder.name}-pip.log"
    with console.step(f"Environment in {shown(folder)}") as step:
        run_or_stop([sys.executable, "-m", "venv", folder], log, step)
        command: list[str | Path] = [python, "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
        command += ["--disable-pip-version-check", *wanted]
        failed = run(command, log, step, environment.variables(), environment.PipProgress())
    if failed:
        raise environment.failure(log)
    stamp.write_text(made, encoding="utf-8")
    return python


def install(wheel: Path) -> None:
    """Install the wheel alone into an empty environment, and look at it from there.

    :raises Stop: pip finds a conflict, or Airflow doesn't find the provider.
    """
    shutil.rmtree(_EMPTY, ignore_errors=True)
    python = environment_of(_EMPTY, ["-c", environment.constraints(), wheel], wheel)
    env = environment.variables() | {
        "PATH": f"{python.parent}:{environment.variables()['PATH']}",
        "AIRFLOW_HOME": str(_EMPTY / "airflow"),
    }
    log = LOGS / "empty.log"
    with console.step("pip check") as step:
        run_or_stop([python, "-m", "pip", "check", "--disable-pip-version-check"], log, step, env)
    with console.step("Airflow finds the installed provider") as step:
        # isolated, lest the clone's own package is found first
        run_or_stop([python, "-I", "-W", "ignore", "-c", _INSTALLED], log, step, env)
    seen = json.loads(log.read_text(encoding="utf-8").strip().splitlines()[-1])
    version = wheel.name.split("-")[1]
    wrong = [
        f"{name} is {seen[name]!r}"
        for name, right in (("version", version), ("provider", version), ("hook", "TikTok"))
        if seen[name] != right
    ]
    if not Path(seen["folder"]).is_relative_to(_EMPTY):
        wrong.append(f"the package is {seen['folder']}")
    if not seen["metrics"]:
        wrong.append("the catalogue is empty")
    if wrong:
        raise Stop(f"The installed wheel isn't right: {'; '.join(wrong)}; see {shown(log)}.")


def package_files() -> set[str]:
    """Give the files of the package as they are named in an archive."""
    return {
        str(PurePosixPath(path.relative_to(ROOT)))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def faults_of_wheel(wheel: Path) -> list[str]:
    """Say what a wheel has too much, lacks or says wrongly."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = next(name for name in names if name.endswith(".dist-info/METADATA"))
        described = Parser().parsestr(archive.read(info).decode())
        points = archive.read(info.replace("METADATA", "entry_points.txt")).decode()
    files = {name for name in names if ".dist-info/" not in name}
    faults = _differences("wheel", files, package_files())
    faults += _differences("wheel's requirements", _requirements(described), REQUIRED)
    if f"[apache_airflow_provider]\n{ENTRY_POINT}" not in points:
        faults.append("wheel lacks the entry point that Airflow looks for")
    if not any(name.endswith("/LICENSE") for name in names):
        faults.append("wheel lacks LICENSE")
    return faults


def faults_of_sdist(sdist: Path) -> list[str]:
    """Say what an sdist has too much or lacks, beside what the build itself writes."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    written = {name for name in names if name in {"PKG-INFO", "MANIFEST.in"} or ".egg-info/" in name}
    return _differences("sdist", names - written, package_files() | BESIDE_THE_PACKAGE)


def _requirements(described: Message) -> set[str]:
    """Give what is installed with the package without any extra."""
    return {str(line) for line in described.get_all("Requires-Dist", []) if "extra ==" not in str(line)}


def _differences(what: str, found: Iterable[str], right: Iterable[str]) -> list[str]:
    more, less = sorted(set(found) - set(right)), sorted(set(right) - set(found))
    return [f"{what}: {name} is too much" for name in more] + [f"{what}: {name} is missing" for name in less]
