"""The golden vectors of what the contract says of revealed secrets and shares, right and wrong ones."""

from __future__ import annotations

from typing import NamedTuple

from tests.vectors.generate_refusals import reason
from tests.vectors.groups import Group, scalar
from tests.vectors.notation import Json, hex_word, hexadecimal
from tests.vectors.reference import codec, curve, sharing
from tests.vectors.reference.curve import N
from tests.vectors.reference.keccak import keccak256
from tests.vectors.reference.sharing import Commitment, others, places


def opening_cases(number: int, group: Group, dealer: int, holder: int) -> list[Json]:
    """An opening of a share, once of f and once of g: the right one, then wrong ones."""
    third = next(j for j in others(dealer, group.members) if j != holder)
    listed = sharing.addresses(group.deal(dealer).points)
    foreign = sharing.addresses(group.deal(third).points)
    f, g, _ = group.coins(dealer)
    own = {False: f, True: g}
    cases = []
    for self_mask, polynomial in own.items():
        share = sharing.evaluate(polynomial, holder + 1)
        for name, addresses, opened in (
            ("the share", listed, share),
            ("of another place", listed, sharing.evaluate(polynomial, third + 1)),
            ("of the other polynomial", listed, sharing.evaluate(own[not self_mask], holder + 1)),
            ("the secret", listed, polynomial[0]),
            ("negated", listed, N - share),
            ("0", listed, 0),
            ("n", listed, N),
            ("with the addresses of another dealer", foreign, share),
            ("without addresses", b"", share),
        ):
            check = (addresses, keccak256(listed), dealer, holder, self_mask, opened)
            cases.append(
                {
                    "name": f"{group.name}, place {holder} opens {'g' if self_mask else 'f'} of place {dealer}: {name}",
                    "group": number,
                    "dealer": dealer,
                    "holder": holder,
                    "self_mask": self_mask,
                    "share": hex_word(opened),
                    "addresses": hexadecimal(addresses),
                    "root": hexadecimal(keccak256(listed)),
                    "reason": reason(lambda check=check: sharing.check_share(*check)),  # type: ignore[misc]
                }
            )
    return cases


def reveal_cases(number: int, group: Group, place: int) -> list[Json]:
    """A member's own b: the right one, then wrong ones."""
    listed, b = sharing.addresses(group.deal(place).points), group.selves[place]
    foreign = sharing.addresses(group.deal((place + 1) % group.members).points)
    cases = []
    for name, addresses, secret in (
        ("b", listed, b),
        ("sk", listed, group.keys[place]),
        ("b negated", listed, N - b),
        ("0", listed, 0),
        ("b of another place", listed, group.selves[(place + 1) % group.members]),
        ("with the addresses of another place", foreign, group.selves[(place + 1) % group.members]),
        ("without the last address", listed[:-20], b),
    ):
        check = (addresses, keccak256(listed), secret)
        cases.append(
            {
                "name": f"{group.name}, place {place} reveals: {name}",
                "group": number,
                "place": place,
                "secret": hex_word(secret),
                "addresses": hexadecimal(addresses),
                "root": hexadecimal(keccak256(listed)),
                "reason": reason(lambda check=check: sharing.check_reveal(*check)),  # type: ignore[misc]
            }
        )
    return cases


class Trial(NamedTuple):
    """`rebuild` called with shares of a dealer whose committed values by place are `values`."""

    number: int
    group: Group
    to: Commitment
    values: dict[int, int]

    def shares(self, holders: int) -> list[int]:
        return [self.values[j] for j in places(holders)]

    def case(self, name: str, holders: int, given: list[int] | None = None, to: Commitment | None = None) -> Json:
        """Given: the committed shares, where no others are."""
        group, to = self.group, to or self.to
        shares = [self.values.get(j, 1) for j in places(holders)] if given is None else given
        found: tuple[str | None, int | None] = (None, None)

        def judged() -> None:
            nonlocal found
            found = sharing.judge(to, group.members, group.threshold, holders, shares)

        why = reason(judged)
        return {
            "name": f"{group.name}, {'g' if to.self_mask else 'f'} of place {to.dealer}: {name}, {places(holders)}",
            "group": self.number,
            "dealer": to.dealer,
            "self_mask": to.self_mask,
            "account": hexadecimal(to.account),
            "addresses": hexadecimal(to.addresses),
            "root": hexadecimal(to.root),
            "holders": holders,
            "shares": [hex_word(share) for share in shares],
            "outcome": found[0],
            "secret": None if found[1] is None else hex_word(found[1]),
            "reason": why,
        }


