"""The sessions behind ``make``: each has an environment of its own, which is kept in ``.nox`` and used again.

``AIRFLOW=2.11.2`` in the environment runs a session with another version of Airflow, ``ARGS`` is passed on.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nox
from rich.console import Console

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from tools import failures, ports  # noqa: E402

REQUIREMENTS = Path("requirements")
MAIN_AIRFLOW = (ROOT / REQUIREMENTS / "airflow.txt").read_text(encoding="utf-8").rpartition("==")[2].strip()
OTHER_AIRFLOWS = ("3.1.8", "2.11.2")
AIRFLOW = os.environ.get("AIRFLOW") or MAIN_AIRFLOW
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
MATRIX = [
    nox.param(python, airflow, id=f"airflow-{airflow}-python-{python}")
    for airflow in (MAIN_AIRFLOW, *OTHER_AIRFLOWS)
    for python in ("3.10", "3.12", "3.13")
    if not (airflow.startswith("2.") and python == "3.13")  # Airflow 2.11 supports Python up to 3.12
]
CLIENTS = {
    "sdk": "tiktok-business-api-sdk-official",
    "singer": "tap-tiktok-ads",
    "airbyte": "airbyte-source-tiktok-marketing",  # supports Python up to 3.11
}

WORK = ROOT / ".demo"
LOGS = WORK / "logs"
ENVIRONMENTS = Path(".nox") / (THIS_PYTHON if AIRFLOW == MAIN_AIRFLOW else f"{THIS_PYTHON}-airflow-{AIRFLOW}")
ARGS = shlex.split(os.environ.get("ARGS", ""))
PROCESSES = "--numprocesses=3"  # of which some wait: for servers, other processes and a running Airflow
COVERED = ("--cov", PROCESSES, "--dist=worksteal")  # pytest-cov needs the number of processes from here
GRACE = {"interrupt_timeout": 30.0, "terminate_timeout": 15.0}
"""How long what has started processes of its own may take to end them."""

# All that uses Airflow's interfaces, and so is tested with its other versions as well.
SHORT = (
    "tests/browser/test_monitoring_page.py",
    "tests/hooks",
    "tests/operators/test_advertisers_operator.py",
    "tests/operators/test_checkpoint.py",
    "tests/operators/test_report_operator.py",
    "tests/operators/test_report_tasks.py",
    "tests/plugins",
    "tests/sensors",
    "tests/storage/tables",
    "tests/triggers",
    "tests/test_examples.py",
    "tests/test_links.py",
    "tests/test_provider_info.py",
)

if AIRFLOW not in (MAIN_AIRFLOW, *OTHER_AIRFLOWS):
    sys.exit(f"AIRFLOW={AIRFLOW} is not pinned here: use {MAIN_AIRFLOW}, {' or '.join(OTHER_AIRFLOWS)}.")

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.envdir = str(ENVIRONMENTS)
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"
nox.options.sessions = ["test"]

# Nothing of the user's own Airflow or Python gets into an environment, and no proxy between its processes. Without bytecode
# every process would compile Airflow again, which takes longer than to import it.
for name in list(os.environ):
    if name.startswith("AIRFLOW_") or name in {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH"}:
        del os.environ[name]
os.environ["AIRFLOW_HOME"] = str(WORK / "airflow-of-checks")
os.environ["PYTHONUNBUFFERED"] = "1"
for name in ("NO_PROXY", "no_proxy"):
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))

# nox ends what it runs on Ctrl-C; a closed terminal and a plain kill are the same to it.
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.default_int_handler)


@nox.session
def demo(session: nox.Session) -> None:
    """Run an example DAG through Airflow against a local TikTok, and show what it wrote."""
    port = port_of(session, "PORT", 8765)
    install(session, *(["apache-airflow-providers-sqlite"] if os.environ.get("DAG") == "warehouse" else []))
    session.run("python", "-m", "tools.demo", str(port), **GRACE)


@nox.session
def ui(session: nox.Session) -> None:
    """Run the example DAGs in the Airflow UI, until Ctrl-C."""
    port, ui_port = port_of(session, "PORT", 8765), port_of(session, "UI_PORT", 8080)
    if port == ui_port:
        session.error(f"PORT and UI_PORT are both {port}: give the emulator and the UI one each")
    install(session)
    session.run("python", "-m", "tools.ui", str(port), str(ui_port), **GRACE)


@nox.session
def test(session: nox.Session) -> None:
    """Run ruff, mypy and the fast tests; with ``ARGS``, pytest alone."""
    install_with_tests(session)
    if not ARGS:
        check(session)
    pytest(session, *(COVERED if os.environ.get("COVERAGE") else ()), *ARGS)


@nox.session
def rest(session: nox.Session) -> None:
    """Run the tests that the session ``test`` leaves out."""
    install_with_tests(session)
    run_all_tests(session, "--rest")


@nox.session(name="test-short")
def test_short(session: nox.Session) -> None:
    """Run the tests that Airflow's version matters to, and the example DAG."""
    run_short_tests(session, AIRFLOW)


