"""The golden vectors of policy `recover`: dealings, transport, degree tests, Lagrange, masks and their removal.

What is refused is in `generate_refusals.py`, what the contract says of secrets in `generate_verdicts.py`.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.vectors import generate_refusals, generate_verdicts
from tests.vectors.groups import LOW_ORDER, Group, group, scalar, with_low_order
from tests.vectors.notation import Json, hex_word, hexadecimal
from tests.vectors.reference import codec, curve, hpke, sharing
from tests.vectors.reference.keccak import keccak256
from tests.vectors.reference.sharing import Coins, Dealing, others, places

LANE_BITS, PARAMETERS = 6, 100
SIZES = [(4, 3), (6, 4), (2, 2), (3, 2), (5, 5), (7, 5), (9, 2), (16, 9), (16, 16)]
"""N and T; the first two in detail."""


# ---- groups, dealings ----


def group_case(group: Group) -> Json:
    scope = group.scope
    return {
        "name": group.name,
        "chain_id": scope.chain_id,
        "session": hexadecimal(scope.session),
        "group": scope.group,
        "model_hash": hexadecimal(scope.model),
        "members": group.members,
        "threshold": group.threshold,
        "seeds": [hexadecimal(seed) for seed in group.seeds],
        "secrets": [hex_word(sk) for sk in group.keys],
        "self_secrets": [hex_word(b) for b in group.selves],
        "transport_secrets": [hexadecimal(secret) for secret in group.transports],
        "peers": [{"x": hex_word(x), "parity": y % 2} for x, y in scope.keys],
        "addresses": [hexadecimal(curve.address(key)) for key in scope.keys],
        "transports": [hexadecimal(key) for key in scope.transports],
        "keys_hash": hexadecimal(codec.set_hash(scope.keys)),
    }


def share_case(group: Group, dealer: int, holder: int, dealing: Dealing, drawn: Coins) -> Json:
    """As the holder receives it; a holder whose key can't be sealed to can't."""
    key, self_share = (sharing.evaluate(each, holder + 1) for each in (drawn.f, drawn.g))
    if group.scope.transports[holder] != LOW_ORDER:
        received = sharing.receive(
            group.scope, group.threshold, dealer, holder, group.transports[holder], dealing, group.tests(dealer)
        )
        if received != (key, self_share):
            raise ValueError(f"expected {key}, {self_share}, got {received}")
    listed = sharing.split(sharing.addresses(dealing.points), 20)
    return {
        "place": holder,
        "key": hex_word(key),
        "self": hex_word(self_share),
        "key_address": hexadecimal(listed[sharing.share_index(dealer, holder, False)]),
        "self_address": hexadecimal(listed[sharing.share_index(dealer, holder, True)]),
        "ikm": hexadecimal(drawn.ikm[holder]),
    }


def dealing_case(number: int, group: Group, dealer: int, name: str = "", drawn: Coins | None = None) -> Json:
    """Drawn from the seed where nothing else is said."""
    coins = drawn or group.coins(dealer)
    dealing = sharing.deal(group.scope, dealer, coins)
    return {
        "name": f"{group.name}, place {dealer}{name}",
        "group": number,
        "dealer": dealer,
        "seed": None if drawn else hexadecimal(group.seed_of_dealing(dealer)),
        "key_coefficients": [hex_word(c) for c in coins.f],
        "self_coefficients": [hex_word(c) for c in coins.g],
        "shares": [share_case(group, dealer, j, dealing, coins) for j in others(dealer, group.members)],
        "points": hexadecimal(dealing.points),
        "addresses": hexadecimal(sharing.addresses(dealing.points)),
        "root": hexadecimal(dealing.root),
        "sealed": hexadecimal(dealing.sealed),
    }


def dealing_cases(groups: list[Group]) -> list[Json]:
    cases = []
    for number, each in enumerate(groups):
        some = {0, each.members - 1} if each.members < 16 else {7}
        dealers = range(each.members) if number < 2 else sorted(some)
        cases += [dealing_case(number, each, dealer) for dealer in dealers]
    four, drawn = groups[0], groups[0].coins(2)
    for name, more in (("zero", [0, 0]), ("n - 1", [curve.N - 1, curve.N - 1]), ("zero, then one", [0, 1])):
        special = drawn._replace(f=[four.keys[2], *more], g=[four.selves[2], *more])
        cases.append(dealing_case(0, four, 2, f", other coefficients {name}", special))
    return cases


# ---- transport ----


def sealed_case(number: int, group: Group, dealer: int, holder: int) -> Json:
    """Every step of one seal."""
    dealing = group.deal(dealer)
    drawn = group.coins(dealer)
    f, g = (sharing.evaluate(each, holder + 1) for each in (drawn.f, drawn.g))
    info, aad = sharing.share_info(group.scope, dealer, holder), keccak256(dealing.points)
    ikm = drawn.ikm[holder]
    ephemeral = hpke.derive_key(ikm)
    schedule = hpke.sender_schedule(ephemeral, group.scope.transports[holder], info)
    sealed = sharing.seal_share(group.scope, dealer, holder, ikm, aad, (f, g))
    return {
        "name": f"{group.name}, from place {dealer} to place {holder}",
        "group": number,
        "dealer": dealer,
        "holder": holder,
        "receiver_secret": hexadecimal(group.transports[holder]),
        "receiver": hexadecimal(group.scope.transports[holder]),
        "ikm": hexadecimal(ikm),
        "ephemeral_secret": hexadecimal(ephemeral),
        "shared_secret": hexadecimal(schedule.shared_secret),
        "key": hexadecimal(schedule.key),
        "nonce": hexadecimal(schedule.nonce),
        "info": hexadecimal(info),
        "aad": hexadecimal(aad),
        "plain": hexadecimal(codec.word(f) + codec.word(g)),
        "enc": hexadecimal(sealed[:32]),
        "ct": hexadecimal(sealed[32:]),
    }


# ---- the degree test, Lagrange ----


def degree_case(name: str, group: Group, dealer: int, coefficients: list[int]) -> Json:
    """The points of a polynomial of any degree under the group's T."""
    xs = [0, *(j + 1 for j in others(dealer, group.members))]
    values = {x: codec.public_key(sharing.evaluate(coefficients, x)) for x in xs}
    q = group.tests(dealer)[0]
    return {
        "name": f"{group.name}, place {dealer}: {name}",
        "members": group.members,
        "threshold": group.threshold,
        "dealer": dealer,
        "xs": xs,
        "points": [hexadecimal(sharing.xy(point)) for point in values.values()],
        "weights": [hex_word(weight) for weight in sharing.dual_weights(xs)],
        "q": [hex_word(c) for c in q],
        "passes": sharing.degree_test(values, group.threshold, q),
    }


