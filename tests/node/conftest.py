"""Nodes of a test's own, which it may stop, kill and turn back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.node.chains import CHAINS
from tests.node.launch import Anvil, NodeProcess, require
from tests.node.processes import ACCUSE_SECS, OBJECT_SECS, WINDOW_SECS, Village

Start = Callable[..., Any]
Settle = Callable[..., Village]

MEMBERS = 4
UNTIL_SECS = 120.0
SESSION = {"rounds": 1, "group_size": MEMBERS, "reward_wei": 10**18, "assignment": "greedy"}


def until(done: Callable[[], bool]) -> None:
    """Returns once that is so, at the latest after `UNTIL_SECS`."""
    deadline = time.monotonic() + UNTIL_SECS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a node of a kind, with what its class takes; all of them end with the test."""
    require()
    started: list[NodeProcess] = []

    def start(kind: type[NodeProcess], **options: Any) -> NodeProcess:
        home: Path = tmp_path_factory.mktemp(kind.__name__.lower())
        started.append(kind(home, **options))
        started[-1].start()
        return started[-1]

    yield start
    for node in started:
        node.kill()


@pytest.fixture
def anvil(start: Start) -> Anvil:
    node: Anvil = start(Anvil)
    return node


@pytest.fixture
def settle(start: Start, tmp_path: Path) -> Iterator[Settle]:
    """A village on a node of a kind, which makes a block every second once a session is open."""
    villages: list[Village] = []

    def settle(
        node: str,
        policy: str,
        window_secs: int = WINDOW_SECS,
        commit_secs: int = 0,
        mode: str = "calldata",
        accuse_secs: int = ACCUSE_SECS,
        members: int = MEMBERS,
        terms: Mapping[str, Any] = MappingProxyType({}),
        **options: Any,
    ) -> Village:
        process, chain = CHAINS[node]
        commit_secs = commit_secs or (OBJECT_SECS if (node, policy) == ("geth", "recover") else window_secs)
        session = SESSION | {"policy": policy, "mode": mode} | terms
        here = chain(start(process, **options))
        villages.append(Village(tmp_path, here, members, session, window_secs, commit_secs, accuse_secs))
        return villages[-1]

    yield settle
    for village in villages:
        village.end()
