"""``report`` and ``entities``: rows on the screen, in pipes and files, a DAG of what was tried, and how they fail."""

import csv
import inspect
import io
import json
import subprocess
import sys

import pytest

from airflow_provider_tiktok.cli.main import build_parser, main
from airflow_provider_tiktok.cli.parameters import OF_TASKS, parameters_of
from airflow_provider_tiktok.cli.terminal import row_table
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.entities import TikTokEntitiesOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.conftest import SECRET, TOKEN

DAY = ("--report-start-date", "2026-10-01")
REPORT = ("report", "--preset", "ad_group_summary", *DAY)


@pytest.fixture(autouse=True)
def _connected(emulator, connect):
    connect(advertiser_ids=next(iter(emulator.world.accounts)))


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        shown = capsys.readouterr()
        for secret in (TOKEN, SECRET):
            assert secret not in shown.out + shown.err
        return code, shown.out, shown.err

    return run


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch):
    """Run a command in a terminal, and return what it shows."""

    def run(*arguments: str, columns: int = 300, **env: str) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        out, err = Screen(), Screen()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            code = main(arguments)
        return code, out.getvalue(), err.getvalue()

    return run


def rows_of(**parameters) -> list[dict]:
    return list(TikTokHook().iter_report(**parameters))


@pytest.mark.parametrize(
    ("operator", "module"),
    [(TikTokReportOperator, "report"), (TikTokEntitiesOperator, "entities")],
)
def test_options_are_the_operators_parameters(operator, module):
    found = parameters_of(f"airflow_provider_tiktok.operators.{module}", operator.__name__)
    known = {
        name: parameter
        for name, parameter in inspect.signature(operator.__init__).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in OF_TASKS
    }
    assert list(found) == list(known)
    for name, parameter in known.items():
        default = None if parameter.default is parameter.empty else parameter.default
        assert found[name].default == default
        assert found[name].about
        assert not set("`:~") & set(found[name].help) - {":"}, found[name].help


