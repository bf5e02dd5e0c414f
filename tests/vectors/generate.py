"""Writes the golden vectors from the plain-Python reference, or says with `--check` whether the files are current.

Run from anywhere: `python tests/vectors/generate.py [--check]`. README.md describes the files.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
if __package__ in (None, ""):
    sys.path.insert(0, str(FOLDER.parent.parent))

from tests.vectors import (  # noqa: E402
    generate_blobs,
    generate_market,
    generate_packed,
    generate_recover,
    generate_selection,
)
from tests.vectors.notation import CHAIN_ID, SESSION, Json, double, hexadecimal, label_bytes, noise, patterns  # noqa: E402
from tests.vectors.reference import codec, curve  # noqa: E402
from tests.vectors.reference.keccak import keccak256  # noqa: E402

SENDER = bytes.fromhex("da7a" + "0b" * 18)
FIELDS = [
    *(20, 24, 5, 8, 8, 3, 4, 4, 2, 0, 0x3D4CCCCD, 7, 6, 8, 0, 1, 0, 0, 0, 0, 0, 600, 600, 600, 600, 600, 0, 0),
    *(10**18, 10**17, 0, 0, 0, 0, 0),
]


# ---- encoding.json ----


def delta_case(
    name: str, members: int, bound: int, clip: float, weights: list[float], published: list[float], **rule: bool
) -> Json:
    clip = codec.to_float32(clip)
    seed = label_bytes(name)
    norm = rule.get("norm", False)
    shrink = rule.get("shrink", True)
    encoded = codec.encode_delta(weights, published, clip, bound, members, seed, norm and shrink)
    return {
        "name": name,
        "encoding": 0,
        "members": members,
        "bound": bound,
        "lane_bits": codec.smallest_lane_bits(members, bound),
        "clip": patterns([clip]),
        "rule": 0 if norm else 1,
        "shrink": shrink,
        "rounding_seed": hexadecimal(seed),
        "weights": patterns(weights),
        "published": patterns(published),
        **encoded_fields(encoded, codec.smallest_lane_bits(members, bound)),
    }


def weights_case(name: str, members: int, weights: list[float]) -> Json:
    bound = (2**31 - 1) // members
    return {
        "name": name,
        "encoding": 1,
        "members": members,
        "bound": bound,
        "lane_bits": 32,
        "clip": patterns([0.0]),
        "rule": 1,
        "shrink": True,
        "rounding_seed": hexadecimal(label_bytes(name)),
        "weights": patterns(weights),
        "published": patterns([0.0] * len(weights)),
        **encoded_fields(codec.encode_weights(weights, bound), 32),
    }


def encoded_fields(encoded: codec.Encoded, bits: int) -> Json:
    return {
        "values": encoded.values,
        "clipped": encoded.clipped,
        "scale": double(encoded.scale),
        "words": hexadecimal(codec.pack(encoded.values, bits)),
    }


def border_differences(clip: float) -> list[float]:
    """Differences on, just inside and just outside the clip, zeros, and what floats have to offer at both ends."""
    c = codec.to_float32(clip)
    above = codec.to_float32(c * (1 + 2.0**-22))
    below = codec.to_float32(c * (1 - 2.0**-22))
    tiny = 2.0**-149
    return [0.0, -0.0, c, -c, above, -above, below, -below, tiny, -tiny, 3.4e38, -3.4e38, c / 2, -c / 2, c / 7, -c / 7]


def encoding() -> Json:
    cases = []
    for members, bound in ((4, 7), (4, 31), (4, 127), (4, 511), (16, 2047), (2, 2**30 - 1), (16, 1)):
        bits = codec.smallest_lane_bits(members, bound)
        published = noise(f"published {members} {bound}", 50, 1.0)
        steps = noise(f"steps {members} {bound}", 50, 0.03)
        weights = [codec.to_float32(w + s) for w, s in zip(published, steps, strict=True)]
        cases.append(delta_case(f"delta, {bits} bits, N {members}", members, bound, 0.05, weights, published))
    for bound in (7, 2**29 - 1):
        borders = [codec.to_float32(x) for x in border_differences(0.0123)]
        cases.append(delta_case(f"delta, borders, Q {bound}", 3, bound, 0.0123, borders, [0.0] * len(borders)))
    for name, spread in (("nothing to shrink", 0.002), ("a step to shrink", 0.02), ("a corner to shrink", 10.0)):
        steps = noise(name, 60, spread)
        cases.append(delta_case(name, 4, 7, 0.05, steps, [0.0] * 60, norm=True))
        cases.append(delta_case(f"{name}, unshrunk", 4, 7, 0.05, steps, [0.0] * 60, norm=True, shrink=False))
    one = [codec.to_float32(0.04)]
    cases.append(delta_case("one parameter that must become 0", 4, 7, 0.05, one, [0.0], norm=True))
    limit = codec.to_float32(536870911 / 1e8)
    ties = [odd / 512 for odd in (1, -1, 3, -3, 5, 7)]
    edges = [limit, -limit, 5.5, -5.5, 100.0, -100.0, 3e38, 0.0, -0.0, 1e-8, 4e-9, 6e-9, 2.0**-149]
    values = [codec.to_float32(x) for x in ties + edges]
    cases.append(weights_case("weights, N 4: ties and borders", 4, values))
    cases.append(weights_case("weights, N 16: random", 16, noise("weights", 40, 0.5)))
    return {"cases": cases}


# ---- lanes.json ----


def lane_values(bits: int, count: int) -> list[int]:
    source = random.Random(f"lanes {bits} {count}")
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return [source.choice((low, high, 0, -1, 1, source.randint(low, high))) for _ in range(count)]


def lanes() -> Json:
    packing, decoding, floats = [], [], []
    for bits in codec.TABLE:
        count = 256 // bits
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        shapes = {
            "all lowest": [low] * count,
            "all highest": [high] * count,
            "only the top lane, negative": [0] * (count - 1) + [-1],
            "only the top lane, lowest": [0] * (count - 1) + [low],
            "alternating signs": [(-1) ** i for i in range(count)],
            "one value": [-1],
            "one lane into the second word": lane_values(bits, count + 1),
            "one lane short of three words": lane_values(bits, 3 * count - 1),
        }
        for name, values in shapes.items():
            words = hexadecimal(codec.pack(values, bits))
            packing.append({"name": f"{bits} bits: {name}", "lane_bits": bits, "values": values, "words": words})
        garbage = b"".join(label_bytes(f"garbage {bits} {i}") for i in range(3))
        edges = bytes(32), b"\xff" * 32, b"\x80" + bytes(31), b"\x7f" + b"\xff" * 31
        for name, data, lost in (
            ("garbage", garbage, 0),
            ("garbage with a tail to drop", garbage, count - 2),
            *((f"edge {i}", edge, 0) for i, edge in enumerate(edges)),
        ):
            total = len(data) // 32 * count - lost
            decoding.append(
                {
                    "name": f"{bits} bits: {name}",
                    "lane_bits": bits,
                    "parameter_count": total,
                    "words": hexadecimal(data),
                    "values": codec.unpack(data, bits, total),
                }
            )
    for count in (1, 7, 8, 9, 17):
        vector = noise(f"floats {count}", count, 1.0)
        words = hexadecimal(codec.float_words(vector))
        floats.append({"name": f"{count} floats", "vector": patterns(vector), "words": words})
    return {"packing": packing, "decoding": decoding, "floats": floats}


# ---- prg.json ----


def prg() -> Json:
    cases = []
    for suite in ("aes", "keccak"):
        for label, count in (("short", 5), ("over two tiles", 520)):
            seed = label_bytes(f"prg {label}")
            words = b"".join(codec.word(codec.prg_word(suite, seed, k)) for k in range(count))
            cases.append(
                {
                    "name": f"{suite}, {label}",
                    "suite": suite,
                    "seed": hexadecimal(seed),
                    "count": count,
                    "first": hexadecimal(words[:160]),
                    "last": hexadecimal(words[-32:]),
                    "keccak256": hexadecimal(keccak256(words)),
                }
            )
    return {"cases": cases}


# ---- keys.json ----


def keys() -> Json:
    cases = []
    for label in ("one", "two", "three"):
        seed = label_bytes(f"key {label}")
        secret = codec.key_from_seed(seed)
        x, y = codec.public_key(secret)
        digest = codec.key_digest(CHAIN_ID, SESSION, SENDER)
        v, r, s = curve.sign(secret, digest)
        cases.append(
            {
                "seed": hexadecimal(seed),
                "secret": hexadecimal(codec.word(secret)),
                "x": hexadecimal(codec.word(x)),
                "parity": y % 2,
                "address": hexadecimal(curve.address((x, y))),
                "chain_id": CHAIN_ID,
                "session": hexadecimal(SESSION),
                "sender": hexadecimal(SENDER),
                "digest": hexadecimal(digest),
                "v": v,
                "r": hexadecimal(codec.word(r)),
                "s": hexadecimal(codec.word(s)),
            }
        )
    off_curve = next(x for x in range(1, 100) if curve.lift(x, 0) is None)
    bad = [0, off_curve, curve.N, curve.N + 1, curve.P - 1, 2**256 - 1]
    return {"cases": cases, "bad_x": [hexadecimal(codec.word(x)) for x in bad]}


# ---- masks.json ----


def group_case(suite: str, members: int, parameter_count: int) -> Json:
    secrets = [codec.key_from_seed(label_bytes(f"member {place}")) for place in range(members)]
    points = [codec.public_key(secret) for secret in secrets]
    model, group, keys_hash = label_bytes("model"), 5, codec.set_hash(points)
    pairs = []
    seeds: list[dict[int, bytes]] = [{} for _ in secrets]
    for lo in range(members):
        for hi in range(lo + 1, members):
            pair = codec.pair_address(secrets[lo], points[hi])
            seed = codec.pair_seed(CHAIN_ID, SESSION, group, model, keys_hash, lo, hi, pair)
            seeds[lo][hi] = seeds[hi][lo] = seed
            pairs.append({"lo": lo, "hi": hi, "address": hexadecimal(pair), "seed": hexadecimal(seed)})
    plain, masked = [], []
    for place in range(members):
        values = [random.Random(f"plain {place} {k}").randint(-7, 7) for k in range(parameter_count)]
        words = codec.to_words(codec.pack(values, 6))
        plain.append(words)
        masked.append(codec.to_words(codec.add_words([words, codec.mask(suite, seeds[place], place, len(words))])))
    total = codec.add_words(masked)
    if total != codec.add_words(plain):
        raise ValueError("expected masks that cancel")
    return {
        "name": f"{suite}, {members} members",
        "suite": suite,
        "chain_id": CHAIN_ID,
        "session": hexadecimal(SESSION),
        "group": group,
        "model_hash": hexadecimal(model),
        "set_hash": hexadecimal(keys_hash),
        "parameter_count": parameter_count,
        "lane_bits": 6,
        "bound": 31 // members,
        "key_seeds": [hexadecimal(label_bytes(f"member {place}")) for place in range(members)],
        "peers": [{"x": hexadecimal(codec.word(x)), "parity": y % 2} for x, y in points],
        "pairs": pairs,
        "plain": [hexadecimal(codec.add_words([words])) for words in plain],
        "masked": [hexadecimal(codec.add_words([words])) for words in masked],
        "sum": hexadecimal(total),
        "values": codec.unpack(total, 6, parameter_count),
    }


def masks() -> Json:
    return {"cases": [group_case(suite, 4, 100) for suite in ("aes", "keccak")]}


# ---- digests.json ----


def vote(chain_id: int, bits: int) -> Json:
    session, member = (label_bytes(f"{name} of {chain_id}")[:20] for name in ("session", "member"))
    salt = label_bytes(f"salt of {chain_id} {bits}")
    return {
        "chain_id": chain_id,
        "session": hexadecimal(session),
        "member": hexadecimal(member),
        "bits": hexadecimal(bits.to_bytes(32, "big")),
        "salt": hexadecimal(salt),
        "commitment": hexadecimal(codec.vote_commitment(chain_id, session, member, bits, salt)),
    }


def digests() -> Json:
    inputs = [b"", b"abc", bytes(135), bytes(136), bytes(137), bytes(range(256)) * 2]
    words = b"".join(label_bytes(f"word {i}") for i in range(20))
    trees = []
    for chunk_words in (8, 10, 20):
        hashes = codec.chunk_hashes(words, chunk_words)
        trees.append(
            {
                "chunk_words": chunk_words,
                "words": hexadecimal(words),
                "chunk_hashes": [hexadecimal(item) for item in hashes],
                "root": hexadecimal(codec.commitment_root(hashes)),
            }
        )
    chunks = [codec.float_words(noise(f"chunk {i}", 16, 1.0)) for i in range(3)]
    published = [
        {"chunks": [hexadecimal(c) for c in chunks[:n]], "hash": hexadecimal(codec.published_hash(chunks[:n]))}
        for n in range(4)
    ]
    last = codec.published_hash(chunks)
    return {
        "keccak256": [{"data": hexadecimal(data), "hash": hexadecimal(keccak256(data))} for data in inputs],
        "commitments": trees,
        "published": published,
        "model": {
            "fields": [str(field) for field in FIELDS],
            "published_hash": hexadecimal(last),
            "hash": hexadecimal(codec.model_hash(FIELDS, last)),
        },
        "votes": [vote(chain_id, bits) for chain_id in (1, 31_337, 2**64 - 1) for bits in (0, 0b1011, 2**128 - 1)],
    }


FILES: dict[str, Callable[[], Json]] = {
    "blobs.json": generate_blobs.make,
    "digests.json": digests,
    "draw.json": generate_market.draw,
    "encoding.json": encoding,
    "fees.json": generate_market.fees,
    "keys.json": keys,
    "lanes.json": lanes,
    "masks.json": masks,
    "merkle.json": generate_market.merkle,
    "packed.json": generate_packed.make,
    "prg.json": prg,
    "records.json": generate_market.records,
    "recover.json": generate_recover.recover,
    "selection.json": generate_selection.selection,
}


def text(content: Json) -> str:
    """JSON with a case a line."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list):
            items = ",\n".join(json.dumps(item) for item in value)
            lines.append(f"{json.dumps(key)}: [\n{items}\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def stale() -> list[str]:
    """The files that aren't what this generator writes."""

    def is_current(path: Path) -> bool:
        return path.exists() and path.read_text(encoding="utf-8") == text(FILES[path.name]())

    return [name for name in FILES if not is_current(FOLDER / name)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing; exit 1 when a file is stale")
    if parser.parse_args().check:
        old = stale()
        print(f"stale: {', '.join(old)}" if old else f"{len(FILES)} files are current")
        return 1 if old else 0
    for name, make in FILES.items():
        (FOLDER / name).write_text(text(make()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
