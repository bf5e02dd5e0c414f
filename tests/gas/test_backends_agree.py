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
    SessionDriver,
    Stage,
    compiled,
    evm,
    make_params,
    session_type,
)
from tests.contracts.harness.chain import GENESIS_TIME
from tests.contracts.harness.economy import GWEI, fee_table, record_constants
from tests.contracts.harness.fixtures import deploy_market
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


def play(chain: Any, backend: Any, story: Story, params: dict[str, int]) -> list[tuple[str, int, int]]:
    """A fresh chain from the deployments on."""
    recorder = Recorder(backend)
    accounts = Accounts(chain.set_balance)
    market = deploy_market(accounts, 0, recorder)
    implementation = session_type().on(recorder)
    story(SessionDriver(chain, market, implementation, accounts, make_params(**params)))
    return recorder.transactions


@pytest.mark.parametrize(
    ("story", "params"),
    [(honest, {}), (honest, SMALL_KRUM), (gaps, {"rounds": 3}), (redrawn, FEES | RECORDS), (left, {})],
    ids=["norm", "krum", "gaps", "second round", "exit"],
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