def degree_cases(groups: list[Group]) -> list[Json]:
    cases = []
    for each in groups:
        dealer, more = each.members // 2, scalar(f"one more {each.name}")
        f = each.coins(dealer).f
        cases.append(degree_case("degree T - 1", each, dealer, f))
        if each.threshold < each.members:
            cases.append(degree_case("degree T", each, dealer, [*f, more]))
        if each.threshold < each.members < 16:
            cases.append(degree_case("degree T, its coefficient 1", each, dealer, [*f, 1]))
            cases.append(degree_case("degree 0", each, dealer, f[:1]))
            cases.append(degree_case("degree N - 1", each, dealer, [scalar(str(k)) for k in range(each.members)]))
    return cases


def rebuild_case(group: Group, dealer: int, holders: list[int], coefficients: list[int]) -> Json:
    given = [(j + 1, sharing.evaluate(coefficients, j + 1)) for j in holders]
    xs = [x for x, _ in given[: group.threshold]]
    secret = sharing.rebuild(given, group.threshold)
    if secret != coefficients[0]:
        raise ValueError(f"expected the dealer's secret {coefficients[0]}, got {secret}")
    return {
        "name": f"{group.name}, place {dealer} from {holders}",
        "threshold": group.threshold,
        "xs": [x for x, _ in given],
        "shares": [hex_word(share) for _, share in given],
        "weights": [hex_word(weight) for weight in sharing.lagrange(xs)],
        "secret": hex_word(secret),
        "address": hexadecimal(curve.address(codec.public_key(secret))),
    }


def rebuild_cases(groups: list[Group]) -> list[Json]:
    cases = []
    for each in groups:
        for dealer in range(each.members) if each.members <= 6 else (0, each.members - 1):
            holders = others(dealer, each.members)
            if len(holders) < each.threshold:
                continue
            chosen = random.Random(f"{each.name} {dealer}").sample(holders, each.threshold)
            subsets = [holders[: each.threshold], holders[-each.threshold :], chosen]
            for subset in sorted(map(tuple, subsets)):
                cases.append(rebuild_case(each, dealer, list(subset), each.coins(dealer).f))
            cases.append(rebuild_case(each, dealer, holders, each.coins(dealer).g))
    return list({case["name"]: case for case in cases}.values())


# ---- masks, and any set U ----


