"""A connection to a Redis that may hold a task up for two seconds in all.

A thread of its own connects, for names and handshakes can take any time: at once, then every five seconds until Redis is
there, and often right after it was lost. A task waits for that as long as it may, then goes on without.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from airflow_provider_tiktok.api.redis_settings import RedisLogin, RedisSettings
from airflow_provider_tiktok.api.transport.redaction import Redactor

log = logging.getLogger(__name__)

_SLOW = 0.1  # seconds within which Redis answers
_CONNECT_TIMEOUT = 1.0  # seconds for each step of connecting
_MOST_WAIT = 2.0  # seconds that a task waits in all, for answers that don't come and for a lost Redis
_FIRST_WAIT = 1.0  # of these, for a Redis that hasn't answered yet
_SOON, _LATER = 0.05, 5.0  # seconds between two attempts to connect


class LostError(Exception):
    """Redis didn't answer, or not as it should."""


class RedisLink:
    """Runs scripts in a Redis. For one thread at a time.

    :param settings: how to reach it.
    :param probe: the script, its key and its arguments, with which Redis shows that it can be used.
    """

    def __init__(self, settings: RedisSettings, probe: Sequence[Any]) -> None:
        self.problem = ""
        self._settings = settings
        self._probe = probe
        self._redactor = Redactor((settings.login.password, settings.sentinel_login.password))
        self._connection: Any = None
        self._wait_left = _MOST_WAIT
        self._has_answered = False
        self._tried, self._up, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._start_connecting()

    def is_up(self) -> bool:
        """Return whether Redis can be used; one that can't is waited for, as long as the task may still wait."""
        if self._connection is None and self._wait_left > 0:
            began = time.monotonic()
            if self._has_answered:
                self._up.wait(self._wait_left)
            else:
                self._tried.wait(min(self._wait_left, _FIRST_WAIT))
            self._wait_left -= time.monotonic() - began
        return self._connection is not None

    def run(self, script: str, key: str, *values: Any) -> Any:
        """Return what a script returns for a key.

        :raises LostError: Redis failed, so that it isn't known whether the script ran.
        """
        connection, began = self._connection, time.monotonic()
        if connection is None:
            raise LostError
        try:
            return _run(connection, script, key, *values)
        except (RedisError, OSError) as error:
            self._wait_left -= time.monotonic() - began
            self._note(error)
            self._connection = None
            self._up.clear()
            _disconnect(connection)
            self._start_connecting()
            raise LostError from error

    def close(self) -> None:
        """Disconnect. Nothing waits for Redis any more."""
        self._closed.set()
        self._wait_left = 0.0
        self._tried.set()
        self._up.set()
        connection, self._connection = self._connection, None
        if connection is not None:
            _disconnect(connection)

    def _start_connecting(self) -> None:
        threading.Thread(target=self._connect, name="tiktok-rate-limit", daemon=True).start()

    def _connect(self) -> None:
        """Connect, again and again until it works or no one needs it any more."""
        while not self._closed.is_set():
            connection = None
            try:
                connection = _open(self._settings)
                connection.connect()
                _run(connection, *self._probe)
            except (RedisError, OSError, ValueError) as error:  # a wrong setting for TLS is a ValueError
                self._note(error)
                if connection is not None:
                    _disconnect(connection)
            else:
                self._take(connection)
                return
            finally:
                self._tried.set()
            self._closed.wait(_SOON if self._has_answered and self._wait_left > 0 else _LATER)

    def _take(self, connection: Any) -> None:
        self.problem, self._has_answered, self._connection = "", True, connection
        self._up.set()
        if self._closed.is_set():
            self.close()

    def _note(self, error: Exception) -> None:
        self.problem = self._redactor.text(f"{type(error).__name__}: {error}")


def _open(settings: RedisSettings) -> Any:
    """Return a connection, which is made when it is first used.

    It is one connection and not a client, whose commands connect and repeat by themselves, for any time.
    """
    limits = {
        "socket_timeout": _CONNECT_TIMEOUT,
        "socket_connect_timeout": _CONNECT_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        **(settings.tls or {}),
    }
    options = {"db": settings.db, "protocol": 2, **_user(settings.login), **limits}
    if settings.master_name:
        sentinels = {**limits, **_user(settings.sentinel_login)}
        client = Sentinel(list(settings.hosts), sentinel_kwargs=sentinels, **options).master_for(
            settings.master_name
        )
    else:
        host, port = settings.hosts[0]
        client = Redis(host=host, port=port, **options)
    return client.connection_pool.make_connection()


def _user(login: RedisLogin) -> dict[str, str | None]:
    return {"username": login.username or None, "password": login.password or None}


def _run(connection: Any, script: str, key: str, *values: Any) -> Any:
    connection.send_command("EVAL", script, 1, key, *values)
    if not connection.can_read(timeout=_SLOW):
        raise TimeoutError(f"no answer within {_SLOW * 1000:.0f} ms")
    return connection.read_response()


def _disconnect(connection: Any) -> None:
    try:
        connection.disconnect()
    except (RedisError, OSError):
        log.debug("Redis was not left in good order", exc_info=True)
