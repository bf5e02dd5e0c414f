"""Nothing of the private part leaves the model owner, nor of a member's data, but what each split says it reveals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from omnilytics import codec
from omnilytics.experiments.recipes import DIGITS_LAYERS, build_split
from omnilytics.model.split import SideSplit, Split, StandIn
from omnilytics.protocol.ledger import Ledger
from omnilytics.seeds import Seeds
from omnilytics.types import Encoding
from tests.e2e.conftest import PLAN, World, krum_plan, side_split


def sent_by_owner(world: World) -> bytes:
    """All calldata that the model owner ever sent."""
    assert world.simulation is not None
    return b"".join(t.calldata for t in world.simulation.chain.transactions() if t.sender == world.simulation.owner)


def leaks(calldata: bytes, values: np.ndarray) -> int:
    """How many of these float32 values stand in the calldata, byte for byte, in either byte order."""
    nonzero = values[values != 0].astype("<f4")
    return sum(v.tobytes() in calldata or v.tobytes()[::-1] in calldata for v in nonzero)


def private_values(split: Split) -> np.ndarray:
    if isinstance(split, SideSplit):
        return np.concatenate([p.detach().numpy().ravel() for p in split.private.parameters()])
    public = set(split.public_names)
    named = split.model.named_parameters()  # type: ignore[attr-defined]
    return np.concatenate([p.detach().numpy().ravel() for name, p in named if name not in public])


def run(split: Split) -> tuple[World, list[np.ndarray]]:
    """A run, and W^s as it was after every adaptation."""
    plan = PLAN if isinstance(split, SideSplit) else krum_plan(encoding=Encoding.WEIGHTS)
    seen = [private_values(split)]
    adapt = type(split).adapt

    def watched(self: Split, *args: object) -> None:
        adapt(self, *args)  # type: ignore[arg-type]
        seen.append(private_values(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(split), "adapt", watched)
        world = World(split=split, plan=replace(plan, sessions=2))
        world.run()
    return world, seen


@pytest.mark.parametrize("kind", ["side", StandIn.OWN, StandIn.OWN_COMMON])
def test_nothing_private_is_sent(kind: str) -> None:
    split = side_split() if kind == "side" else build_split(DIGITS_LAYERS, Seeds(1), StandIn(kind))
    world, seen = run(split)
    calldata = sent_by_owner(world)
    assert len(calldata) > 4 * split.parameter_count
    for values in seen:
        assert leaks(calldata, values) <= len(values) // 1000


def test_what_leaves_is_the_public_vector() -> None:
    """The watch of this file can see: W^p as published does stand in the calldata."""
    split = side_split()
    before = split.public_vector()
    world, _ = run(split)
    assert leaks(sent_by_owner(world), before) == np.count_nonzero(before)


def test_shared_says_that_it_reveals() -> None:
    split = build_split(DIGITS_LAYERS, Seeds(1), StandIn.SHARED)
    assert "everything" in split.reveals
    assert set(split.outgoing()) > set(split.public_names)


@pytest.mark.parametrize("stand_in", [StandIn.OWN, StandIn.OWN_COMMON])
def test_members_train_without_the_private_part(stand_in: StandIn) -> None:
    split = build_split(DIGITS_LAYERS, Seeds(1), stand_in)
    with torch.no_grad():
        for name, parameter in split.model.named_parameters():  # type: ignore[attr-defined]
            if name not in split.public_names:
                parameter.fill_(12.5)
    member = split.member_model(0, Seeds(1))
    for name, parameter in member.module.named_parameters():
        if name in member.private_names:
            assert not bool((parameter == 12.5).any())


def test_a_single_upload_says_nothing_of_its_words(finished: World) -> None:
    """The masked words of one member look uniform; the sum of its group is small numbers."""
    record = finished.sessions[0]
    ledger = Ledger.read(log for _, log in record.logs)
    uploads = ledger.uploads[0, 0]
    ones = np.mean(np.unpackbits(np.frombuffer(b"".join(uploads), np.uint8)))
    assert abs(ones - 0.5) < 0.02
    assert all(len({codec.keccak256(u[i : i + 32]) for i in range(0, len(u), 32)}) == len(u) // 32 for u in uploads)
