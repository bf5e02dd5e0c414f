"""Nodes of a test's own, which it may stop, kill and turn back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node.launch import Anvil, NodeProcess, require

Start = Callable[..., Any]


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
