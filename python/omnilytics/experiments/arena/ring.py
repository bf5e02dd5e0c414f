"""The attackers of a run: what they learn session by session, and what each of them does with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from omnilytics.experiments.arena.attacks import Attack
from omnilytics.experiments.arena.knowledge import Knowledge
from omnilytics.protocol.company import Train
from omnilytics.protocol.events import Event, MemberChanged
from omnilytics.protocol.judging import Fits
from omnilytics.protocol.member import Behaviour, Masked, Upload
from omnilytics.protocol.session import Outcome
from omnilytics.protocol.venue import Venue
from omnilytics.seeds import Seeds
from omnilytics.types import Address, FloatVec, RecordConstants, SessionParams


class Ring:
    """Persistent attackers with one attack; they see everything.

    Args:
        attack: what they do.
        attackers: their indices among the members.
        rule: the name of what judges.
        seeds: the run's.
    """

    def __init__(self, attack: Attack, attackers: Collection[int], rule: str, seeds: Seeds) -> None:
        self.attack = attack
        self.attackers = frozenset(attackers)
        self._rule = rule
        self._seeds = seeds
        self._last: FloatVec | None = None
        self._known: Knowledge | None = None

    def begin(self, number: int, published: FloatVec, params: SessionParams) -> None:
        """A session is offered."""
        self._known = Knowledge(
            number=number,
            params=params,
            rule=self._rule,
            published=published,
            groups=(),
            attackers=self.attackers,
            steps={},
            last=np.zeros_like(published) if self._last is None else self._last,
            rng=self._seeds.numpy("attack", number),
            lasting=self._seeds.numpy("attack"),
        )

    def seated(self, groups: Sequence[Sequence[int]]) -> None:
        """Who sits where is known."""
        self._known = replace(self.known, groups=groups)

    def watching(self, train: Train) -> Train:
        """`train`, overheard."""

        def overheard(indices: Sequence[int], published: FloatVec) -> Sequence[FloatVec]:
            trained = train(indices, published)
            steps = {i: weights - published for i, weights in zip(indices, trained, strict=True)}
            self._known = replace(self.known, steps={**self.known.steps, **steps})
            return trained

        return overheard

    def words(self, member: int) -> bytes:
        """What an attacker uploads, unmasked."""
        return self.attack.words(self.known, member)

    def against(self, member: int) -> Collection[int]:
        """The groups that an attacker votes against."""
        return self.attack.against(self.known, member)

    def end(self, outcome: Outcome) -> None:
        """A session is over."""
        self._known = None
        if outcome.update is not None:
            self._last = outcome.update

    @property
    def known(self) -> Knowledge:
        """What they know of the session that is under way."""
        assert self._known is not None, "a session has begun"
        return self._known


class Attacked:
    """A venue on a chain with a ring among its members: it hands them what they know. A `Venue`.

    Args:
        venue: it; its attackers behave as `behaviours` says, and `Seats` hears what happens.
        ring: the attackers.
    """

    def __init__(self, venue: Venue, ring: Ring) -> None:
        self._venue = venue
        self._ring = ring

    @property
    def members(self) -> Sequence[Address]:
        return self._venue.members

    def clear(self, records: RecordConstants) -> int:
        return self._venue.clear(records)

    def hold(self, number: int, published: FloatVec, params: SessionParams, train: Train, fits: Fits | None) -> Outcome:
        self._ring.begin(number, published, params)
        outcome = self._venue.hold(number, published, params, self._ring.watching(train), fits)
        self._ring.end(outcome)
        return outcome


class Seats:
    """Tells a ring who sits where, from the event stream: a `Sink`.

    Args:
        ring: whom.
        members: all accounts, by index.
    """

    def __init__(self, ring: Ring, members: Sequence[Address]) -> None:
        self._ring = ring
        self._index: Mapping[str, int] = {account: index for index, account in enumerate(members)}

    def __call__(self, event: Event) -> None:
        if isinstance(event, MemberChanged) and event.status == "seated":
            groups = [list(group) for group in self._ring.known.groups]
            groups += [[] for _ in range(event.group + 1 - len(groups))]
            groups[event.group].append(self._index[event.member])
            self._ring.seated(groups)


class Accomplice(Behaviour):
    """One attacker of a ring, on a chain.

    Args:
        ring: its.
        member: its index.
    """

    def __init__(self, ring: Ring, member: int) -> None:
        self._ring = ring
        self._member = member

    def masked_input(self, upload: Upload) -> Masked:
        return upload.mask(self._ring.words(self._member))

    def vote(self, ballot: object) -> Collection[int]:
        """Against the groups that the attack says, whatever the sums are."""
        return self._ring.against(self._member)


class Lone(Behaviour):
    """An attacker on a chain that knows nothing but its own step, and votes as honest members do.

    Args:
        attack: what it does; one that needs to know others' steps takes it for alone.
        rng: where its randomness comes from.
    """

    def __init__(self, attack: Attack, rng: np.random.Generator) -> None:
        self._attack = attack
        self._rng = rng

    def masked_input(self, upload: Upload) -> Masked:
        known = Knowledge(
            number=0,
            params=upload.codec.params,
            rule="",
            published=upload.published,
            groups=((0,),),
            attackers=frozenset({0}),
            steps={0: upload.weights - upload.published},
            last=np.zeros_like(upload.published),
            rng=self._rng,
            lasting=self._rng,
        )
        return upload.mask(self._attack.words(known, 0))


def behaviours(ring: Ring) -> dict[int, Behaviour]:
    """The attackers as members that don't do as the protocol says, by index."""
    return {member: Accomplice(ring, member) for member in ring.attackers}
