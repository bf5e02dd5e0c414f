"""A way to a node that tells its client something else than the node has said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from web3 import HTTPProvider
from web3.types import RPCEndpoint

from tests.chain.rpc.fake import FakeNode, Refusal, serving
from tests.node.launch import NodeProcess

Twist = Callable[[str, list[Any], Any], Any]
"""(method, params, answer) -> what is told instead."""


def honest(method: str, params: list[Any], answer: Any) -> Any:
    """What the node has said."""
    return answer


class Proxy(FakeNode):
    """Passes every word on to a node, as `ask` does, and tells what `twist` makes of the answer."""

    def __init__(self, node: NodeProcess) -> None:
        super().__init__()
        self._provider = HTTPProvider(node.url, exception_retry_configuration=None)
        self.twist: Twist = honest
        self.before: Callable[[str, list[Any]], tuple[str, list[Any]]] = lambda method, params: (method, params)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, params: list[Any]) -> Any:
        return self.twist(method, params, self.ask(*self.before(method, params)))

    def ask(self, method: str, params: list[Any]) -> Any:
        """What the node says.

        Raises:
            Refusal: its error.
        """
        answer = self._provider.make_request(RPCEndpoint(method), params)
        if "error" in answer:
            raise Refusal(**({"data": None} | dict(answer["error"])))
        return answer["result"]

    def lag(self, blocks: int) -> None:
        """Tells what was so many blocks ago; what is sent goes on at once."""

        def before(method: str, params: list[Any]) -> tuple[str, list[Any]]:
            return method, [hex(self._old(blocks)) if one == "latest" else one for one in params]

        def twist(method: str, params: list[Any], answer: Any) -> Any:
            if method == "eth_blockNumber":
                return hex(self._old(blocks))
            late = isinstance(answer, dict) and int(answer.get("blockNumber") or "0x0", 16) > self._old(blocks)
            return None if late else answer

        self.before, self.twist = before, twist

    def _old(self, blocks: int) -> int:
        return max(0, int(self.ask("eth_blockNumber", []), 16) - blocks)


@contextmanager
def proxy(node: NodeProcess) -> Iterator[Proxy]:
    """One that listens."""
    one = Proxy(node)
    with serving(one):
        yield one
