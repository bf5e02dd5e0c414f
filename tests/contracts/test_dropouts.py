"""Whoever is gone at whatever step: the exact sum of who delivered, or the failure that the page names.

A pattern says for every member of a group at which step it is gone: sharing, uploading, revealing, standing in for
others, or at none. All patterns of groups of two to six are played, with every threshold; those of five and six take
their time, so that each run plays a sample of them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from tests.contracts.harness import Accounts, RecoverDriver, Stage, economy
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import places
from tests.contracts.harness.fixtures import deploy_market, factory, recover_factory
from tests.gas.revm import RevmChain

PARAMETERS = 45
"""Two words, so that streams have more than one."""

SIZES = [(n, t) for n in (2, 3, 4) for t in range(2, n + 1)]


class Pattern(NamedTuple):
    """Who does each step, bitmaps over places; each a part of the one before."""

    shares: int
    uploads: int
    reveals: int
    lends: int


def failing_stage(p: Pattern, threshold: int) -> Stage | None:
    """Where the page says that the group fails, None where it doesn't."""
    if p.shares.bit_count() < threshold:
        return Stage.SHARE
    if p.uploads.bit_count() < threshold:
        return Stage.UPLOAD
    without_key = p.shares != p.uploads and p.reveals.bit_count() < threshold
    without_mask = p.uploads != p.reveals and p.lends.bit_count() < threshold
    return Stage.REVEAL if without_key or without_mask else None


def did_its_part(p: Pattern, failed: Stage | None) -> int:
    """Who did, as the page has it."""
    if failed == Stage.SHARE:
        return p.shares
    if failed == Stage.UPLOAD:
        return p.uploads
    if failed == Stage.REVEAL and p.lends.bit_count() < len(places(p.reveals)) and masks_missing(p):
        return p.lends
    return p.reveals


def masks_missing(p: Pattern) -> bool:
    return p.uploads != p.reveals


def as_played(p: Pattern, threshold: int) -> Pattern:
    """Without the steps that nobody comes to, because the group has failed or needs nobody to stand in."""
    if p.shares.bit_count() < threshold:
        return Pattern(p.shares, 0, 0, 0)
    if p.uploads.bit_count() < threshold:
        return Pattern(p.shares, p.uploads, 0, 0)
    return p if masks_missing(p) else p._replace(lends=0)


def subsets(of: int) -> Iterator[int]:
    """All parts of a set of places, the empty one included."""
    inside = places(of)
    for size in range(len(inside) + 1):
        for chosen in itertools.combinations(inside, size):
            yield sum(1 << i for i in chosen)


def patterns(members: int) -> Iterator[Pattern]:
    """All of them."""
    for shares in subsets((1 << members) - 1):
        for uploads in subsets(shares):
            for reveals in subsets(uploads):
                for lends in subsets(reveals):
                    yield Pattern(shares, uploads, reveals, lends)


def sampled(members: int, count: int) -> list[Pattern]:
    """So many patterns in which each member is gone at each step with the same chance, or at most two are."""
    draw = random.Random(members)
    found = []
    for number in range(count):
        steps = [draw.randrange(5) for _ in range(members)]
        if number % 2:
            gone = draw.sample(range(members), 2)
            steps = [step if i in gone else 4 for i, step in enumerate(steps)]
        found.append(Pattern(*(sum(1 << i for i, s in enumerate(steps) if s > k) for k in range(4))))
    return found


