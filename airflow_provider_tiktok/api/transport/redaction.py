"""Redacts secrets: in what TikTok sends, where it comes in, and in what urllib3 logs.

A server can echo a token wherever it likes: in an ID, a day, a count, a header. What came in without it can't bring it
into a message, a log, the variables of a traceback, or a row.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO
from urllib.parse import quote, quote_plus

_STARS = "***"
_CERTAIN = 16
"""Length from which on a secret that isn't a number is in no data by chance, as a word or an ID is."""

_BLOCK = 2**20
_ESCAPE = re.compile(rb"\\(?:u00([2-7][0-9A-Fa-f])|.)", re.DOTALL)
_MUST_BE_ESCAPED = (b'"', b"\\")
_MAY_BE_ESCAPED = frozenset("&<>'+=/`\"\\")
"""ASCII that writers of JSON escape for the sake of HTML. An escaped letter conceals something."""

_CONCEALING = frozenset(
    spelling.encode()
    for code in range(0x20, 0x7F)
    if chr(code) not in _MAY_BE_ESCAPED
    for spelling in (f"{code:02x}", f"{code:02X}")
)
_SIGNATURE = re.compile(
    r"(?i)([?&;][\w.%-]*(?:sign|token|secret|credential|auth|key|code|expire|policy)[\w.%-]*=)[^\s&;'\"]+"
)


def without_signatures(text: str) -> str:
    """Return a text with the signatures, tokens and keys in its addresses redacted."""
    return _SIGNATURE.sub(rf"\g<1>{_STARS}", text) if "=" in text else text


def _spellings(secrets: Iterable[str]) -> set[str]:
    """Return secrets as they may be written in a text: as they are, in a URL, in JSON."""
    found = set()
    for secret in filter(None, secrets):
        in_json = json.dumps(secret)[1:-1]
        found |= {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
        found |= {in_json, in_json.replace("/", "\\/")}
    return found


def _longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(secrets, key=len, reverse=True))


class Redactor:
    """Redacts secrets in strings.

    :param secrets: the secrets; empty ones are none.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._texts: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()
        self._may_be_escaped = False
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Redact these as well from now on."""
        known = tuple(secrets)
        certain = _spellings(one for one in known if len(one) >= _CERTAIN and not one.isdigit())
        self._may_be_escaped |= any(not _MAY_BE_ESCAPED.isdisjoint(one) for one in known)
        self._texts = _longest_first({*self._texts, *_spellings(known)})
        self._bytes = (*self._bytes, *(one.encode() for one in _longest_first(certain)))

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for secret in self._texts:
            text = text.replace(secret, _STARS)
        return text

    def body(self, body: bytes) -> bytes:
        """Return a JSON body without those secrets that are in none by chance."""
        if b"\\" in body and b"\\u00" in body and self._bytes:  # one byte is found much faster than four
            escapes = {piece[:2] for piece in body.split(b"\\u00")[1:]}
            if self._may_be_escaped or not _CONCEALING.isdisjoint(escapes):
                body = _ESCAPE.sub(_unescape, body)
        for secret in self._bytes:
            body = body.replace(secret, _STARS.encode())
        return body

    def file(self, file: IO[bytes]) -> None:
        """Redact the same secrets in a file, each by as many stars, so that its length stays."""
        if not self._bytes:
            return
        overlap = max(map(len, self._bytes)) - 1
        start, tail = 0, b""
        file.seek(0)
        while block := file.read(_BLOCK):
            text = tail + block
            redacted = text
            for secret in self._bytes:
                redacted = redacted.replace(secret, b"*" * len(secret))
            if redacted != text:
                file.seek(start)
                file.write(redacted)
            start += max(0, len(text) - overlap)
            tail = redacted[-overlap:] if len(text) > overlap else redacted
            file.seek(start + len(tail))


def _unescape(found: re.Match[bytes]) -> bytes:
    """Return a character that needs no escape in JSON without one."""
    if found[1] is None:
        return found[0]
    char = bytes.fromhex(found[1].decode())
    return found[0] if char in _MUST_BE_ESCAPED else char


class LogRedaction(logging.Filter):
    """Keeps secrets out of what urllib3 logs at debug: account discovery has the app secret in its URL."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: set[str] = set()

    def add(self, secrets: Iterable[str]) -> None:
        """Redact these from now on, as they are and as a URL holds them."""
        self._texts = self._texts | _spellings(
            secrets
        )  # a new set, for other threads look through the old one
        urllib3_log = logging.getLogger("urllib3.connectionpool")
        if self not in urllib3_log.filters:
            urllib3_log.addFilter(self)

    def remove(self, secrets: Iterable[str]) -> None:
        """Redact these no longer."""
        self._texts = self._texts - _spellings(secrets)

    def text(self, text: str) -> str:
        """Return a text without them."""
        for secret in _longest_first(self._texts):
            text = text.replace(secret, _STARS)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; it is logged all the same."""
        text = record.getMessage()
        redacted = self.text(text)
        if redacted != text:
            record.msg, record.args = redacted, ()
        return True


LOG_REDACTION = LogRedaction()
"""The secrets of all connections of this process."""


@contextmanager
def redacted_in_log(*secrets: str) -> Iterator[None]:
    """Redact strings, such as the signature in an address, in what urllib3 logs while a ``with`` block lasts."""
    LOG_REDACTION.add(secrets)
    try:
        yield
    finally:
        LOG_REDACTION.remove(secrets)