def trial(number: int, group: Group, dealer: int, self_mask: bool, changed: dict[int, int], extra: int = 0) -> Trial:
    """Committed to: the polynomial with one more coefficient `extra`, and by place what `changed` says."""
    f, g, _ = group.coins(dealer)
    polynomial = [*(g if self_mask else f), extra]
    values = sharing.shares(polynomial, dealer, group.members) | changed
    other = sharing.shares(f if self_mask else g, dealer, group.members)
    both = (other, values) if self_mask else (values, other)
    data = sharing.points(*both, codec.public_key(g[0]))
    account = curve.address(codec.public_key(polynomial[0]))
    to = Commitment(dealer, self_mask, account, sharing.addresses(data), sharing.root(data))
    return Trial(number, group, to, values)


def verdict_cases(number: int, group: Group, dealer: int) -> list[Json]:
    everybody = [h for h in range(1 << group.members) if h.bit_count() == group.threshold and not h >> dealer & 1]
    cases = []
    for self_mask in (False, True):
        honest = trial(number, group, dealer, self_mask, {})
        cases += [honest.case("honest", holders) for holders in everybody]
        cases += misuses(honest, everybody[-1])
        place = places(everybody[0])[0]
        one_bad = trial(number, group, dealer, self_mask, {place: scalar("a bad share")})
        cases += [one_bad.case(f"a bad share for place {place}", holders) for holders in everybody]
        right = honest.shares(everybody[0])
        cases.append(one_bad.case("the right share, which isn't committed", everybody[0], right))
        high = trial(number, group, dealer, self_mask, {}, scalar("degree T"))
        cases += [high.case("degree T", holders) for holders in everybody]
    return cases


def misuses(honest: Trial, holders: int) -> list[Json]:
    """Calls against an honest dealer, whom they must not name."""
    shares, to = honest.shares(holders), honest.to
    last = 1 << places(holders)[-1]
    return [
        honest.case("one share plus 1", holders, [shares[0] + 1, *shares[1:]]),
        honest.case("shares in the wrong order", holders, shares[::-1]),
        honest.case("a share 0", holders, [0, *shares[1:]]),
        honest.case("one holder fewer", holders & ~last),
        honest.case("one share fewer", holders, shares[:-1]),
        honest.case("one holder more", holders | 1 << honest.group.members),
        honest.case("the dealer among the holders", holders & ~last | 1 << to.dealer),
        honest.case("a holder outside the group", holders & ~last | 1 << honest.group.members, shares),
        honest.case("addresses not of the root", holders, to=to._replace(addresses=bytes(len(to.addresses)))),
    ]


def set_cases(number: int, group: Group) -> list[Json]:
    """S and U as a client may be shown them."""
    full, t = (1 << group.members) - 1, group.threshold
    cases = []
    for name, sharers, delivered in (
        ("everybody", full, full),
        ("T of everybody", full, (1 << t) - 1),
        ("T of T", (1 << t) - 1, (1 << t) - 1),
        ("T - 1", full, (1 << (t - 1)) - 1),
        ("nobody", full, 0),
        ("one that didn't share", full & ~1, full),
        ("one outside the group", full | 1 << group.members, full),
    ):
        check = (group.members, t, sharers, delivered)
        why = reason(lambda check=check: sharing.check_sets(*check))  # type: ignore[misc]
        cases.append(
            {
                "name": f"{group.name}: {name}",
                "group": number,
                "sharers": sharers,
                "delivered": delivered,
                "reason": why,
            }
        )
    return cases


def verdicts(four: Group, six: Group) -> Json:
    return {
        "reveals": reveal_cases(0, four, 2),
        "openings": opening_cases(0, four, 1, 3) + opening_cases(1, six, 5, 0),
        "verdicts": verdict_cases(0, four, 0) + verdict_cases(1, six, 2),
        "sets": set_cases(0, four) + set_cases(1, six),
    }
