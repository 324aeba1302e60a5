"""The answers about the token's accounts and its owner."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from airflow_provider_tiktok.emulator.access import check_app
from airflow_provider_tiktok.emulator.errors import PERMISSION, ApiError
from airflow_provider_tiktok.emulator.kinds.answers import Answer, with_edits
from airflow_provider_tiktok.emulator.schemas import base, fields
from airflow_provider_tiktok.emulator.world.accounts import BC_ID, Account
from airflow_provider_tiktok.emulator.world.world import World
from airflow_provider_tiktok.entities import catalog

INFO_PATH = "advertiser/info/"


def authorized_account(world: World, advertiser_id: str, path: str) -> Account:
    """Return an account that the token may read.

    :raises ApiError: if the account does not exist or does not grant permission.
    """
    account = world.accounts.get(advertiser_id)
    if account is None:
        raise ApiError(PERMISSION, f"The advertiser {advertiser_id} doesn't exist or has been deleted.")
    if account.forbidden:
        raise ApiError(PERMISSION, f"advertiser does not grant you /{path}:GET permission")
    return account


def advertisers(world: World, call: base.CallValues) -> Answer:
    """Return the answer of ``oauth2/advertiser/get/``: the accounts that the token can access."""
    check_app(call["app_id"], call["secret"], world.settings)
    return Answer(
        rows=[
            _json({"advertiser_id": account.advertiser_id, "advertiser_name": account.name})
            for account in world.accounts.values()
        ]
    )


def advertiser_info(world: World, call: base.CallValues) -> Answer:
    """Return the answer of ``advertiser/info/``: the accounts' currencies, time zones and so on."""
    # one account without permission fails the call
    accounts = [authorized_account(world, one, INFO_PATH) for one in dict.fromkeys(call["advertiser_ids"])]
    names = call["fields"] or _DEFAULT
    if _ALONE in names:
        names = ("advertiser_id", _ALONE)
    rows = [
        with_edits(
            {name: _FIELDS[name](account) for name in names},
            world.settings.edits.get(account.advertiser_id) or {},
            call["fields"] or (),
        )
        for account in accounts
    ]
    return Answer(rows=[_json(row) for row in rows])


def user_info(world: World, call: base.CallValues) -> Answer:
    """Return the answer of ``user/info/``: the owner of the token."""
    return Answer(
        rest={
            "core_user_id": str(7_000_000_000_000_000_000 + world.settings.seed),
            "create_time": 1_670_000_000,
            "display_name": "Emulated user",
            "email": "u***r@example.com",
        }
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _always(value: Any) -> Callable[[Account], Any]:
    return lambda account: value


_FIELDS: Mapping[str, Callable[[Account], Any]] = {
    "advertiser_id": lambda account: account.advertiser_id,
    "name": lambda account: account.name,
    "company": lambda account: account.name,
    "status": _always("STATUS_ENABLE"),
    "role": _always("ROLE_ADVERTISER"),
    "currency": lambda account: account.currency,
    "timezone": lambda account: account.posix_zone,
    "display_timezone": lambda account: account.zone,
    "country": lambda account: account.country,
    "language": _always("en"),
    "balance": lambda account: account.seed % 1_000_000 / 100,
    "create_time": lambda account: account.create_time,
    "advertiser_account_type": _always("AUCTION"),
    "owner_bc_id": _always(BC_ID),
    "industry": _always("292108"),
    "promotion_area": _always("0"),
    "rejection_reason": _always(""),
    "description": _always(""),
    "license_no": _always(""),
    "license_url": _always(None),
    "address": lambda account: f"1 Harbour Road\n{account.zone.partition('/')[2]}",
    # TikTok masks these
    "contacter": _always("K***i"),
    "email": _always("k***i@example.com"),
    "cellphone_number": _always("+1******0100"),
    "telephone_number": _always("******0199"),
    "ads_only_mode": _always(False),
    "can_use_custom_identity": _always(True),
    "company_name_editable": _always(False),
    **dict.fromkeys(
        ("brand", "license_city", "license_province", "promotion_center_city", "promotion_center_province"),
        _always(None),
    ),
}
"""The fields of ``advertiser/info/``."""

_ALONE = "company_name_editable"
"""The field that comes only if asked for, and then with nothing but the account's ID."""
_DEFAULT = tuple(catalog.fields("advertiser"))

APP: base.Lines = {
    "needed": base.required("app_id", "secret"),
    "app_id": fields.identifier(),
    "secret": fields.string(),
}
INFO: base.Lines = {
    "needed": base.required("advertiser_ids"),
    "advertiser_ids": fields.array(partial(fields.id_list, 100)),
    "fields": fields.strings(accepted=tuple(_FIELDS)),
}
