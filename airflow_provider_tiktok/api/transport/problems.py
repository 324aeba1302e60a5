"""What an exception of an HTTP call means: one table, for calls of the API and of the file host.

What the environment of the worker decides (proxy, CA bundle) is named by its variable, without what is secret in it.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

from airflow_provider_tiktok.api.transport.body import BodyEncodingError, TooLargeError
from airflow_provider_tiktok.api.transport.redaction import LOG_REDACTION
from airflow_provider_tiktok.api.transport.sanitize import sanitize

_Result = TypeVar("_Result")

_TUNNEL = re.compile(r"tunnel connection failed: (\d{3})")
_VERIFY = re.compile(r"certificate verify failed: (.+?) \(_ssl\.c")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]*\]|[^:/?#\s]*)(:\d{1,5})?")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_PASSING = frozenset({204, 408, 425, 429})  # statuses below 500 that pass by themselves
_TIMEOUTS = frozenset({408, 504})
_REFUSED = ", the host refuses the token, or a proxy before it wants a login"
_STATUSES = {
    401: _REFUSED,
    403: _REFUSED,
    404: ", there is no such API path at this host",
    3: ", the host redirects and the token must not follow",
}
"""What HTTP statuses mean, or classes of them by their first digit."""
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a call brought no usable answer.

    :param text: what happened.
    :param permanent: whether it stays until someone changes something.
    :param timed_out: whether the host took too long to answer.
    :param unsent: whether the call can't have reached the host.
    :param advice: what to do, where it is the worker's environment that is wrong.
    """

    text: str
    permanent: bool = False
    timed_out: bool = False
    unsent: bool = False
    advice: str = ""


@dataclass(frozen=True, slots=True)
class _Proxy:
    """The proxy that calls go through.

    :param variable: where it is set.
    :param url: its address.
    """

    variable: str
    url: str

    @property
    def where(self) -> str:
        """Variable and host, without user name and password."""
        scheme = _SCHEME.match(self.url)
        behind = self.url[scheme.end() :] if scheme else self.url
        host = _HOST.match(behind.rpartition("@")[2])
        shown = (scheme.group() if scheme else "") + (host.group() if host else "")
        return f"{self.variable} ({sanitize(shown, 200)!r})"


@dataclass(frozen=True, slots=True)
class _Call:
    """What failed: the call's address, and the seconds that it may take."""

    url: str
    timeout: float
    proxy: _Proxy | None


_CAUGHT = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    TooLargeError,
    OSError,
    ValueError,
    TypeError,
)
"""What a call can raise that :func:`_problem_of` may know."""


def problem_of_call(call: Callable[[], _Result], url: str, timeout: float) -> _Result | Problem:
    """Make a call, and return what it returns; where it raises, what that means.

    The caller raises its own error outside ``except``, for requests' own messages hold the URL with its secrets.

    :param url: the call's address, of which nothing is shown.
    :param timeout: seconds that the call may take.
    """
    try:
        return call()
    except _CAUGHT as error:
        problem = _problem_of(error, url, timeout)
        if problem is None:
            raise
    return problem


def _problem_of(error: BaseException, url: str, timeout: float) -> Problem | None:
    """Return what an exception of a call means; ``None`` if it is none of the network's."""
    call = _Call(url, timeout, _proxy_of(url))
    return next((make(error, call) for kinds, make in _TABLE if isinstance(error, kinds)), None)


