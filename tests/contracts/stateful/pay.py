"""Who is paid for a call, and how much at most, in plain Python, from docs/PROTOCOL.md section 9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.contracts.harness import Receipt, Stage, economy
from tests.contracts.stateful.twin import Now, Twin

TURN_BLOCKS = 50
DRAW_TURN_BLOCKS = 64

AT_ONCE = (
    "register", "commit", "upload", "share", "reveal", "reveal_shares", "rebuild", "vote", "open_vote",
    "post", "correct", "refute", "refute_correction",
)  # fmt: skip
"""No turns."""
OF_GROUPS = ("aggregate", "disclose", "unmask", "add_sums")
SELECTING = ("gram", "select", "select_proven", "select_packed")
IN_TURN = (*OF_GROUPS, *SELECTING, "settle", "advance", "draw")
AS_COMMITMENTS = ("share", "reveal", "reveal_shares", "rebuild", "disclose", "vote", "open_vote")
LIKE = dict.fromkeys(AS_COMMITMENTS, "commit") | {"unmask": "aggregate", "post": "upload", "correct": "upload"}
LIKE |= {"add_sums": "aggregate", "select_proven": "gram", "select_packed": "gram"}
"""The entry of the fee table for calls that have none of their own."""
MOVING = ("advance", "draw", "refute", "refute_correction")
"""Nothing of theirs is paid but a change of stage."""


@dataclass
class Before:
    """The session as a call found it."""

    stage: Stage
    deadline: int
    entered: int
    groups: int
    committed: dict[str, tuple[int, int]]
    """The newest seat in which somebody has committed."""
    ranks: dict[str, int]
    draw_block: int
    first: int
    objecting: bool

    @classmethod
    def of(cls, twin: Twin) -> Before:
        committed = {}
        for index, group in enumerate(twin.groups):
            for place, account in enumerate(group.members):
                if group.committed >> place & 1:
                    committed[account] = (index, place)
        ranks: dict[str, int] = {}
        counts: dict[int, int] = {}
        for one in twin.joined:
            ranks[one.account] = counts.get(one.pool, 0)
            counts[one.pool] = ranks[one.account] + 1
        return cls(
            twin.stage,
            twin.deadline,
            twin.entered,
            len(twin.groups),
            committed,
            ranks,
            twin.draw_block,
            twin.first,
            twin.objecting,
        )


def has_turn(twin: Twin, before: Before, call: str, sender: str, group: int, now: Now) -> bool:
    """Whether it is the sender's turn, where there are turns."""
    turn, size = now.height // TURN_BLOCKS, twin.params.members
    if before.stage == Stage.REGISTER or (before.stage == Stage.DRAW and not before.first):
        return bool(before.ranks) and before.ranks.get(sender) == turn % len(before.ranks)
    seat = before.committed.get(sender)
    if seat is None:
        return False
    if call in (*OF_GROUPS, "settle"):
        return seat == (group, turn % size)
    return seat[0] * size + seat[1] == turn % (before.groups * size)


def in_first_quarter(twin: Twin, before: Before, call: str, now: Now) -> bool:
    """Whether the call is somebody's turn, not yet everybody's."""
    p = twin.params
    if call in OF_GROUPS:
        return before.stage != Stage.AGGREGATE or now.time <= before.entered + p.aggregate_secs // 4
    if call == "settle":
        return before.stage != Stage.PAYMENT or now.time <= before.entered + p.select_secs // 4
    if call in SELECTING:
        return now.time <= before.entered + p.select_secs // 4
    if before.stage == Stage.DRAW:
        return now.height <= before.draw_block + DRAW_TURN_BLOCKS
    if before.stage == Stage.REGISTER and not before.ranks:
        return False
    window = {
        Stage.REGISTER: p.register_secs,
        Stage.COMMIT: p.commit_secs,
        Stage.SHARE: p.commit_secs,
        Stage.REVEAL: p.reveal_secs,
        Stage.CORRECT: p.reveal_secs,
        Stage.ACCUSE: p.reveal_secs,
        Stage.UPLOAD: p.upload_secs,
        Stage.AGGREGATE: p.aggregate_secs,
        Stage.VOTE: p.vote_secs,
        Stage.SELECT: p.select_secs,
    }
    return now.time <= before.deadline + window.get(before.stage, 0) // 4


def limit_of(twin: Twin, before: Before, call: str, words: int) -> int:
    """Most gas that a call is paid for."""
    table = economy.FeeTable.unpacked(twin.params.fee_table)
    limit = 0 if call in MOVING else table.limit(LIKE.get(call, call), words)
    changed = (before.stage, before.first, before.objecting) != (twin.stage, twin.first, twin.objecting)
    moved = before.stage != Stage.PAYMENT and changed
    return limit + (table.limit("move") if moved else 0)


def check(
    twin: Twin, before: Before, call: str, sender: str, receipt: Receipt, now: Now, gas_price: int, useful: bool, *,
    words: int = 0, group: int = 0, contracts: Sequence[str] = (),
) -> None:  # fmt: skip
    """Compares what a call was paid with what it may be, and enters it in the twin's books."""
    events = receipt.named("FeeCredited")
    price = min(gas_price, twin.params.fee_cap_wei)
    payable = useful and before.stage != Stage.SETUP and call in (*AT_ONCE, *IN_TURN)
    if payable and call in IN_TURN:
        payable = not in_first_quarter(twin, before, call, now) or has_turn(twin, before, call, sender, group, now)
    limit = limit_of(twin, before, call, words) if payable else 0
    if not payable or sender in contracts or limit * price < economy.GWEI:
        assert events == [], f"{call} by {sender} isn't paid"
        return
    (event,) = events
    assert event.account == sender
    assert event.gas_metered <= receipt.gas_used
    assert event.amount_wei == economy.fee(event.gas_metered, limit, gas_price, twin.params.fee_cap_wei)
    assert event.amount_wei <= receipt.gas_used * gas_price, "never above what it cost"
    twin.fee(sender, event.amount_wei)
