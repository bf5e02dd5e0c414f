"""A role that runs unattended: what it says, what it sits out, and when it gives up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.cli import following
from omnilytics.dashboard.live import LogLines
from omnilytics.errors import ChainError, ProtocolError, Reverted
from omnilytics.protocol import events
from omnilytics.protocol.record import read_events, read_sessions
from omnilytics.protocol.steps import Action, Decision, Done, Waiting
from omnilytics.protocol.verify import verify_record
from omnilytics.types import Receipt
from tests.e2e.market import Fair
from tests.e2e.roles import Cast
from tests.e2e.test_spectator import ABORT


def refused() -> Receipt:
    raise Reverted("settle", "session: the group is settled")


def broke() -> Receipt:
    raise ChainError("settle: expected at least 7 wei, got 5; send it money")


def lost() -> Receipt:
    raise ProtocolError("its state is lost")


@dataclass
class Script:
    """Decides what is written; the last of it again and again."""

    decisions: Iterator[Decision]
    last: Decision | None = None

    def decide(self) -> Decision:
        self.last = next(self.decisions, self.last)
        assert self.last is not None
        return self.last


def settle(send: Callable[[], Receipt]) -> Action:
    return Action("settle", (0,), send, "settles group 0")


def follower(monkeypatch: pytest.MonkeyPatch) -> tuple[following.Follower, list[str]]:
    monkeypatch.setattr(following, "RETRY_SECS", 0.0)
    said: list[str] = []
    return following.Follower(EmbeddedChain(), said.append), said


def test_what_it_waits_for_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, said = follower(monkeypatch)
    waiting = Waiting("the others to commit", 1_700_000_000)
    one.follow(Script(iter([waiting, waiting, Waiting("a block", block=9), Done("all is over")])))
    assert said == [
        "waits for the others to commit, until 2023-11-14 22:13:20 UTC at the latest",
        "waits for a block, block 9",
        "all is over",
    ]
    assert one.chain.block_number() == 3


def test_it_sits_out_what_may_mend_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    one, said = follower(monkeypatch)
    one.follow(Script(iter([settle(broke), settle(broke), Done("all is over")])))
    assert said == ["waits for this to mend: settle: expected at least 7 wei, got 5; send it money", "all is over"]


def test_who_comes_second_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    one, said = follower(monkeypatch)
    one.follow(Script(iter([settle(refused), Done("all is over"), Done("all is over")])))
    assert said == ["settle came too late: session: the group is settled", "all is over"]


def test_a_refusal_without_a_reason_ends_it_at_the_third_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one, said = follower(monkeypatch)
    with pytest.raises(Reverted):
        one.follow(Script(iter([settle(refused)])))
    assert said == ["settle reverted: session: the group is settled; looks again at the next block"] * 2


def test_what_can_t_mend_itself_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one, said = follower(monkeypatch)
    with pytest.raises(ProtocolError):
        one.follow(Script(iter([settle(lost)])))
    assert said == ["its state is lost; looks again at the next block"] * 2


@pytest.fixture
def cast() -> Cast:
    """A session whose owner alone hasn't done its part."""
    fair = Fair(8)
    cast = Cast(fair, fair.open(ABORT))
    owner = cast.roles.pop(fair.world.owner)
    cast.run()
    cast.roles[fair.world.owner] = owner
    return cast


@pytest.mark.parametrize("seen", [True, False])
def test_the_whole_session_is_shown_and_kept_beside_the_roles_words(cast: Cast, tmp_path: Path, seen: bool) -> None:
    fair, said, shown = cast.fair, list[str](), list[str]()
    owner, kept = fair.world.owner, tmp_path / "kept.gz"
    calls = following.run(
        cast.roles[owner],
        following.Follower(fair.world.chain, said.append),
        fair.world.chain,  # type: ignore[arg-type]
        cast.session,
        1,
        screen=LogLines(shown.append) if seen else None,
        record=kept,
    )
    assert [one.call for one in calls] == ["withdraw"]
    words = [line for line in (shown if seen else said) if f"block {calls[0].block}, " in line]
    assert len(words) == 1
    assert bool(said) != bool(shown) == seen
    assert not seen or "[session 1] the accepted groups are paid" in shown
    (record,) = read_sessions(kept)
    assert record.logs == tuple(fair.world.chain.logs(cast.session.address))
    gas = [event for event in read_events(kept) if isinstance(event, events.GasUsed)]
    assert gas == [events.GasUsed(1, "withdraw", calls[0].gas_used, calls[0].calldata_bytes)]
    assert verify_record(kept).sessions == 1


def test_nobody_reads_where_nobody_looks(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "Spectator", None)
    said: list[str] = []
    chain, role = cast.fair.world.chain, cast.roles[cast.fair.world.owner]
    follower = following.Follower(chain, said.append)
    calls = following.run(role, follower, chain, cast.session, 1, screen=None, record=None)  # type: ignore[arg-type]
    assert (len(calls), len(said)) == (1, 2)
