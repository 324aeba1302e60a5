"""The name of a table as a user writes it, and names as SQL wants them: always quoted."""

from __future__ import annotations

import re

from airflow_provider_tiktok.exceptions import TikTokOutputError

_PART = r'"(?:[^"]|"")+"|[^".]+'
_NAME = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_PARTS = 3  # catalog.schema.table


def parse_table(text: str) -> tuple[str, ...]:
    """Read ``table``, ``schema.table`` or ``catalog.schema.table``.

    A part that holds a dot stands in double quotes. Whatever a part holds, it becomes one quoted name: upper and
    lower case, reserved words and blanks stay as they are written.

    :raises TikTokOutputError: this is no name.
    """
    stripped = text.strip()
    if not stripped:
        raise TikTokOutputError(
            "`table` is missing. Name the table, such as tiktok_ads or marketing.tiktok_ads."
        )
    if not _NAME.fullmatch(stripped) or _CONTROL.search(stripped):
        raise TikTokOutputError(
            f"`table` is {text!r}, which is no name of a table. Write table or schema.table; a name that holds a dot or a "
            'double quote stands in double quotes, as in marketing."ads.2026".'
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


def quote(name: str, form: str = '"{}"') -> str:
    """Quote one name, whatever it holds.

    :param form: how the database quotes, with ``{}`` for the name; its last character is doubled within.
    :raises TikTokOutputError: the name can't be written in SQL.
    """
    if not name or "\0" in name:
        raise TikTokOutputError(f"{name!r} can't be the name of a column or table.")
    return form.format(name.replace(form[-1], form[-1] * 2))
