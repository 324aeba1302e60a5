"""Read the accounts of a report, and those to leave out."""

from __future__ import annotations

from airflow_provider_tiktok.api.credentials import ALL_ADVERTISERS, parse_advertiser_ids
from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.report_types import ReportType

_FIND_ID = (
    "`airflow-tiktok entities advertiser --advertiser-ids '*' --fields name` lists IDs and names of all accounts that the "
    "token reaches."
)


def read_accounts(value: object) -> tuple[str, ...] | None:
    """Read ``advertiser_ids``; ``None`` if not given, which means the connection's.

    :raises TikTokInvalidRequestError: the list is empty, or an ID isn't one.
    """
    ids = _account_ids(value, "advertiser_ids")
    if ids == ():
        raise invalid(
            "advertiser_ids", 'is empty. Name an account, leave it out for the connection\'s, or use "*".'
        )
    return ids


def without_excluded(
    kind: ReportType, accounts: tuple[str, ...] | None, excluded: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Remove the excluded accounts from a report that TikTok makes for several accounts at once.

    For other reports, the plan does it.
    """
    if kind.account == "advertiser_id" or not excluded:
        return accounts
    if accounts is None or accounts == (ALL_ADVERTISERS,):
        raise invalid(
            "exclude_advertiser_ids",
            f"can't be removed from a {kind.name} report on all accounts, because TikTok has no filter for that. Name the "
            "accounts that you want in `advertiser_ids`.",
        )
    left = tuple(name for name in accounts if name not in excluded)
    if not left:
        raise invalid("exclude_advertiser_ids", "holds every account. Leave at least one.")
    return left


def read_excluded(value: object) -> tuple[str, ...]:
    """Read ``exclude_advertiser_ids``.

    :raises TikTokInvalidRequestError: it is every account, or an ID isn't one.
    """
    ids = _account_ids(value, "exclude_advertiser_ids") or ()
    if ids == (ALL_ADVERTISERS,):
        raise invalid("exclude_advertiser_ids", 'is "*", which leaves no account. Name accounts by their ID.')
    return ids


def _account_ids(value: object, name: str) -> tuple[str, ...] | None:
    value = coerce.optional(value, name)
    if value is None:
        return None
    if isinstance(value, str):
        value = value.strip()
        if value.startswith(("[", "(", "{", '"', "'")):
            value = coerce.structure(value)
    if value in (ALL_ADVERTISERS, [ALL_ADVERTISERS], (ALL_ADVERTISERS,)):
        return (ALL_ADVERTISERS,)
    try:
        return parse_advertiser_ids(value, name=name)
    except ValueError as error:
        raise TikTokInvalidRequestError(f"{error}. {_FIND_ID}") from None
