"""What the embedded chain is on top of the port: accounts by label, snapshots, gas, limits, listeners, threads."""

from __future__ import annotations

import threading

import pytest

from omnilytics.chain.embedded import GAS_PRICE_WEI, TX_GAS_CAP, EmbeddedChain, Transaction
from omnilytics.errors import ChainError, InputError, Reverted
from omnilytics.types import Address, Receipt
from tests.chain.conftest import ETHER, Box, deploy_box


@pytest.fixture
def chain() -> EmbeddedChain:
    return EmbeddedChain()


class TestAccounts:
    def test_an_address_follows_from_the_label(self) -> None:
        first, second = (EmbeddedChain().create_account("alice", 1) for _ in range(2))
        assert first == second == first.lower()
        assert EmbeddedChain().create_account("bob", 1) != first

    def test_a_label_is_good_once(self, chain: EmbeddedChain, alice: Address) -> None:
        with pytest.raises(InputError, match="account 'alice' exists already"):
            chain.create_account("alice", 1)
        assert chain.balance(alice) == ETHER

    @pytest.mark.parametrize("wei", [-1, 2**256])
    def test_a_balance_is_a_word(self, chain: EmbeddedChain, wei: int) -> None:
        with pytest.raises(InputError, match=rf"0\.\.2\^256, got {wei}"):
            chain.create_account("carol", wei)

    def test_the_largest_balance(self, chain: EmbeddedChain) -> None:
        assert chain.balance(chain.create_account("carol", 2**256 - 1)) == 2**256 - 1

    @pytest.mark.parametrize("address", ["", "0x12", "0x" + "zz" * 20, "0x" + "00" * 21])
    def test_an_address_has_20_bytes(self, chain: EmbeddedChain, address: str) -> None:
        with pytest.raises(InputError, match="expected 0x and 40 hexadecimal digits"):
            chain.balance(Address(address))


class TestSetting:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"chain_id": 0}, "chain_id: expected at least 1, got 0"),
            ({"chain_id": -1}, r"chain_id: expected 0\.\.2\^64 - 1, got -1"),
            ({"fork": "paris"}, 'unknown fork "paris"'),
            ({"genesis_timestamp": 2**48}, "genesis_timestamp: expected below"),
            ({"block_secs": 0}, "block_secs: expected 1"),
        ],
    )
    def test_values_out_of_range(self, arguments: dict[str, int | str], message: str) -> None:
        with pytest.raises(InputError, match=message):
            EmbeddedChain(**arguments)  # type: ignore[arg-type]

    def test_it_starts_where_it_is_told(self) -> None:
        chain = EmbeddedChain(chain_id=7, genesis_timestamp=1_000, block_secs=5)
        assert (chain.chain_id, chain.simulated, chain.head()) == (7, True, (0, 1_000))
        chain.wait_blocks(3)
        assert chain.head() == (3, 1_015)
        assert "7 (osaka) at block 3" in repr(chain)

    def test_a_block_comes_12_seconds_after_the_one_before(
        self, chain: EmbeddedChain, box: Box, alice: Address
    ) -> None:
        timestamp = chain.timestamp()
        assert [box.send(alice, "quiet").timestamp - timestamp for _ in range(3)] == [12, 24, 36]

    def test_amsterdam_prices_state(self) -> None:
        used = []
        for fork in ("osaka", "amsterdam"):
            chain = EmbeddedChain(fork=fork)
            deploy_box(chain, chain.create_account("alice", ETHER))
            used.append(chain.transactions()[-1].gas)
        assert used[1] > 3 * used[0]


class TestMoney:
    def test_gas_is_free_unless_charged(self, chain: EmbeddedChain, alice: Address, bob: Address) -> None:
        chain.send("transfer", alice, bob, b"", 5)
        assert (chain.balance(alice), chain.balance(bob)) == (ETHER - 5, ETHER + 5)

    def test_charged_gas_has_a_fixed_price(self) -> None:
        chain = EmbeddedChain(charge_gas=True)
        alice, bob = (chain.create_account(name, ETHER) for name in ("alice", "bob"))
        for _ in range(3):
            chain.send("transfer", alice, bob, b"", 5)
        assert chain.balance(alice) == ETHER - 3 * (5 + 21_000 * GAS_PRICE_WEI)

    def test_a_refused_transaction_isnt_mined(self, chain: EmbeddedChain, alice: Address, bob: Address) -> None:
        with pytest.raises(ChainError, match=rf"lack of funds \({ETHER}\) for max fee \({ETHER + 1}\)"):
            chain.send("transfer", alice, bob, b"", ETHER + 1)
        assert (chain.block_number(), chain.transactions(), chain.balance(alice)) == (0, [], ETHER)

    @pytest.mark.parametrize("wei", [-1, 2**256])
    def test_a_value_is_a_word(self, chain: EmbeddedChain, alice: Address, bob: Address, wei: int) -> None:
        with pytest.raises(InputError, match=rf"0\.\.2\^256, got {wei}"):
            chain.send("transfer", alice, bob, b"", wei)


