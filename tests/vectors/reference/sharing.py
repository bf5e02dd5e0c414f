"""Policy `recover`: shares, their points and transport, masks and their removal (E9, E31-E36), an equation a function.

A set of members is a bitmap over the N places; the member at place i has x coordinate i + 1 in sharing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from . import codec, curve, hpke
from .codec import RING, domain, word
from .curve import N, P
from .keccak import keccak256

POINT_BYTES, SEALED_BYTES = 64, 112

Pair = tuple[int, int]
"""A point, or two shares."""


class Refused(ValueError):
    """What can't be accepted, and why."""


class Scope(NamedTuple):
    """What a group's hashes are bound to; `keys` and `transports` are those of all N places in order."""

    chain_id: int
    session: bytes
    group: int
    model: bytes
    keys: list[Pair]
    transports: list[bytes]


class Dealing(NamedTuple):
    """What a dealer publishes, and the root that the contract keeps of it."""

    points: bytes
    sealed: bytes
    root: bytes


class Coins(NamedTuple):
    """What a dealer draws: f, g, and by receiver what RFC 9180's DeriveKeyPair makes the ephemeral key of."""

    f: list[int]
    g: list[int]
    ikm: dict[int, bytes]


def places(bitmap: int) -> list[int]:
    return [i for i in range(bitmap.bit_length()) if bitmap >> i & 1]


def others(place: int, members: int) -> list[int]:
    """Every other place, in order."""
    return [j for j in range(members) if j != place]


# ---- what simulations draw: not part of the protocol ----


def stream(name: str, seed: bytes) -> Iterator[bytes]:
    """keccak256(domain || seed || 0), keccak256(domain || seed || 1), ..."""
    for i in itertools.count():
        yield keccak256(domain(name) + seed + word(i))


def self_secret_from_seed(seed: bytes) -> int:
    """b."""
    drawn = (int.from_bytes(each, "big") for each in stream("omnilytics/simulated-mask/1", seed))
    return next(b for b in drawn if 0 < b < N)


def transport_from_seed(seed: bytes) -> bytes:
    """X25519's secret key."""
    return hpke.derive_key(keccak256(domain("omnilytics/simulated-transport/1") + seed))


def coins(seed: bytes, dealer: int, members: int, threshold: int, sk: int, b: int) -> Coins:
    """What a dealer draws."""
    drawn = stream("omnilytics/simulated-dealing/1", seed)

    def scalars() -> list[int]:
        """T - 1 coefficients."""
        numbers = (int.from_bytes(each, "big") for each in drawn)
        return [next(c for c in numbers if c < N) for _ in range(threshold - 1)]

    f = g = [0]
    while 0 in shares(f, dealer, members).values() or 0 in shares(g, dealer, members).values():
        f, g = [sk, *scalars()], [b, *scalars()]
    return Coins(f, g, {j: next(drawn) for j in others(dealer, members)})


# ---- E31: polynomials over F_n ----


def evaluate(coefficients: list[int], x: int) -> int:
    """The polynomial's value, lowest coefficient first."""
    return sum(c * pow(x, k, N) for k, c in enumerate(coefficients)) % N


def shares(coefficients: list[int], dealer: int, members: int) -> dict[int, int]:
    """E31: the share of every other place."""
    return {j: evaluate(coefficients, j + 1) for j in others(dealer, members)}


def lagrange(xs: list[int]) -> list[int]:
    """The weights of values at `xs` in the value at 0."""
    weights = []
    for k, x in enumerate(xs):
        weight = 1
        for m, other in enumerate(xs):
            if m != k:
                weight = weight * other * pow(other - x, -1, N) % N
        weights.append(weight)
    return weights


def rebuild(given: list[Pair], threshold: int) -> int:
    """The value at 0 from (x coordinate, share), the first `threshold` of them."""
    if len(given) < threshold:
        raise Refused("fewer than T shares")
    xs = [x for x, _ in given]
    if any(x % N == 0 for x in xs):
        raise Refused("x coordinate zero")
    if len(set(xs)) < len(xs):
        raise Refused("duplicate x coordinate")
    if not all(0 < share < N for _, share in given):
        raise Refused("share outside 1..n-1")
    used = given[:threshold]
    weights = lagrange([x for x, _ in used])
    return sum(weight * share for weight, (_, share) in zip(weights, used, strict=True)) % N


# ---- E32: points, addresses, root ----


def xy(point: Pair) -> bytes:
    return word(point[0]) + word(point[1])


def points(key_shares: dict[int, int], self_shares: dict[int, int], self_key: Pair) -> bytes:
    """E32: `self_key` is B."""
    both = [codec.public_key(share) for j in key_shares for share in (key_shares[j], self_shares[j])]
    return b"".join(xy(point) for point in [self_key, *both])


def split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def read_points(data: bytes) -> list[Pair]:
    """E32 read back; whether they are on the curve is for `on_curve` to say."""
    return [(int.from_bytes(p[:32], "big"), int.from_bytes(p[32:], "big")) for p in split(data, POINT_BYTES)]


