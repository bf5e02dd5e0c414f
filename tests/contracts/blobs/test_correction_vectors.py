"""`refute_correction` knows each element of a correction that the plain-Python protocol has, no other (B11, B12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.attacks.till import Embedded
from tests.contracts.harness import CONTRACTS, Accounts, Contract, compiled, evm, make_params, reverts
from tests.contracts.harness.blobs import Q
from tests.golden import cases, unhex

MOCK = Path(__file__).parents[1] / "mocks" / "Correcting.vy"


@pytest.fixture(scope="module")
def corrected(chain: Any, accounts: Accounts) -> Contract:
    backend = chain if isinstance(chain, Embedded) else evm

    def deploy(path: Path, *args: Any) -> Contract:
        return compiled(path).on(backend).deploy(*args, sender=accounts.deployer)

    names = ("SessionRules", "SessionTerms", "VectorMath", "Meter")
    return deploy(MOCK, *(deploy(CONTRACTS / f"{name}.vy").address for name in names))


def seeds(case: dict[str, Any]) -> list[list[bytes]]:
    return [[unhex(seed) for seed in case[name]] for name in ("minus", "plus")]


def put(corrected: Contract, accounts: Accounts, case: dict[str, Any], posted: dict[str, Any]) -> None:
    """The vector's group, with that correction."""
    fields = {name: case[name] for name in ("members", "bound", "lane_bits")}
    params = make_params(mode=1, policy=1, parameter_count=case["parameters"], **fields)
    correction = unhex(posted["upload_hash"])
    corrected.put(params, case["delivered"], *seeds(case), correction, sender=accounts.owner)


def arguments(case: dict[str, Any], posted: dict[str, Any], opened: dict[str, Any], element: int) -> list[Any]:
    """What `refute_correction` takes."""
    commitment = unhex(posted["commitments"][opened["index"] // 4096])
    hashes = [unhex(h) for h in posted["versioned_hashes"]]
    return [0, opened["index"], element, unhex(opened["proof"]), commitment, hashes, *seeds(case)]


@pytest.mark.parametrize("case", cases("blobs", "corrections"))
def test_right_elements(corrected: Contract, accounts: Accounts, case: dict[str, Any]) -> None:
    """Each is refused; any other number isn't what the seeds give, and isn't opened."""
    put(corrected, accounts, case, case)
    for opened in case["elements"]:
        right = int(opened["element"], 16)
        with reverts("blobs: the element is right"):
            corrected.refute_correction(*arguments(case, case, opened, right), sender=accounts.stranger)
        for other in ((right + 1) % Q, (right + 2**12) % Q, right + Q):
            with reverts("blobs: not the element"):
                corrected.refute_correction(*arguments(case, case, opened, other), sender=accounts.stranger)


@pytest.mark.parametrize("case", cases("blobs", "corrections"))
def test_a_wrong_element(corrected: Contract, accounts: Accounts, case: dict[str, Any]) -> None:
    """One more in one lane of one element: who has corrected is blamed, and the right element isn't opened."""
    wrong = case["wrong"]
    put(corrected, accounts, case, wrong)
    element = int(wrong["element"], 16)
    with reverts("blobs: not the correction"):
        corrected.refute_correction(*arguments(case, case, wrong, element), sender=accounts.stranger)
    right = next(int(one["element"], 16) for one in case["elements"] if one["index"] == wrong["index"])
    with reverts("blobs: the element is right"):
        corrected.refute_correction(*arguments(case, wrong, wrong, right), sender=accounts.stranger)
    receipt = corrected.refute_correction(*arguments(case, wrong, wrong, element), sender=accounts.stranger)
    event = receipt.only("CorrectionRefuted")
    assert (event.group, event.index, event.element) == (0, wrong["index"], element)
    assert receipt.only("GroupFailed").did_their_part == case["delivered"] & ~1
    with reverts("session: the group has failed"):
        corrected.refute_correction(*arguments(case, wrong, wrong, element), sender=accounts.stranger)
