"""How a Redis is reached, as the fields of Airflow's connection say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_tiktok.api.redis_settings import RedisLogin, RedisSettings, read_redis_settings
from airflow_provider_tiktok.exceptions import TikTokConfigError

PASSWORD = "redis-password-71c0"
LOCAL = (("localhost", 6379),)
TLS = {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True}


def read(extra: Any = None, **fields: Any) -> RedisSettings:
    text = extra if isinstance(extra, str) else json.dumps(extra or {})
    known = {"conn_type": "redis", "host": None, "extra": text} | fields
    return read_redis_settings("limits", **known)


@pytest.mark.parametrize(
    ("extra", "fields", "settings"),
    [
        ({}, {}, {}),
        ({}, {"host": "r1", "port": 7}, {"hosts": (("r1", 7),)}),
        ({}, {"host": "r1:8", "port": 7}, {"hosts": (("r1", 8),)}),
        ({}, {"host": "[::1]:8"}, {"hosts": (("::1", 8),)}),
        ({}, {"login": "me", "password": PASSWORD}, {"login": RedisLogin("me", PASSWORD)}),
        ({}, {"password": "None"}, {}),
        ({}, {"password": "false"}, {}),
        ({"db": 3}, {}, {"db": 3}),
        ({"db": "3"}, {"schema": "5"}, {"db": 3}),
        ({}, {"schema": "5"}, {"db": 5}),
        ({"ssl": True}, {}, {"tls": TLS}),
        ({"ssl": "true", "ssl_check_hostname": "false"}, {}, {"tls": TLS | {"ssl_check_hostname": False}}),
        ({}, {"conn_type": "rediss"}, {"tls": TLS}),
        ({}, {"host": "rediss://r1:8"}, {"hosts": (("r1", 8),), "tls": TLS}),
        ({"ssl": False}, {"conn_type": "rediss"}, {}),
        ({"ssl_ca_certs": "/ca.pem"}, {}, {}),
        (
            {"ssl": True, "ssl_ca_certs": "/ca.pem", "ssl_certfile": "/c.pem", "ssl_keyfile": "/k.pem"},
            {},
            {"tls": TLS | {"ssl_ca_certs": "/ca.pem", "ssl_certfile": "/c.pem", "ssl_keyfile": "/k.pem"}},
        ),
        (
            {"ssl": True, "ssl_cert_reqs": "none"},
            {},
            {"tls": {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}},
        ),
        (
            {"master_name": "mymaster", "sentinel_kwargs": {"password": PASSWORD}},
            {"host": "s1, s2:7,s3"},
            {
                "hosts": (("s1", 26379), ("s2", 7), ("s3", 26379)),
                "master_name": "mymaster",
                "sentinel_login": RedisLogin("", PASSWORD),
            },
        ),
    ],
    ids=str,
)
def test_fields_as_airflows_provider_has_them(extra, fields, settings):
    assert read(extra, **fields) == RedisSettings(**({"conn_id": "limits", "hosts": LOCAL} | settings))


@pytest.mark.parametrize(
    ("extra", "fields", "problem"),
    [
        ({}, {"conn_type": "postgres"}, "is of the type 'postgres'"),
        ({}, {"conn_type": None}, "is of the type ''"),
        ("[1]", {}, "must be a JSON object"),
        ({"cluster": True}, {}, "'cluster' of connection 'limits' can't be used for rate limits"),
        ({}, {"host": "s1,s2"}, "names several hosts"),
        ({}, {"host": f"redis://me:{PASSWORD}@r1"}, "The host of connection 'limits' is none"),
        ({}, {"host": "r1/2"}, "The host of connection 'limits' is none"),
        ({}, {"host": "r1:x"}, "The host of connection 'limits' is none"),
        ({"db": "main"}, {}, "'db' of connection 'limits' must be the number of a database"),
        ({"db": True}, {}, "must be the number of a database"),
        ({"db": -1}, {}, "must be the number of a database"),
        ({"ssl": "perhaps"}, {}, "'ssl' of connection 'limits' must be true or false"),
        ({"ssl_cert_reqs": "optionally"}, {}, "must be required, optional or none"),
        ({"sentinel_kwargs": {"db": 3}}, {}, "may hold username and password"),
        ({"sentinel_kwargs": {"password": 3}}, {}, "may hold username and password"),
        ({"sentinel_kwargs": PASSWORD}, {}, "is not valid JSON"),
        ({"sentinel_kwargs": "[1]"}, {}, "must be a JSON object"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_named_and_shows_no_secret(extra, fields, problem):
    with pytest.raises(TikTokConfigError) as caught:
        read(extra, **fields)
    assert problem in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_settings_show_no_secret():
    settings = read(
        {"master_name": "m", "sentinel_kwargs": json.dumps({"password": PASSWORD})}, password=PASSWORD
    )
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in repr(vars(settings.login))
    assert settings.login.password == settings.sentinel_login.password == PASSWORD
