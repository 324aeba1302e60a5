"""TikTok's OAuth consent: the page that an advertiser confirms, the code that it issues, and the token.

The emulated advertiser selects every account and confirms immediately: the page answers with the redirect
that TikTok sends after the confirmation. A code is valid once and for an hour, and a token until it is
revoked (TikTok's document "Obtain a long-term access token").
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.emulator.access import check_app, check_token
from airflow_provider_tiktok.emulator.errors import ApiError
from airflow_provider_tiktok.emulator.kinds.answers import Answer
from airflow_provider_tiktok.emulator.schemas import base, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_tiktok.emulator.faults import Fault
    from airflow_provider_tiktok.emulator.schemas.base import Params
    from airflow_provider_tiktok.emulator.settings import Settings
    from airflow_provider_tiktok.emulator.world.world import World

EXCHANGE_PATH = "oauth2/access_token/"
REVOKE_PATH = "oauth2/revoke_token/"
PAGE = "/portal/auth"

_EXCHANGE: base.Lines = {
    "needed": base.required("app_id", "secret", "auth_code"),
    "app_id": fields.identifier(),
    "secret": fields.string(),
}
_CODE: base.Lines = {"auth_code": fields.string(), "return_advertiser_ids": fields.flag(default=True)}
_REVOCATION: base.Lines = {
    "needed": base.required("app_id", "secret", "access_token"),
    "app_id": fields.identifier(),
    "access_token": fields.string(),
    "secret": fields.string(),
}
_INVALID = 40101
_USED = 40110


class Grants:
    """The codes and tokens that were issued; safe to use from several threads.

    :param clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = clock.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, float] = {}
        self._used: set[str] = set()
        self._issued: set[str] = set()
        self._revoked: set[str] = set()

    def check(self, token: str | None, settings: Settings) -> None:
        """Raise ApiError if TikTok would refuse a token; an issued token is valid until it is revoked.

        :raises ApiError: with TikTok's message.
        """
        if token in self._revoked:
            raise ApiError(40105)
        if token not in self._issued:
            check_token(token, settings)

    def consent(self, query: Mapping[str, str], settings: Settings, fault: Fault | None) -> Response:
        """Return the response of the consent page: a redirect with a code.

        :param query: the page's parameters: ``app_id``, ``redirect_uri``, ``state``.
        """
        if query.get("app_id") != settings.app_id:
            return PlainTextResponse("This app doesn't exist.", status_code=400)
        redirect_uri = query.get("redirect_uri", "")
        if not _is_allowed(redirect_uri, settings):
            return PlainTextResponse("redirect_uri is not one of the app's redirect URLs.", status_code=400)
        answer = {"state": query["state"]} if "state" in query else {}
        kind = fault.kind if fault else ""
        if kind == "wrong_state":
            answer["state"] = secrets.token_hex(8)
        if kind != "deny_consent":
            code = secrets.token_hex(20)
            with self._lock:
                self._codes[code] = self._clock() + settings.code_seconds
            answer = {"auth_code": code, "code": code, **answer}
        parts = urlsplit(redirect_uri)
        return RedirectResponse(
            parts._replace(query=urlencode([*parse_qsl(parts.query), *answer.items()])).geturl(), 302
        )

    def exchange(self, world: World, params: Params) -> Answer:
        """Return the answer of ``oauth2/access_token/``: a token for a code, once."""
        app = base.read(_EXCHANGE, params)
        settings = world.settings
        check_app(app["app_id"], app["secret"], settings, _INVALID)
        call = base.read(_CODE, params)
        code = call["auth_code"]
        with self._lock:
            expires_at = self._codes.pop(code, None)
            if expires_at is None:
                raise ApiError(_USED if code in self._used else _INVALID)
            self._used.add(code)
            if self._clock() >= expires_at:
                raise ApiError(_USED)
            token = secrets.token_hex(20)
            self._issued.add(token)
        rest = {"access_token": token, "scope": list(settings.scopes)}
        return Answer(
            rest=rest | ({"advertiser_ids": list(world.accounts)} if call["return_advertiser_ids"] else {})
        )

    def revoke(self, world: World, params: Params) -> Answer:
        """Revoke a token and return the answer of ``oauth2/revoke_token/``."""
        call = base.read(_REVOCATION, params)
        app_id, token = call["app_id"], call["access_token"]
        check_app(app_id, call["secret"], world.settings)
        self.check(token, world.settings)
        with self._lock:
            self._revoked.add(token)
        return Answer(rest={"app_id": app_id, "advertiser_ids": list(world.accounts)})


def _is_allowed(redirect_uri: str, settings: Settings) -> bool:
    """Return whether the app may redirect a browser to a URL."""
    if settings.redirect_uris:
        return redirect_uri in settings.redirect_uris
    try:
        parts = urlsplit(redirect_uri)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.fragment