def on_curve(point: Pair) -> bool:
    x, y = point
    return x < P and y < P and (y * y - x**3 - 7) % P == 0


def addresses(data: bytes) -> bytes:
    """E32: of `points`."""
    return b"".join(keccak256(point)[12:] for point in split(data, POINT_BYTES))


def root(data: bytes) -> bytes:
    """E32: of `points`."""
    return keccak256(addresses(data))


def share_index(dealer: int, holder: int, self_mask: bool) -> int:
    """Which of the points of a dealer is that of a holder's share: of f, or with `self_mask` of g."""
    return 1 + 2 * others(dealer, holder + dealer + 1).index(holder) + self_mask


# ---- E33: transport ----


def share_info(scope: Scope, dealer: int, holder: int) -> bytes:
    """E33."""
    return (
        domain("omnilytics/share/1")
        + word(scope.chain_id)
        + scope.session.rjust(32, b"\0")
        + word(scope.group)
        + scope.model
        + codec.set_hash(scope.keys)
        + word(dealer)
        + word(holder)
    )


def seal_share(scope: Scope, dealer: int, holder: int, ikm: bytes, aad: bytes, both: Pair) -> bytes:
    """E33: enc || ct of the holder's shares of f and g; zeros where nothing can be sealed to its key."""
    ephemeral, plain = hpke.derive_key(ikm), word(both[0]) + word(both[1])
    try:
        return hpke.seal(ephemeral, scope.transports[holder], share_info(scope, dealer, holder), aad, plain)
    except ValueError:
        return bytes(SEALED_BYTES)


def deal(scope: Scope, dealer: int, drawn: Coins) -> Dealing:
    """E31-E33: what the dealer sends."""
    members = len(scope.keys)
    key_shares, self_shares = shares(drawn.f, dealer, members), shares(drawn.g, dealer, members)
    if 0 in (*key_shares.values(), *self_shares.values()):
        raise Refused("share outside 1..n-1")
    data = points(key_shares, self_shares, codec.public_key(drawn.g[0]))
    sealed = [
        seal_share(scope, dealer, j, drawn.ikm[j], keccak256(data), (key_shares[j], self_shares[j]))
        for j in others(dealer, members)
    ]
    return Dealing(data, b"".join(sealed), root(data))


# ---- what a receiver checks ----


def dual_weights(xs: list[int]) -> list[int]:
    """v_k of the degree test."""
    weights = []
    for k, x in enumerate(xs):
        product = 1
        for m, other in enumerate(xs):
            if m != k:
                product = product * (x - other) % N
        weights.append(pow(product, -1, N))
    return weights


def degree_test(at: dict[int, Pair], threshold: int, q: list[int]) -> bool:
    """Whether the N points, by x coordinate, pass as those of degree below T; q has N - T coefficients."""
    if len(q) != len(at) - threshold:
        raise ValueError(f"expected {len(at) - threshold} coefficients of q, got {len(q)}")
    total: curve.Point = None
    for weight, (x, point) in zip(dual_weights(list(at)), at.items(), strict=True):
        total = curve.add(total, curve.multiply(weight * evaluate(q, x) % N, point))
    return total is None


def dealt_points(scope: Scope, dealer: int, data: bytes) -> tuple[dict[int, Pair], dict[int, Pair]]:
    """The points of f and of g by x coordinate, PK and B at 0."""
    read = read_points(data)
    f, g = {0: scope.keys[dealer]}, {0: read[0]}
    for j in others(dealer, len(scope.keys)):
        f[j + 1] = read[share_index(dealer, j, False)]
        g[j + 1] = read[share_index(dealer, j, True)]
    return f, g


def receive(
    scope: Scope,
    threshold: int,
    dealer: int,
    holder: int,
    secret: bytes,
    dealing: Dealing,
    q: tuple[list[int], list[int]],
) -> Pair:
    """The holder's shares of f and g, checked with the secrets q of both degree tests; else `Refused`."""
    members = len(scope.keys)
    data, sealed = dealing.points, dealing.sealed
    if len(data) != POINT_BYTES * (2 * members - 1) or len(sealed) != SEALED_BYTES * (members - 1):
        raise Refused("length")
    if not all(on_curve(point) for point in read_points(data)):
        raise Refused("point off the curve")
    if root(data) != dealing.root:
        raise Refused("root")
    own = split(sealed, SEALED_BYTES)[others(dealer, members).index(holder)]
    plain = hpke.open_sealed(secret, own, share_info(scope, dealer, holder), keccak256(data))
    if plain is None:
        raise Refused("ciphertext")
    both = int.from_bytes(plain[:32], "big"), int.from_bytes(plain[32:], "big")
    if not all(0 < share < N for share in both):
        raise Refused("share outside 1..n-1")
    f, g = dealt_points(scope, dealer, data)
    if (codec.public_key(both[0]), codec.public_key(both[1])) != (f[holder + 1], g[holder + 1]):
        raise Refused("share isn't that of its point")
    if not all(degree_test(at, threshold, each) for at, each in zip((f, g), q, strict=True)):
        raise Refused("degree")
    return both


