"""What the calls of a session cost: gas as receipts have it, measured, and said by a model (PROTOCOL.md section 9)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from omnilytics.types import Assignment, Rule, SessionParams

MARGIN = Fraction(5, 4)
"""Limits are so many times the usual call, the first of its kind."""

MAX_CALL_BYTES = 130_048
"""Of vectors, or commitments, in one call: 128 KiB, which nodes accept, less 1,024 bytes of envelope."""

BASE = 21_000
"""Gas of a transaction."""

FLOOR_WORD = 1_280
"""Gas of a word of calldata without a zero byte where the floor binds (EIP-7623); of a masked word 1,276 on average."""

NEW_SLOT = 17_100
"""Gas of writing a slot for the first time rather than again."""

WALK = 2_956
"""Gas of one step of the permutation (E14)."""

MANY = 1_025
"""Registered, just above a power of four: then walks are longest."""


class Gas(NamedTuple):
    """Gas of a call, as its receipt has it.

    Attributes:
        usual: of most calls.
        first: what the first call of its kind costs more: in the session, in the group, for the chunk.
        rare: what else an honest call may need on top.
    """

    usual: int
    first: int = 0
    rare: int = 0

    @property
    def limit(self) -> int:
        """A limit that honest calls stay below: a quarter above the first one, and all that is rare; whole hundreds."""
        return 100 * math.ceil((MARGIN * (self.usual + self.first) + self.rare) / 100)


@dataclass(frozen=True, slots=True)
class GasModel:
    """The gas of honest calls of one session, as their receipts have it.

    The coefficients are measured: 241 sessions on the embedded chain (Osaka, gas charged, each step done by whose turn
    it is), d from 7 to 90,715, N 3 to 16, R 2 to 64, all lane widths, both rules, with and without fees, records, draw,
    Merkle root. They are those of the lowest lines that are, `first` included, nowhere below a receipt (linear
    programming), rounded up; where calldata's floor binds it takes a line's place. Chance decides how far `commit`
    walks and how long Krum's `select` sorts: there the model is a little above the average.
    tests/gas/test_fee_model.py holds it against other sessions.

    Args:
        params: the session's parameters; its bond and limits don't matter.
        paid: whether the calls are metered and paid back.
        proof: hashes of a Merkle proof; 0: the owner lists accounts.
        registered: how many register; at least as many as have seats.
    """

    params: SessionParams
    paid: bool = True
    proof: int = 0
    registered: int = 0

    def register(self) -> Gas:
        """Joining. Rare: with a record, and with a cohort that nobody has named before."""
        proof = 18_600 + 810 * self.proof if self.proof else 0
        return Gas(self._metered(110_800 + self._recorded(10_300) + proof), rare=42_000 + NEW_SLOT)

    def commit(self) -> Gas:
        """Committing; the first of a group writes its slot. Rare: a second round, a long walk through a permutation."""
        if self.params.assignment is Assignment.GREEDY:
            return Gas(self._metered(77_000), NEW_SLOT, 12_000)
        seats = self.params.rounds * self.params.members
        drawn = (max(self.registered, seats), seats)
        steps = sum(_walk(n) for n in drawn)
        longest = max(_longest_walk(n) for n in drawn)
        return Gas(self._metered(81_300 + math.ceil(WALK * steps)), NEW_SLOT, 12_000 + WALK * longest)

    def upload(self, words: int, *, last: bool = True) -> Gas:
        """One chunk of so many words of one member; the first of a group writes the chunk's slot.

        `last`: it is the member's last one.
        """
        chunks = self.params.chunks
        execution = 82_550 + 920 * words + 750 * chunks + (3_700 if last else 0)
        return Gas(self._carrying(execution, words + chunks), NEW_SLOT, 4_000)

    def aggregate(self, words: int) -> Gas:
        """One chunk of so many words of each of the N members of a group."""
        groups, members = self.params.rounds, self.params.members
        execution = 202_400 + 250 * groups + 1_000 * members + (760 * members + 1_500) * words
        return Gas(self._carrying(execution, members * words))

    def gram(self, words: int) -> Gas:
        """One chunk of so many words of the aggregates of all R groups, and the products before it."""
        groups = self.params.rounds
        execution = 383_000 + 1_130 * groups**2 + (1_895 + 109 * groups) * groups * words
        return Gas(self._carrying(execution, groups * words + groups * (groups - 1) // 2))

    def select(self) -> Gas:
        """The rule on R groups. Rare: distances in an order that takes Krum long to sort."""
        groups = self.params.rounds
        if self.params.rule is not Rule.KRUM:
            votes = self._votes if self.params.rule is Rule.NORM_VOTE else 0
            return Gas(self._metered(148_900 + (3_950 + 135 * self.params.members) * groups + votes))
        cubic = 140 * groups**3 + 196 * self.params.krum_m * groups**2
        return Gas(self._metered(153_200 + 800 * groups + 1_600 * groups**2 + cubic), 0, 60 * groups**3)

    def vote(self) -> Gas:
        """Committing to a vote."""
        return Gas(self._metered(70_000))

    def open_vote(self) -> Gas:
        """Opening one that is against some group of each word; the first against a word's groups writes its slot."""
        return Gas(self._metered(69_100 + 5_300 * self._words_of_votes), NEW_SLOT * self._words_of_votes)

    def settle(self, *, recorded: bool = True) -> Gas:
        """One group's bonds and rewards, sent to its members, and their first records. Rare: a second round.

        `recorded`: its members get a record if the session keeps them; a group that `krum` has passed over gets none.
        `first` is what the session's first and last settlement cost more, together.
        """
        members = self.params.members
        records = self._recorded(8_650 + 25_150 * members) if recorded else 0
        return Gas(self._metered(83_000 + 23_050 * members + records), 39_900, 20_000 + 5_000 * members)

    def moves(self) -> tuple[int, ...]:
        """What the changes of stage of an honest session cost on top of the calls that cause them."""
        groups = self.params.rounds
        greedy = self.params.assignment is Assignment.GREEDY
        closing = (9_000 + 40 * groups,) if greedy else (2_700, self._metered(106_000))
        votes = (4_600, 4_600) if self.params.rule is Rule.NORM_VOTE else ()
        return (*closing, 8_600 + 160 * groups, 4_300 + 60 * groups, 2_300, *votes)

    def move(self) -> Gas:
        """One change of stage by itself, `draw` or `advance`. Rare: groups fail by it, up to all of them."""
        return Gas(self._metered(106_000), 0, 8_000 * self.params.rounds)

    def commit_limit(self) -> int:
        """The limit of calls that are paid as a commitment."""
        calls = [self.commit()]
        if self.params.rule is Rule.NORM_VOTE:
            calls += [self.vote(), self.open_vote()]
        return max(call.limit for call in calls)

    def sum_limits(self, size: int) -> tuple[int, int]:
        """The limits of a call that sums uploads, and of a word in it, for chunks of up to `size` words."""
        return line(self.aggregate(0), self.aggregate(size), self.params.members * size)

    def create_session(self) -> int:
        """A clone; all but the market's first one cost 17,100 less."""
        return 211_700

    def whitelist(self, accounts: int) -> int:
        """One call with so many accounts."""
        return 47_700 + 23_180 * accounts

    def set_whitelist_root(self) -> int:
        """A Merkle root and the capacity."""
        return 66_600

    def publish(self, words: int) -> int:
        """One call with so many words of W^p."""
        return max(BASE + 2_000 + FLOOR_WORD * words, 102_300 + 1_080 * words)

    def start(self) -> int:
        """Terms, reward and reserve."""
        return 228_800 if self.paid else 187_200

    def withdraw(self) -> int:
        """One account's credit: the owner's, and of who couldn't be paid by a settlement."""
        return 67_100

    @property
    def _votes(self) -> int:
        """What `select` takes for votes."""
        return 800 + 2_300 * self._words_of_votes + 470 * self.params.rounds

    @property
    def _words_of_votes(self) -> int:
        """Slots that count the votes, of 15 groups each."""
        return -(-self.params.rounds // 15)

    def _recorded(self, gas: int) -> int:
        return gas if self.params.record_constants else 0

    def _metered(self, gas: int) -> int:
        """Without fees a call saves what metering and crediting cost."""
        return gas if self.paid else gas - 13_500

    def _carrying(self, execution: int, words: int) -> int:
        """A call with so many words of calldata: what metering costs grows with them, and the floor may bind."""
        floor = BASE + 2_000 + FLOOR_WORD * words
        return max(floor, execution if self.paid else execution - 15_000 - 125 * words)


def _walk(n: int) -> float:
    """Steps of the permutation of [0, n) on average: it walks the cycles of one of [0, 4^h) (E14)."""
    size = 4
    while size < n:
        size *= 4
    return size / n


def _longest_walk(n: int) -> int:
    """Steps that one member in a hundred exceeds."""
    outside = 1 - 1 / _walk(n)
    return math.ceil(math.log(0.01) / math.log(outside)) if outside else 1


def line(empty: Gas, full: Gas, words: int) -> tuple[int, int]:
    """Limits of a call and of a word: the straight line through a call without words and one with a full chunk.

    Gas is a convex function of the words, of the floor and the execution whichever is more, so it is below the line.
    """
    return empty.limit, -(-(full.limit - empty.limit) // words)