class World:
    """One group in stage Share on the embedded chain, to which every pattern comes back."""

    def __init__(self, members: int, threshold: int) -> None:
        self.chain = RevmChain()
        accounts = Accounts(self.chain.set_balance)
        make = recover_factory(factory(self.chain, deploy_market(accounts, 0, self.chain), accounts))
        sizes = {"members": members, "threshold": threshold, "colluders": 1, "unsafe_small": int(threshold < 3)}
        session = make(rounds=1, parameter_count=PARAMETERS, bound=1, reward_wei=10**9 + 7, **sizes)
        self.session = session.to(Stage.SHARE)
        self.members = session.members_of(0)

    @contextmanager
    def twin(self, of: RecoverDriver) -> Iterator[RecoverDriver]:
        """A driver whose steps are undone."""
        snapshot = self.chain.snapshot()
        yield of.copy()
        snapshot.revert()

    def check(self, given: Iterable[Pattern]) -> int:
        """Plays all patterns, each step once for all that have it in common; how many groups came through."""
        came_through = 0
        for shares, with_shares in itertools.groupby(given, key=lambda p: p.shares):
            with self.twin(self.session) as shared:
                self.share(shared, shares)
                for uploads, with_uploads in itertools.groupby(with_shares, key=lambda p: p.uploads):
                    with self.twin(shared) as delivered:
                        self.upload(delivered, uploads)
                        for reveals, rest in itertools.groupby(with_uploads, key=lambda p: p.reveals):
                            with self.twin(delivered) as revealed:
                                self.reveal(revealed, reveals)
                                came_through += sum(self.came_through(revealed, pattern) for pattern in rest)
        return came_through

    def share(self, session: RecoverDriver, shares: int) -> None:
        session.share_all([self.members[i] for i in places(shares)])
        if not session.objecting:
            session.pass_deadline()
        session.pass_deadline()

    def upload(self, session: RecoverDriver, uploads: int) -> None:
        if session.stage() == Stage.UPLOAD:
            session.upload_but(*(self.members[i] for i in range(len(self.members)) if not uploads >> i & 1))

    def reveal(self, session: RecoverDriver, reveals: int) -> None:
        if session.stage() == Stage.REVEAL:
            for i in places(reveals):
                session.reveal(self.members[i])

    def came_through(self, session: RecoverDriver, pattern: Pattern) -> bool:
        with self.twin(session) as twin:
            if twin.stage() == Stage.REVEAL:
                self.stand_in(twin, pattern)
            failed = failing_stage(pattern, twin.params.threshold)
            assert (twin.stage() == Stage.AGGREGATE) == (failed is None), pattern
            if failed is None:
                self.check_sum(twin)
            self.check_money(twin, pattern, failed)
            return failed is None

    def stand_in(self, session: RecoverDriver, pattern: Pattern) -> None:
        """Who hasn't delivered and who hasn't revealed is rebuilt, where enough shares are known."""
        threshold = session.params.threshold
        session.pass_half_of_reveal()
        if masks_missing(pattern):
            for i in places(pattern.lends):
                session.reveal_shares(self.members[i])
        if pattern.reveals.bit_count() >= threshold:
            for i in places(pattern.shares ^ pattern.uploads):
                session.rebuild(self.members[i])
        if pattern.lends.bit_count() >= threshold:
            for i in places(pattern.uploads ^ pattern.reveals):
                session.rebuild(self.members[i])
        if session.stage() == Stage.REVEAL:
            failed = session.pass_deadline().only("GroupFailed")
            assert failed.did_their_part == did_its_part(pattern, Stage.REVEAL), pattern

    def check_sum(self, session: RecoverDriver) -> None:
        event = session.disclose(0).only("Disclosed")
        assert (event.minus, event.plus) == session.expected_seeds(0)
        words = ref.from_bytes(session.unmask(0, 0).only("Aggregated").words)
        assert ref.unpack(words, session.params.lane_bits, PARAMETERS) == session.plain_sum(0)

    def check_money(self, session: RecoverDriver, pattern: Pattern, failed: Stage | None) -> None:
        session.to(Stage.PAYMENT)
        session.settle(0)
        size, delivered = len(self.members), 0 if failed else pattern.uploads
        share, burnt, rest = economy.rewards(session.params, delivered.bit_count(), delivered.bit_count())
        bonds = economy.bonds_back(session.params.bond_wei, size, did_its_part(pattern, failed))
        due = [bond + share * (delivered >> i & 1) for i, bond in enumerate(bonds)]
        assert [session.due(a) for a in self.members] == due, pattern
        assert (session.credit_of(session.owner), burnt) == (rest, 0)
        assert session.money().locked == 0


def check_all(members: int, threshold: int) -> None:
    every = set(patterns(members))
    assert len(every) == 5**members
    played = sorted({as_played(p, threshold) for p in every})
    expected = sum(failing_stage(p, threshold) is None for p in played)
    assert World(members, threshold).check(played) == expected > 0


@pytest.mark.parametrize(("members", "threshold"), SIZES)
def test_every_pattern(members: int, threshold: int) -> None:
    check_all(members, threshold)


@pytest.mark.parametrize(("members", "threshold"), [(n, t) for n in (5, 6) for t in range(2, n + 1)])
def test_sampled_patterns(members: int, threshold: int) -> None:
    some = sorted({as_played(p, threshold) for p in sampled(members, 40)})
    expected = sum(failing_stage(p, threshold) is None for p in some)
    assert World(members, threshold).check(some) == expected > 0


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [2, 3, 4, 5])
def test_every_pattern_of_five(threshold: int) -> None:
    check_all(5, threshold)


@pytest.mark.nightly
@pytest.mark.parametrize("threshold", [2, 3, 4, 5, 6])
def test_every_pattern_of_six(threshold: int) -> None:
    check_all(6, threshold)
