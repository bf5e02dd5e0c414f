"""Fees: what a useful call is paid, never more than it cost (docs/PROTOCOL.md section 9).

Whose turn it is: test_turns.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import (
    CONTRACTS,
    Accounts,
    Contract,
    Receipt,
    SessionDriver,
    Stage,
    Status,
    compiled,
    evm,
    reverts,
)
from tests.contracts.harness.decoys import Relayed
from tests.contracts.harness.economy import (
    GWEI,
    FeeTable,
    division,
    fee,
    fee_table,
    member_fees,
    record_constants,
    reserve,
)
from tests.contracts.harness.fixtures import Factory, factory

CAP = 20 * GWEI
FEES = {"fee_cap_wei": CAP, "fee_table": fee_table()}
PRICE = 7 * GWEI
KRUM = {"rule": 1, "rounds": 4, "members": 2, "krum_mu_bps": 2_000, "krum_m_rule": 1}
SLACK = {"aggregate": 65_000, "gram": 65_000}
"""Gas that a call may cost beyond what it measures: long arguments take memory before its first statement."""

SESSIONS = {
    "greedy": {},
    "shuffled": {"assignment": 1, "record_constants": record_constants()},
    "krum": KRUM | {"parameter_count": 42 * 9 + 5},
    "long": {"parameter_count": 42 * 480, "chunk_words": 240},
}


def paid(session: SessionDriver, price: int = PRICE) -> SessionDriver:
    session.gas_price = price
    return session


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Six may join; nobody has yet."""
    return paid(new_session(**FEES)).to(Stage.REGISTER)


def amount_of(receipt: Receipt) -> int:
    """What the caller was credited for the call."""
    return sum(e.amount_wei for e in receipt.named("FeeCredited"))


class TestTable:
    def test_the_bits_are_the_pages(self) -> None:
        """Three prices, five limits, three pairs of limits, from the lowest bit (E17)."""
        widths = [8, 8, 24, *[16] * 11]
        assert sum(widths) == 216
        for index, name in enumerate(FeeTable._fields):
            only = FeeTable(*[int(field == name) for field in FeeTable._fields])
            assert only.packed() == 1 << sum(widths[:index])
            assert FeeTable.unpacked(only.packed()) == only

    def test_limits_are_in_100_gas_but_a_word_s_in_gas(self) -> None:
        table = FeeTable(register=3, upload=5, upload_word=7)
        assert (table.limit("register"), table.limit("upload", 10)) == (300, 570)


class TestAmount:
    """(E25)"""

    @pytest.mark.parametrize(
        ("price", "counted"), [(GWEI - 1, GWEI - 1), (PRICE, PRICE), (CAP, CAP), (CAP + 1, CAP), (10**15, CAP)]
    )
    def test_the_price_counts_up_to_the_cap(self, base: SessionDriver, price: int, counted: int) -> None:
        session, account = paid(base.copy(), price), base.listed[0]
        receipt = session.register(account)
        event = receipt.only("FeeCredited")
        assert event.account == account
        assert event.amount_wei == fee(event.gas_metered, 250_000, price, CAP)
        assert event.amount_wei == event.gas_metered * counted // GWEI * GWEI
        assert event.amount_wei <= receipt.gas_used * price
        assert session.credit_of(account) == session.member(account).fees_wei == event.amount_wei

    def test_a_price_of_zero_pays_nothing(self, base: SessionDriver) -> None:
        receipt = paid(base.copy(), 0).register(base.listed[0])
        assert receipt.named("FeeCredited") == []
        assert base.credit_of(base.listed[0]) == 0
        assert base.reserve() == base.reserve_wei

    @pytest.mark.parametrize("limit", [0, 1, 500, 1_000])
    def test_the_limit_binds(self, new_session: Factory, limit: int) -> None:
        table = fee_table(register=limit)
        session = paid(new_session(fee_cap_wei=CAP, fee_table=table)).to(Stage.REGISTER)
        receipt = session.register(session.listed[0])
        assert amount_of(receipt) == fee(receipt.gas_used, 100 * limit, PRICE, CAP)
        assert (receipt.named("FeeCredited") == []) == (limit == 0)

    def test_a_low_cap_rounds_down_to_gwei(self, new_session: Factory) -> None:
        session = paid(new_session(fee_cap_wei=3, fee_table=fee_table())).to(Stage.REGISTER)
        assert session.register(session.listed[0]).named("FeeCredited") == []
        assert session.credit_of(session.listed[0]) == 0

    def test_the_tables_prices_count(self, new_session: Factory) -> None:
        """A table that says that gas is dearer than it is can make a session pay too much: who starts it chose that."""
        metered = []
        for base_gas in (21_000, 0):
            session = paid(new_session(fee_cap_wei=CAP, fee_table=fee_table(base_gas=base_gas))).to(Stage.REGISTER)
            metered.append(session.register(session.listed[0]).only("FeeCredited").gas_metered)
        assert abs(metered[0] - metered[1] - 21_000) < 200, "addresses in the calldata differ"


