"""From the parameters of a list of entities to a frozen, checked request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, ClassVar

from airflow_provider_tiktok.entities import catalog
from airflow_provider_tiktok.entities.filters import read_filters, utc_time
from airflow_provider_tiktok.entities.kinds import KINDS, TOP_VIEW, Kind, Sweep
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.params.accounts import read_accounts, read_excluded
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.suggestions import misspelling_of

IS_DELETED = "is_deleted"
"""The column that says whether an entity is deleted, which follows from its status."""

MODIFIED = "modify_time"
"""TikTok's time of an entity's last change, which not every kind has."""

CREATED = "create_time"
"""TikTok's time of an entity's creation, likewise."""

_TOP_VIEW_SIZE = 100  # the largest page of TopView entities
_STATUSES = ("primary_status", "secondary_status")


@dataclass(frozen=True, slots=True)
class EntityRequest:
    """One checked list of entities.

    :param kind: what is listed.
    :param advertiser_ids: the accounts; ``None`` means the connection's, ``("*",)`` all.
    :param exclude_advertiser_ids: accounts to leave out.
    :param fields: the user's; empty for all of the catalogue.
    :param filters: the user's, as TikTok's ``filtering`` has them.
    :param include_deleted: whether deleted entities come, too.
    :param modified_since: in UTC, as TikTok writes it; ``None`` for all entities.
    :param more: fields that TikTok sends and the catalogue lacks; they are columns of text.
    :param taken: names, in lower case, that no further one of these fields can have in the output, and why.
    """

    kind: Kind
    advertiser_ids: tuple[str, ...] | None
    exclude_advertiser_ids: tuple[str, ...]
    fields: tuple[str, ...]
    filters: Mapping[str, Any] = field(default_factory=dict)
    include_deleted: bool = True
    modified_since: str | None = None
    more: tuple[str, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)

    # a list has no days, and its accounts are always advertiser accounts
    account: ClassVar[str] = "advertiser_id"
    by_day: ClassVar[bool] = False
    lookback_days: ClassVar[int] = 0
    time_dimensions: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """The kind, for names of files."""
        return self.kind.name

    @property
    def page_size(self) -> int:
        """Rows of a page."""
        return self.kind.page_size

    @property
    def is_partial(self) -> bool:
        """Whether only the entities come that have changed since a time."""
        return self.modified_since is not None

    def with_more(self, names: Sequence[str]) -> EntityRequest:
        """Return the request with columns for further fields that TikTok sends."""
        return replace(self, more=tuple(dict.fromkeys((*self.more, *names))))

    def with_fields(self, *names: str) -> EntityRequest:
        """Return the request with further ones among the user's fields, as far as the kind has them."""
        known = catalog.fields(self.kind.name)
        more = [name for name in names if name in known and name not in self.fields]
        return replace(self, fields=(*self.fields, *more)) if self.fields and more else self

    def params(self) -> dict[str, Any]:
        """Return what distinguishes this list from others, for manifests and fingerprints."""
        return {
            "entity": self.kind.name,
            "fields": list(self.fields) or None,
            "filters": dict(self.filters) or None,
            "include_deleted": self.include_deleted,
            "modified_since": self.modified_since,
        }

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the name of each sweep, and TikTok's parameters of its calls."""
        return [(sweep.name, self._params_of(sweep)) for sweep in self._sweeps()]

    def _sweeps(self) -> list[Sweep]:
        """Return the sweeps that the user's filters leave: what they name, they decide alone."""
        kind, filters = self.kind, self.filters
        chosen = [
            sweep
            for sweep in kind.sweeps
            if not (sweep.is_deleted and (not self.include_deleted or self._has_status))
            and not (sweep.filtering.keys() & filters.keys() - _ONE_VALUE)
            and _is_wanted(sweep, filters)
        ]
        for name in sorted(_ONE_VALUE & filters.keys()):  # TikTok says whether it knows others
            known = {value for sweep in kind.sweeps for value in sweep.filtering.get(name, ())}
            chosen += [Sweep({name: [value]}, str(value)) for value in filters[name] if value not in known]
        types = filters.get("buying_types")
        if isinstance(types, list) and TOP_VIEW in types:
            others = [one for one in types if one != TOP_VIEW]
            alone = Sweep({"buying_types": [TOP_VIEW]}, "TopView", page_size=_TOP_VIEW_SIZE)
            rest = [replace(one, filtering={**one.filtering, "buying_types": others}) for one in chosen]
            chosen = [*(rest if others else []), alone]
        return chosen or [Sweep({})]  # TikTok then says what is wrong with the filters

    @property
    def _has_status(self) -> bool:
        return not self.filters.keys().isdisjoint(_STATUSES)

    def _params_of(self, sweep: Sweep) -> dict[str, Any]:
        kind = self.kind
        own = {name: value for name, value in self.filters.items() if name not in kind.parameters}
        filtering = {**own, **sweep.filtering}
        if kind.all_statuses and self.include_deleted and not self._has_status:
            filtering["primary_status"] = kind.all_statuses
        if kind.modified and self.modified_since:
            filtering[kind.modified] = self.modified_since
        fields = dict.fromkeys(
            (
                *(("advertiser_id",) if "advertiser_id" in catalog.fields(kind.name) else ()),
                kind.key,
                *self.fields,
                *((kind.status,) if kind.status else ()),
            )
        )
        return {
            "filtering": filtering or None,
            "fields": list(fields) if self.fields and kind.takes_fields else None,
            "page_size": sweep.page_size or kind.page_size,
            **{name: value for name, value in self.filters.items() if name in kind.parameters},
        }


