"""The errors of this package, as a tree that can be caught at the right height.

Every text is a sentence about what happened, one about what to do, then TikTok's code and
request ID where there are any. No text holds a token, a secret, a header, a URL's query or an
HTTP body.

.. code-block:: text

    TikTokError
     ├─ TikTokConfigError            the Airflow connection is missing or can't be used
     ├─ TikTokAPIError               TikTok, or the way to it, answered with an error
     │   ├─ TikTokAuthError          the token is absent, wrong, expired or revoked
     │   ├─ TikTokPermissionError    the token is good, but not for this account or scope
     │   ├─ TikTokRateLimitError     too many calls, even after waiting
     │   ├─ TikTokInvalidRequestError   the request can't be right, whoever noticed it
     │   └─ TikTokTransportError     no usable answer: time-out, broken connection, 5xx, HTML
     ├─ TikTokIncompleteReportError  the rows that came are not the rows that TikTok counted
     ├─ TikTokReportTaskError        an asynchronous report task of TikTok's failed
     ├─ TikTokStoppedError           the task was killed while it waited
     ├─ TikTokEmptyReportError       the report has no rows, and was told to fail then
     ├─ TikTokResultTooLargeError    the rows don't fit into XCom
     └─ TikTokOutputError            the output path can't be used
"""

from __future__ import annotations


class TikTokError(Exception):
    """Anything that this package raises on purpose.

    :param message: what happened and what to do, in sentences.
    """

    retryable: bool = False
    """Whether the same task may succeed later without anybody changing anything."""


class TikTokConfigError(TikTokError):
    """The Airflow connection is missing, or a field of it can't be used."""


class TikTokAPIError(TikTokError):
    """TikTok, or the way to TikTok, answered with an error.

    :param text: what happened and what to do, in sentences.
    :param code: TikTok's return code; ``None`` where there was no answer of TikTok's.
    :param message: TikTok's own message.
    :param request_id: TikTok's request ID, which its support asks for.
    :param retryable: whether the same call may succeed later; the class decides if not given.
    """

    def __init__(
        self,
        text: str,
        *,
        code: int | None = None,
        message: str = "",
        request_id: str = "",
        retryable: bool | None = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.message = message or text
        self.request_id = request_id
        if retryable is not None:
            self.retryable = retryable


class TikTokAuthError(TikTokAPIError):
    """The access token is absent, wrong, expired or revoked: somebody has to authorise again."""


class TikTokPermissionError(TikTokAPIError):
    """The token is good, but not for this advertiser account, or the app lacks a scope."""


class TikTokRateLimitError(TikTokAPIError):
    """TikTok asked to slow down for longer than this package is willing to wait."""

    retryable = True
    retry_after: float | None = None
    """Seconds after which TikTok takes calls again, where that is known."""


class TikTokInvalidRequestError(TikTokAPIError, ValueError):
    """The request can't be right: found before the call (``code`` is ``None``) or by TikTok."""


class TikTokTransportError(TikTokAPIError):
    """No usable answer came: a time-out, a broken connection, a 5xx, HTML instead of JSON."""

    retryable = True
    timed_out: bool = False
    """Whether TikTok took too long to answer, so that a smaller call may help."""


class TikTokIncompleteReportError(TikTokError):
    """The rows that came are not the rows that TikTok counted, so none of them are published."""

    retryable = True
    truncated: bool = False
    """Whether TikTok said that it left rows out, as it does beyond 20,000 ads."""


class TikTokReportTaskError(TikTokError):
    """An asynchronous report task of TikTok's failed, was cancelled or took too long."""

    about_one_account = False


class TikTokStoppedError(TikTokError):
    """The task was killed, or its reader gave up, while a call waited for its turn."""

    retryable = True


class TikTokEmptyReportError(TikTokError):
    """The report has no rows, and was told to fail in that case. Rows may come later."""

    retryable = True


class TikTokResultTooLargeError(TikTokError):
    """The rows don't fit into XCom; ``output_path`` sends them to storage instead."""


class TikTokOutputError(TikTokError):
    """The output path, format or filesystem can't be used."""
