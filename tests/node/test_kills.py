"""A model owner and a data owner killed again and again, from the opening of a session to their money."""

from __future__ import annotations

import pytest

from omnilytics.types import Address
from tests.node.audit import check_released, check_sent, check_session
from tests.node.conftest import Settle

pytestmark = pytest.mark.node

BEGUN = "expected it to be finished before another one"
"""What `mo create` says where it was killed between the start of the session and its own end."""

NIGHTLY = pytest.mark.nightly
PLACES = {
    "before the journal keeps",
    "after the journal keeps",
    "after eth_sendRawTransaction",
    "after eth_getTransactionReceipt",
}
RELEASES = {"before a release", "after a release"}


@pytest.mark.parametrize(
    ("node", "policy"),
    [
        pytest.param("geth", "recover"),
        pytest.param("geth", "abort", marks=NIGHTLY),
        pytest.param("anvil", "recover", marks=NIGHTLY),
        pytest.param("anvil", "abort", marks=NIGHTLY),
    ],
)
def test_killed_in_every_place_each_call_is_sent_once(settle: Settle, node: str, policy: str) -> None:
    village = settle(node, policy)
    village.chain.tick()
    opening = village.live(mo={"commands": [village.create()], "mortal": "places", "done": BEGUN})
    (listed,) = village.ask("mo", "market", "list")["sessions"]
    session = Address(listed["session"])
    known = ["--session", session]
    members = {f"do{index}": {"commands": [["do", "run", "--yes", *known]]} for index in range(village.members)}
    members["do0"] |= {"mortal": "places"}
    kills = village.live(mo={"commands": [["mo", "run", *known]], "mortal": "places"}, **members)
    print(f"killed: the owner at the opening {opening['mo']}, from then on {kills['mo']}; a data owner {kills['do0']}")
    check_session(village, session)
    for name in ("mo", "do0"):
        check_sent(village, name)
    assert set(opening["mo"]) == PLACES
    assert set(kills["do0"]) == (PLACES | RELEASES if policy == "recover" else PLACES)
    if policy == "recover":
        check_released(village, "do0", session)
