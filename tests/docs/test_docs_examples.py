"""Every example of README, guides and docstrings: run against the emulator, or checked by the program that reads it."""

import configparser
import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import TOKEN, connection_json
from tests.docs.examples import ROOT, Block, blocks, code, localised
from tests.run_dags import run_dags

pytestmark = pytest.mark.airflow

ALL = blocks()
RUN = [block for block in ALL if not block.reason]
MAKES_TASKS = re.compile(r"\b(DAG|dag|\w*(Operator|Sensor)(\.partial)?)\(")


def of(*languages: str) -> list[Block]:
    return [block for block in RUN if block.language in languages]


DAGS = [block for block in of("python") if MAKES_TASKS.search(block.text)]
SCRIPTS = [block for block in of("python") if block not in DAGS]


def name(block: Block) -> str:
    return "block_" + re.sub(r"\W", "_", str(block))


def test_every_block_has_a_language_that_is_checked_or_a_reason():
    known = {"python", "bash", "console", "json", "text"}
    assert [str(block) for block in ALL if block.language not in known and not block.reason] == []


def test_the_few_that_are_not_run_say_why():
    reasons = {str(block): block.reason for block in ALL if block.reason}
    assert all(len(reason) > 10 for reason in reasons.values()), reasons
    for block in ALL:
        if block.reason and block.language == "python":
            compile(block.text, str(block), "exec")


@pytest.fixture(scope="module")
def accounts(_session_emulator):
    return [account for account in _session_emulator.world.accounts if account.startswith("71")]


@pytest.fixture(scope="module")
def connection(_session_emulator, accounts):
    return connection_json(_session_emulator.url, advertiser_ids=accounts[:2])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("docs")


def dag_file(block: Block, url: str, accounts: list[str], folder: Path) -> str:
    """Return the text of a file with the block's DAG, or with its tasks in a DAG."""
    text = localised(code(block), url, accounts, folder)
    if re.search(r"\b(DAG|dag)\(", text):
        return text
    run = f"exec(compile({text!r}, {str(block)!r}, 'exec'), globals())"
    return f"from airflow.sdk import DAG\nwith DAG({name(block)!r}):\n    {run}\n"


@pytest.fixture(scope="module")
def results(airflow_home, folder, connection, accounts, _session_emulator):
    """Run the DAGs of all blocks."""
    files = folder / "files"
    files.mkdir()
    jobs = []
    for block in DAGS:
        text = dag_file(block, _session_emulator.url, accounts, folder / name(block))
        path = files / f"{name(block)}.py"
        path.write_text(text, encoding="utf-8")
        jobs.append({"name": name(block), "path": str(path)})
    _session_emulator.set_faults([])
    found, outputs = run_dags(
        jobs,
        folder,
        AIRFLOW_CONN_TIKTOK_DEFAULT=connection,
        AIRFLOW_CONN_WAREHOUSE=json.dumps({"conn_type": "sqlite", "host": str(folder / "warehouse.db")}),
    )
    assert TOKEN not in "".join(outputs.values())
    return found, outputs


@pytest.mark.full
@pytest.mark.parametrize("block", DAGS, ids=str)
def test_a_dag_of_the_docs_runs_to_success(results, block):
    found, outputs = results
    errors, runs = found[name(block)]["errors"], found[name(block)]["runs"]
    assert errors == []
    assert [run["state"] for run in runs] == ["success"], (runs, outputs[name(block)][-6000:])
    assert set(runs[0]["tasks"].values()) == {"success"}


@pytest.mark.parametrize("block", DAGS, ids=str)
def test_a_dag_of_the_docs_can_be_made(block, emulator, accounts, tmp_path):
    text = dag_file(block, emulator.url, accounts, tmp_path)
    exec(compile(text, str(block), "exec"), {"__name__": name(block)})


@pytest.mark.full
def test_dag_ids_in_the_docs_are_their_own(results):
    ids = [run["dag"] for result in results[0].values() for run in result["runs"]]
    assert len(ids) == len(set(ids)) == len(DAGS)


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_python_of_the_docs_runs_and_prints_what_it_says(
    block, emulator, accounts, connection, monkeypatch, tmp_path
):
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", connection)
    text = localised(code(block), emulator.url, accounts, tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(text, str(block), "exec"), {"__name__": "example"})
    if block.output is not None:
        assert printed.getvalue() == localised(block.output, emulator.url, accounts, tmp_path)


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_of_the_docs_is_json(block):
    json.loads(block.text)


