"""A model owner and a data owner killed again and again, from the opening of a session to their money."""

from __future__ import annotations

import pytest

from omnilytics.protocol.watch import Watch
from omnilytics.types import Address
from tests.node.audit import check_released, check_sent, check_session
from tests.node.conftest import Settle

pytestmark = pytest.mark.node

BEGUN = "expected it to be finished before another one"
"""What `mo create` says where it was killed between the start of the session and its own end."""

LONG_SECS = 20_000
SHARE_SECS = 300
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
        pytest.param("anvil", "recover", "places"),
        pytest.param("geth", "recover", "places", marks=NIGHTLY),
        pytest.param("geth", "abort", "places", marks=NIGHTLY),
        pytest.param("anvil", "abort", "places", marks=NIGHTLY),
        pytest.param("anvil", "abort", "every", marks=NIGHTLY),
        pytest.param("anvil", "recover", "every", marks=NIGHTLY),
    ],
)
def test_killed_in_every_place_each_call_is_sent_once(settle: Settle, node: str, policy: str, mortal: str) -> None:
    village = settle(node, policy, LONG_SECS, commit_secs=SHARE_SECS if (node, policy) == ("geth", "recover") else 0)
    village.chain.tick()
    opening = village.live(PATIENCE_SECS, mo=village.life("mo", *village.create(), mortal=mortal, done=BEGUN))
    (listed,) = village.ask("mo", "market", "list")["sessions"]
    session = Address(listed["session"])
    lives = village.lives(session)
    for name in ("mo", "do0"):
        lives[name]["mortal"] = mortal
    running = village.begin(**lives)
    village.hasten(running, session)
    kills = village.outlive(running, PATIENCE_SECS)
    print(f"killed: the owner {kills['mo']}, of these at the opening {opening['mo']}; a data owner {kills['do0']}")
    check_session(village, session)
    for name in ("mo", "do0"):
        check_sent(village, name)
    places = PLACES | (STEPS if mortal == "every" else set())
    assert set(opening["mo"]) == set(kills["mo"]) == places
    assert set(kills["do0"]) == (places | RELEASES if policy == "recover" else places)
    if policy == "recover":
        check_released(village, "do0", session)


@NIGHTLY
def test_killed_while_another_drops_out(settle: Settle) -> None:
    """Its peers lend their shares of the mask key of who doesn't deliver, each once, and never what lifts another's."""
    village = settle("anvil", "recover", LONG_SECS, commit_secs=LONG_SECS)
    session = Address(village.open()["session"])
    lives = village.lives(session)
    gone = village.start("do3", "do", "run", "--yes", "--session", session)
    gone.await_words("registers")
    lives.pop("do3")
    lives["do0"]["mortal"] = "places"
    running = village.begin(**lives)
    there, watch = village.chain.session(session), Watch(village.chain, village.chain.session(session))
    running.await_that(lambda: watch.ledger().objecting)
    gone.kill()
    village.pass_time(session)
    running.await_that(lambda: there.group(0).delivered.bit_count() == village.members - 1)
    village.pass_time(session)
    kills = village.outlive(running)
    print(f"killed: a data owner {kills['do0']}")
    assert set(kills["do0"]) == PLACES | RELEASES
    check_session(village, session, {"do3"})
    check_sent(village, "do0")
    check_released(village, "do0", session)
    sharing = watch.ledger().sharing[0]
    seat = watch.seats().seat_of(village.address("do3"))
    assert seat is not None
    assert set(sharing.shares) == {seat[1]}
    assert set(sharing.secrets) == set(range(village.members))
    assert there.group(0).delivered == 0b1111 ^ 1 << seat[1]
