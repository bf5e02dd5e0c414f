"""Gas of the paper's session (d = 5,705, N = 4, R = 8), every function, exactly; each transaction as nodes take it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

import boa
import pytest

from tests.contracts.harness import (
    ROOT,
    TX_GAS_CAP,
    TX_SIZE_CAP,
    Accounts,
    Chain,
    RecoverDriver,
    SessionDriver,
    Stage,
    evm,
)
from tests.contracts.harness.chain import GENESIS_TIME
from tests.contracts.harness.contract import Backend
from tests.contracts.harness.economy import GWEI, fee_table, record_constants
from tests.contracts.harness.fixtures import deploy_market, factory
from tests.gas.recording import Recorder
from tests.gas.revm import RevmChain
from tests.snapshots import compare

PAPER = {"parameter_count": 5_705, "members": 4, "rounds": 8, "chunk_words": 720}
KRUM = {"rule": 1, "krum_mu_bps": 2_500, "krum_m": 4, "krum_m_rule": 1}
FEES = {"fee_cap_wei": GWEI, "fee_table": fee_table()}
RECORDS = {"record_constants": record_constants()}
RECOVER = PAPER | {"policy": 1, "colluders": 1, "threshold": 3, "bound": 7}
SESSIONS = {
    "norm, 6-bit lanes": PAPER | {"bound": 7},
    "norm, 10-bit lanes": PAPER | {"bound": 127},
    "krum, 10-bit lanes": PAPER | KRUM | {"bound": 127},
    "krum, weights in 32-bit lanes": PAPER | KRUM | {"encoding": 1, "chunk_words": 360},
    "norm, fees, records, two rounds": PAPER | FEES | RECORDS | {"bound": 7},
}


def versions() -> dict[str, str]:
    """The tools that decide about gas."""
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8").split('name = "revm"\nversion = "')[1]
    return {"fork": "osaka", "revm": lock[: lock.index('"')], "vyper": importlib.metadata.version("vyper")}


def new_session(params: dict[str, int], chain: Any, backend: Backend) -> tuple[SessionDriver, Recorder]:
    """A session on a fresh chain, without the deployments: their bytes hold a digest of the sources."""
    accounts = Accounts(chain.set_balance)
    market = deploy_market(accounts, 0, backend)
    recorder = Recorder(backend)
    market.backend = recorder
    session = factory(chain, market, accounts)(**params)
    session.gas_price = GWEI if params.get("fee_table") else 0
    return session, recorder


def run(params: dict[str, int], chain: Any, backend: Backend, stage: Stage) -> Recorder:
    """One honest session."""
    session, recorder = new_session(params, chain, backend)
    if stage == Stage.FINISHED and params.get("fee_table"):
        leave_and_miss(session)
    session.to(stage)
    if stage == Stage.FINISHED:
        assert session.accepted() != 0
        assert chain.balance(session.contract.address) == 0
    return recorder


def leave_and_miss(session: SessionDriver) -> None:
    """One declines, one misses: the others of their groups are drawn again. Whoever aggregates is paid."""
    session.to(Stage.COMMIT)
    seats = session.seated()
    session.decline(seats[0])
    for account in seats[5:]:
        session.commit(account)
    session.pass_deadline()
    session.to(Stage.AGGREGATE)
    session.chain.sleep(session.params.aggregate_secs // 2)


def recovered(params: dict[str, int], gone: Callable[[RecoverDriver], object]) -> Recorder:
    """A whole session with policy `recover`; whoever makes the calls of anybody is paid for them."""
    chain = RevmChain()
    session, recorder = new_session(params, chain, chain)
    assert isinstance(session, RecoverDriver)
    gone(session)
    session.to(Stage.AGGREGATE)
    session.chain.sleep(session.params.aggregate_secs // 2)
    session.to(Stage.FINISHED)
    assert session.accepted() == 2**8 - 1
    assert chain.balance(session.contract.address) == 0
    return recorder


def gone_before_the_upload(session: RecoverDriver) -> None:
    session.to(Stage.UPLOAD)
    session.upload_but(*(session.members_of(group)[group % 4] for group in range(8)))


def gone_before_revealing(session: RecoverDriver) -> None:
    """The others lend their shares of its self mask."""
    session.to(Stage.REVEAL)
    stayed = [a for group in range(8) for i, a in enumerate(session.members_of(group)) if i != group % 4]
    for account in stayed:
        session.reveal(account)
    session.pass_half_of_reveal()
    for account in stayed:
        session.reveal_shares(account)
    for group in range(8):
        session.rebuild(session.members_of(group)[group % 4])


RECOVERED: dict[str, Callable[[RecoverDriver], object]] = {
    "recover": lambda session: session,
    "recover, one of each group gone before the upload": gone_before_the_upload,
    "recover, one of each group gone before revealing": gone_before_revealing,
}
"""Sessions with policy `recover`, by what goes wrong in them."""


def checked(recorder: Recorder) -> dict[str, Any]:
    """The session's table; every transaction is one that nodes take."""
    assert max(gas for _, gas, _ in recorder.transactions) <= TX_GAS_CAP
    assert max(size for _, _, size in recorder.transactions) <= TX_SIZE_CAP
    return {"total": sum(gas for _, gas, _ in recorder.transactions), "functions": recorder.table()}


def test_gas_of_every_function(pytestconfig: pytest.Config) -> None:
    sessions = {}
    for name, params in SESSIONS.items():
        chain = RevmChain()
        sessions[name] = checked(run(params, chain, chain, Stage.FINISHED))
    for name, gone in RECOVERED.items():
        sessions[name] = checked(recovered(RECOVER, gone))
    everything = RECOVER | FEES | RECORDS | {"fee_table": fee_table(commit=60_000, aggregate=60_000)}
    sessions["recover, fees, records, one of each group gone before revealing"] = checked(
        recovered(everything, gone_before_revealing)
    )
    compare("gas", {"versions": versions(), "sessions": sessions}, pytestconfig)


def test_gas_of_a_draw(pytestconfig: pytest.Config) -> None:
    """On titanoboa, where a block's hash follows from its number alone: seats differ in what they cost."""
    with boa.swap_env(boa.Env()):
        boa.env.evm.patch.timestamp = GENESIS_TIME
        recorder = run(PAPER | {"parameter_count": 8, "assignment": 1}, Chain(), evm, Stage.UPLOAD)
    found = {call: row for call, row in recorder.table().items() if call in ("register", "draw", "commit")}
    compare("gas_draw", {"versions": versions(), "functions": found}, pytestconfig)
