"""Somebody discloses other secrets, or hands in other seeds or words, so that a group's sum comes out as it likes.

Defence: a disclosure is checked against the registered keys and the committed roots, of exactly S in order; the
contract derives the seeds itself and keeps their hash, and the hash of every upload (E36). Anyone may hand these in:
there is one value that is accepted, whoever does.

What remains: who hands in what is right is paid for it like anybody else; nobody has to.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from tests.attacks.dealers import reveal_but, upload_but
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import RecoverFactory
from tests.contracts.harness.keys import CURVE_ORDER
from tests.contracts.harness.recovering import Disclosure

GONE = 1
Disclosed = list[Disclosure]


@pytest.fixture(scope="module")
def opened(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, two chunks; one of group 0 has shared and not delivered. All secrets are known."""
    session = new_recover(parameter_count=400).to(Stage.UPLOAD)
    upload_but(session, session.members_of(0)[GONE])
    reveal_but(session)
    assert session.stage() == Stage.AGGREGATE
    return session


@pytest.fixture
def disclosed(opened: RecoverDriver) -> RecoverDriver:
    """The same, disclosed."""
    session = opened.copy()
    for group in (0, 1):
        session.disclose(group)
    return session


def changed(given: Sequence[Disclosure], place: int, **fields: object) -> Disclosed:
    return [d._replace(**fields) if i == place else d for i, d in enumerate(given)]  # type: ignore[arg-type]


FALSE: list[tuple[str, str, Callable[[RecoverDriver, Disclosed], Disclosed]]] = [
    ("another secret", "recover: not the secret", lambda s, d: changed(d, 0, secret=d[0].secret + 1)),
    ("zero", "recover: not the secret", lambda s, d: changed(d, 0, secret=0)),
    ("n", "recover: not the secret", lambda s, d: changed(d, 0, secret=CURVE_ORDER)),
    ("a peer's secret", "recover: not the secret", lambda s, d: changed(d, 0, secret=d[2].secret)),
    ("the key of who delivered", "recover: not the secret", lambda s, d: changed(d, 0, secret=s.secret(d[0].account))),
    (
        "b of who hasn't",
        "recover: not the secret",
        lambda s, d: changed(d, GONE, secret=s.self_secret(d[GONE].account)),
    ),
    ("the other parity", "recover: not the key", lambda s, d: changed(d, 0, parity=1 - d[0].parity)),
    ("parity 2", "recover: not the key", lambda s, d: changed(d, 0, parity=2 + d[0].parity)),
    ("a peer's key", "recover: not the key", lambda s, d: changed(d, 0, x=d[2].x, parity=d[2].parity)),
    (
        "addresses of a peer",
        "recover: addresses don't give root",
        lambda s, d: changed(d, 0, addresses=d[2].addresses),
    ),
    ("no addresses", "recover: addresses don't give root", lambda s, d: changed(d, 0, addresses=b"")),
    (
        "addresses of who hasn't",
        "recover: addresses of who hasn't delivered",
        lambda s, d: changed(d, GONE, addresses=s.dealing(d[GONE].account).addresses),
    ),
    ("one is missing", "recover: number of disclosures", lambda s, d: d[:3]),
    ("one of U alone", "recover: number of disclosures", lambda s, d: d[:1]),
    ("without D", "recover: number of disclosures", lambda s, d: d[:GONE] + d[GONE + 1 :]),
    ("one twice", "recover: not the sharers in order", lambda s, d: [d[0], d[0], *d[2:]]),
    ("another order", "recover: not the sharers in order", lambda s, d: [d[1], d[0], *d[2:]]),
    ("none", "recover: number of disclosures", lambda s, d: []),
    (
        "a member of another group",
        "recover: not the sharers in order",
        lambda s, d: [s.disclosures(1)[0], *d[1:]],
    ),
    ("a stranger", "recover: no shares", lambda s, d: changed(d, 0, account=s.stranger)),
]


@pytest.mark.parametrize(("reason", "bend"), [f[1:] for f in FALSE], ids=[f[0] for f in FALSE])
def test_false_disclosures(
    opened: RecoverDriver, reason: str, bend: Callable[[RecoverDriver, Disclosed], Disclosed]
) -> None:
    session = opened.copy()
    given = session.disclosures(0)
    with reverts(reason):
        session.contract.disclose(0, bend(session, given), sender=session.members_of(0)[GONE])
    session.contract.disclose(0, given, sender=session.members_of(0)[GONE])


def test_when_nothing_is_disclosed(opened: RecoverDriver, new_recover: RecoverFactory) -> None:
    """Of another group, of none, twice, of one that has failed, before all secrets are known."""
    session = opened.copy()
    given = session.disclosures(0)
    for group in (2, 2**255):
        with reverts("recover: group isn't open"):
            session.contract.disclose(group, given, sender=session.stranger)
    with reverts("recover: not the sharers in order"):
        session.contract.disclose(1, given, sender=session.stranger)
    session.disclose(0)
    with reverts("recover: already disclosed"):
        session.disclose(0)
    early = new_recover().to(Stage.REVEAL)
    with reverts("session: wrong stage"):
        early.contract.disclose(0, given, sender=early.stranger)


