"""Blob mode's cryptography against the plain-Python protocol, byte for byte, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from omnilytics.blobs import scheme
from omnilytics.blobs.scheme import Claim, Kind
from omnilytics.codec import GroupContext, MaskKey, keccak256
from omnilytics.errors import EncodingError, InputError
from omnilytics.types import Address
from tests.golden import unhex, vectors

VECTORS = vectors("blobs")
N = scheme.ELEMENTS

Case = dict[str, Any]


def values(seed: bytes, count: int, bound: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    hashes = (keccak256(seed + i.to_bytes(32, "big"))[:8] for i in range(count))
    return np.array([int.from_bytes(h, "big") % (2 * bound + 1) - bound for h in hashes], dtype=np.int32)


def uploads_of(session: Case, group: Case) -> list[list[bytes]]:
    """By member and chunk."""
    uploads = []
    for place, seed in enumerate(group["value_seeds"]):
        vector = values(unhex(seed), session["parameters"], session["bound"])
        pairs = [(unhex(group["pair_seed"]), 1 - 2 * place)]
        starts = range(0, session["parameters"], N)
        uploads.append([scheme.masked_blob(vector[i : i + N], session["bound"], i, pairs) for i in starts])
    return uploads


@pytest.fixture(scope="module")
def sums() -> list[list[bytes]]:
    """By session and place in the order of proofs."""
    return [
        [
            scheme.add_blobs(chunk)
            for group in session["groups"]
            for chunk in zip(*uploads_of(session, group), strict=True)
        ]
        for session in VECTORS["sessions"]
    ]


def points(session: Case) -> bytes:
    return b"".join(unhex(group["sums"]) for group in session["groups"])


def claim(case: Case) -> Claim:
    session = VECTORS["sessions"][case["session"]]
    fields = [session[name] for name in ("members", "chunks", "bound")]
    return Claim(Kind(case["kind"]), unhex(case["context"]), len(session["groups"]), *fields)


@pytest.mark.parametrize("session", VECTORS["sessions"])
def test_uploads_and_their_sums(session: Case) -> None:
    for group in session["groups"]:
        uploads = uploads_of(session, group)
        assert [[keccak256(b) for b in upload] for upload in uploads] == [
            list(map(unhex, u)) for u in group["blob_hashes"]
        ]
        commitments = [[scheme.commit(blob) for blob in upload] for upload in uploads]
        assert commitments == [list(map(unhex, upload)) for upload in group["commitments"]]
        raised = [[scheme.uncompressed(commitment) for commitment in upload] for upload in commitments]
        assert b"".join(point for upload in raised for point in upload) == unhex(group["points"])
        assert b"".join(map(scheme.add_points, zip(*raised, strict=True))) == unhex(group["sums"])
        last = scheme.add_blobs([upload[-1] for upload in uploads])
        start = N * (session["chunks"] - 1)
        expected = sum(values(unhex(seed), session["parameters"], session["bound"]) for seed in group["value_seeds"])
        found = scheme.decode(last, session["parameters"] - start, session["members"], session["bound"])
        np.testing.assert_array_equal(expected[start:], found)


@pytest.mark.parametrize("case", VECTORS["proofs"], ids=lambda case: case["name"])
def test_proofs(case: Case, sums: list[list[bytes]]) -> None:
    session = VECTORS["sessions"][case["session"]]
    products, proof = scheme.prove(claim(case), points(session), sums[case["session"]])
    assert (list(map(int, case["products"])), unhex(case["proof"])) == (products, proof)
    assert scheme.verify(claim(case), points(session), products, proof)
    for wrong in ([products[0] + 1, *products[1:]], [2**300, *products[1:]]):
        assert not scheme.verify(claim(case), points(session), wrong, proof)


@pytest.mark.parametrize("case", VECTORS["false_proofs"], ids=lambda case: case["name"])
def test_false_proofs(case: Case) -> None:
    session = VECTORS["sessions"][case["session"]]
    assert not scheme.verify(claim(case), points(session), list(map(int, case["products"])), unhex(case["proof"]))


@pytest.mark.parametrize("case", VECTORS["openings"])
def test_openings(case: Case, sums: list[list[bytes]]) -> None:
    session = VECTORS["sessions"][case["session"]]
    number, place = session["chunks"] * case["group"] + case["index"] // N, case["index"] % N
    value, proof = scheme.open_at(sums[case["session"]][number], place)
    assert (unhex(case["element"]), unhex(case["proof"])) == (value.to_bytes(32, "big"), proof)
    commitment = scheme.compressed(points(session)[128 * number :][:128])
    assert scheme.opens(commitment, place, value, proof)
    assert not scheme.opens(commitment, place, value + 1, proof)


def test_masks_and_roots() -> None:
    for case in VECTORS["masks"]:
        assert scheme.mask_at(unhex(case["seed"]), case["index"]) == int(case["mask"], 16)
    for case in VECTORS["domain"]:
        assert scheme.point_of(case["index"]) == int(case["point"], 16)


def test_masks_of_a_group_cancel() -> None:
    keys = [MaskKey.from_seed(bytes([place]) * 32) for place in range(3)]
    peers = tuple((key.x, key.parity) for key in keys)
    context = [GroupContext(1, Address("0x" + "5e" * 20), 0, place, bytes(32), peers) for place in range(3)]
    seeds = [key.blob_seeds(own) for key, own in zip(keys, context, strict=True)]
    assert [[sign for _, sign in of] for of in seeds] == [[1, 1], [-1, 1], [-1, -1]]
    assert seeds[0][1][0] == seeds[2][0][0]
    vector = np.arange(-3, 4, dtype=np.int32)
    blobs = [scheme.masked_blob(vector, 3, 2 * N, pairs) for pairs in seeds]
    assert scheme.decode(scheme.add_blobs(blobs), 7, 3, 3).tolist() == [3 * value for value in range(-3, 4)]
    with pytest.raises(InputError, match="place 0"):
        keys[1].blob_seeds(context[0])


# ---- packed sums ----

PACKED = vectors("packed")


def packed_sums(session: Case) -> list[bytes]:
    """By 2 bytes of hashes for each value."""
    offset, blobs = session["members"] * session["bound"], []
    for group in session["groups"]:
        count = session["parameters"]
        hashes = (keccak256(unhex(group["seed"]) + i.to_bytes(32, "big")) for i in range(-(-count // 16)))
        drawn = np.frombuffer(b"".join(hashes), dtype=">u2")[:count].astype(np.int64)
        values = (drawn % (2 * offset + 1) - offset).astype(np.int32)
        starts = range(0, count, N * scheme.LANES)
        sums = [scheme.masked_blob(values[i : i + N * scheme.LANES], offset, 0, [], packed=True) for i in starts]
        assert [keccak256(blob) for blob in sums] == list(map(unhex, group["blob_hashes"]))
        blobs += sums
    return blobs


def packed_claim(case: Case) -> Claim:
    session = PACKED["sessions"][case["session"]]
    fields = [session[name] for name in ("members", "lanes", "bound")]
    return Claim(Kind(case["kind"]), unhex(case["context"]), len(session["groups"]), *fields)


@pytest.mark.parametrize("case", PACKED["proofs"], ids=lambda case: case["name"])
def test_packed_proofs(case: Case) -> None:
    session = PACKED["sessions"][case["session"]]
    products, evidence = scheme.prove_packed(packed_claim(case), points(session), packed_sums(session))
    assert (list(map(int, case["products"])), unhex(case["evidence"])) == (products, evidence)
    assert scheme.verify_packed(packed_claim(case), points(session), products, evidence)
    for wrong in ([products[0] + 1, *products[1:]], [2**300, *products[1:]]):
        assert not scheme.verify_packed(packed_claim(case), points(session), wrong, evidence)
    swapped = points(session)[128:] + points(session)[:128]
    assert not scheme.verify_packed(packed_claim(case), swapped, products, evidence)
    with pytest.raises(InputError, match="commitments: expected those of the sums, got others"):
        scheme.prove_packed(packed_claim(case), swapped, packed_sums(session))


@pytest.mark.parametrize("case", PACKED["false_proofs"], ids=lambda case: case["name"])
def test_false_packed_proofs(case: Case) -> None:
    session = PACKED["sessions"][case["session"]]
    products = list(map(int, case["products"]))
    assert not scheme.verify_packed(packed_claim(case), points(session), products, unhex(case["evidence"]))


def packed_of(**changes: Any) -> Claim:
    fields = {"kind": Kind.PACKED_GRAM, "context": bytes(32), "groups": 1, "members": 2, "chunks": 1, "bound": 1}
    return Claim(**{**fields, **changes})


@pytest.mark.parametrize(
    ("claim", "sums", "error", "message"),
    [
        (packed_of(kind=Kind.GRAM), 1, InputError, "kind: expected 3 .norms of packed sums. or 4 .gram., got 2"),
        (packed_of(context=b""), 1, InputError, "context: expected 32 bytes"),
        (packed_of(bound=1_024), 1, InputError, "members . bound: expected 1 to 2047, got 2048"),
        (packed_of(chunks=16_385), 1, InputError, "lanes of all groups: expected 1 to 16384, got 16385"),
        (packed_of(groups=2), 1, InputError, "blobs of sums: expected 2, got 1"),
        (packed_of(chunks=22), 1, InputError, "bytes of commitments: expected 256, got 128"),
        (packed_of(), 1, EncodingError, "group 0, element 0, digit 0: expected a sum of 0 to 4, got 5"),
    ],
)
def test_packed_claims_out_of_range(claim: Claim, sums: int, error: type[Exception], message: str) -> None:
    fives = [bytes(31) + b"\5" + bytes(N * 32 - 32)] * sums
    with pytest.raises(error, match=message):
        scheme.prove_packed(claim, bytes(128 * claim.groups * sums), fives)


ZERO = np.zeros(1, dtype=np.int32)
BLOB = scheme.masked_blob(ZERO, 1, 0, [])
SEED = bytes(32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: scheme.masked_blob(np.zeros(2), 1, 0, []), EncodingError, "values: expected a contiguous int32 array"),
        (lambda: scheme.masked_blob(ZERO + 2, 1, 0, []), EncodingError, "value 0: expected -1 to 1, got one outside"),
        (lambda: scheme.masked_blob(ZERO, 1, 0, [(SEED, 0)]), InputError, "sign: expected 1 or -1, got 0"),
        (lambda: scheme.masked_blob(ZERO, 1, 0, [(b"", 1)]), InputError, "seed: expected 32 bytes, got 0 bytes"),
        (lambda: scheme.masked_blob(ZERO, 1, -1, []), InputError, "index: expected a non-negative integer"),
        (lambda: scheme.masked_blob(ZERO, 1, 2**64 - 1, []), InputError, "index: expected 0 to"),
        (lambda: scheme.commit(BLOB[1:]), InputError, "bytes of a blob: expected 131072, got 131071"),
        (lambda: scheme.commit(b"\xff" * len(BLOB)), EncodingError, "element 0: expected a number below"),
        (lambda: scheme.decode(BLOB, 4_097, 2, 1), InputError, "count: expected 0 to 4096, got 4097"),
        (lambda: scheme.decode(BLOB, 0, 2, 1), EncodingError, "element 0: expected padding, 2, got 1"),
        (lambda: scheme.decode(BLOB, 0, 256, 1), InputError, "members: expected 2 to 255, got 256"),
        (lambda: scheme.uncompressed(bytes(48)), InputError, "point: expected a point of BLS12-381's G1"),
        (lambda: scheme.add_points([b"\1" * 128]), InputError, "point: expected a point of BLS12-381's G1"),
        (lambda: scheme.open_at(BLOB, 4_096), InputError, "place: expected 0 to 4095, got 4096"),
        (lambda: scheme.verify(Claim(3, SEED, 1, 2, 1, 1), b"", [], b""), InputError, "kind: expected 1 .norms."),  # type: ignore[arg-type]
        (lambda: scheme.verify(Claim(Kind.GRAM, SEED, 1, 2, 1, 1), b"", [], b""), InputError, "expected 128, got 0"),
        (lambda: scheme.prove(Claim(Kind.GRAM, SEED, 1, 2, 1, 1), bytes(128), [BLOB]), InputError, "commitments: exp"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_sums_out_of_range_are_named() -> None:
    spoilt = BLOB[:-1] + b"\5"
    with pytest.raises(EncodingError, match=r"group 0, element 4095: expected a sum of 0 to 4, got 0x0+5"):
        scheme.prove(Claim(Kind.NORMS, SEED, 1, 2, 1, 1), bytes(128), [spoilt])


class TestPacked:
    """B12, against sums of digits as Python has them."""

    @staticmethod
    def elements(blob: bytes) -> list[int]:
        return [int.from_bytes(blob[at : at + 32], "big") for at in range(0, len(blob), 32)]

    @pytest.mark.parametrize("count", [1, N, N + 5, 20 * N + 1, 21 * N])
    def test_values_stand_in_lanes(self, count: int) -> None:
        vector, bound = values(b"\7" * 32, count, 511), 511
        seeds = [(b"\1" * 32, 1), (b"\2" * 32, -1)]
        found = self.elements(scheme.masked_blob(vector, bound, 5 * N, seeds, packed=True))
        lanes = -(-count // N)
        padded = np.zeros(lanes * N, np.int64)
        padded[:count] = vector
        for place in (0, 1, 6, 4_000, N - 1):
            mask = sum(sign * scheme.mask_at(seed, 5 * N + place) for seed, sign in seeds)
            digits = sum(int(v + bound) << 12 * lane for lane, v in enumerate(padded[place::N]))
            assert found[place] == (digits + mask) % scheme.ORDER

    def test_sums_are_read_as_they_were_put_in(self) -> None:
        vectors = [values(bytes([member]) * 32, 3 * N + 9, 680) for member in range(3)]
        seeds = [[(b"\1" * 32, 1)], [(b"\1" * 32, -1), (b"\2" * 32, 1)], [(b"\2" * 32, -1)]]
        blobs = [scheme.masked_blob(v, 680, N, s, packed=True) for v, s in zip(vectors, seeds, strict=True)]
        found = scheme.decode(scheme.add_blobs(blobs), 3 * N + 9, 3, 680, packed=True)
        np.testing.assert_array_equal(sum(v.astype(np.int64) for v in vectors), found)
        with pytest.raises(EncodingError, match="group 0, element 0"):
            scheme.decode(blobs[0], 3 * N + 9, 3, 680, packed=True)

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda: scheme.masked_blob(ZERO + 8, 7, 0, [], packed=True), EncodingError, "value 0: expected -7 to 7"),
            (lambda: scheme.masked_blob(ZERO, 2_048, 0, [], packed=True), InputError, "bound: expected 1 to 2047"),
            (lambda: scheme.masked_blob(ZERO[:0], 7, 0, [], packed=True), InputError, "values of a chunk: expected 1"),
            (lambda: scheme.masked_blob(np.zeros(21 * N + 1, np.int32), 7, 0, [], packed=True), InputError, "86016"),
            (lambda: scheme.decode(BLOB, 1, 2, 1_024, packed=True), InputError, "members . bound: expected 1 to 2047"),
            (lambda: scheme.decode(BLOB, 0, 2, 1, packed=True), InputError, "count: expected 1 to 86016, got 0"),
            (lambda: scheme.decode(BLOB, 1, 2, 1, packed=True), EncodingError, "element 1, digit 0: expected padding"),
            (lambda: scheme.decode(BLOB, N + 1, 2, 1, packed=True), EncodingError, "element 1, digit 1: expected pad"),
            (lambda: scheme.decode(b"\0" * 30 + b"\x10" + BLOB[31:], N, 2, 1, packed=True), EncodingError, "above 1"),
            (lambda: scheme.decode(BLOB[:-1] + b"\5", N, 2, 1, packed=True), EncodingError, "4095, digit 0"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, call: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            call()
