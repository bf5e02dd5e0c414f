"""What Prometheus may ask a role for while it runs: what it sends and pays, what it waits for, how its nodes are.

Labels are names of calls, stages and nodes, and addresses: nothing of it is secret, and nothing is a name of anybody.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omnilytics.cli.extras import needing
from omnilytics.errors import ChainError, InputError, ProtocolError, Reverted
from omnilytics.protocol.steps import Acted, Done, Lost, Step, Waiting
from omnilytics.types import Address, Receipt, Stage

with needing("metrics", "metrics"):
    from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, start_http_server

if TYPE_CHECKING:
    from omnilytics.chain.base import SessionPort
    from omnilytics.chain.rpc import RpcChain

LOG = logging.getLogger(__name__)

SAMPLE_SECS = 15.0
"""How often the chain is asked for what no step tells: balance, stage, nodes."""


class Metrics:
    """One role's numbers. `session` is the one that it follows; None: none yet."""

    def __init__(self, chain: RpcChain, account: Address) -> None:
        self.registry = CollectorRegistry()
        self.session: SessionPort | None = None
        self._chain = chain
        self._account = account
        self._calls = self._counter("calls", "Transactions that succeeded.", "call")
        self._gas = self._counter("gas", "Gas that they used.", "call")
        self._fees = self._counter("fees_wei", "Wei that was paid for it.")
        self._refusals = self._counter("refusals", "Calls that the contract refused.", "call")
        self._raised = self._counter("replacements", "Transactions that were sent again with a higher fee.", "call")
        self._waiting = self._gauge("waiting", "1 while the role waits for the chain or others.")
        self._until = self._gauge("waiting_until_seconds", "Unix time at which it acts at the latest; 0: none is set.")
        self._trouble = self._gauge("trouble", "1 while something has to mend: a node, the balance, the chain.")
        self._balance = self._gauge("balance_wei", "What the account has.", "account")
        self._block = self._gauge("node_block", "A node's newest block.", "node")
        self._lag = self._gauge("node_lag_blocks", "How far a node is behind the best one.", "node")
        self._up = self._gauge("node_up", "Whether a node answers and is one of this chain.", "node")
        self._stage = Enum(
            "omnilytics_stage",
            "Of the session.",
            ["session"],
            states=[stage.name.lower() for stage in Stage],
            registry=self.registry,
        )
        chain.on_receipt.append(self.receipt)
        chain.on_raised.append(lambda call: self._raised.labels(call).inc())

    def receipt(self, receipt: Receipt) -> None:
        """Counts a transaction."""
        self._calls.labels(receipt.call).inc()
        self._gas.labels(receipt.call).inc(receipt.gas_used)
        if receipt.fee_wei is not None:
            self._fees.inc(receipt.fee_wei)

    def hears(self, outcome: Step | ChainError | ProtocolError) -> None:
        """Counts what came of a step."""
        match outcome:
            case Lost() | Reverted():
                self._refusals.labels(outcome.call).inc()
            case ChainError() | ProtocolError():
                self._trouble.set(1)
            case Waiting():
                self._waits(1, outcome.until)
            case Acted() | Done():
                self._waits(0, 0)

    def sample(self) -> None:
        """Asks the chain.

        Raises:
            ChainError: no node answers; what is known of nodes is noted before.
        """
        nodes = self._chain.health()
        best = max((one.block for one in nodes if one.block is not None), default=0)
        for one in nodes:
            self._up.labels(one.node).set(one.block is not None)
            if one.block is not None:
                self._block.labels(one.node).set(one.block)
                self._lag.labels(one.node).set(best - one.block)
        self._balance.labels(self._account).set(self._chain.balance(self._account))
        if self.session is not None:
            self._stage.labels(self.session.address).state(self.session.stage().name.lower())

    def _waits(self, waiting: int, until: int) -> None:
        self._trouble.set(0)
        self._waiting.set(waiting)
        self._until.set(until)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"omnilytics_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"omnilytics_{name}", what, labels, registry=self.registry)


@contextmanager
def served(host: str, port: int, chain: RpcChain, account: Address) -> Iterator[Metrics]:
    """Serves a role's metrics meanwhile.

    Raises:
        InputError: the port is taken, or the address isn't this machine's.
    """
    metrics = Metrics(chain, account)
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        raise InputError(f"metrics: expected {host}:{port} to be free, got: {error.strerror or error}") from None
    over = threading.Event()
    threading.Thread(target=_sampled, args=(metrics, over), name="metrics", daemon=True).start()
    try:
        yield metrics
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _sampled(metrics: Metrics, over: threading.Event) -> None:
    while not over.is_set():
        try:
            metrics.sample()
        except ChainError as error:
            LOG.info("no sample: %s", error)
        over.wait(SAMPLE_SECS)
