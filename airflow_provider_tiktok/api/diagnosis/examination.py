"""What is right and wrong with a connection, part by part, and what to do about it, by some ten cheap calls."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import lacks_scope
from airflow_provider_tiktok.api.credentials import is_loopback
from airflow_provider_tiktok.api.diagnosis.probes import (
    NETWORK,
    call_with_token,
    first_of,
    has_app,
    part_of,
    unreached,
)
from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser, Details, describe, list_authorised
from airflow_provider_tiktok.api.scopes import meaning_of
from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.exceptions import TikTokAPIError

GOOD, LOOK, BAD, NONE = "ok", "look", "BAD", "-"
"""States of a finding: nothing to do; it works, with a remark; it doesn't work; not examined."""

_SKEW = 60.0  # seconds, within which days and addresses that expire come out right
_SLOW = 5.0  # seconds a call
_NOT_LISTED = frozenset({40118})
_ENABLED = "STATUS_ENABLE"
_MAX_NAMED = 3
_SANDBOX_DAY = "2020-12-08"  # of TikTok's mock data
_AUTHORISE = "Run `airflow-tiktok connect {conn_id}`, or authorise the app in TikTok's portal."
_SCOPE = "Add the scope to the app in TikTok's portal (My Apps > the app > Scope of permission), then: "


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined.

    :param part: of the connection: ``token``, ``app``, ``accounts``, ...
    :param state: one of the states above.
    :param text: what was found.
    :param advice: what to do; empty where there is nothing to do.
    :param accounts: the accounts that it is about.
    """

    part: str
    state: str
    text: str
    advice: str = ""
    accounts: tuple[Advertiser, ...] = ()


def unusable(conn_id: str, problem: str) -> Finding:
    """Return the finding about a connection that can't be read."""
    return Finding("connection", BAD, problem, f"`airflow-tiktok connect {conn_id}` makes one.")


def examine(
    client: TikTokClient,
    conn_id: str,
    scopes: Sequence[str] = (),
    clock: Callable[[], datetime] = clock.now,
) -> Iterator[Finding]:
    """Return what is found out about a connection, as it is found out.

    :param client: made from it, with short waits.
    :param conn_id: the connection's ID.
    :param scopes: what TikTok said when it gave the token, where that is known.
    :param clock: the time of day.
    """
    return _Examination(client, conn_id, tuple(scopes), clock).findings()


