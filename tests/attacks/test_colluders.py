"""t members of a group put everything together that they have: keys, shares, all that is on chain, the sum.

Defence: t + 2 <= T. They have too few shares of any secret, and every set U has two honest members in it, whose common
mask nobody else can make. What they see fits every plaintext of one of them, with another one of the others.

What remains: that is so as long as nobody can take discrete logarithms, tell the hash of a common point from a random
number, or open what is sealed: all of it is on chain for ever, so that members erase their secrets after the session.
T colluders read everybody, T - 1 whoever is alone with them in U.
"""

from __future__ import annotations

import itertools
import random

import pytest

from omnilytics.codec import rebuild
from omnilytics.errors import InputError
from tests.attacks import toy
from tests.attacks.dealers import reveal_but, upload_but
from tests.attacks.learning import learned, read, told_sums
from tests.contracts.harness import RecoverDriver, Stage
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import lifted
from tests.contracts.harness.fixtures import RecoverFactory
from tests.contracts.harness.keys import CURVE_ORDER
from tests.vectors.reference.sharing import evaluate, lagrange

GROUPS = [(3, 2), (3, 3), (4, 2), (4, 3), (4, 4), (5, 3), (5, 4)]
"""N and T."""


def sets(of: frozenset[int], least: int = 0) -> list[frozenset[int]]:
    return [frozenset(s) for k in range(least, len(of) + 1) for s in itertools.combinations(sorted(of), k)]


def runs(members: int, threshold: int, colluders: int) -> list[toy.Group]:
    """Every set that can have delivered, one member of those missing half way through, one of those there away."""
    everybody = frozenset(range(members))
    inside = frozenset(range(members - colluders, members))
    found = []
    for delivered in sets(everybody):
        missing = everybody - delivered
        for half in (frozenset(), frozenset(sorted(missing)[:1])):
            base = toy.Group(members, threshold, inside, delivered | half, delivered)
            if len(delivered) < threshold:
                found.append(base._replace(stops=True))
                continue
            aways = sets(delivered)[:2] if len(delivered) > threshold else [frozenset()]
            found += [base._replace(away=away) for away in aways]
    return found


def secrets_known(group: toy.Group) -> tuple[set[int], set[int]]:
    """Mask keys and self masks that the colluders have, by the rules of `learning`."""
    lent = set(group.present) | group.colluders
    keys, masks = set(group.colluders), set(group.colluders) | set(group.present)
    for dealer in range(group.members):
        own = len(group.colluders - {dealer})
        if own >= group.threshold:
            keys.add(dealer)
            masks.add(dealer)
        if dealer not in group.delivered and len(lent - {dealer}) >= group.threshold:
            keys.add(dealer)
        if dealer in group.away and len(lent - {dealer}) >= group.threshold:
            masks.add(dealer)
    return keys, masks


@pytest.mark.parametrize(("members", "threshold"), GROUPS)
def test_what_follows_from_a_view_is_what_learning_says(members: int, threshold: int) -> None:
    """For 0 to T colluders and every set of dropouts: exactly the sums over the pieces, and no other combination."""
    for colluders in range(min(threshold, members - 1) + 1):
        for group in runs(members, threshold, colluders):
            pieces = learned(range(members), sorted(group.uploaded), *secrets_known(group))
            honest = [piece - group.colluders for piece in pieces if piece - group.colluders]
            assert all(toy.told(group, piece) for piece in honest), group
            assert toy.told_dimension(group) == len(honest), group


@pytest.mark.parametrize(("members", "threshold"), [g for g in GROUPS if g[1] > 2])
def test_t_colluders_learn_nobodys_word(members: int, threshold: int) -> None:
    """t = T - 2: in every run one sum at most is told, of two honest members at least."""
    for colluders in range(threshold - 1):
        for group in runs(members, threshold, colluders):
            honest = [i for i in range(members) if i not in group.colluders]
            assert not any(toy.told(group, [i]) for i in honest)
            assert toy.told_dimension(group) <= 1
            if not group.stops and len(group.present) >= threshold:
                assert toy.told(group, group.delivered - group.colluders), "the sum itself"


