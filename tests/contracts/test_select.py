"""select(products): which groups are accepted, and what everybody gets (docs/PROTOCOL.md section 7)."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

KRUM = {"rule": 1, "rounds": 5, "krum_mu_bps": 2_000, "krum_m": 2, "krum_m_rule": 1, "members": 2}


def with_sums(session: SessionDriver, sums: list[list[int]]) -> SessionDriver:
    """A session whose groups' sums are these: each group's first member carries it all."""
    for group, total in enumerate(sums):
        size = session.params.members
        for place, account in enumerate(session.listed[group * size : (group + 1) * size]):
            session.vectors[account] = total if place == 0 else [0] * len(total)
    return session


def matrix_of(session: SessionDriver) -> list[list[int]]:
    groups = session.live_groups(Status.AGGREGATED)
    return ref.gram(
        [ref.unpack(session.sum_of(g), session.params.lane_bits, session.params.parameter_count) for g in groups]
    )


class TestNorm:
    """d = 4, Q = 7, N = 3: a sum passes up to a squared length of 4 * 49 / 4 = 49."""

    @pytest.mark.parametrize(
        ("total", "accepted"),
        [
            ([7, 0, 0, 0], True),
            ([-7, 0, 0, 0], True),
            ([7, 1, 0, 0], False),
            ([6, 3, 2, 0], True),
            ([5, 5, 0, 0], False),
            ([0, 0, 0, 0], True),
            ([21, 21, 21, 21], False),
            ([-21, 0, 0, 0], False),
        ],
    )
    def test_the_border(self, new_session: Factory, total: list[int], accepted: bool) -> None:
        session = with_sums(new_session(parameter_count=4), [total, [1, 0, 0, 0]])
        session.vectors[session.listed[0]] = [max(-7, min(7, v)) for v in total]
        session.vectors[session.listed[1]] = [max(-7, min(7, v - max(-7, min(7, v)))) for v in total]
        session.vectors[session.listed[2]] = [
            v - a - b
            for v, a, b in zip(
                total, session.vectors[session.listed[0]], session.vectors[session.listed[1]], strict=True
            )
        ]
        session.to(Stage.SELECT)
        assert session.group(0).squared_norm == ref.dot(total, total)
        assert ref.norm_accepts(ref.dot(total, total), 3, 4, 7) == accepted
        event = session.select().only("Selected")
        assert event.accepted == event.paid == session.accepted() == (0b11 if accepted else 0b10)
        assert event.share_wei == session.params.reward_wei // 6, "a refused group's share is nobody's"
        assert event.burnt_wei == (0 if accepted else 3 * event.share_wei)
        assert not session.unselected()
        assert [session.group(g).accepted for g in (0, 1)] == [accepted, True]

    def test_products_are_refused(self, new_session: Factory) -> None:
        session = new_session().to(Stage.SELECT)
        with reverts("session: norm needs no products"):
            session.contract.select([0], sender=session.stranger)

    def test_nothing_accepted_pays_everybody(self, new_session: Factory) -> None:
        session = with_sums(new_session(parameter_count=4), [[21, 0, 0, 0], [0, 0, 21, 0]]).to(Stage.SELECT)
        event = session.select().only("Selected")
        assert (event.accepted, event.paid, event.unselected) == (0, 0b11, True)
        assert session.unselected()
        assert (event.share_wei, event.burnt_wei) == (session.params.reward_wei // 6, 0)


class TestKrum:
    def run(self, session: SessionDriver) -> tuple[int, list[list[int]]]:
        """The accepted bitmap and the Gram matrix that it came from."""
        session.to(Stage.SELECT)
        for chunk in range(session.chunk_count):
            session.gram(chunk)
        return session.select().only("Selected").accepted, matrix_of(session)

    @pytest.mark.parametrize("m", [1, 5])
    def test_as_the_paper_prints_it(self, new_session: Factory, m: int) -> None:
        session = new_session(**KRUM | {"krum_m": m})
        accepted, matrix = self.run(session)
        assert accepted == sum(1 << r for r in ref.krum(matrix, 2_000, m, strict=False))
        assert accepted.bit_count() == min(m, 2)
        session.finish_payment()
        share = session.params.reward_wei // 10 * 5 // min(m, 2)
        winner = session.members_of(accepted.bit_length() - 1)[0]
        assert session.due(winner) == session.params.bond_wei + share, "they share the price of all five groups"
        assert session.money().locked == 0

    @pytest.mark.parametrize(
        "sums",
        [
            [[1], [1], [1], [1], [1]],
            [[5], [0], [0], [5], [5]],
            [[-5], [5], [-5], [5], [0]],
        ],
    )
    def test_ties_go_to_the_lowest_id(self, new_session: Factory, sums: list[list[int]]) -> None:
        accepted, matrix = self.run(with_sums(new_session(parameter_count=1, **KRUM), sums))
        assert accepted == sum(1 << r for r in ref.krum(matrix, 2_000, 2, strict=False))

    def test_the_outlier_is_left_out(self, new_session: Factory) -> None:
        sums = [[1, 0], [0, 1], [14, 14], [1, 1], [0, 0]]
        accepted, _ = self.run(with_sums(new_session(parameter_count=2, **KRUM), sums))
        assert accepted >> 2 & 1 == 0

    def test_all_chunks_must_be_in(self, new_session: Factory) -> None:
        session = new_session(parameter_count=42 * 9, **KRUM).to(Stage.SELECT)
        with reverts("gram: not all chunks are in"):
            session.contract.select([], sender=session.stranger)
        session.gram(0)
        with reverts("gram: not all chunks are in"):
            session.select()
        session.gram(1)
        with reverts("gram: not the last products"):
            session.contract.select(session.products[:-1], sender=session.stranger)
        session.select()

    @pytest.mark.parametrize(
        ("params", "delivered"),
        [
            ({"krum_m_rule": 1, "krum_mu_bps": 2_000}, [0, 1, 2]),
            ({"krum_m_rule": 0, "krum_mu_bps": 500, "krum_m": 1}, [0, 2, 3]),
            ({"krum_m_rule": 1, "krum_mu_bps": 2_000}, [4]),
        ],
    )
    def test_undefined_on_fewer_groups(
        self, new_session: Factory, params: dict[str, int], delivered: list[int]
    ) -> None:
        """P has shrunk below what the rule needs: all who delivered are paid."""
        session = new_session(**KRUM | params).to(Stage.UPLOAD)
        for group in delivered:
            session.finish_upload_of(group)
        session.pass_deadline()
        accepted, _ = self.run(session)
        assert (accepted, session.unselected()) == (0, True)
        session.finish_payment()
        share = session.params.reward_wei // 10
        assert session.due(session.members_of(delivered[0])[0]) == session.params.bond_wei + share


def test_the_last_second_and_the_next(new_session: Factory) -> None:
    session = new_session().to(Stage.SELECT)
    last = session.deadline()
    snapshot = session.chain.snapshot()
    session.chain.next_at(last)
    session.select()
    snapshot.revert()
    session.chain.next_at(last + 1)
    with reverts("session: the window is over"):
        session.select()


@pytest.mark.parametrize("stage", [Stage.SETUP, Stage.UPLOAD, Stage.AGGREGATE, Stage.PAYMENT])
def test_only_in_stage_select(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: wrong stage"):
        session.contract.select([], sender=session.stranger)


def test_the_rest_of_the_reward_is_the_owners(new_session: Factory) -> None:
    session = with_sums(new_session(parameter_count=4, reward_wei=1_000), [[21, 0, 0, 0], [1, 0, 0, 0]]).to(
        Stage.SELECT
    )
    event = session.select().only("Selected")
    assert (event.paid, event.share_wei, event.burnt_wei) == (0b10, 166, 498)
    assert (session.stage(), session.state(), session.deadline()) == (Stage.PAYMENT, 4, 0)
    assert session.credit_of(session.owner) == 0, "before the last settlement"
    session.finish_payment()
    assert session.credit_of(session.owner) == 4
    money = session.money()
    assert (money.locked, money.credits, money.withdrawn) == (498, 4, money.deposited - 502)
