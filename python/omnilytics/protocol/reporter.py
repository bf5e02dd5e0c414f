"""What a session's driver says in the event stream: its own steps, and what receipts tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from omnilytics.chain.abi import decode_log
from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.protocol import events
from omnilytics.protocol.seating import NOBODY, Seating
from omnilytics.types import Address, DropoutPolicy, Receipt, SessionParams, Stage


@dataclass(slots=True)
class Reporter:
    """Speaks for one session, which is number `number` of its run. `seats` is kept current by the driver."""

    chain: ChainPort
    session: SessionPort
    params: SessionParams
    sink: events.Sink
    number: int
    seats: Seating = NOBODY
    _stage: tuple[Stage, int] | None = None
    _reserve: int = field(init=False)
    _told: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._reserve = self.session.reserve()

    def did(self, receipt: Receipt, reason: str = "") -> None:
        """A transaction: its gas, who was paid it back, who declined, which groups failed, which records changed.

        `reason` is why a member declines or objects.
        """
        self.sink(events.GasUsed(self.number, receipt.call, receipt.gas_used, receipt.calldata_bytes))
        for log in receipt.logs:
            decoded = decode_log(log)
            if decoded is not None:
                self._logged(*decoded, reason)

    def _logged(self, name: str, values: dict[str, Any], reason: str) -> None:
        match name:
            case "FeeCredited":
                self._reserve -= values["amount_wei"]
                self.sink(events.FeesCredited(self.number, values["account"], values["amount_wei"], self._reserve))
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
            case "GroupFailed":
                self.group(values["group"], "failed")
                self.missing(values["group"], Stage(values["stage"]).name.lower(), values["did_their_part"])
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

    def staged(self) -> None:
        """The session's stage, if it or its deadline has changed: the second commitment round has one of its own."""
        stage, deadline = self.session.stage(), self.session.deadline()
        if (stage, deadline) != self._stage:
            self._stage = stage, deadline
            self.sink(events.StageChanged(self.number, stage.name.lower(), deadline, self.chain.timestamp()))

    def member(
        self, account: Address, status: str, group: int = -1, place: int = -1, *, credit: int = 0, clipped: int = 0
    ) -> None:
        """A member moved on."""
        self.sink(events.MemberChanged(self.number, account, status, group, place, credit, clipped))

    def group(self, group: int, status: str | None = None) -> None:
        """A group moved on; None asks the contract where it stands."""
        name = status or self.session.group(group).status.name.lower()
        self.sink(events.GroupChanged(self.number, group, name, [str(a) for a in self.seats.groups[group]]))

    def books(self) -> None:
        """The session's money."""
        m = self.session.money()
        self._reserve = self.session.reserve()
        self.sink(events.MoneyMoved(self.number, m.deposited, m.credits, m.locked, m.withdrawn, self._reserve))

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
