"""The golden vectors of packed sums: packed.json."""

from __future__ import annotations

from typing import Any

from eth_utils import keccak

from tests.vectors.generate_blobs import proof_fields
from tests.vectors.notation import Json, hexadecimal, label_bytes
from tests.vectors.reference import blobs, packed
from tests.vectors.reference.packed import PACKED_GRAM, PACKED_NORMS, Lane, Q

MEMBERS, BOUND = 2, 1_000
OFFSET = MEMBERS * BOUND
KINDS = {"norms": PACKED_NORMS, "gram": PACKED_GRAM}
SHAPES = ((2, 2), (3, 3), (2, 22))
"""Groups and lanes: an even number of all lanes, an odd one, and two blobs a group."""


def group_lanes(seed: bytes, lanes: int, parameters: int) -> list[Lane]:
    """Sums from 0 to 2 N Q, by 2 bytes of hashes each; beyond the parameters they are N Q."""
    hashes = b"".join(keccak(seed + blobs.word(i)) for i in range(-(-parameters // 16)))
    drawn = [int.from_bytes(hashes[2 * i : 2 * i + 2], "big") % (2 * OFFSET + 1) for i in range(parameters)]
    elements = drawn + [OFFSET] * (blobs.N * lanes - parameters)
    return [elements[blobs.N * m : blobs.N * (m + 1)] for m in range(lanes)]


def session(groups: int, lanes: int) -> tuple[Json, list[list[Lane]]]:
    """The sums of groups, and their lanes."""
    parameters = blobs.N * lanes - 1_000
    seeds = [label_bytes(f"packed values {groups} {lanes} {r}") for r in range(groups)]
    found = [group_lanes(seed, lanes, parameters) for seed in seeds]
    fields = {"lanes": lanes, "parameters": parameters, "members": MEMBERS, "bound": BOUND}
    return {**fields, "groups": [group_fields(*pair) for pair in zip(seeds, found, strict=True)]}, found


def group_fields(seed: bytes, lanes: list[Lane]) -> Json:
    sums = packed.packed(lanes)
    points = [blobs.point(blobs.interpolated(blob)) for blob in sums]
    return {
        "seed": hexadecimal(seed),
        "blob_hashes": [hexadecimal(keccak(blobs.blob_bytes(blob))) for blob in sums],
        "sums": hexadecimal(b"".join(points)),
        "hash": hexadecimal(blobs.fold(bytes(32), points)),
    }


def proof_case(name: str, number: int, kind: int, lanes: list[list[Lane]], **cheat: Any) -> Json:
    context = label_bytes(f"packed context {name}")
    made = packed.prove(kind, context, lanes, OFFSET, **cheat)
    return {**proof_fields(name, number, kind, context, made), "evidence": hexadecimal(made.evidence())}


def replaced(group: list[Lane], second: Lane) -> list[Lane]:
    """Another second lane, and the first one that keeps the sum."""
    first = [(a + (b - x) * 2**12) % Q for a, b, x in zip(*group, second, strict=True)]
    return [first, second]


def forged_lanes(groups: list[list[Lane]]) -> dict[str, list[list[Lane]]]:
    """Lanes of two groups, two lanes each, that add up to the same sums and aren't their digits."""
    first, other = groups
    borrowed = [*first[1][:7], (first[1][7] - 1) % Q, *first[1][8:]]
    free = [int.from_bytes(keccak(label_bytes("packed free lane") + blobs.word(i)), "big") % Q for i in range(blobs.N)]
    forged = {"carry": borrowed, "free lane": free, "swapped lanes": first[0], "another group's lane": other[1]}
    return {name: [replaced(first, second), other] for name, second in forged.items()}


def false_proofs(lanes: list[list[Lane]]) -> list[Json]:
    """About the first session."""
    cases = []
    for name, kind in KINDS.items():
        true = packed.true_products(kind, lanes, OFFSET)
        wrong = [true[0], (true[1] + 12_345) % Q, *true[2:]]
        for cheat in ("sum", "constant", "degree"):
            if kind == PACKED_GRAM or cheat == "degree":
                cases.append(proof_case(f"{name}, false {cheat}", 0, kind, lanes, products=wrong, cheat=cheat))
    forged = forged_lanes(lanes)
    for cheat in ("sum", "constant", "helper", "balanced"):
        cases.append(proof_case(f"carry, {cheat}", 0, PACKED_NORMS, forged["carry"], cheat=cheat))
    true = packed.true_products(PACKED_GRAM, lanes, OFFSET)
    for name, changed in forged.items():
        cases.append(proof_case(name, 0, PACKED_GRAM, changed, products=true, cheat="constant"))
    cases.append(proof_case("multiplicities", 0, PACKED_NORMS, lanes, cheat="multiplicities"))
    return cases


def make() -> Json:
    """The whole file."""
    sessions = [session(*shape) for shape in SHAPES]
    return {
        "sessions": [fields for fields, _ in sessions],
        "proofs": [
            proof_case(f"{name}, {len(lanes)} groups of {len(lanes[0])} lanes", i, kind, lanes)
            for i, (_, lanes) in enumerate(sessions)
            for name, kind in KINDS.items()
            if kind == PACKED_GRAM or len(lanes[0]) < packed.LANES
        ],
        "false_proofs": false_proofs(sessions[0][1]),
        "identity": hexadecimal(blobs.point(blobs.interpolated(list(range(blobs.N))))),
    }
