"""Fetches the file of a report task from the host where TikTok puts it.

The address comes from TikTok's answer and is signed for an hour. It is only followed to hosts of TikTok's, or
to the API host of the connection, where an emulator or a proxy may be; the token is not sent there, and a
redirect is followed only where the address itself would be.
"""

from __future__ import annotations

import re
import threading
from typing import IO, Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests

from airflow_provider_tiktok.api.transport.body import save_body
from airflow_provider_tiktok.api.transport.problems import Problem, problem_of_call
from airflow_provider_tiktok.api.transport.redaction import LOG_REDACTION, redacted_in_log
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.api.transport.session import new_session
from airflow_provider_tiktok.api.transport.watchdog import Call, Watchdog
from airflow_provider_tiktok.exceptions import TikTokReportTaskError, TikTokTransportError

FILE_HOSTS = ("tiktok.com", "tiktokcdn.com")
"""Domains of TikTok's that files are fetched from, with all below them. ``ads.tiktok.com`` is the one documented."""

_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
"""What no address of TikTok's holds, and what makes one client see another host in it than the next."""

_MOST_REDIRECTS = 3
_LAPSED = frozenset({400, 401, 403, 404, 410})
"""HTTP statuses with which a host says that a signed address is not, or no longer, good."""


class LapsedAddressError(Exception):
    """The signed address is not good any more; TikTok gives a new one for the asking."""


def fetch_file(
    url: str, into: IO[bytes], *, api_url: str, timeout: float, stop: threading.Event, subject: str
) -> dict[str, Any]:
    """Write the file at an address into a file of ours.

    :param url: the address that TikTok gave.
    :param into: a file; what is in it is replaced.
    :param api_url: base URL of the connection, whose host is good as well.
    :param timeout: seconds without a byte after which the transfer fails.
    :param stop: set by another thread, it ends the transfer.
    :param subject: what the file is, for messages, which never hold the address.
    :return: its ``bytes``, and ``is_complete``: whether the host said where it ends.
    :raises TikTokReportTaskError: the address leads to a host that files are not fetched from.
    :raises LapsedAddressError: the host refuses the address.
    :raises TikTokTransportError: the file didn't come.
    """
    url = Secret(url)
    for _ in range(_MOST_REDIRECTS + 1):
        check_address(url, api_url, subject)
        target, saved = _fetch(url, into, timeout, stop, subject)
        if saved is not None:
            return saved
        url = _join(url, target)
    raise TikTokTransportError(
        f"The file host redirects again and again ({subject}). Run the task again later."
    )


def check_address(url: str, api_url: str, subject: str) -> None:
    """Refuse an address that doesn't lead to TikTok's file host.

    :raises TikTokReportTaskError: it doesn't.
    """
    host, is_good = _look_at(url, api_url)
    if not is_good:
        raise TikTokReportTaskError(
            f"No file is fetched from {host[:100] or 'no host'!r}, to which TikTok's address leads ({subject}): files are "
            f"fetched over https from {', '.join(FILE_HOSTS)} and from the connection's API host only. If this host is "
            "TikTok's, airflow-provider-tiktok needs an upgrade; `request_params={'output_format': 'CSV_STRING'}` does "
            "without it."
        )


def _join(url: str, target: str) -> Secret:
    """Return where a redirect leads to."""
    try:
        return Secret(urljoin(url, target))
    except ValueError:  # it is no address, and is refused as such
        return Secret(target)


def _look_at(url: str, api_url: str) -> tuple[str, bool]:
    """Return the host of an address, and whether files are fetched from it."""
    try:
        shown = (
            urlsplit(LOG_REDACTION.text(url)).hostname or ""
        )  # a host is made lower case, and a secret is none then
        parts = urlsplit(url)
        host = parts.hostname or ""
        usual = _HOST.fullmatch(host) and not _ODD.search(url)
        return shown, bool(usual and (_is_tiktoks(parts) or _is_same_host(parts, urlsplit(api_url))))
    except ValueError:
        return "", False


def _is_tiktoks(parts: SplitResult) -> bool:
    host = (parts.hostname or "").rstrip(".")
    known = any(host == domain or host.endswith(f".{domain}") for domain in FILE_HOSTS)
    return known and parts.scheme == "https" and parts.port in {None, 443} and not parts.username


def _is_same_host(parts: SplitResult, api: SplitResult) -> bool:
    """Return whether an address is of the API's own host; one with TLS leads to none without."""
    same = (parts.hostname, _port(parts)) == (api.hostname, _port(api))
    return same and parts.scheme == api.scheme and not parts.username


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _fetch(
    url: Secret, into: IO[bytes], timeout: float, stop: threading.Event, subject: str
) -> tuple[Secret, dict[str, Any] | None]:
    """Make one call, and return where it redirects to, or what it has saved."""
    problem = problem_of_call(
        lambda: Watchdog().run(Call(timeout, stop), lambda: _exchange(url, into, timeout)), url, timeout
    )
    if not isinstance(problem, Problem):
        status, target, saved = problem
        if saved is not None or target:
            return target, saved
        if status in _LAPSED:
            raise LapsedAddressError(f"HTTP {status}")
        problem = Problem(f"HTTP {status}")
    host = urlsplit(LOG_REDACTION.text(url)).hostname
    advice = problem.advice or (
        f"Check that the worker reaches {host}; if it does, the failure is TikTok's and passes."
    )
    raise TikTokTransportError(
        f"The file of the report did not come ({subject}): {problem.text}. {advice}",
        retryable=not problem.permanent,
    )


def _exchange(url: Secret, into: IO[bytes], timeout: float) -> tuple[int, Secret, dict[str, Any] | None]:
    """Return the status, where it redirects to, and what was saved."""
    parts = urlsplit(url)
    with (
        redacted_in_log(parts.query, parts.path),
        new_session(url, {"Accept": "*/*", "Accept-Encoding": "identity"}, 1) as session,
        session.get(url, timeout=timeout, stream=True, allow_redirects=False) as response,
    ):
        if response.status_code == requests.codes.ok:
            return requests.codes.ok, Secret(), save_body(response, into)
        target = response.headers["Location"] if response.is_redirect else ""
        return response.status_code, Secret(target), None
