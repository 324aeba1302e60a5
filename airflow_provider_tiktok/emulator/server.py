"""The emulator's server on loopback: in a thread for tests, or in its own process."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.emulator.http.calls import Call
from airflow_provider_tiktok.emulator.settings import Settings

if TYPE_CHECKING:
    import uvicorn

    from airflow_provider_tiktok.emulator.async_reports.jobs import ReportJob
    from airflow_provider_tiktok.emulator.faults import Fault
    from airflow_provider_tiktok.emulator.world.world import World

HOST = "127.0.0.1"
MISSING = 'The emulator needs more packages: pip install "airflow-provider-tiktok[emulator]"'
_SERVER_TIMEOUT = 30.0
"""Maximum number of seconds in which the web server starts and stops."""


class EmulatorError(RuntimeError):
    """The emulator cannot start; the message says why and what to do."""


class Emulator:
    """A running emulator.

    :param url: its URL, without a slash at the end.
    """

    def __init__(self, settings: Settings, faults: Iterable[Mapping[str, Any] | Fault] = ()) -> None:
        try:
            from airflow_provider_tiktok.emulator.http.app import Service, make_app  # noqa: PLC0415 - optional
        except ImportError as error:
            raise EmulatorError(MISSING) from error
        self._service = Service(settings)
        self._service.faults.set(faults)
        self._app = make_app(self._service)
        self.url = ""

    @property
    def settings(self) -> Settings:
        """Return the current settings."""
        return self._service.world.settings

    @property
    def world(self) -> World:
        """Return the emulated accounts and ads, for queries without HTTP."""
        return self._service.world

    @property
    def calls(self) -> list[Call]:
        """Return all calls so far, oldest first."""
        return self._service.calls.all()

    @property
    def tasks(self) -> list[ReportJob]:
        """Return all report tasks so far, oldest first."""
        return self._service.tasks.all()

    def clear(self) -> None:
        """Clear the recorded calls."""
        self._service.calls.clear()

    def set_faults(self, faults: Iterable[Mapping[str, Any] | Fault]) -> None:
        """Replace the fault rules, from the next call on; an empty list removes them.

        :param faults: rules as in a faults file, see :mod:`~airflow_provider_tiktok.emulator.faults`.
        """
        self._service.faults.set(faults)

    def configure(self, **changes: Any) -> None:
        """Change settings, from the next call on: ``emulator.configure(qps=5)``.

        A different ``seed``, ``accounts`` or ``ads`` changes the emulated accounts and ads.
        """
        from airflow_provider_tiktok.emulator.world.world import World  # noqa: PLC0415 - slow to import

        self._service.world = World(dataclasses.replace(self.settings, **changes))

    def make_server(self) -> uvicorn.Server:
        """Return a new web server."""
        import uvicorn  # noqa: PLC0415 - optional

        from airflow_provider_tiktok.emulator.http.protocol import Protocol  # noqa: PLC0415 - needs uvicorn

        return uvicorn.Server(
            uvicorn.Config(
                self._app,
                http=Protocol,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                log_level="critical",
                server_header=False,
                timeout_graceful_shutdown=1,
                timeout_keep_alive=60,
            )
        )


def bind(port: int) -> socket.socket:
    """Return a socket that listens on a port of the loopback interface.

    :param port: the port; 0 is a free one.
    :raises EmulatorError: if the port is in use.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise EmulatorError(
            f"Port {port} of {HOST} cannot be used ({error.strerror}). Choose another with --port, or 0 for a free one."
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL of a bound socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _SERVER_TIMEOUT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise EmulatorError("The emulator's web server did not start.")
        time.sleep(0.002)


@contextlib.contextmanager
def serve(
    settings: Settings | None = None, *, port: int = 0, faults: Iterable[Mapping[str, Any] | Fault] = ()
) -> Iterator[Emulator]:
    """Run an emulator in a thread until the ``with`` block ends.

    :param settings: see :class:`~airflow_provider_tiktok.emulator.settings.Settings`.
    :param port: the port; 0 is a free one.
    :param faults: rules as in a faults file.
    :raises EmulatorError: if the emulator cannot start.
    """
    emulator = Emulator(settings or Settings(), faults)
    with contextlib.closing(bind(port)) as listener:
        emulator.url = url_of(listener)
        server = emulator.make_server()
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="tiktok-emulator", daemon=True
        )
        thread.start()
        try:
            _await_start(server, thread)
            yield emulator
        finally:
            server.should_exit = True
            thread.join(_SERVER_TIMEOUT)