def status_problem(status: int, url: str) -> Problem:
    """Return what is wrong with an answer that is none of TikTok's."""
    if status == requests.codes.ok:
        return Problem("the answer is not TikTok's JSON")
    if status == requests.codes.proxy_authentication_required and (proxy := _proxy_of(url)):
        return _login_problem(proxy)
    passes = status >= requests.codes.internal_server_error or status in _PASSING
    meaning = _STATUSES.get(status) or _STATUSES.get(status // 100, "")
    return Problem(
        f"HTTP {status}{meaning}", permanent=not passes, timed_out=status in _TIMEOUTS, unsent=not passes
    )


def _proxy_of(url: str) -> _Proxy | None:
    """Return the proxy of an address, as :mod:`requests` finds it."""
    value = select_proxy(url, get_environ_proxies(url))
    if not value:
        return None
    for name in (f"{urlsplit(url).scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if os.environ.get(variable) == value:
                return _Proxy(variable, value)
    return _Proxy("the system's proxy settings", value)


def _login_problem(proxy: _Proxy) -> Problem:
    return Problem(
        f"the proxy of {proxy.where} wants a login",
        permanent=True,
        unsent=True,
        advice=f"Put its user name and password into {proxy.variable}, as http://user:password@host:port.",
    )


def _proxy_problem(error: BaseException, call: _Call) -> Problem:
    """Read the failure of a connection to a proxy, or through it."""
    text = str(error).lower()
    where = f" of {call.proxy.where}" if call.proxy else ""
    variable = call.proxy.variable if call.proxy else "the proxy settings"
    tunnel = _TUNNEL.search(text)
    status = int(tunnel[1]) if tunnel else 0
    if status == requests.codes.proxy_authentication_required and call.proxy:
        return _login_problem(call.proxy)
    if 400 <= status < 500 and status not in _PASSING:  # noqa: PLR2004 - the client's errors
        return Problem(
            f"the proxy{where} refuses the connection with HTTP {status}",
            permanent=True,
            unsent=True,
            advice="Have the proxy let the worker reach the host, or name the host in NO_PROXY.",
        )
    if "certificate verify failed" in text:
        return _unverified(error, f"the proxy{where}")
    if "wrong version number" in text or "record layer failure" in text:
        return Problem(
            f"the proxy{where} doesn't speak TLS",
            permanent=True,
            unsent=True,
            advice=f"Write http:// instead of https:// into {variable}; calls through it are encrypted all the same.",
        )
    what = f" (HTTP {status})" if status else ""
    return Problem(
        f"the HTTP proxy{where} could not be reached or refused the connection{what}",
        unsent=True,
        advice=f"Check that the worker reaches the proxy, and {variable}; else the failure is the proxy's, and passes.",
    )


def _address_problem(error: BaseException, call: _Call) -> Problem:
    """Read the refusal of an address: the proxy's where there is one, else the call's own."""
    if call.proxy is None or not _is_address(call.url):
        return Problem("the URL is not valid", permanent=True, unsent=True)
    if call.proxy.url.lower().startswith("socks") and "socks" in str(error).lower():
        return Problem(
            f"the proxy of {call.proxy.where} can't be used: SOCKS 4 and 5 take the package PySocks, others are unknown",
            permanent=True,
            unsent=True,
            advice=f"Install PySocks where the task runs, or name an HTTP proxy in {call.proxy.variable}.",
        )
    return Problem(
        f"the proxy of {call.proxy.where} is no address of a proxy",
        permanent=True,
        unsent=True,
        advice=f"Correct {call.proxy.variable}, as http://host:port with any login quoted (/ is %2F), or unset it.",
    )


def _is_address(url: str) -> bool:
    try:
        requests.Request("GET", url).prepare()
        return urlsplit(url).port != 0
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError):
        return False


def _value_problem(error: BaseException, call: _Call) -> Problem | None:
    """Read what comes of a proxy's address that requests doesn't check; any other such error is a mistake of ours."""
    if call.proxy is None or ("SOCKS" not in str(error) and _is_address(call.proxy.url)):
        return None
    return _address_problem(error, call)


def _tls_problem(error: BaseException, call: _Call) -> Problem:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return _unverified(error, "the host")
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text:
        what = "the host doesn't speak TLS; write http:// into the API host if that is meant"
        return Problem(what, permanent=True, unsent=True)
    return _bundle_problem(error, call) or Problem("the TLS connection broke", unsent=True)


def _unverified(error: BaseException, whose: str) -> Problem:
    found = _VERIFY.search(str(error))
    why = sanitize(found[1], 200).rstrip(".") if found else ""
    variable, path = _bundle()
    return Problem(
        f"the TLS certificate of {whose} could not be verified"
        + (f" with the CA bundle of {variable} ({sanitize(path, 300)!r})" if variable else "")
        + (f": {why}" if why else ""),
        permanent=True,
        unsent=True,
        advice=_certificate_advice(why, variable, whose),
    )


def _certificate_advice(why: str, variable: str, whose: str) -> str:
    """Return what to do about a certificate, which no bundle makes good when it is out of date or another host's."""
    if "expired" in why or "not yet valid" in why:
        return f"Check the worker's clock; where it is right, {whose} needs a new certificate."
    if "certificate is not valid for" in why:
        return f"The certificate is another host's: check the name of {whose}."
    if variable:
        return (
            "Add the certificate of the authority that signed it, such as your network's proxy, to that bundle, or correct "
            f"{variable}."
        )
    return (
        "Where your network's proxy signs certificates, set REQUESTS_CA_BUNDLE to a PEM file with its authority's "
        "certificate."
    )


def _bundle_problem(_: BaseException, call: _Call) -> Problem | None:
    """Look at the CA bundle itself: what can't be loaded is wrong, whatever the error says."""
    variable, path = _bundle()
    if not call.url.lower().startswith("https:") or not path:
        return None
    what = _bundle_fault(path)
    if not what:
        return None
    source = variable or "the package certifi"
    return Problem(
        f"the CA bundle of {source} ({sanitize(path, 300)!r}) {what}",
        permanent=True,
        unsent=True,
        advice=f"Set {variable} to a PEM file with the certificates of the authorities that are trusted, or unset it."
        if variable
        else "Install certifi again.",
    )


def _bundle_fault(path: str) -> str:
    if os.path.isdir(path):  # noqa: PTH112 - it may be no path of this system
        return ""
    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        return "doesn't exist"
    except ssl.SSLError:
        return "holds no certificate in PEM form, or a damaged one"
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return ""


def _bundle() -> tuple[str, str]:
    """Return the variable that names a CA bundle, and the bundle; certifi's without a variable."""
    for variable in _BUNDLES:
        if path := os.environ.get(variable):
            return variable, path
    return "", DEFAULT_CA_BUNDLE_PATH


def _connection_problem(error: BaseException, call: _Call) -> Problem:
    text = str(error).lower()
    through = f" through the proxy of {call.proxy.where}" if call.proxy else ""
    if "refused" in text:
        return Problem(f"the connection was refused{through}", unsent=True)
    if "name or service" in text or "resolve" in text or "getaddrinfo" in text:
        return Problem(f"the host name could not be resolved{through}", unsent=True)
    return Problem("the connection broke")


def _no_connection(_: BaseException, call: _Call) -> Problem:
    through = f" through the proxy of {call.proxy.where}" if call.proxy else ""
    return Problem(f"no connection within {call.timeout:g} s{through}", unsent=True)


def _encoding_problem(error: BaseException, _: _Call) -> Problem:
    return Problem(
        f"the answer is packed in a way that was not asked for ({sanitize(LOG_REDACTION.text(str(error)), 20)!r})",
        permanent=True,
    )


_TABLE: tuple[tuple[Any, Callable[[BaseException, _Call], Problem | None]], ...] = (
    # the first line that fits counts: many of these classes are kinds of others
    (requests.exceptions.ProxyError, _proxy_problem),
    (requests.exceptions.SSLError, _tls_problem),
    (
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.LocationValueError,
        ),
        _address_problem,
    ),
    (requests.exceptions.ConnectTimeout, _no_connection),
    (
        requests.exceptions.Timeout,
        lambda _, call: Problem(f"no answer within {call.timeout:g} s", timed_out=True),
    ),
    (requests.exceptions.ConnectionError, _connection_problem),
    (TooLargeError, lambda error, _: Problem(f"the answer is larger than {error}", permanent=True)),
    (BodyEncodingError, _encoding_problem),
    (
        (requests.exceptions.RequestException, urllib3.exceptions.HTTPError),
        lambda error, _: Problem(f"the connection broke ({type(error).__name__})"),
    ),
    (OSError, _bundle_problem),
    ((ValueError, TypeError), _value_problem),
)
