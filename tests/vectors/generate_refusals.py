"""The negative golden vectors of policy `recover`: what is refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.vectors.groups import LOW_ORDER, Group, scalar
from tests.vectors.notation import Json, hex_word, hexadecimal
from tests.vectors.reference import codec, curve, hpke, sharing
from tests.vectors.reference.curve import N, P
from tests.vectors.reference.keccak import keccak256
from tests.vectors.reference.sharing import POINT_BYTES as POINT
from tests.vectors.reference.sharing import SEALED_BYTES as SEALED
from tests.vectors.reference.sharing import Dealing, Refused, Scope, others


def reason(check: Callable[[], object]) -> str | None:
    """Why it is refused; None: it isn't."""
    try:
        check()
    except Refused as refusal:
        return str(refusal)
    return None


def replaced(data: bytes, at: int, part: bytes) -> bytes:
    return data[:at] + part + data[at + len(part) :]


# ---- polynomials and shares ----


def polynomial_cases() -> list[Json]:
    """With a share that is 0, which has no address: the dealer draws again."""
    cases = []
    for members, dealer, place, coefficients in (
        (4, 0, 1, [2, N - 1, 0]),
        (4, 3, 0, [N - 1, 1, 0]),
        (4, 1, 3, [4, 3, N - 1]),
        (6, 2, 5, [scalar("a"), scalar("b"), -(scalar("a") + 6 * scalar("b")) * pow(36, -1, N) % N]),
    ):
        if sharing.shares(coefficients, dealer, members)[place] != 0:
            raise ValueError(f"expected share 0 for place {place}")
        encoded = [hex_word(c) for c in coefficients]
        cases.append({"members": members, "dealer": dealer, "coefficients": encoded, "place": place})
    return cases


def rebuild_cases(group: Group) -> list[Json]:
    f, t = group.coins(0).f, group.threshold
    given = [(j + 1, sharing.evaluate(f, j + 1)) for j in others(0, group.members)]
    (x, share), rest = given[0], given[1:]
    cases = [
        ("no share", []),
        ("T - 1 shares", given[: t - 1]),
        ("one holder twice, with the same share", [*given[: t - 1], given[0]]),
        ("one holder twice, with two shares", [*given[: t - 1], (x, given[1][1])]),
        ("one holder twice among more than T", [*given, given[0]]),
        ("x coordinate 0", [(0, share), *rest]),
        ("the secret itself at x coordinate 0", [(0, f[0]), *rest]),
        ("share 0", [(x, 0), *rest]),
        ("share n", [(x, N), *rest]),
        ("share n + 1", [(x, N + 1), *rest]),
        ("share 2^256 - 1", [*rest, (x, 2**256 - 1)]),
    ]
    return [
        {
            "name": f"{group.name}: {name}",
            "threshold": t,
            "xs": [x for x, _ in shares],
            "shares": [hex_word(share) for _, share in shares],
            "reason": reason(lambda shares=shares: sharing.rebuild(shares, t)),  # type: ignore[misc]
        }
        for name, shares in cases
    ]


def wrong_rebuild_cases(group: Group) -> list[Json]:
    """Shares that can be put together, but give another secret than that of the address."""
    f, t = group.coins(0).f, group.threshold
    given = [(j + 1, sharing.evaluate(f, j + 1)) for j in others(0, group.members)][:t]
    (x, share), rest = given[0], given[1:]
    own = curve.address(group.scope.keys[0])
    cases = []
    for name, shares in (
        ("one share plus 1", [(x, share + 1), *rest]),
        ("one share of g", [(x, sharing.evaluate(group.coins(0).g, x)), *rest]),
        ("two shares swapped", [(x, rest[0][1]), (rest[0][0], share), *rest[1:]]),
        ("places instead of x coordinates", [(x + 1, share) for x, share in given]),
    ):
        secret = sharing.rebuild(shares, t)
        address = curve.address(codec.public_key(secret))
        if address == own:
            raise ValueError("expected another secret")
        cases.append(
            {
                "name": f"{group.name}: {name}",
                "threshold": t,
                "xs": [x for x, _ in shares],
                "shares": [hex_word(share) for _, share in shares],
                "expected": hexadecimal(own),
                "secret": hex_word(secret),
                "address": hexadecimal(address),
            }
        )
    return cases


