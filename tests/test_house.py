"""The rules of the house: who may import whom, and what an import may cost."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "airflow_provider_tiktok"
TOP = {"airflow_provider_tiktok", "airflow_provider_tiktok.exceptions"}

# what each part may import of this package; everything else of it is out of bounds
MAY_IMPORT = {
    "api": {"api"},
    "reports": {"reports", "api", "storage.columns", "storage.temporary"},
    "storage": {"storage"},
    "emulator": {"emulator", "reports"},
    "hooks": {"hooks", "reports", "api", "_compat", "_compat_late", "get_provider_info"},
    "cli": {"cli", "hooks", "reports", "api", "_compat", "_compat_late"},
    "triggers": {"triggers", "reports", "api", "_compat", "_compat_late"},
    "operators": {
        "operators",
        "links",
        "triggers",
        "hooks",
        "reports",
        "storage",
        "api",
        "_compat",
        "_compat_late",
    },
    "sensors": {"sensors", "operators", "hooks", "reports", "_compat", "_compat_late"},
}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(part: str) -> list[Path]:
    return sorted((PACKAGE / part).rglob("*.py"))


@pytest.mark.parametrize("part", ["api", "reports", "storage", "emulator"])
def test_the_inner_parts_do_not_know_airflow(part):
    for path in modules(part):
        names = {name.partition(".")[0] for name in imports_of(path)}
        assert "airflow" not in names, path


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_arrows_point_down_only(part):
    for path in modules(part):
        for name in imports_of(path):
            pieces = name.split(".")
            if (
                pieces[0] == "airflow_provider_tiktok"
                and len(pieces) > 1
                and pieces[1] not in {"clock", "exceptions", "fingerprint", "__version__"}
            ):
                allowed = MAY_IMPORT[part]
                assert pieces[1] in allowed or ".".join(pieces[1:3]) in allowed, f"{path} imports {name}"


def test_errors_get_everything_through_their_constructor():
    late = re.compile(r"(?<!self)\.(retryable|retry_after|timed_out|truncated|about_one_account) = ")
    for path in sorted(PACKAGE.rglob("*.py")):
        assert not late.search(path.read_text(encoding="utf-8")), path


def test_only_the_client_and_the_file_host_make_http_calls():
    for path in sorted(PACKAGE.rglob("*.py")):
        if "requests" in {name.partition(".")[0] for name in imports_of(path)}:
            room = path.relative_to(PACKAGE).parent.as_posix()
            assert (
                room == "api/transport"
                or path.relative_to(PACKAGE).as_posix() == "api/endpoints/downloads.py"
            )


def python(code: str, folder: Path | None = None) -> dict:
    """Run code in a fresh interpreter, which finds modules in a folder first; it prints JSON on its last line."""
    env = os.environ | {"PYTHONWARNINGS": "ignore"} | ({"PYTHONDONTWRITEBYTECODE": "1"} if folder else {})
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, cwd=folder)
    return json.loads(done.stdout.strip().splitlines()[-1])


IMPORT_COST = """
import json, sys, time
from airflow.sdk import DAG, BaseHook, BaseOperator

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4

modules, memory, start = set(sys.modules), resident(), time.perf_counter()
import airflow_provider_tiktok.operators.report
seconds = time.perf_counter() - start
print(json.dumps({
    "file": airflow_provider_tiktok.operators.report.__file__, "ms": seconds * 1000,
    "kib": resident() - memory, "new": sorted(set(sys.modules) - modules),
}))
"""


@pytest.mark.alone
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's own account of memory")
def test_importing_the_operator_costs_next_to_nothing_even_uncompiled(tmp_path):
    # a copy without byte code, as where Python may not write any: the code is compiled at every import
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    runs = [python(IMPORT_COST, tmp_path) for _ in range(5)]
    assert {run["file"] for run in runs} == {str(tmp_path / PACKAGE.name / "operators" / "report.py")}
    assert min(run["ms"] for run in runs) <= 5
    assert min(run["kib"] for run in runs) <= 512
    assert {name.partition(".")[0] for name in runs[0]["new"]} == {"airflow_provider_tiktok"}


def test_importing_the_package_imports_nothing():
    code = (
        "import sys, json; before = set(sys.modules); import airflow_provider_tiktok;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert python(code) == ["airflow_provider_tiktok"]


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git which files there are")
def test_no_file_names_a_machine_or_a_registry():
    root = PACKAGE.parent
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    for name in filter(None, listed):
        path = root / name
        if (
            path.suffix in {".py", ".md", ".cfg", ".toml", ".txt", ".csv", ".json", ".sh", ""}
            and path.is_file()
        ):
            text = path.read_text(encoding="utf-8")
            for word in ("/work" + "/main", "/work" + "/shared", "/root" + "/", "files.python" + "hosted"):
                assert word not in text, f"{name} holds {word}"
