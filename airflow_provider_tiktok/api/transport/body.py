"""The body of an answer, within a bound of bytes and of time, whatever the server sends.

Compressed bodies are unpacked here and not by urllib3: its versions differ in how much they unpack at a
time, and a few kilobytes can stand for gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import requests
import urllib3

ENCODINGS = "gzip, deflate"
"""The compressions that are asked for; an answer in another one can't be read."""

_CHUNK = 2**18
_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """A body that no report needs; the text says from which size on."""


class BodyEncodingError(requests.exceptions.ContentDecodingError):
    """A body that can't be unpacked; the text says how it is packed."""


def read_body(response: requests.Response, at_most: int) -> bytes:
    """Read a body.

    :param response: made with ``stream=True``.
    :param at_most: bytes of the unpacked body.
    :raises TooLargeError: it is larger; no more than that was kept in memory.
    :raises BodyEncodingError: it is packed in a way that wasn't asked for.
    :raises requests.exceptions.RequestException: the connection broke, or the body is damaged.
    """
    kept = []
    size = 0
    for piece in pieces(response):
        kept.append(piece)
        size += len(piece)
        if size > at_most:
            raise TooLargeError(f"{at_most >> 20} MiB")
    return b"".join(kept)


def pieces(response: requests.Response) -> Iterator[bytes]:
    """Give a body as it comes, unpacked, in pieces of bounded size.

    :raises BodyEncodingError: it is packed in a way that wasn't asked for.
    :raises requests.exceptions.RequestException: the connection broke, or the body is damaged.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    chunks = _chunks(response)
    return chunks if encoding in {"", "identity"} else _unpacked(chunks, encoding)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Give the body as it comes. Waiting for whole chunks would let a slow one outlast the time-out."""
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
    """Say how :mod:`zlib` reads it: some servers send deflate without its header."""
    if encoding != "deflate":
        return _GZIP
    return zlib.MAX_WBITS if beginning[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS
