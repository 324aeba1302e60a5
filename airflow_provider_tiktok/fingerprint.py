"""Fingerprints of values: names of files, tables and checkpoints, and what distinguishes one report from another."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def fingerprint_of(value: Any, length: int = 64) -> str:
    """Return so many hexadecimal digits, the same for values that are the same as JSON, in whatever order of keys.

    What was stored or named by one version is to be found by the next, so the result must not change.

    :param value: any value; what JSON doesn't know counts by its text.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
