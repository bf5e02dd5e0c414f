"""A data owner that follows a session by itself, from registration to its money, also when it is started anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from omnilytics.blobs.blob import MOST_BLOBS
from omnilytics.codec import keccak256
from omnilytics.errors import ProtocolError
from omnilytics.protocol.chores import Chores
from omnilytics.protocol.finality import until_final
from omnilytics.protocol.member import DataOwner, check_published
from omnilytics.protocol.randomness import Randomness, Vault
from omnilytics.protocol.sharing import places_of
from omnilytics.protocol.steps import Action, Decision, Done, Waiting
from omnilytics.protocol.watch import Watch, at_a_glance
from omnilytics.types import Address, DropoutPolicy, FloatVec, GroupStatus, Receipt, Stage

TrainAlone = Callable[[FloatVec], FloatVec]
"""W^p -> the member's trained vector, the same whenever it is asked in one session."""


def once(train: TrainAlone, vault: Vault, session: Address) -> TrainAlone:
    """Training that is done once for a session, whatever happens to the process: what came of it is kept."""
    name = f"{session}/weights"

    def recall(published: FloatVec) -> FloatVec:
        kept = vault.kept(name)
        if kept is None:
            kept = vault.keep(name, train(published).astype("<f4").tobytes())
        return np.frombuffer(kept, "<f4").astype(np.float32)

    return recall


