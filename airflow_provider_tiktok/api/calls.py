"""One call of TikTok's API: what it sends, and what an attempt brings."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import IO, Any

from airflow_provider_tiktok.api.codes import Action
from airflow_provider_tiktok.exceptions import TikTokAPIError


class JsonNumber(str):
    """The digits of a number with a point, which JSON has without quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ApiCall:
    """What one call sends, and how often it may be made.

    :param path: endpoint.
    :param query: parameters in the URL; of a POST only the account that it is about, which is not sent there.
    :param body: JSON to post; ``None`` for a GET.
    :param subject: what the call is about, for messages.
    :param is_create: whether it creates something, which would be there twice if the call were made twice.
    :param into: file for an answer that is not JSON.
    :param once: whether it is never made again, unless TikTok refused it because of too many requests.
    :param needs_data: whether an answer without data is an error.
    :param cancel: set when no one needs the answer any more.
    :param marks_numbers: whether numbers with a point come as :class:`JsonNumber`.
    """

    path: str
    query: dict[str, str]
    body: dict[str, Any] | None = None
    subject: str = ""
    is_create: bool = False
    into: IO[bytes] | None = None
    once: bool = False
    needs_data: bool = True
    cancel: threading.Event | None = None
    marks_numbers: bool = False

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"

    @property
    def advertiser_id(self) -> str:
        """The account that it is about; empty where it is about none."""
        return self.query.get("advertiser_id", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What TikTok answered to one call that it accepted.

    :param data: the envelope's ``data``. Numbers with a point stay the text that TikTok sent.
    :param request_id: TikTok's ID of the call.
    :param truncated: TikTok's words where it says that rows are left out; else empty.
    """

    data: dict[str, Any]
    request_id: str
    truncated: str


@dataclass(frozen=True, slots=True)
class CallFailure:
    """One attempt that brought no answer.

    :param action: what the client does now.
    :param error: the error to raise if the call is not made again.
    :param may_be_done: whether TikTok may have done what was asked all the same.
    """

    action: Action
    error: TikTokAPIError
    may_be_done: bool = False

    @property
    def is_throttled(self) -> bool:
        """Whether TikTok refused the call as one too many."""
        return self.action in {Action.THROTTLE, Action.THROTTLE_ONE}
