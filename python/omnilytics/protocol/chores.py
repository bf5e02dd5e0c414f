"""What anybody may do to bring a session on, and when an account does it: in its turn, or when others have let it pass.

In the first quarter of its time only the one whose turn it is gets its gas back (section 9). After that the others step
in one by one, so that not all of them send the same call at once and all but one pay for nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from omnilytics.protocol import turns
from omnilytics.protocol.blob_proofs import Shape
from omnilytics.protocol.blob_sums import groups_in_call
from omnilytics.protocol.recovery_steps import disclosures, rebuildings, uploads
from omnilytics.protocol.seating import ranks
from omnilytics.protocol.steps import Action, Decision, Waiting
from omnilytics.protocol.watch import Watch
from omnilytics.types import (
    Address,
    DropoutPolicy,
    GroupStatus,
    GroupView,
    Mode,
    Receipt,
    Rule,
    SessionParams,
    Stage,
)

BLOB_SECS = 15
"""How long it takes until missing blobs are looked for again."""

WAITS: dict[Stage, str] = {
    Stage.REGISTER: "more data owners to register",
    Stage.COMMIT: "the others to commit",
    Stage.SHARE: "the others to share, or to object",
    Stage.UPLOAD: "the others to upload",
    Stage.REVEAL: "the others to reveal",
    Stage.CORRECT: "the groups to be corrected",
    Stage.ACCUSE: "sums to be accused, or refuted",
    Stage.AGGREGATE: "the groups to be added up",
    Stage.VOTE: "the others to vote, or to open their votes",
    Stage.SELECT: "the groups to be compared",
    Stage.PAYMENT: "the groups to be settled",
}


def window_secs(params: SessionParams, stage: Stage) -> int:
    """How long a stage may take, seconds."""
    windows = {
        Stage.REGISTER: params.register_secs,
        Stage.COMMIT: params.commit_secs,
        Stage.SHARE: params.commit_secs,
        Stage.UPLOAD: params.upload_secs,
        Stage.REVEAL: params.reveal_secs,
        Stage.CORRECT: params.reveal_secs,
        Stage.ACCUSE: params.reveal_secs,
        Stage.AGGREGATE: params.aggregate_secs,
        Stage.VOTE: params.vote_secs,
    }
    return windows.get(stage, params.select_secs)


class Chores:
    """What one account does of what everybody may do.

    Args:
        watch: of the session.
        account: whose.
    """

    def __init__(self, watch: Watch, account: Address) -> None:
        self._watch = watch
        self._session = watch.session
        self._account = account

    def decide(self, stage: Stage) -> Decision:
        """What is to be done in the stage that the session is in, from Register on to Payment."""
        deadline = self._session.deadline()
        if stage is Stage.DRAW:
            return self._draw()
        if stage is Stage.PAYMENT:
            return self._settle()
        if self._watch.chain.timestamp() > deadline and self._ends_by_advance(stage):
            turn = self._turn_to_register() if stage is Stage.REGISTER else self._turn_of_all()
            words = f"ends stage {stage.name.lower()}, whose time is over"
            action = Action("advance", (stage, deadline), lambda: self._session.advance(self._account), words)
            return self._in_turn(action, turn, deadline, stage)
        match stage:
            case Stage.REVEAL:
                return self._rebuild(deadline)
            case Stage.CORRECT:
                return self._disclose(deadline)
            case Stage.ACCUSE if self._watch.chain.timestamp() > deadline:
                return self._add_sums(deadline)
            case Stage.AGGREGATE if self._watch.params.mode is Mode.BLOB:
                return self._add_sums(deadline - self._watch.params.aggregate_secs)
            case Stage.AGGREGATE:
                return self._aggregate(deadline)
            case Stage.SELECT:
                return self._select(deadline)
            case _:
                return Waiting(WAITS[stage], deadline + 1)

    def _ends_by_advance(self, stage: Stage) -> bool:
        """Whether `advance` is what ends the stage: where nobody has accused, whoever adds the sums does."""
        return stage is not Stage.ACCUSE or self._watch.ledger().accusations > 0

    def _draw(self) -> Decision:
        draw_block, head = self._session.draw_block(), self._watch.chain.block_number()
        if head <= draw_block:
            return Waiting("the block whose hash draws the seats", block=draw_block + 1)
        turn = self._turn_of_all() if self._session.first_groups() else self._turn_to_register()
        anyone = draw_block + turns.BLOCKS_OF_A_DRAW + self._number()[0]
        if self._account in turn or head > anyone:
            return Action("draw", (draw_block,), lambda: self._session.draw(self._account), "draws the seats")
        return Waiting("somebody else to draw the seats", block=anyone + 1)

    def _rebuild(self, deadline: int) -> Decision:
        """The first secret of which enough shares are known; its group's turn, then anybody in the last quarter."""
        params, seats, ledger = self._watch.params, self._watch.seats(), self._watch.ledger()
        quarter = params.reveal_secs // 4
        groups, due = self._in_reach(deadline - quarter, quarter)
        for group in groups:
            view = self._session.group(group)
            if view.status is not GroupStatus.REVEAL:
                continue
            for one in rebuildings(view, group, seats, ledger, params.threshold):
                arguments = one.dealer, one.addresses, one.holders, one.shares
                send = partial(self._session.rebuild, self._account, *arguments)
                words = f"has the secret of place {one.place} in group {group} rebuilt"
                return Action("rebuild", (group, one.place), send, words)
        return Waiting(WAITS[Stage.REVEAL], min(due or deadline + 1, deadline + 1))

    def _aggregate(self, deadline: int) -> Decision:
        """The first chunk that it may add, of whichever group."""
        secs = self._watch.params.aggregate_secs
        groups, due = self._in_reach(deadline - secs + secs // 4 + 1, secs // 2)
        for group in groups:
            view = self._session.group(group)
            if view.status is GroupStatus.DELIVERED:
                return self._sum(group, view)
        return Waiting(WAITS[Stage.AGGREGATE], due or deadline + 1)

    def _add_sums(self, began: int) -> Decision:
        """As many groups at a time as fit a call, in order."""
        sums, ledger = self._watch.blob_sums, self._watch.ledger()
        groups = sums.delivered(ledger)[ledger.sums_added :][: groups_in_call(self._watch.params)]
        accounts = sums.accounts(ledger, self._watch.seats(), groups)
        sums.fill(ledger)
        if not all((group, 0) in ledger.aggregates for group in groups):
            again = self._watch.chain.timestamp() + BLOB_SECS
            return Waiting("the blobs of all groups, which the archive hasn't got", again)

        def send() -> Receipt:
            return self._session.add_sums(self._account, accounts, sums.commitments(ledger, groups))

        action = Action("add_sums", tuple(groups), send, f"adds up {len(groups)} groups")
        return self._in_turn(action, self._turn_of_group(groups[0]), began, Stage.AGGREGATE)

    def _in_reach(self, anyone: int, over: int) -> tuple[Sequence[int], int]:
        """The groups for which it may act now, and when it may for all of them; 0: now.

        Args:
            anyone: when others may, if who is in turn hasn't.
            over: one after the other, so long.
        """
        groups, due = range(self._session.group_count()), self._from((), anyone, over)
        if self._watch.chain.timestamp() >= due:
            return groups, 0
        return [group for group in groups if self._account in self._turn_of_group(group)], due

    def _sum(self, group: int, view: GroupView) -> Action:
        """The next step towards the sum of a group."""
        ledger = self._watch.ledger()
        chunk, me = view.chunks_aggregated, self._account
        words = f"adds up chunk {chunk} of group {group}"
        if self._watch.params.policy is DropoutPolicy.ABORT:
            added = ledger.uploads[group, chunk]
            return Action("aggregate", (group, chunk), lambda: self._session.aggregate(me, group, chunk, added), words)
        if not any(view.seeds_hash):
            return self._disclosing(group, view)
        sharing, added = ledger.sharing[group], uploads(view, group, chunk, ledger)
        send = partial(self._session.unmask, me, group, chunk, added, sharing.minus, sharing.plus)
        return Action("unmask", (group, chunk), send, words)

    def _disclosing(self, group: int, view: GroupView) -> Action:
        known = disclosures(view, group, self._watch.seats(), self._watch.ledger())
        words = f"has the masks of group {group} disclosed"
        return Action("disclose", (group,), lambda: self._session.disclose(self._account, group, known), words)

    def _disclose(self, deadline: int) -> Decision:
        """The first group in blobs whose seeds aren't disclosed; who corrects it is one of its members."""
        secs = self._watch.params.reveal_secs
        groups, due = self._in_reach(deadline - secs + secs // 4 + 1, secs // 4)
        for group in groups:
            view = self._session.group(group)
            if view.status is GroupStatus.DELIVERED and not any(view.seeds_hash):
                return self._disclosing(group, view)
        return Waiting(WAITS[Stage.CORRECT], due or deadline + 1)

    def _select(self, deadline: int) -> Decision:
        ledger, me = self._watch.ledger(), self._account
        began = deadline - self._watch.params.select_secs
        chunk = ledger.gram_chunks
        if self._watch.params.mode is Mode.BLOB:
            # who has begun in its turn is paid for the rest of its proof too
            turn = {me} if me in ledger.proofs else self._turn_of_all()
            return self._in_turn(self._proof(), turn, began, Stage.SELECT)
        if self._watch.params.rule is Rule.KRUM and chunk < self._watch.codec.chunks:
            words = [ledger.aggregates[group, chunk] for group in self._watch.groups(GroupStatus.AGGREGATED)]
            send = partial(self._session.gram, me, chunk, words, ledger.products)
            action = Action("gram", (chunk,), send, f"compares the groups, chunk {chunk}")
        else:
            send = partial(self._session.select, me, ledger.products)
            action = Action("select", (), send, "has the rule choose among the groups")
        return self._in_turn(action, self._turn_of_all(), began, Stage.SELECT)

    def _proof(self) -> Action:
        """The next call of the proof: mostly the only one."""
        groups, begun = self._watch.groups(GroupStatus.AGGREGATED), self._watch.ledger().proofs.get(self._account)
        done = begun.done if begun is not None else 0
        part = Shape.of(self._watch.params, len(groups)).part(done)

        def send() -> Receipt:
            proof = self._watch.blob_sums.proof(self._watch.ledger(), groups)
            return proof.send(self._session, self._account, begun)

        words = "proves the sums, and has the rule choose among the groups"
        if not part.last:
            words = f"proves sums {done} to {done + part.sums - 1}"
        return Action(part.call, (done,), send, words)

    def _settle(self) -> Decision:
        """The first group that it may settle; the stage has begun about when the last deadline was, or before."""
        secs = self._watch.params.select_secs
        groups, due = self._in_reach(self._watch.ledger().deadline + secs // 4 + 1, secs // 2)
        for group in groups:
            if not self._session.group(group).settled and self._may_be_settled(group):
                send = partial(self._session.settle, self._account, group, self._watch.seats().groups[group])
                return Action("settle", (group,), send, f"settles group {group}")
        return Waiting(WAITS[Stage.PAYMENT], due)

    def _may_be_settled(self, group: int) -> bool:
        """Whether its turn has come: groups of the second round follow the failed ones of the first."""
        first = self._watch.seats().first
        failed = (one for one in self._watch.ledger().failed if one < first)
        return group < first or all(self._session.group(one).settled for one in failed)

    def _in_turn(self, action: Action, turn: Collection[Address | None], since: int, stage: Stage) -> Decision:
        """The action, if it is this account's turn or the first quarter of its time has passed; else until when."""
        secs = window_secs(self._watch.params, stage)
        due = self._from(turn, since + secs // 4 + 1, secs // 2)
        if self._watch.chain.timestamp() >= due:
            return action
        return Waiting(f"somebody else, whose turn it is: {action.words}", due)

    def _from(self, turn: Collection[Address | None], anyone: int, over: int) -> int:
        """When this account acts: at once in its turn; else after `anyone`, one after the other `over` so long."""
        if self._account in turn:
            return 0
        number, count = self._number()
        return anyone + over * number // count

    def _number(self) -> tuple[int, int]:
        """(its number, how many there are) among those who step in: the seated or registered, then all others."""
        line = [account for group in self._watch.seats().groups for account in group]
        line = line or list(self._watch.ledger().keys)
        return line.index(self._account) if self._account in line else len(line), len(line) + 1

    def _turn_to_register(self) -> Collection[Address | None]:
        line = ranks(self._watch.params, self._watch.ledger().registrations)
        return turns.of_registered(line, self._watch.next_block())

    def _turn_of_all(self) -> Collection[Address | None]:
        return {turns.of_session(self._watch.seats(), self._watch.ledger().committed, self._watch.next_block())}

    def _turn_of_group(self, group: int) -> Collection[Address | None]:
        seats, committed = self._watch.seats(), self._watch.ledger().committed
        return {turns.of_group(seats, committed, group, self._watch.next_block())}
