"""A model owner and a data owner killed again and again, from the opening of a session to their money."""

from __future__ import annotations

import pytest

from omnilytics.types import Address
from tests.node.audit import check_released, check_sent, check_session
from tests.node.conftest import Settle
from tests.node.processes import WINDOW_SECS

pytestmark = pytest.mark.node

BEGUN = "expected it to be finished before another one"
"""What `mo create` says where it was killed between the start of the session and its own end."""

LONG_SECS = 20_000
PATIENCE_SECS = 3 * 3600.0
NIGHTLY = pytest.mark.nightly
PLACES = {
    "before the journal keeps",
    "after the journal keeps",
    "after eth_sendRawTransaction",
    "after eth_getTransactionReceipt",
}
STEPS = {"before a statement", "before a word"}
RELEASES = {"before a release", "after a release"}


@pytest.mark.parametrize(
    ("node", "policy", "mortal"),
    [
        pytest.param("geth", "recover", "places"),
        pytest.param("geth", "abort", "places", marks=NIGHTLY),
        pytest.param("anvil", "recover", "places", marks=NIGHTLY),
        pytest.param("anvil", "abort", "places", marks=NIGHTLY),
        pytest.param("anvil", "abort", "every", marks=NIGHTLY),
    ],
)
def test_killed_in_every_place_each_call_is_sent_once(settle: Settle, node: str, policy: str, mortal: str) -> None:
    village = settle(node, policy, LONG_SECS if mortal == "every" else WINDOW_SECS)
    village.chain.tick()
    opening = village.live(PATIENCE_SECS, mo=village.life("mo", *village.create(), mortal=mortal, done=BEGUN))
    (listed,) = village.ask("mo", "market", "list")["sessions"]
    session = Address(listed["session"])
    lives = village.lives(session)
    for name in ("mo", "do0"):
        lives[name]["mortal"] = mortal
    kills = village.live(PATIENCE_SECS, **lives)
    print(f"killed: the owner {kills['mo']}, of these at the opening {opening['mo']}; a data owner {kills['do0']}")
    check_session(village, session)
    for name in ("mo", "do0"):
        check_sent(village, name)
    places = PLACES | (STEPS if mortal == "every" else set())
    assert set(opening["mo"]) == set(kills["mo"]) == places
    assert set(kills["do0"]) == (places | RELEASES if policy == "recover" else places)
    if policy == "recover":
        check_released(village, "do0", session)
