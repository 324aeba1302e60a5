"""The client of TikTok's API: ``get`` and ``post``."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from airflow_provider_tiktok.api import stopping
from airflow_provider_tiktok.api.calls import Answer, ApiCall, CallFailure
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.envelope import EnvelopeReader
from airflow_provider_tiktok.api.rate_limit.limiter import RateLimitStatus
from airflow_provider_tiktok.api.rate_limit.throttle import Throttle, Turn
from airflow_provider_tiktok.api.retry import Retries, RetryPolicy
from airflow_provider_tiktok.api.transport.problems import Problem
from airflow_provider_tiktok.api.transport.redaction import LOG_REDACTION, Redactor
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.api.transport.session import Exchange, Transport
from airflow_provider_tiktok.exceptions import TikTokStoppedError

log = logging.getLogger(__name__)


@dataclass
class CallCounts:
    """What a client did so far. A call that is made again counts each time.

    ``suspensions`` is how often one of its calls was the first that TikTok refused because the app had made too many in a
    minute, for which it suspends the app for five.
    """

    api_calls: int = 0
    retried_calls: int = 0
    throttled_calls: int = 0
    suspensions: int = 0

    def add(self, calls: Mapping[str, int]) -> None:
        """Add what another client did, by the names of these fields."""
        for name, number in calls.items():
            setattr(self, name, getattr(self, name) + number)


class TikTokClient:
    """Calls TikTok's API. Safe to share between threads.

    :param credentials: host, token and limits.
    :param retry: how often a call is made, and how long it waits.
    :param stop: set by another thread, it ends every wait; the call then raises
        :class:`TikTokStoppedError`.
    :param connections: how many calls may be in flight.
    """

    def __init__(
        self,
        credentials: TikTokCredentials,
        *,
        retry: RetryPolicy | None = None,
        stop: threading.Event | None = None,
        connections: int = 8,
    ) -> None:
        self.credentials = credentials
        self.counts = CallCounts()
        self.stop = stop or threading.Event()
        self._redactor = Redactor(credentials.secrets)
        LOG_REDACTION.add(credentials.secrets)
        self._retry = retry or RetryPolicy()
        self._throttle = Throttle(credentials, self._retry, self.stop)
        self._lock = threading.Lock()
        root = f"{credentials.base_url}/open_api/{credentials.api_version}/"
        self._transport = Transport(
            credentials.base_url,
            root,
            # a client that asks for a token has none yet
            {"Access-Token": Secret(credentials.access_token)} if credentials.access_token else {},
            timeout=credentials.timeout,
            stop=self.stop,
            redactor=self._redactor,
            connections=connections,
        )
        self._envelopes = EnvelopeReader(credentials.base_url, root, self.redact, conn_id=credentials.conn_id)

    @property
    def last_exchange(self) -> Exchange | None:
        """How the latest HTTP call went that brought an answer."""
        return self._transport.last_exchange

    def get(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        subject: str = "",
        cancel: threading.Event | None = None,
        into: IO[bytes] | None = None,
        needs_data: bool = True,
        marks_numbers: bool = False,
    ) -> Answer:
        """Make one GET call, again and again while that can help.

        :param path: endpoint, such as ``report/integrated/get/``.
        :param params: TikTok's parameters; ``None`` is left out, text is sent as it is, everything
            else as JSON.
        :param subject: what the call is about, such as ``advertiser 7..., page 2``; for messages.
        :param cancel: set when no one needs the answer any more; ends this call's waits.
        :param into: an empty file for an answer that is not JSON, such as a report's CSV; the answer's data then say
            its ``bytes``, and whether their number was proven (``is_complete``).
        :param needs_data: whether it is an error that TikTok accepts the call and sends no data.
        :param marks_numbers: whether numbers with a point come as
            :class:`~airflow_provider_tiktok.api.calls.JsonNumber`, so that nested values can be written as JSON again.
        :raises TikTokAPIError: TikTok refused, or no usable answer came.
        :raises TikTokStoppedError: the task was stopped while the call waited.
        """
        query = {
            name: value
            if isinstance(value, str)
            else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            for name, value in params.items()
            if value is not None
        }
        return self._make(
            ApiCall(
                path,
                query,
                subject=subject,
                into=into,
                needs_data=needs_data,
                cancel=cancel,
                marks_numbers=marks_numbers,
            )
        )

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        subject: str = "",
        is_create: bool = False,
        once: bool = False,
        needs_data: bool = True,
    ) -> Answer:
        """Make one POST call.

        :param path: endpoint, such as ``report/task/create/``.
        :param body: TikTok's parameters, sent as JSON; ``None`` is left out.
        :param subject: what the call is about, for messages.
        :param is_create: whether the call creates something: it then keeps to the rate limit of report tasks as well,
            and is not made again when its answer was lost, for what it creates would be there twice.
        :param once: whether the call is not made again whatever went wrong, for it may have used up what it
            sent; one that TikTok refused because of too many requests did nothing.
        :param needs_data: as of :meth:`get`.
        :raises TikTokAPIError: TikTok refused, or no usable answer came.
        :raises TikTokStoppedError: the task was stopped while the call waited.
        """
        sent = {name: value for name, value in body.items() if value is not None}
        account = {"advertiser_id": str(sent["advertiser_id"])} if "advertiser_id" in sent else {}
        return self._make(
            ApiCall(
                path,
                account,
                sent,
                subject=subject,
                is_create=is_create,
                once=once,
                needs_data=needs_data,
            )
        )

    def wait(self, seconds: float) -> None:
        """Wait, unless the task is stopped in the meantime.

        :raises TikTokStoppedError: it was.
        """
        stopping.wait(seconds, self.stop)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
        self._throttle.close()

    def rate_limit_status(self) -> RateLimitStatus:
        """Return the app's rate limit at present, as far as this machine knows."""
        return self._throttle.status()

    def add_secret(self, secret: str) -> None:
        """Redact a secret, which came later than the credentials, in logs and errors from now on."""
        self._redactor.add((secret,))
        LOG_REDACTION.add((secret,))

    def redact(self, text: str) -> str:
        """Return a text without the connection's secrets."""
        return self._redactor.text(text)

    def redact_file(self, file: IO[bytes]) -> None:
        """Redact the connection's secrets in a file; its length stays."""
        self._redactor.file(file)

    def _make(self, call: ApiCall) -> Answer:
        turn, retries = self._throttle.turn(call), Retries(self._retry, call)
        is_retry = False
        while True:
            turn.wait()
            self._count(retried_calls=is_retry)
            try:
                outcome = self._attempt(call, turn)
            except TikTokStoppedError:
                turn.unanswered()
                raise
            if isinstance(outcome, Answer):
                turn.accepted()
                return outcome
            is_retry = True
            self._count(throttled_calls=outcome.is_throttled)
            self._count(suspensions=turn.failed(outcome))
            if not outcome.is_throttled:
                stopping.wait(retries.backoff_after(outcome), self.stop, call.cancel)

    def _attempt(self, call: ApiCall, turn: Turn) -> Answer | CallFailure:
        self._count(api_calls=1)
        started = time.monotonic()
        response = self._transport.send(call, turn.sent)
        if isinstance(response, Problem):
            return self._envelopes.failure(response, call.subject)
        log.debug(
            "%s %s (%s): HTTP %d, %d bytes, %.3f s",
            call.method,
            call.path,
            call.subject,
            response.status,
            response.saved["bytes"] if response.saved else len(response.body),
            time.monotonic() - started,
        )
        return self._envelopes.read(response, call)

    def _count(self, **more: int) -> None:
        with self._lock:
            self.counts.add(more)
