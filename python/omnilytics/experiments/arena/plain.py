"""Sessions without a chain: the same seats, encoding, sums, rule, records and pay as the contract's, a lot faster.

Nobody masks, sends, or drops out, gas and fees are none; everything else a run has in common with `OnChain`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from omnilytics.codec import Codec
from omnilytics.experiments.arena.ring import Ring
from omnilytics.experiments.arena.rules import GroupRule, Judged
from omnilytics.protocol.company import Train
from omnilytics.protocol.judging import Fits
from omnilytics.protocol.owner import taken_in
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.protocol.seating import Registration, Seating, first_seats
from omnilytics.protocol.session import Outcome
from omnilytics.seeds import Seeds
from omnilytics.types import Address, FloatVec, RecordConstants, Rule, SessionParams

OwnerSteps = Callable[[int], Sequence[FloatVec]]
"""By session: the steps of the model owner's pretend members, shape (d,) each."""


@dataclass(kw_only=True)
class Plain:
    """A model owner and its data owners without a chain: a `Venue`.

    Attributes:
        members: their names.
        seeds: of rounding, draws, votes.
        rule: what judges.
        owner_steps: for rules that ask for them.
        ring: the attackers; None: there are none.
        draw_seed: by session, what the draw is made from, 32 bytes; None: it comes from the seeds.
        suspicion: what is remembered of members.
    """

    members: Sequence[Address]
    seeds: Seeds
    rule: GroupRule
    owner_steps: OwnerSteps
    ring: Ring | None = None
    draw_seed: Callable[[int], bytes] | None = None
    suspicion: dict[Address, int] = field(default_factory=dict)

    def clear(self, records: RecordConstants) -> int:
        return sum(records.decayed(self.suspicion.get(account)) < records.threshold for account in self.members)

    def hold(self, number: int, published: FloatVec, params: SessionParams, train: Train, fits: Fits | None) -> Outcome:
        if self.ring is not None:
            self.ring.begin(number, published, params)
            train = self.ring.watching(train)
        seats = self._seats(number, params)
        index = {account: i for i, account in enumerate(self.members)}
        groups = [[index[account] for account in group] for group in seats.groups]
        codec = Codec(params)
        words = self._words(number, codec, groups, published, train)
        aggregates = [codec.sum([words[m] for m in group]) for group in groups]
        bad: frozenset[int] = frozenset() if self.ring is None else self.ring.attackers
        judged = Judged(
            codec=codec,
            groups=groups,
            aggregates=aggregates,
            words={m: w for m, w in words.items() if m not in bad},
            against={m: self.ring.against(m) for m in words if m in bad} if self.ring else {},
            owner_steps=lambda: self.owner_steps(number),
            rng=self.seeds.numpy("rule", number),
        )
        verdict = self.rule.accept(judged) or [False] * len(groups)
        accepted = tuple(g for g, good in enumerate(verdict) if good)
        outcome = _outcome(params, seats, accepted, codec, aggregates, fits)
        self._remember(params, outcome)
        if self.ring is not None:
            self.ring.end(outcome)
        return outcome

    def _seats(self, number: int, params: SessionParams) -> Seating:
        """Everybody registers (E26), and the draw (E21-E23)."""
        records = params.records
        if records is not None:
            self.suspicion.update({a: records.decayed(s) for a, s in self.suspicion.items()})
        fresh = records.newcomer if records else 0
        registered = [Registration(account, self.suspicion.get(account, fresh)) for account in self.members]
        seed = self.draw_seed(number) if self.draw_seed else self.seeds.bytes("draw", number)
        return first_seats(params, registered, seed)

    def _words(
        self, number: int, codec: Codec, groups: Sequence[Sequence[int]], published: FloatVec, train: Train
    ) -> dict[int, bytes]:
        """What each of the seated uploads, without its mask."""
        seated = sorted(member for group in groups for member in group)
        if self.ring is not None:
            self.ring.seated(groups)
        words: dict[int, bytes] = {}
        for member, weights in zip(seated, train(seated, published), strict=True):
            if self.ring is not None and member in self.ring.attackers:
                words[member] = self.ring.words(member)
            else:
                seed = SeededRandomness(self.seeds, member, number).rounding_seed()
                words[member] = codec.encode_plain(weights, published, seed).words
        return words

    def _remember(self, params: SessionParams, outcome: Outcome) -> None:
        """E27: a rejection by `krum`, or where nothing was accepted, is nobody's fault."""
        records = params.records
        if records is None or outcome.unselected:
            return
        for group, accounts in enumerate(outcome.groups):
            blamed = group in outcome.rejected
            if blamed and params.rule is Rule.KRUM:
                continue
            for account in accounts:
                self.suspicion[account] = records.after(self.suspicion.get(account), blamed)


def _outcome(
    params: SessionParams,
    seats: Seating,
    accepted: tuple[int, ...],
    codec: Codec,
    aggregates: Sequence[bytes],
    fits: Fits | None,
) -> Outcome:
    """What was decided, and who is paid for it (E30)."""
    groups = range(len(seats.groups))
    counts = tuple(len(group) for group in seats.groups)
    paid = accepted or tuple(groups)
    delivered, rewarded = sum(counts), sum(counts[g] for g in paid)
    seat = params.reward_wei // (params.rounds * params.members)
    share = seat * delivered // rewarded if params.rule is Rule.KRUM else seat
    burnt = 0 if params.rule is Rule.KRUM else seat * (delivered - rewarded)
    bonds = params.bond_wei * (delivered + len(seats.unseated))
    sums = dict(enumerate(aggregates))
    return Outcome(
        accepted=accepted,
        rejected=tuple(g for g in groups if g not in accepted),
        failed=(),
        unselected=not accepted,
        groups=seats.groups,
        counts=counts,
        dropped={},
        update=taken_in(codec, sums, dict(enumerate(counts)), accepted, fits) if accepted else None,
        deposited_wei=params.reward_wei,
        reserve_wei=0,
        bonds_wei=bonds,
        paid_wei=share * rewarded,
        fees_wei=0,
        refunded_wei=bonds + params.reward_wei - share * rewarded - burnt,
        burnt_wei=burnt,
        left_wei=0,
    )