@nox.session(name="test-others")
@nox.parametrize("airflow", [nox.param(version, id=version) for version in OTHER_AIRFLOWS])
def test_others(session: nox.Session, airflow: str) -> None:
    """Run the same with the other versions of Airflow."""
    run_short_tests(session, airflow)


@nox.session(name="test-matrix")
@nox.parametrize("python,airflow", MATRIX)
def test_matrix(session: nox.Session, airflow: str) -> None:
    """Run all tests on every Python, and the short ones with every other Airflow."""
    if airflow == MAIN_AIRFLOW:
        install_with_tests(session, airflow)
        run_all_tests(session, "--full")
    else:
        run_short_tests(session, airflow)


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff and mypy."""
    install_with_tests(session)
    check(session)


@nox.session(name="format")
def reformat(session: nox.Session) -> None:
    """Let ruff fix and format the code."""
    quietly(session, "-c", constraints(session), "ruff")
    session.run("ruff", "check", "--fix", "--exit-zero", ".")
    session.run("ruff", "format", ".")


@nox.session(allow_parallel=True)
def stores(session: nox.Session) -> None:
    """Test against S3 and GCS on loopback, OpenLineage, DuckDB, and dialects of other databases."""
    quietly(session, "-r", "requirements/stores.txt", "-e", ".")
    pytest(
        session,
        "--full",
        "tests/stores",
        "tests/operators/test_lineage.py",
        "tests/test_docs_loading.py",
        *ARGS,
    )


@nox.session
def scale(session: nox.Session) -> None:
    """Test many accounts on Celery workers, one of which is lost."""
    quietly(session, "-r", "requirements/scale.txt", "-e", ".")
    pytest(session, "--full", "--capture=no", "tests/scale", *ARGS)


@nox.session
@nox.parametrize("client", [nox.param(client, id=client) for client in CLIENTS])
def client(session: nox.Session, client: str) -> None:
    """Install another maker's client, in the version that ``requirements/compat.txt`` names."""
    quietly(session, "-c", "requirements/compat.txt", CLIENTS[client])


@nox.session
def compat(session: nox.Session) -> None:
    """Fetch the same with other makers' clients and this package, and compare the rows."""
    install_with_tests(session)
    session.env["TIKTOK_CLIENTS"] = str(ENVIRONMENTS)
    pytest(session, "--full", "--capture=no", "tests/compat", *ARGS)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure reports against the emulator; the first of ``ARGS`` may be the benchmark, else it is ``report``."""
    if "--others" in ARGS:
        session.env["TIKTOK_CLIENTS"] = str(ENVIRONMENTS)
    install_with_tests(session)
    name, options = (ARGS[0], ARGS[1:]) if ARGS and not ARGS[0].startswith("-") else ("report", ARGS)
    session.run("python", f"benchmarks/{name}.py", *options, **GRACE)


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Build the site in ``build/docs``; a warning is an error."""
    if sys.version_info < (3, 11):
        session.error("Sphinx's reader of Markdown needs Python 3.11 or newer: make docs PYTHON=python3.12")
    install(session, "-r", "requirements/docs.txt")
    session.run(
        *("python", "-m", "sphinx", "--fail-on-warning", "--keep-going", "--fresh-env", "--quiet"),
        *("-b", "html", "docs", "build/docs"),
    )
    session.log("The site is build/docs/index.html")


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the pictures of ``docs/images`` again, with the browser's tests of a real Airflow."""
    install_with_tests(session)
    session.env["SCREENSHOTS"] = str(ROOT / "docs" / "images")
    pytest(session, "--full", "tests/browser", *ARGS)