# ---- masks ----


def set_hash(keys: list[Pair], sharers: int) -> bytes:
    """E9: (0, 0) outside S."""
    return codec.set_hash([key if sharers >> i & 1 else (0, 0) for i, key in enumerate(keys)])


def self_seed(scope: Scope, sharers: int, place: int, b: int) -> bytes:
    """E34."""
    return keccak256(
        domain("omnilytics/self/1")
        + word(scope.chain_id)
        + scope.session.rjust(32, b"\0")
        + word(scope.group)
        + scope.model
        + set_hash(scope.keys, sharers)
        + word(place)
        + word(b)
    )


def pair_seed(scope: Scope, sharers: int, place: int, secret: int, peer: int) -> bytes:
    """E10 under S, from the secret of `place`."""
    lo, hi = min(place, peer), max(place, peer)
    pair = codec.pair_address(secret, scope.keys[peer])
    keys = set_hash(scope.keys, sharers)
    return codec.pair_seed(scope.chain_id, scope.session, scope.group, scope.model, keys, lo, hi, pair)


def mask(pair_seeds: dict[int, bytes], own_seed: bytes, place: int, count: int) -> list[int]:
    """E35: `pair_seeds` by the other places of S."""
    pairs = codec.mask("keccak", pair_seeds, place, count)
    return [(pair + codec.prg_word("keccak", own_seed, k)) % RING for k, pair in enumerate(pairs)]


def disclosed(
    scope: Scope, sharers: int, delivered: int, selves: dict[int, int], secrets: dict[int, int]
) -> tuple[list[bytes], list[bytes]]:
    """E36: the seeds whose streams come off the sum, and those that are added; b of U, sk of D = S without U."""
    u, d = places(delivered), places(sharers & ~delivered)
    minus = [self_seed(scope, sharers, i, selves[i]) for i in u]
    plus: list[bytes] = []
    for j in d:
        for i in u:
            seed = pair_seed(scope, sharers, j, secrets[j], i)
            (minus if j > i else plus).append(seed)
    return minus, plus


def unmask(total: list[int], minus: list[bytes], plus: list[bytes]) -> list[int]:
    """E36: A_r of the sum of the words of U."""

    def stream(seeds: list[bytes], k: int) -> int:
        return sum(codec.prg_word("keccak", seed, k) for seed in seeds)

    return [(x - stream(minus, k) + stream(plus, k)) % RING for k, x in enumerate(total)]


# ---- what the contract checks ----


def committed(listed: bytes, kept: bytes) -> list[bytes]:
    """The addresses that a caller hands in, against the root that was kept."""
    if keccak256(listed) != kept:
        raise Refused("addresses aren't those of the root")
    return split(listed, 20)


def is_secret_of(scalar: int, account: bytes) -> bool:
    return 0 < scalar < N and curve.address(codec.public_key(scalar)) == account


def check_reveal(listed: bytes, kept: bytes, secret: int) -> None:
    """Of `reveal`: the caller's own b."""
    if not is_secret_of(secret, committed(listed, kept)[0]):
        raise Refused("secret isn't the committed one")


def check_share(listed: bytes, kept: bytes, dealer: int, holder: int, self_mask: bool, share: int) -> None:
    """Of an opening: the holder's share of f, or with `self_mask` of g."""
    if not is_secret_of(share, committed(listed, kept)[share_index(dealer, holder, self_mask)]):
        raise Refused("share isn't the committed one")


class Commitment(NamedTuple):
    """Of a dealer's f, or with `self_mask` of its g: the secret's address, and those of all shares under a root."""

    dealer: int
    self_mask: bool
    account: bytes
    addresses: bytes
    root: bytes


def judge(to: Commitment, members: int, threshold: int, holders: int, given: list[int]) -> tuple[str, int]:
    """Of `rebuild`, shares in order of the holders' places: ("rebuilt" or "blamed", the value at 0), else `Refused`."""
    committed(to.addresses, to.root)
    chosen = places(holders)
    if len(chosen) != threshold or to.dealer in chosen or holders >> members:
        raise Refused("holders aren't T others")
    if len(given) != threshold:
        raise Refused("as many shares as holders")
    weights = lagrange([j + 1 for j in chosen])
    secret = sum(weight * share for weight, share in zip(weights, given, strict=True)) % N
    if is_secret_of(secret, to.account):
        return "rebuilt", secret
    for j, share in zip(chosen, given, strict=True):
        check_share(to.addresses, to.root, to.dealer, j, to.self_mask, share)
    return "blamed", secret


def check_sets(members: int, threshold: int, sharers: int, delivered: int) -> None:
    """T <= |U| <= |S| <= N, U a part of S."""
    if sharers >> members:
        raise Refused("S outside the group")
    if delivered & ~sharers:
        raise Refused("U outside S")
    if delivered.bit_count() < threshold:
        raise Refused("fewer than T in U")
