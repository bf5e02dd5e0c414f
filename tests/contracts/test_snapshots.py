"""What others build on doesn't change unnoticed: ABIs, storage layouts, and code that fits (EIP-170)."""

from __future__ import annotations

import json
import re

import pytest

from tests.contracts.harness import CONTRACTS, compiled
from tests.contracts.harness.contract import FACETS
from tests.snapshots import compare

CODE_LIMIT = 24_576
INIT_CODE_LIMIT = 2 * CODE_LIMIT
DEPLOYED = sorted(path.stem for path in CONTRACTS.glob("*.vy"))


@pytest.mark.parametrize("name", ["Market", "SecModelUpdate", "BlobVerifier", *FACETS])
def test_the_abi(name: str, pytestconfig: pytest.Config) -> None:
    entries = compiled(CONTRACTS / f"{name}.vy").abi.entries
    ordered = sorted(entries, key=lambda e: (e["type"], e.get("name", "")))
    compare(f"{name}.abi", ordered, pytestconfig)


@pytest.mark.parametrize("name", ["Market", "SecModelUpdate", *FACETS])
def test_the_storage_layout(name: str, pytestconfig: pytest.Config) -> None:
    """The types of immutables are files: their names count, not where they lie."""
    layout = json.dumps(compiled(CONTRACTS / f"{name}.vy").layout)
    compare(f"{name}.layout", json.loads(re.sub(r'"[^"]*/(\w+\.vyi)"', r'"\1"', layout)), pytestconfig)


@pytest.mark.parametrize("name", DEPLOYED)
def test_the_code_fits(name: str) -> None:
    """Immutables lie behind the code and count (EIP-170)."""
    contract = compiled(CONTRACTS / f"{name}.vy")
    immutables = [int(n) for n in re.findall(r'"length": (\d+)', json.dumps(contract.layout.get("code_layout", {})))]
    assert len(contract.runtime) + sum(immutables) <= CODE_LIMIT
    assert len(contract.creation) <= INIT_CODE_LIMIT
