"""What a session costs: the gas of every call, the fee table that follows from it, a quote before anything is sent.

PROTOCOL.md section 9. How the numbers were measured is said at `GasModel`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from omnilytics.errors import InputError
from omnilytics.types import MOST_MOVES, Assignment, FeeTable, KrumPicks, Rule, SessionParams, divided_wei, reserve_wei

MARGIN = Fraction(5, 4)
"""Limits are so many times the usual call, the first of its kind."""

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

PUBLISH_WORDS = 720
"""Words of W^p in one call."""

PUBLISHED_LANES = 8
"""Parameters in a word of W^p."""

LISTED = 256
"""Accounts in one call of `whitelist`."""


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
        return Gas(self._metered(110_400 + self._recorded(10_300) + proof), rare=38_000 + NEW_SLOT)

    def commit(self) -> Gas:
        """Committing; the first of a group writes its slot. Rare: a second round, a long walk through a permutation."""
        if self.params.assignment is Assignment.GREEDY:
            return Gas(self._metered(76_100), NEW_SLOT, 12_000)
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
        execution = 81_700 + 920 * words + 750 * chunks + (3_700 if last else 0)
        return Gas(self._carrying(execution, words + chunks), NEW_SLOT, 4_000)

    def aggregate(self, words: int) -> Gas:
        """One chunk of so many words of each of the N members of a group."""
        groups, members = self.params.rounds, self.params.members
        execution = 196_000 + 250 * groups + 835 * members + (760 * members + 1_500) * words
        return Gas(self._carrying(execution, members * words))

    def gram(self, words: int) -> Gas:
        """One chunk of so many words of the aggregates of all R groups, and the products before it."""
        groups = self.params.rounds
        execution = 383_000 + 1_130 * groups**2 + (1_895 + 109 * groups) * groups * words
        return Gas(self._carrying(execution, groups * words + groups * (groups - 1) // 2))

    def select(self) -> Gas:
        """The rule on R groups. Rare: distances in an order that takes Krum long to sort."""
        groups = self.params.rounds
        if self.params.rule is Rule.NORM:
            return Gas(self._metered(145_000 + 3_050 * groups))
        cubic = 140 * groups**3 + 196 * self.params.krum_m * groups**2
        return Gas(self._metered(150_300 + 1_600 * groups**2 + cubic), 0, 60 * groups**3)

    def settle(self, *, recorded: bool = True) -> Gas:
        """One group's bonds and rewards, and its members' first records. Rare: a second round.

        `recorded`: its members get a record if the session keeps them; a group that `krum` has passed over gets none.
        `first` is what the session's first and last settlement cost more, together.
        """
        members = self.params.members
        records = self._recorded(10_000 + 25_000 * members) if recorded else 0
        return Gas(self._metered(82_900 + 6_800 * members + records), 44_800, 20_000 + 5_000 * members)

    def moves(self) -> tuple[int, ...]:
        """What the changes of stage of an honest session cost on top of the calls that cause them."""
        groups = self.params.rounds
        greedy = self.params.assignment is Assignment.GREEDY
        closing = (9_000 + 40 * groups,) if greedy else (2_700, self._metered(94_100))
        return (*closing, 8_600 + 160 * groups, 4_300 + 60 * groups, 2_000)

    def move(self) -> Gas:
        """One change of stage by itself, `draw` or `advance`. Rare: groups fail by it, up to all of them."""
        return Gas(self._metered(94_100), 0, 8_000 * self.params.rounds)

    def create_session(self) -> int:
        """A clone; all but the market's first one cost 17,100 less."""
        return 205_200

    def whitelist(self, accounts: int) -> int:
        """One call with so many accounts."""
        return 41_100 + 23_180 * accounts

    def set_whitelist_root(self) -> int:
        """A Merkle root and the capacity."""
        return 60_300

    def publish(self, words: int) -> int:
        """One call with so many words of W^p."""
        return max(BASE + 2_000 + FLOOR_WORD * words, 97_000 + 1_080 * words)

    def start(self) -> int:
        """Terms, reward and reserve."""
        return 219_700 if self.paid else 177_600

    def withdraw(self) -> int:
        """One account's credit."""
        return 67_100

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


