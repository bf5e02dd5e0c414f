"""A session of roles whose node is stopped, killed and cut off meanwhile."""

from __future__ import annotations

import time

import pytest

from omnilytics.types import Address
from tests.node.audit import check_once, check_sent, check_session
from tests.node.conftest import Settle
from tests.node.relay import relay

pytestmark = pytest.mark.node


def test_a_node_is_stopped_and_killed(settle: Settle) -> None:
    """Killed, it forgets what it hasn't got on its disk, here at most what came after the opening.

    That is before anybody commits: further back than roles wait for, a commitment may be mined again under other seats.
    """
    village = settle("geth", "abort", options=["--gcmode", "archive"])
    node, session = village.chain.node, village.open()["session"]
    node.stop()
    node.start()
    lives = village.begin(**village.lives(session))
    for words, end in (("registers, with", node.kill), ("commits to", node.stop), ("uploads chunk", node.stop)):
        village.hear("do0", lives).await_words(words)
        end()
        node.start()
    village.outlive(lives)
    check_session(village, Address(session))
    for name in village.accounts:
        check_once(village, name, forgetful=True)


@pytest.mark.parametrize("secs", [6, pytest.param(60, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("words", ["commits to", pytest.param("uploads chunk", marks=pytest.mark.nightly)])
def test_roles_are_cut_off(settle: Settle, words: str, secs: int) -> None:
    """The owner and a data owner; the others wait for them."""
    village = settle("anvil", "abort")
    session = village.open()["session"]
    with relay(village.chain.node.port) as way:
        for name in ("mo", "do0"):
            village.write(name, rpc=[way.url], patience_secs=1)
        lives = village.begin(**village.lives(session))
        village.hear("do0", lives).await_words(words)
        way.cut = True
        cut = time.monotonic()
        for name in ("mo", "do0"):
            village.hear(name, lives).await_words("waits for this to mend: eth_")
        time.sleep(max(0, cut + secs - time.monotonic()))
        way.cut = False
        village.outlive(lives)
    check_session(village, Address(session))
    for name in village.accounts:
        check_sent(village, name)
