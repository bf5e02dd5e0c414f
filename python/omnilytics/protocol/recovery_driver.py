"""What the members of a session with policy `recover` do between the draw and the selection, step by step."""

from __future__ import annotations

from collections.abc import Collection

from omnilytics.protocol.blob_driver import BlobDriver
from omnilytics.protocol.company import Company, Step, Train
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.recovery_steps import disclosures, rebuildings, uploads
from omnilytics.protocol.sharing import Sharing, places_of
from omnilytics.types import FloatVec, GroupStatus, Mode, Stage


class RecoveryDriver:
    """Takes a drawn session to its selection; a group comes through as long as T of its members do."""

    def __init__(self, company: Company) -> None:
        self._all = company
        self._session, self._tell = company.session, company.tell

    def run(self, published: FloatVec, train: Train) -> None:
        """Every step, in order."""
        self.share()
        self.upload(published, train)
        self.reveal()
        self.disclose()
        if self._all.params.mode is Mode.BLOB:
            BlobDriver(self._all).run()
        else:
            self.unmask()

    def share(self) -> None:
        """All who have a seat deal shares of their secrets, and object to bad ones; survivors once more."""
        self._share_round(range(self._session.group_count()))
        if self._session.stage() in (Stage.DRAW, Stage.SHARE):
            self._share_round(self._all.draw_again())

    def upload(self, published: FloatVec, train: Train) -> None:
        """Who has shared trains, masks and uploads, after the barrier."""
        self._tell.staged()
        if self._session.stage() is not Stage.UPLOAD:
            return
        live = self._all.groups(GroupStatus.UPLOAD)
        sharers = [one for group in live for one in self._present(group, self._sharers(group), Step.UPLOAD)]
        trained = self._all.train(train, {member.account for _, member in sharers}, published)
        for group in live:
            self._tell.missing(group, "share", self._sharers(group))
            for place, member in self._present(group, self._sharers(group), Step.UPLOAD):
                if not member.mask(trained[member.account], published, self._tell.seats, self._all.ledger()):
                    continue
                for receipt in member.upload():
                    self._tell.did(receipt)
                self._tell.member(member.account, "uploaded", group, place, clipped=member.clipped)
            self._tell.moved(group)
        if self._session.stage() is Stage.UPLOAD:
            self._all.pass_deadline()

    def reveal(self) -> None:
        """Who has delivered reveals its self mask, and all together the mask keys of who hasn't."""
        self._tell.staged()
        if self._session.stage() is not Stage.REVEAL:
            return
        live = self._all.groups(GroupStatus.REVEAL)
        for group in live:
            self._tell.missing(group, "upload", self._delivered(group))
            self._tell.moved(group)
            for place, member in self._present(group, self._delivered(group), Step.REVEAL):
                self._tell.did(member.reveal(self._all.ledger()))
                self._tell.member(member.account, "revealed", group, place)
            self._tell.missing(group, "reveal", self._session.group(group).revealed)
            self._rebuild(group)
        if self._session.stage() is Stage.REVEAL:
            self._lend(live)

    def disclose(self) -> None:
        """A member of each open group has the contract derive the seeds of the masks that are in its sum."""
        self._tell.staged()
        if self._session.stage() not in (Stage.AGGREGATE, Stage.CORRECT):
            return
        for group in self._all.groups(GroupStatus.DELIVERED):
            caller = self._all.one_of(group)
            known = disclosures(self._session.group(group), group, self._tell.seats, self._all.ledger())
            self._tell.did(self._session.disclose(caller, group, known))

    def unmask(self) -> None:
        """A member of each disclosed group re-supplies its uploads; the contract adds them and takes the masks off."""
        if self._session.stage() is not Stage.AGGREGATE:
            return
        for group in self._all.groups(GroupStatus.DELIVERED):
            ledger, sharing = self._all.ledger(), self._sharing(group)
            view = self._session.group(group)
            for chunk in range(self._all.codec.chunks):
                words = uploads(view, group, chunk, ledger)
                caller = self._all.one_of(group)
                self._tell.did(self._session.unmask(caller, group, chunk, words, sharing.minus, sharing.plus))
            self._tell.moved(group)

    def _share_round(self, groups: Collection[int]) -> None:
        """The members of `groups` decline or share; then those who have look at what they got."""
        self._tell.staged()
        self._all.decline(groups)
        for group in groups:
            for place, member in self._present(group, self._seated(group), Step.SHARE):
                if self._session.group(group).status is GroupStatus.COMMIT:
                    self._tell.did(member.share(self._tell.seats, self._all.ledger()))
                    self._tell.member(member.account, "shared", group, place)
        if not self._all.ledger().objecting:
            self._all.pass_deadline()
        self._tell.staged()
        for group in groups:
            view = self._session.group(group)
            if view.status is GroupStatus.COMMIT and view.committed.bit_count() >= self._all.params.threshold:
                self._object(group)
        self._all.pass_deadline()

    def _object(self, group: int) -> None:
        """The first member that got bad shares dissolves its group; all of them check theirs."""
        for _, member in self._present(group, self._sharers(group), Step.SHARE):
            member.part.await_sharers()
            faults = member.part.check(self._sharing(group))
            if faults:
                accused, reason = min(faults.items())
                self._tell.did(member.part.object_to(accused), reason)
                return

    def _lend(self, groups: Collection[int]) -> None:
        """In the third quarter of the window, all others lend their shares of the self masks that aren't revealed."""
        self._all.chain.wait_until(self._session.deadline() - self._all.params.reveal_secs // 2 + 1)
        wanting = [group for group in groups if self._delivered(group) & ~self._session.group(group).opened]
        for group in wanting:
            for place, member in self._present(group, self._session.group(group).revealed, Step.LEND):
                self._tell.did(member.part.reveal_shares(self._sharing(group)))
                self._tell.member(member.account, "lent", group, place)
        for group in wanting:
            self._rebuild(group)
        if self._session.stage() is Stage.REVEAL:
            self._all.pass_deadline()

    def _rebuild(self, group: int) -> None:
        """Has the contract rebuild every secret of which T shares are known, or name its dealer once."""
        view, ledger = self._session.group(group), self._all.ledger()
        for one in rebuildings(view, group, self._tell.seats, ledger, self._all.params.threshold):
            caller = self._all.one_of(group)
            self._tell.did(self._session.rebuild(caller, one.dealer, one.addresses, one.holders, one.shares))

    def _present(self, group: int, places: int, step: Step) -> list[tuple[int, DataOwner]]:
        """(place, member) of those places whose members do the step."""
        accounts = self._tell.seats.groups[group]
        here = ((place, accounts[place]) for place in places_of(places))
        return [(place, self._all.by_account[account]) for place, account in here if self._all.here(account, step)]

    def _seated(self, group: int) -> int:
        return (1 << len(self._tell.seats.groups[group])) - 1

    def _sharers(self, group: int) -> int:
        return self._session.group(group).committed

    def _delivered(self, group: int) -> int:
        return self._session.group(group).delivered

    def _sharing(self, group: int) -> Sharing:
        return self._all.ledger().sharing[group]
