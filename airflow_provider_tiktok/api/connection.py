"""From an Airflow connection to credentials, and why there is none.

Airflow passes over an environment variable that it can't read, and then reports the connection as missing.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_tiktok.api.credentials import TikTokCredentials, read_credentials
from airflow_provider_tiktok.api.redis_settings import read_redis_settings
from airflow_provider_tiktok.exceptions import TikTokConfigError

_TEXTS = ("conn_type", "description", "host", "login", "password", "schema")
_FIELDS = (*_TEXTS, "port", "extra")
_SHOWN = 24  # characters of a name that a message shows: it may be a secret in the wrong place
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*://", re.IGNORECASE)
_QUOTE = (
    'Quote characters such as : / ? # @ in the parts of a URI ("/" is %2F), or write the connection as JSON'
)


def credentials_of(conn_id: str, connection: Any) -> TikTokCredentials:
    """Read and check a connection.

    :param conn_id: its ID.
    :param connection: Airflow's object; ``None`` where Airflow found none.
    :raises TikTokConfigError: it is missing, or a field of it can't be used.
    """
    # of a text that is neither JSON nor a URI Airflow makes a connection without a type
    if connection is None or (not connection.conn_type and unreadable(conn_id)):
        raise _no_connection(conn_id)
    return read_credentials(
        conn_id,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        schema=connection.schema,
        extra=connection.extra,
    )


def with_rate_limit_redis(credentials: TikTokCredentials, conn_id: str, connection: Any) -> TikTokCredentials:
    """Return credentials that also have what their ``rate_limit_conn_id`` names.

    :param credentials: those of the connection that names it.
    :param conn_id: that connection's ID, for messages.
    :param connection: Airflow's object of what it names; ``None`` where Airflow found none.
    :raises TikTokConfigError: it is missing, or a field of it can't be used.
    """
    redis_id = credentials.rate_limit_conn_id
    if connection is None or (not connection.conn_type and unreadable(redis_id)):
        raise TikTokConfigError(
            unreadable(redis_id)
            or f"Airflow has no connection {redis_id!r}, which the extra field 'rate_limit_conn_id' of connection "
            f"{conn_id!r} names. Create it with the type Redis, or empty that field."
        )
    settings = read_redis_settings(
        redis_id,
        conn_type=connection.conn_type,
        host=connection.host,
        port=connection.port,
        login=connection.login,
        password=connection.password,
        schema=connection.schema,
        extra=connection.extra,
    )
    return replace(credentials, rate_limit_redis=settings)


def _no_connection(conn_id: str) -> TikTokConfigError:
    """Return the error about a connection that Airflow doesn't find."""
    if not isinstance(conn_id, str) or not conn_id.strip():
        return TikTokConfigError(
            f"`tiktok_conn_id` is {conn_id!r}, which names no connection. Name one, such as 'tiktok_default'; where it is "
            "a template or another task's result, correct what that renders to."
        )
    if problem := unreadable(conn_id):
        return TikTokConfigError(problem)
    nothing = " A template, or another task's result, that is nothing renders to the text None." * (
        conn_id == "None"
    )
    return TikTokConfigError(
        f"Airflow has no connection {conn_id!r}.{nothing} Create it under Admin > Connections with the type TikTok, or set "
        f"the environment variable {_variable(conn_id)}. Where it is in a secrets backend, Airflow logs at the level DEBUG "
        "why it can't be read."
    )


def unreadable(conn_id: str) -> str:
    """Return what keeps Airflow from reading the environment variable of a connection; empty where nothing does."""
    name = _variable(conn_id)
    value = os.environ.get(name)
    problem = _problem(value.strip()) if value else ""
    return problem and (
        f"The environment variable {name} is set, but Airflow can't read it as a connection: {problem}."
    )


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def _problem(text: str) -> str:
    """Return what is wrong with a connection's text, without showing any of its values."""
    if not text:
        return "it is blank. Write the connection into it as JSON, or unset it"
    if not text.startswith("{"):
        return _uri_problem(text)
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        return _syntax_problem(error)
    except RecursionError:
        return "its JSON is nested too deep"
    return _field_problem(fields)


def _syntax_problem(error: json.JSONDecodeError) -> str:
    before = error.doc[: error.pos].rstrip()
    if error.doc[error.pos : error.pos + 1] in ("}", "]") and before.endswith(","):
        what = "there is a comma too many before it"
    else:
        what = {
            "Expecting value": "a value must be in double quotes, or a number, true, false, null, {...} or [...]",
            "Expecting property name enclosed in double quotes": "a name in double quotes must be here",
            "Illegal trailing comma before end of object": "there is a comma too many",
            "Illegal trailing comma before end of array": "there is a comma too many",
            "Extra data": "there is more text after the closing brace",
        }.get(error.msg, error.msg.partition(":")[0].lower().replace("expecting", "it lacks a"))
    return f"it is not valid JSON at line {error.lineno}, column {error.colno}: {what}"


def _field_problem(fields: dict[str, Any]) -> str:
    unknown = sorted(set(fields) - set(_FIELDS))
    if unknown:
        names = ", ".join(repr(name if len(name) <= _SHOWN else f"{name[:4]}...") for name in unknown)
        return (
            f"it has {names}, and a connection has {', '.join(_FIELDS)} only. Put other fields into the extra"
        )
    for name in _TEXTS:
        if not isinstance(fields.get(name), (str, type(None))):
            return f"its {name} must be text in double quotes"
    try:
        int(fields.get("port") or 0)
    except (TypeError, ValueError):
        return "its port must be a whole number"
    return ""


def _uri_problem(text: str) -> str:
    if not _SCHEME.match(text):
        return "it is neither a JSON object in braces nor a URI such as tiktok://:token@"
    before, _, host = text.partition("://")[2].partition("://")
    if host and ("://" in host or "@" in before or ":" in before):
        return f"the host has a scheme of its own. {_QUOTE}"
    try:
        _ = urlsplit(text).port
    except ValueError:
        return f"its host or port can't be read. {_QUOTE}"
    return ""
