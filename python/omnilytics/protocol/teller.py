"""What is said of a session in the event stream, whoever says it: its driver, or somebody who reads its logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from omnilytics.protocol import events
from omnilytics.protocol.seating import NOBODY, Seating
from omnilytics.protocol.sharing import places_of
from omnilytics.types import Address, DropoutPolicy, Money, SessionParams, Stage


@dataclass(slots=True, kw_only=True)
class Teller:
    """Speaks for one session, which is number `number` of its run.

    `seats` and `reserve_wei`, what is left for fees, are kept current by whoever makes it speak.
    """

    params: SessionParams
    sink: events.Sink
    number: int
    reserve_wei: int
    seats: Seating = NOBODY
    _told: set[tuple[int, int]] = field(default_factory=set)
    _correctors: dict[int, Address] = field(default_factory=dict)

    def logged(self, name: str, values: dict[str, Any], reason: str = "") -> None:
        """A log that says all by itself: who was paid a fee, who declined, which groups failed, which records changed.

        Args:
            name: the contract's event; others are passed over.
            values: its fields.
            reason: why a member declines or objects.
        """
        match name:
            case "FeeCredited":
                self.reserve_wei -= values["amount_wei"]
                self.sink(events.FeesCredited(self.number, values["account"], values["amount_wei"], self.reserve_wei))
            case "RecordChanged":
                self.record(values["account"], values["suspicion"])
            case "Declined":
                account, group, place = values["member"], values["group"], values["place"]
                self._told.add((group, place))
                self.member(account, "declined", group, place)
                self.sink(events.Declined(self.number, account, group, place, values["paid_wei"], reason))
            case "Objected":
                group, place, accused = values["group"], values["place"], values["accused"]
                member, other = values["member"], self.seats.groups[group][accused]
                self._told |= {(group, place), (group, accused)}
                self.member(member, "objected", group, place)
                self.member(other, "accused", group, accused)
                self.sink(events.Objected(self.number, member, other, group, reason))
            case "Rebuilt" | "DealerBlamed":
                group, place = values["group"], values["place"]
                status = "rebuilt" if name == "Rebuilt" else "blamed"
                self.member(self.seats.groups[group][place], status, group, place)
            case "VoteCommitted":
                self.member(values["member"], "voted", values["group"], values["place"])
            case "VoteOpened":
                group, place, bits = values["group"], values["place"], values["bits"]
                self.sink(events.VoteCast(self.number, values["member"], group, place, list(places_of(bits))))
            case "GroupFailed":
                stage = Stage(values["stage"])
                self.group(values["group"], "refuted" if stage is Stage.ACCUSE else "failed")
                if stage not in (Stage.CORRECT, Stage.ACCUSE):
                    self.missing(values["group"], stage.name.lower(), values["did_their_part"])
            case _:
                self._blobs(name, values)

    def _blobs(self, name: str, values: dict[str, Any]) -> None:
        """The same of vectors in blobs."""
        match name:
            case "Posted":
                seat = values["member"], values["group"], values["place"]
                self.sink(events.BlobsPosted(self.number, *seat, len(values["hashes"])))
            case "Accused":
                self.sink(events.Accused(self.number, values["account"]))
            case "Refuted":
                self.sink(events.Refuted(self.number, values["account"], values["group"], values["index"]))
            case "SumsAdded":
                self.sink(events.SumsAdded(self.number, list(places_of(values["groups"]))))
            case "Corrected":
                member, group, blobs = values["member"], values["group"], len(values["hashes"])
                whole = values["chunk"] + blobs == self.params.chunks
                self.sink(events.Corrected(self.number, member, group, values["place"], blobs, whole))
                if whole:
                    self._correctors[group] = member
                    self.group(group, "corrected")
            case "CorrectionRefuted":
                account, group = values["account"], values["group"]
                poster = self._correctors[group]
                self.sink(events.CorrectionRefuted(self.number, account, poster, group, values["index"]))
            case "SumsProven":
                self.sink(events.SumsProven(self.number, len(values["products"])))
            case _:
                pass

    def missing(self, group: int, step: str, did: int) -> None:
        """Says who of a group has missed a step and none before, if anybody has.

        Args:
            group: its id.
            step: share | upload | reveal; with `abort` its name isn't told.
            did: who took it, bitmap over places.
        """
        absent = {
            (group, place): account
            for place, account in enumerate(self.seats.groups[group])
            if not did >> place & 1 and (group, place) not in self._told
        }
        self._told |= absent.keys()
        if absent and self.params.policy is DropoutPolicy.RECOVER:
            members = [str(account) for account in absent.values()]
            self.sink(events.StepMissed(self.number, group, step, members, did.bit_count()))
        for (_, place), account in absent.items():
            self.member(account, "missed", group, place)

    def record(self, account: Address, suspicion: int) -> None:
        """What the market remembers of a member now."""
        constants = self.params.records
        suspect = constants is not None and suspicion >= constants.threshold
        self.sink(events.RecordChanged(self.number, account, suspicion, suspect))

    def stage(self, stage: Stage, deadline: int, now: int) -> None:
        """The session is in a stage until a deadline; both times and the chain's are unix times, seconds."""
        self.sink(events.StageChanged(self.number, stage.name.lower(), deadline, now))

    def member(
        self, account: Address, status: str, group: int = -1, place: int = -1, *, credit: int = 0, clipped: int = 0
    ) -> None:
        """A member moved on."""
        self.sink(events.MemberChanged(self.number, account, status, group, place, credit, clipped))

    def group(self, group: int, status: str) -> None:
        """A group moved on."""
        self.sink(events.GroupChanged(self.number, group, status, [str(a) for a in self.seats.groups[group]]))

    def money(self, money: Money) -> None:
        """The session's books."""
        m = money
        self.sink(events.MoneyMoved(self.number, m.deposited, m.credits, m.locked, m.withdrawn, self.reserve_wei))

    def redrawn(self, first: int, groups: int, unseated: int) -> None:
        """Survivors of failed groups have new ones."""
        self.sink(events.Redrawn(self.number, first, groups, unseated))

    def finished(
        self,
        accepted: Sequence[int],
        rejected: Sequence[int],
        failed: Sequence[int],
        unselected: bool,
        fees_wei: int,
        burnt_wei: int,
    ) -> None:
        """The session is over; group ids."""
        groups = list(accepted), list(rejected), list(failed)
        self.sink(events.SessionFinished(self.number, *groups, unselected, fees_wei, burnt_wei))

    def note(self, text: str) -> None:
        """A sentence."""
        self.sink(events.Note(self.number, text))
