"""From an Airflow connection to a client that calls TikTok, and to reports."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat_late import AirflowNotFoundException, BaseHook
from airflow_provider_tiktok.api.connection import credentials_of, with_rate_limit_redis
from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.get_provider_info import CONNECTION_TYPE

if TYPE_CHECKING:
    from airflow_provider_tiktok.api.client import TikTokClient
    from airflow_provider_tiktok.api.credentials import TikTokCredentials
    from airflow_provider_tiktok.reports.fetch.source import RowSource
    from airflow_provider_tiktok.reports.planning.plan import ReportPlan, RunTime

_TEST_TIMEOUT = 15.0  # seconds; somebody is waiting in front of a form


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """A connection's fields as Airflow has them, not checked yet."""

    password: str = field(repr=False)
    host: str
    extra: dict[str, Any] = field(repr=False)
    description: str


class TikTokHook(BaseHook):
    """Reads the credentials of an Airflow connection and calls TikTok with them.

    The connection has the type ``tiktok``. Its password is TikTok's long-term access token; the extra
    may hold ``app_id``, ``app_secret``, ``advertiser_ids``, ``environment``, ``api_version``, ``qps``,
    ``timeout`` and ``rate_limit_conn_id``. As an environment variable:

    .. code-block:: bash

        AIRFLOW_CONN_TIKTOK_DEFAULT='{"conn_type": "tiktok", "password": "<access token>",
          "extra": {"app_id": "...", "app_secret": "...", "advertiser_ids": "7000000000000000001"}}'

    :param tiktok_conn_id: ID of the Airflow connection.
    :param stop: set by another thread, it ends every wait of this hook's calls.
    """

    conn_name_attr = "tiktok_conn_id"
    default_conn_name = "tiktok_default"
    conn_type = CONNECTION_TYPE["connection-type"]
    hook_name = CONNECTION_TYPE["hook-name"]

    def __init__(
        self, tiktok_conn_id: str = default_conn_name, *, stop: threading.Event | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.tiktok_conn_id = tiktok_conn_id
        self._stop = stop
        self._client: TikTokClient | None = None

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Build the form of Airflow before 3.2 from the declared fields."""
        from flask_appbuilder.fieldwidgets import (
            BS3PasswordFieldWidget,
            BS3TextFieldWidget,
        )
        from wtforms import PasswordField, StringField
        from wtforms.validators import Optional

        widgets = {}
        for name, declared in CONNECTION_TYPE["conn-fields"].items():
            schema = declared["schema"]
            options = {
                "label": declared["label"],
                "description": declared["description"],
                "default": schema.get("default"),
                "validators": [Optional()],
            }
            if schema.get("format") == "password":
                widgets[name] = PasswordField(widget=BS3PasswordFieldWidget(), **options)
            else:  # numbers too: that Airflow stores the extra as JSON, which takes no decimals
                widgets[name] = StringField(widget=BS3TextFieldWidget(), **options)
        return widgets

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Name and hide the standard fields in the form of Airflow before 3.2."""
        declared = CONNECTION_TYPE["ui-field-behaviour"]
        return {
            "hidden_fields": declared["hidden-fields"],
            "relabeling": declared["relabeling"],
            "placeholders": declared["placeholders"],
        }

    def get_conn(self, connections: int = 8, max_suspension_wait: float | None = None) -> TikTokClient:
        """Return the client, made on first use.

        :param connections: how many HTTP connections it may keep, when it is made now.
        :param max_suspension_wait: most seconds that its calls wait while TikTok suspends the app, when it is made now;
            as long as a suspension lasts if not given.
        :raises TikTokConfigError: the connection is missing, or a field of it can't be used.
        """
        if self._client is None:
            self._client = self._new_client(
                self.read_credentials(), connections=connections, max_suspension_wait=max_suspension_wait
            )
        return self._client

    def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection works and, if not, which part of it is wrong and what to do.

        One or two cheap calls; never raises, never shows a secret.
        """
        from airflow_provider_tiktok.api.diagnosis.check import check_connection

        try:
            with closing(self.new_short_wait_client()) as client:
                return check_connection(client)
        except TikTokError as error:
            return False, str(error)
        except Exception as error:
            return (
                False,
                f"The test itself failed ({type(error).__name__}); the task log of a report says more.",
            )

    def new_short_wait_client(self) -> TikTokClient:
        """Return a client whose calls wait for seconds only, for a person who waits for the answer.

        :raises TikTokConfigError: the connection is missing, or a field of it can't be used.
        """
        credentials = self.read_credentials()
        return self._new_client(
            replace(credentials, timeout=min(credentials.timeout, _TEST_TIMEOUT)), short_waits=True
        )

    def stored_connection(self) -> StoredConnection | None:
        """Return the connection's fields as they are in Airflow; ``None`` when it has no such connection."""
        connection = self._find_connection(self.tiktok_conn_id)
        if connection is None:
            return None
        try:
            extra = json.loads(connection.extra or "{}")
        except ValueError:
            extra = {}
        return StoredConnection(
            connection.password or "",
            connection.host or "",
            extra if isinstance(extra, dict) else {},
            connection.description or "",
        )

    def list_advertisers(self) -> list[dict[str, str | None]]:
        """List the accounts that the token reaches.

        :return: dicts with ``advertiser_id``, ``advertiser_name``, ``currency`` (ISO 4217),
            ``timezone`` (IANA) and ``status``.
        :raises TikTokConfigError: the connection has neither App ID and secret nor advertiser IDs.
        :raises TikTokAPIError: TikTok refused.
        """
        from airflow_provider_tiktok.api.endpoints.advertisers import list_advertisers

        return [advertiser.as_dict() for advertiser in list_advertisers(self.get_conn())]

    def plan_report(self, *, run: RunTime | None = None, **parameters: Any) -> ReportPlan:
        """Plan a report without fetching it.

        :param run: decides the days where the parameters name none; the present if not given.
        :param parameters: the report parameters of
            :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator`.
        :return: a plan whose ``calls`` are the first calls of all its windows; ``len()`` counts them.
        :raises TikTokInvalidRequestError: a parameter can't be right.
        """
        from airflow_provider_tiktok.reports.params.request import parse_request
        from airflow_provider_tiktok.reports.planning.plan import RunTime
        from airflow_provider_tiktok.reports.planning.planner import make_plan

        request = parse_request(**parameters)
        return make_plan(self.get_conn(), request, run or RunTime(clock.now()))

    def iter_report(
        self,
        *,
        max_concurrency: int = 8,
        on_advertiser_error: str = "fail",
        drop_invalid_metrics: bool = False,
        reconcile: bool = False,
        reconcile_tolerance: float = 0.001,
        **parameters: Any,
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of a report one by one, in constant memory.

        :param max_concurrency: HTTP calls in flight.
        :param on_advertiser_error: as the operator's.
        :param drop_invalid_metrics: as the operator's.
        :param reconcile: as the operator's.
        :param reconcile_tolerance: as the operator's.
        :param parameters: as :meth:`plan_report`'s.
        :return: dicts by column: integers as ``int``, money and rates as :class:`~decimal.Decimal` with
            the digits that TikTok sent, IDs, days and hours as text, ``None`` where TikTok has none.
        :raises TikTokIncompleteReportError: the rows can't be made complete.
        """
        from airflow_provider_tiktok.reports.planning.reconcile import read_reconciliation
        from airflow_provider_tiktok.reports.rows.schema import to_python

        client = self.get_conn(connections=max_concurrency)
        plan = self.plan_report(**parameters)
        reconciliation = read_reconciliation(plan.request, reconcile, reconcile_tolerance)
        source: RowSource
        if plan.request.is_async:
            from airflow_provider_tiktok.reports.async_reports.run import ReportJobs

            jobs = ReportJobs(
                client,
                plan.request,
                on_advertiser_error=on_advertiser_error,
                drop_invalid_metrics=drop_invalid_metrics,
            )
            source = jobs.run(plan, reconciliation=reconciliation)
        else:
            from airflow_provider_tiktok.entities.plan import list_all
            from airflow_provider_tiktok.reports.fetch.paged import PagedSource

            source = PagedSource(
                client,
                plan,
                list_all=list_all,
                max_concurrency=max_concurrency,
                on_advertiser_error=on_advertiser_error,
                drop_invalid_metrics=drop_invalid_metrics,
                reconciliation=reconciliation,
            )
        for batch in source.batches():
            yield from to_python(source.reader.schema, batch, Decimal)

    def iter_entities(
        self, entity: str, *, max_concurrency: int = 8, on_advertiser_error: str = "fail", **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the entities of accounts one by one, in constant memory.

        :param entity: what is listed: ``campaign``, ``adgroup``, ``ad``, ``advertiser``, ...
        :param max_concurrency: HTTP calls in flight.
        :param on_advertiser_error: as the operator's.
        :param parameters: the further parameters of a list of
            :class:`~airflow_provider_tiktok.operators.entities.TikTokEntitiesOperator`: ``advertiser_ids``, ``fields``,
            ``filters``, ``include_deleted``, ``modified_since``, ...
        :return: dicts by column: IDs, text and nested values (as JSON) as text, integers as ``int``, money as
            :class:`~decimal.Decimal` with the digits that TikTok sent, flags as ``bool``, times as text in UTC, ``None``
            where TikTok has none. A field that the catalogue lacks is text.
        :raises TikTokInvalidRequestError: a parameter can't be right.
        :raises TikTokIncompleteReportError: the list can't be made complete.
        """
        from airflow_provider_tiktok.entities.fetch import open_source
        from airflow_provider_tiktok.entities.plan import plan_entities
        from airflow_provider_tiktok.entities.request import parse_entities
        from airflow_provider_tiktok.entities.rows import open_rows, to_dicts

        client = self.get_conn(connections=max_concurrency)
        plan = plan_entities(client, parse_entities(entity=entity, **parameters))
        source = open_source(
            client,
            plan,
            encode=open_rows,
            max_concurrency=max_concurrency,
            on_advertiser_error=on_advertiser_error,
        )
        for batch in source.batches():
            yield from to_dicts(source.reader.schema, batch, Decimal)

    def read_credentials(self) -> TikTokCredentials:
        """Read and check the connection.

        :raises TikTokConfigError: it is missing, or a field of it can't be used.
        """
        credentials = credentials_of(self.tiktok_conn_id, self._find_connection(self.tiktok_conn_id))
        if not credentials.rate_limit_conn_id:
            return credentials
        redis = self._find_connection(credentials.rate_limit_conn_id)
        return with_rate_limit_redis(credentials, self.tiktok_conn_id, redis)

    def _find_connection(self, conn_id: str) -> Any:
        """Return Airflow's connection; ``None`` where it has none, or none that it can read."""
        if not isinstance(conn_id, str) or not conn_id.strip():
            return None
        try:
            return self.get_connection(conn_id)
        except AirflowNotFoundException:
            return None

    def _new_client(
        self,
        credentials: TikTokCredentials,
        *,
        short_waits: bool = False,
        connections: int = 8,
        max_suspension_wait: float | None = None,
    ) -> TikTokClient:
        from airflow_provider_tiktok.api.client import TikTokClient
        from airflow_provider_tiktok.api.retry import RetryPolicy

        retry = (
            RetryPolicy(attempts=2, max_throttle_wait=3.0)
            if short_waits
            else RetryPolicy(max_suspension_wait=max_suspension_wait)
        )
        return TikTokClient(credentials, retry=retry, stop=self._stop, connections=connections)