class TestLimits:
    def test_a_transaction_has_2_to_the_24_gas(self, chain: EmbeddedChain, box: Box, alice: Address) -> None:
        with pytest.raises(Reverted, match=r"spin reverted: the machine halted: .*gas"):
            box.send(alice, "spin")
        assert chain.transactions()[-1].gas == TX_GAS_CAP
        assert box.ask("number") == 1

    def test_a_transaction_has_128_kib(self, chain: EmbeddedChain, box: Box, alice: Address) -> None:
        height = chain.block_number()
        with pytest.raises(ChainError, match="131250 bytes, nodes take at most 131072"):
            box.send(alice, "take", bytes(131_072 - 4 - 64 + 64))
        assert chain.block_number() == height
        receipt = box.send(alice, "take", bytes(130_752))
        assert receipt.calldata_bytes == 4 + 64 + 130_752


class TestProfile:
    def test_instructions_take_what_the_receipt_has_beyond_calldata(
        self, chain: EmbeddedChain, box: Box, alice: Address
    ) -> None:
        data = box.interface.calldata("put", 5)
        before = chain.snapshot()
        plain = chain.send("put", alice, box.address, data, 3)
        chain.revert(before)
        receipt, spent = chain.send_profiled("put", alice, box.address, data, 3)
        assert receipt == plain
        assert {one.code for one in spent} == {box.address}
        zeros = data.count(0)
        assert sum(one.gas for one in spent) == receipt.gas_used - 21_000 - 4 * zeros - 16 * (len(data) - zeros)
        assert len({one.counter for one in spent}) == len(spent)

    def test_what_the_contract_refuses_is_refused(self, chain: EmbeddedChain, box: Box, alice: Address) -> None:
        with pytest.raises(Reverted):
            chain.send_profiled("refuse", alice, box.address, box.interface.calldata("refuse"))


class TestHistory:
    def test_transactions_in_order_with_those_refused(self, chain: EmbeddedChain, box: Box, alice: Address) -> None:
        receipt = box.send(alice, "put", 5, value_wei=3)
        with pytest.raises(Reverted):
            box.send(alice, "refuse")
        deployed, put, refused = chain.transactions()
        assert (deployed.sender, deployed.to, deployed.value) == (alice, None, 0)
        calldata = box.interface.calldata("put", 5)
        assert put == Transaction(alice, box.address, calldata, 3, receipt.gas_used)
        assert refused.calldata == box.interface.calldata("refuse")

    def test_what_the_contract_refuses_is_mined(self, chain: EmbeddedChain, box: Box, alice: Address) -> None:
        height = chain.block_number()
        with pytest.raises(Reverted):
            box.send(alice, "send", alice, 1)
        assert (chain.block_number(), chain.balance(alice)) == (height + 1, ETHER)

    def test_listeners_hear_what_succeeds(self, chain: EmbeddedChain, alice: Address) -> None:
        heard: list[Receipt] = []
        chain.on_receipt.append(heard.append)
        box = deploy_box(chain, alice)
        receipt = box.send(alice, "quiet")
        with pytest.raises(Reverted):
            box.send(alice, "refuse")
        assert [r.call for r in heard] == ["deploy", "quiet"]
        assert heard[1] == receipt

    def test_a_snapshot_brings_everything_back(self, chain: EmbeddedChain, box: Box, alice: Address) -> None:
        before = (chain.head(), chain.balance(alice), chain.transactions())
        snapshot = chain.snapshot()
        box.send(alice, "put", 9, value_wei=4)
        chain.wait_until(chain.timestamp() + 10**6)
        other = deploy_box(chain, alice)
        chain.revert(snapshot)
        assert (chain.head(), chain.balance(alice), chain.transactions()) == before
        assert (box.ask("number"), chain.logs(box.address)) == (1, [])
        with pytest.raises(ChainError, match="number answered 0 bytes"):
            other.ask("number")
        with pytest.raises(ChainError, match=f"unknown snapshot {snapshot}"):
            chain.revert(snapshot)

    def test_the_same_story_has_the_same_hashes(self) -> None:
        assert story(1) == story(1)
        assert story(1) != story(2)


def story(number: int) -> tuple[Address, list[bytes], bytes]:
    """A chain's life; gives the contract's address, the transactions' hashes and the last block's."""
    chain = EmbeddedChain()
    alice = chain.create_account("alice", ETHER)
    box = deploy_box(chain, alice)
    hashes = [box.send(alice, "put", number + n).tx_hash for n in range(5)]
    chain.wait_blocks(3)
    return box.address, hashes, chain.block_hash(chain.block_number())


def test_two_chains_in_two_threads() -> None:
    results: dict[int, tuple[Address, list[bytes], bytes]] = {}
    threads = [threading.Thread(target=lambda n=n: results.update({n: story(n)})) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {1: story(1), 2: story(2)}


def test_one_chain_in_two_threads(chain: EmbeddedChain, box: Box, alice: Address, bob: Address) -> None:
    def work(sender: Address) -> None:
        for number in range(100):
            box.send(sender, "put", number)

    threads = [threading.Thread(target=work, args=(sender,)) for sender in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert chain.block_number() == 1 + 200
    assert len(chain.logs(box.address)) == 200