class TestMetering:
    @pytest.mark.parametrize("kind", SESSIONS, ids=str)
    def test_no_call_is_paid_more_than_it_cost(self, new_session: Factory, kind: str) -> None:
        """Every call of a session, by one whose turn it is or after the quarter; the constants are near."""
        session = paid(new_session(**FEES | SESSIONS[kind]))
        found: dict[str, list[tuple[int, int]]] = {}

        def watch(receipt: Receipt) -> None:
            for event in receipt.named("FeeCredited"):
                found.setdefault(receipt.call, []).append((event.gas_metered, receipt.gas_used))

        play_slowly(session, watch)
        calls = {"register", "commit", "upload", "aggregate", "select", "settle"}
        assert set(found) == calls | ({"draw"} if session.params.assignment else set()) | (
            {"gram"} if session.params.rule else set()
        )
        for call, gas in found.items():
            for metered, used in gas:
                assert metered <= used, call
                assert metered >= used - SLACK.get(call, 40_000), call

    def test_the_floor_is_metered_exactly(self, new_session: Factory) -> None:
        """A call whose calldata costs more than its work pays 10 gas a token, and gets it back."""
        session = paid(new_session(**FEES | SESSIONS["long"])).to(Stage.UPLOAD)
        for account in session.seated():
            receipt = session.upload(account, 0)
            event = receipt.only("FeeCredited")
            assert event.gas_metered == receipt.gas_used == 21_000 + 10 * evm.tokens(receipt.calldata)

    def test_zero_bytes_count_as_what_they_cost(self, new_session: Factory) -> None:
        session = paid(new_session(**FEES | SESSIONS["long"])).to(Stage.COMMIT)
        account = session.seated()[0]
        session.payloads[account] = [0] * session.word_count
        session.to(Stage.UPLOAD)
        receipt = session.upload(account, 0)
        assert receipt.only("FeeCredited").gas_metered <= receipt.gas_used

    @pytest.fixture(scope="class")
    def meter(self, accounts: Accounts) -> Contract:
        return compiled(CONTRACTS / "Meter.vy").deploy(sender=accounts.deployer)

    def counted(self, meter: Contract, data: bytes) -> int:
        return int.from_bytes(evm.call("tokens", "0x" + "00" * 20, meter.address, data), "big")

    @pytest.mark.parametrize("size", [*range(70), 255, 256, 257, 287, 288, 289, 511, 512, 513, 8_191, 131_000])
    @pytest.mark.parametrize("pattern", [b"\0", b"\1", b"\x80", b"\xff", b"\0\1", b"\1\0\0"])
    def test_tokens_of_every_size(self, meter: Contract, size: int, pattern: bytes) -> None:
        data = (pattern * size)[:size]
        assert self.counted(meter, data) == evm.tokens(data)

    @settings(max_examples=60)
    @given(data=st.lists(st.sampled_from([0, 0, 1, 127, 128, 255]), max_size=600).map(bytes))
    def test_tokens_of_any_bytes(self, meter: Contract, data: bytes) -> None:
        assert self.counted(meter, data) == evm.tokens(data)


