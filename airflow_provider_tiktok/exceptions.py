"""The errors of this package, as a tree that can be caught at the right height.

Every text is a sentence about what happened, one about what to do, then TikTok's code and
request ID where there are any. No text holds a token, a secret, a header, a URL's query or an
HTTP body.

.. code-block:: text

    TikTokError
     ├─ TikTokConfigError            the Airflow connection is missing or can't be used
     ├─ TikTokAPIError               TikTok or the network answered with an error
     │   ├─ TikTokAuthError          the token is absent, wrong, expired or revoked
     │   ├─ TikTokPermissionError    the token is good, but not for this account or scope
     │   ├─ TikTokRateLimitError     too many calls, even after waiting
     │   ├─ TikTokInvalidRequestError   the request can't be right, found before the call or by TikTok
     │   └─ TikTokTransportError     no usable answer: timeout, broken connection, 5xx, HTML
     ├─ TikTokIncompleteReportError  the rows that came are not the rows that TikTok counted
     ├─ TikTokReportTaskError        a report task failed
     ├─ TikTokStoppedError           the task was killed while it waited
     ├─ TikTokEmptyReportError       the report has no rows, and `on_empty` is to fail
     ├─ TikTokResultTooLargeError    the rows don't fit into XCom
     └─ TikTokOutputError            the output path can't be used
"""

from __future__ import annotations


class TikTokError(Exception):
    """Anything that this package raises on purpose.

    :param text: what happened and what to do, in sentences.
    :param retryable: whether the same task may succeed later without anyone changing anything; the class decides if
        not given.
    """

    retryable: bool = False

    def __init__(self, text: str, *, retryable: bool | None = None) -> None:
        super().__init__(text)
        if retryable is not None:
            self.retryable = retryable


class TikTokConfigError(TikTokError):
    """The Airflow connection is missing, or a field of it can't be used."""


class TikTokAPIError(TikTokError):
    """TikTok, or the network between, answered with an error.

    :param text: what happened and what to do, in sentences.
    :param code: TikTok's return code; ``None`` where TikTok gave no answer.
    :param message: TikTok's own message.
    :param request_id: TikTok's request ID, which its support asks for.
    :param retryable: whether the same call may succeed later; the class decides if not given.
    :param retry_after: seconds after which TikTok takes calls again, where that is known.
    :param timed_out: whether TikTok took too long to answer, so that a smaller call may help.
    """

    def __init__(
        self,
        text: str,
        *,
        code: int | None = None,
        message: str = "",
        request_id: str = "",
        retryable: bool | None = None,
        retry_after: float | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(text, retryable=retryable)
        self.code = code
        self.message = message or text
        self.request_id = request_id
        self.retry_after = retry_after
        self.timed_out = timed_out


class TikTokAuthError(TikTokAPIError):
    """The access token is absent, wrong, expired or revoked: someone has to authorise again."""


class TikTokPermissionError(TikTokAPIError):
    """The token is good, but not for this advertiser account, or the app lacks a scope."""


class TikTokRateLimitError(TikTokAPIError):
    """TikTok asked to slow down for longer than this package is willing to wait."""

    retryable = True


class TikTokInvalidRequestError(TikTokAPIError, ValueError):
    """The request can't be right: found before the call (``code`` is ``None``) or by TikTok."""


class TikTokTransportError(TikTokAPIError):
    """No usable answer came: a timeout, a broken connection, a 5xx, HTML instead of JSON."""

    retryable = True


class TikTokIncompleteReportError(TikTokError):
    """The rows that came are not the rows that TikTok counted, so none of them are published.

    :param truncated: whether TikTok said that it left rows out, as it does beyond 20,000 ads.
    """

    retryable = True

    def __init__(self, text: str, *, retryable: bool | None = None, truncated: bool = False) -> None:
        super().__init__(text, retryable=retryable)
        self.truncated = truncated


class TikTokReportTaskError(TikTokError):
    """A report task failed, was cancelled or took too long.

    :param about_one_account: whether TikTok refused the task's account, so that other accounts may do well.
    """

    def __init__(self, text: str, *, retryable: bool | None = None, about_one_account: bool = False) -> None:
        super().__init__(text, retryable=retryable)
        self.about_one_account = about_one_account


class TikTokStoppedError(TikTokError):
    """The task was killed, or its reader stopped reading, while a call waited for its turn."""

    retryable = True


class TikTokEmptyReportError(TikTokError):
    """The report has no rows, and ``on_empty`` is to fail in that case. Rows may come later."""

    retryable = True


class TikTokResultTooLargeError(TikTokError):
    """The rows don't fit into XCom; ``output_path`` sends them to storage instead."""


class TikTokOutputError(TikTokError):
    """The output path, format or filesystem can't be used."""