# ---- dealings ----


class Dealt(NamedTuple):
    """A dealing of `group` by `dealer`, for `holder` to check; all that can go wrong with it is a method."""

    group: Group
    dealer: int
    holder: int

    @property
    def honest(self) -> Dealing:
        return self.group.deal(self.dealer)

    @property
    def place_of_sealed(self) -> int:
        """Where the holder's ciphertext begins."""
        return SEALED * others(self.dealer, self.group.members).index(self.holder)

    def place_of_point(self, holder: int, self_mask: bool = False) -> int:
        return POINT * sharing.share_index(self.dealer, holder, self_mask)

    def pair(self, holder: int) -> tuple[int, int]:
        """The shares of f and g."""
        drawn = self.group.coins(self.dealer)
        return sharing.evaluate(drawn.f, holder + 1), sharing.evaluate(drawn.g, holder + 1)

    def of(self, f: list[int] | None = None, g: list[int] | None = None, scope: Scope | None = None) -> Dealing:
        """All of it made with other polynomials, or in another scope."""
        drawn = self.group.coins(self.dealer)
        drawn = drawn._replace(f=f or drawn.f, g=g or drawn.g)
        return sharing.deal(scope or self.group.scope, self.dealer, drawn)

    def sealing(
        self,
        both: tuple[int, int] | None = None,
        scope: Scope | None = None,
        aad: bytes | None = None,
        places: tuple[int, int] | None = None,
        receiver: int | None = None,
    ) -> Dealing:
        """The holder's ciphertext made with another content, scope, aad, pair of places or receiver."""
        honest, scope = self.honest, scope or self.group.scope
        both = both or self.pair(self.holder)
        info = sharing.share_info(scope, *(places or (self.dealer, self.holder)))
        key = scope.transports[self.holder if receiver is None else receiver]
        ephemeral = hpke.derive_key(self.group.coins(self.dealer).ikm[self.holder])
        aad = keccak256(honest.points) if aad is None else aad
        sealed = hpke.seal(ephemeral, key, info, aad, codec.word(both[0]) + codec.word(both[1]))
        return honest._replace(sealed=replaced(honest.sealed, self.place_of_sealed, sealed))

    def flipped(self, offset: int) -> Dealing:
        """One bit of the holder's ciphertext."""
        at, sealed = self.place_of_sealed + offset, self.honest.sealed
        return self.honest._replace(sealed=replaced(sealed, at, bytes([sealed[at] ^ 1])))

    def pointing(self, changes: dict[int, bytes]) -> Dealing:
        """Other points, by offset; sealed for these, as a dealer would."""
        data = self.honest.points
        for at, part in changes.items():
            data = replaced(data, at, part)
        ikm, aad = self.group.coins(self.dealer).ikm, keccak256(data)
        sealed = [sharing.seal_share(self.group.scope, self.dealer, j, ikm[j], aad, self.pair(j)) for j in ikm]
        return Dealing(data, b"".join(sealed), sharing.root(data))

    def case(self, number: int, name: str, expected: str, dealing: Dealing) -> Json:
        group = self.group
        secret, q = group.transports[self.holder], group.tests(self.dealer)
        found = reason(
            lambda: sharing.receive(group.scope, group.threshold, self.dealer, self.holder, secret, dealing, q)
        )
        if found != expected:
            raise ValueError(f"{name}: expected {expected}, got {found}")
        return {
            "name": f"{group.name}, from place {self.dealer} to place {self.holder}: {name}",
            "group": number,
            "dealer": self.dealer,
            "holder": self.holder,
            "points": hexadecimal(dealing.points),
            "root": hexadecimal(dealing.root),
            "sealed": hexadecimal(dealing.sealed),
            "reason": found,
        }


