"""Fees with policy `recover`: what its calls are paid, once each, whose turn it is, and that the reserve covers them.

What holds for both policies: test_fees.py, test_turns.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contracts.harness import Receipt, RecoverDriver, Stage, Status
from tests.contracts.harness.dealing import deal
from tests.contracts.harness.economy import GWEI, FeeTable, fee, fee_table, member_fees, reserve, rewards
from tests.contracts.harness.fixtures import Factory, RecoverFactory

CAP = 20 * GWEI
PRICE = 7 * GWEI
FEES = {"fee_cap_wei": CAP, "fee_table": fee_table(commit=60_000, aggregate=60_000)}
TURN_BLOCKS = 50
SLACK = 45_000
"""Gas that a call may cost beyond what it measures: long arguments take memory before its first statement."""

UNMASK_SLACK = 110_000


@pytest.fixture(scope="module")
def new_paid(new_recover: RecoverFactory) -> RecoverFactory:
    def make(**params: int) -> RecoverDriver:
        session = new_recover(**FEES | params)
        session.gas_price = PRICE
        return session

    return make


def amount_of(receipt: Receipt) -> int:
    """What the caller was credited for the call."""
    return sum(e.amount_wei for e in receipt.named("FeeCredited"))


def play(session: RecoverDriver, watch: Callable[[Receipt], object]) -> None:
    """One group member doesn't deliver, one doesn't reveal; steps of anybody come after the first quarter."""
    session.to(Stage.SHARE)
    for account in session.seated():
        watch(session.share(account))
    session.chain.sleep(2 * session.params.commit_secs)
    watch(session.contract.advance(sender=session.stranger, gas_price=session.gas_price))
    members = session.members_of(0)
    for account in session.seated():
        for chunk in range(session.chunk_count if account != members[4] else 0):
            watch(session.upload(account, chunk))
    session.chain.sleep(2 * session.params.upload_secs)
    watch(session.contract.advance(sender=session.stranger, gas_price=session.gas_price))
    for account in session.seated():
        if account not in (members[0], members[4]):
            watch(session.reveal(account))
    watch(session.rebuild(members[4]))
    session.pass_half_of_reveal()
    for account in members[1:4]:
        watch(session.reveal_shares(account))
    watch(session.rebuild(members[0]))
    session.chain.sleep(session.params.aggregate_secs // 3)
    for group in range(session.group_count()):
        watch(session.disclose(group))
        for chunk in range(session.chunk_count):
            watch(session.unmask(group, chunk))
    session.chain.sleep(session.params.select_secs // 3)
    watch(session.select())
    session.chain.sleep(session.params.select_secs // 3)
    for group in range(session.group_count()):
        watch(session.settle(group))


class TestMetering:
    @pytest.mark.parametrize("parameters", [40, 42 * 20])
    def test_every_useful_call_is_paid_once_and_no_more_than_it_cost(
        self, new_paid: RecoverFactory, parameters: int
    ) -> None:
        session = new_paid(members=5, bound=6, parameter_count=parameters)
        found: dict[str, list[tuple[int, int]]] = {}

        def watch(receipt: Receipt) -> None:
            event = receipt.only("FeeCredited")
            assert event.amount_wei == event.gas_metered * PRICE // GWEI * GWEI, "the limits are generous"
            found.setdefault(receipt.call, []).append((event.gas_metered, receipt.gas_used))

        play(session, watch)
        calls = ("share", "upload", "reveal", "rebuild", "reveal_shares", "disclose", "unmask", "advance", "select")
        assert set(found) == {*calls, "settle"}
        for call, gas in found.items():
            for metered, used in gas:
                assert metered <= used, call
                assert metered >= used - (UNMASK_SLACK if call == "unmask" else SLACK), call

    @pytest.mark.parametrize("call", ["share", "reveal", "reveal_shares", "rebuild", "disclose"])
    def test_the_limit_is_that_of_a_commitment(self, new_paid: RecoverFactory, call: str) -> None:
        session = new_paid(members=5, bound=6, fee_table=fee_table(commit=3, aggregate=50_000))
        amounts: dict[str, list[int]] = {}
        play(session, lambda receipt: amounts.setdefault(receipt.call, []).append(amount_of(receipt)))
        assert min(amounts[call]) == fee(300, 300, PRICE, CAP)
        assert set(amounts[call][:-1]) == {300 * PRICE}

    def test_that_of_unmask_is_aggregate_s(self, new_paid: RecoverFactory) -> None:
        """A word counts as often as it was uploaded by somebody who delivered."""
        table = fee_table(aggregate=5, aggregate_word=7, commit=10_000)
        session = new_paid(members=5, bound=6, parameter_count=42 * 20, fee_table=table)
        amounts = []
        play(session, lambda r: amounts.append(amount_of(r)) if r.call == "unmask" else None)
        words = [8, 8, 4]
        expected = [(500 + 7 * rows * size) * PRICE for rows in (4, 5) for size in words]
        assert amounts[:-1] == expected[:-1]
        assert amounts[-1] > expected[-1], "it opens the selection"

    def test_a_change_of_stage_is_paid_on_top(self, new_paid: RecoverFactory) -> None:
        """Of the last share, the last secret, the last chunk."""
        session = new_paid(fee_table=fee_table(commit=1, upload=1, upload_word=1, aggregate=1, aggregate_word=1))
        session.to(Stage.SHARE)
        shares = [amount_of(session.share(a)) for a in session.seated()]
        session.to(Stage.REVEAL)
        secrets = [amount_of(session.reveal(a)) for a in session.seated()]
        for amounts in (shares, secrets):
            assert set(amounts[:-1]) == {100 * PRICE}
            assert amounts[-1] > 500 * PRICE

    def test_who_names_a_dealer_is_not_paid(self, new_paid: RecoverFactory) -> None:
        """So that no accomplice's lies are a way to the reserve."""
        session = new_paid(rounds=1).to(Stage.SHARE)
        liar, *others = session.members_of(0)
        dealing = session.dealing(liar)
        bent = {j: (key + 1, own) for j, (key, own) in dealing.shares.items() if j == 2}
        session.dealings[0, liar] = deal(session.self_secret(liar), dealing.shares | bent)
        session.to(Stage.UPLOAD)
        session.upload_but(liar)
        for account in others:
            session.reveal(account)
        receipt = session.rebuild(liar)
        receipt.only("DealerBlamed")
        assert receipt.named("FeeCredited") == []

    def test_without_a_table_nobody_is_paid(self, new_recover: RecoverFactory) -> None:
        session = new_recover(members=5, bound=6)
        session.gas_price = PRICE
        fees: list[object] = []
        play(session, lambda receipt: fees.extend(receipt.named("FeeCredited")))
        assert fees == []


