"""The golden vectors of blob mode: blobs.json."""

from __future__ import annotations

from typing import Any

from eth_utils import keccak

from tests.vectors import generate_corrections
from tests.vectors.notation import Json, hex_word, hexadecimal, label_bytes
from tests.vectors.reference import blobs
from tests.vectors.reference.blobs import GRAM, NORMS, Polynomial, Q

GROUPS, MEMBERS, BOUND = 3, 2, 1_000
OFFSET = MEMBERS * BOUND


def values(seed: bytes, count: int) -> list[int]:
    """What a member uploads: numbers from -Q to Q, here BOUND, by the first 8 bytes of hashes."""
    hashes = (keccak(seed + blobs.word(i))[:8] for i in range(count))
    return [int.from_bytes(h, "big") % (2 * BOUND + 1) - BOUND for h in hashes]


def upload(seed: bytes, pair: bytes, sign: int, parameters: int, chunks: int) -> list[list[int]]:
    """Its blobs: offset and masked; beyond the parameters the value is zero."""
    plain = values(seed, parameters) + [0] * (blobs.N * chunks - parameters)
    masked = [(v + BOUND + sign * blobs.mask_at(pair, i)) % Q for i, v in enumerate(plain)]
    return [masked[blobs.N * j : blobs.N * (j + 1)] for j in range(chunks)]


def session(chunks: int) -> tuple[Json, list[list[Polynomial]]]:
    """Uploads of all members, and the sums of each group by chunk."""
    parameters = blobs.N * chunks - 1_000
    groups, sums = [], []
    for r in range(GROUPS):
        seeds = [label_bytes(f"blob values {chunks} {r} {k}") for k in range(MEMBERS)]
        pair = label_bytes(f"blob pair {chunks} {r}")
        uploads = [upload(seed, pair, 1 - 2 * k, parameters, chunks) for k, seed in enumerate(seeds)]
        commitments = [[blobs.commitment(blobs.interpolated(blob)) for blob in one] for one in uploads]
        hashes = [[blobs.versioned_hash(c) for c in one] for one in commitments]
        added = [[(a + b) % Q for a, b in zip(*pair, strict=True)] for pair in zip(*uploads, strict=True)]
        polynomials = [blobs.interpolated(blob) for blob in added]
        points = [blobs.point(f) for f in polynomials]
        sums.append(polynomials)
        groups.append(
            {
                "value_seeds": [hexadecimal(seed) for seed in seeds],
                "pair_seed": hexadecimal(pair),
                "blob_hashes": [[hexadecimal(keccak(blobs.blob_bytes(b))) for b in one] for one in uploads],
                "commitments": [[hexadecimal(c) for c in one] for one in commitments],
                "points": hexadecimal(b"".join(blobs.uncompressed(c) for one in commitments for c in one)),
                "upload_hashes": [hexadecimal(blobs.fold(bytes(32), one)) for one in hashes],
                "sums": hexadecimal(b"".join(points)),
                "hash": hexadecimal(blobs.fold(bytes(32), points)),
            }
        )
    fields = {"chunks": chunks, "parameters": parameters, "members": MEMBERS, "bound": BOUND, "groups": groups}
    return fields, sums


def signed(number: int) -> str:
    return str(number if number < Q // 2 else number - Q)


def proof_fields(name: str, number: int, kind: int, context: bytes, made: Any) -> Json:
    """A proof but for its bytes, of a session's sums, packed or not."""
    return {
        "name": name,
        "session": number,
        "kind": kind,
        "context": hexadecimal(context),
        "root": hexadecimal(made.root),
        "products": [signed(g) for g in made.products],
        **{challenge: hex_word(value) for challenge, value in made.challenges.items()},
    }


def proof_case(name: str, number: int, kind: int, sums: list[list[Polynomial]], **cheat: Any) -> Json:
    context = label_bytes(f"blob context {name}")
    made = blobs.prove(kind, context, sums, OFFSET, **cheat)
    return {**proof_fields(name, number, kind, context, made), "proof": hexadecimal(made.encoded())}


def opening_case(number: int, r: int, index: int, sums: list[list[Polynomial]]) -> Json:
    f = sums[r][index // blobs.N]
    element, proof = blobs.opening(f, index % blobs.N)
    return {
        "session": number,
        "group": r,
        "index": index,
        "element": hex_word(element),
        "proof": hexadecimal(proof),
    }


def malformed(sums: list[list[Polynomial]], parameters: int) -> Json:
    """One group whose elements are out of range: at index 5 in its values, and in its padding."""
    blob = blobs.elements(sums[0][0])
    cases = {}
    for name, index, element in (("range", 5, 2 * OFFSET + 1), ("huge", 5, Q - 7), ("padding", parameters, OFFSET + 1)):
        changed = [*blob[:index], element, *blob[index + 1 :]]
        f = blobs.interpolated(changed)
        found, proof = blobs.opening(f, index)
        assert found == element
        cases[name] = {
            "index": index,
            "element": hex_word(element),
            "point": hexadecimal(blobs.point(f)),
            "proof": hexadecimal(proof),
        }
    return cases


def make() -> Json:
    """The whole file."""
    sessions = [session(chunks) for chunks in (1, 2)]
    kinds = {"norms": NORMS, "gram": GRAM}
    cheats: dict[str, Json] = {"sum": {}, "constant": {"cheat": "constant"}, "degree": {"cheat": "degree"}}
    seed = label_bytes("blob masks")
    return {
        "sessions": [fields for fields, _ in sessions],
        "proofs": [
            proof_case(f"{name}, {len(sums[0])} chunks", i, kind, sums)
            for i, (_, sums) in enumerate(sessions)
            for name, kind in kinds.items()
        ],
        "false_proofs": [
            proof_case(f"{name}, false {cheat}", 0, kind, sessions[0][1], error=12_345, **how)
            for name, kind in kinds.items()
            for cheat, how in cheats.items()
            if kind == GRAM or cheat == "degree"
        ],
        "openings": [
            opening_case(i, r, index, sums)
            for i, (fields, sums) in enumerate(sessions)
            for r, index in ((0, 0), (1, 1), (2, fields["parameters"] - 1), (0, fields["parameters"]))
        ],
        "corrections": generate_corrections.make(),
        "malformed": malformed(sessions[0][1], sessions[0][0]["parameters"]),
        "masks": [
            {"seed": hexadecimal(seed), "index": index, "mask": hex_word(blobs.mask_at(seed, index))}
            for index in (0, 1, 4_095, 4_096, 2**20, 2**64 - 1)
        ],
        "domain": [{"index": i, "point": hex_word(blobs.domain_point(i))} for i in (0, 1, 2, 1_000, 4_095)],
    }
