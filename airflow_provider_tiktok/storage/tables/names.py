"""Table names as users write them, and quoted SQL identifiers."""

from __future__ import annotations

import re

from airflow_provider_tiktok.exceptions import TikTokOutputError

_PART = r'"(?:[^"]|"")+"|[^".]+'
_NAME = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_PARTS = 3  # catalog.schema.table


def parse_table(text: str) -> tuple[str, ...]:
    """Return the parts of ``table``, ``schema.table`` or ``catalog.schema.table``.

    A part that contains a dot is in double quotes. Each part becomes one quoted identifier: upper and lower case,
    reserved words and spaces are preserved.

    :raises TikTokOutputError: the text is not a valid name.
    """
    stripped = text.strip()
    if not stripped:
        raise TikTokOutputError(
            "`table` is missing. Set the table's name, such as tiktok_ads or marketing.tiktok_ads."
        )
    if not _NAME.fullmatch(stripped) or _CONTROL.search(stripped):
        raise TikTokOutputError(
            f"`table` is {text!r}, which is not the name of a table. Write table or schema.table. Put a name that has a "
            'dot or a double quote in double quotes, as in marketing."ads.2026".'
        )
    parts = tuple(
        part[1:-1].replace('""', '"') if part.startswith('"') else part.strip()
        for part in re.findall(_PART, stripped)
    )
    if len(parts) > _MAX_PARTS or not all(parts):
        raise TikTokOutputError(
            f"`table` is {text!r}; it can be table, schema.table or catalog.schema.table."
        )
    return parts


def quote(name: str, quote_format: str = '"{}"') -> str:
    """Return one name as a quoted identifier.

    :param quote_format: the database's quotes, with ``{}`` for the name; its last character is doubled in the name.
    :raises TikTokOutputError: the name can't be an SQL identifier.
    """
    if not name or "\0" in name:
        raise TikTokOutputError(f"{name!r} can't be the name of a column or table.")
    return quote_format.format(name.replace(quote_format[-1], quote_format[-1] * 2))
