"""The base of all schemas: lines of parameters and checks, which are read from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from marshmallow import Schema, ValidationError
from marshmallow import missing as no_default
from marshmallow.fields import Field, Raw, String

from airflow_provider_tiktok.emulator.errors import missing, parameter_error
from airflow_provider_tiktok.emulator.schemas import fields
from airflow_provider_tiktok.emulator.schemas.checks import Check, dimension_names, time_dimension, unique
from airflow_provider_tiktok.emulator.world.query import Query, breakdowns_of

_ANY = Raw()
MODES = ("REGULAR", "CHUNK")
SERVICES = ("AUCTION", "RESERVATION")


@dataclass(frozen=True)
class Params:
    """The parameters of one call, not read yet.

    :param query: the parameters in the query string.
    :param body: the parameters in a JSON body; the query string takes precedence.
    :param token: the access token of the call.
    :param host: the URL at which the caller reached the emulator, without a slash at the end.
    """

    query: Mapping[str, str]
    body: Mapping[str, Any]
    token: str = field(default="", repr=False)
    host: str = ""

    def get(self, name: str) -> Any:
        """Return a parameter; ``None`` if the call does not have it."""
        return self.query[name] if name in self.query else self.body.get(name)


class CallValues(dict[str, Any]):
    """What the lines of a schema have read of a call so far; ``None`` is an absent parameter.

    :param params: the parameters as received.
    :param kind: what refusals name as the report type.
    """

    def __init__(self, params: Params, kind: str = "") -> None:
        super().__init__()
        self.params = params
        self.kind = kind

    def read(self, name: str, line: Field[Any]) -> Any:
        """Return the value of one parameter.

        :raises ApiError: with TikTok's message.
        """
        given = self.params.get(name)
        if given is None:
            return None if line.load_default is no_default else line.load_default
        try:
            return line.deserialize(given, name, self)
        except ValidationError as error:
            raise parameter_error(f"{name}: {error.messages[0]}") from None

    def require(self, *names: str) -> None:
        """Raise ApiError if one of the parameters is absent."""
        absent = [name for name in names if self.params.get(name) is None]
        if absent:
            raise missing(*absent)


class Step(Raw):
    """A line that is no parameter: a check, or a value made of the lines above it.

    :param run: returns the value, or raises ApiError.
    """

    def __init__(self, run: Callable[[CallValues], Any]) -> None:
        super().__init__()
        self.run = run


Lines: TypeAlias = "Mapping[str, Field[Any]]"
"""The parameters of one kind of call and the checks between them, by name, in the order in which TikTok looks at them."""


def read(lines: Lines, params: Params, kind: str = "") -> CallValues:
    """Return what a call requests.

    The first line that refuses the call is the answer; marshmallow's own ``load`` would read all parameters
    before it checks one against another.

    :raises ApiError: with TikTok's message.
    """
    call = CallValues(params, kind)
    for name, line in lines.items():
        call[name] = line.run(call) if isinstance(line, Step) else call.read(line.data_key or name, line)
    return call


class ReportSchema(Schema):
    """The lines of one report type; ``kind`` is its name.

    ``rules`` run on the report that the lines make, in their order.
    """

    kind = ""
    default_metrics: tuple[str, ...] = ("spend", "impressions")
    rules: tuple[Check, ...] = ()

    def query(self, params: Params) -> Query:
        """Return the report that a call requests.

        :raises ApiError: with TikTok's message.
        """
        call = read(self.fields, params, self.kind)
        dimensions, metrics, (start, end) = call["dimensions"], call["metrics"], call["dates"]
        breakdowns, time = breakdowns_of(dimensions, self.kind), time_dimension(dimensions)
        parts = {
            "advertiser_ids": (call.get("advertiser_id") or "",),
            "level": call.get("level") or "",
            "metrics": self.default_metrics if metrics is None else unique(metrics),
            "id_dimensions": tuple(
                name for name in dimensions if name not in breakdowns and not name.startswith("stat_time_")
            ),
            "breakdowns": breakdowns,
            "filters": call.get("filtering") or (),
            "order_field": call["order_field"],
            "totals": call.get("enable_total_metrics") or False,
        }
        query = Query(
            dimensions=dimensions,
            report_type=self.kind,
            time_dimension=time,
            start=start,
            end=end,
            descending=call["order_type"] == "DESC",
            page=call["page"],
            page_size=call["page_size"],
            **parts | self.parts(call),
        )
        for check in self.rules:
            check(query)
        return query

    def parts(self, call: CallValues) -> dict[str, Any]:
        """Return the parts of a report that this report type makes in another way than most."""
        return {}


def required(*names: str) -> Step:
    """Return the line that refuses a call without one of the parameters."""
    return Step(lambda call: call.require(*names))


def early(name: str, line: Field[Any]) -> Step:
    """Return the line that reads a parameter before its own line."""
    return Step(lambda call: call.read(name, line))


def refused(*names: str, line: Field[Any] = _ANY, accepted: Any = None) -> Step:
    """Return the line that refuses parameters that a report type does not have.

    :param accepted: the only value of the parameters that is accepted.
    """

    def run(call: CallValues) -> None:
        for name in names:
            value = call.read(name, line)
            if value != accepted:
                what = f"{name} {value}" if isinstance(accepted, str) else name
                raise parameter_error(f"{what} is not supported when report_type is {call.kind}")

    return Step(run)


def never(*names: str) -> Step:
    """Return the line that refuses flags that a report type does not have; false is accepted."""
    return refused(*names, line=fields.flag(), accepted=False)


NO_RESERVATION = refused(
    "service_type", line=fields.choice(SERVICES, load_default="AUCTION"), accepted="AUCTION"
)
NO_CHUNKS = refused("query_mode", line=fields.choice(MODES, load_default="REGULAR"), accepted="REGULAR")


def dimensions() -> Step:
    """Return the line of dimensions that the report type has."""

    def run(call: CallValues) -> Any:
        names = call.read("dimensions", _STRINGS)
        dimension_names(names, call.kind)
        return names

    return Step(run)


def dates() -> Step:
    """Return the line of both dates, which are required but for the lifetime."""

    def run(call: CallValues) -> tuple[int | None, int | None]:
        if call.get("query_lifetime"):
            return None, None
        call.require("start_date", "end_date")
        return call.read("start_date", _DAY), call.read("end_date", _DAY)

    return Step(run)


def paging(most: int = 1000) -> tuple[Field[Any], Field[Any]]:
    """Return the lines of a page's number and size."""
    return fields.whole(1), fields.whole(1, most, default=10)


def ordering(name: str = "order") -> tuple[String, String]:
    """Return the lines of the metric by which rows are sorted, and of the direction."""
    direction = fields.choice(("ASC", "DESC"), load_default="DESC", data_key=f"{name}_type")
    return fields.string(data_key=f"{name}_field"), direction


_DAY, _STRINGS = fields.day(), fields.strings()
