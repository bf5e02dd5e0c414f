"""The harness's receipts are those of a node: titanoboa and the embedded chain charge the same for the same session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boa
import pytest

from tests.contracts.harness import (
    ROOT,
    Accounts,
    Chain,
    RecoverDriver,
    SessionDriver,
    Stage,
    compiled,
    evm,
)
from tests.contracts.harness.chain import GENESIS_TIME
from tests.contracts.harness.dealing import deal
from tests.contracts.harness.economy import GWEI, fee_table, record_constants
from tests.contracts.harness.fixtures import deploy_market, factory
from tests.gas.recording import Recorder
from tests.gas.revm import RevmChain

Story = Callable[[SessionDriver], None]
SMALL_KRUM = {
    "rule": 1,
    "rounds": 4,
    "members": 2,
    "krum_mu_bps": 2_000,
    "krum_m_rule": 1,
    "parameter_count": 42 * 9 + 5,
}

FEES = {"fee_cap_wei": 2 * GWEI, "fee_table": fee_table()}
RECORDS = {"record_constants": record_constants()}


def honest(session: SessionDriver) -> None:
    session.to(Stage.FINISHED)


def gaps(session: SessionDriver) -> None:
    """One member misses the commitment, one the upload; the rest is paid without a selection."""
    session.to(Stage.COMMIT)
    seats = session.seated()
    for account in seats[1:]:
        session.commit(account)
    session.pass_deadline()
    for account in seats[3:8]:
        session.upload_all(account)
    session.pass_deadline()
    session.pass_deadline()
    session.to(Stage.FINISHED)


def redrawn(session: SessionDriver) -> None:
    """One member declines, one misses; the others of their groups commit again, at a price that is paid back."""
    session.gas_price = 3 * GWEI
    session.to(Stage.COMMIT)
    seats = session.seated()
    session.decline(seats[1])
    for account in seats[4:]:
        session.commit(account)
    session.pass_deadline()
    session.to(Stage.UPLOAD)
    session.finish_upload()
    session.chain.sleep(session.params.aggregate_secs // 2)
    session.to(Stage.FINISHED)


def left(session: SessionDriver) -> None:
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:2])
    session.contract.exit(sender=session.owner)
    session.withdraw_all()


def recovered(session: SessionDriver) -> None:
    """Of one group one is gone before sharing, one before the upload; of the other one before revealing: a liar."""
    assert isinstance(session, RecoverDriver)
    session.gas_price = 3 * GWEI
    session.to(Stage.SHARE)
    first, second = session.members_of(0), session.members_of(1)
    dealing = session.dealing(second[0])
    bent = {j: (key, own + (j == 1)) for j, (key, own) in dealing.shares.items()}
    session.dealings[1, second[0]] = deal(session.self_secret(second[0]), bent)
    session.share_all([*first[:4], *second])
    session.pass_deadline()
    session.pass_deadline()
    session.upload_but(first[2])
    for account in (*first[:2], first[3], *second[1:]):
        session.reveal(account)
    session.rebuild(first[2])
    session.pass_half_of_reveal()
    for account in second[1:]:
        session.reveal_shares(account)
    session.rebuild(second[0], 0b01110).only("DealerBlamed")
    session.rebuild(second[0], 0b11100)
    session.to(Stage.AGGREGATE)
    session.chain.sleep(session.params.aggregate_secs // 2)
    session.to(Stage.FINISHED)


def play(chain: Any, backend: Any, story: Story, params: dict[str, int]) -> list[tuple[str, int, int]]:
    """A fresh chain from the deployments on."""
    recorder = Recorder(backend)
    accounts = Accounts(chain.set_balance)
    market = deploy_market(accounts, 0, recorder)
    story(factory(chain, market, accounts)(**params))
    return recorder.transactions


@pytest.mark.parametrize(
    ("story", "params"),
    [
        (honest, {}),
        (honest, SMALL_KRUM),
        (gaps, {"rounds": 3}),
        (redrawn, FEES | RECORDS),
        (left, {}),
        (recovered, FEES | RECORDS | {"policy": 1, "members": 5, "bound": 6}),
    ],
    ids=["norm", "krum", "gaps", "second round", "exit", "recover"],
)
def test_the_same_session_costs_the_same(story: Story, params: dict[str, int]) -> None:
    with boa.swap_env(boa.Env()):
        boa.env.evm.patch.timestamp = GENESIS_TIME
        boa.env.evm.patch.block_number = 0
        here = play(Chain(), evm, story, params)
    revm = RevmChain()
    assert here == play(revm, revm, story, params)
    assert len(here) > 10


def test_a_transaction_s_rules_cost_the_same() -> None:
    """Refunds, repeated writes, transient storage, precompiles, clones, the calldata floor."""

    def rules(chain: Any, backend: Any) -> list[tuple[str, int, int]]:
        recorder, accounts = Recorder(backend), Accounts(chain.set_balance)
        artifact = compiled(ROOT / "tests" / "contracts" / "mocks" / "Probe.vy").on(recorder)
        probe = artifact.deploy(7, sender=accounts.deployer)
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("put", (8,)), ("put", (8,)), ("put", (0,)), ("bump", (3,)), ("fill", (50,)), ("clear", (50,)),
            ("fill", (50,)), ("tick", ()), ("recover", (b"\1" * 32, 27, 5, 5)), ("take", (b"\1" * 9_000,)),
            ("take", (bytes(9_000),)), ("clone", ()), ("clamp", (3,)),
        ]  # fmt: skip
        for name, args in calls:
            getattr(probe, name)(*args, sender=accounts.alice)
        clone = artifact.at(probe.clone(sender=accounts.alice).value)
        clone.put(5, sender=accounts.bob, value=1)
        return recorder.transactions

    with boa.swap_env(boa.Env()):
        here = rules(Chain(), evm)
    revm = RevmChain()
    assert here == rules(revm, revm)


def test_modular_exponentiation_costs_the_same() -> None:
    """Osaka's price (EIP-7883), of short and long numbers."""

    def prices(chain: Any, backend: Any) -> list[int]:
        sender = Accounts(chain.set_balance).alice
        found = []
        for base, exponent, modulus in ((32, 32, 32), (0, 0, 0), (1, 1, 1), (33, 5, 40), (64, 40, 8), (32, 33, 32)):
            sizes = b"".join(n.to_bytes(32, "big") for n in (base, exponent, modulus))
            for fill in (b"\xff", b"\1", b"\0"):
                data = sizes + fill * base + b"\0" + (fill * exponent)[1:] + b"\xfd" * modulus
                found.append(backend.transact("modexp", sender, f"0x{5:040x}", data).gas_used)
        return found

    with boa.swap_env(boa.Env()):
        here = prices(Chain(), evm)
    revm = RevmChain()
    assert here == prices(revm, revm)
    assert max(here) > 21_000 + 16 * 500
