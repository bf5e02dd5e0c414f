"""Gas of the paper's session (d = 5,705, N = 4, R = 8), every function, exactly; each transaction as nodes take it."""

from __future__ import annotations

import importlib.metadata

import pytest

from tests.contracts.harness import (
    CONTRACTS,
    ROOT,
    TX_GAS_CAP,
    TX_SIZE_CAP,
    Accounts,
    SessionDriver,
    Stage,
    compiled,
    make_params,
)
from tests.contracts.harness.fixtures import deploy_market
from tests.gas.recording import Recorder
from tests.gas.revm import RevmChain
from tests.snapshots import compare

PAPER = {"parameter_count": 5_705, "members": 4, "rounds": 8, "chunk_words": 720, "assignment": 1}
KRUM = {"rule": 1, "krum_mu_bps": 2_500, "krum_m": 4, "krum_m_rule": 1}
SESSIONS = {
    "norm, 6-bit lanes": PAPER | {"bound": 7},
    "norm, 10-bit lanes": PAPER | {"bound": 127},
    "krum, 10-bit lanes": PAPER | KRUM | {"bound": 127},
    "krum, weights in 32-bit lanes": PAPER | KRUM | {"encoding": 1, "chunk_words": 360},
}


def versions() -> dict[str, str]:
    """The tools that decide about gas."""
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8").split('name = "revm"\nversion = "')[1]
    return {"fork": "osaka", "revm": lock[: lock.index('"')], "vyper": importlib.metadata.version("vyper")}


def run(params: dict[str, int]) -> Recorder:
    """One honest session from the deployments to the last withdrawal."""
    chain = RevmChain()
    recorder = Recorder(chain)
    accounts = Accounts(chain.set_balance)
    market = deploy_market(accounts, 0, recorder)
    implementation = compiled(CONTRACTS / "SecModelUpdate.vy").on(recorder)
    session = SessionDriver(chain, market, implementation, accounts, make_params(**params))  # type: ignore[arg-type]
    session.to(Stage.FINISHED)
    assert session.accepted() != 0
    assert chain.balance(session.contract.address) == 0
    return recorder


def test_gas_of_every_function(pytestconfig: pytest.Config) -> None:
    sessions = {}
    for name, params in SESSIONS.items():
        recorder = run(params)
        assert max(gas for _, gas, _ in recorder.transactions) <= TX_GAS_CAP
        assert max(size for _, _, size in recorder.transactions) <= TX_SIZE_CAP
        session = [t for t in recorder.transactions if not t[0].startswith("deploy")]
        sessions[name] = {"total": sum(gas for _, gas, _ in session), "functions": recorder.table()}
    compare("gas", {"versions": versions(), "sessions": sessions}, pytestconfig)
