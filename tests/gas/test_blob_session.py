"""Gas of the paper's session (d = 5,705, N = 4, R = 8) in blobs, every function, exactly."""

from __future__ import annotations

import pytest

from tests.contracts.harness import Stage
from tests.gas.revm import RevmChain
from tests.gas.test_paper_session import FEES, KRUM, PAPER, RECORDS, run, versions
from tests.snapshots import compare

BLOBS = PAPER | {"mode": 1, "bound": 127, "chunk_words": 0}
SESSIONS = {
    "norm": BLOBS,
    "krum": BLOBS | KRUM,
    "norm, fees, records": BLOBS | FEES | RECORDS,
}


def test_gas_of_every_function(pytestconfig: pytest.Config) -> None:
    """Two blobs a member; blob gas isn't in it."""
    found = {}
    for name, params in SESSIONS.items():
        chain = RevmChain()
        found[name] = run(params, chain, chain, Stage.PAYMENT).table()
    compare("gas_blob_session", {"versions": versions(), "sessions": found}, pytestconfig)
