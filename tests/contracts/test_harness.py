"""The harness itself: boundaries, receipts, limits, time, isolation, events, reverts."""

from __future__ import annotations

from pathlib import Path

import boa
import pytest
from boa.util.abi import Address

from omnilytics.blobs.scheme import compressed, point_of
from tests.contracts.harness import (
    TX_GAS_CAP,
    TX_SIZE_CAP,
    Accounts,
    Chain,
    Contract,
    LimitExceeded,
    Reverted,
    SessionDriver,
    compiled,
    evm,
    reverts,
)
from tests.contracts.harness import blobs as b
from tests.contracts.harness.curve import native_curve
from tests.contracts.harness.decoys import Relayed
from tests.contracts.harness.evm import ENVELOPE_BYTES
from tests.contracts.harness.fixtures import Factory
from tests.contracts.harness.gas import GasTable
from tests.contracts.harness.keys import key_digest, off_curve_x, public, sign
from tests.gas.revm import RevmChain
from tests.golden import unhex, vectors

PROBE = Path(__file__).parent / "mocks" / "Probe.vy"


@pytest.fixture(scope="module")
def probe(accounts: Accounts) -> Contract:
    return compiled(PROBE).deploy(7, sender=accounts.deployer)


class TestReads:
    """What is read twice in one state is executed once; whatever changes makes it be executed again."""

    @pytest.fixture
    def executed(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        seen, execute = [], boa.env.execute_code

        def counting(**options: object) -> object:
            if options.get("simulate"):
                seen.append(options["data"])
            return execute(**options)

        monkeypatch.setattr(boa.env, "execute_code", counting)
        return seen

    def test_of_one_state(self, probe: Contract, accounts: Accounts, executed: list[object]) -> None:
        for sender in (accounts.alice, accounts.bob):
            assert probe.slot(sender=sender) == probe.slot(sender=sender) == 7
        assert len(executed) == 2

    def test_after_every_kind_of_change(
        self, chain: Chain, probe: Contract, accounts: Accounts, executed: list[object]
    ) -> None:
        changes = [
            lambda: chain.sleep(1),
            lambda: chain.next_at(chain.time + 7),
            lambda: chain.set_balance(accounts.alice, 5),
            lambda: chain.set_code(accounts.alice, b"\0"),
            lambda: boa.env.set_storage(probe.address, 99, 1),
            lambda: probe.put(8, sender=accounts.bob),
            lambda: compiled(PROBE).deploy(7, sender=accounts.bob),
        ]
        for count, change in enumerate([lambda: None, *changes], 1):
            change()
            probe.slot()
            assert len(executed) == count

    def test_of_what_was_undone(self, chain: Chain, probe: Contract, accounts: Accounts) -> None:
        assert probe.slot() == 7
        with chain.anchor():
            probe.put(8, sender=accounts.alice)
            assert probe.slot() == 8
        assert probe.slot() == 7

    def test_with_blobs(self, chain: Chain, probe: Contract, executed: list[object]) -> None:
        probe.slot()
        with chain.carrying([b"\1" * 32]):
            probe.slot()
        assert len(executed) == 2


class TestReceipts:
    """Gas as a node's receipt has it; test_harness_gas.py compares with the embedded chain."""

    def test_a_cold_slot_costs_the_same_in_every_transaction(self, probe: Contract, accounts: Accounts) -> None:
        first, second = (probe.put(v, sender=accounts.alice).gas_used for v in (8, 9))
        assert first == second

    def test_a_refund_is_capped_at_a_fifth(self, probe: Contract, accounts: Accounts) -> None:
        filled = probe.fill(20, sender=accounts.alice).gas_used
        cleared = probe.clear(20, sender=accounts.alice).gas_used
        assert filled > 20 * 22_100
        full_refund = 20 * 4_800
        spent = 21_000 + 20 * 5_000
        assert cleared > spent - full_refund
        assert cleared * 5 >= spent * 4

    def test_the_original_value_is_that_of_this_transaction(self, probe: Contract, accounts: Accounts) -> None:
        once, thrice = (probe.bump(n, sender=accounts.alice).gas_used for n in (1, 3))
        assert thrice - once < 2 * 1_000

    def test_transient_storage_ends_with_its_transaction(self, probe: Contract, accounts: Accounts) -> None:
        assert [probe.tick(sender=accounts.alice).value for _ in range(3)] == [1, 1, 1]

    @pytest.mark.parametrize(("byte", "per_byte"), [(b"\x01", 40), (b"\x00", 10)])
    def test_data_pays_the_floor(self, probe: Contract, accounts: Accounts, byte: bytes, per_byte: int) -> None:
        receipt = probe.take(byte * 64_000, sender=accounts.alice)
        zeros = receipt.calldata.count(0)
        assert receipt.gas_used == 21_000 + 10 * zeros + 40 * (len(receipt.calldata) - zeros)
        assert abs(receipt.gas_used - 21_000 - per_byte * 64_000) < 5_000

    def test_value_arrives(self, probe: Contract, accounts: Accounts, chain: Chain) -> None:
        before = chain.balance(accounts.alice)
        probe.put(1, sender=accounts.alice, value=5)
        assert chain.balance(probe.address) == 5
        assert chain.balance(accounts.alice) == before - 5


class TestLimits:
    def test_the_largest_transaction_passes_and_a_byte_more_does_not(self, probe: Contract, accounts: Accounts) -> None:
        head = 4 + 64
        room = (TX_SIZE_CAP - ENVELOPE_BYTES - head) // 32 * 32
        probe.take(bytes(room), sender=accounts.alice)
        with pytest.raises(LimitExceeded, match="expected at most 131072 bytes"):
            probe.take(bytes(room + 1), sender=accounts.alice)

    def test_a_transaction_has_2_to_the_24_gas(self, probe: Contract, accounts: Accounts) -> None:
        with pytest.raises(LimitExceeded, match=f"expected at most {TX_GAS_CAP} gas"):
            probe.fill(760, sender=accounts.alice)
        assert probe.fill(740, sender=accounts.alice).gas_used < TX_GAS_CAP

    def test_the_cap_is_seen_through_a_clone(self, probe: Contract, accounts: Accounts) -> None:
        clone = compiled(PROBE).at(probe.clone(sender=accounts.alice).value)
        with pytest.raises(LimitExceeded, match=f"expected at most {TX_GAS_CAP} gas"):
            clone.fill(760, sender=accounts.bob)


class TestReverts:
    def test_the_reason_must_be_the_very_one(self, probe: Contract, accounts: Accounts) -> None:
        with reverts("probe: refused"):
            probe.refuse(sender=accounts.alice)
        with pytest.raises(AssertionError, match="expected 'probe'"), reverts("probe"):
            probe.refuse(sender=accounts.alice)

    def test_a_call_that_passes_is_not_a_revert(self, probe: Contract, accounts: Accounts) -> None:
        with pytest.raises(AssertionError, match="expected a revert"), reverts("probe: refused"):
            probe.put(1, sender=accounts.alice)

    def test_arguments_out_of_range_revert_without_a_reason(self, probe: Contract, accounts: Accounts) -> None:
        with reverts():
            probe.send(probe.abi.calldata("clamp", (255,))[:-2] + b"\x01\x00", sender=accounts.alice)

    def test_ether_for_a_function_that_takes_none(self, probe: Contract, accounts: Accounts) -> None:
        with reverts():
            probe.clamp(1, sender=accounts.alice, value=1)

    def test_a_revert_leaves_nothing_but_a_block(self, probe: Contract, accounts: Accounts, chain: Chain) -> None:
        height, slot = chain.height, probe.slot()
        with pytest.raises(Reverted):
            probe.refuse(sender=accounts.alice)
        assert (probe.slot(), chain.height) == (slot, height + 1)


class TestNumbers:
    """`start` says what it expected and what it was given."""

    @pytest.fixture(scope="class")
    def session(self, new_session: Factory) -> SessionDriver:
        session = new_session(samples=0)
        session.whitelist()
        session.publish()
        return session

    @pytest.mark.parametrize("tail", ["", ": expected 1, given 0"])
    def test_the_numbers_may_be_left_out(self, session: SessionDriver, tail: str) -> None:
        with reverts(f"start: samples out of 1..2^32-1{tail}"):
            session.start()

    @pytest.mark.parametrize("tail", [": expected 1, given 1", ": expected 1", " of 1"])
    def test_other_numbers_are_another_reason(self, session: SessionDriver, tail: str) -> None:
        with pytest.raises(AssertionError, match="reverted with"), reverts(f"start: samples out of 1..2^32-1{tail}"):
            session.start()


class TestCallers:
    """What a contract sees of the transaction around a call."""

    @pytest.mark.parametrize("price", [0, 1, 7 * 10**9])
    def test_the_gas_price_is_seen_and_not_charged(
        self, probe: Contract, accounts: Accounts, chain: Chain, price: int
    ) -> None:
        before = chain.balance(accounts.alice)
        assert probe.caller(sender=accounts.alice, gas_price=price).value == [price, accounts.alice, accounts.alice]
        assert chain.balance(accounts.alice) == before
        assert probe.caller(sender=accounts.alice).value[0] == 0, "the next one has its own"

    def test_the_embedded_chain_charges_nothing_either(self) -> None:
        chain = RevmChain()
        accounts = Accounts(chain.set_balance)
        probe = compiled(PROBE).on(chain).deploy(7, sender=accounts.deployer)
        before = chain.balance(accounts.alice)
        probe.put(1, sender=accounts.alice, value=3, gas_price=10**9)
        assert chain.balance(accounts.alice) == before - 3
        assert probe.caller(sender=accounts.bob, gas_price=5).value == [5, accounts.bob, accounts.bob]

    def test_an_decoy_sends_through_its_keeper(self, probe: Contract, accounts: Accounts, chain: Chain) -> None:
        backend = Relayed(evm)
        decoy = backend.new_decoy(accounts.stranger)
        relayed = Contract("Probe", probe.abi, probe.address, backend)
        event = relayed.put(5, sender=decoy, value=9).only("Noted")
        assert event.who == decoy
        assert chain.balance(probe.address) == 9
        with reverts("probe: refused"):
            relayed.refuse(sender=decoy)
        assert relayed.put(6, sender=accounts.bob).only("Noted").who == accounts.bob


class TestTime:
    def test_each_transaction_is_a_block_a_second_later(
        self, probe: Contract, accounts: Accounts, chain: Chain
    ) -> None:
        height, time = chain.height, chain.time
        probe.put(1, sender=accounts.alice)
        assert probe.now() == [height + 1, time + 1]

    def test_sleep_and_mine(self, probe: Contract, chain: Chain) -> None:
        height, time = chain.height, chain.time
        chain.sleep(3_600)
        chain.mine(4)
        assert probe.now() == [height + 5, time + 3_604]

    def test_the_next_transaction_at_a_given_time(self, probe: Contract, accounts: Accounts, chain: Chain) -> None:
        chain.next_at(chain.time + 1_000)
        expected = chain.time + 1
        probe.put(1, sender=accounts.alice)
        assert chain.time == expected
        with pytest.raises(ValueError, match="expected a time after"):
            chain.next_at(chain.time)

    def test_block_hashes_reach_back_256_blocks(self, probe: Contract, chain: Chain) -> None:
        chain.mine(300)
        assert probe.ancestor(chain.height - 1) == chain.block_hash(chain.height - 1)
        assert probe.ancestor(chain.height - 256) == chain.block_hash(chain.height - 256)
        for number in (chain.height, chain.height - 257):
            with reverts():
                probe.ancestor(number)


class TestIsolation:
    def test_a_snapshot_undoes_state_time_and_height(self, probe: Contract, accounts: Accounts, chain: Chain) -> None:
        snapshot = chain.snapshot()
        before = (probe.slot(), chain.height, chain.time, chain.balance(accounts.alice))
        probe.put(123, sender=accounts.alice, value=1)
        chain.sleep(1_000)
        snapshot.revert()
        assert (probe.slot(), chain.height, chain.time, chain.balance(accounts.alice)) == before

    @pytest.mark.parametrize("turn", [1, 2])
    def test_every_test_begins_from_the_same_state(self, probe: Contract, accounts: Accounts, turn: int) -> None:
        assert probe.slot() == 7, f"turn {turn}"
        probe.put(50, sender=accounts.alice)


class TestTypes:
    def test_events_have_their_fields_by_name(self, probe: Contract, accounts: Accounts) -> None:
        event = probe.put(5, sender=accounts.bob).only("Noted")
        assert (event.who, event.number, event.data, event.address) == (accounts.bob, 5, b"put", probe.address)

    def test_the_one_event_of_a_name(self, probe: Contract, accounts: Accounts) -> None:
        with pytest.raises(AssertionError, match="expected one Missing"):
            probe.put(5, sender=accounts.bob).only("Missing")

    def test_structs_come_back_with_names(self, probe: Contract) -> None:
        assert (probe.pair().number, probe.pair().who) == (7, probe.address)

    def test_the_number_of_arguments_is_checked(self, probe: Contract, accounts: Accounts) -> None:
        with pytest.raises(TypeError, match="put: expected 1 arguments, got 2"):
            probe.put(1, 2, sender=accounts.alice)
        with pytest.raises(AttributeError, match="no function nothing"):
            probe.nothing()

    def test_accounts_have_names_and_numbers(self, accounts: Accounts, chain: Chain) -> None:
        assert accounts.alice == accounts[0]
        assert len({*accounts, accounts.owner, accounts.stranger, accounts.deployer, accounts.other_owner}) == 68
        assert chain.balance(accounts[63]) == 1_000 * 10**18


class TestKeys:
    def test_the_evm_recovers_the_signer(self, probe: Contract, accounts: Accounts, chain: Chain) -> None:
        digest = key_digest(chain.id, probe.address, accounts.alice)
        assert probe.recover(digest, *sign(12_345, digest), sender=accounts.alice).value == public(12_345)[2]

    def test_x_off_the_curve_recovers_nobody(self, probe: Contract, accounts: Accounts) -> None:
        x = off_curve_x()
        assert int(probe.recover(bytes(32), 27, x, x, sender=accounts.alice).value, 16) == 0

    def test_recovering_from_x_gives_the_address_of_the_point(self, probe: Contract, accounts: Accounts) -> None:
        x, parity, address = public(777)
        assert probe.recover(bytes(32), 27 + parity, x, x, sender=accounts.alice).value == address


def test_the_gas_table_counts_least_mean_and_most() -> None:
    table = GasTable()
    for used in (10, 20, 6_000):
        table.add("C", "f", used, bytes(4 + 32 * used))
    assert table.rows() == [("C", "f", 3, 10, 2_010, 6_000, 6_000)]
    assert table.lines()[1].split() == ["C", "f", "3", "10", "2,010", "6,000", "6,000"]


def _curve_calls() -> dict[str, tuple[int, bytes]]:
    """Good and bad calls of the precompiles of blobs."""
    one, other = b.split(b.group_sums(0, 0).points)[:2]
    session = vectors("blobs")["sessions"][0]
    case = next(found for found in vectors("blobs")["openings"] if found["session"] == 0)
    point = unhex(session["groups"][case["group"]]["sums"])
    opening = [point_of(case["index"] % 4096), int(case["element"], 16)]
    words = b"".join(number.to_bytes(32, "big") for number in opening)
    commitment = compressed(point)
    opened = b.versioned(commitment) + words + commitment + unhex(case["proof"])
    return {
        "a sum": (0x0B, one + other),
        "a point with itself": (0x0B, one + one),
        "off the curve": (0x0B, one + b.off_the_curve(other)),
        "half a sum": (0x0B, one),
        "a product": (0x0C, one + (2**255).to_bytes(32, "big")),
        "products": (0x0C, (one + bytes(31) + b"\3" + other + b"\7" * 32) * 3),
        "off the subgroup": (0x0C, b.off_the_subgroup() + bytes(31) + b"\1"),
        "no product": (0x0C, b""),
        "an opening": (0x0A, opened),
        "another witness": (0x0A, opened[:-48] + b"\xc0" + bytes(47)),
        "another hash": (0x0A, b"\1" * 32 + opened[32:]),
    }


@pytest.mark.parametrize("name", _curve_calls())
def test_the_curve_of_coverage_is_the_other_one(chain: Chain, name: str) -> None:
    """Answers and gas are the same, and what is refused."""
    number, data = _curve_calls()[name]

    def asked() -> tuple[bool, bytes, int]:
        found = boa.env.execute_code(Address(f"0x{number:040x}"), data=data, gas=200_000)
        return found.is_error, found.output, found.get_gas_used()

    own = asked()
    with native_curve():
        assert asked() == own