@nox.session
def dist(session: nox.Session) -> None:
    """Build sdist and wheel in ``dist``, check them, and have ``smoke`` install the wheel."""
    quietly(session, "-r", "requirements/release.txt")
    for left in ("dist", "build/lib"):  # what an earlier build left would get in
        shutil.rmtree(left, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", "dist", silent=True)
    files = sorted(str(path) for path in Path("dist").iterdir())
    session.run("twine", "check", "--strict", *files)
    package = "airflow_provider_tiktok"
    # W002: two report types have the same metrics, and so two equal files of the catalogue
    session.run("check-wheel-contents", "--ignore=W002", "--toplevel", package, "--package", package, "dist")
    session.notify("smoke")


@nox.session(reuse_venv=False)
def smoke(session: nox.Session) -> None:
    """Install the wheel of ``dist`` alone into an empty environment, and look at it from there."""
    wheels = [str(path) for path in Path("dist").glob("*.whl")]
    quietly(session, "-c", constraints(session), *wheels)
    session.run("uv", "pip", "check", external=True)
    # isolated, so that the clone's own package is not found first
    session.run("python", "-I", "-W", "ignore", "tools/smoke_wheel.py", *wheels)


@nox.session
def audit(session: nox.Session) -> None:
    """Look for known vulnerabilities of the pinned packages in OSV; say so where it can't be reached."""
    quietly(session, "-r", "requirements/release.txt")
    accepted = [f"--ignore-vuln={line.split()[0]}" for line in lines_of(REQUIREMENTS / "advisories.txt")]
    command = ["pip-audit", "--vulnerability-service=osv", "--strict", "--progress-spinner=off", *accepted]
    command += ["--no-deps", "--disable-pip", "--requirement", constraints(session)]
    failed, output = run_logged(session, *command)
    if failed and failures.UNREACHABLE.search(output):
        session.warn(
            "The pinned packages are not audited: OSV cannot be reached. Run `make audit` elsewhere."
        )
        return
    print(output)
    if failed:
        session.error(
            "Update the packages that are named (make pins), or put an advisory's ID and the reason why it does not apply "
            "here into requirements/advisories.txt"
        )


@nox.session
def pins(session: nox.Session) -> None:
    """Resolve all constraints; ``ARGS=--upgrade`` takes the newest versions."""
    options = ("--quiet", "--no-annotate", "--custom-compile-command", "make pins", *ARGS)
    wanted = ("requirements/dev.txt", "setup.cfg", "--extra", "emulator")
    for airflow in (MAIN_AIRFLOW, *OTHER_AIRFLOWS):
        folder = pins_of(airflow)
        more = ("requirements/docs.txt",) if airflow == MAIN_AIRFLOW else ()
        for python in PYTHONS[:3] if airflow.startswith("2.") else PYTHONS:
            resolved = str(folder / f"constraints-{python}.txt")
            command = ("uv", "pip", "compile", *options, "--python-version", python, "-o", resolved)
            session.run(*command, str(folder / "airflow.txt"), *more, *wanted, external=True, silent=True)
    for name in ("stores", "scale"):
        command = ("uv", "pip", "compile", *options, "--universal", "--python-version", PYTHONS[0])
        session.run(
            *command, f"requirements/{name}.in", "-o", f"requirements/{name}.txt", external=True, silent=True
        )


def check(session: nox.Session) -> None:
    """Check style, format and types."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest; an interrupted one ends the servers that its fixtures started."""
    session.run("python", "-m", "pytest", *arguments, **GRACE)


def run_all_tests(session: nox.Session, which: str) -> None:
    """Run all tests, and with nothing else running those that measure time or memory.

    A running Airflow, whose tests are one process's, mostly waits: two other processes run beside it.
    """
    pytest(session, which, PROCESSES, "--dist=loadgroup", "-m", "not alone", *ARGS)
    pytest(session, which, "-m", "alone", *ARGS)


def run_short_tests(session: nox.Session, airflow: str) -> None:
    """Run the tests that Airflow's version matters to, and an example DAG."""
    port = port_of(session, "PORT", 8765)
    install_with_tests(session, airflow)
    pytest(session, PROCESSES, "--dist=loadgroup", *SHORT, *ARGS)
    session.run("python", "-m", "tools.demo", str(port), **GRACE)


def install(session: nox.Session, *more: str, airflow: str = AIRFLOW) -> None:
    """Install the pinned Airflow, and this package in place."""
    pinned = constraints(session, airflow)
    quietly(session, "-c", pinned, "-r", str(pins_of(airflow) / "airflow.txt"), "-e", ".[emulator]", *more)


def install_with_tests(session: nox.Session, airflow: str = AIRFLOW) -> None:
    """Install what tests and checks need, too."""
    install(session, "-r", "requirements/dev.txt", airflow=airflow)


def quietly(session: nox.Session, *arguments: str) -> None:
    """Install packages; where that fails, show what uv wrote and say in a sentence why."""
    title = f"Installing what {session.name} needs ..."
    with Console().status(title):
        failed, output = run_logged(session, "uv", "pip", "install", *arguments)
    if failed:
        print(output, file=sys.stderr)
        session.error(failures.reason(output).rstrip("."))


def run_logged(session: nox.Session, *command: str) -> tuple[bool, str]:
    """Run a command whose output goes into a log; return whether it failed, and the output."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{command[0]}-{session.name.partition('(')[0]}.log"
    failed = False
    with log.open("w", encoding="utf-8") as output:
        try:
            session.run(*command, external=command[0] == "uv", stdout=output, stderr=subprocess.STDOUT)
        except nox.command.CommandFailed:
            failed = True
    return failed, log.read_text(encoding="utf-8", errors="replace")


def constraints(session: nox.Session, airflow: str = AIRFLOW) -> str:
    """Return the pins for the session's Python, or those for the newest one where it is newer."""
    exact = pins_of(airflow) / f"constraints-{session.python or THIS_PYTHON}.txt"
    return str(exact if exact.exists() else pins_of(airflow) / f"constraints-{PYTHONS[-1]}.txt")


def pins_of(airflow: str) -> Path:
    """Return the folder with the pins of a version of Airflow."""
    return REQUIREMENTS if airflow == MAIN_AIRFLOW else REQUIREMENTS / f"airflow-{airflow}"


def lines_of(path: Path) -> list[str]:
    """Return the lines that are neither empty nor a comment."""
    return [
        line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]


def port_of(session: nox.Session, setting: str, default: int) -> int:
    """Return the port that ``make NAME=...`` names, if it is free."""
    try:
        return ports.chosen(session.name.partition("(")[0], setting, default)
    except ports.PortError as error:
        session.error(str(error).rstrip("."))
