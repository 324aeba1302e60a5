"""TLS for tests and benchmarks: a certificate that signs itself, and emulators that use it.

``python -m tests.tls FILE --port 0`` runs an emulator with the certificate and key of a file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_provider_tiktok.emulator import Emulator
from airflow_provider_tiktok.emulator.cli import main
from airflow_provider_tiktok.emulator.http.protocol import Protocol


def self_signed(folder: Path, host: str = "127.0.0.1", until: timedelta = timedelta(days=1)) -> str:
    """Return a file with a certificate of a host that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "host.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + secret)
    return str(path)


@contextmanager
def emulators_with_tls(pem: str) -> Iterator[list[Any]]:
    """Let emulators that start in a ``with`` block use TLS, and yield the list of their connections after the handshake.

    :param pem: the file with certificate and key.
    """
    make_server, connections = Emulator.make_server, []

    def make(emulator: Emulator) -> Any:
        server = make_server(emulator)
        server.config.ssl_certfile = server.config.ssl_keyfile = pem
        return server

    class Counted(Protocol):
        def connection_made(self, transport: Any) -> None:
            connections.append(transport.get_extra_info("cipher"))
            super().connection_made(transport)

    protocol = "airflow_provider_tiktok.emulator.http.protocol.Protocol"
    with patch.object(Emulator, "make_server", make), patch(protocol, Counted):
        yield connections


if __name__ == "__main__":
    with emulators_with_tls(sys.argv[1]):
        sys.exit(main(sys.argv[2:]))
