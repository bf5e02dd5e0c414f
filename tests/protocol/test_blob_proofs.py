"""How a proof is cut into calls: each fits, and together they are the proof (docs/BLOBS.md 7.4, 7.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnilytics.blobs.partial import PartialPacked, PartialProof
from omnilytics.blobs.scheme import Kind
from omnilytics.chain.abi import interface
from omnilytics.protocol.blob_proofs import PACKED_STATE_BYTES, STATE_BYTES, Proof, Shape, packed_bytes
from omnilytics.protocol.gas import MAX_CALL_BYTES
from omnilytics.protocol.packed_proofs import PackedProof
from omnilytics.types import ZERO_ADDRESS, Log

KINDS = st.sampled_from([Kind.NORMS, Kind.GRAM])
POINT, WORD = 128, 32


def sized(kind: Kind, groups: int, chunks: int, room: int) -> Proof:
    """A proof of that shape; every point and word of it is another one."""
    shape = Shape(kind, groups, chunks, room)
    numbers = iter(range(10**6))
    points = b"".join(next(numbers).to_bytes(POINT, "big") for _ in range(shape.sums))
    ends = [b"".join(next(numbers).to_bytes(POINT, "big") for _ in range(2)) for _ in range(2)]
    openings = b"".join(next(numbers).to_bytes(WORD, "big") for _ in range(shape.openings(shape.sums)))
    return Proof(shape, bytes(32), tuple(range(shape.products)), points, ends[0] + openings + ends[1])


@given(KINDS, st.integers(1, 16), st.integers(1, 12), st.integers(1_600, 9_000))
def test_the_calls_are_the_proof(kind: Kind, groups: int, chunks: int, room: int) -> None:
    proof = sized(kind, groups, chunks, room)
    parts = proof.shape.parts()
    begun, points, openings = 0, b"", b""
    for part in parts:
        evidence = proof.part_of(begun, part)
        size = POINT * part.sums
        points += evidence[:size]
        rest = evidence[size:]
        if part.last:
            assert (rest[:256], rest[-256:]) == (proof.proof[:256], proof.proof[-256:])
            rest = rest[256:-256]
        openings = rest if kind is Kind.GRAM else openings + rest
        assert openings in proof.proof
        begun += part.sums
        carried = STATE_BYTES * (part.call != "select_proven") + WORD * len(proof.products) * part.last
        assert len(evidence) + carried <= room or part.sums <= 1
    assert (points, openings) == (proof.points, proof.proof[256:-256])
    assert [part.call for part in parts[:-1]] == ["continue_proof"] * (len(parts) - 1)
    assert parts[-1].call == ("finish_proof" if len(parts) > 1 else "select_proven")


@given(
    st.sampled_from([Kind.PACKED_NORMS, Kind.PACKED_GRAM]),
    st.integers(1, 16),
    st.integers(1, 12),
    st.integers(3_000, 9_000),
)
def test_the_calls_are_the_packed_proof(kind: Kind, groups: int, lanes: int, room: int) -> None:
    shape = Shape(kind, groups, lanes, room)
    count, helpers = shape.sums, -(-shape.sums // 2)
    numbers = iter(range(10**6))
    points = [next(numbers).to_bytes(POINT, "big") for _ in range(count + helpers + 7)]
    words = [next(numbers).to_bytes(WORD, "big") for _ in range(count + 1)]
    evidence = b"".join([*points[:-2], *words, *points[-2:]])
    assert len(evidence) == packed_bytes(count)
    proof = PackedProof(shape, bytes(32), tuple(range(shape.products)), evidence)
    begun, parts = 0, shape.parts()
    for part in parts:
        last = begun + part.sums
        own = [*points[begun:last], *points[count + -(-begun // 2) : count + -(-last // 2)]]
        openings = words[begun:last]
        if part.last:
            expected = b"".join([*own, *points[-7:-2], *openings, words[-1], *points[-2:]])
        else:
            expected = b"".join([*own, *openings])
            assert part.sums % groups == 0
            assert part.sums % 2 == 0 or last == count
        assert proof.part_of(begun, part) == expected
        carried = PACKED_STATE_BYTES * (part.call != "select_packed") + WORD * len(proof.products) * part.last
        assert len(expected) + carried <= room or part.sums <= 2 * groups
        begun = last
    assert begun == count
    assert [part.call for part in parts[:-1]] == ["continue_packed"] * (len(parts) - 1)
    assert parts[-1].call == ("finish_packed" if len(parts) > 1 else "select_packed")


@pytest.mark.parametrize(
    ("kind", "groups", "chunks", "calls"),
    [
        (Kind.NORMS, 8, 100, 1),
        (Kind.NORMS, 8, 101, 1),
        (Kind.NORMS, 8, 102, 2),
        (Kind.NORMS, 8, 256, 3),
        (Kind.NORMS, 64, 256, 21),
        (Kind.GRAM, 8, 121, 1),
        (Kind.GRAM, 8, 122, 2),
        (Kind.GRAM, 16, 256, 5),
        (Kind.PACKED_NORMS, 8, 71, 1),
        (Kind.PACKED_GRAM, 8, 71, 1),
        (Kind.PACKED_NORMS, 8, 72, 2),
        (Kind.PACKED_NORMS, 8, 256, 4),
        (Kind.PACKED_NORMS, 64, 256, 32),
        (Kind.PACKED_GRAM, 16, 256, 8),
    ],
)
def test_how_many_it_takes(kind: Kind, groups: int, chunks: int, calls: int) -> None:
    assert len(Shape(kind, groups, chunks, MAX_CALL_BYTES).parts()) == calls


@given(st.binary(max_size=1_200))
def test_an_event_of_other_bytes_is_refused_or_read_whole(data: bytes) -> None:
    """What a node says is in: 17 words, or an error."""
    contract, log = interface("SecModelUpdate"), _logged("ProofContinued", data)
    if len(data) < STATE_BYTES:
        with pytest.raises(Exception, match="don't fit it"):
            contract.decode_log(log)
        return
    found = contract.decode_log(log)
    assert found is not None
    begun = PartialProof.read(found[1]["begun"])
    words = [*begun.seeds, begun.sums, begun.root, begun.group, begun.openings, begun.alpha]
    encoded = b"".join(word if isinstance(word, bytes) else word.to_bytes(32, "big") for word in words)
    assert data.startswith(encoded)
    assert begun == replace(begun)
    assert contract.calldata("continue_proof", begun.words(), b"")[4 : 4 + STATE_BYTES] == data[:STATE_BYTES]


@given(st.binary(max_size=PACKED_STATE_BYTES), st.integers(-40, 40))
def test_a_packed_one_too(data: bytes, more: int) -> None:
    """81 words."""
    size = PACKED_STATE_BYTES + more
    data = (data * size)[:size] if data else bytes(size)
    contract, log = interface("SecModelUpdate"), _logged("PackedContinued", data)
    if len(data) < PACKED_STATE_BYTES:
        with pytest.raises(Exception, match="don't fit it"):
            contract.decode_log(log)
        return
    found = contract.decode_log(log)
    assert found is not None
    begun = PartialPacked.read(found[1]["begun"])
    assert (len(begun.groups), begun.done) == (64, begun.lanes)
    encoded = contract.calldata("continue_packed", begun.words(), b"")[4 : 4 + PACKED_STATE_BYTES]
    assert encoded == data[:PACKED_STATE_BYTES]


def _logged(name: str, data: bytes) -> Log:
    topic = next(topic for topic, event in interface("SecModelUpdate")._events.items() if event.name == name)
    return Log(ZERO_ADDRESS, (topic, bytes(32)), data)
