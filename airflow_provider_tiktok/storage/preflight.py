"""Whether an object store can be written, as far as that can be known before there is anything to write.

Two cheap questions tell a wrong bucket, wrong credentials and a store that doesn't answer. That the
credentials may also write is seen only when something is written.
"""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.target import Target

# what S3 and its likes call credentials that are nobody's; a refusal by another name may be of reading only
_NOBODYS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired"}
)
_ASK_AGAIN = (ConnectionError, TimeoutError)
_CONNECTION_ERRORS = ("Connect", "Timeout", "ServiceRequestError", "DNS")
_TEXT = 200
_MAY_BE_SECRET = re.compile(r"[?@&]|(?i:secret|signature|token|password)")
_ADVICE = "Correct `output_path` or `output_conn_id`, or the Airflow connection itself."


def check_reachable(filesystem: Any, root: str, target: Target) -> None:
    """Ask an object store for what is at a path, and for the bucket.

    :param filesystem: an fsspec filesystem that is not the local disk.
    :param root: the path in it.
    :param target: what is to be written; a folder must be listed, a file need not.
    :raises TikTokOutputError: there is no such bucket, the credentials are refused, or nobody answers.
    """
    filesystem.invalidate_cache()  # what another task has written since is not in it
    root = filesystem._strip_protocol(root)
    try:
        _ask(filesystem, root)
    except FileNotFoundError:
        pass  # nothing is there yet
    except PermissionError as error:
        if target.is_folder or _code(error) in _NOBODYS:
            raise _refused(target, error) from None
    except NotImplementedError:
        return
    except Exception as error:  # each object store has errors of its own
        raise _unreachable(target, error) from None
    bucket = root.partition("/")[0]
    if not bucket:
        return
    try:
        filesystem.info(bucket)
    except FileNotFoundError:
        raise TikTokOutputError(
            f"`output_path` {target.path!r}: there is no bucket or container {bucket!r}, or these credentials can't see "
            f"it. Create it, for this provider creates none, or correct `output_path`."
        ) from None
    except Exception as error:  # to know of a bucket is a permission of its own, which writing may not need
        if _code(error) in _NOBODYS:
            raise _refused(target, error) from None


def _ask(filesystem: Any, path: str) -> None:
    try:
        filesystem.info(path)
    except PermissionError as error:
        if _code(error) in _NOBODYS:
            raise
        filesystem.ls(path)  # says why, which the answer to a mere HEAD can't


def _refused(target: Target, error: Exception) -> TikTokOutputError:
    return TikTokOutputError(
        f"`output_path` {target.path!r}: the store refuses these credentials ({_reason(error)}). {_ADVICE}"
    )


def _unreachable(target: Target, error: Exception) -> TikTokOutputError:
    failure = TikTokOutputError(
        f"`output_path` {target.path!r}: the store can't be asked ({_reason(error)}). {_ADVICE}"
    )
    name = type(error).__name__
    failure.retryable = isinstance(error, _ASK_AGAIN) or any(word in name for word in _CONNECTION_ERRORS)
    return failure


def _code(error: BaseException) -> str | None:
    """Give the store's own code of an error, which is below the error that fsspec makes of it."""
    response = getattr(error.__cause__ or error, "response", None)
    found = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return found if isinstance(found, str) else None


def _reason(error: Exception) -> str:
    """Say what kind of error it is, with its text where that holds no address with a query or a name in it."""
    name, text = type(error).__name__, _code(error) or str(error).partition("\n")[0]
    return f"{name}: {text[:_TEXT]}" if text and not _MAY_BE_SECRET.search(text) else name
