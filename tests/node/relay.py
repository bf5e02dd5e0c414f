"""A second way to a node, which can be cut and slowed down."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

LOOK_SECS = 0.05


class Relay:
    """Passes bytes on, both ways, between a port of its own and a node's; each read comes `delay_secs` late."""

    def __init__(self, port: int) -> None:
        self.delay_secs = 0.0
        self.cut = False
        self._ended = False
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(LOOK_SECS)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._ended = True
        self._threads[0].join()
        for thread in self._threads[1:]:
            thread.join()
        self._server.close()

    def _accept(self) -> None:
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                client, _ = self._server.accept()
                if self.cut:
                    client.close()
                    continue
                node = socket.create_connection(("127.0.0.1", self._target))
                for end in (client, node):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for ends in ((client, node), (node, client)):
                    self._threads.append(threading.Thread(target=self._pass_on, args=ends))
                    self._threads[-1].start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        source.settimeout(LOOK_SECS)
        with source, sink, contextlib.suppress(OSError):
            while not (self.cut or self._ended):
                with contextlib.suppress(TimeoutError):
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    time.sleep(self.delay_secs)
                    sink.sendall(data)


@contextlib.contextmanager
def relay(port: int) -> Iterator[Relay]:
    """A relay to a port of loopback."""
    one = Relay(port)
    try:
        yield one
    finally:
        one.close()
