"""The body of an answer, within a bound of bytes and of time, whatever the server sends.

Compressed bodies are unpacked here and not by urllib3: its versions differ in how much they unpack at a
time, and a few kilobytes can unpack to gigabytes.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import IO, Any

import requests
import urllib3

from airflow_provider_tiktok.api.transport.watchdog import let_it_last

ENCODINGS = "gzip, deflate"
"""The compressions that are asked for; an answer in another one can't be read."""

_CHUNK = 2**18
_MAX_FILE = 64 * 2**30  # bytes of a report task's file
_SLOW_AFTER, _MIN_SPEED = 120.0, 1024  # seconds after which a file must have come at so many bytes a second
_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """A body that no report needs; the text says from which size on."""


class BodyEncodingError(requests.exceptions.ContentDecodingError):
    """A body that can't be unpacked; the text says how it is packed."""


def read_body(response: requests.Response, at_most: int) -> bytes:
    """Read a body.

    :param response: made with ``stream=True``.
    :param at_most: bytes of the unpacked body.
    :raises TooLargeError: it is larger; no more than that was in memory.
    :raises BodyEncodingError: it is packed in a way that wasn't asked for.
    :raises requests.exceptions.RequestException: the connection broke, or the body is damaged.
    """
    received = []
    size = 0
    for piece in pieces(response):
        received.append(piece)
        size += len(piece)
        if size > at_most:
            raise TooLargeError(f"{at_most >> 20} MiB")
    return b"".join(received)


def save_body(response: requests.Response, into: IO[bytes], max_bytes: int = _MAX_FILE) -> dict[str, Any]:
    """Write an answer's body into a file, from its beginning, in bounded memory.

    :return: its ``bytes``, and ``is_complete``: whether the answer said where it ends, so that nothing is missing.
    :raises requests.exceptions.RequestException: the connection broke before the end.
    """
    let_it_last()  # a large file takes longer than a call may
    into.seek(0)
    into.truncate()
    size = 0
    started = time.monotonic()
    for chunk in pieces(response):
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError(f"{max_bytes >> 30} GiB")
        seconds = time.monotonic() - started
        if seconds > _SLOW_AFTER and size < seconds * _MIN_SPEED:
            raise requests.exceptions.ReadTimeout
        into.write(chunk)
    into.flush()
    length = response.headers.get("Content-Length")
    unpacked = response.headers.get("Content-Encoding", "identity").lower() == "identity"
    if length is not None and unpacked and length.strip() != str(size):
        raise requests.exceptions.ChunkedEncodingError("short")
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return {"bytes": size, "is_complete": length is not None or chunked}


def pieces(response: requests.Response) -> Iterator[bytes]:
    """Yield a body as it comes, unpacked, in pieces of bounded size.

    :raises BodyEncodingError: it is packed in a way that wasn't asked for.
    :raises requests.exceptions.RequestException: the connection broke, or the body is damaged.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    chunks = _chunks(response)
    return chunks if encoding in {"", "identity"} else _unpacked(chunks, encoding)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it comes. Waiting for complete chunks would let a slow one outlast the timeout."""
    raw = response.raw
    try:
        if not hasattr(raw, "read1"):  # urllib3 before 2.1
            yield from raw.stream(_CHUNK, decode_content=False)
            return
        while chunk := raw.read1(_CHUNK, decode_content=False):
            yield chunk
    except (urllib3.exceptions.ReadTimeoutError, TimeoutError):
        raise requests.exceptions.ReadTimeout from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise requests.exceptions.ChunkedEncodingError(type(error).__name__) from None


def _unpacked(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Unpack, never more than a chunk at a time."""
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise BodyEncodingError(encoding)
    unpacker = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if unpacker is None:
                    unpacker = zlib.decompressobj(_window(encoding, rest))
                yield unpacker.decompress(rest, _CHUNK)
                rest = unpacker.unconsumed_tail
                if unpacker.eof:
                    # what follows gzip is a further member of the file, and what follows deflate means nothing
                    rest = unpacker.unused_data if encoding != "deflate" else b""
                    unpacker = None
        while unpacker is not None:  # all of it is in, and not yet out
            piece = unpacker.decompress(b"", _CHUNK)
            yield piece
            if unpacker.eof:
                return
            if not piece:
                raise requests.exceptions.ContentDecodingError("cut off")
    except zlib.error:
        raise requests.exceptions.ContentDecodingError("damaged") from None


def _window(encoding: str, beginning: bytes) -> int:
    """Return the window with which :mod:`zlib` reads it: some servers send deflate without its header."""
    if encoding != "deflate":
        return _GZIP
    return zlib.MAX_WBITS if beginning[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS
