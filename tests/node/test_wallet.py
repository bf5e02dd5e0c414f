"""Transactions on real nodes: each is mined once, whatever happens to fees, blocks, processes and journals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from omnilytics.chain.rpc import RpcChain, Settings, wallet
from omnilytics.chain.rpc.settings import TX_GAS_CAP
from omnilytics.errors import ChainError, InputError, Reverted
from omnilytics.types import Address, Receipt
from tests.chain.conftest import ETHER, Box, deploy_box
from tests.node.chains import GAS_MONEY, IMPATIENT, RICH_ADDRESS, AnvilChain
from tests.node.conftest import until
from tests.node.journals import Breaking, Crash, Diary
from tests.node.launch import RICH, Anvil, Geth, NodeProcess, require

pytestmark = pytest.mark.node

GWEI = 10**9
HASTY = replace(IMPATIENT, stuck_secs=0.5, receipt_secs=20)
ACCOUNTS: dict[Address, LocalAccount] = {}
"""Made by `funded`, one a test."""


def another(
    node: NodeProcess, sender: Address, settings: Settings = IMPATIENT, journal: Diary | None = None
) -> RpcChain:
    """A client with that account's key, and no journal of the others'."""
    return RpcChain([node.url], [ACCOUNTS[sender]], settings=settings, journal=journal)


def funded(node: NodeProcess, wei: int = GAS_MONEY) -> Address:
    """A new account with money."""
    account: LocalAccount = Account.create()
    address = Address(account.address.lower())
    ACCOUNTS[address] = account
    chain = RpcChain([node.url], [RICH], settings=IMPATIENT)
    chain.send("fund", RICH_ADDRESS, address, b"", wei)
    return address


@pytest.fixture(scope="session", params=[Geth, Anvil])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node of each kind, for tests that leave it as it is."""
    require()
    node: NodeProcess = request.param(tmp_path_factory.mktemp("either"))
    node.start()
    yield node
    node.kill()


@pytest.fixture
def sender(either: NodeProcess) -> Address:
    return funded(either)


@pytest.fixture
def background() -> Iterator[Callable[..., Future[Receipt]]]:
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


def numbers(box: Box) -> list[int]:
    """What all calls of `put` have put, in order."""
    decoded = [box.interface.decode_log(log) for _, log in box.chain.logs(box.address)]
    return [fields["entry"]["number"] for event in decoded if event is not None for fields in [event[1]]]


class TestNonces:
    def test_many_threads_send_with_one_key(
        self, either: NodeProcess, sender: Address, background: Callable[..., Future[Receipt]]
    ) -> None:
        diary = Diary()
        chain = another(either, sender, journal=diary)
        box = deploy_box(chain, sender)
        sent = [background(box.send, sender, "put", number) for number in range(24)]
        assert len({future.result().tx_hash for future in sent}) == 24
        assert sorted(numbers(box)) == list(range(24))
        assert diary.pending(chain.chain_id, sender) == []

    def test_two_processes_send_with_one_key(
        self, either: NodeProcess, sender: Address, background: Callable[..., Future[Receipt]]
    ) -> None:
        one, other = another(either, sender), another(either, sender)
        box = deploy_box(one, sender)
        boxes = [replace(box, chain=chain) for chain in (one, other)]

        def work(box: Box, first: int) -> None:
            for number in range(first, first + 10):
                box.send(sender, "put", number)

        for future in [background(work, box, 100 * k) for k, box in enumerate(boxes)]:
            future.result()
        assert sorted(numbers(box)) == [*range(10), *range(100, 110)]

    def test_a_nonce_that_another_process_takes(self, anvil: Anvil, background: Callable[..., Future[Receipt]]) -> None:
        sender, diary = funded(anvil), Diary()
        chain, rival = another(anvil, sender, journal=diary), another(anvil, sender)
        box = deploy_box(chain, sender)
        anvil.ask("evm_setAutomine", False)
        ours = background(box.send, sender, "put", 1)
        until(lambda: anvil.ask("txpool_status")["pending"] == "0x1")
        anvil.ask("anvil_dropAllTransactions")
        theirs = background(replace(box, chain=rival).send, sender, "put", 2)
        until(lambda: anvil.ask("txpool_status")["pending"] == "0x1")
        anvil.ask("evm_setAutomine", True)
        anvil.ask("evm_mine")
        assert ours.result().block > theirs.result().block
        assert numbers(box) == [2, 1]
        assert diary.outcomes[-2] == "nonce 1 was used by another transaction: does another process have this key?"

    def test_a_receipt_that_comes_late_makes_no_rival(
        self, either: NodeProcess, sender: Address, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nodes count a transaction before they have its receipt."""
        chain = another(either, sender)
        box = deploy_box(chain, sender)
        ask, hidden = chain._nodes.request, iter(range(12))

        def late(method: str, *params: Any) -> Any:
            answer = ask(method, *params)
            hide = method == "eth_getTransactionReceipt" and answer and next(hidden, None) is not None
            return None if hide else answer

        monkeypatch.setattr(chain._nodes, "request", late)
        box.send(sender, "put", 1)
        assert numbers(box) == [1]
        assert next(hidden, None) is None

    def test_a_key_that_isnt_there(self, anvil: Anvil) -> None:
        stranger = Address("0x" + "11" * 20)
        with pytest.raises(InputError, match=f"no key of {stranger} here: expected one of 1 accounts"):
            another(anvil, funded(anvil)).send("transfer", stranger, stranger, b"")

    def test_a_key_twice(self, anvil: Anvil) -> None:
        with pytest.raises(InputError, match="is given twice"):
            RpcChain([anvil.url], [RICH, RICH])


class TestMoney:
    def test_an_account_without_money_for_the_value(self, either: NodeProcess) -> None:
        sender = funded(either, ETHER)
        chain = another(either, sender)
        with pytest.raises(ChainError, match=rf"has {ETHER} wei, expected at least {2 * ETHER} and fees"):
            chain.send("transfer", sender, sender, b"", 2 * ETHER)

    def test_an_account_without_money_for_fees(self, either: NodeProcess) -> None:
        sender = funded(either, ETHER)
        chain = another(either, sender)
        with pytest.raises(ChainError, match=rf"has {ETHER} wei, expected at least \d+: {ETHER} and 281500 gas at \d+"):
            chain.send("transfer", sender, sender, b"", ETHER)
        assert chain.balance(sender) == ETHER

    def test_what_the_contract_refuses_isnt_sent(self, either: NodeProcess, sender: Address) -> None:
        diary = Diary()
        chain = another(either, sender, journal=diary)
        box = deploy_box(chain, sender)
        before = (chain.block_number(), chain.balance(sender), len(diary.steps))
        with pytest.raises(Reverted, match="box: refused"):
            box.send(sender, "refuse")
        with pytest.raises(Reverted, match=r"the machine halted: .*gas"):
            box.send(sender, "spin")
        assert before == (chain.block_number(), chain.balance(sender), len(diary.steps))

    def test_no_transaction_has_more_gas_than_nodes_take(self, either: NodeProcess, sender: Address) -> None:
        box = deploy_box(another(either, sender), sender)
        receipt = box.send(sender, "take", bytes(range(256)) * 400)
        found = either.ask("eth_getTransactionByHash", "0x" + receipt.tx_hash.hex())
        assert receipt.gas_used < int(found["gas"], 16) <= TX_GAS_CAP


class TestFees:
    def test_a_transaction_that_is_stuck_bids_more(
        self, anvil: Anvil, background: Callable[..., Future[Receipt]]
    ) -> None:
        sender, diary = funded(anvil), Diary()
        chain = another(anvil, sender, HASTY, diary)
        box = deploy_box(chain, sender)
        anvil.ask("evm_setAutomine", False)
        sent = background(box.send, sender, "put", 1)
        until(lambda: anvil.ask("txpool_status")["pending"] == "0x1")
        anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(40 * GWEI))
        anvil.ask("evm_mine")
        assert not sent.done()
        until(lambda: ("replace", 2) in diary.steps)
        anvil.ask("evm_setAutomine", True)
        assert sent.result().gas_used > 21_000
        assert numbers(box) == [1]

    def test_above_the_ceiling_it_says_so_and_is_taken_up_again(
        self, anvil: Anvil, background: Callable[..., Future[Receipt]]
    ) -> None:
        sender = funded(anvil)
        chain = another(anvil, sender, replace(HASTY, fee_ceiling_wei=50 * GWEI))
        box = deploy_box(chain, sender)
        anvil.ask("evm_setAutomine", False)
        sent = background(box.send, sender, "put", 1)
        until(lambda: anvil.ask("txpool_status")["pending"] == "0x1")
        anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(60 * GWEI))
        anvil.ask("evm_mine")
        with pytest.raises(ChainError, match="fees: expected a base fee of at most the ceiling"):
            sent.result()
        anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        anvil.ask("evm_setAutomine", True)
        anvil.ask("evm_mine")
        (receipt,) = chain.resume(sender)
        assert (receipt.call, numbers(box)) == ("put", [1])

    def test_what_isnt_done_in_time_is_taken_up_again(self, anvil: Anvil) -> None:
        sender, diary = funded(anvil), Diary()
        box = deploy_box(another(anvil, sender), sender)
        chain = another(anvil, sender, replace(HASTY, receipt_secs=1.5), diary)
        anvil.ask("evm_setAutomine", False)
        with pytest.raises(ChainError, match=r"put: nonce 1 of 0x\w+ is in no block after 1\.5 s, expected 0 confirm"):
            replace(box, chain=chain).send(sender, "put", 1)
        anvil.ask("evm_setAutomine", True)
        (receipt,) = chain.resume(sender)
        assert (receipt.call, chain.resume(sender), numbers(box)) == ("put", [], [1])

    def test_a_call_that_is_repeated_is_the_same_transaction(self, anvil: Anvil) -> None:
        sender, diary = funded(anvil), Diary()
        chain = another(anvil, sender, replace(HASTY, receipt_secs=1.5), diary)
        box = deploy_box(chain, sender)
        anvil.ask("evm_setAutomine", False)
        with pytest.raises(ChainError, match="is in no block"):
            box.send(sender, "put", 1)
        anvil.ask("evm_setAutomine", True)
        assert box.send(sender, "put", 1).call == "put"
        assert numbers(box) == [1]
        box.send(sender, "put", 1)
        assert numbers(box) == [1, 1]


class TestOvertaken:
    """Two calls in one block: the first makes what the second's simulation has seen untrue."""

    def race(self, anvil: Anvil, background: Callable[..., Future[Receipt]], call: str, *arguments: list[Any]) -> Any:
        """The box, the slower one's journal, and its future."""
        fast, slow, diary = funded(anvil), funded(anvil), Diary()
        box = deploy_box(another(anvil, fast, replace(IMPATIENT, tip_wei=5 * GWEI)), fast, 5)
        box.send(fast, "put", 5, value_wei=1)
        anvil.ask("evm_setAutomine", False)
        sent = [background(box.send, fast, call, *arguments[0])]
        until(lambda: anvil.ask("txpool_status")["pending"] == "0x1")
        box = replace(box, chain=another(anvil, slow, journal=diary))
        sent.append(background(box.send, slow, call, *arguments[1]))
        until(lambda: anvil.ask("txpool_status")["pending"] == "0x2")
        anvil.ask("evm_mine")
        anvil.ask("evm_setAutomine", True)
        assert sent[0].result().gas_used
        return box, diary, sent[1]

    def test_and_refused(self, anvil: Anvil, background: Callable[..., Future[Receipt]]) -> None:
        target = Address("0x" + "11" * 20)
        _, diary, late = self.race(anvil, background, "send", [target, 1], [target, 1])
        with pytest.raises(Reverted, match="send reverted"):
            late.result()
        assert [str(outcome)[:13] for outcome in diary.outcomes] == ["send reverted"]

    def test_and_short_of_gas(
        self, anvil: Anvil, background: Callable[..., Future[Receipt]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wallet, "GAS_SPARE", 0)
        monkeypatch.setattr(wallet, "GAS_MARGIN_NUMERATOR", wallet.GAS_MARGIN_DENOMINATOR)
        box, diary, late = self.race(anvil, background, "put", [0], [7])
        assert late.result().call == "put"
        assert numbers(box) == [5, 0, 7]
        failed, done = diary.outcomes
        assert re.fullmatch(r"it failed in block \d+, after which it wouldn't: \d+ gas were too little there", failed)
        assert done == late.result()


class TestReorganisations:
    def test_a_receipt_counts_when_it_is_deep_enough(
        self, anvil: Anvil, background: Callable[..., Future[Receipt]]
    ) -> None:
        sender, diary = funded(anvil), Diary()
        box = deploy_box(another(anvil, sender), sender)
        chain = another(anvil, sender, replace(HASTY, confirmations=3, stuck_secs=15), diary)
        sent = background(replace(box, chain=chain).send, sender, "put", 1)
        until(lambda: ("mined", 1) in diary.steps)
        anvil.ask("evm_mine")
        anvil.ask("anvil_reorg", 2, [])
        until(lambda: diary.steps.count(("mined", 1)) == 2)
        assert not sent.done()
        anvil.ask("anvil_mine", hex(3))
        receipt = sent.result()
        assert chain.block_number() - receipt.block >= 3
        assert numbers(box) == [1]

    def test_logs_of_blocks_that_are_gone_are_forgotten(self, anvil: Anvil) -> None:
        sender = funded(anvil)
        chain = another(anvil, sender)
        box = deploy_box(chain, sender)
        for number in range(3):
            box.send(sender, "put", number)
            assert numbers(box) == list(range(number + 1))
        anvil.ask("anvil_reorg", 2, [])
        assert numbers(box) == numbers(replace(box, chain=another(anvil, sender)))
        box.send(sender, "put", 7)
        assert numbers(box) == numbers(replace(box, chain=another(anvil, sender)))
        assert numbers(box)[-1] == 7


STEPS = [("intend", False), ("intend", True), ("mined", False), ("mined", True), ("close", False), ("close", True)]


@pytest.mark.parametrize(("step", "after"), STEPS)
def test_a_process_that_ends_at_a_step_of_the_journal(
    either: NodeProcess, sender: Address, step: str, after: bool
) -> None:
    box = deploy_box(another(either, sender), sender)
    journal = Breaking(step, after)
    with pytest.raises(Crash):
        replace(box, chain=another(either, sender, journal=journal)).send(sender, "put", 5)
    heir = another(either, sender, journal=journal)
    resumed = heir.resume(sender)
    sent = (step, after) != ("intend", False)
    assert len(resumed) == (sent and (step, after) != ("close", True))
    assert numbers(box) == ([5] if sent else [])
    assert heir.resume(sender) == []
    replace(box, chain=heir).send(sender, "put", 6)
    assert numbers(box) == ([5, 6] if sent else [6])


def test_keys_are_never_shown(anvil: Anvil) -> None:
    sender = funded(anvil, ETHER)
    chain = another(anvil, sender)
    with pytest.raises(ChainError) as caught:
        chain.send("transfer", sender, sender, b"", 2 * ETHER)
    said = f"{chain!r} {vars(chain)!r} {caught.value!r} {chain._wallet!r} {chain._wallet._senders!r}"
    key = bytes(ACCOUNTS[sender].key)
    assert key.hex() not in said
    assert str(key) not in said


def test_anvil_moves_its_clock(anvil: Anvil) -> None:
    chain = AnvilChain(anvil)
    number, timestamp = chain.head()
    chain.wait_until(timestamp + 1_000)
    assert chain.head() == (number + 1, timestamp + 1_000)