def play_slowly(session: SessionDriver, watch: Callable[[Receipt], object]) -> None:
    """An honest session whose steps that anybody may make come after the first quarter, so that all are paid."""
    session.finish_setup()
    for account in session.listed:
        watch(session.register(account))
    if session.stage() == Stage.DRAW:
        session.chain.mine(80)
        watch(session.draw())
    for account in session.seated():
        watch(session.commit(account))
    for account in session.seated():
        for chunk in range(session.chunk_count):
            watch(session.upload(account, chunk))
    session.chain.sleep(session.params.aggregate_secs // 3)
    for group in range(session.group_count()):
        for chunk in range(session.chunk_count):
            watch(session.aggregate(group, chunk))
    session.chain.sleep(session.params.select_secs // 3)
    if session.params.rule == 1:
        for chunk in range(session.chunk_count):
            watch(session.gram(chunk))
    watch(session.select())
    session.chain.sleep(session.params.select_secs // 3)
    for group in range(session.group_count()):
        watch(session.settle(group))


class TestWho:
    def test_a_contract_is_not_paid(self, base: SessionDriver, new_session: Factory, accounts: Accounts) -> None:
        """Sender and origin differ."""
        backend = Relayed(evm)
        decoy = backend.new_decoy(accounts.deployer)
        make = factory(base.chain, Contract("Market", base.market.abi, base.market.address, backend), accounts)
        session = paid(make([decoy, *accounts[:5]], **FEES)).to(Stage.REGISTER)
        assert session.register(decoy).named("FeeCredited") == []
        assert session.credit_of(decoy) == 0
        assert amount_of(session.register(session.listed[1])) > 0

    def test_an_account_with_code_is_not_paid(self, base: SessionDriver) -> None:
        """A delegation (EIP-7702) could make one transaction of many calls, whose intrinsic gas is paid once."""
        account = base.listed[0]
        base.chain.set_code(account, bytes.fromhex("ef0100") + bytes.fromhex(base.stranger[2:]))
        assert base.register(account).named("FeeCredited") == []

    @pytest.mark.parametrize("call", ["exit", "decline", "withdraw", "withdraw_for"])
    def test_calls_that_are_not_paid(self, base: SessionDriver, call: str) -> None:
        session = base.copy()
        if call == "exit":
            receipt = session.contract.exit(sender=session.owner, gas_price=PRICE)
        elif call == "decline":
            session.register_all()
            receipt = session.decline(session.listed[0])
        else:
            account = session.listed[0]
            session.register(account)
            args = (account,) if call == "withdraw_for" else ()
            receipt = getattr(session.contract, call)(*args, sender=account, gas_price=PRICE)
        assert receipt.named("FeeCredited") == []

    def test_setting_up_is_not_paid(self, new_session: Factory) -> None:
        session = new_session(**FEES)
        steps = [session.whitelist(), *session.publish(), session.start()]
        for call, args in (("whitelist", ([session.stranger],)), ("publish", (1, bytes(32)))):
            with reverts("session: wrong stage"):
                getattr(session.contract, call)(*args, sender=session.owner, gas_price=PRICE)
        assert [r.named("FeeCredited") for r in steps] == [[]] * len(steps)

    def test_without_a_table_nobody_is_paid(self, new_session: Factory) -> None:
        session = paid(new_session())
        fees: list[object] = []
        play_slowly(session, lambda receipt: fees.extend(receipt.named("FeeCredited")))
        assert fees == []
        assert session.money().deposited == session.params.reward_wei + 6 * session.params.bond_wei


class TestMoney:
    def test_fees_can_be_withdrawn_before_the_bond(self, base: SessionDriver) -> None:
        account = base.listed[0]
        wei = amount_of(base.register(account))
        before = base.chain.balance(account)
        event = base.contract.withdraw(sender=account).only("Withdrawn")
        assert (event.account, event.amount_wei) == (account, wei)
        assert base.chain.balance(account) == before + wei
        member = base.member(account)
        assert (member.fees_wei, member.withdrawn, base.credit_of(account)) == (0, False, 0)
        with reverts("session: nothing to withdraw"):
            base.contract.withdraw(sender=account)
        base.contract.exit(sender=base.owner)
        assert base.credit_of(account) == base.params.bond_wei
        base.contract.withdraw_for(account, sender=base.stranger)
        assert base.member(account).withdrawn

    def test_a_stranger_has_fees_too(self, base: SessionDriver) -> None:
        base.register_all(base.listed[:3])
        base.chain.sleep(base.deadline() + base.params.register_secs // 3 - base.chain.time)
        wei = amount_of(base.contract.advance(sender=base.stranger, gas_price=PRICE))
        assert base.credit_of(base.stranger) == base.member(base.stranger).fees_wei == wei > 0
        assert not base.member(base.stranger).registered
        base.contract.withdraw(sender=base.stranger)
        assert base.credit_of(base.stranger) == 0

    def test_fees_that_come_after_the_bond(self, new_session: Factory) -> None:
        session = paid(new_session(7, **FEES | {"assignment": 1})).to(Stage.COMMIT)
        (account,) = [a for a in session.listed if not session.member(a).seated]
        session.contract.withdraw(sender=account)
        assert (session.member(account).withdrawn, session.credit_of(account)) == (True, 0)
        session.to(Stage.PAYMENT)
        session.chain.sleep(session.params.select_secs)
        session.caller = account
        wei = amount_of(session.settle(0))
        assert session.credit_of(account) == wei > 0
        assert session.contract.withdraw(sender=account).only("Withdrawn").amount_wei == wei
        with reverts("session: nothing to withdraw"):
            session.contract.withdraw(sender=account)

    def test_a_change_of_stage_is_paid_on_top(self, new_session: Factory) -> None:
        """The last registration, commitment and upload may cost more than the others; `move` covers that."""
        session = paid(new_session(fee_cap_wei=CAP, fee_table=fee_table(register=1, commit=1, upload=1, upload_word=1)))
        session.to(Stage.REGISTER)
        for stage, step in ((Stage.REGISTER, session.register), (Stage.COMMIT, session.commit)):
            assert session.stage() == stage
            accounts = session.listed if stage == Stage.REGISTER else session.seated()
            amounts = [amount_of(step(a)) for a in accounts]
            assert amounts[:-1] == [100 * PRICE] * 5
            assert amounts[-1] > 500 * PRICE

    @pytest.mark.parametrize("kind", SESSIONS, ids=str)
    def test_the_reserve_pays_and_the_owner_has_the_rest(self, new_session: Factory, kind: str) -> None:
        session = paid(new_session(**FEES | SESSIONS[kind]), 10 * CAP)
        fees = []
        play_slowly(session, lambda receipt: fees.append(amount_of(receipt)))
        assert session.stage() == Stage.FINISHED
        assert session.reserve() == 0
        _, _, rest = division(session.params, session.params.rounds, session.accepted().bit_count())
        assert session.credit_of(session.owner) == rest + session.reserve_wei - sum(fees)
        money = session.money()
        assert (money.locked, money.credits + money.withdrawn) == (0, money.deposited)
        session.withdraw_all()
        assert session.chain.balance(session.contract.address) == 0

    def test_finished_says_what_the_owner_has_after_the_last_fee(self, new_session: Factory) -> None:
        session = paid(new_session(**FEES)).to(Stage.PAYMENT)
        session.chain.sleep(session.params.select_secs)
        session.settle(0)
        before = session.reserve()
        receipt = session.settle(1)
        event = receipt.only("Finished")
        assert amount_of(receipt) > 0
        assert event.owner_credit_wei == session.credit_of(session.owner)
        assert event.owner_credit_wei == before - amount_of(receipt) + session.params.reward_wei % 6

    @pytest.mark.parametrize("limits", [1, 37])
    def test_the_longest_session_stays_within_its_reserve(self, new_session: Factory, limits: int) -> None:
        """Limits so low that every call reaches them; each stage is entered, the draw and the commitment twice."""
        names = [name for name in FeeTable._fields if not name.endswith("_gas")]
        table = FeeTable(**dict.fromkeys(names, limits))
        session = paid(new_session(fee_cap_wei=CAP, fee_table=table.packed(), assignment=1, rounds=4, members=2), CAP)
        session.finish_setup()
        fees = [amount_of(session.register(a)) for a in session.listed]
        for missing in ([0, 2], []):
            session.chain.mine(80)
            fees.append(amount_of(session.draw()))
            for i, account in enumerate(session.seated()):
                seat = session.member(account)
                if i not in missing and not seat.committed and session.group(seat.group).status == Status.COMMIT:
                    fees.append(amount_of(session.commit(account)))
            if session.stage() == Stage.COMMIT:
                session.chain.sleep(2 * session.params.commit_secs)
                fees.append(amount_of(session.contract.advance(sender=session.stranger, gas_price=CAP)))
        for account in session.seated():
            if session.group(session.member(account).group).status == Status.UPLOAD:
                fees.append(amount_of(session.upload(account, 0)))
        session.chain.sleep(session.params.aggregate_secs // 3)
        fees += [amount_of(session.aggregate(g, 0)) for g in session.live_groups(Status.DELIVERED)]
        session.chain.sleep(session.params.select_secs // 3)
        fees.append(amount_of(session.select()))
        session.chain.sleep(session.params.select_secs // 3)
        for group in range(5):
            fees.append(amount_of(session.settle(group)))
        assert session.stage() == Stage.FINISHED
        assert min(fees) > 0
        assert sum(fees) <= session.reserve_wei == reserve(session.params, 8)
        share, burnt, rest = division(session.params, 3, 3)
        assert (share, burnt) == (session.params.reward_wei // 8, 0)
        assert session.credit_of(session.owner) == session.reserve_wei - sum(fees) + rest

    def test_f_is_what_a_members_calls_are_paid_at_most(self, new_session: Factory) -> None:
        table = fee_table(register=11, commit=13, upload=17, upload_word=19)
        session = new_session(fee_cap_wei=3, fee_table=table, parameter_count=42 * 9 + 5)
        assert member_fees(session.params) == 3 * (1_100 + 1_300 + 2 * 1_700 + 19 * 10)
