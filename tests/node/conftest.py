"""Nodes of a test's own, which it may stop, kill and turn back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node.launch import Anvil, NodeProcess, require

Start = Callable[..., Any]


def until(done: Callable[[], bool]) -> None:
    """Returns once that is so, at the latest after 20 s."""
    deadline = time.monotonic() + 20
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