Refusal = tuple[str, str, Dealing]
"""A name, the reason, what is refused."""


def malformed(dealt: Dealt, other: Dealing) -> list[Refusal]:
    """Lengths, points, roots."""
    honest = dealt.honest
    points, sealed, root = honest
    point = dealt.place_of_point((dealt.dealer + 2) % dealt.group.members)
    x, y = sharing.read_points(points[point : point + POINT])[0]
    x_one = curve.lift(1, 0)
    if x_one is None:
        raise ValueError("expected a point with x = 1")
    return [
        ("points one byte short", "length", honest._replace(points=points[:-1])),
        ("one point more", "length", honest._replace(points=points + points[-POINT:])),
        ("no points", "length", honest._replace(points=b"")),
        ("sealed one byte short", "length", honest._replace(sealed=sealed[:-1])),
        ("one ciphertext more", "length", honest._replace(sealed=sealed + sealed[-SEALED:])),
        ("nothing sealed", "length", honest._replace(sealed=b"")),
        ("y plus 1", "point off the curve", dealt.pointing({point: sharing.xy((x, (y + 1) % P))})),
        ("x and y zero", "point off the curve", dealt.pointing({point: bytes(POINT)})),
        ("B zero", "point off the curve", dealt.pointing({0: bytes(POINT)})),
        ("x not below p", "point off the curve", dealt.pointing({point: sharing.xy((P + 1, x_one[1]))})),
        ("y not below p", "point off the curve", dealt.pointing({point: sharing.xy((x, 2**256 - 1))})),
        ("one bit of the root", "root", honest._replace(root=replaced(root, 31, bytes([root[31] ^ 1])))),
        ("the root of another dealer", "root", honest._replace(root=other.root)),
        ("the root of the points", "root", honest._replace(root=keccak256(points))),
    ]


def unopened(dealt: Dealt, other: Dealing) -> list[Refusal]:
    """Ciphertexts that don't open: bits, keys, info, aad, replays."""
    honest, scope, dealer, holder = dealt.honest, dealt.group.scope, dealt.dealer, dealt.holder
    third = next(j for j in others(dealer, dealt.group.members) if j != holder)
    at, at_third = dealt.place_of_sealed, SEALED * others(dealer, dealt.group.members).index(third)
    swapped = replaced(honest.sealed, at, honest.sealed[at_third : at_third + SEALED])
    swapped = replaced(swapped, at_third, honest.sealed[at : at + SEALED])
    scopes = {
        "another chain": scope._replace(chain_id=scope.chain_id + 1),
        "another session": scope._replace(session=replaced(scope.session, 19, b"\0")),
        "another group": scope._replace(group=scope.group + 1),
        "another model": scope._replace(model=keccak256(b"another model")),
        "another key in the group": scope._replace(
            keys=[*scope.keys[:third], scope.keys[dealer], *scope.keys[third + 1 :]]
        ),
    }
    return [
        ("one bit of enc", "ciphertext", dealt.flipped(0)),
        ("one bit of ct", "ciphertext", dealt.flipped(32)),
        ("one bit of the tag", "ciphertext", dealt.flipped(SEALED - 1)),
        ("enc of low order", "ciphertext", honest._replace(sealed=replaced(honest.sealed, at, bytes(32)))),
        ("all zero", "ciphertext", honest._replace(sealed=bytes(len(honest.sealed)))),
        ("two receivers swapped", "ciphertext", honest._replace(sealed=swapped)),
        ("sealed to another's key", "ciphertext", dealt.sealing(receiver=third)),
        *((f"info of {name}", "ciphertext", dealt.sealing(scope=each)) for name, each in scopes.items()),
        ("info with the places swapped", "ciphertext", dealt.sealing(places=(holder, dealer))),
        ("info of another receiver", "ciphertext", dealt.sealing(places=(dealer, third))),
        ("info with x coordinates for places", "ciphertext", dealt.sealing(places=(dealer + 1, holder + 1))),
        ("no aad", "ciphertext", dealt.sealing(aad=b"")),
        ("aad the points themselves", "ciphertext", dealt.sealing(aad=honest.points)),
        ("aad the root", "ciphertext", dealt.sealing(aad=honest.root)),
        ("aad of another dealing", "ciphertext", dealt.sealing(aad=keccak256(other.points))),
        ("replay from another session", "ciphertext", dealt.of(scope=scopes["another session"])),
        ("replay from another group", "ciphertext", dealt.of(scope=scopes["another group"])),
        ("the dealing of another dealer", "ciphertext", other),
    ]


