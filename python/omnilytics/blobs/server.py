"""An archive for one's peers, over HTTP: `GET /blobs/0x01...` gives 131,072 bytes, and nothing else does anything.

Nobody is trusted: a connection has one request, `CONNECTION_SECS` in all and one of `CONNECTIONS` places, and a name is
hexadecimal digits, never a path. What is served isn't checked again: who fetches it checks it.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

from omnilytics.blobs.archive import Archive
from omnilytics.blobs.blob import hash_of
from omnilytics.errors import InputError

LOG = logging.getLogger(__name__)

PREFIX = "/blobs/"
CONNECTIONS = 16
CONNECTION_SECS = 30.0
LONGEST_PATH = 256


class BlobServer(HTTPServer):
    """Listens, and answers each connection in a thread of its own, so many at once."""

    def __init__(self, archive: Archive, host: str, port: int, connections: int, connection_secs: float) -> None:
        self.archive = archive
        self._places = threading.BoundedSemaphore(connections)
        self._secs = connection_secs
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hands a connection to a thread, or closes it where there is no place."""
        if not self._places.acquire(blocking=False):
            LOG.info("no place for another connection")
            self.shutdown_request(request)
            return
        threading.Thread(target=self._answer, args=(request, client_address), name="blobs", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """What a client does to its connection is no news."""
        LOG.debug("a connection broke off", exc_info=True)

    def _answer(self, request: socket.socket, client_address: Any) -> None:
        over = threading.Timer(self._secs, _shut, (request,))
        over.daemon = True
        over.start()
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            over.cancel()
            self.shutdown_request(request)
            self._places.release()


class _Handler(BaseHTTPRequestHandler):
    server_version = "omnilytics"
    sys_version = ""

    def do_GET(self) -> None:
        """A blob by its name."""
        data = self._found()
        if data is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        """To the log of this module; what a client sent stands there escaped."""
        LOG.debug("%r", format % arguments)

    def _found(self) -> bytes | None:
        if not self.path.startswith(PREFIX) or len(self.path) > LONGEST_PATH:
            return None
        with suppress(InputError):  # no name, or DataError: a file that can't be read
            return cast(BlobServer, self.server).archive.read(hash_of(self.path.removeprefix(PREFIX)))
        return None


@contextmanager
def serving(
    archive: Archive,
    host: str,
    port: int,
    *,
    connections: int = CONNECTIONS,
    connection_secs: float = CONNECTION_SECS,
) -> Iterator[int]:
    """Serves an archive meanwhile; gives the port, which the system chooses for 0.

    Raises:
        InputError: the port is taken, or the address isn't this machine's.
    """
    try:
        server = BlobServer(archive, host, port, connections, connection_secs)
    except (OSError, OverflowError) as error:
        raise InputError(f"blobs: expected {host}:{port} to be free, got: {error}") from None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="blobs", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
