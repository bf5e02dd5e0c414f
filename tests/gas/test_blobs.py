"""Gas of what is proven about blobs: whole transactions to the verifier, of the vectors' three groups of two."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts.harness import CONTRACTS, Accounts, Chain, compiled, evm
from tests.contracts.harness import blobs as b
from tests.contracts.harness import packed as p
from tests.contracts.harness.blobs import GRAM, NORMS
from tests.gas.recording import Recorder
from tests.gas.revm import RevmChain
from tests.gas.test_paper_session import versions
from tests.golden import unhex, vectors
from tests.snapshots import compare


def calls() -> list[tuple[str, str, tuple[Any, ...]]]:
    """(name, function, arguments) for uploads of one blob and of two, and for packed sums."""
    found: list[tuple[str, str, tuple[Any, ...]]] = []
    for number, session in enumerate(vectors("blobs")["sessions"]):
        chunks = session["chunks"]
        found.append((f"check_sum, {chunks} chunks", "check_sum", b.group_sums(number, 0)))
        proofs = {case["kind"]: b.proof_case(case) for case in vectors("blobs")["proofs"] if case["session"] == number}
        found += [
            (f"check {name}, {chunks} chunks", "check", proofs[kind].arguments())
            for name, kind in (("norms", NORMS), ("Gram matrix", GRAM))
        ]
    for case in vectors("packed")["proofs"]:
        found.append((f"check_packed {case['name']}", "check_packed", p.proof_case(case).arguments()))
    for kind, name in ((p.NORMS, "norms"), (p.GRAM, "gram")):
        found.append((f"check_packed {name}, 8 groups of 7 lanes", "check_packed", p.proven(kind, 8, 7).arguments()))
    accused = vectors("blobs")["malformed"]["range"]
    opening = (unhex(accused["point"]), accused["index"], int(accused["element"], 16), unhex(accused["proof"]))
    return [*found, ("opened", "opened", opening)]


def spent(chain: Any, backend: Any) -> dict[str, dict[str, int]]:
    """Gas and bytes of each call in a transaction of its own."""
    accounts = Accounts(chain.set_balance)
    verifier = compiled(CONTRACTS / "BlobVerifier.vy").on(backend).deploy(sender=accounts.deployer)
    recorder = Recorder(backend)
    for name, function, arguments in calls():
        recorder.transact(name, accounts.alice, verifier.address, verifier.abi.calldata(function, arguments))
    return {name: {"gas": gas, "bytes": size} for name, gas, size in recorder.transactions}


def test_gas_of_every_call(pytestconfig: pytest.Config) -> None:
    chain = RevmChain()
    compare("gas_blobs", {"versions": versions(), "calls": spent(chain, chain)}, pytestconfig)


@pytest.mark.nightly
def test_titanoboa_takes_the_same_gas() -> None:
    """Its curve is pure Python: seconds a proof."""
    with boa.swap_env(boa.Env()):
        here = spent(Chain(), evm)
    revm = RevmChain()
    assert here == spent(revm, revm)
