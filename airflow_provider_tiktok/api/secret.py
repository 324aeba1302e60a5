"""Text that doesn't show itself."""

from __future__ import annotations


class Secret(str):
    """A token or secret: text like any other, but for its ``repr``, which is what dumps of variables show.

    Tools that report errors with the variables of every frame, and dicts that stand in a message, write
    the ``repr`` of what they find. To send it, :func:`str.__str__` and :meth:`str.encode` give the text.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
