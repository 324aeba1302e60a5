"""A preflight check of an object store, before there is anything to write.

Two cheap requests detect a wrong bucket, invalid credentials and a store that doesn't respond. Whether the
credentials allow writing shows only with the first write.
"""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files.target import Target

# the error codes of S3-compatible stores for invalid credentials; other refusals may concern reading only
_INVALID_CREDENTIALS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired"}
)
_RETRYABLE = (ConnectionError, TimeoutError)
_CONNECTION_ERRORS = ("Connect", "Timeout", "ServiceRequestError", "DNS")
_MAX_TEXT = 200
_MAY_BE_SECRET = re.compile(r"[?@&]|(?i:secret|signature|token|password)")
_ADVICE = "Correct `output_path` or `output_conn_id`, or the Airflow connection itself."


def check_reachable(filesystem: Any, root: str, target: Target) -> None:
    """Raise TikTokOutputError if an object store's path or bucket is not reachable.

    :param filesystem: an fsspec filesystem that is not the local disk.
    :param root: the path in the filesystem.
    :param target: the target to write; a folder must be listable, a file need not be.
    :raises TikTokOutputError: the bucket doesn't exist, the credentials are refused, or the store doesn't respond.
    """
    filesystem.invalidate_cache()  # it lacks what other tasks have written since
    root = filesystem._strip_protocol(root)
    try:
        _probe(filesystem, root)
    except FileNotFoundError:
        pass  # the path doesn't exist yet
    except PermissionError as error:
        if target.is_folder or _code(error) in _INVALID_CREDENTIALS:
            raise _refused(target, error) from None
    except NotImplementedError:
        return
    except Exception as error:  # each object store raises different errors
        raise _unreachable(target, error) from None
    bucket = root.partition("/")[0]
    if not bucket:
        return
    try:
        filesystem.info(bucket)
    except FileNotFoundError:
        raise TikTokOutputError(
            f"`output_path` {target.path!r}: there is no bucket or container {bucket!r}, or these credentials can't see "
            f"it. Create it, because this provider creates none, or correct `output_path`."
        ) from None
    except (
        Exception
    ) as error:  # access to the bucket's metadata is a separate permission, not needed for writing
        if _code(error) in _INVALID_CREDENTIALS:
            raise _refused(target, error) from None


def _probe(filesystem: Any, path: str) -> None:
    try:
        filesystem.info(path)
    except PermissionError as error:
        if _code(error) in _INVALID_CREDENTIALS:
            raise
        filesystem.ls(path)  # its error has a reason, unlike the response to HEAD


def _refused(target: Target, error: Exception) -> TikTokOutputError:
    return TikTokOutputError(
        f"`output_path` {target.path!r}: the store refuses these credentials ({_reason(error)}). {_ADVICE}"
    )


def _unreachable(target: Target, error: Exception) -> TikTokOutputError:
    name = type(error).__name__
    return TikTokOutputError(
        f"`output_path` {target.path!r}: the store can't be reached ({_reason(error)}). {_ADVICE}",
        retryable=isinstance(error, _RETRYABLE) or any(word in name for word in _CONNECTION_ERRORS),
    )


def _code(error: BaseException) -> str | None:
    """Return the store's own error code, which is in the cause of fsspec's error."""
    response = getattr(error.__cause__ or error, "response", None)
    found = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return found if isinstance(found, str) else None


def _reason(error: Exception) -> str:
    """Return the name of an error, with its text if that can't contain a secret, such as a URL with a query."""
    name, text = type(error).__name__, _code(error) or str(error).partition("\n")[0]
    return f"{name}: {text[:_MAX_TEXT]}" if text and not _MAY_BE_SECRET.search(text) else name