@dataclass(slots=True, kw_only=True, repr=False)
class MemberRole:
    """One data owner in one session. All but its secrets and its training is read from the chain.

    Attributes:
        watch: of the session.
        member: the data owner.
        randomness: its secrets, the same whenever they are asked for; a seed in simulations alone.
        train: its training.
        proof: that a Merkle root has its account in it (E28); empty with a list.
        cohort: 0, or an earlier session and group (E29).
        margin_secs: it doesn't register later than so long before the end of registration.
    """

    watch: Watch
    member: DataOwner
    randomness: Randomness
    train: TrainAlone
    proof: Sequence[bytes] = ()
    cohort: int = 0
    margin_secs: int = 0
    _joined: bool = False
    _trained: tuple[FloatVec, FloatVec] | None = None
    _masked_for: tuple[int, int] | None = None
    _dealt_for: tuple[int, int] | None = None
    _voted_for: tuple[int, int] | None = None
    _faults: dict[int, str] | None = None
    _gone: bool = False
    _history: int = 0
    _chores: Chores = field(init=False)

    def __post_init__(self) -> None:
        self._chores = Chores(self.watch, self.member.account)

    @at_a_glance
    def decide(self) -> Decision:
        """What is to be done now."""
        self._look_back()
        session, stage = self.watch.session, self.watch.session.stage()
        if stage is Stage.SETUP:
            return Waiting("the model owner to start the session")
        if stage is Stage.FINISHED:
            return self._withdraw()
        if not session.member(self.member.account).registered:
            return self._register(stage)
        if not self._joined:
            self.member.rejoin(session, self.randomness)
            self._joined = True
        own = self._own(stage)
        if isinstance(own, Action):
            return own
        chore = self._chores.decide(stage)
        if own is None or not isinstance(chore, Waiting) or own.until >= chore.until > 0:
            return chore
        return own

    def _look_back(self) -> None:
        """Forgets what followed from a history that the chain has left, as a crash would."""
        self.watch.ledger()
        if self._history != self.watch.history:
            self._history, self._joined, self._gone = self.watch.history, False, False
            self._trained = self._masked_for = self._dealt_for = self._voted_for = self._faults = None

    def _register(self, stage: Stage) -> Decision:
        session = self.watch.session
        if stage is not Stage.REGISTER:
            return Done("registration is over, and this account isn't in")
        deadline, now = session.deadline(), self.watch.chain.timestamp()
        if now > deadline - self.margin_secs:
            return Done(f"too late to register: {max(0, deadline - now)} s are left, expected {self.margin_secs}")

        return Action("register", (), self._join, "registers, with its bond")

    def _join(self) -> Receipt:
        """Trains first: whoever can't, or takes too long, puts in no bond."""
        self._vectors()
        receipt = self.member.register(self.watch.session, self.randomness, self.proof, self.cohort)
        self._joined = True
        return receipt

    def _own(self, stage: Stage) -> Action | Waiting | None:
        """What nobody else can do for it."""
        seat = self.watch.seats().seat_of(self.member.account)
        if seat is None or self._gone or self.watch.chain.timestamp() > self.watch.session.deadline():
            return None
        match stage:
            case Stage.COMMIT:
                return self._commit(*seat)
            case Stage.SHARE:
                return self._object(*seat) if self.watch.ledger().objecting else self._share(*seat)
            case Stage.UPLOAD:
                return self._upload(*seat)
            case Stage.REVEAL:
                return self._reveal(*seat)
            case Stage.CORRECT:
                return self._correct(*seat)
            case Stage.ACCUSE:
                return self._refute_correction() or self._accuse()
            case Stage.VOTE:
                return self._vote(*seat)
            case _:
                return None

    def _commit(self, group: int, place: int) -> Action | Waiting | None:
        before = self._before_it_begins(group, place)
        if before is not True:
            return before
        if not self._mask(group, place):
            return None
        return Action("commit", (group,), self.member.commit_masked, f"commits to its words in group {group}")

    def _share(self, group: int, place: int) -> Action | Waiting | None:
        before = self._before_it_begins(group, place)
        if before is not True:
            return before
        return Action("share", (group,), partial(self._deal, group, place), f"shares its secrets with group {group}")

    def _before_it_begins(self, group: int, place: int) -> Literal[True] | Action | Waiting | None:
        """True: it commits or shares in its group now. It does so for one seating alone, the one that is final."""
        ledger = self.watch.ledger()
        if self.watch.session.group(group).status is not GroupStatus.COMMIT or (group, place) in ledger.committed:
            return None
        if left := self._blocks_left("Drawn" if ledger.second_seed is None else "Redrawn"):
            return until_final(self.watch.chain, left)
        reason = self.member.objection(self.watch.seats())
        if reason is None:
            return True
        return Action("decline", (group,), self.member.decline, f"declines group {group}: {reason}")

    def _deal(self, group: int, place: int) -> Receipt:
        receipt = self.member.share(self.watch.seats(), self.watch.ledger())
        self._dealt_for, self._faults = (group, place), None
        return receipt

    def _object(self, group: int, place: int) -> Action | Waiting | None:
        view = self.watch.session.group(group)
        if view.status is not GroupStatus.COMMIT or view.committed.bit_count() < self.watch.params.threshold:
            return None
        faults = self._check(group, place)
        if isinstance(faults, Waiting):
            return faults
        if not faults:
            return None
        accused, reason = min(faults.items())
        words = f"objects to the shares of place {accused}: {reason}"
        return Action("object", (group, accused), partial(self.member.part.object_to, accused), words)

    def _check(self, group: int, place: int) -> dict[int, str] | Waiting:
        """What is wrong with the shares that it got, by place, once it is final who has shared."""
        ledger = self.watch.ledger()
        if (group, place) not in ledger.committed:
            return {}
        if self._dealt_for != (group, place):
            self.member.share_again(self.watch.seats(), ledger)
            self._dealt_for, self._faults = (group, place), None
        if self._faults is None:
            if left := self._blocks_left("SharingClosed"):
                return until_final(self.watch.chain, left)
            self.member.part.await_sharers()
            self._faults = self.member.part.check(ledger.sharing[group])
        return self._faults

    def _blocks_left(self, event: str) -> int:
        return self.member.blocks_left(self.watch.session, event)

    def _reveal(self, group: int, place: int) -> Action | Waiting | None:
        """Its self mask in the first half of the stage, its shares of those who stay away in the third quarter."""
        view, secs = self.watch.session.group(group), self.watch.params.reveal_secs
        if view.status is not GroupStatus.REVEAL or not view.delivered >> place & 1:
            return None
        deadline, now = self.watch.session.deadline(), self.watch.chain.timestamp()
        half, ledger = deadline - secs // 2, self.watch.ledger()
        ready = self._ready(group, place)
        if ready is not True or self.member.part.released_otherwise():
            return ready if isinstance(ready, Waiting) else None
        if not view.revealed >> place & 1:
            if now > half:
                return None
            if left := self._blocks_left("UploadClosed"):
                return until_final(self.watch.chain, left)
            send = partial(self.member.reveal, ledger)
            return Action("reveal", (group,), send, f"reveals its self mask in group {group}")
        if not view.delivered & ~view.opened or view.lent >> place & 1 or now > deadline - secs // 4:
            return None
        if now <= half:
            return Waiting("the others to reveal", half + 1)
        self.member.part.reveal_again()
        send = partial(self.member.part.reveal_shares, ledger.sharing[group])
        return Action("reveal_shares", (group,), send, f"lends its shares to group {group}")

    def _upload(self, group: int, place: int) -> Action | Waiting | None:
        chunk, chunks = self.watch.session.member(self.member.account).chunks_delivered, self.watch.params.chunks
        if (group, place) not in self.watch.ledger().committed or chunk >= chunks:
            return None
        if self.watch.session.group(group).status is not GroupStatus.UPLOAD:
            return None
        ready = self._ready(group, place)
        if ready is not True:
            return ready or None
        words = f"uploads chunk {chunk} of {chunks}"
        return Action("upload", (group, chunk), partial(self.member.upload_chunk, chunk), words)

    def _correct(self, group: int, place: int) -> Action | Waiting | None:
        """Its group's correction: one after the other of those who may, in the second quarter of the window."""
        view, ledger, params = self.watch.session.group(group), self.watch.ledger(), self.watch.params
        line = places_of(view.revealed & ~view.blamed)
        begun = len(ledger.corrected.get((group, place), ()))
        done = ledger.correction(group, params.chunks) is not None
        if place not in line or done or not any(view.seeds_hash) or view.status is not GroupStatus.DELIVERED:
            return None
        began, quarter = self.watch.session.deadline() - params.reveal_secs, params.reveal_secs // 4
        due = began + quarter + quarter * line.index(place) // len(line) if line.index(place) else 0
        if not begun and self.watch.chain.timestamp() < due:
            return Waiting("somebody else to correct the group", due)

        def send() -> Receipt:
            blobs = self.watch.blob_sums.correction(ledger, group)[begun : begun + MOST_BLOBS]
            return self.watch.session.correct(self.member.account, blobs)

        return Action("correct", (group, begun), send, f"corrects group {group}, blob {begun} of {params.chunks}")

    def _refute_correction(self) -> Action | None:
        """The first correction that isn't what the seeds give; nothing is moved by it to its sender."""
        session, ledger, account = self.watch.session, self.watch.ledger(), self.member.account
        for group, wrong in self.watch.blob_sums.all_wrong(ledger).items():
            sharing = ledger.sharing[group]
            send = partial(session.refute_correction, account, group, wrong, sharing.minus, sharing.plus)
            return Action("refute_correction", (group,), send, f"refutes the correction of group {group}")
        return None

    def _accuse(self) -> Action | None:
        """The first sum out of range that nobody may have accused yet; in the second half, what it has accused."""
        session, account, ledger = self.watch.session, self.member.account, self.watch.ledger()
        accused = session.accusation(account)
        if ledger.refuting:
            return self._refute(accused) if any(accused) else None
        found = self.watch.blob_sums.all_malformed(ledger)
        if any(accused) or ledger.accusations >= len(found):
            return None
        one = found[ledger.accusations]
        commitment = one.commitment(self.watch.chain.chain_id, session.address, account, self._salt)
        send = partial(session.accuse, account, commitment, self.watch.params.bond_wei)
        return Action("accuse", (one.group,), send, f"accuses the sum of group {one.group}")

    def _refute(self, accused: bytes) -> Action | None:
        """Opens its accusation."""
        session, account, ledger = self.watch.session, self.member.account, self.watch.ledger()
        scope = self.watch.chain.chain_id, session.address, account, self._salt
        found = next((m for m in self.watch.blob_sums.all_malformed(ledger) if m.commitment(*scope) == accused), None)
        if found is None:
            return None
        sums = self.watch.blob_sums
        members = sums.accounts(ledger, self.watch.seats(), [found.group])
        opening = found.index, found.element, self._salt, found.witness

        def send() -> Receipt:
            return session.refute(account, *opening, members, sums.commitments(ledger, [found.group]))

        return Action("refute", (found.group,), send, f"refutes the sum of group {found.group}")

    @property
    def _salt(self) -> bytes:
        """Of its accusation, the same after a crash."""
        return keccak256(self.randomness.vote_seed() + b"accusation")

    def _ready(self, group: int, place: int) -> bool | Waiting:
        """Whether it has its words for the group, or what it waits for to make them."""
        if self.watch.params.policy is DropoutPolicy.RECOVER:
            faults = self._check(group, place)
            if isinstance(faults, Waiting):
                return faults
            self._gone |= bool(faults)
        return not self._gone and self._mask(group, place)

    def _mask(self, group: int, place: int) -> bool:
        """Has its words for the group; False: it drops out.

        Raises:
            ProtocolError: they aren't those that it has committed to: never would it show others under the same mask.
        """
        if self._masked_for != (group, place):
            ledger = self.watch.ledger()
            self._gone = not self.member.mask(*self._vectors(), self.watch.seats(), ledger)
            root = ledger.roots.get((group, place))
            if not self._gone and root is not None and root != self.member.root:
                raise ProtocolError(
                    f"group {group}: expected the words of root 0x{root.hex()}, to which it has committed, got others: "
                    "training must give the same again"
                )
            self._masked_for = group, place
        return not self._gone

    def _vote(self, group: int, place: int) -> Action | None:
        """Its vote on all groups, in the first half of the stage; what it has committed to, in the second."""
        view, ledger, seat = self.watch.session.group(group), self.watch.ledger(), (group, place)
        if view.status is not GroupStatus.AGGREGATED or not view.delivered >> place & 1:
            return None
        if seat in ledger.ballots or (seat in ledger.votes) != ledger.opening or not self._judge(group, place):
            return None
        if not ledger.opening:
            return Action("vote", (group,), self.member.vote, "commits to its vote on the groups")
        if ledger.votes[seat] != self.member.its_vote.commitment:
            return None  # of a history that the chain has left
        return Action("open_vote", (group,), self.member.open_vote, "opens its vote on the groups")

    def _judge(self, group: int, place: int) -> bool:
        """Has its vote; False: it casts none."""
        if self._voted_for != (group, place):
            self.member.keep(*self._vectors())
            self._gone = not self.member.judge(self.watch.seats(), self.watch.sums())
            self._voted_for = group, place
        return not self._gone

    def _vectors(self) -> tuple[FloatVec, FloatVec]:
        """(its trained vector, W^p)."""
        if self._trained is None:
            published = check_published(self.watch.session, self.watch.ledger(), self.watch.params)
            self._trained = self.train(published), published
        return self._trained

    def _withdraw(self) -> Action | Waiting | Done:
        """Who left an end that isn't final would lose its bond where the chain goes back to before its upload."""
        session, account = self.watch.session, self.member.account
        credit = session.credit_of(account)
        if not credit:
            if session.member(account).registered and (left := self._blocks_left("Finished")):
                return until_final(self.watch.chain, left)
            return Done("the session is finished, and owes this account nothing")
        return Action("withdraw", (), lambda: session.withdraw(account), f"takes out {credit} wei")
