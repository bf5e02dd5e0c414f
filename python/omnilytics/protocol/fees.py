"""What a session costs: the fee table that follows from the gas of its calls, a quote before anything is sent.

PROTOCOL.md section 9. How the numbers were measured is said at `GasModel`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from omnilytics.blobs.blob import BLOB_GAS_A_GAS, GAS_PER_BLOB
from omnilytics.errors import InputError
from omnilytics.protocol.blob_gas import BlobGas
from omnilytics.protocol.gas import MANY, Gas, GasModel, line
from omnilytics.protocol.recovery_gas import CorrectionGas, RecoveryGas, gas_model
from omnilytics.types import (
    DropoutPolicy,
    FeeTable,
    KrumPicks,
    Mode,
    Rule,
    SessionParams,
    divided_wei,
    most_moves,
    reserve_wei,
)

PUBLISH_WORDS = 720
"""Words of W^p in one call."""

PUBLISHED_LANES = 8
"""Parameters in a word of W^p."""

LISTED = 256
"""Accounts in one call of `whitelist`."""


def default_table(params: SessionParams) -> FeeTable:
    """Limits for a session of that shape, with room for what is rare: cohorts, a second round, groups that fail.

    A proof of 20 hashes has room in the quarter that limits have above the model. In blobs, words are commitments, and
    the entry of `gram` is that of a proof, all calls together; `select` has none.

    Args:
        params: the session's parameters; fee cap, fee table and bond don't matter.

    Raises:
        InputError: a call that the table has no room for: more than 6,553,500 gas, or 65,535 a word.
    """
    model = gas_model(params, registered=MANY)
    blobs = isinstance(model, BlobGas)
    size = params.words if blobs else min(params.words, params.chunk_words)
    gram, gram_word = 0, 0
    if isinstance(model, BlobGas):
        upload, upload_word = model.post_limits()
        gram, gram_word = model.proof_limits()
    else:
        upload, upload_word = line(model.upload(0), model.upload(size), size)
        if params.rule is Rule.KRUM:
            gram, gram_word = line(model.gram(0), model.gram(size), params.rounds * size)
    aggregate, aggregate_word = model.sum_limits(size)
    return FeeTable(
        register=model.register().limit,
        commit=model.commit_limit(),
        select=0 if blobs else model.select().limit,
        settle=model.settle().limit,
        move=model.move().limit,
        upload=upload,
        upload_word=upload_word,
        aggregate=aggregate,
        aggregate_word=aggregate_word,
        gram=gram,
        gram_word=gram_word,
    )


@dataclass(frozen=True, slots=True)
class Step:
    """All calls of one contract function in an honest session.

    Attributes:
        call: the function.
        calls: how many.
        gas: of all of them, as their receipts will have it.
        limit_gas: the most that the reserve pays for it in any run of the session; 0: it isn't paid back, or
            with another step.
    """

    call: str
    calls: int
    gas: int
    limit_gas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a session costs whom, before anything is sent. Amounts are in wei.

    Expected means: as many register as expected, nobody has a record, everybody does what it should and votes, `norm`
    and `norm+vote` accept every group and `krum` as many as it picks, and whoever does a step that anybody may do is
    paid for it. At worst every call takes its limit at the fee cap, and every group is drawn twice: then all of the
    reserve is spent, and all of the reward.

    Attributes:
        params: of the session.
        capacity: how many may register.
        registered: how many are expected to.
        groups: as many as those fill, R at most.
        gas_price_wei: what senders pay for a gas: the base fee. Tips are their own.
        steps: calls that are paid back out of the reserve, in order; `move` is what changes of stage add to them.
        owner_steps: the owner's own calls, which aren't.
        member_steps: one member's own calls; all of them are paid back. What it is due is sent to it by a settlement.
        blob_gas_price_wei: what is paid for a blob gas, of which a blob has 131,072; it isn't paid back.
    """

    params: SessionParams
    capacity: int
    registered: int
    groups: int
    gas_price_wei: int
    steps: tuple[Step, ...]
    owner_steps: tuple[Step, ...]
    member_steps: tuple[Step, ...]
    blob_gas_price_wei: int = 0

    @property
    def reward_wei(self) -> int:
        """The price of R N seats."""
        return self.params.reward_wei

    @property
    def returned_reward_wei(self) -> int:
        """What of the reward is expected back: the price of groups that aren't seated, and what doesn't divide."""
        delivered, paid = (self.params.members * groups for groups in (self.groups, self._paid_groups))
        share, burnt = divided_wei(self.params, delivered, paid)
        return self.reward_wei - paid * share - burnt

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
        """What the reserve is expected to pay, rather less: calls are metered 1 to 10 % below their receipts."""
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
        return self.paid_price_wei * _gas(self.member_steps)

    @property
    def member_blobs(self) -> int:
        """Blobs that a member posts; 0 in calldata."""
        return self.params.chunks if self.params.mode is Mode.BLOB else 0

    @property
    def blobs(self) -> int:
        """Blobs that all members post who have a seat, with `recover` corrections too."""
        return self.groups * (self.params.members + self.params.has_corrections) * self.member_blobs

    @property
    def member_blob_gas(self) -> int:
        """Of its blobs."""
        return GAS_PER_BLOB * self.member_blobs

    @property
    def member_blobs_wei(self) -> int:
        """What a member pays for its blobs, beside gas."""
        return self.blobs_wei(self.blob_gas_price_wei)

    def blobs_wei(self, price_wei: int) -> int:
        """The same at a price of a blob gas."""
        return self.member_blob_gas * price_wei

    @property
    def member_reward_wei(self) -> int:
        """The share of a member of an accepted group; where the rule is undefined on so few groups, of any member."""
        return divided_wei(self.params, self.params.members * self.groups, self.params.members * self._paid_groups)[0]


