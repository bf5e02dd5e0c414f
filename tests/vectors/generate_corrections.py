"""The golden vectors of corrections in blobs: blobs.json, `corrections`."""

from __future__ import annotations

from itertools import combinations

from eth_utils import keccak

from tests.vectors.notation import Json, hex_word, hexadecimal, label_bytes
from tests.vectors.reference import blobs
from tests.vectors.reference.blobs import N, Q
from tests.vectors.reference.corrections import Elements, Group

CASES = {
    "two of four": (4, [0, 3], 1_000, 0, N + 5),
    "all of three": (3, [0, 1, 2], 1_000, 0, 40),
    "three of four, packed": (4, [0, 1, 3], 500, 12, 23 * N - 1_000),
}
"""Members, who has delivered, Q, lane bits, parameters."""


def values(seed: bytes, count: int, bound: int) -> list[int]:
    """What a member uploads: numbers from -Q to Q, by 2 bytes of hashes each."""
    hashes = b"".join(keccak(seed + blobs.word(i)) for i in range(-(-count // 16)))
    return [int.from_bytes(hashes[2 * i : 2 * i + 2], "big") % (2 * bound + 1) - bound for i in range(count)]


def chunks(elements: Elements) -> list[Elements]:
    return [elements[at : at + N] for at in range(0, len(elements), N)]


def posted(elements: Elements) -> Json:
    """A vector as the chain knows it."""
    commitments = [blobs.commitment(blobs.interpolated(blob)) for blob in chunks(elements)]
    hashes = [blobs.versioned_hash(c) for c in commitments]
    return {
        "commitments": [hexadecimal(c) for c in commitments],
        "versioned_hashes": [hexadecimal(h) for h in hashes],
        "upload_hash": hexadecimal(blobs.fold(bytes(32), hashes)),
    }


def opened(elements: Elements, index: int) -> Json:
    element, proof = blobs.opening(blobs.interpolated(chunks(elements)[index // N]), index % N)
    assert element == elements[index]
    return {"index": index, "element": hex_word(element), "proof": hexadecimal(proof)}


def case(name: str, members: int, delivered: list[int], bound: int, lane_bits: int, parameters: int) -> Json:
    pairs = {pair: label_bytes(f"correction {name} pair {pair}") for pair in combinations(range(members), 2)}
    own = [label_bytes(f"correction {name} own {place}") for place in range(members)]
    group = Group(members, bound, lane_bits, parameters, pairs, own)
    found = group.correction(delivered)

    vectors = [values(label_bytes(f"correction {name} values {place}"), parameters, bound) for place in delivered]
    uploads = [group.upload(place, vector) for place, vector in zip(delivered, vectors, strict=True)]
    assert [sum(one) % Q for one in zip(*uploads, found, strict=True)] == group.total(vectors)

    minus, plus = group.seeds(delivered)
    # one more in the last lane of an element of the last chunk
    wrong = len(found) - 79
    changed = [*found]
    changed[wrong] = (changed[wrong] + (1 << 12 * (group.lanes()[-1] - 1))) % Q
    return {
        "name": name,
        "members": members,
        "delivered": sum(1 << place for place in delivered),
        "bound": bound,
        "lane_bits": lane_bits,
        "parameters": parameters,
        "minus": [hexadecimal(seed) for seed in minus],
        "plus": [hexadecimal(seed) for seed in plus],
        "blob_hashes": [hexadecimal(keccak(blobs.blob_bytes(blob))) for blob in chunks(found)],
        **posted(found),
        "elements": [opened(found, i) for i in sorted({0, 1, 39, 40, N - 1, len(found) - N, wrong, len(found) - 1})],
        "wrong": posted(changed) | opened(changed, wrong),
    }


def make() -> list[Json]:
    """All cases."""
    return [case(name, *shape) for name, shape in CASES.items()]
