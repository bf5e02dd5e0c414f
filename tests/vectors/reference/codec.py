"""Encoding, lanes, generators, masks, hashes and the draw: E1-E14 of docs/PROTOCOL.md, an equation a function."""

import math
import struct
from dataclasses import dataclass

from .aes import keystream
from .curve import G, N, address, multiply
from .keccak import keccak256

TABLE = (6, 8, 10, 12, 16, 32)
RING = 2**256


def word(number: int) -> bytes:
    """A uint256."""
    return number.to_bytes(32, "big")


def domain(name: str) -> bytes:
    return name.encode().ljust(32, b"\0")


def smallest_lane_bits(members: int, bound: int) -> int:
    return next(bits for bits in TABLE if members * bound < 2 ** (bits - 1))


def to_float32(number: float) -> float:
    return float(struct.unpack(">f", struct.pack(">f", number))[0])


@dataclass(frozen=True)
class Encoded:
    values: list[int]
    clipped: int
    scale: float


def draw(seed: bytes, index: int) -> float:
    """u number `index` of a rounding seed."""
    block = keystream(seed[:16], index // 2, 1)
    k = int.from_bytes(block[8 * (index % 2) : 8 * (index % 2) + 8], "little")
    return (k >> 11) * 2.0**-53


def round_delta(
    differences: list[float], clip: float, bound: int, scale: float, seed: bytes, first_draw: int
) -> list[int]:
    """E2."""
    values = []
    for index, x in enumerate(differences):
        y = max(-clip, min(clip, x * scale)) * bound / clip
        y = max(-float(bound), min(float(bound), y))
        u = draw(seed, first_draw + index)
        values.append(math.floor(y) + int(u < y - math.floor(y)))
    return values


def encode_delta(
    weights: list[float],
    published: list[float],
    clip: float,
    bound: int,
    members: int,
    seed: bytes,
    shrink: bool,
) -> Encoded:
    """E2, then E4 when `shrink`."""
    d = len(weights)
    differences = [to_float32(w - p) for w, p in zip(weights, published, strict=True)]
    clipped = sum(abs(x) > clip for x in differences)
    scale, draws = 1.0, d
    values = round_delta(differences, clip, bound, scale, seed, 0)
    while shrink and 4 * members**2 * sum(v * v for v in values) > d * bound**2:
        norm = sum(v * v for v in values)
        scale *= min(0.98, math.sqrt(float(d * bound**2) / float(4 * members**2 * norm)))
        values = round_delta(differences, clip, bound, scale, seed, draws)
        draws += d
    return Encoded(values, clipped, scale)


def encode_weights(weights: list[float], bound: int) -> Encoded:
    """E3; Python's `round` takes ties to even."""
    scaled = [w * 1e8 for w in weights]
    values = [round(max(-float(bound), min(float(bound), y))) for y in scaled]
    return Encoded(values, sum(abs(y) > bound for y in scaled), 1.0)


def pack(values: list[int], bits: int) -> bytes:
    """E5."""
    lanes = 256 // bits
    words = []
    for start in range(0, len(values), lanes):
        total = sum(value * 2 ** (bits * lane) for lane, value in enumerate(values[start : start + lanes]))
        words.append(word(total % RING))
    return b"".join(words)


def unpack(words: bytes, bits: int, count: int) -> list[int]:
    """E6; lanes beyond `count` are dropped."""
    lanes = 256 // bits
    values = []
    for start in range(0, len(words), 32):
        x = int.from_bytes(words[start : start + 32], "big") % 2 ** (bits * lanes)
        for _ in range(lanes):
            d = (x + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
            x = (x - d) // 2**bits
            values.append(d)
    return values[:count]


def float_words(values: list[float]) -> bytes:
    """Section 4."""
    patterns = [int.from_bytes(struct.pack(">f", value), "big") for value in values]
    starts = range(0, len(patterns), 8)
    return b"".join(word(sum(p << (32 * i) for i, p in enumerate(patterns[s : s + 8]))) for s in starts)


def published_hash(chunks: list[bytes]) -> bytes:
    """E7."""
    result = bytes(32)
    for chunk in chunks:
        result = keccak256(result + keccak256(chunk))
    return result


def vote_commitment(chain_id: int, session: bytes, member: bytes, bits: int, salt: bytes) -> bytes:
    """E38; session and member are 20 bytes."""
    words = (word(chain_id), session.rjust(32, b"\0"), member.rjust(32, b"\0"), word(bits))
    return keccak256(domain("omnilytics/vote/1") + b"".join(words) + salt)


def model_hash(fields: list[int], published: bytes) -> bytes:
    """E1."""
    return keccak256(b"".join(word(field) for field in fields) + published)


def key_from_seed(seed: bytes) -> int:
    """The secret that simulations draw: not part of the protocol."""
    attempt = 0
    while True:
        secret = int.from_bytes(keccak256(domain("omnilytics/simulated-key/1") + seed + word(attempt)), "big")
        if 0 < secret < N:
            return secret
        attempt += 1


def public_key(secret: int) -> tuple[int, int]:
    """The point of a secret key in 1..n-1."""
    point = multiply(secret, G)
    if point is None:
        raise ValueError(f"expected a scalar that isn't a multiple of n, got {secret}")
    return point


def key_digest(chain_id: int, session: bytes, sender: bytes) -> bytes:
    """E8."""
    return keccak256(domain("omnilytics/key/1") + word(chain_id) + session.rjust(32, b"\0") + sender.rjust(32, b"\0"))


def set_hash(keys: list[tuple[int, int]]) -> bytes:
    """E9, keys as points."""
    return keccak256(b"".join(word(x) + word(y % 2) for x, y in keys))


def pair_address(secret: int, peer: tuple[int, int]) -> bytes:
    point = multiply(secret, peer)
    if point is None:
        raise ValueError("expected a peer of order n")
    return address(point)


def pair_seed(
    chain_id: int, session: bytes, group: int, model: bytes, keys: bytes, lo: int, hi: int, pair: bytes
) -> bytes:
    """E10."""
    return keccak256(
        domain("omnilytics/pair/1")
        + word(chain_id)
        + session.rjust(32, b"\0")
        + word(group)
        + model
        + keys
        + word(lo)
        + word(hi)
        + pair.rjust(32, b"\0")
    )


def prg_word(suite: str, seed: bytes, k: int) -> int:
    """E11."""
    if suite == "keccak":
        return int.from_bytes(keccak256(seed + word(k)), "big")
    return int.from_bytes(keystream(seed[:16], 2 * k, 2), "little")


def mask(suite: str, seeds: dict[int, bytes], place: int, count: int) -> list[int]:
    """E12: the words of the mask of `place`, whose seeds are keyed by the peer's place."""
    words = []
    for k in range(count):
        plus = sum(prg_word(suite, seed, k) for peer, seed in seeds.items() if peer > place)
        minus = sum(prg_word(suite, seed, k) for peer, seed in seeds.items() if peer < place)
        words.append((plus - minus) % RING)
    return words


def add_words(vectors: list[list[int]]) -> bytes:
    return b"".join(word(sum(column) % RING) for column in zip(*vectors, strict=True))


def to_words(words: bytes) -> list[int]:
    return [int.from_bytes(words[start : start + 32], "big") for start in range(0, len(words), 32)]


def chunk_hashes(words: bytes, chunk_words: int) -> list[bytes]:
    size = 32 * chunk_words
    return [keccak256(words[start : start + size]) for start in range(0, len(words), size)]


def commitment_root(hashes: list[bytes]) -> bytes:
    """E13."""
    return keccak256(word(32) + word(len(hashes)) + b"".join(hashes))


def permutation(seed: bytes, count: int, index: int) -> int:
    """E14."""
    h = next(h for h in range(1, 129) if 4**h >= count)
    low = (1 << h) - 1
    x = index
    while True:
        left, right = x >> h, x & low
        for k in range(4):
            left, right = right, left ^ (int.from_bytes(keccak256(seed + word(4 * right + k)), "big") & low)
        x = (left << h) + right
        if x < count:
            return x