def test_every_parameter_of_a_command_is_an_option(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["report", "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for name in parameters_of("airflow_provider_tiktok.operators.report", "TikTokReportOperator"):
        assert f"--{name.replace('_', '-')}" in shown
    assert "YYYY-MM-DD" in shown
    assert "examples:" in shown
    assert "last complete day" in shown


def test_rows_in_a_pipe_have_tabs_between_values_and_all_come(run):
    code, out, err = run(*REPORT, "--limit", "1")
    expected = rows_of(preset="ad_group_summary", report_start_date="2026-10-01")
    names, *rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert len(rows) == len(expected) > 1
    assert [dict(zip(names, row, strict=True)) for row in rows] == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in expected
    ]
    assert f"{len(rows)} rows of 1 account(s), 2026-10-01 to 2026-10-01" in err


def test_rows_as_json_are_all_rows_with_their_digits(run):
    code, out, _ = run(*REPORT, "--json")
    expected = rows_of(preset="ad_group_summary", report_start_date="2026-10-01")
    assert code == 0
    assert [
        {name: value if value is None else str(value) for name, value in row.items()}
        for row in json.loads(out, parse_float=str, parse_int=str)
    ] == [{name: value if value is None else str(value) for name, value in row.items()} for row in expected]
    assert run(*REPORT, "--filters", '{"x": 1}', "--json")[0] == 1


def test_no_rows_are_an_empty_list(run, emulator):
    empty = next(name for name in emulator.world.accounts if name.startswith("72"))
    code, out, err = run("report", "--preset", "ad_daily", *DAY, "--advertiser-ids", empty, "--json")
    assert (code, json.loads(out)) == (0, [])
    assert "0 rows" in err


def test_a_terminal_shows_a_table_of_the_first_rows(screen):
    code, out, err = screen(*REPORT, "--limit", "2")
    assert code == 0
    lines = [line for line in out.splitlines() if line.strip()]
    assert len(lines) == 4  # title, rule, two rows
    assert "adgroup_id" in lines[0]
    assert "The first 2 are shown: --limit 0 shows all" in err


@pytest.mark.parametrize("kind", ["integer", "decimal", "float"])
def test_numbers_of_every_type_are_on_the_right(kind):
    rows = [{"name": "a", "number": 1}, {"name": "b", "number": 20.5}]
    (table,) = row_table(rows, {"name": "string", "number": kind})
    assert [column.justify for column in table.columns] == ["left", "right"]


def test_rows_that_are_wider_than_the_terminal_come_one_below_the_other(screen):
    _, out, _ = screen(*REPORT, "--limit", "1", columns=40)
    assert out.splitlines()[0] == "row 1"
    assert out.splitlines()[1].split() == [
        "advertiser_id",
        rows_of(preset="ad_group_summary")[0]["advertiser_id"],
    ]


def test_colours_are_for_terminals_without_no_color(screen, run):
    assert "\x1b[" in screen("presets")[1]
    assert "\x1b[" not in screen("presets", NO_COLOR="1")[1].replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert "\x1b[" not in run("presets")[1]
    assert "\x1b[32mok" in screen("doctor")[1]
    assert "\x1b[" not in run("doctor")[1]


def test_the_progress_is_shown_while_it_runs(screen, run, emulator):
    code, _, err = screen(*REPORT)
    assert code == 0
    assert "of 1 accounts" in err or "Waiting for TikTok" in err
    assert run(*REPORT)[2].startswith("10 rows of 1 account(s)")  # one plain line where there is no terminal


def test_names_from_tiktok_cannot_paint_the_terminal(screen, emulator, monkeypatch):
    account = next(iter(emulator.world.accounts.values()))
    from dataclasses import replace

    monkeypatch.setitem(
        emulator.world.accounts, account.advertiser_id, replace(account, name="A\x1b[2J[red]B")
    )
    _, out, _ = screen("entities", "advertiser", "--fields", "name")
    assert "A [2J[red]B" in out


def test_files_are_written_as_the_operator_does(run, capsys, tmp_path):
    target = tmp_path / "rows.csv"
    code, out, _ = run(*REPORT, "--output-path", str(target))
    assert (code, out) == (0, f"{target}\n")
    TikTokReportOperator(
        task_id="report",
        preset="ad_group_summary",
        report_start_date="2026-10-01",
        output_path=str(tmp_path / "same.csv"),
    ).execute({})
    assert target.read_bytes() == (tmp_path / "same.csv").read_bytes()
    capsys.readouterr()  # the operator's log
    code, out, _ = run(*REPORT, "--output-path", str(target), "--json")
    assert (code, json.loads(out)["row_count"]) == (0, len(target.read_text().splitlines()) - 1)


def test_entities_are_listed(run):
    code, out, err = run("entities", "campaign", "--fields", "campaign_name,budget")
    names, *rows = csv.reader(io.StringIO(out), delimiter="\t")
    expected = list(TikTokHook().iter_entities("campaign", fields="campaign_name,budget"))
    assert (code, len(rows), names) == (0, len(expected), list(expected[0]))
    assert [row[names.index("campaign_name")] for row in rows] == [row["campaign_name"] for row in expected]
    assert "call(s)" in err


def test_a_report_in_report_tasks(run):
    code, out, _ = run(*REPORT, "--mode", "async", "--json", "--poll-interval", "1")
    assert code == 0
    assert len(json.loads(out)) == len(rows_of(preset="ad_group_summary", report_start_date="2026-10-01"))


@pytest.mark.parametrize(
    ("faults", "arguments", "says"),
    [
        ([{"fault": "code:40105"}], (), "code 40105"),
        ([{"fault": "drop_row"}], (), "could not be made complete"),
        ([], ("--on-empty", "sometimes"), "`on_empty` is 'sometimes'"),
        ([], ("--metrics", "spendd"), "did you mean 'spend'?"),
        ([], ("--output-format", "csv"), "needs an `output_path`"),
        ([], ("--conn-id", "missing"), "no connection 'missing'"),
    ],
)
def test_a_report_that_fails_shows_no_row_and_one_error(
    run, emulator, fast_retries, moved_clock, faults, arguments, says
):
    emulator.set_faults(faults)
    code, out, err = run(*REPORT, *arguments)
    assert (code, out) == (1, "")
    assert says in err
    assert "Traceback" not in err


def test_a_failed_report_leaves_the_file_as_it_was(run, emulator, moved_clock, tmp_path):
    target = tmp_path / "rows.jsonl"
    target.write_text("of before")
    emulator.set_faults([{"fault": "drop_row"}])
    assert run(*REPORT, "--output-path", str(target))[0] == 1
    assert target.read_text() == "of before"


@pytest.mark.parametrize("option", [("--presett", "x"), ("--limit", "-1"), ("--max-concurrency", "many")])
def test_an_option_that_cannot_be_ends_with_code_2(capsys, option):
    with pytest.raises(SystemExit) as stopped:
        main(["report", *option])
    assert stopped.value.code == 2
    assert option[0] in capsys.readouterr().err


def test_an_interrupt_ends_with_code_130(run, monkeypatch):
    from airflow_provider_tiktok.operators._run.run import ReportRun

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ReportRun, "execute", interrupt)
    assert run(*REPORT) == (130, "", "Stopped.\n")