def inconsistent(dealt: Dealt) -> list[Refusal]:
    """Scalars out of range, shares that aren't those of the points, points of too high a degree."""
    group, dealer, holder = dealt.group, dealt.dealer, dealt.holder
    third = next(j for j in others(dealer, group.members) if j != holder)
    f, g, _ = group.coins(dealer)
    a, b = dealt.pair(holder)
    p, p_self = dealt.place_of_point(third), dealt.place_of_point(third, True)
    data = dealt.honest.points
    x, y = sharing.read_points(data[:POINT])[0]
    points = {at: data[at : at + POINT] for at in (p, p_self)}
    more = scalar("the coefficient too many")
    wrong, high = "share isn't that of its point", "share outside 1..n-1"
    return [
        ("share of f 0", high, dealt.sealing(both=(0, b))),
        ("share of g 0", high, dealt.sealing(both=(a, 0))),
        ("share of f n", high, dealt.sealing(both=(N, b))),
        ("share of g 2^256 - 1", high, dealt.sealing(both=(a, 2**256 - 1))),
        ("the shares of another place", wrong, dealt.sealing(both=dealt.pair(third))),
        ("the share of f of another place", wrong, dealt.sealing(both=(dealt.pair(third)[0], b))),
        ("the share of g of another place", wrong, dealt.sealing(both=(a, dealt.pair(third)[1]))),
        ("f and g swapped", wrong, dealt.sealing(both=(b, a))),
        ("share of f plus 1", wrong, dealt.sealing(both=(a + 1, b))),
        ("share of g negated", wrong, dealt.sealing(both=(a, N - b))),
        ("f of degree T", "degree", dealt.of(f=[*f, more])),
        ("g of degree T", "degree", dealt.of(g=[*g, more])),
        ("f of another secret", "degree", dealt.of(f=[f[0] + 1, *f[1:]])),
        (
            "the points of f and g of another place swapped",
            "degree",
            dealt.pointing({p: points[p_self], p_self: points[p]}),
        ),
        ("another point of f for another place", "degree", dealt.pointing({p: data[:POINT]})),
        ("another point of g for another place", "degree", dealt.pointing({p_self: points[p]})),
        ("B negated", "degree", dealt.pointing({0: sharing.xy((x, P - y))})),
    ]


def dealing_cases(number: int, group: Group, dealer: int, holder: int) -> list[Json]:
    dealt = Dealt(group, dealer, holder)
    other = group.deal(next(j for j in others(dealer, group.members) if j != holder))
    refusals = malformed(dealt, other) + unopened(dealt, other) + inconsistent(dealt)
    return [dealt.case(number, *refusal) for refusal in refusals]


def low_order_case(number: int, group: Group) -> Json:
    """Who has a key that nothing can be sealed to can't open its shares."""
    place = group.scope.transports.index(LOW_ORDER)
    return Dealt(group, 0, place).case(number, "zeros", "ciphertext", group.deal(0))


def refusals(four: Group, six: Group, low_order: Group, number: int) -> Json:
    dealt = Dealt(six, 3, 0)
    return {
        "zero_shares": polynomial_cases(),
        "refused_rebuilds": rebuild_cases(four) + rebuild_cases(six),
        "wrong_rebuilds": wrong_rebuild_cases(four) + wrong_rebuild_cases(six),
        "refused_dealings": [
            *dealing_cases(0, four, 1, 2),
            *(dealt.case(1, *refusal) for refusal in inconsistent(dealt)),
            low_order_case(number, low_order),
        ],
    }
