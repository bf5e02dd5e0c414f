"""Sessions in blobs on real nodes: what comes of them is what calldata gives for the same uploads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from omnilytics.protocol.member import Behaviour, Masked, Policy, Upload
from omnilytics.protocol.randomness import Randomness, SystemRandomness
from omnilytics.protocol.session import Outcome
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Mode, Rule, Stage, Suite
from tests.e2e.market import SEEDS, Fair
from tests.node.chains import CHAINS
from tests.node.conftest import Start
from tests.node.test_roles import ABORT, Real

pytestmark = pytest.mark.node

NORM = replace(ABORT, group_size=3, suite=Suite.KECCAK, accuse_secs=5, fee_cap_wei=0)
KRUM = replace(NORM, rounds=3, rule=Rule.KRUM, krum_mu_bps=0)
PACKED = replace(NORM, packed=True)
LOUD = 4
"""Of the second group."""


class Loud(Behaviour):
    """Every value as large as it may be: in range, and not what rule `norm` accepts."""

    def masked_input(self, upload: Upload) -> Masked:
        params = upload.params
        return upload.mask(upload.codec.pack(np.full(params.parameter_count, params.bound, np.int32)))


@dataclass(frozen=True, slots=True)
class Rounded(SystemRandomness):
    """Keys are the operating system's; values are rounded as the seed says, so that uploads are the same again."""

    seed: bytes

    def rounding_seed(self) -> bytes:
        return self.seed


@dataclass
class Repeated(Real):
    """A market on a real chain, whose members upload what those of a simulation do."""

    def randomness(self, index: int, session: int) -> Randomness:
        return Rounded(SEEDS.bytes("rounding", index, session))


def seats(fair: Fair, outcome: Outcome) -> list[list[int]]:
    """The members of each group, by their numbers."""
    return [[fair.members.index(account) for account in group] for group in outcome.groups]


def taken_out(fair: Fair) -> list[int]:
    """What each member has taken out, wei: bond and share."""
    withdrawn = fair.ledger().withdrawn
    return [withdrawn[account] for account in fair.members]


@pytest.mark.parametrize(
    ("kind", "terms", "size"),
    [
        pytest.param("geth", NORM, 5_000, id="geth-norm"),
        pytest.param("anvil", NORM, 5_000, id="anvil-norm", marks=pytest.mark.nightly),
        pytest.param("geth", KRUM, 100, id="geth-krum", marks=pytest.mark.nightly),
        pytest.param("anvil", KRUM, 100, id="anvil-krum"),
        pytest.param("geth", PACKED, 9_000, id="geth-packed"),
        pytest.param("anvil", PACKED, 9_000, id="anvil-packed", marks=pytest.mark.nightly),
    ],
)
def test_what_comes_of_it_is_what_calldata_gives(
    start: Start, tmp_path: Path, kind: str, terms: Terms, size: int
) -> None:
    process, backend = CHAINS[kind]
    count, behaviours = terms.rounds * terms.group_size, {LOUD: Loud()}
    policy = Policy(finality_blocks=2, block_secs=1, accept_near_repeats=True)
    calldata = Fair(count, behaviours=behaviours, size=size)
    expected = calldata.run(replace(terms, packed=False))
    real = Repeated(count, policy, behaviours, size=size, chain=backend(start(process)), home=tmp_path)
    found = real.run(replace(terms, mode=Mode.BLOB))
    assert (found.accepted, found.rejected, found.failed) == (expected.accepted, expected.rejected, ())
    assert expected.accepted != ()
    assert LOUD // terms.group_size in expected.rejected
    assert seats(real, found) == seats(calldata, expected)
    assert found.update is not None
    assert expected.update is not None
    assert np.array_equal(found.update, expected.update)
    assert (found.paid_wei, found.burnt_wei) == (expected.paid_wei, expected.burnt_wei)
    assert taken_out(real) == taken_out(calldata)
    there = real.sessions[0]
    assert (there.stage(), there.params().chunks) == (Stage.FINISHED, 1 if terms.packed else -(-size // 4_096))
    checked = verify_session(real.records[0], chain=real.world.chain, blobs=real.world.chain.blobs)
    assert "sums in blobs" not in checked.taken
