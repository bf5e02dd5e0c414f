"""What attackers know, all of them together: everything that anybody does in a session, before they upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from omnilytics.codec import Codec
from omnilytics.errors import InputError
from omnilytics.types import FloatVec, SessionParams

Rows = NDArray[np.float32]
"""Vectors of one length, shape (n, d)."""


@dataclass(kw_only=True, repr=False)
class Knowledge:
    """One session as an omniscient adversary sees it. Members go by their index.

    Attributes:
        number: 1, 2, ... within the run.
        params: the session's.
        rule: the name of what judges.
        published: W^p, shape (d,).
        groups: who sits in each, by place.
        attackers: all there are, seated or not.
        steps: what each of the seated would upload as an honest member, before encoding, shape (d,) each; an attacker's
            comes from its own samples, poisoned or not.
        last: the mean update of the session before, shape (d,); zero in the first.
        rng: for this session.
        lasting: for the whole run: begins anew in each session.
    """

    number: int
    params: SessionParams
    rule: str
    published: FloatVec
    groups: Sequence[Sequence[int]]
    attackers: frozenset[int]
    steps: Mapping[int, FloatVec]
    last: FloatVec
    rng: np.random.Generator
    lasting: np.random.Generator
    _kept: dict[str, FloatVec] = field(default_factory=dict)

    @cached_property
    def codec(self) -> Codec:
        """The session's encoding."""
        return Codec(self.params)

    def group_of(self, member: int) -> Sequence[int]:
        """Who sits with a member.

        Raises:
            InputError: it has no seat.
        """
        for group in reversed(self.groups):
            if member in group:
                return group
        raise InputError(f"member {member}: expected one with a seat, got none")

    def is_dirty(self, group: Sequence[int]) -> bool:
        """Whether an attacker sits there."""
        return not self.attackers.isdisjoint(group)

    @cached_property
    def honest(self) -> Rows:
        """The mean step of each group without attackers, (groups, d); with fewer than 2 of them each honest step."""
        clean = [group for group in self.groups if not self.is_dirty(group) and self.steps.keys() >= set(group)]
        if len(clean) > 1:
            return np.stack([np.mean([self.steps[m] for m in group], axis=0) for group in clean]).astype(np.float32)
        return np.stack([step for member, step in self.steps.items() if member not in self.attackers])

    def encode(self, member: int, step: FloatVec) -> bytes:
        """A step of shape (d,) as unmasked words: clipped and rounded, but not shrunk as rule `norm` asks (E4)."""
        weights = (self.published + step).astype(np.float32)
        return self.codec.encode_plain(weights, self.published, self.rng.bytes(32), shrink=False).words

    def once(self, name: str, make: FloatVec) -> FloatVec:
        """The first vector of that name: the same for all attackers of the session."""
        return self._kept.setdefault(name, make)

    def steering(self, member: int, target: FloatVec) -> FloatVec:
        """What this attacker must send so that its group's mean becomes `target`, shape (d,), but for clipping.

        The attackers of a group share the work evenly.
        """
        group = self.group_of(member)
        honest = [self.steps[m] for m in group if m not in self.attackers]
        rest = np.sum(honest, axis=0) if honest else np.zeros_like(target)
        return np.asarray((len(group) * target - rest) / (len(group) - len(honest)), dtype=np.float32)