def test_seeds_are_derived_by_the_contract(opened: RecoverDriver) -> None:
    """Whoever discloses, there is one outcome, that of the members' own secrets."""
    session = opened.copy()
    for caller in (session.members_of(0)[GONE], session.owner, session.stranger):
        with session.chain.anchor():
            session.caller = caller
            event = session.disclose(0).only("Disclosed")
            assert (event.minus, event.plus) == session.expected_seeds(0)


def unmask(session: RecoverDriver, words: bytes, reason: str, group: int = 0, chunk: int = 0) -> None:
    minus, plus = session.seeds[0]
    with reverts(reason):
        session.contract.unmask(group, chunk, words, minus, plus, sender=session.members_of(0)[GONE])


def test_foreign_words(disclosed: RecoverDriver) -> None:
    """A bit of one upload, two of them swapped, one missing or twice, those of another group, other chunks."""
    session = disclosed.copy()
    right = session.words_of(0, 0)
    size = len(right) // 3
    rows = [right[k * size : (k + 1) * size] for k in range(3)]
    other = session.words_of(1, 0)
    for row, at in itertools.product(range(3), (0, size - 1)):
        bent = bytearray(right)
        bent[row * size + at] ^= 1
        unmask(session, bytes(bent), "aggregate: not the uploaded words")
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            unmask(session, b"".join(rows[k] for k in order), "aggregate: not the uploaded words")
    unmask(session, b"".join([rows[0], rows[0], rows[2]]), "aggregate: not the uploaded words")
    unmask(session, other[: 3 * size], "aggregate: not the uploaded words")
    for wrong in (b"", right[:-32], right[: 2 * size], right + rows[0], right + bytes(32)):
        unmask(session, wrong, "aggregate: length of the words")
    unmask(session, session.words_of(0, 1), "aggregate: chunk out of turn", chunk=1)
    for group in (1, 2, 2**200):
        unmask(session, right, "recover: not the disclosed seeds", group=group)
    session.unmask(0, 0)
    unmask(session, right, "aggregate: chunk out of turn")
    session.unmask(0, 1)
    unmask(session, session.words_of(0, 1), "aggregate: chunk out of turn", chunk=1)


def test_foreign_seeds(disclosed: RecoverDriver) -> None:
    """One bit, another order, one fewer, moved to the other side, none, those of the other group."""
    session = disclosed.copy()
    minus, plus = session.seeds[0]
    assert (len(minus), len(plus)) == (4, 2)
    words = session.words_of(0, 0)
    flipped = [bytes([minus[0][0] ^ 1]) + minus[0][1:], *minus[1:]]
    for wrong in (
        (flipped, plus),
        ([minus[1], minus[0], *minus[2:]], plus),
        (minus[1:], plus),
        (minus, plus[1:]),
        ([*minus, plus[0]], plus[1:]),
        (minus, [*plus, minus[0], minus[0]]),
        (plus, minus),
        ([], []),
        session.seeds[1],
    ):
        with reverts("recover: not the disclosed seeds"):
            session.contract.unmask(0, 0, words, *wrong, sender=session.stranger)


def test_nothing_is_unmasked_before_it_is_disclosed(opened: RecoverDriver) -> None:
    """The right seeds, not disclosed; the hash of a group that has none is no hash of anything."""
    session = opened.copy()
    minus, plus = session.expected_seeds(0)
    for given in ((minus, plus), ([], [])):
        with reverts("recover: not the disclosed seeds"):
            session.contract.unmask(0, 0, session.words_of(0, 0), *given, sender=session.stranger)


@pytest.mark.parametrize(("group", "reason"), [(0, "group isn't delivered"), (1, "not the uploaded words")])
def test_the_sum_isnt_taken_with_its_masks(disclosed: RecoverDriver, group: int, reason: str) -> None:
    """`aggregate`, the call of policy `abort`, takes none of them, not even where all N have delivered."""
    session = disclosed.copy()
    words = session.words_of(group, 0)
    with reverts(f"aggregate: {reason}"):
        session.contract.aggregate(group, 0, words, sender=session.stranger)
    session.unmask(group, 0)
    with reverts(f"aggregate: {reason}"):
        session.contract.aggregate(group, 1, session.words_of(group, 1), sender=session.stranger)


def test_the_sum_is_that_of_who_delivered(disclosed: RecoverDriver) -> None:
    """After all of that, by the one who dropped out, whose lines everybody has: the exact sum of the other three."""
    session, wealth, honest = disclosed.copy(), Wealth(disclosed), honest_profits(disclosed)
    dropout = session.members_of(0)[GONE]
    session.caller = dropout
    logged = [session.unmask(0, c).only("Aggregated").words for c in range(session.chunk_count)]
    session.caller = session.stranger
    values = ref.unpack(ref.from_bytes(b"".join(logged)), session.params.lane_bits, session.params.parameter_count)
    assert values == session.plain_sum(0)
    session.to(Stage.FINISHED)
    told = wealth.tell("who dropped out unmasks", dropout, honest=[honest[dropout]])
    assert told.profit < -session.params.bond_wei // 2
    assert told.honest_loss == 0