@pytest.mark.parametrize("block", of("console"), ids=str)
def test_a_command_of_the_docs_prints_what_it_says(block, capsys, monkeypatch):
    from airflow_provider_tiktok.cli.main import main
    from airflow_provider_tiktok.emulator import Settings, serve

    for command, expected in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block.text, re.M):
        program, *words = shlex.split(command)
        assert program == "airflow-tiktok", command
        with serve(Settings(accounts=120, empty_account=False)) as agency:
            monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", connection_json(agency.url, qps=10))
            assert main(words) == 0
        assert capsys.readouterr().out == expected


def commands_in(block: Block) -> list[list[str]]:
    """Split a shell block into commands and these into words, without comments."""
    filled_in = block.text.replace("<access token>", TOKEN).replace("<app id>", "7350000000000000001")
    lines = re.sub(r"\\\n", " ", re.sub(r"(^|\s)#[^\n]*", r"\1", filled_in))
    lexer = shlex.shlex(lines, posix=True, punctuation_chars=";&|\n")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set(";&|\n"):
            found.append([])
        else:
            found[-1].append(word)
    return [words for words in found if words]


def check_make(words):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    named = [word for word in words if "=" not in word]
    assert named
    assert set(named) <= set(targets)


def check_pip(words):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert words[0] == "install"
    for wanted in words[1:]:
        if re.fullmatch(r"apache-airflow-providers-[a-z-]+", wanted):
            continue
        extras = re.fullmatch(r"airflow-provider-tiktok(?:\[([\w,]+)\])?", wanted)
        assert extras, wanted
        assert set(filter(None, (extras[1] or "").split(","))) <= set(setup["options.extras_require"])


def check_python(words):
    assert words[0] == "-m", words
    if words[1] == "airflow_provider_tiktok.emulator":
        from airflow_provider_tiktok.emulator.cli import _parser

        _parser().parse_args(words[2:])
        return
    assert words[1] == "airflow_provider_tiktok", words
    check_airflow_tiktok(words[2:])


def check_airflow_tiktok(words):
    from airflow_provider_tiktok.cli.main import build_parser

    words = words[: words.index(">")] if ">" in words else words
    build_parser().parse_args(words)


def check_airflow(words):
    from airflow.cli.cli_parser import get_parser

    get_parser().parse_args(words)


def check_export(words):
    from airflow.sdk import Connection

    from airflow_provider_tiktok.api.credentials import read_credentials
    from airflow_provider_tiktok.api.redis_settings import read_redis_settings

    for word in words:
        variable, _, value = word.partition("=")
        if variable.startswith("AIRFLOW_CONN_"):
            made = Connection.from_json(value, conn_id="docs")
            fields = {name: getattr(made, name) for name in ("password", "host", "port", "schema", "extra")}
            if made.conn_type == "redis":
                read_redis_settings("docs", conn_type="redis", login=made.login, **fields)
            elif made.conn_type == "sqlite":  # as the tests' own connection to a warehouse
                assert Path(fields["host"]).is_absolute()
            else:
                assert made.conn_type == "tiktok"
                read_credentials("docs", **fields)
        else:
            assert re.fullmatch(r"AIRFLOW__[A-Z_]+__[A-Z_]+|TIKTOK_[A-Z_]+", variable), word


CHECKS = {
    "make": check_make,
    "pip": check_pip,
    "python": check_python,
    "airflow": check_airflow,
    "airflow-tiktok": check_airflow_tiktok,
    "export": check_export,
}


@pytest.mark.parametrize("block", of("bash"), ids=str)
def test_a_shell_command_of_the_docs_is_one_that_there_is(block, monkeypatch):
    found = commands_in(block)
    assert found
    for words in found:
        if re.match(r"AIRFLOW_CONN_\w+=", words[0]):
            check_export(words)
            continue
        assert words[0] in CHECKS, f"{block} runs {words[0]}, which nothing here checks"
        try:
            CHECKS[words[0]](words[1:])
        except SystemExit as stopped:
            pytest.fail(f"{block}: {' '.join(words)} isn't understood ({stopped})")


@pytest.mark.parametrize("block", of("text"), ids=str)
def test_text_holds_no_code(block):
    assert not re.search(r"^(import |from \w+ import|def )", block.text, re.M)
