"""Table names as users write them."""

from __future__ import annotations

import re

from airflow_provider_tiktok.exceptions import TikTokOutputError

_PART = r'"(?:[^"]|"")+"|[^".]+'
_NAME = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_PARTS = 3  # catalog.schema.table


def parse_table(text: str) -> tuple[str, ...]:
    """Return the parts of ``table``, ``schema.table`` or ``catalog.schema.table``.

    A part that contains a dot is in double quotes. Each part is one quoted identifier: upper and lower case,
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
