"""Roles with policy `recover`: whoever vanishes, also one that comes back after every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from omnilytics.errors import ProtocolError
from omnilytics.protocol.company import Step, nobody
from omnilytics.protocol.member_role import MemberRole
from omnilytics.protocol.recovering import Recovering
from omnilytics.protocol.steps import Acted
from omnilytics.types import Address, Receipt, Stage
from tests.e2e.market import Fair
from tests.e2e.roles import Cast, Ending, ending, shuffled
from tests.e2e.test_recover import TERMS, gone

MEMBERS = 12
VICTIM = 1


def driven(**steps: Step) -> Ending:
    """What one process makes of the same session."""
    one = Fair(MEMBERS)
    one.run(TERMS, dropouts=gone(**steps) if steps else nobody)
    return ending(one, one.sessions[-1])


def cast() -> Cast:
    """Everybody has registered, in the same order."""
    one = Fair(MEMBERS)
    roles = Cast(one, one.open(TERMS))
    for account in one.members:
        roles.step(account)
    return roles


@pytest.mark.parametrize("seed", range(2))
def test_in_any_order_they_come_to_the_same_end(seed: int) -> None:
    roles = cast()
    roles.run(shuffled(seed))
    assert roles.ending() == driven()


@pytest.mark.parametrize(
    ("after", "step"),
    [("draws", Step.SHARE), ("shares", Step.UPLOAD), ("uploads", Step.REVEAL), ("reveals", Step.LEND)],
)
def test_who_vanishes_is_recovered(after: str, step: Step) -> None:
    """One of a group vanishes after a step of its own; the others do without, each made anew before every step."""
    roles = cast()
    victim = roles.fair.members[VICTIM]

    def here(accounts: Sequence[Address]) -> list[Address]:
        done = [s.words for account, s in roles.told if account == victim and isinstance(s, Acted)]
        if victim in roles.roles and (step is Step.SHARE or any(after in words for words in done)):
            del roles.roles[victim]
        for account in roles.roles:
            roles.again(account)
        return [account for account in accounts if account in roles.roles]

    roles.run(here)
    assert victim not in roles.roles
    ended, expected = roles.ending(), driven(**{f"m{VICTIM}": step})
    assert roles.session.stage() is Stage.FINISHED
    assert (ended.groups, ended.failed, ended.accepted) == (expected.groups, expected.failed, expected.accepted)
    assert ended.update == expected.update
    assert ended.left_wei == roles.session.credit_of(victim)


def test_shares_that_can_t_be_dealt_again_are_refused() -> None:
    roles = cast()
    victim = roles.fair.members[VICTIM]
    while not roles.session.group(0).committed >> VICTIM & 1:
        for account in list(roles.roles):
            roles.step(account)
    roles.again(victim)
    role = roles.roles[victim]
    assert isinstance(role, MemberRole)
    role.randomness = replace(role.randomness, session=9)  # type: ignore[type-var]
    with pytest.raises(ProtocolError, match="expected the mask key that it has registered"):
        roles.step(victim)


def test_bad_shares_are_objected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    roles = cast()
    victim = roles.fair.members[VICTIM]

    def share(self: Recovering, seed: bytes | None) -> Receipt:
        dealing = self.recovery.deal(seed)
        sealed = bytes(len(dealing.sealed)) if self.account == victim else dealing.sealed
        return self.session.share(self.account, dealing.root, dealing.points, sealed)

    monkeypatch.setattr(Recovering, "share", share)
    roles.run(lambda accounts: [account for account in accounts if roles.again(account) is None])
    words = [s.words for _, s in roles.told if isinstance(s, Acted) and s.receipt.call == "object"]
    assert len(words) == 1
    assert words[0].startswith(f"objects to the shares of place {VICTIM}: ")
    ended = roles.ending()
    assert (ended.failed, ended.accepted, ended.left_wei) == ((0,), 0b110, 0)
