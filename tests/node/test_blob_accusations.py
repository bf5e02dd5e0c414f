"""A data owner's process posts a blob out of range; the others, processes too, accuse its group and refute it."""

from __future__ import annotations

from typing import Any

import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address
from tests.cli.conftest import valid
from tests.node.attackers import taken_out
from tests.node.audit import check_sent, check_session
from tests.node.conftest import Settle
from tests.node.lying import INDEX
from tests.node.processes import WINDOW_SECS, Village

pytestmark = pytest.mark.node

LIAR, MEMBERS = "do1", 6
TERMS = {"rounds": 2, "group_size": 3, "select": "norm"}
GETH_SECS = 30
"""In which everybody has looked at the sums, where the clock can't be moved."""


def logged(village: Village, session: Address, name: str) -> list[dict[str, Any]]:
    """The session's events of that name."""
    decoded = [decode_log(log) for _, log in village.chain.logs(session)]
    return [one[1] for one in decoded if one is not None and one[0] == name]


@pytest.mark.parametrize(
    ("node", "killed"),
    [
        pytest.param("anvil", True, id="anvil-killed"),
        pytest.param("geth", False, id="geth", marks=pytest.mark.nightly),
        pytest.param("geth", True, id="geth-killed", marks=pytest.mark.nightly),
    ],
)
def test_processes_refute_a_sum_out_of_range(settle: Settle, node: str, killed: bool) -> None:
    """With `killed` the accuser ends by kill -9 before it can refute; started again, it opens what it has said."""
    accuse_secs = WINDOW_SECS if node == "anvil" else GETH_SECS
    village = settle(node, "abort", mode="blob", accuse_secs=accuse_secs, members=MEMBERS, terms=TERMS)
    session = Address(village.open()["session"])
    roles = {"mo": village.start("mo", "mo", "run")}
    for index in range(MEMBERS):
        name = f"do{index}"
        module = "tests.node.lying" if name == LIAR else "omnilytics.cli"
        roles[name] = village.start(name, "do", "run", "--yes", module=module)
    watch = Watch(village.chain, village.chain.session(session))
    roles["mo"].await_that(lambda: watch.ledger().accusations > 0, "an accusation")
    accusers = [name for one in logged(village, session, "Accused") for name in roles if is_of(village, name, one)]
    if killed:
        roles[accusers[0]].kill()
        assert not logged(village, session, "Refuted")
    if node == "anvil":
        village.pass_time(session)
    if killed:
        roles["mo"].await_that(lambda: watch.ledger().refuting, "the end of accusing")
        roles[accusers[0]].start()
    for role in roles.values():
        role.await_end()
    check_outcome(village, session)
    for name in accusers:
        check_sent(village, name)


def is_of(village: Village, name: str, event: dict[str, Any]) -> bool:
    """Whether it was that role's account."""
    return bool(event["account"] == village.address(name))


def check_outcome(village: Village, session: Address) -> None:
    """The liar's group is out, all others are paid, and no wei is lost; all of it follows from logs and blobs."""
    watch = Watch(village.chain, village.chain.session(session))
    seat = watch.seats().seat_of(village.address(LIAR))
    assert seat is not None
    check_session(village, session, refuted=(seat[0],))
    opened = logged(village, session, "Refuted")
    accused = [one["account"] for one in logged(village, session, "Accused")]
    assert sorted(one["account"] for one in opened) == sorted(accused)
    assert village.address(LIAR) not in accused
    assert {(one["group"], one["index"]) for one in opened} == {(seat[0], INDEX)}
    params, ledger, got = watch.params, watch.ledger(), taken_out(village.chain, watch.session)
    assert ledger.selected is not None
    for group, members in enumerate(watch.seats().groups):
        share = 0 if group == seat[0] else ledger.selected.share_wei
        for account in members:
            assert got[account] - ledger.fees[account] == params.bond_wei + share
    blobs = str(village.home / "west")
    valid(village.ask("do0", "verify", "--session", session, "--blobs", blobs), "verify-1")