class TestTurns:
    """In the first quarter of the time for a step that anybody may make, one account is paid."""

    def wait(self, session: RecoverDriver, number: int, count: int) -> None:
        while (session.chain.height + 1) // TURN_BLOCKS % count != number:
            session.chain.mine()

    def paid(self, session: RecoverDriver, account: str, call: str, *args: object) -> int:
        """For a call that is undone after that."""
        with session.chain.anchor():
            return amount_of(getattr(session.contract, call)(*args, sender=account, gas_price=PRICE))

    @pytest.mark.parametrize("call", ["disclose", "unmask"])
    def test_steps_for_a_group_are_its_members(self, new_paid: RecoverFactory, call: str) -> None:
        session = new_paid(rounds=2).to(Stage.AGGREGATE)
        args: tuple[object, ...] = (1, session.disclosures(1))
        if call == "unmask":
            session.disclose(1)
            args = (1, 0, session.words_of(1, 0), *session.seeds[1])
        members = session.members_of(1)
        self.wait(session, 2, 4)
        assert self.paid(session, members[2], call, *args) > 0
        for other in (session.stranger, session.owner, *members[:2], members[3], session.members_of(0)[2]):
            assert self.paid(session, other, call, *args) == 0
        last = session.deadline() - session.params.aggregate_secs * 3 // 4
        session.chain.next_at(last)
        assert self.paid(session, session.stranger, call, *args) == 0
        session.chain.next_at(last + 1)
        assert self.paid(session, session.stranger, call, *args) > 0

    @pytest.mark.parametrize("ending", ["sharing", "objecting", "uploading", "revealing"])
    def test_advance_over_a_deadline(self, new_paid: RecoverFactory, ending: str) -> None:
        """One account of all groups; who hasn't shared has no turn."""
        windows = {"commit_secs": 4_000, "upload_secs": 8_000, "reveal_secs": 16_000}
        session = new_paid(**windows).to(Stage.SHARE)
        seats = session.seated()
        session.share_all(seats[:7])
        if ending != "sharing":
            session.pass_deadline()
        if ending in ("uploading", "revealing"):
            session.pass_deadline()
        if ending == "revealing":
            session.upload_but(seats[0])
        end = session.deadline()
        session.chain.next_at(end + 1)
        session.chain.mine()
        self.wait(session, 3, 8)
        assert self.paid(session, seats[3], "advance") > 0
        for other in (session.stranger, session.owner, seats[2], seats[7]):
            assert self.paid(session, other, "advance") == 0
        self.wait(session, 7, 8)
        assert self.paid(session, seats[7], "advance") == 0, "it has never shared"
        secs = {"uploading": 8_000, "revealing": 16_000}.get(ending, 4_000)
        session.chain.next_at(end + secs // 4)
        assert self.paid(session, session.stranger, "advance") == 0
        session.chain.next_at(end + secs // 4 + 1)
        assert self.paid(session, session.stranger, "advance") > 0

    @pytest.mark.parametrize("call", ["share", "reveal", "rebuild"])
    def test_others_are_anybody_s(self, new_paid: RecoverFactory, call: str) -> None:
        """A member's own calls, and what can save a group."""
        session = new_paid(rounds=1).to(Stage.SHARE)
        members = session.members_of(0)
        if call == "share":
            assert all(amount_of(session.share(a)) > 0 for a in members)
            return
        session.upload_but(members[1])
        revealed = [amount_of(session.reveal(a)) for a in (members[0], *members[2:])]
        assert min(revealed) > 0
        if call == "rebuild":
            assert amount_of(session.rebuild(members[1])) > 0


class TestMoney:
    def test_f_has_three_commitments(self, new_recover: RecoverFactory) -> None:
        """Sharing, revealing, lending."""
        table = fee_table(register=11, commit=13, upload=17, upload_word=19)
        session = new_recover(fee_cap_wei=3, fee_table=table, parameter_count=42 * 9 + 5)
        assert member_fees(session.params) == 3 * (1_100 + 3 * 1_300 + 2 * 1_700 + 19 * 10)

    def test_the_reserve_has_calls_for_each_seat_and_group(self, new_session: Factory) -> None:
        """R (5 N + 1) as dear as a commitment, and eleven changes of stage (E18)."""
        table = FeeTable(**dict.fromkeys(FeeTable._fields, 0) | {"commit": 1, "move": 1000}).packed()
        session = new_session(policy=1, members=5, rounds=3, bound=6, fee_cap_wei=1, fee_table=table)
        assert reserve(session.params, 15) == 100 * (3 * (5 * 5 + 1) + 11 * 1_000)
        session.finish_setup()
        assert session.reserve() == reserve(session.params, 15)

    def test_the_reserve_pays_and_the_owner_has_the_rest(self, new_paid: RecoverFactory) -> None:
        session = new_paid(members=5, bound=6)
        session.gas_price = 10 * CAP
        fees = []
        session.finish_setup()
        for account in session.listed:
            fees.append(amount_of(session.register(account)))
        play(session, lambda receipt: fees.append(amount_of(receipt)))
        assert (session.stage(), session.reserve()) == (Stage.FINISHED, 0)
        _, burnt, rest = rewards(session.params, 9, 9)
        assert session.credit_of(session.owner) == rest + session.reserve_wei - sum(fees)
        money = session.money()
        assert (money.locked, money.credits + money.withdrawn, burnt) == (0, money.deposited, 0)
        session.withdraw_all()
        assert session.chain.balance(session.contract.address) == 0

    @pytest.mark.parametrize("limits", [1, 37])
    def test_the_longest_session_stays_within_its_reserve(self, new_recover: RecoverFactory, limits: int) -> None:
        """Limits so low that every call reaches them; everybody shares, half of them again, and some are gone later."""
        names = [name for name in FeeTable._fields if not name.endswith("_gas")]
        table = FeeTable(**dict.fromkeys(names, limits)).packed()
        sizes = {"members": 4, "rounds": 4, "threshold": 2, "unsafe_small": 1, "assignment": 1}
        session = new_recover(fee_cap_wei=CAP, fee_table=table, **sizes)
        session.gas_price = CAP
        session.finish_setup()
        fees = [amount_of(session.register(a)) for a in session.listed]
        session.chain.mine(80)
        fees.append(amount_of(session.draw()))
        fees += [amount_of(session.share(a)) for a in session.seated()]
        for group in range(4):
            first, second, *_ = session.members_of(group)
            session.object_to(first, second)
        fees.append(self.late(session))
        session.chain.mine(80)
        fees.append(amount_of(session.draw()))
        fresh = [session.members_of(g) for g in (4, 5)]
        fees += [amount_of(session.share(a)) for members in fresh for a in members[:3]]
        fees.append(self.late(session))
        fees.append(self.late(session))
        fees += [amount_of(session.upload(a, 0)) for members in fresh for a in members[:3]]
        assert session.stage() == Stage.REVEAL
        fees += [amount_of(session.reveal(a)) for members in fresh for a in members[:2]]
        session.pass_half_of_reveal()
        fees += [amount_of(session.reveal_shares(a)) for members in fresh for a in members[:2]]
        fees += [amount_of(session.rebuild(members[2])) for members in fresh]
        session.chain.sleep(session.params.aggregate_secs // 3)
        for group in session.live_groups(Status.DELIVERED):
            fees += [amount_of(session.disclose(group)), amount_of(session.unmask(group, 0))]
        session.chain.sleep(session.params.select_secs // 3)
        fees.append(amount_of(session.select()))
        session.chain.sleep(session.params.select_secs // 3)
        fees += [amount_of(session.settle(group)) for group in range(6)]
        assert session.stage() == Stage.FINISHED
        assert min(fees) > 0
        assert sum(fees) <= session.reserve_wei == reserve(session.params, 16)
        _, _, rest = rewards(session.params, 6, 6)
        assert session.credit_of(session.owner) == session.reserve_wei - sum(fees) + rest

    def late(self, session: RecoverDriver) -> int:
        """What a stranger is paid for `advance` long after the deadline."""
        session.chain.next_at(session.deadline() + session.params.commit_secs)
        return amount_of(session._send("advance", sender=session.stranger))
