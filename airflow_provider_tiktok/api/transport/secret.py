"""Text that doesn't show itself."""

from __future__ import annotations

from typing import SupportsIndex


class Secret(str):
    """A token or secret: text like any other, but for its ``repr``, which is what dumps of variables show.

    Tools that report errors with the variables of every frame, and dicts that are in a message, write
    the ``repr`` of what they find, or that of its beginning where it is long. To send it, :func:`str.__str__`
    and :meth:`str.encode` give the text.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        """Return a part, whose ``repr`` shows as little."""
        return Secret(super().__getitem__(key))
