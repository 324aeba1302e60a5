"""The certificates of CAs, read once for all connections.

requests lets each connection read the CA bundle again, which takes some 50 ms of CPU: 0.4 s for eight connections.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from urllib3.util.ssl_ import create_urllib3_context

_SHARED = "ssl_context"  # urllib3's name of it
_LOCK = threading.Lock()


def set_up_once(pool: Any, set_up: Callable[[], object]) -> None:
    """Set up how a pool verifies certificates, and let its connections share what was read from the file of CAs.

    :param pool: urllib3's.
    :param set_up: what requests does before each call: it checks the file's path and gives it to the pool.
    """
    if _SHARED in pool.conn_kw:
        return
    with _LOCK:  # calls begin side by side
        if _SHARED not in pool.conn_kw:
            set_up()
            _share_context(pool)


def _share_context(pool: Any) -> None:
    if not pool.ca_certs or (pool.proxy is not None and pool.proxy.scheme == "https"):
        return  # a proxy with TLS of its own reads the file itself
    with suppress(OSError):  # connecting meets the same error, which is reported
        pool.conn_kw[_SHARED] = _context(pool.ca_certs, Path(pool.ca_certs).stat().st_mtime_ns)
        pool.ca_certs = None


@lru_cache(maxsize=4)
def _context(path: str, changed: int) -> ssl.SSLContext:
    """Read a file of CAs.

    :param changed: when it was changed; a newer one is read again.
    """
    context = create_urllib3_context()
    context.load_verify_locations(path)
    return context
