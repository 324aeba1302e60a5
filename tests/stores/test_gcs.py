"""Files on Google Cloud Storage, through gcsfs and an emulator.

Airflow's Google connection names no host to call, so the filesystem is opened without it.
"""

import json

import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files.destination import Destination
from airflow_provider_tiktok.storage.files.preflight import check_reachable
from airflow_provider_tiktok.storage.files.target import Target
from tests.airflow.live import free_port

COLUMNS = {"ad_id": "string", "stat_time_day": "date"}
FOLDER = Target("gs://lake/ads", True, "jsonl", False, ("stat_time_day",))


@pytest.fixture
def gcs(monkeypatch):
    """Return gcsfs with an empty bucket."""
    # otherwise it requests the type of the bucket by gRPC, which the emulator doesn't support, for a minute
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    gcsfs = pytest.importorskip("gcsfs", reason="`make stores` installs it")
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="`make stores` installs it")
    port = free_port()
    server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="lake")
    server.start()
    yield gcsfs.GCSFileSystem(
        endpoint_url=f"http://127.0.0.1:{port}", token="anon", project="p", skip_instance_cache=True
    )
    server.stop()


def publish(gcs, target, rows):
    """Write rows as a report does that covers every partition."""
    root = target.path.removeprefix("gs://")
    check_reachable(gcs, root, target)
    destination = Destination(target, gcs, root, COLUMNS)
    destination.name_files("ads")
    destination.write(destination.encode(list(zip(*rows, strict=True)), [True, True]))
    return destination.publish({"request": "ads"}, lambda _: True)


def test_partitions_appear_and_go_with_their_rows(gcs):
    publish(gcs, FOLDER, [("1", "2026-11-01"), ("2", "2026-11-02")])
    published = publish(gcs, FOLDER, [("3", "2026-11-01")])
    assert published.removed == ("gs://lake/ads/stat_time_day=2026-11-02/ads.jsonl",)
    gcs.invalidate_cache()
    assert gcs.find("lake") == ["lake/ads/_manifest.json", "lake/ads/stat_time_day=2026-11-01/ads.jsonl"]
    assert gcs.cat("lake/ads/stat_time_day=2026-11-01/ads.jsonl") == b'{"ad_id":"3"}\n'
    assert [file["rows"] for file in json.loads(gcs.cat("lake/ads/_manifest.json"))["files"]] == [1]


def test_a_missing_bucket_is_named(gcs):
    with pytest.raises(TikTokOutputError, match="there is no bucket or container 'nobodys'"):
        publish(gcs, Target("gs://nobodys/ads.jsonl", False, "jsonl", False), [("1", "2026-11-01")])