class Masked(NamedTuple):
    """What the members of S make of their words."""

    self_seeds: dict[int, bytes]
    pair_seeds: dict[tuple[int, int], bytes]
    words: dict[int, list[int]]


def plain_words(group: Group, place: int) -> list[int]:
    source = random.Random(f"plain {group.name} {place}")
    bound = 31 // group.members
    return codec.to_words(codec.pack([source.randint(-bound, bound) for _ in range(PARAMETERS)], LANE_BITS))


def masked(group: Group, sharers: int) -> Masked:
    made = Masked({}, {}, {})
    for i in places(sharers):
        seeds = {j: sharing.pair_seed(group.scope, sharers, i, group.keys[i], j) for j in places(sharers) if j != i}
        made.self_seeds[i] = sharing.self_seed(group.scope, sharers, i, group.selves[i])
        made.pair_seeds.update({(i, j): seed for j, seed in seeds.items()})
        plain = plain_words(group, i)
        mask = sharing.mask(seeds, made.self_seeds[i], i, len(plain))
        made.words[i] = codec.to_words(codec.add_words([plain, mask]))
    return made


def mask_case(number: int, group: Group, sharers: int) -> Json:
    made = masked(group, sharers)
    return {
        "name": f"{group.name}, S {places(sharers)}",
        "group": number,
        "sharers": sharers,
        "lane_bits": LANE_BITS,
        "parameter_count": PARAMETERS,
        "bound": 31 // group.members,
        "set_hash": hexadecimal(sharing.set_hash(group.scope.keys, sharers)),
        "pair_seeds": [{"lo": i, "hi": j, "seed": hexadecimal(s)} for (i, j), s in made.pair_seeds.items() if i < j],
        "uploads": [
            {
                "place": i,
                "self_seed": hexadecimal(made.self_seeds[i]),
                "plain": hexadecimal(codec.add_words([plain_words(group, i)])),
                "masked": hexadecimal(codec.add_words([words])),
            }
            for i, words in made.words.items()
        ],
    }


def unmasking_case(number: int, group: Group, made: Masked, sharers: int, delivered: int) -> Json:
    u, d = places(delivered), places(sharers & ~delivered)
    selves = {i: group.selves[i] for i in u}
    minus, plus = sharing.disclosed(group.scope, sharers, delivered, selves, {j: group.keys[j] for j in d})
    total = codec.to_words(codec.add_words([made.words[i] for i in u]))
    aggregate = codec.add_words([sharing.unmask(total, minus, plus)])
    if aggregate != codec.add_words([plain_words(group, i) for i in u]):
        raise ValueError("expected the plain sum over U")
    return {
        "name": f"{group.name}, S {places(sharers)}, U {u}",
        "group": number,
        "sharers": sharers,
        "delivered": delivered,
        "sum": hexadecimal(codec.add_words([total])),
        "minus": [hexadecimal(seed) for seed in minus],
        "plus": [hexadecimal(seed) for seed in plus],
        "aggregate": hexadecimal(aggregate),
        "values": codec.unpack(aggregate, LANE_BITS, PARAMETERS),
    }


def subsets(of: int, least: int) -> list[int]:
    """All bitmaps within `of` with at least so many members, the largest first."""
    return [u for u in range(of, 0, -1) if u & ~of == 0 and u.bit_count() >= least]


def mask_cases(number: int, group: Group, sets: list[int]) -> tuple[list[Json], list[Json]]:
    masks, unmaskings = [], []
    for sharers in sets:
        masks.append(mask_case(number, group, sharers))
        made = masked(group, sharers)
        for delivered in subsets(sharers, group.threshold):
            unmaskings.append(unmasking_case(number, group, made, sharers, delivered))
    return masks, unmaskings


def recover() -> Json:
    groups = [group(members, threshold) for members, threshold in SIZES]
    four, six = groups[:2]
    groups.append(with_low_order(four, 1))
    masks_of_four, all_of_four = mask_cases(0, four, subsets(0b1111, 3))
    masks_of_six, all_of_six = mask_cases(1, six, [0b111111, 0b111011, 0b101101])
    return {
        "groups": [group_case(each) for each in groups],
        "dealings": dealing_cases(groups),
        "sealed": [sealed_case(0, four, 0, 1), sealed_case(0, four, 3, 0), sealed_case(1, six, 2, 5)],
        "degree_tests": degree_cases(groups),
        "rebuilds": rebuild_cases(groups),
        "masks": masks_of_four + masks_of_six,
        "unmaskings": all_of_four + all_of_six,
        **generate_refusals.refusals(four, six, groups[-1], len(groups) - 1),
        **generate_verdicts.verdicts(four, six),
    }
