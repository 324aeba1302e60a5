"""The audit of the pinned packages: what it finds, what it lets pass, and when it can say nothing."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools import audit
from tools.console import Stop

ADVISORY = {
    "id": "GHSA-1",
    "aliases": ["CVE-2026-11"],
    "affected": [
        {
            "package": {"name": "two", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]},
                {"type": "GIT", "events": [{"fixed": "abc"}]},
            ],
        },
        {"package": {"name": "other"}, "ranges": [{"events": [{"fixed": "9"}]}]},
    ],
}


@pytest.fixture
def database(monkeypatch, tmp_path):
    """Give a database on loopback: its answers by path, and under ``asked`` what it was asked."""
    state = {"/querybatch": {"results": [{}, {}]}, "/vulns/GHSA-1": ADVISORY, "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            state["asked"].append((self.path, json.loads(self.rfile.read(length)) if length else None))
            body = json.dumps(state.get(self.path)).encode()
            self.send_response(200 if self.path in state else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("TIKTOK_AUDIT_SOURCE", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(audit, "read_pins", lambda _: {"two": "2.0", "one": "1.0"})
    monkeypatch.setattr(audit, "_ACCEPTED", tmp_path / "advisories.txt")
    yield state
    server.shutdown()
    server.server_close()


def test_clean_pins_pass_with_one_question(database, capsys):
    assert audit.main() == 0
    assert "ok  No known vulnerability in 2 pinned packages." in capsys.readouterr().out
    ((path, body),) = database["asked"]
    assert path == "/querybatch"
    assert body["queries"] == [
        {"package": {"name": "one", "ecosystem": "PyPI"}, "version": "1.0"},
        {"package": {"name": "two", "ecosystem": "PyPI"}, "version": "2.0"},
    ]


@pytest.fixture
def vulnerable(database):
    database["/querybatch"] = {"results": [{}, {"vulns": [{"id": "GHSA-1"}]}]}
    return database


def test_a_vulnerability_is_named_with_its_mend_and_fails(vulnerable, capsys):
    with pytest.raises(Stop, match="1 known vulnerabilities"):
        audit.main()
    assert "    two 2.0: GHSA-1, CVE-2026-11; fixed in 2.1\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["GHSA-1", "CVE-2026-11"])
def test_an_accepted_one_passes_by_any_of_its_names(vulnerable, tmp_path, name):
    (tmp_path / "advisories.txt").write_text(f"# these\n{name} only its server is concerned\n")
    assert audit.main() == 0


@pytest.mark.parametrize("line", ["GHSA-1", "GHSA-1 #", "whatever it is"])
def test_an_accepted_one_wants_id_and_reason(database, tmp_path, line):
    (tmp_path / "advisories.txt").write_text(f"{line}\n")
    with pytest.raises(Stop, match="the reason"):
        audit.main()


def test_a_withdrawn_one_is_none(vulnerable):
    vulnerable["/vulns/GHSA-1"] = ADVISORY | {"withdrawn": "2026-01-01T00:00:00Z"}
    assert audit.main() == 0


@pytest.mark.parametrize(
    "answer",
    [{"results": [{}]}, {"results": [{}, {"next_page_token": "x"}]}, {}, [], {"results": None}],
)
def test_an_answer_that_leaves_a_package_out_is_no_pass(database, capsys, answer):
    database["/querybatch"] = answer
    assert audit.main() == 0
    out = capsys.readouterr().out
    assert "Dependencies are not audited" in out
    assert "ok  " not in out


def test_a_database_that_cannot_be_reached_is_told(database, monkeypatch, capsys):
    monkeypatch.setenv("TIKTOK_AUDIT_SOURCE", "http://127.0.0.1:9")
    assert audit.main() == 0
    assert "not audited: http://127.0.0.1:9 gives no answer (" in capsys.readouterr().out


def test_the_real_pins_are_read():
    pins = audit.read_pins(audit.REQUIREMENTS / "constraints-3.12.txt")
    assert pins["apache-airflow"] == "3.3.2"
    assert len(pins) > 100
