"""Over HTTPS, connections are kept: a report makes no more handshakes than calls side by side, and reads CAs once."""

import ssl

import pytest

from airflow_provider_tiktok.emulator import Settings, serve
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.tls import emulators_with_tls, self_signed

CALLS = 24


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_connections_are_reused(connect, monkeypatch, tmp_path, concurrency):
    pem, read, load = self_signed(tmp_path), [], ssl.SSLContext.load_verify_locations

    def load_and_count(context, path=None, *args, **kwargs):
        read.append(path)
        return load(context, path, *args, **kwargs)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load_and_count)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", pem)
    with emulators_with_tls(pem) as connections, serve(Settings(ads=10, latency_ms=5)) as emulator:
        account = next(iter(emulator.world.accounts))
        connect(emulator.url.replace("http:", "https:"), advertiser_ids=[account])
        summary = TikTokReportOperator(
            task_id="report",
            dimensions="ad_id,stat_time_hour",
            metrics="spend",
            report_start_date="2026-08-01",
            report_end_date=f"2026-08-{CALLS:02}",
            max_concurrency=concurrency,
            output_path=str(tmp_path / "rows.jsonl"),
        ).execute({})
    assert summary["row_count"] == CALLS * 24 * 10
    assert len([call for call in emulator.calls if call.path.endswith("integrated/get/")]) == CALLS
    assert 1 <= len(connections) <= concurrency
    assert all(protocol.startswith("TLSv1") for _, protocol, _ in connections)
    assert read == [pem]
