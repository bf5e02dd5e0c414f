"""Roles as processes of their own: their files, their command lines, what they say."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from omnilytics.chain.keystore import Keystore
from omnilytics.cli import village
from omnilytics.experiments.nodes import free_ports
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address
from tests.node.chains import RICH_ADDRESS, AnvilChain, Ticking
from tests.node.warm import Warm
from tests.project.checkout import ROOT

MONEY_WEI = 10 * 10**18
WINDOW_SECS = 3_600
"""Windows end early: it never passes."""

OBJECT_SECS = 90
"""The time to share, and then to object, where the clock can't be moved: the second one can't end early."""
ACCUSE_SECS = 5
"""Where nobody accuses it always passes, and nobody has anything to do in it."""

POLL_SECS = 0.2
PATIENCE_SECS = 900.0
PARTS = 32
"""Of the digits: a role has 37 or 38 of them, as an owner of the recipe has 40 and a data owner 20."""


class Process(village.Process):
    """A module that runs, in the root of the checkout; test_localnet has processes that a user starts."""

    def __init__(self, name: str, command: Sequence[str], log: Path, running: Warm | None = None) -> None:
        super().__init__(name, command, log, running, ROOT)  # type: ignore[arg-type]

    def start(self) -> None:
        """Starts it, or starts it again; the log goes on."""
        self.running = Warm(self.command, self.log, ROOT)  # type: ignore[assignment]

    def await_words(self, words: str) -> None:
        """Returns as soon as it has said them."""
        self.await_that(lambda: words in self.said(), words)

    def await_that(self, so: Callable[[], bool], what: str = "what was awaited") -> None:
        """Returns as soon as that is so; while it runs."""
        deadline = time.monotonic() + PATIENCE_SECS
        while not so():
            assert self.running is not None
            assert self.running.poll() is None, f"{self.name} has ended without {what}: {self.said()}"
            assert time.monotonic() < deadline, f"{self.name}: {self.said()}"
            time.sleep(0.05)

    def kill(self) -> None:
        """With all processes that it has started."""
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def await_end(self, secs: float = PATIENCE_SECS) -> None:
        assert self.running is not None
        try:
            code = self.running.wait(secs)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} doesn't end: {self.said()}") from None
        assert code == 0, f"{self.name}: {self.said()}"


@dataclass
class Village:
    """A model owner and its data owners, each with a folder, a key, settings and money on one node.

    With vectors in blobs every other role shares an archive, which is served to the others.
    """

    home: Path
    chain: Ticking
    members: int
    session: Mapping[str, Any]
    window_secs: int = WINDOW_SECS
    commit_secs: int = WINDOW_SECS
    accuse_secs: int = ACCUSE_SECS
    processes: list[Process] = field(default_factory=list)
    market: Address | None = None
    archives: dict[str, int] = field(default_factory=dict)
    """Folder -> port."""

    _folk: village.Village = field(init=False)

    def __post_init__(self) -> None:
        self._folk = village.Village(self.home, self.members)
        if self.session.get("mode") == "blob":
            self.archives = dict(zip(("east", "west"), free_ports(2), strict=True))
        for address in self._folk.addresses.values():
            self.chain.send("fund", RICH_ADDRESS, address, b"", MONEY_WEI)
        self.write_all()
        self.market = Address(str(self.ask("mo", "market", "deploy", "--min-window-secs", "1", "--yes")["market"]))
        self.write_all()

    @property
    def accounts(self) -> dict[str, LocalAccount]:
        """Everybody's, by name."""
        return {
            name: Keystore(self.home / name / "keys").unlock(address, (self.home / name / "password.txt").read_text())
            for name, address in self._folk.addresses.items()
        }

    def address(self, name: str) -> Address:
        return self._folk.addresses[name]

    def write_all(self) -> None:
        """Everybody's settings."""
        for name in self._folk.addresses:
            self.write(name)

    def write(self, name: str, file: str = "role.toml", state: str = "state", **chain: Any) -> None:
        """A role's settings; `chain` are others than usual."""
        part = list(self._folk.addresses).index(name)
        usual = {"rpc": [self.chain.node.url], "chain_id": self.chain.chain_id}
        usual |= {"confirmations": 0, "poll_secs": POLL_SECS} | ({"market": self.market} if self.market else {})
        sections: dict[str, Mapping[str, Any]] = {
            "chain": usual | chain,
            "state": {"folder": state},
            "data": {"dataset": "digits", "part": part, "parts": PARTS},
        }
        if self.archives:
            own, other = sorted(self.archives, reverse=bool(part % 2))
            peers = [f"http://127.0.0.1:{self.archives[other]}"]
            sections["blobs"] = {"folder": str(self.home / own), "peers": peers}
        if name == "mo":
            steps = ("register", "commit", "upload", "reveal", "aggregate", "vote", "select")
            sections["session"] = self.session
            windows = {f"{step}_secs": self.window_secs for step in steps}
            sections["policy"] = {"finality_blocks": 1}
            sections["deadlines"] = windows | {"commit_secs": self.commit_secs, "accuse_secs": self.accuse_secs}
        else:
            sections["policy"] = {"finality_blocks": 1, "block_secs": 1, "accept_near_repeats": True}
            sections["deadlines"] = {"shortest_window_secs": ACCUSE_SECS if self.archives else 20, "margin_secs": 1}
        self._folk.configure(name, file, **sections)

    def ask(self, name: str, *arguments: str) -> dict[str, Any]:
        """The JSON of a command that ends by itself."""
        answer = self.home / "answer.json"
        command = [*self.command(name, *arguments), "--json", str(answer)]
        self._start(Process(f"{' '.join(arguments)} of {name}", command, self.home / "asked.log")).await_end()
        value: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        answer.unlink()
        return value

    def open(self) -> dict[str, Any]:
        """The owner opens a session; from then on there is a block every second."""
        for archive, port in self.archives.items():
            serve = ["blobs", "serve", "--archive", str(self.home / archive), "--listen", f"127.0.0.1:{port}"]
            command = [*village.PYTHON, "omnilytics.cli", *serve]
            self._start(Process(archive, command, self.home / f"{archive}.log"))
        opened = self.ask("mo", *self.create())
        self.chain.tick()
        return opened

    def create(self) -> list[str]:
        """The owner's command for that."""
        return ["mo", "create", "--members", str(self._folk.listed), "--yes"]

    def life(self, name: str, *command: str, file: str = "role.toml", **more: Any) -> dict[str, Any]:
        """A life of one command, with the role's settings."""
        return {"commands": [self._configured(name, *command, file=file)]} | more

    def lives(self, session: str) -> dict[str, dict[str, Any]]:
        """Those of everybody from the opening of a session to its end."""
        members = (f"do{index}" for index in range(self.members))
        follow = {name: self.life(name, "do", "run", "--yes", "--session", session) for name in members}
        return {"mo": self.life("mo", "mo", "run", "--session", session)} | follow

    def start(self, name: str, *arguments: str, module: str = "omnilytics.cli") -> Process:
        """Starts a command of a role; `module` has its command line."""
        command = [*village.PYTHON, module, *self.command(name, *arguments)[len(village.PYTHON) + 1 :]]
        return self._start(Process(name, command, self.home / f"{name}.log"))

    def _start(self, process: Process) -> Process:
        self.processes.append(process)
        process.start()
        return process

    def live(self, secs: float = PATIENCE_SECS, **lives: Mapping[str, Any]) -> dict[str, dict[str, int]]:
        """The lives of `mortal`, by name, to their end; gives the kills of the mortal ones by kind."""
        return self.outlive(self.begin(**lives), secs)

    def begin(self, **lives: Mapping[str, Any]) -> Process:
        """The same, which goes on by itself."""
        told = [{"name": name} | life for name, life in lives.items()]
        (self.home / "lives.json").write_text(json.dumps(told), encoding="utf-8")
        log = self.home / "lives.log"
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.node.mortal", str(self.home)]
        return self._start(Process("lives", command, log))

    def outlive(self, lives: Process, secs: float = PATIENCE_SECS) -> dict[str, dict[str, int]]:
        """Waits for their end; gives the kills."""
        lives.await_end(secs)
        kills: dict[str, dict[str, int]] = json.loads(lives.said().splitlines()[-1])
        return kills

    def hear(self, name: str, lives: Process) -> Process:
        """One of the lives, as a process that says what it does."""
        return Process(name, (), self.home / f"{name}.log", lives.running)

    def hasten(self, running: Process, session: Address) -> None:
        """Lets the time to object pass at once, where there is one and the clock can be moved."""
        if self.session["policy"] == "recover" and isinstance(self.chain, AnvilChain):
            watch = Watch(self.chain, self.chain.session(session))
            running.await_that(lambda: watch.ledger().objecting)
            self.pass_time(session)

    def pass_time(self, session: Address) -> None:
        """Moves the clock of anvil behind the deadline of the stage."""
        left = self.chain.session(session).deadline() - self.chain.timestamp()
        self.chain.node.ask("evm_increaseTime", left + 1)

    def end(self) -> None:
        for process in self.processes:
            process.kill()

    def command(self, name: str, *arguments: str) -> list[str]:
        """A command of the role of that name."""
        return self._folk.command(name, *arguments)

    def _configured(self, name: str, *arguments: str, file: str = village.SETTINGS) -> list[str]:
        return [*arguments, "--config", str(self._folk.config(name, file))]
