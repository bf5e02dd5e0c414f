"""What every backend's transport does, on a small contract: receipts, logs, answers, reasons, time."""

from __future__ import annotations

import pytest

from omnilytics.chain.reverts import NO_REASON, explain
from omnilytics.errors import ChainError, InputError, Reverted
from omnilytics.types import ZERO_ADDRESS, Address
from tests.chain.conftest import ETHER, AnyChain, Box, deploy_box, worth


class TestReceipts:
    def test_a_receipt_says_what_happened(self, chain: AnyChain, box: Box, alice: Address) -> None:
        receipt = box.send(alice, "put", 5, value_wei=3)
        assert (receipt.call, receipt.sender, receipt.contract_address) == ("put", alice, None)
        assert (receipt.block, receipt.timestamp) == chain.head()
        assert (receipt.calldata_bytes, len(receipt.tx_hash)) == (36, 32)
        assert 21_000 < receipt.gas_used < 60_000
        assert [log.address for log in receipt.logs] == [box.address]
        assert chain.balance(box.address) == 3

    def test_a_deployment_has_an_address(self, chain: AnyChain, alice: Address) -> None:
        first, second = (deploy_box(chain, alice).address for _ in range(2))
        assert first != second
        assert first == first.lower()

    def test_a_block_for_every_transaction(self, chain: AnyChain, box: Box, alice: Address) -> None:
        number, timestamp = chain.head()
        receipts = [box.send(alice, "quiet") for _ in range(3)]
        assert [r.block for r in receipts] == [number + 1, number + 2, number + 3]
        assert timestamp <= receipts[0].timestamp <= receipts[1].timestamp <= receipts[2].timestamp


class TestLogs:
    def test_every_type_of_field(self, box: Box, alice: Address) -> None:
        (log,) = box.send(alice, "put", 5).logs
        assert box.interface.decode_log(log) == (
            "Put",
            {
                "who": alice,
                "number": -7,
                "entry": {"number": 5, "who": alice},
                "history": [1, 5],
                "data": b"put",
                "last": True,
            },
        )

    def test_an_event_without_fields(self, box: Box, alice: Address) -> None:
        (log,) = box.send(alice, "quiet").logs
        assert box.interface.decode_log(log) == ("Quiet", {})

    def test_of_one_contract_from_a_block_on(self, chain: AnyChain, box: Box, alice: Address) -> None:
        other = deploy_box(chain, alice)
        other.send(alice, "quiet")
        blocks = [box.send(alice, "put", n).block for n in range(3)]
        assert [block for block, _ in chain.logs(box.address)] == blocks
        assert [block for block, _ in chain.logs(box.address, blocks[1])] == blocks[1:]
        assert chain.logs(box.address, chain.block_number() + 1) == []
        assert chain.logs(alice) == []


class TestAnswers:
    def test_values_and_structs(self, box: Box, alice: Address) -> None:
        assert box.ask("number") == 1
        assert box.ask("owner") == alice
        assert box.ask("entry") == (1, alice)

    def test_of_the_newest_block(self, chain: AnyChain, box: Box) -> None:
        chain.wait_blocks(2)
        assert tuple(box.ask("now")) == chain.head()

    def test_no_contract_there(self, chain: AnyChain, box: Box, alice: Address) -> None:
        nobody = Box(chain, alice, box.interface)
        with pytest.raises(ChainError, match="number answered 0 bytes that it can't have returned"):
            nobody.ask("number")

    def test_arguments_that_dont_fit(self, box: Box, alice: Address) -> None:
        for arguments in ((-1,), (2**256,), ("five",)):
            with pytest.raises(InputError, match="put: "):
                box.send(alice, "put", *arguments)
        with pytest.raises(InputError, match="put: expected 1 arguments, got 2"):
            box.send(alice, "put", 1, 2)
        with pytest.raises(InputError, match="no function 'steal'"):
            box.ask("steal")


class TestReasons:
    def test_the_contracts_own_words(self, box: Box, alice: Address) -> None:
        with pytest.raises(Reverted) as caught:
            box.send(alice, "refuse")
        assert (caught.value.call, caught.value.reason) == ("refuse", "box: refused")
        assert caught.value.__notes__ == [explain("box: refused")]

    def test_a_constructor_refuses(self, chain: AnyChain, alice: Address) -> None:
        with pytest.raises(Reverted, match="deploy reverted: box: unlucky"):
            deploy_box(chain, alice, 13)

    @pytest.mark.parametrize(("call", "wei"), [("refuse_in_silence", 0), ("quiet", 1)])
    def test_no_words(self, box: Box, alice: Address, call: str, wei: int) -> None:
        with pytest.raises(Reverted) as caught:
            box.send(alice, call, value_wei=wei)
        assert caught.value.reason == NO_REASON

    def test_a_question_is_refused_too(self, chain: AnyChain, box: Box) -> None:
        with pytest.raises(Reverted, match="refuse reverted: box: refused"):
            box.ask("refuse")
        with pytest.raises(Reverted, match=NO_REASON):
            box.ask("ancestor", chain.block_number())

    def test_a_refused_transaction_changes_nothing(self, chain: AnyChain, box: Box, alice: Address) -> None:
        with pytest.raises(Reverted):
            box.send(alice, "send", ZERO_ADDRESS, 1)
        assert worth(chain, alice) == ETHER
        assert box.send(alice, "put", 1).sender == alice


class TestTime:
    def test_waiting_makes_a_block_of_at_least_that_time(self, chain: AnyChain) -> None:
        target = chain.timestamp() + 100
        chain.wait_until(target)
        number, timestamp = chain.head()
        assert timestamp >= target
        for past in (target, target - 10, 0, -5):
            chain.wait_until(past)
        assert chain.head() == (number, timestamp)

    def test_waiting_for_blocks(self, chain: AnyChain) -> None:
        number = chain.block_number()
        chain.wait_blocks(0)
        chain.wait_blocks(70)
        more = chain.block_number() - number
        assert more == 70 if chain.simulated else more >= 70  # geth may make some of its own
        with pytest.raises(InputError, match=r"count: expected .*, got -1"):
            chain.wait_blocks(-1)

    def test_block_hashes_reach_back_256_blocks(self, chain: AnyChain, box: Box) -> None:
        chain.wait_blocks(300)
        head = chain.block_number()
        assert box.ask("ancestor", head - 1) == chain.block_hash(head - 1)
        assert box.ask("ancestor", head - 256) == chain.block_hash(head - 256)
        for number in (-1, head + 1, 2**64):
            with pytest.raises(InputError, match=rf"block: expected 0\.\..*, got {number}"):
                chain.block_hash(number)
