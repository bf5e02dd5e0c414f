"""The event stream of a session from its logs alone, as anybody can read them; each is recomputed before it is told.

What only a participant knows stays out: accuracies, what was trained and clipped, gas, reasons of those who left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omnilytics.chain.abi import decode_log
from omnilytics.errors import VerificationError
from omnilytics.protocol import events
from omnilytics.protocol.history import History
from omnilytics.protocol.ledger import PlaceOf, Selection
from omnilytics.protocol.rebuilding import replay_of
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.recovery_replay import RecoveryReplay
from omnilytics.protocol.replay import Replay
from omnilytics.protocol.scores import distances, score_groups, tell_scores
from omnilytics.protocol.sharing import places_of
from omnilytics.protocol.teller import Teller
from omnilytics.protocol.verify import contradictions
from omnilytics.types import Address, DropoutPolicy, Log, Mode, Rule, Stage

DEADLINES = {
    "Started": (Stage.REGISTER, "register_deadline"),
    "SharingClosed": (Stage.SHARE, "object_deadline"),
    "BarrierPassed": (Stage.UPLOAD, "upload_deadline"),
    "CorrectingClosed": (Stage.ACCUSE, "accuse_deadline"),
    "AccusingClosed": (Stage.ACCUSE, "refute_deadline"),
    "RefutingClosed": (Stage.AGGREGATE, "aggregate_deadline"),
    "VotingClosed": (Stage.VOTE, "open_deadline"),
    "VoteClosed": (Stage.SELECT, "select_deadline"),
}
"""Events that always lead to one stage, and the field of its deadline."""

TELL_MONEY = ("Registered", "Drawn", "AggregationClosed", "Settled", "Withdrawn", "Finished")
"""Other events after which the books are told."""

BEFORE_START = ("Whitelisted", "WhitelistRootSet", "Published")
"""Events that come before the session is started."""

STEPS = {"Committed": "committed", "Shared": "shared", "Revealed": "revealed"}
"""Events of one member's step -> what it has done."""


