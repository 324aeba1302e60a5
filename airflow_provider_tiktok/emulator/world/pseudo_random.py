"""Deterministic pseudo-random numbers, the same on every machine."""

from __future__ import annotations

import zlib

MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    """Return an integer mixed to 64 bits (the finaliser of SplitMix64)."""
    value = (value + _GOLDEN) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def mix_text(text: str, salt: int = 0) -> int:
    """Return a 64-bit hash of a name."""
    return mix(zlib.crc32(text.encode()) + (salt << 32))


class RandomStream:
    """A stream of pseudo-random numbers that a seed determines."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & MASK

    def below(self, limit: int) -> int:
        """Return the next integer from 0 to ``limit``, excluding ``limit``."""
        self._state = (self._state + _GOLDEN) & MASK
        return mix(self._state) % limit

    def between(self, low: int, high: int) -> int:
        """Return the next integer from ``low`` to ``high``, including both."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return ``True`` with a probability in percent."""
        return self.below(100) < percent
