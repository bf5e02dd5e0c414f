"""A client acts on what is final, and never releases secrets for two sets, whatever the chain says later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import ProtocolError
from omnilytics.protocol.company import Company, Step
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.protocol.randomness import SeededRandomness, SystemRandomness
from omnilytics.protocol.recovery_driver import RecoveryDriver
from omnilytics.protocol.releases import ReleaseLog
from omnilytics.protocol.session import SessionDriver
from omnilytics.types import Stage
from tests.e2e.market import CLIP, SEEDS, D, Fair, steps
from tests.e2e.test_recover import TERMS, gone

ONE = replace(TERMS, rounds=1)


class Halfway:
    """A session of one group of four, driven step by step."""

    def __init__(self, policy: Policy | None = None, releases: ReleaseLog | None = None) -> None:
        self.fair = Fair(4, policy=policy or Policy(accept_near_repeats=True))
        self.chain = self.fair.world.chain
        if releases is not None:
            self.fair.roles = [
                DataOwner(self.chain, account, policy=self.fair.policy, releases=releases)
                for account in self.fair.members
            ]
        self.session = self.fair.open(ONE)
        self.driver = SessionDriver(self.chain, self.session, self.fair.owner, self.fair.roles, lambda e: None, 1)
        self.company: Company = self.driver._all
        self.steps = RecoveryDriver(self.company)

    def to_share(self) -> None:
        self.driver.register(lambda i: SeededRandomness(SEEDS, i, 1))
        self.driver.draw()
        assert self.session.stage() is Stage.SHARE

    def to_upload(self) -> None:
        self.to_share()
        self.steps.share()
        assert self.session.stage() is Stage.UPLOAD

    def upload(self, *places: int) -> None:
        """These members deliver; then the window is over, or all have."""
        published = np.zeros(D, dtype=np.float32)
        for place in places:
            role = self.fair.roles[place]
            if not role._masked:
                role.mask(steps([place], published)[0], published, self.company.tell.seats, self.company.ledger())
            role.upload()
        if self.session.stage() is Stage.UPLOAD:
            self.company.pass_deadline()
        assert self.session.stage() is Stage.REVEAL


def test_a_reorganisation_between_upload_and_reveal() -> None:
    """Secrets are out for U = {0, 1, 2}; then the chain has another U: nothing is released for that one."""
    half = Halfway()
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2)
    half.fair.roles[0].reveal(half.company.ledger())
    half.chain.revert(before)
    half.upload(0, 1, 2, 3)
    assert half.session.group(0).delivered == 0b1111
    logs = half.company.ledger()
    with pytest.raises(ProtocolError):
        half.fair.roles[0].reveal(logs)
    half.fair.roles[1].reveal(logs)


def test_a_client_that_starts_again_remembers(tmp_path: Path) -> None:
    """The same client after a crash: its secrets are those of before, and the log on its disk says for whom."""
    path = tmp_path / "released.db"
    half = Halfway(releases=ReleaseLog(path))
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2)
    half.fair.roles[0].reveal(half.company.ledger())
    half.chain.revert(before)
    half.upload(0, 1, 3)
    again = replace(half.fair.roles[0].part, releases=ReleaseLog(path))
    with pytest.raises(ProtocolError):
        again.reveal(half.company.ledger().sharing[0])


def test_the_same_set_after_a_reorganisation_is_revealed_again() -> None:
    half = Halfway()
    half.to_upload()
    half.upload(0, 1, 2)
    before = half.chain.snapshot()
    for _ in range(2):
        half.fair.roles[0].reveal(half.company.ledger())
        assert half.session.group(0).revealed == 1
        half.chain.revert(before)
        before = half.chain.snapshot()


def test_nothing_is_revealed_before_it_is_fixed_who_delivered() -> None:
    half = Halfway()
    half.to_upload()
    with pytest.raises(ProtocolError, match="stage: expected reveal, got upload"):
        half.fair.roles[0].reveal(half.company.ledger())
    half.upload(0, 1, 2)
    half.fair.roles[0].reveal(half.company.ledger())


def test_who_has_not_delivered_reveals_nothing() -> None:
    half = Halfway()
    half.to_upload()
    half.upload(0, 1, 2)
    with pytest.raises(ProtocolError):
        half.fair.roles[3].reveal(half.company.ledger())
    with pytest.raises(ProtocolError, match="has not registered"):
        DataOwner(half.chain, half.fair.members[3]).reveal(half.company.ledger())


def test_clients_wait_until_a_block_is_final() -> None:
    policy = Policy(accept_near_repeats=True, finality_blocks=40)
    half = Halfway(policy)
    half.to_upload()
    half.upload(0, 1, 2)
    closed = half.chain.block_number()
    half.fair.roles[0].reveal(half.company.ledger())
    assert half.chain.block_number() == closed + 40 + 1


def test_a_set_that_changes_while_a_client_waits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    half = Halfway(Policy(accept_near_repeats=True, finality_blocks=40))
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2)
    wait = EmbeddedChain.wait_blocks

    def reorganised(self: EmbeddedChain, count: int) -> None:
        monkeypatch.setattr(EmbeddedChain, "wait_blocks", wait)
        half.chain.revert(before)
        half.upload(0, 1, 3)
        wait(self, count)

    monkeypatch.setattr(EmbeddedChain, "wait_blocks", reorganised)
    with pytest.raises(ProtocolError, match="UploadClosed: expected 0b111 as 40 blocks ago, got 0b1011"):
        half.fair.roles[0].reveal(half.company.ledger())


def test_an_event_that_vanishes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    half = Halfway(Policy(accept_near_repeats=True, finality_blocks=40))
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2)

    def reorganised(self: EmbeddedChain, count: int) -> None:
        half.chain.revert(before)

    monkeypatch.setattr(EmbeddedChain, "wait_blocks", reorganised)
    with pytest.raises(ProtocolError, match="UploadClosed: expected it among the session's events, got none"):
        half.fair.roles[0].reveal(half.company.ledger())


def test_sharers_that_change_are_refused() -> None:
    """Another S than the one whose shares a member has checked: it masks nothing for that one."""
    half = Halfway()
    half.to_share()
    before = half.chain.snapshot()
    half.steps.share()
    dealings = half.company.ledger().sharing[0].dealings
    half.chain.revert(before)
    for place, dealing in list(dealings.items())[:3]:
        half.session.share(half.fair.members[place], dealing.root, dealing.points, dealing.sealed)
    half.company.pass_deadline()
    half.company.pass_deadline()
    assert half.session.stage() is Stage.UPLOAD
    with pytest.raises(ProtocolError, match="expected shares of the members 0b1111, got them of 0b111"):
        half.upload(0)


def test_nothing_is_masked_before_the_barrier() -> None:
    half = Halfway()
    half.to_share()
    for role in half.fair.roles:
        role.share(half.company.tell.seats, half.company.ledger())
    with pytest.raises(ProtocolError, match="stage: expected upload or reveal, got share"):
        half.upload(0)


def test_clients_wait_until_it_is_final_who_has_shared() -> None:
    half = Halfway(Policy(accept_near_repeats=True, finality_blocks=40))
    half.to_share()
    for role in half.fair.roles:
        role.share(half.company.tell.seats, half.company.ledger())
    closed = half.chain.block_number()
    half.fair.roles[0].part.await_sharers()
    assert half.chain.block_number() == closed + 40
    assert half.fair.roles[0].part.check(half.company.ledger().sharing[0]) == {}


def test_sharers_that_change_while_a_client_waits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    half = Halfway(Policy(accept_near_repeats=True, finality_blocks=40))
    half.to_share()
    before = half.chain.snapshot()
    for role in half.fair.roles:
        role.share(half.company.tell.seats, half.company.ledger())
    dealings = half.company.ledger().sharing[0].dealings

    def reorganised(self: EmbeddedChain, count: int) -> None:
        monkeypatch.undo()
        half.chain.revert(before)
        for place in (0, 1, 2):
            dealing = dealings[place]
            half.session.share(half.fair.members[place], dealing.root, dealing.points, dealing.sealed)
        half.company.pass_deadline()
        half.chain.wait_blocks(count)

    monkeypatch.setattr(EmbeddedChain, "wait_blocks", reorganised)
    with pytest.raises(ProtocolError, match="SharingClosed: expected 0b1111 as 40 blocks ago, got 0b111"):
        half.fair.roles[0].part.await_sharers()


def test_shares_of_others_than_the_contract_names_are_not_taken() -> None:
    half = Halfway()
    half.to_share()
    for role in half.fair.roles:
        role.share(half.company.tell.seats, half.company.ledger())
    part, sharing = half.fair.roles[0].part, half.company.ledger().sharing[0]
    part.await_sharers()
    del sharing.dealings[2]
    with pytest.raises(ProtocolError, match="expected shares of the members 0b1111, got them of 0b1011"):
        part.check(sharing)


@pytest.mark.parametrize(("blocks", "least"), [(40, 493), (None, 1_165)])
@pytest.mark.parametrize(("window", "times"), [("commit_secs", 1), ("reveal_secs", 4)])
def test_windows_are_longer_than_until_a_block_is_final(
    blocks: int | None, least: int, window: str, times: int
) -> None:
    policy = Policy(finality_blocks=blocks)
    enough = replace(TERMS, **{window: times * least}).params(D, CLIP)  # type: ignore[arg-type]
    policy.check(enough, simulated=False)
    with pytest.raises(ProtocolError, match=f"expected more than until a block is final, {least} s, got {least - 1}"):
        policy.check(replace(enough, **{window: times * least - 1}), simulated=False)  # type: ignore[arg-type]


def test_simulated_chains_are_final_at_once() -> None:
    Policy().check(replace(TERMS, reveal_secs=4, commit_secs=1).params(D, CLIP), simulated=True)


def test_a_short_window_to_reveal_is_refused() -> None:
    with pytest.raises(ProtocolError, match="window: expected at least 600 s, got 599"):
        Policy(shortest_window_secs=600).check(replace(TERMS, reveal_secs=2_399).params(D, CLIP), simulated=True)


def test_a_real_chain_asks_for_a_log_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fair = Fair(4, policy=Policy(accept_near_repeats=True))
    session = fair.open(ONE)
    monkeypatch.setattr(EmbeddedChain, "simulated", False)
    with pytest.raises(ProtocolError, match="releases: expected a log in a file on a real chain, got one in memory"):
        fair.roles[0].register(session, SystemRandomness())
    on_disk = DataOwner(fair.world.chain, fair.members[0], releases=ReleaseLog(tmp_path / "released.db"))
    on_disk.register(session, SystemRandomness())


def test_the_systems_randomness_recovers_too() -> None:
    fair = Fair(4)
    session = fair.open(ONE)
    dropouts = gone(m2=Step.UPLOAD)
    driver = SessionDriver(fair.world.chain, session, fair.owner, fair.roles, lambda e: None, 1, dropouts=dropouts)
    outcome = driver.run(np.zeros(D, dtype=np.float32), steps, lambda i: SystemRandomness())
    assert (outcome.accepted, outcome.counts) == ((0,), (3,))