def quote(
    params: SessionParams,
    capacity: int,
    gas_price_wei: int,
    *,
    registered: int | None = None,
    leaves: int | None = None,
    blob_gas_price_wei: int | None = None,
) -> Quote:
    """Says what a session of that shape will cost.

    Args:
        params: the argument of `start`, fees and all (`Terms.params`).
        capacity: how many may register, 1 or more.
        gas_price_wei: the base fee that senders pay for a gas, 0 or more.
        registered: how many will, 0 to the capacity; None: as many.
        leaves: accounts under the Merkle root, 1 or more; None: the owner lists as many as the capacity.
        blob_gas_price_wei: what is paid for a blob gas; None: a sixteenth of the base fee, below which it never is.

    Raises:
        InputError: a number out of its range.
    """
    came = capacity if registered is None else registered
    for name, value, least in (
        ("capacity", capacity, 1),
        ("gas_price_wei", gas_price_wei, 0),
        ("leaves", 1 if leaves is None else leaves, 1),
        ("blob_gas_price_wei", blob_gas_price_wei or 0, 0),
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
    model = gas_model(shape, bool(params.fee_cap_wei), proof, came)
    return Quote(
        params=params,
        capacity=capacity,
        registered=came,
        groups=groups,
        gas_price_wei=gas_price_wei,
        steps=_paid_steps(model, came, groups, _limits(params, capacity)),
        owner_steps=_owner_steps(model, capacity, listed=leaves is None),
        member_steps=_member_steps(model),
        blob_gas_price_wei=-(-gas_price_wei // BLOB_GAS_A_GAS) if blob_gas_price_wei is None else blob_gas_price_wei,
    )


def _chunk_sizes(params: SessionParams) -> list[int]:
    """Words of each chunk of a vector in calldata."""
    if params.mode is Mode.BLOB:
        return []
    return [min(params.chunk_words, params.words - first) for first in range(0, params.words, params.chunk_words)]


def _paid_steps(model: GasModel, registered: int, groups: int, limits: Mapping[str, int]) -> tuple[Step, ...]:
    """What the reserve pays; `limits` are the terms of E18."""
    params, sizes = model.params, _chunk_sizes(model.params)
    krum = params.rule is Rule.KRUM and groups > 0
    moves = model.moves() if groups else ()
    accepted, passed = _accepted(params, groups), model.settle(recorded=False)
    steps = [
        Step("register", registered, registered * model.register().usual),
        *_group_steps(model, groups, sizes),
        *_votes(model, groups * params.members),
        Step("gram", len(sizes) if krum else 0, sum(model.gram(size).usual for size in sizes) if krum else 0),
        *_selection(model, groups),
        Step("settle", groups, _all(model.settle(), accepted, min(groups, 1)) + (groups - accepted) * passed.usual),
        Step("move", len(moves), sum(moves)),
    ]
    return tuple(Step(s.call, s.calls, s.gas, limits[s.call]) for s in steps if s.call in limits)


def _group_steps(model: GasModel, groups: int, sizes: Sequence[int]) -> list[Step]:
    """What the members of groups do between the draw and the selection, if nobody is gone."""
    seats, chunks = groups * model.params.members, len(sizes)
    if isinstance(model, BlobGas):
        posts, adding = model.posts(), model.all_sums(groups)
        uploads = Step("post", seats * len(posts), seats * sum(post.usual for post in posts))
        summing = Step("add_sums", len(adding), sum(call.usual for call in adding))
        if isinstance(model, CorrectionGas):
            corrects = model.corrects()
            gas = groups * sum(call.usual for call in corrects)
            return [*_recovery(model, groups, uploads), Step("correct", groups * len(corrects), gas), summing]
        return [Step("commit", seats, _all(model.commit(), seats, groups)), uploads, summing]
    uploads = Step("upload", seats * chunks, sum(_all(chunk, seats, groups) for chunk in _uploads(model)))
    if not isinstance(model, RecoveryGas):
        sums = groups * sum(model.aggregate(size).usual for size in sizes)
        return [
            Step("commit", seats, _all(model.commit(), seats, groups)),
            uploads,
            Step("aggregate", groups * chunks, sums),
        ]
    unmasked = groups * sum(model.unmask(size).usual for size in sizes)
    return [*_recovery(model, groups, uploads), Step("unmask", groups * chunks, unmasked)]


def _recovery(model: RecoveryGas, groups: int, uploads: Step) -> list[Step]:
    """What makes the masks known."""
    seats = groups * model.params.members
    return [
        Step("share", seats, _all(model.share(), seats, groups)),
        uploads,
        Step("reveal", seats, _all(model.reveal(), seats, groups)),
        Step("reveal_shares", 0, 0),
        Step("rebuild", 0, 0),
        Step("disclose", groups, groups * model.disclose().usual),
    ]


def _selection(model: GasModel, groups: int) -> list[Step]:
    """The rule's call, if there is a group; in blobs, behind those of a longer proof, which are paid with it."""
    if not isinstance(model, BlobGas):
        return [Step("select", min(groups, 1), model.select().usual if groups else 0)]
    calls = model.proof_calls()
    before = sum(gas.usual for _, gas in calls[:-1])
    last, gas = calls[-1]
    steps = [Step(calls[0][0], len(calls) - 1, before)] if before and groups else []
    return [*steps, Step(last, min(groups, 1), gas.usual if groups else 0)]


def _votes(model: GasModel, votes: int) -> list[Step]:
    """So many votes, all of them opened; none but with `norm+vote`."""
    if model.params.rule is not Rule.NORM_VOTE:
        return []
    opened = model.open_vote()
    return [
        Step("vote", votes, votes * model.vote().usual),
        Step("open_vote", votes, _all(opened, votes, min(votes, 1))),
    ]


def _accepted(params: SessionParams, groups: int) -> int:
    """Groups that the rule accepts if all members are honest; 0: it is undefined on so few."""
    if params.rule is not Rule.KRUM:
        return groups
    mu = Fraction(params.krum_mu_bps, 10_000)
    if params.krum_m_rule is KrumPicks.STRICT:
        return params.krum_m if params.krum_m < (1 - 2 * mu) * groups - 2 else 0
    return max(0, min(params.krum_m, groups - math.ceil(mu * groups) - 2))


def _all(gas: Gas, calls: int, firsts: int) -> int:
    return calls * gas.usual + firsts * gas.first


def _uploads(model: GasModel) -> list[Gas]:
    """Each chunk of one member, or its blob transactions."""
    if isinstance(model, BlobGas):
        return model.posts()
    *sizes, last = _chunk_sizes(model.params)
    return [*(model.upload(size, last=False) for size in sizes), model.upload(last)]


def _limits(params: SessionParams, capacity: int) -> dict[str, int]:
    """The terms of E18, in gas; zeros without fees."""
    fees, seats, words, chunks = params.fees, params.rounds * params.members, params.words, params.chunks
    blobs, recover = params.mode is Mode.BLOB, params.policy is DropoutPolicy.RECOVER
    commits = {"share": 2 * seats, "reveal": seats, "reveal_shares": seats, "rebuild": seats, "disclose": params.rounds}
    if not recover:
        commits = {"commit": 2 * seats}
    if params.rule is Rule.NORM_VOTE:
        commits |= {"vote": seats, "open_vote": seats}
    summing = ["post", *(["correct"] if params.has_corrections else []), "add_sums"]
    if params.packed:
        summing += ["continue_packed", "select_packed", "finish_packed"]
    else:
        summing += ["continue_proof", "select_proven", "finish_proof"]
    if not blobs:
        summing = ["upload", "unmask" if recover else "aggregate", "select"]
    calls = ["register", *commits, *summing, "settle", "move"]
    if params.rule is Rule.KRUM and not blobs:
        calls.append("gram")
    if fees is None:
        return dict.fromkeys(calls, 0)
    sums = params.rounds * fees.an_aggregation(words, chunks, params.members + params.has_corrections)
    limits = {
        "register": capacity * fees.register,
        **{call: times * fees.commit for call, times in commits.items()},
        **dict.fromkeys(("upload", "post"), seats * fees.an_upload(words, chunks)),
        "correct": params.rounds * fees.an_upload(words, chunks),
        **dict.fromkeys(("aggregate", "unmask", "add_sums"), sums),
        **dict.fromkeys(
            ("gram", "select_proven", "finish_proof", "select_packed", "finish_packed"),
            fees.the_products(params.proven, chunks, params.rounds),
        ),
        **dict.fromkeys(("continue_proof", "continue_packed"), 0),
        "select": fees.select,
        "settle": 2 * params.rounds * fees.settle,
        "move": most_moves(params) * fees.move,
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
    upload = Step(
        "post" if isinstance(model, BlobGas) else "upload", len(uploads), sum(chunk.usual for chunk in uploads)
    )
    register = Step("register", 1, model.register().usual)
    if isinstance(model, RecoveryGas):
        share, reveal = Step("share", 1, model.share().usual), Step("reveal", 1, model.reveal().usual)
        return register, share, upload, reveal, *_votes(model, 1)
    return register, Step("commit", 1, model.commit().usual), upload, *_votes(model, 1)


def _gas(steps: Iterable[Step]) -> int:
    return sum(step.gas for step in steps)
