"""Nodes on loopback, each a process of ours with a genesis of ours, stopped by its pid."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from tests.project.checkout import ROOT

GETH = ROOT / ".nodes" / "bin" / "geth"
ANVIL = ROOT / ".nodes" / "bin" / "anvil"
CHAIN_ID = 31337
BLOCK_GAS = 60_000_000
RICH: LocalAccount = Account.from_key(b"\x01" * 32)
"""Always has money."""
WEALTH = 1 << 200  # wei
START_SECS = 30.0


def free_ports(count: int) -> list[int]:
    """Ports of loopback on which nobody listens; all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


@cache
def _development_genesis() -> str:
    """What geth's development chain begins with: all forks up to Osaka, and the contracts that they need."""
    command = [str(GETH), "--dev", "dumpgenesis"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=START_SECS).stdout


def genesis(chain_id: int, base_fee_wei: int, rich: Sequence[str]) -> dict[str, Any]:
    """Osaka from block 0 on, with rich accounts."""
    content: dict[str, Any] = json.loads(_development_genesis())
    assert content["config"]["osakaTime"] == 0
    content["config"]["chainId"] = chain_id
    content |= {"gasLimit": hex(BLOCK_GAS), "baseFeePerGas": hex(base_fee_wei), "timestamp": hex(int(time.time()))}
    content["alloc"] |= {address[2:].lower(): {"balance": hex(WEALTH)} for address in (RICH.address, *rich)}
    return content


@dataclass
class NodeProcess(ABC):
    """A node that can be stopped, killed and started again on the same ports.

    `options` are added to its command; `rich` are accounts that have money, beside `RICH`.
    """

    home: Path
    chain_id: int = CHAIN_ID
    base_fee_wei: int = 10**9
    options: Sequence[str] = ()
    rich: Sequence[str] = ()
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def ipc(self) -> str:
        return str(self.home / "node.ipc")

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it, beside its genesis."""

    def start(self) -> None:
        """Returns once it answers."""
        with (self.home / "node.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=_environment())
        deadline = time.monotonic() + START_SECS
        while True:
            try:
                assert int(str(self.ask("eth_chainId")), 16) == self.chain_id
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.home / "node.log").read_text(errors="replace")[-2_000:]) from None
                time.sleep(0.05)

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a request that isn't OmniLytics' own."""
        provider = HTTPProvider(self.url, exception_retry_configuration=None)
        answer = provider.make_request(RPCEndpoint(method), list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def stop(self) -> None:
        """Lets it write what it has."""
        self._end(kill=False)

    def kill(self) -> None:
        """As a crash."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        if self.process is not None:
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(START_SECS)
            self.process = None


class Geth(NodeProcess):
    """One block for each transaction, as soon as it comes."""

    def command(self) -> list[str]:
        data = self.home / "data"
        if not data.exists():
            path = self.home / "genesis.json"
            path.write_text(json.dumps(genesis(self.chain_id, self.base_fee_wei, self.rich)), encoding="utf-8")
            init = [str(GETH), "init", "--datadir", str(data), str(path)]
            subprocess.run(init, capture_output=True, check=True, timeout=START_SECS)
        port = str(self.port)
        return [
            *(str(GETH), "--dev", "--datadir", str(data), "--miner.gaslimit", str(BLOCK_GAS)),
            *("--http", "--http.addr", "127.0.0.1", "--http.port", port, "--http.api", "eth,net,web3,debug,txpool"),
            *("--ws", "--ws.addr", "127.0.0.1", "--ws.port", port, "--ws.api", "eth,net,web3"),
            *("--ipcpath", self.ipc, "--nodiscover", "--maxpeers", "0", "--nat", "none", "--port", "0"),
            *("--authrpc.port", str(free_ports(1)[0]), "--verbosity", "2", "--cache", "128"),
            *("--rpc.txfeecap", "0", *self.options),
        ]


class Anvil(NodeProcess):
    """One block for each transaction; its clock can be moved."""

    def command(self) -> list[str]:
        path = self.home / "genesis.json"
        path.write_text(json.dumps(genesis(self.chain_id, self.base_fee_wei, self.rich)), encoding="utf-8")
        return [
            *(str(ANVIL), "--host", "127.0.0.1", "--port", str(self.port), "--init", str(path), "--ipc", self.ipc),
            *("--chain-id", str(self.chain_id), "--hardfork", "osaka", "--enable-tx-gas-limit"),
            *("--gas-limit", str(BLOCK_GAS), "--base-fee", str(self.base_fee_wei), "--accounts", "1", *self.options),
        ]


def _environment() -> dict[str, str]:
    return {**os.environ, "NO_PROXY": "127.0.0.1"}


def require() -> None:
    """Fails where a node isn't installed: a test that wants one never passes without."""
    missing = [path.name for path in (GETH, ANVIL) if shutil.which(path) is None]
    if missing:
        pytest.fail(f"no {' and no '.join(missing)} here: run `make nodes`")
