"""The parameters of a call, as received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Params:
    """The parameters of one call, not read yet.

    :param query: the parameters in the query string.
    :param body: the parameters in a JSON body; the query string takes precedence.
    :param token: the access token of the call.
    :param host: the URL at which the caller reached the emulator, without a slash at the end.
    """

    query: Mapping[str, str]
    body: Mapping[str, Any]
    token: str = field(default="", repr=False)
    host: str = ""

    def get(self, name: str) -> Any:
        """Return a parameter; ``None`` if the call does not have it."""
        return self.query[name] if name in self.query else self.body.get(name)