TRIED = {
    "preset": ("report", "--preset", "ad_daily"),
    "dates": ("report", "--preset", "ad_daily", *DAY),
    "lists": (
        *("report", "--dimensions", "ad_id, stat_time_day", "--lookback-days", "3", "--with-parents"),
        *("--metrics", "spend,impressions,clicks,conversion,cost_per_conversion,conversion_rate,reach"),
        *("--conn-id", "mine", "--output-path", '/tmp/it\'s "new"/', "--partition-by", "stat_time_day"),
        *(
            "--filters",
            '[{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": ["123", "456"]}]',
        ),
        *("--column-names", '{"spend": "cost"}', "--advertiser-ids", "*"),
    ),
    "entities": ("entities", "ad", "--fields", "ad_name", "--no-include-deleted"),
}


@pytest.mark.parametrize("arguments", TRIED.values(), ids=TRIED)
def test_a_dag_of_what_was_tried_is_printed_without_a_call(run, emulator, tmp_path, arguments):
    code, out, err = run(*arguments, "--as-dag")
    assert (code, err) == (0, "")
    assert emulator.calls == []
    made: dict = {}
    exec(compile(out, "dag", "exec"), made)
    pytest.importorskip("ruff")
    file = tmp_path / "dag.py"
    file.write_text(out)
    checks = [
        ("check", "--select", "ALL", "--ignore", "D,INP,E501,CPY,S108,AIR"),
        ("format", "--check", "--diff"),
    ]
    for command in checks:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", str(file)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_dag_of_what_was_tried_does_the_same(run, tmp_path):
    target = tmp_path / "rows.jsonl"
    tried = (*REPORT, "--output-path", str(target))
    _, code, _ = run(*tried, "--as-dag")
    assert run(*tried)[0] == 0
    expected = target.read_bytes()
    target.unlink()
    made: dict = {}
    exec(
        compile(code.replace("    TikTokReportOperator(", "    task = TikTokReportOperator("), "dag", "exec"),
        made,
    )
    made["task"].execute({})
    assert target.read_bytes() == expected


def test_a_dag_of_what_cannot_be_right_is_not_printed(run):
    code, out, err = run("report", "--preset", "ad_dayly", "--as-dag")
    assert (code, out) == (1, "")
    assert "Did you mean 'ad_daily'?" in err


def test_every_command_has_help_with_examples(capsys):
    for command in ("report", "entities", "plan", "presets", "fields", "doctor", "connect", "revoke"):
        with pytest.raises(SystemExit):
            build_parser().parse_args([command, "--help"])
        assert "airflow-tiktok " + command in capsys.readouterr().out.partition("examples:")[2]


def test_docs_say_where_to_read(run):
    code, out, _ = run("docs")
    assert code == 0
    assert "getting-started.md" in out
    assert "https://" in out


def test_doctor_as_json(run):
    code, out, _ = run("doctor", "--json")
    assert code == 0
    assert {finding["part"]: finding["state"] for finding in json.loads(out)}["token"] == "ok"
