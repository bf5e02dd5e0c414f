"""Nodes that say what a test tells them to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chain.rpc.fake import FakeNode, serving


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with serving() as node:
        yield node


@pytest.fixture
def other() -> Iterator[FakeNode]:
    with serving() as node:
        yield node
