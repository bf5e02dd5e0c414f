"""A node that says what a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[..., Any]


class Refusal(Exception):
    """An error object of JSON-RPC."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.body = {"code": code, "message": message, "data": data}


class FakeNode:
    """Chain 7 with `head` empty blocks; `answers` go before its own, `asked` are the methods in order.

    `status` is of HTTP, `body` goes out in place of any answer, `pause_secs` before it.
    """

    def __init__(self) -> None:
        self.head = 10
        self.salt = 0
        self.forked_from = 1 << 60
        self.status = 200
        self.body: bytes | None = None
        self.pause_secs = 0.0
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://user:password@127.0.0.1:{self.port}/v3/secret?key=secret"

    def block(self, number: int) -> dict[str, str]:
        salt = self.salt if number >= self.forked_from else 0
        return {"number": hex(number), "hash": f"0x{salt:032x}{number:032x}", "timestamp": hex(1_000 + number)}

    def answer(self, method: str, params: list[Any]) -> Any:
        self.asked.append(method)
        if method in self.answers:
            return self.answers[method](*params)
        if method == "eth_chainId":
            return "0x7"
        if method == "eth_blockNumber":
            return hex(self.head)
        if method == "eth_getBlockByNumber":
            number = self.head if params[0] == "latest" else int(params[0], 16)
            return self.block(number) if number <= self.head else None
        raise Refusal(-32601, "no such method")

    def respond(self, request: dict[str, Any]) -> bytes:
        time.sleep(self.pause_secs)
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            body["result"] = self.answer(request["method"], request["params"])
        except Refusal as refusal:
            body["error"] = refusal.body
        return json.dumps(body).encode() if self.body is None else self.body


@contextmanager
def serving(fake: FakeNode | None = None) -> Iterator[FakeNode]:
    """A fake node that listens; None: a new one."""
    fake = fake or FakeNode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = fake.respond(request)
            self.send_response(fake.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
