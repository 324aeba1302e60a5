"""Numbers that look random and are not: integer mixing, the same on every machine."""

from __future__ import annotations

import zlib

MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    """Spread an integer over 64 bits (the finaliser of SplitMix64)."""
    value = (value + _GOLDEN) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def mix_text(text: str, salt: int = 0) -> int:
    """Spread a name over 64 bits."""
    return mix(zlib.crc32(text.encode()) + (salt << 32))


class Draws:
    """An endless row of draws that one starting value decides."""

    __slots__ = ("_state",)

    def __init__(self, start: int) -> None:
        self._state = start & MASK

    def below(self, limit: int) -> int:
        """Draw a whole number from 0 up to, and without, ``limit``."""
        self._state = (self._state + _GOLDEN) & MASK
        return mix(self._state) % limit

    def between(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Say yes in so many of a hundred draws."""
        return self.below(100) < percent