def default_table(params: SessionParams) -> FeeTable:
    """Limits for a session of that shape, with room for what is rare: cohorts, a second round, groups that fail.

    A proof of 20 hashes has room in the quarter that limits have above the model.

    Args:
        params: the session's parameters; fee cap, fee table and bond don't matter.

    Raises:
        InputError: a call that the table has no room for: more than 6,553,500 gas, or 65,535 a word.
    """
    model = GasModel(params, registered=MANY)
    size = min(params.words, params.chunk_words)
    upload, upload_word = _line(model.upload(0), model.upload(size), size)
    aggregate, aggregate_word = _line(model.aggregate(0), model.aggregate(size), params.members * size)
    gram, gram_word = _line(model.gram(0), model.gram(size), params.rounds * size)
    krum = params.rule is Rule.KRUM
    return FeeTable(
        register=model.register().limit,
        commit=model.commit().limit,
        select=model.select().limit,
        settle=model.settle().limit,
        move=model.move().limit,
        upload=upload,
        upload_word=upload_word,
        aggregate=aggregate,
        aggregate_word=aggregate_word,
        gram=gram if krum else 0,
        gram_word=gram_word if krum else 0,
    )


def _line(empty: Gas, full: Gas, words: int) -> tuple[int, int]:
    """Limits of a call and of a word: the straight line through a call without words and one with a full chunk.

    Gas is a convex function of the words, of the floor and the execution whichever is more, so it is below the line.
    """
    return empty.limit, -(-(full.limit - empty.limit) // words)


@dataclass(frozen=True, slots=True)
class Step:
    """All calls of one contract function in an honest session.

    Attributes:
        call: the function.
        calls: how many.
        gas: of all of them, as their receipts will have it.
        limit_gas: the most that the reserve pays for it in any run of the session; 0: it isn't paid back.
    """

    call: str
    calls: int
    gas: int
    limit_gas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a session costs whom, before anything is sent. Amounts are in wei.

    Expected means: as many register as expected, nobody has a record, everybody does what it should, `norm` accepts
    every group and `krum` as many as it picks, and whoever does a step that anybody may do is paid for it. At worst
    every call takes its limit at the fee cap, and every group is drawn twice: then all of the reserve is spent, and
    all of the reward.

    Attributes:
        params: of the session.
        capacity: how many may register.
        registered: how many are expected to.
        groups: as many as those fill, R at most.
        gas_price_wei: what senders pay for a gas: the base fee. Tips are their own.
        steps: calls that are paid back out of the reserve, in order; `move` is what changes of stage add to them.
        owner_steps: the owner's own calls, which aren't.
        member_steps: one member's own calls; the last, `withdraw`, isn't paid back.
    """

    params: SessionParams
    capacity: int
    registered: int
    groups: int
    gas_price_wei: int
    steps: tuple[Step, ...]
    owner_steps: tuple[Step, ...]
    member_steps: tuple[Step, ...]

    @property
    def reward_wei(self) -> int:
        """The price of R N seats."""
        return self.params.reward_wei

    @property
    def returned_reward_wei(self) -> int:
        """What of the reward is expected back: the price of groups that aren't seated, and what doesn't divide."""
        share, burnt = divided_wei(self.params, self.groups, self._paid_groups)
        return self.reward_wei - self._paid_groups * self.params.members * share - burnt

    @property
    def _paid_groups(self) -> int:
        return _accepted(self.params, self.groups) or self.groups

    @property
    def reserve_wei(self) -> int:
        """What fees are paid from (E18)."""
        return reserve_wei(self.params, self.capacity)

    @property
    def deposit_wei(self) -> int:
        """What the owner sends with `start`."""
        return self.reward_wei + self.reserve_wei

    @property
    def paid_price_wei(self) -> int:
        """What is paid back for a gas at this gas price."""
        return min(self.gas_price_wei, self.params.fee_cap_wei)

    @property
    def fees_wei(self) -> int:
        """What the reserve is expected to pay, rather less: calls are metered 1 to 5 % below their receipts."""
        return self.paid_price_wei * _gas(self.steps)

    @property
    def worst_fees_wei(self) -> int:
        """The most that the reserve can have to pay."""
        return self.params.fee_cap_wei * sum(step.limit_gas for step in self.steps)

    @property
    def returned_wei(self) -> int:
        """What of the reserve is expected back."""
        return self.reserve_wei - self.fees_wei

    @property
    def worst_returned_wei(self) -> int:
        """What of the reserve comes back in any case."""
        return self.reserve_wei - self.worst_fees_wei

    @property
    def owner_gas_wei(self) -> int:
        """What the owner's own calls cost it."""
        return self.gas_price_wei * _gas(self.owner_steps)

    @property
    def member_gas_wei(self) -> int:
        """What a member's own calls cost it, before anything is paid back."""
        return self.gas_price_wei * _gas(self.member_steps)

    @property
    def member_fees_wei(self) -> int:
        """What of that it gets back, rather less, as `fees_wei`."""
        return self.paid_price_wei * _gas(self.member_steps[:-1])

    @property
    def member_reward_wei(self) -> int:
        """The share of a member of an accepted group; where the rule is undefined on so few groups, of any member."""
        return divided_wei(self.params, self.groups, self._paid_groups)[0]


def quote(
    params: SessionParams,
    capacity: int,
    gas_price_wei: int,
    *,
    registered: int | None = None,
    leaves: int | None = None,
) -> Quote:
    """Says what a session of that shape will cost.

    Args:
        params: the argument of `start`, fees and all (`Terms.params`).
        capacity: how many may register, 1 or more.
        gas_price_wei: the base fee that senders pay for a gas, 0 or more.
        registered: how many will, 0 to the capacity; None: as many.
        leaves: accounts under the Merkle root, 1 or more; None: the owner lists as many as the capacity.

    Raises:
        InputError: a number out of its range.
    """
    came = capacity if registered is None else registered
    for name, value, least in (
        ("capacity", capacity, 1),
        ("gas_price_wei", gas_price_wei, 0),
        ("leaves", 1 if leaves is None else leaves, 1),
    ):
        if value < least:
            raise InputError(f"{name}: expected at least {least}, got {value}")
    if not 0 <= came <= capacity:
        raise InputError(f"registered: expected 0 to the capacity of {capacity}, got {came}")
    groups = min(params.rounds, came // params.members)
    if groups < params.min_rounds:
        groups = 0
    shape = replace(params, rounds=groups) if groups else params
    proof = 0 if leaves is None else (leaves - 1).bit_length()
    model = GasModel(shape, bool(params.fee_cap_wei), proof, came)
    return Quote(
        params=params,
        capacity=capacity,
        registered=came,
        groups=groups,
        gas_price_wei=gas_price_wei,
        steps=_paid_steps(model, came, groups, _limits(params, capacity)),
        owner_steps=_owner_steps(model, capacity, listed=leaves is None),
        member_steps=_member_steps(model),
    )


def _chunk_sizes(params: SessionParams) -> list[int]:
    """Words of each chunk of a vector."""
    return [min(params.chunk_words, params.words - first) for first in range(0, params.words, params.chunk_words)]


def _paid_steps(model: GasModel, registered: int, groups: int, limits: Mapping[str, int]) -> tuple[Step, ...]:
    """What the reserve pays; `limits` are the terms of E18."""
    params, seats, sizes = model.params, groups * model.params.members, _chunk_sizes(model.params)
    krum = params.rule is Rule.KRUM and groups > 0
    moves = model.moves() if groups else ()
    accepted, passed = _accepted(params, groups), model.settle(recorded=False)
    steps = [
        Step("register", registered, registered * model.register().usual),
        Step("commit", seats, _all(model.commit(), seats, groups)),
        Step("upload", seats * len(sizes), sum(_all(chunk, seats, groups) for chunk in _uploads(model))),
        Step("aggregate", groups * len(sizes), groups * sum(model.aggregate(size).usual for size in sizes)),
        Step("gram", len(sizes) if krum else 0, sum(model.gram(size).usual for size in sizes) if krum else 0),
        Step("select", min(groups, 1), model.select().usual if groups else 0),
        Step("settle", groups, _all(model.settle(), accepted, min(groups, 1)) + (groups - accepted) * passed.usual),
        Step("move", len(moves), sum(moves)),
    ]
    return tuple(Step(s.call, s.calls, s.gas, limits[s.call]) for s in steps if s.call in limits)


def _accepted(params: SessionParams, groups: int) -> int:
    """Groups that the rule accepts if all members are honest; 0: it is undefined on so few."""
    if params.rule is Rule.NORM:
        return groups
    mu = Fraction(params.krum_mu_bps, 10_000)
    if params.krum_m_rule is KrumPicks.STRICT:
        return params.krum_m if params.krum_m < (1 - 2 * mu) * groups - 2 else 0
    return max(0, min(params.krum_m, groups - math.ceil(mu * groups) - 2))


def _all(gas: Gas, calls: int, firsts: int) -> int:
    return calls * gas.usual + firsts * gas.first


def _uploads(model: GasModel) -> list[Gas]:
    """Each chunk of one member."""
    *sizes, last = _chunk_sizes(model.params)
    return [*(model.upload(size, last=False) for size in sizes), model.upload(last)]


def _limits(params: SessionParams, capacity: int) -> dict[str, int]:
    """The terms of E18, in gas; zeros without fees."""
    fees, seats, words, chunks = params.fees, params.rounds * params.members, params.words, params.chunks
    calls = ["register", "commit", "upload", "aggregate", "gram", "select", "settle", "move"]
    if params.rule is Rule.NORM:
        calls.remove("gram")
    if fees is None:
        return dict.fromkeys(calls, 0)
    limits = {
        "register": capacity * fees.register,
        "commit": 2 * seats * fees.commit,
        "upload": seats * fees.an_upload(words, chunks),
        "aggregate": params.rounds * fees.an_aggregation(words, chunks, params.members),
        "gram": fees.the_products(words, chunks, params.rounds),
        "select": fees.select,
        "settle": 2 * params.rounds * fees.settle,
        "move": MOST_MOVES * fees.move,
    }
    return {call: limits[call] for call in calls}


def _owner_steps(model: GasModel, capacity: int, *, listed: bool) -> tuple[Step, ...]:
    words = -(-model.params.parameter_count // PUBLISHED_LANES)
    calls = [min(LISTED, capacity - first) for first in range(0, capacity, LISTED)]
    chunks = [min(PUBLISH_WORDS, words - first) for first in range(0, words, PUBLISH_WORDS)]
    return (
        Step("create_session", 1, model.create_session()),
        Step("whitelist", len(calls), sum(map(model.whitelist, calls)))
        if listed
        else Step("set_whitelist_root", 1, model.set_whitelist_root()),
        Step("publish", len(chunks), sum(map(model.publish, chunks))),
        Step("start", 1, model.start()),
        Step("withdraw", 1, model.withdraw()),
    )


def _member_steps(model: GasModel) -> tuple[Step, ...]:
    uploads = _uploads(model)
    return (
        Step("register", 1, model.register().usual),
        Step("commit", 1, model.commit().usual),
        Step("upload", len(uploads), sum(chunk.usual for chunk in uploads)),
        Step("withdraw", 1, model.withdraw()),
    )


def _gas(steps: Iterable[Step]) -> int:
    return sum(step.gas for step in steps)
