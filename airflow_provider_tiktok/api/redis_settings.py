"""How to reach a Redis, read from an Airflow connection.

The fields are those of Airflow's Redis provider, and those that its URI form has. Sentinel, which that provider lacks, is
named as Celery names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_tiktok.api.extras import Extras
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.exceptions import TikTokConfigError

_TYPES = ("redis", "rediss")
_PORT, _SENTINEL_PORT = 6379, 26379
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_VERIFY = ("required", "optional", "none")


@dataclass(frozen=True)
class RedisLogin:
    """The user of a Redis, or of its Sentinels. Its ``repr`` shows no secret.

    :param username: of an ACL; empty for the default user.
    :param password: empty where none is asked for.
    """

    username: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Keep the password from showing in dumps of what holds this one's fields."""
        object.__setattr__(self, "password", Secret(self.password))


@dataclass(frozen=True)
class RedisSettings:
    """One Airflow connection of the type ``redis``, read and checked.

    :param conn_id: its ID, for messages.
    :param hosts: host and port; of each Sentinel, where ``master_name`` is given.
    :param login: who uses it.
    :param db: number of the database.
    :param tls: the client's options for TLS; ``None`` for a connection without.
    :param master_name: what the Sentinels call the Redis; empty without Sentinel.
    :param sentinel_login: who asks the Sentinels.
    """

    conn_id: str
    hosts: tuple[tuple[str, int], ...]
    login: RedisLogin = RedisLogin()
    db: int = 0
    tls: Mapping[str, Any] | None = None
    master_name: str = ""
    sentinel_login: RedisLogin = RedisLogin()


def read_redis_settings(
    conn_id: str,
    *,
    conn_type: str | None,
    host: str | None,
    port: int | None = None,
    login: str | None = None,
    password: str | None = None,
    schema: str | None = None,
    extra: str | None = None,
) -> RedisSettings:
    """Read the fields of an Airflow connection.

    :param conn_id: the connection's ID, for messages.
    :param conn_type: ``redis``, or ``rediss`` for TLS, which a URI may have.
    :param host: one host, or each Sentinel's with its port, comma-separated.
    :param port: of hosts that have none of their own.
    :param login: the user of an ACL.
    :param password: the user's.
    :param schema: the database's number, where a URI has it and the extra has none.
    :param extra: the connection's extra, as JSON text.
    :raises TikTokConfigError: a field can't be used; the text names it.
    """
    if conn_type not in _TYPES:
        raise TikTokConfigError(
            f"Connection {conn_id!r} is of the type {conn_type or ''!r}, and a rate limit is shared through one of the type "
            "redis. Name one in rate_limit_conn_id, or empty that field."
        )
    extras = Extras(conn_id, extra)
    if extras.flag("cluster", default=False):
        raise extras.error("cluster", "can't be used for rate limits: name a Redis that is no cluster")
    master_name = extras.text("master_name")
    scheme, _, names = (host or "").strip().rpartition("://")
    hosts = _hosts(conn_id, names, port or (_SENTINEL_PORT if master_name else _PORT))
    if len(hosts) > 1 and not master_name:
        raise TikTokConfigError(
            f"Connection {conn_id!r} names several hosts. If they are Sentinels, say in the extra field 'master_name' what "
            "they call the Redis."
        )
    return RedisSettings(
        conn_id,
        hosts,
        RedisLogin(login or "", _password(password)),
        _database(extras, schema),
        _tls(extras, default="rediss" in {conn_type, scheme}),
        master_name,
        _sentinel_login(extras),
    )


def _hosts(conn_id: str, names: str, port: int) -> tuple[tuple[str, int], ...]:
    found = []
    for name in filter(None, (name.strip() for name in (names or "localhost").split(","))):
        try:
            parts = urlsplit(f"//{name}")
            found.append((parts.hostname or "", parts.port or port))
        except ValueError:
            found.append(("", 0))
        if not found[-1][0] or parts.path or parts.username or parts.password:
            raise TikTokConfigError(
                f"The host of connection {conn_id!r} is none. Write a name or an address, and nothing else."
            )
    return tuple(found)


def _password(password: str | None) -> str:
    # what Airflow's provider takes for none
    return "" if str(password).lower() in {"none", "false"} else str(password)


def _database(extras: Extras, schema: str | None) -> int:
    value = extras.get("db")
    text = str((schema or 0) if value is None else value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise extras.error("db", "must be the number of a database")
    return int(text)


def _tls(extras: Extras, *, default: bool) -> dict[str, Any] | None:
    verify = extras.text("ssl_cert_reqs") or "required"
    if verify not in _VERIFY:
        raise extras.error("ssl_cert_reqs", f"must be {', '.join(_VERIFY[:-1])} or {_VERIFY[-1]}")
    check_hostname = extras.flag("ssl_check_hostname", default=verify == "required")
    if not extras.flag("ssl", default=default):
        return None
    files = {name: extras.text(name) for name in _FILES}
    return {
        "ssl": True,
        "ssl_cert_reqs": verify,
        "ssl_check_hostname": check_hostname,
        **{name: path for name, path in files.items() if path},
    }


def _sentinel_login(extras: Extras) -> RedisLogin:
    values = extras.mapping("sentinel_kwargs")
    if set(values) - {"username", "password"} or not all(isinstance(one, str) for one in values.values()):
        raise extras.error("sentinel_kwargs", "may hold username and password, as text, and nothing else")
    return RedisLogin(**values)
