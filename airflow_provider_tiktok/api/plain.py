"""Text of somebody else's in a line of the log."""

from __future__ import annotations

_BLANK = " "


def plain(value: object, at_most: int = 600) -> str:
    """Write a value in one line of printable characters.

    What stands in TikTok's messages and names is not TikTok's alone: a line end in it would begin a line
    of its own in the log, perhaps a false one or a marker such as ``::group::``, and an escape sequence
    would colour or clear the terminal of whoever reads it.

    :param at_most: characters; the rest is left out.
    """
    text = value if isinstance(value, str) else str(value)
    text = text[: 4 * at_most]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _BLANK for char in text)
    return " ".join(text.split())[:at_most]