class _Examination:
    """One examination of one connection."""

    def __init__(
        self, client: TikTokClient, conn_id: str, scopes: tuple[str, ...], clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._credentials = client.credentials
        self._scopes = scopes
        self._clock = clock
        self._authorise = _AUTHORISE.format(conn_id=conn_id)
        self._seconds: list[float] = []
        self._skew: float | None = None
        self._accounts: list[Advertiser] = []
        self._details = Details()

    def findings(self) -> Iterator[Finding]:
        """Examine one part after the other; without network or token the rest is left out."""
        yield self._host()
        token = self._token()
        yield token
        if token.state != BAD:
            yield from self._app()
            yield from self._scopes_and_features()
        if self._skew is not None:
            yield self._clock_skew()
        if self._seconds:
            yield self._latency()
        yield self._rate_limit()

    def _measured(self, call: Callable[[], Any]) -> Any:
        """Make a call, and note how long it took and the time of TikTok's clock."""
        before = self._client.last_exchange
        try:
            return call()
        finally:
            exchange = self._client.last_exchange
            if exchange is not None and exchange is not before:
                self._seconds.append(exchange.seconds)
                self._note_clock(exchange.date, exchange.seconds)

    def _note_clock(self, date: str, seconds: float) -> None:
        try:
            theirs = parsedate_to_datetime(date)
        except (ValueError, TypeError):
            return
        if theirs.tzinfo is not None:
            # the answer was dated somewhere in between, to the second below
            self._skew = (self._clock() - theirs).total_seconds() - seconds / 2 - 0.5

    def _host(self) -> Finding:
        url = self._credentials.base_url
        where = "TikTok's sandbox" if self._credentials.is_sandbox else "API"
        if url.startswith("http://") and not is_loopback(url):
            return Finding(
                "host",
                LOOK,
                f"{url} is not encrypted, so anyone on the way can read the token.",
                "Write https:// into the API host, or leave it empty for TikTok itself.",
            )
        return Finding("host", GOOD, f"{where} at {url}, version {self._credentials.api_version}")

    def _token(self) -> Finding:
        try:
            self._measured(lambda: call_with_token(self._client))
        except TikTokAPIError as error:
            if part_of(error) == NETWORK:
                advice = "Fix the connection to the host first; the rest is not examined."
                return Finding("network", BAD, str(error), advice)
            if not lacks_scope(error):
                return Finding("token", BAD, str(error), self._authorise)
        return Finding("token", GOOD, "TikTok takes it")

    def _app(self) -> Iterator[Finding]:
        credentials = self._credentials
        if not has_app(credentials):
            yield Finding(
                "app",
                LOOK,
                "The connection lacks App ID or App secret, so TikTok can't be asked which accounts the token reaches.",
                'Add both; `"*"` and the list of accounts need them.',
            )
            names = dict.fromkeys(credentials.named_advertisers, "")
        else:
            try:
                names = self._measured(lambda: list_authorised(self._client))
            except TikTokAPIError as error:
                yield Finding("app", BAD, str(error), "App ID, App secret and token must be of one app.")
                return
            yield Finding("app", GOOD, f"{credentials.app_id} and its secret fit the token")
        yield from self._reach(names)

    def _reach(self, names: dict[str, str]) -> Iterator[Finding]:
        """Examine the accounts."""
        if not names:
            known = has_app(self._credentials)
            yield Finding(
                "accounts",
                BAD if known else LOOK,
                "No advertiser account has authorised this app." if known else "The connection names none.",
                self._authorise if known else "Name them in Advertiser IDs, or in each report.",
            )
            return
        try:
            self._details = self._measured(lambda: describe(self._client, list(names)))
        except TikTokAPIError as error:
            yield Finding("accounts", BAD, str(error))
            return
        found = self._details.found
        self._accounts = [found.get(name) or Advertiser(name, names[name]) for name in names]
        yield Finding("accounts", GOOD, f"The token reaches {len(names):,}:", accounts=tuple(self._accounts))
        yield from self._unreached(names)
        yield from self._without_details(names)
        yield from self._unusual()

    def _unreached(self, names: dict[str, str]) -> Iterator[Finding]:
        if missing := unreached(self._credentials, names):
            yield Finding(
                "accounts",
                BAD,
                f"Advertiser IDs name {first_of(missing, _MAX_NAMED)}, which the token doesn't reach.",
                "Correct Advertiser IDs, or have the accounts' owner authorise the app.",
            )

    def _without_details(self, names: dict[str, str]) -> Iterator[Finding]:
        silent = [name for name in names if name not in self._details.found]
        if silent:
            refusal = next(iter(self._details.refused.values()), None)
            yield Finding(
                "accounts",
                LOOK if len(silent) < len(names) else BAD,
                f"TikTok gives no details of {first_of(silent, _MAX_NAMED)}.{f' {refusal}' if refusal else ''}",
                "Have their owner grant them to the app, or leave them out of reports.",
            )

    def _unusual(self) -> Iterator[Finding]:
        """Examine the accounts' status and time zone."""
        stopped = [one.advertiser_id for one in self._details.found.values() if one.status != _ENABLED]
        if stopped:
            yield Finding(
                "accounts",
                LOOK,
                f"{first_of(stopped, _MAX_NAMED)}: the status is not {_ENABLED}.",
                "Their reports may end at some day; see the account in TikTok Ads Manager.",
            )
        zoneless = [
            one.advertiser_id for one in self._details.found.values() if read_zone(one.timezone) is None
        ]
        if zoneless:
            yield Finding(
                "accounts",
                LOOK,
                f"TikTok names no time zone that Python knows for {first_of(zoneless, _MAX_NAMED)}.",
                "Give `report_start_date` and `report_end_date` in reports on them.",
            )

    def _scopes_and_features(self) -> Iterator[Finding]:
        if self._scopes:
            given = f"TikTok gave {', '.join(self._scopes)} with the token"
            meaning = meaning_of(self._scopes)
            yield Finding("scopes", GOOD, f"{given}. {meaning}" if meaning else given)
        account = next((one for one in self._accounts if one.advertiser_id in self._details.found), None)
        if account is None:
            yield Finding("reports", NONE, "not examined: there is no account to ask about")
            return
        yield self._probe(
            "reports",
            "report/integrated/get/",
            self._report_of(account),
            "The app may read reports",
            f"{_SCOPE}{self._authorise}",
        )
        if self._credentials.is_sandbox:
            yield Finding("async tasks", NONE, "TikTok's sandbox has no report tasks")
            return
        yield self._probe(
            "async tasks",
            "report/task/check/",
            {"advertiser_id": account.advertiser_id, "task_id": "1"},
            'Report tasks (mode="async") seem to be open to the app',
            'Use mode="sync", or ask your TikTok representative to allow-list the app for report tasks.',
        )

    def _report_of(self, account: Advertiser) -> dict[str, Any]:
        day = (
            _SANDBOX_DAY
            if self._credentials.is_sandbox
            else (self._clock() - timedelta(days=2)).date().isoformat()
        )
        return {
            "advertiser_id": account.advertiser_id,
            "report_type": "BASIC",
            "data_level": "AUCTION_CAMPAIGN",
            "dimensions": ["campaign_id"],
            "metrics": ["spend"],
            "start_date": day,
            "end_date": day,
            "page": 1,
            "page_size": 1,
        }

    def _probe(self, part: str, path: str, params: dict[str, Any], good: str, advice: str) -> Finding:
        """Make a call of which only matters whether TikTok accepts it."""
        needed = part == "reports"
        try:
            self._measured(
                lambda: self._client.get(path, params, subject=f"test of {part}", needs_data=False)
            )
        except TikTokAPIError as error:
            closed = lacks_scope(error) or error.code in _NOT_LISTED or error.code == 40001  # noqa: PLR2004
            if needed or closed:
                return Finding(part, BAD if needed else LOOK, str(error), advice)
            if error.code is None:
                return Finding(part, NONE, f"not known: {error}")
        return Finding(part, GOOD, good)

    def _clock_skew(self) -> Finding:
        skew = self._skew or 0.0
        if abs(skew) <= _SKEW:
            return Finding("clock", GOOD, f"within {max(1, round(abs(skew)))} s of TikTok's")
        return Finding(
            "clock",
            LOOK,
            f"This clock is {timedelta(seconds=round(abs(skew)))} {'ahead of' if skew > 0 else 'behind'} TikTok's.",
            "Set it by NTP: the last complete day is found by it.",
        )

    def _latency(self) -> Finding:
        middle, longest = statistics.median(self._seconds), max(self._seconds)
        text = (
            f"{middle * 1000:,.0f} ms a call, {longest * 1000:,.0f} ms at most, in {len(self._seconds)} calls"
        )
        if middle <= _SLOW:
            return Finding("latency", GOOD, text)
        return Finding(
            "latency", LOOK, text, "Look at proxy and network; TikTok itself answers within a second or two."
        )

    def _rate_limit(self) -> Finding:
        state = self._client.rate_limit_status()
        text = f"{self._credentials.qps:g} calls a second for {self._sharers()}"
        if state.problem:
            return Finding(
                "rate limit",
                LOOK,
                f"{text}. Now tasks of one machine share it, for the Redis can't be used: {state.problem}.",
                "Correct its connection, or let this machine reach it. Meanwhile several machines make too many calls.",
            )
        if state.seconds_blocked:
            return Finding(
                "rate limit",
                LOOK,
                f"{text}; TikTok takes no calls of the app for {timedelta(seconds=round(state.seconds_blocked))} more, "
                f"because of its limit a {state.limit or 'second'}.",
                "Wait; lower Requests per second, or ask TikTok for a higher level of API access.",
            )
        if state.rate < self._credentials.qps:
            return Finding(
                "rate limit",
                LOOK,
                f"{text}; {state.rate:.1f} at present, because TikTok refused calls of the app lately.",
                "Something else uses the app as well; lower Requests per second to what is left for Airflow.",
            )
        return Finding("rate limit", GOOD, text)

    def _sharers(self) -> str:
        if self._credentials.rate_limit_redis is not None:
            return f"all tasks that use the Redis of connection {self._credentials.rate_limit_conn_id!r}"
        return "all tasks on this machine" if self._credentials.shared_budget else "each task"