@pytest.mark.parametrize("seed", range(20))
def test_their_view_fits_every_other_plaintext(seed: int) -> None:
    """Random secrets, random words for two of the honest ones with the same sum: there are secrets that give the same
    view, number for number. With another sum there are none, and for T colluders with no other words at all."""
    draw = random.Random(seed)
    members, threshold, colluders = draw.choice([(4, 3, 1), (5, 3, 1), (5, 4, 2), (6, 4, 2)])
    missing = draw.sample(range(members - colluders), draw.randint(0, members - threshold))
    delivered = frozenset(range(members)) - set(missing)
    group = toy.Group(
        members, threshold, frozenset(range(members - colluders, members)), delivered | set(missing[:1]), delivered
    )
    secrets = {name: draw.randrange(toy.PRIME) for name in toy.names(group)}
    one, other = draw.sample(sorted(delivered - group.colluders), 2)
    total = secrets["x", one] + secrets["x", other]
    for _ in range(3):
        chosen = draw.randrange(toy.PRIME)
        words = {one: chosen, other: (total - chosen) % toy.PRIME}
        found = toy.alternative(group, secrets, words)
        assert found is not None
        assert toy.view(group, found) == toy.view(group, secrets)
        assert (found["x", one], found["x", other]) == (words[one], words[other])
        if chosen != secrets["x", one]:
            assert toy.alternative(group, secrets, {one: chosen}) is None, "another sum"
            more = frozenset(draw.sample(sorted(set(range(members)) - {one, other}), members - 2))
            if len(more) >= threshold:
                assert toy.alternative(group._replace(colluders=more), secrets, words) is None
    if missing:
        hidden = {missing[0]: draw.randrange(toy.PRIME)}
        assert toy.alternative(group, secrets, hidden) is not None, "who has dropped out is hidden on its own"


def test_a_real_session_fits_other_plaintexts_too(new_recover: RecoverFactory) -> None:
    """The words on a real chain, without every mask that t = 2 colluders and everybody else can make: two words are
    left with one mask in common. For any other word there is one that gives the same uploads; T = 4 read both."""
    session = new_recover(rounds=1, members=6, colluders=2).to(Stage.UPLOAD)
    members, colluders = session.members_of(0), [4, 5]
    upload_but(session, members[0], members[1])
    reveal_but(session)
    assert told_sums(session, 0, colluders) == [{2, 3}]
    left = {i: without_known_masks(session, i, known={0, 1, 4, 5}) for i in (2, 3)}
    plain = {i: ref.pack(session.vector(members[i]), session.params.lane_bits) for i in (2, 3)}
    assert ref.add(list(left.values())) == ref.add(list(plain.values())), "what the sum says anyway"
    assert left != plain
    draw = random.Random(1)
    for _ in range(10):
        other = [draw.randrange(ref.WORD) for _ in plain[2]]
        stream = minus(left[2], other)
        peer = ref.add([left[3], stream])
        assert ref.add([other, peer]) == ref.add(list(plain.values()))
        assert ref.add([other, stream]) == left[2]
        assert minus(peer, stream) == left[3]
    for victim in (2, 3):
        assert read(session, [0, 1, 4, 5], victim) == list(session.vector(members[victim]))
        assert read(session, [0, 4, 5], victim) != list(session.vector(members[victim]))


def minus(a: list[int], b: list[int]) -> list[int]:
    return [(x - y) % ref.WORD for x, y in zip(a, b, strict=True)]


def without_known_masks(session: RecoverDriver, place: int, known: set[int]) -> list[int]:
    """An upload without its self mask, which is public, and without the masks with those whose mask keys are known."""
    members, scope = session.members_of(0), session.scope(0)
    mine = session.secret(members[place])
    seeds = {j: scope.pair_seed(place, j, session.secret(members[j]), mine) for j in known}
    above = [seed for j, seed in seeds.items() if j > place]
    below = [seed for j, seed in seeds.items() if j < place]
    words = ref.from_bytes(b"".join(session.uploads[0, c, place] for c in range(session.chunk_count)))
    return lifted(words, [*above, scope.self_seed(place, session.secrets[0, place])], below)


@pytest.mark.parametrize("threshold", [3, 4, 9])
def test_too_few_shares_fit_every_secret(threshold: int) -> None:
    """Over the field of the protocol: for any other secret there is a polynomial with the same T - 1 shares. T of them
    leave one; the client's rebuild refuses fewer, and gives another secret for a wrong one."""
    draw = random.Random(threshold)
    f = [draw.randrange(1, CURVE_ORDER) for _ in range(threshold)]
    held = list(range(1, threshold))
    for _ in range(5):
        secret = draw.randrange(1, CURVE_ORDER)
        at = {0: secret} | {x: evaluate(f, x) for x in held}
        # the value of that polynomial anywhere, from its T values
        for x in held:
            assert interpolated(at, x) == evaluate(f, x)
        assert interpolated(at, threshold) != evaluate(f, threshold)
        assert interpolated({threshold: interpolated(at, threshold)} | {x: at[x] for x in held}, 0) == secret
    shares = {x - 1: evaluate(f, x) for x in range(1, threshold + 1)}
    assert rebuild(shares, threshold) == f[0]
    with pytest.raises(InputError):
        rebuild({x - 1: evaluate(f, x) for x in held}, threshold)


def interpolated(at: dict[int, int], x: int) -> int:
    """The value at x of the polynomial of lowest degree through these."""
    weights = lagrange([known - x for known in at])
    return sum(w * value for w, value in zip(weights, at.values(), strict=True)) % CURVE_ORDER
