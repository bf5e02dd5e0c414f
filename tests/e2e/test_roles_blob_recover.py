"""Roles in blobs with policy `recover`: they correct, look at each other's corrections, and refute a wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from omnilytics.protocol.blob_sums import BlobSums
from omnilytics.protocol.company import Step
from omnilytics.protocol.steps import Acted
from omnilytics.types import Address, Mode
from tests.e2e.market import Fair
from tests.e2e.roles import Cast, ending, shuffled
from tests.e2e.test_blob_recover import wrong_correction
from tests.e2e.test_recover import TERMS, gone

BLOBS = replace(TERMS, mode=Mode.BLOB, rounds=2, fee_cap_wei=0)
MEMBERS, VICTIM = 8, 1


def cast() -> Cast:
    """Everybody has registered, in the same order."""
    fair = Fair(MEMBERS)
    roles = Cast(fair, fair.open(BLOBS))
    for account in fair.members:
        roles.step(account)
    return roles


def words(roles: Cast, call: str) -> list[str]:
    return [step.words for _, step in roles.told if isinstance(step, Acted) and step.receipt.call == call]


def test_one_vanishes_before_it_uploads_another_before_it_corrects() -> None:
    """What comes of it is what one process makes of the same session; the next of a group's members corrects it."""
    roles, order = cast(), shuffled(3)
    members = roles.fair.members
    leaves = {members[VICTIM]: "shares its secrets", members[4]: "reveals"}

    def here(accounts: Sequence[Address]) -> list[Address]:
        for account, last in leaves.items():
            done = [step.words for who, step in roles.told if who == account and isinstance(step, Acted)]
            if account in roles.roles and any(one.startswith(last) for one in done):
                del roles.roles[account]
        return order([account for account in accounts if account in roles.roles])

    roles.run(here)
    assert sorted(words(roles, "correct")) == [f"corrects group {g}, blob 0 of 1" for g in (0, 1)]
    driven = Fair(MEMBERS)
    driven.run(BLOBS, dropouts=gone(m1=Step.UPLOAD, m4=Step.LEND))
    ended, expected = roles.ending(), ending(driven, driven.sessions[-1])
    assert (ended.groups, ended.failed, ended.accepted) == (expected.groups, (), 0b11)
    assert ended.update == expected.update


def test_a_wrong_correction_is_refuted_by_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlobSums, "correction", wrong_correction(index=7))
    roles = cast()
    roles.run(shuffled(4))
    assert roles.ending().failed == (1,)
    assert words(roles, "refute_correction") == ["refutes the correction of group 1"]
    assert words(roles, "accuse") == []
    view = roles.session.group(1)
    assert view.blamed.bit_count() == 1
