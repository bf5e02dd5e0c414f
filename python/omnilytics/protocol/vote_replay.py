"""The votes of a session with rule `norm+vote`, held against everything before them. `replay` drives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omnilytics import codec
from omnilytics.protocol.voting import Tally
from omnilytics.types import Rule

if TYPE_CHECKING:
    from omnilytics.protocol.replay import Replay


class VoteReplay:
    """Who has voted, and what for. What each has voted follows from its own step, which nobody else knows.

    Args:
        check: the session's state.
    """

    def __init__(self, check: Replay) -> None:
        self._check = check
        self._commitments: dict[tuple[int, int], bytes] = {}
        self._ballots: dict[tuple[int, int], int] = {}
        self._opening = self._over = False

    @property
    def tally(self) -> Tally | None:
        """What the votes come to; None: no votes are asked for."""
        if self._check.terms.rule is not Rule.NORM_VOTE:
            return None
        groups = self._check.with_sums
        electors = sum(self._check.delivered(group).bit_count() for group in groups)
        return Tally.of(groups, electors, self._ballots.values())

    def verdict(self, norms: Sequence[int], counts: Sequence[int]) -> list[bool]:
        """Which groups, in order of id, the rule accepts (E37), once voting is over."""
        self._check.expect("votes counted when all are opened", self._over, True)
        assert self.tally is not None
        return self._check.codec.select_norm_vote(norms, counts, list(self.tally.against.values()), self.tally.cast)

    def on_votecommitted(self, v: dict[str, Any]) -> None:
        seat = self._elector(v)
        self._check.expect("votes while voting is open", self._opening or self._over, False)
        self._check.expect("one vote a member", seat in self._commitments, False)
        self._commitments[seat] = v["commitment"]

    def on_votingclosed(self, v: dict[str, Any]) -> None:
        self._check.expect("voting closed once", self._opening or self._over, False)
        self._check.expect("number of votes", v["votes"], len(self._commitments))
        self._opening = True

    def on_voteopened(self, v: dict[str, Any]) -> None:
        check, seat = self._check, self._elector(v)
        check.expect("votes opened when voting is closed", self._opening and not self._over, True)
        check.expect("votes opened once", seat in self._ballots, False)
        scope = check.record.chain_id, check.record.address, v["member"]
        commitment = codec.vote_commitment(*scope, v["bits"], v["salt"])
        check.expect("votes equal to their commitment", commitment, self._commitments.get(seat))
        check.expect("votes on groups that have a sum", v["bits"] & ~sum(1 << group for group in check.with_sums), 0)
        check.taken["votes by steps that nobody else knows"] += 1
        self._ballots[seat] = v["bits"]

    def on_voteclosed(self, v: dict[str, Any]) -> None:
        self._check.expect("votes closed once, after voting", self._opening and not self._over, True)
        self._check.expect("number of opened votes", v["cast"], len(self._ballots))
        self._over = True

    def _elector(self, v: dict[str, Any]) -> tuple[int, int]:
        """The seat of who votes: a member of a group with a sum who has delivered."""
        check, group, place = self._check, v["group"], v["place"]
        check.expect("votes with a rule that asks for them", check.terms.rule, Rule.NORM_VOTE)
        check.expect("seats of those who vote", check.seats.seat_of(v["member"]), (group, place))
        check.expect("votes when all groups are aggregated", group in check.with_sums and check.summed, True)
        check.expect("votes of those who delivered", check.delivered(group) >> place & 1, 1)
        return group, place
