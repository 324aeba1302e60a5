"""Foreign text: made so that any target can hold it, or that it fits into a line of the log."""

from __future__ import annotations

from typing import Any

_BLANK = " "
_REPLACEMENT = "\ufffd"  # Unicode's replacement character


def well_formed(text: str) -> str:
    """Return text that XCom, logs, links, files and databases can all hold.

    Half a character, as a name that TikTok cut in mid-emoji ends in, can't be written as UTF-8, and PostgreSQL
    takes no NUL. Each becomes U+FFFD here, where TikTok's text comes in, so that nothing behind has to know of it;
    two halves that belong together become their character.
    """
    if "\0" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    complete = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return complete.replace("\0", _REPLACEMENT)


def well_formed_json(value: Any) -> Any:
    """Return a value that was read from JSON with all its strings well formed."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [well_formed_json(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(name): well_formed_json(item) for name, item in value.items()}
    return value


def sanitize(value: object, max_length: int = 600) -> str:
    """Write a value in one line of printable characters.

    TikTok's messages and names hold text of others: a line end in it would begin a line
    of its own in the log, perhaps a false one or a marker such as ``::group::``, and an escape sequence
    would colour or clear the reader's terminal.

    :param max_length: characters; the rest is left out.
    """
    text = value if isinstance(value, str) else str(value)
    text = text[: 4 * max_length]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _BLANK for char in text)
    return " ".join(text.split())[:max_length]
