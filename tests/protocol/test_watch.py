"""What a client reads of one session: all that a decision stands on is of one block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from omnilytics.protocol.member_role import MemberRole
from omnilytics.protocol.owner_role import OwnerRole
from omnilytics.protocol.steps import Waiting
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, Stage

HERE = Address("0x" + "11" * 20)


class Steady:
    """A chain, and a session that isn't started, that may only be asked within one steady look."""

    simulated = True
    address = HERE

    def __init__(self) -> None:
        self.looks = 0
        self.inside = False

    @contextmanager
    def steady(self) -> Iterator[None]:
        self.looks += 1
        self.inside = True
        yield
        self.inside = False

    def logs(self, _: Address, __: int) -> list[Any]:
        assert self.inside
        return []

    def block_number(self) -> int:
        assert self.inside
        return 1

    def stage(self) -> Stage:
        assert self.inside
        return Stage.SETUP


@pytest.mark.parametrize("kind", ["member", "owner"])
def test_a_role_decides_within_one_steady_look(kind: str) -> None:
    chain: Any = Steady()
    watch, party = Watch(chain, chain), SimpleNamespace(account=HERE)
    role: Any
    if kind == "member":
        role = MemberRole(watch=watch, member=party, randomness=None, train=None)  # type: ignore[arg-type]
    else:
        role = OwnerRole(watch=watch, owner=party)  # type: ignore[arg-type]
    assert isinstance(role.decide(), Waiting)
    assert (chain.looks, chain.inside) == (1, False)
