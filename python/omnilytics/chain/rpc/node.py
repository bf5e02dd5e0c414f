"""One node behind one URL: bytes there and back, and what went wrong in words that hold no secret of the URL."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from omnilytics.errors import ChainError, InputError

BUSY_CODE = -32005
BUSY_STATUS = 429
BUSY_WORDS = ("rate limit", "too many requests", "limit exceeded", "request limit", "capacity exceeded")
NOT_YET = (
    "indexing is in progress",
    "header not found",
    "unknown block",
    "block not found",
    "blockoutofrange",
    "log value pointer",  # geth's index of logs, at its newest blocks under load
    "unexpected eof",  # geth's receipts of a block that it is taking back
)
TOO_MUCH = (
    "query returned more",
    "block range",
    "range is too",
    "too many blocks",
    "response size",
    "exceeds the range",
)
"""What nodes say of a request for logs over too many blocks."""

for _library in ("urllib3", "web3", "websockets"):
    logging.getLogger(_library).setLevel(logging.INFO)  # below that they write whole URLs, secrets and all

LONGEST_MESSAGE = 300
LARGEST_ANSWER = 1 << 28  # bytes
IPC_BYTES = 1 << 16  # at a time

Connection = TypeVar("Connection", ClientConnection, socket.socket)


class Unavailable(ChainError):
    """The node gave no answer that counts; another try or another node may."""


class NodeError(ChainError):
    """The node's answer is an error.

    Attributes:
        data: what a failed call returned.
        alone: whether no other node was tried before it, which may have taken the request without an answer.
    """

    def __init__(self, method: str, code: int, message: str, data: bytes) -> None:
        super().__init__(f"the node refused {method}: {message}")
        self.alone = True
        self.code = code
        self.message = message
        self.data = data

    @property
    def too_much(self) -> bool:
        """Whether fewer blocks would do."""
        return any(words in self.message.lower() for words in TOO_MUCH)


class _Persistent(JSONBaseProvider, Generic[Connection]):
    """One request at a time over one connection, made anew when it breaks.

    Args:
        connect: opens one.
        exchange: sends a request over it and gives the answer.
    """

    def __init__(self, connect: Callable[[], Connection], exchange: Callable[[Connection, bytes], bytes]) -> None:
        super().__init__()
        self._connect: Callable[[], Connection] = connect
        self._exchange: Callable[[Connection, bytes], bytes] = exchange
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        request = self.encode_rpc_request(method, params)
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                return self.decode_rpc_response(self._exchange(self._connection, request))
            except BaseException:
                self._drop()
                raise

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _web_socket(url: str, answer_secs: float) -> _Persistent[ClientConnection]:
    def exchange(connection: ClientConnection, request: bytes) -> bytes:
        connection.send(request, text=True)
        return connection.recv(answer_secs, decode=False)

    def open_socket() -> ClientConnection:
        return connect(url, open_timeout=answer_secs, max_size=LARGEST_ANSWER, legacy=True)

    return _Persistent(open_socket, exchange)


def _ipc(path: str, answer_secs: float) -> _Persistent[socket.socket]:
    def open_socket() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(answer_secs)
        try:
            connection.connect(path)
        except BaseException:
            connection.close()
            raise
        return connection

    def exchange(connection: socket.socket, request: bytes) -> bytes:
        connection.sendall(request + b"\n")
        answer = bytearray()
        while not _whole(answer):
            part = connection.recv(IPC_BYTES)
            if not part or len(answer) > LARGEST_ANSWER:
                raise EOFError
            answer += part
        return bytes(answer)

    return _Persistent(open_socket, exchange)


def _whole(answer: bytearray) -> bool:
    """Whether it is all of a JSON object; it can't be before its last brace."""
    if not answer.rstrip().endswith(b"}"):
        return False
    try:
        json.loads(answer)
    except ValueError:
        return False
    return True


class Node:
    """A JSON-RPC endpoint.

    Args:
        url: http, https, ws, wss, or the path of an ipc socket (`ipc:` may stand before it).
        answer_secs: how long one request may take.

    Raises:
        InputError: another kind of URL.
    """

    def __init__(self, url: str, answer_secs: float) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname:
            # Paths, queries and user names of providers' URLs are secrets.
            self.name = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        elif parts.scheme == "ipc" or (not parts.scheme and parts.path.endswith(".ipc")):
            self.name = f"ipc:{parts.path}"
        else:
            raise InputError(
                f"node: expected http, https, ws or wss with a host, or a path to .ipc; got {parts.scheme!r}"
            )
        self._secs = answer_secs
        self._provider = _provider(url, parts.scheme, parts.path, answer_secs)

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    def close(self) -> None:
        """Ends a connection that stays open between requests; the next request makes another."""
        if isinstance(self._provider, _Persistent):
            self._provider.close()

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one request.

        Raises:
            Unavailable: no connection, no answer in time, too busy, not ready, or no JSON-RPC.
            NodeError: the node refused the request.
        """
        answer = self._exchange(method, params)
        if not isinstance(answer, dict) or not ("error" in answer or "result" in answer):
            raise Unavailable("its answer is no JSON-RPC")
        error = answer.get("error")
        if error is None:
            return answer["result"]
        raise _refusal(method, error)

    def _exchange(self, method: str, params: tuple[Any, ...]) -> Any:
        try:
            return self._provider.make_request(RPCEndpoint(method), list(params))
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            raise Unavailable("too busy: HTTP 429" if status == BUSY_STATUS else f"HTTP {status}") from None
        except (requests.Timeout, TimeoutError):
            raise Unavailable(f"no answer in {self._secs:g} s") from None
        except (requests.RequestException, WebSocketException, OSError, EOFError):
            raise Unavailable("no connection") from None
        except ValueError:
            raise Unavailable("its answer is no JSON") from None


def _provider(url: str, scheme: str, path: str, answer_secs: float) -> JSONBaseProvider:
    if scheme in ("http", "https"):
        timeout = {"timeout": answer_secs}
        return HTTPProvider(url, request_kwargs=timeout, exception_retry_configuration=None)
    if scheme in ("ws", "wss"):
        return _web_socket(url, answer_secs)
    return _ipc(path, answer_secs)


def _refusal(method: str, error: Any) -> Exception:
    """An error object as the exception that says what to do with it."""
    fields = error if isinstance(error, dict) else {}
    code = fields["code"] if isinstance(fields.get("code"), int) else 0
    message = "".join(c if c.isprintable() else " " for c in str(fields.get("message", error)))[:LONGEST_MESSAGE]
    refusal = NodeError(method, code, message, _bytes_of(fields.get("data")))
    lower = message.lower()
    if refusal.too_much:
        return refusal
    if code == BUSY_CODE or any(words in lower for words in BUSY_WORDS):
        return Unavailable(f"too busy: {message}")
    if any(words in lower for words in NOT_YET):
        return Unavailable(f"not ready: {message}")
    return refusal


def _bytes_of(data: Any) -> bytes:
    try:
        return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        return b""
