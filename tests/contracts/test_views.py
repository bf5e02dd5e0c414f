"""What everybody can read, at every stage, and that it agrees with the events."""

from __future__ import annotations

import pytest

from tests.contracts.harness import STAGES, SessionDriver, Stage, Status
from tests.contracts.harness.fixtures import Factory

STATES = {0: 0, 1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 3, 10: 4, 11: 5}


def test_an_empty_session(new_session: Factory) -> None:
    session = new_session()
    counts = (
        "capacity",
        "registered_count",
        "group_count",
        "first_groups",
        "draw_block",
        "published_words",
        "accepted",
    )
    assert [getattr(session.contract, name)() for name in (*counts, "reserve")] == [0] * (len(counts) + 1)
    assert set(session.contract.params()) == {0}
    hashes = ("published_hash", "model_hash", "seed", "second_seed", "whitelist_root")
    assert {getattr(session.contract, name)() for name in hashes} == {bytes(32)}
    assert session.money() == (0, 0, 0, 0)
    assert not session.unselected()
    nobody = (False, False, 0, 0, False, 0, 0, "0x" + "00" * 20, False, 0, False, False, 0)
    assert tuple(session.member(session.stranger)) == nobody
    assert tuple(session.alumnus(session.stranger)) == (False, 0, 0, 0)
    flags, bitmaps = (False,) * 4, (0,) * 4
    assert tuple(session.group(0)) == (Status.NONE, 0, 0, 0, 0, *flags, *bitmaps, bytes(32))


@pytest.mark.parametrize("policy", [0, 1])
@pytest.mark.parametrize("assignment", [0, 1])
def test_every_stage_has_its_state(new_session: Factory, assignment: int, policy: int) -> None:
    session = new_session(assignment=assignment, policy=policy)
    entered = [stage for stage in STAGES[policy] if stage != Stage.DRAW or assignment]
    seen = []
    for stage in entered:
        session.to(stage)
        seen.append((session.stage(), session.state()))
    assert seen == [(s, STATES[s]) for s in entered]


@pytest.mark.parametrize("policy", [0, 1])
def test_groups_go_through_their_statuses(new_session: Factory, policy: int) -> None:
    session = new_session(policy=policy)
    expected = {
        Stage.SETUP: Status.NONE,
        Stage.REGISTER: Status.FORMING,
        Stage.COMMIT: Status.COMMIT,
        Stage.UPLOAD: Status.UPLOAD,
        Stage.AGGREGATE: Status.DELIVERED,
        Stage.SELECT: Status.AGGREGATED,
        Stage.PAYMENT: Status.AGGREGATED,
        Stage.FINISHED: Status.AGGREGATED,
    }
    if policy == 1:
        del expected[Stage.COMMIT]
        expected |= {Stage.SHARE: Status.COMMIT, Stage.REVEAL: Status.REVEAL}
    for stage, status in sorted(expected.items()):
        session.to(stage)
        assert [session.group(g).status for g in range(2)] == [status] * 2, stage
        assert session.group(2).status == session.group(2**256 - 1).status == Status.NONE


def test_a_finished_session_reads_as_it_went(new_session: Factory) -> None:
    session = new_session().to(Stage.FINISHED)
    assert (session.contract.capacity(), session.registered_count(), session.group_count()) == (6, 6, 2)
    assert session.first_groups() == 2
    for index, account in enumerate(session.listed):
        member = session.member(account)
        assert tuple(member) == (
            True, True, 0, index, True, index // 3, index % 3, session.key_address(account), True, 1, False, True, 0,
        )  # fmt: skip
        assert tuple(session.alumnus(account)) == (True, index // 3, index % 3, 3)
    for group in range(2):
        view = session.group(group)
        assert (view.committed, view.delivered, view.chunks_aggregated) == (0b111, 0b111, 1)
        assert (view.accepted, view.settled, view.dissolved) == (True, True, False)
    money = session.money()
    assert money.deposited == session.params.reward_wei + 6 * session.params.bond_wei


@pytest.mark.parametrize("policy", [0, 1])
def test_the_credits_add_up_at_every_stage(new_session: Factory, policy: int) -> None:
    session: SessionDriver = new_session(8, assignment=1, policy=policy)
    for stage in STAGES[policy]:
        session.to(stage)
        money = session.money()
        assert money.credits == sum(session.credit_of(a) for a in (session.owner, *session.listed))
        assert money.deposited == money.credits + money.locked + money.withdrawn
        assert session.chain.balance(session.contract.address) == money.deposited - money.withdrawn
