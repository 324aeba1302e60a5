"""Ports of the loopback interface that ``make PORT=...`` names."""

from __future__ import annotations

import os
import socket

LOOPBACK = "127.0.0.1"


class PortError(Exception):
    """A port cannot be used."""


def chosen(target: str, setting: str, default: int) -> int:
    """Return the port that a setting names.

    :raises PortError: it is none, or in use.
    """
    text = os.environ.get(setting) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise PortError(
            f"{setting}={text} is no port: give a number from 1 to 65535, for example {setting}={default}."
        )
    port = int(text)
    if not is_free(port):
        other = next((free for free in range(port + 1, 65536) if is_free(free)), port)
        raise PortError(
            f"Port {port} of {LOOPBACK} is in use: stop what listens there, "
            f"or use another port: make {target} {setting}={other}"
        )
    return port


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port."""
    if accepts(port):
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Return whether something listens on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
