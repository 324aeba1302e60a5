"""Object stores on loopback, each with a bucket and an Airflow connection to it."""

import json
import urllib.request

import pytest

BUCKET = "lake"
STORE_SECRET = "secret-of-the-store-71be"


class S3:
    """moto's S3 server, and what a test wants to know of it."""

    def __init__(self, url, client):
        self.url = url
        self.client = client

    def keys(self, prefix=""):
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return sorted(entry["Key"] for entry in listed)

    def read(self, key):
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def empty(self):
        for key in self.keys():
            self.client.delete_object(Bucket=BUCKET, Key=key)


def connection(url, key="key-of-the-store", secret=STORE_SECRET):
    """Write a connection of type aws as Airflow reads it from the environment."""
    extra = {
        "endpoint_url": url,
        "region_name": "us-east-1",
        "config_kwargs": {"retries": {"max_attempts": 1}, "connect_timeout": 2},
    }
    return json.dumps({"conn_type": "aws", "login": key, "password": secret, "extra": extra})


@pytest.fixture(scope="session")
def _s3_server():
    for module in ("moto.server", "s3fs", "airflow.providers.amazon"):
        pytest.importorskip(module, reason="`make stores` installs it")
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="key-of-the-store",
        aws_secret_access_key=STORE_SECRET,
    )
    client.create_bucket(Bucket=BUCKET)
    yield S3(url, client)
    server.stop()


@pytest.fixture
def s3(_s3_server, monkeypatch):
    """Return an empty S3 bucket, and the connection ``store`` to it."""
    _s3_server.empty()
    monkeypatch.setenv("AIRFLOW_CONN_STORE", connection(_s3_server.url))
    return _s3_server


@pytest.fixture
def guarded_s3(s3):
    """Let S3 require known credentials, of which there are none."""

    def reset(count):
        request = urllib.request.Request(
            f"{s3.url}/moto-api/reset-auth", data=str(count).encode(), method="POST"
        )
        request.add_header("Content-Type", "text/plain")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()

    reset(0)
    yield s3
    reset(1_000_000)
