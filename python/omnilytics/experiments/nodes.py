"""Nodes of one's own on loopback, for trying out and for tests: processes with a genesis of ours, stopped by pid."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from omnilytics.chain.rpc.node import Node, Unavailable
from omnilytics.errors import ChainError, InputError

HOST = "127.0.0.1"
CHAIN_ID = 31337
BLOCK_GAS = 60_000_000
WEALTH = 1 << 200  # wei
START_SECS = 120.0
LONGEST_ANSWER_SECS = 120.0
LONGEST_LOG = 2_000  # characters of it that an error shows


def free_ports(count: int) -> list[int]:
    """Ports of loopback on which nobody listens; all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass(kw_only=True)
class NodeProcess(ABC):
    """A node that can be stopped, killed and started again on the same ports.

    Attributes:
        home: the folder of its files.
        program: its executable.
        genesis_program: geth's, whose development genesis all begin with; None: `program`.
        chain_id: EIP-155.
        base_fee_wei: of the first block, wei a gas.
        block_gas: limit of a block.
        options: added to its command.
        rich: accounts that have money from the start.
        wealth_wei: so much each.
        port: of http and ws.
    """

    home: Path = field(kw_only=False)
    program: Path
    genesis_program: Path | None = None
    chain_id: int = CHAIN_ID
    base_fee_wei: int = 10**9
    block_gas: int = BLOCK_GAS
    options: Sequence[str] = ()
    rich: Sequence[str] = ()
    wealth_wei: int = WEALTH
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://{HOST}:{self.port}"

    @property
    def ipc(self) -> str:
        return str(self.home / "node.ipc")

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it, beside its genesis."""

    def start(self) -> None:
        """Returns once it answers.

        Raises:
            InputError: no such program, or one that isn't for the rules of Osaka.
            ChainError: it ends, or doesn't answer in time.
        """
        command = self.command()
        with (self.home / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_environment()
            )
        deadline = time.monotonic() + START_SECS
        while True:
            try:
                found = int(str(self.ask("eth_chainId")), 16)
            except Unavailable:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    said = (self.home / "node.log").read_text(errors="replace")[-LONGEST_LOG:]
                    raise ChainError(f"{self.program}: expected an answer on port {self.port}, got: {said}") from None
                time.sleep(0.05)
                continue
            if found != self.chain_id:
                self.kill()
                raise ChainError(f"port {self.port}: expected chain {self.chain_id}, got {found}: it is another node's")
            return

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a request that isn't OmniLytics' own.

        Raises:
            Unavailable: no answer.
            NodeError: it refused.
        """
        return Node(self.url, LONGEST_ANSWER_SECS).ask(method, *params)

    def stop(self) -> None:
        """Lets it write what it has."""
        self._end(kill=False)

    def kill(self) -> None:
        """As a crash."""
        self._end(kill=True)

    def genesis(self) -> Path:
        """Writes its genesis: Osaka from block 0 on, with the rich accounts."""
        content: dict[str, Any] = json.loads(_development_genesis(self.genesis_program or self.program))
        content["config"]["chainId"] = self.chain_id
        content |= {
            "gasLimit": hex(self.block_gas),
            "baseFeePerGas": hex(self.base_fee_wei),
            "timestamp": hex(int(time.time())),
        }
        content["alloc"] |= {address[2:].lower(): {"balance": hex(self.wealth_wei)} for address in self.rich}
        path = self.home / "genesis.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def _end(self, *, kill: bool) -> None:
        if self.process is not None:
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(START_SECS)
            self.process = None


class Geth(NodeProcess):
    """One block for each transaction, as soon as it comes, unless `options` set a period."""

    def command(self) -> list[str]:
        data = self.home / "data"
        if not data.exists():
            init = [str(self.program), "init", "--datadir", str(data), str(self.genesis())]
            subprocess.run(init, capture_output=True, check=True, timeout=START_SECS)
        port = str(self.port)
        return [
            *(str(self.program), "--dev", "--datadir", str(data), "--miner.gaslimit", str(self.block_gas)),
            *("--http", "--http.addr", HOST, "--http.port", port, "--http.api", "eth,net,web3,debug,txpool"),
            *("--ws", "--ws.addr", HOST, "--ws.port", port, "--ws.api", "eth,net,web3"),
            *("--ipcpath", self.ipc, "--nodiscover", "--maxpeers", "0", "--nat", "none", "--port", "0"),
            *("--authrpc.port", str(free_ports(1)[0]), "--verbosity", "2", "--cache", "128"),
            *("--rpc.txfeecap", "0", *self.options),
        ]


class Anvil(NodeProcess):
    """One block for each transaction; its clock can be moved."""

    def command(self) -> list[str]:
        return [
            *(str(self.program), "--host", HOST, "--port", str(self.port), "--init", str(self.genesis())),
            *("--ipc", self.ipc, "--chain-id", str(self.chain_id), "--hardfork", "osaka", "--enable-tx-gas-limit"),
            *("--gas-limit", str(self.block_gas), "--base-fee", str(self.base_fee_wei), "--accounts", "1"),
            *self.options,
        ]


@cache
def _development_genesis(geth: Path) -> str:
    """What geth's development chain begins with: all forks up to Osaka, and the contracts that they need."""
    try:
        command = [str(geth), "--dev", "dumpgenesis"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=START_SECS).stdout
        if json.loads(printed)["config"]["osakaTime"] != 0:
            raise KeyError("osakaTime")
    except OSError as error:
        raise InputError(f"{geth}: expected geth's program, got: {error.strerror}") from None
    except (subprocess.SubprocessError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{geth}: expected geth of a version that has the rules of Osaka, got another program"
        ) from None
    return printed


def _environment() -> dict[str, str]:
    return {**os.environ, "NO_PROXY": HOST}