class Narrator:
    """Tells one session; `events` are all that its logs up to now come to, times of the chain left out.

    The events follow from the logs alone, whatever the portions in which they come.

    Args:
        record: which session, which number it has; its logs may be missing, and `place_of` is asked then.
        sessions: how many the run has, of which this begins to tell; 0: it has begun.
        place_of: of members of cohorts; None: the record has all logs.
    """

    def __init__(self, record: SessionRecord, sessions: int = 1, place_of: PlaceOf | None = None) -> None:
        self.events: list[events.Event] = []
        self.stage, self.deadline = Stage.SETUP, 0
        self._record = record
        self._sessions = sessions
        self._place_of = place_of
        self._before_start: list[tuple[int, Log]] = []
        self._listed: list[Address] = []
        self._lent: set[tuple[int, int]] = set()
        self._replay: Replay | None = None
        self._tell: Teller | None = None

    @property
    def finished(self) -> bool:
        """Whether the session is over."""
        return self.stage is Stage.FINISHED

    @property
    def checks(self) -> int:
        """How many checks its logs have stood."""
        return 0 if self._replay is None else sum(self._replay.checks.values())

    def take(self, entries: Sequence[tuple[int, Log]]) -> None:
        """Takes in later logs, (block number, log).

        Raises:
            VerificationError: one contradicts those before it, or the protocol.
        """
        for block, log in entries:
            with contradictions():
                decoded = decode_log(log)
            if self._replay is None:
                self._before_start.append((block, log))
                if decoded is not None and decoded[0] in BEFORE_START:
                    self._listed += decoded[1].get("members", [])
                    continue
                if decoded is None or decoded[0] not in ("Started", "Cancelled", "Finished"):
                    found = "an unknown event" if decoded is None else decoded[0]
                    raise VerificationError(f"logs from the session's beginning: expected Started first, found {found}")
                self._begin()
            else:
                self._check(block, log)
            if decoded is not None:
                self._told(*decoded)

    def _begin(self) -> None:
        logs = self._record.logs or tuple(self._before_start)
        with contradictions():
            self._replay = replay_of(replace(self._record, logs=logs), History(), self._place_of)
        for block, log in self._before_start:
            self._check(block, log)

    def _check(self, block: int, log: Log) -> None:
        with contradictions():
            self._state.on(block, log)

    @property
    def _state(self) -> Replay:
        assert self._replay is not None
        return self._replay

    def _told(self, name: str, v: dict[str, Any]) -> None:
        if name == "Started":
            self._open(v)
        if name == "Finished":
            with contradictions():
                self._state.at_end()
        if self._tell is None:
            self._closed(name)
            return
        self._tell.seats = self._state.seats
        self._tell.logged(name, v)
        self._staged(name, v)
        getattr(self, f"_on_{name.lower()}", _nothing)(v)
        if name in STEPS:
            self._tell.member(v["member"], STEPS[name], v["group"], v["place"])
        if name in DEADLINES or name in TELL_MONEY:
            self._tell.money(self._state.money())

    def _closed(self, name: str) -> None:
        """A session that ends before it is started."""
        if name == "Finished":
            self.stage = Stage.FINISHED
            self.events.append(events.SessionFinished(self._record.number, [], [], [], False, 0, 0))

    def _open(self, v: dict[str, Any]) -> None:
        params, number = self._state.terms, self._record.number
        self._tell = Teller(params=params, sink=self.events.append, number=number, reserve_wei=v["reserve_wei"])
        if self._sessions:
            self.events.append(
                events.RunStarted(
                    session=0,
                    dataset="",
                    split="",
                    encoding=params.encoding.name.lower(),
                    rule=params.rule.spelling,
                    sessions=self._sessions,
                    rounds=params.rounds,
                    group_size=params.members,
                    parameter_count=params.parameter_count,
                    members=[str(account) for account in self._listed],
                    attackers=[],
                    attack="none",
                    seed=None,
                    owner=self._record.owner,
                    policy=params.policy.name.lower(),
                    threshold=params.threshold,
                    dropouts=0,
                    mode=params.mode.name.lower(),
                    packed=params.packed,
                )
            )
        money = params.reward_wei, v["reserve_wei"], params.bond_wei
        self.events.append(events.SessionCreated(number, self._record.address, *money, params.clip_value))

    def _staged(self, name: str, v: dict[str, Any]) -> None:
        """Which stage an event leads to."""
        recover, blobs = self._state.terms.policy is DropoutPolicy.RECOVER, self._state.terms.mode is Mode.BLOB
        match name:
            case "RegistrationClosed" | "RoundClosed" if v["draw_block"]:
                self._entered(Stage.DRAW)
            case "Drawn" | "Redrawn":
                self._entered(Stage.SHARE if recover else Stage.COMMIT, v["commit_deadline"])
            case "UploadClosed":
                follows = Stage.REVEAL if recover else Stage.ACCUSE if blobs else None
                self._entered(follows if follows and v["delivered_groups"] else Stage.AGGREGATE, v["deadline"])
            case "RevealClosed":
                follows = Stage.CORRECT if blobs and v["open_groups"] else Stage.AGGREGATE
                self._entered(follows, v["aggregate_deadline"])
            case "AggregationClosed":
                votes = self._state.terms.rule is Rule.NORM_VOTE
                self._entered(Stage.VOTE if votes else Stage.SELECT, v["select_deadline"])
            case "Selected":
                self._entered(Stage.PAYMENT)
            case "Finished":
                self._entered(Stage.FINISHED)
            case _ if name in DEADLINES:
                stage, key = DEADLINES[name]
                self._entered(stage, v[key])
            case _:
                pass

    def _entered(self, stage: Stage, deadline: int = 0) -> None:
        self.stage, self.deadline = stage, deadline
        self._teller.stage(stage, deadline, 0)

    @property
    def _teller(self) -> Teller:
        assert self._tell is not None
        return self._tell

    def _on_registered(self, v: dict[str, Any]) -> None:
        constants = self._state.terms.records
        self._teller.member(v["member"], "registered")
        if constants is not None and v["suspicion"] != constants.newcomer:
            self._teller.record(v["member"], v["suspicion"])

    def _on_drawpostponed(self, v: dict[str, Any]) -> None:
        self._teller.note(f"nobody drew in time: the seats are drawn by block {v['draw_block']}")

    def _on_drawn(self, v: dict[str, Any]) -> None:
        for account in self._state.seats.unseated:
            self._teller.member(account, "unseated")
        self._seated(0)

    def _on_redrawn(self, v: dict[str, Any]) -> None:
        self._teller.redrawn(v["first_group"], v["groups"], v["unseated"])
        self._seated(v["first_group"])

    def _seated(self, first: int) -> None:
        """Who sits in the groups from that one on."""
        for group in range(first, len(self._state.seats.groups)):
            self._teller.group(group, "commit")
            for place, account in enumerate(self._state.seats.groups[group]):
                self._teller.member(account, "seated", group, place)

    def _on_cancelled(self, v: dict[str, Any]) -> None:
        self._teller.note("The session ends before anybody has a seat: everybody has their money back.")
        for account in self._state.registered:
            self._teller.member(account, "refunded", credit=self._state.terms.bond_wei)

    def _on_barrierpassed(self, v: dict[str, Any]) -> None:
        for group in places_of(v["live_groups"]):
            if self._state.terms.policy is DropoutPolicy.RECOVER:
                self._teller.missing(group, "share", self._state.committed(group))
            self._teller.group(group, "upload")

    def _on_uploaded(self, v: dict[str, Any]) -> None:
        delivered = self._state.delivered(v["group"])
        if delivered >> v["place"] & 1:
            self._teller.member(v["member"], "uploaded", v["group"], v["place"])
            if self._state.terms.policy is DropoutPolicy.ABORT and delivered == self._state.everybody:
                self._teller.group(v["group"], "delivered")

    _on_posted = _on_uploaded

    def _on_uploadclosed(self, v: dict[str, Any]) -> None:
        if self._state.terms.policy is DropoutPolicy.RECOVER:
            for group in places_of(v["delivered_groups"]):
                self._teller.missing(group, "upload", self._state.delivered(group))
                self._teller.group(group, "reveal")

    def _on_sumsadded(self, v: dict[str, Any]) -> None:
        for group in places_of(v["groups"]):
            self._teller.group(group, "aggregated")

    def _on_sharerevealed(self, v: dict[str, Any]) -> None:
        """Shares of mask keys belong to `reveal`; a member that lends has a share of a self mask to give."""
        state, group, place = self._state, v["group"], v["place"]
        assert isinstance(state, RecoveryReplay)
        if state.delivered(group) >> v["dealer"] & 1 and (group, place) not in self._lent:
            self._lent.add((group, place))
            self._teller.missing(group, "reveal", state.revealed.get(group, 0))
            self._teller.member(v["member"], "lent", group, place)

    def _on_revealclosed(self, v: dict[str, Any]) -> None:
        state = self._state
        assert isinstance(state, RecoveryReplay)
        for group in places_of(v["open_groups"]):
            self._teller.missing(group, "reveal", state.revealed.get(group, 0))
            self._teller.group(group, "uncorrected" if state.terms.has_corrections else "delivered")

    def _on_aggregated(self, v: dict[str, Any]) -> None:
        if v["group"] in self._state.norms:
            self._teller.group(v["group"], "aggregated")

    def _on_selected(self, v: dict[str, Any]) -> None:
        """The verdicts, where all groups were there to compare; of sums in blobs by what was proven of them."""
        state = self._state
        complete = sorted(state.norms)
        chosen = Selection(v["accepted"], v["paid"], v["unselected"], v["share_wei"], v["burnt_wei"])
        if not complete or not (v["accepted"] or chosen.paid == sum(1 << group for group in complete)):
            return
        number, codec, tally = self._record.number, state.codec, state.votes.tally
        counts = [state.delivered(group).bit_count() for group in complete]
        if state.aggregates:
            aggregates = [b"".join(state.aggregates[group]) for group in complete]
            self.events += tell_scores(number, codec, complete, aggregates, counts, chosen, tally)
        elif state.terms.mode is Mode.BLOB:
            proven = [state.norms[group] for group in complete], state.inner_products(complete)
            self.events += score_groups(number, codec, complete, *proven, counts, chosen, tally)
            if state.terms.rule is Rule.KRUM:
                self.events.append(distances(number, codec, complete, *proven, counts))

    def _on_settled(self, v: dict[str, Any]) -> None:
        group, fates = v["group"], self._state.fates
        constants = self._state.terms.records
        self._teller.group(group, "settled")
        suspicions = {one.member: one.suspicion for one in self._state.registrations}
        for place, account in enumerate(self._state.seats.groups[group]):
            due = fates.due(group, place)
            if due and not self._left(group, place):
                paid = v["paid"] and group not in fates.failed and self._state.delivered(group) >> place & 1
                self._teller.member(account, "paid" if paid else "refunded", group, place, credit=due)
            if constants is not None and v["recorded"] >> place & 1:
                blamed = bool(v["blamed"] >> place & 1)
                self._teller.record(account, constants.after(suspicions[account], blamed))

    def _left(self, group: int, place: int) -> bool:
        """Whether that member declined its group."""
        return group in self._state.fates.dissolved and not self._state.fates.failed[group] >> place & 1

    def _on_withdrawn(self, v: dict[str, Any]) -> None:
        if v["account"] in self._state.registered:
            seat = self._state.seats.seat_of(v["account"])
            self._teller.member(v["account"], "withdrawn", *(seat or (-1, -1)))

    def _on_finished(self, v: dict[str, Any]) -> None:
        state = self._state
        self._teller.reserve_wei = 0  # the rest of it is the owner's
        groups = range(len(state.seats.groups))
        accepted = [g for g in groups if state.fates.accepted >> g & 1]
        failed = [g for g in groups if g in state.fates.failed]
        rejected = [g for g in groups if g not in accepted and g not in failed]
        self._teller.finished(accepted, rejected, failed, state.fates.unselected, state.fees, state.fates.burnt_wei)


def _nothing(values: dict[str, Any]) -> None:
    """Of an event that says nothing to be told."""


def narrate(records: Sequence[SessionRecord]) -> list[events.Event]:
    """The event stream of finished sessions, one run, in order.

    Raises:
        VerificationError: a record contradicts itself or the protocol.
    """
    told: list[events.Event] = []
    for index, record in enumerate(records):
        narrator = Narrator(record, 0 if index else len(records))
        narrator.take(record.logs)
        told += narrator.events
    return [*told, events.RunFinished(0, None, None)]
