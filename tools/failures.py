"""Say in one sentence why something could not be installed, and what to do: ``python -m tools.failures LOG``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

UNREACHABLE = re.compile(
    r"timed out|Max retries exceeded|NewConnectionError|name resolution|Name or service not known|Connection refused"
    r"|ConnectionError|ConnectTimeout|dns error|tcp connect error|error sending request|Failed to fetch"
    r"|SSLError|CERTIFICATE_VERIFY_FAILED|invalid peer certificate|ProxyError|Retrying \(Retry|Network is unreachable",
    re.IGNORECASE,
)
"""What pip, uv and pip-audit write when a server can't be reached."""

_REASONS = (
    (
        re.compile("No space left on device|disk quota exceeded", re.IGNORECASE),
        "The disk is full: free about 1 GB",
    ),
    (
        UNREACHABLE,
        "The package index cannot be reached: check the network, the proxy, and the index that PIP_INDEX_URL or "
        "UV_DEFAULT_INDEX names",
    ),
    (
        re.compile(
            "No matching distribution found|Could not find a version|No solution found|not found in the package"
        ),
        "The package index does not offer a pinned version: check which index PIP_INDEX_URL or UV_DEFAULT_INDEX names",
    ),
    (
        re.compile(
            r"Failed to build|Failed building wheel|command '.*(cc|clang|cargo|g\+\+)' failed|Python\.h"
        ),
        "A package has no wheel for this machine: use another Python, for example PYTHON=python3.12",
    ),
    (
        re.compile("ensurepip is not available|No module named ['\"]?(venv|ensurepip)"),
        "This Python cannot make an environment: install its venv module (on Debian and Ubuntu: apt install "
        "python3-venv), or name another Python with PYTHON=",
    ),
)


def reason(output: str) -> str:
    """Return the sentence for what pip, uv or venv wrote."""
    found = next((sentence for pattern, sentence in _REASONS if pattern.search(output)), None)
    return (
        f"{found}; then run the same again."
        if found
        else "It could not be installed; the lines above say why."
    )


if __name__ == "__main__":
    print(reason(Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")))
