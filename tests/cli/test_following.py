"""A role that runs unattended: what it says, what it sits out, and when it gives up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.cli import following
from omnilytics.errors import ChainError, ProtocolError, Reverted
from omnilytics.protocol.steps import Action, Decision, Done, Waiting
from omnilytics.types import Receipt


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