_ONE_VALUE = {"gmv_max_promotion_types"}
"""Filters that every sweep has, with a value each: the user's choose sweeps."""


def _is_wanted(sweep: Sweep, filters: Mapping[str, Any]) -> bool:
    """Return whether a sweep has one of the values that the user's filters name."""
    return all(
        set(sweep.filtering[name]) <= set(filters[name])
        for name in _ONE_VALUE & sweep.filtering.keys() & filters.keys()
    )


def read_kind(value: object) -> Kind:
    """Read ``entity``.

    :raises TikTokInvalidRequestError: there is no such entity.
    """
    word = coerce.text(value, "entity")
    if word is None:
        raise invalid("entity", f"is missing. It can be {', '.join(KINDS)}.")
    known = KINDS.get(word.lower())
    if known is None:
        singular = (
            word.lower().replace(" ", "").replace("-", "_").removesuffix("s").replace("ad_group", "adgroup")
        )
        meant = (
            f" Did you mean {singular!r}?"
            if singular in KINDS
            else coerce.did_you_mean(word.lower(), tuple(KINDS))
        )
        raise invalid("entity", f"is {word!r}; it can be {', '.join(KINDS)}.{meant}")
    return known


def parse_entities(
    *,
    entity: object = None,
    advertiser_ids: object = None,
    exclude_advertiser_ids: object = None,
    fields: object = None,
    filters: object = None,
    include_deleted: bool = True,
    modified_since: object = None,
    check_fields: bool = True,
) -> EntityRequest:
    """Return the request that an operator's or the hook's parameters ask for.

    :raises TikTokInvalidRequestError: a parameter can't be right.
    """
    kind = read_kind(entity)
    read = read_filters(filters, kind)
    own = read.pop(kind.modified, None) if kind.modified else None
    if own is not None and coerce.optional(modified_since, "modified_since") is not None:
        raise invalid(
            "filters", f"names {kind.modified}, which `modified_since` says, too. Give one of them."
        )
    return EntityRequest(
        kind,
        read_accounts(advertiser_ids),
        read_excluded(exclude_advertiser_ids),
        _read_fields(fields, kind, check_fields),
        read,
        include_deleted,
        _read_time(modified_since if own is None else own, kind),
    )


def _read_fields(value: object, kind: Kind, check_fields: bool) -> tuple[str, ...]:
    named = coerce.names(value, "fields") or ()
    known = (*catalog.fields(kind.name), IS_DELETED)
    unknown = [name for name in named if name not in known] if check_fields else []
    if unknown:
        raise invalid(
            "fields",
            f"holds {'; '.join(_unknown(name, known) for name in unknown)}. Correct it, or set `check_fields=False` if "
            f"TikTok has such a field of {kind.plural}.",
        )
    # of these there always is a column
    return tuple(name for name in named if name not in {"advertiser_id", IS_DELETED}) or (
        (kind.key,) if named else ()
    )


def _unknown(name: str, known: tuple[str, ...]) -> str:
    """Return a name that the catalogue lacks, with what was probably meant, or whose it is."""
    if meant := misspelling_of(name, list(known)):
        return f"{name!r} (did you mean {meant!r}?)"
    owners = [other for other in catalog.entities() if name in catalog.fields(other)]
    if owners:
        return f"{name!r}, a field of {', '.join(owners)} only"
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"{name!r}, which the catalogue lacks{f' (did you mean {close[0]!r}?)' if close else ''}"


def _read_time(value: object, kind: Kind) -> str | None:
    """Read ``modified_since`` as a time in UTC, as TikTok writes it."""
    value = coerce.optional(value, "modified_since")
    if value is None:
        return None
    if kind.modified is None:
        have = ", ".join(one.name for one in KINDS.values() if one.modified)
        raise invalid(
            "modified_since",
            f"can't be used here: TikTok has it for {have} only. {kind.plural.capitalize()} are listed in full; leave "
            "it out.",
        )
    time = utc_time(value)
    if time is not None:
        return time
    raise invalid(
        "modified_since",
        f"is {str(value)!r}, which is not a time. Write 2026-11-01T13:00:00Z, or a template such as "
        "{{ data_interval_start }}; without a zone it is UTC.",
    )
