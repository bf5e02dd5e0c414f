"""What a session has beside the others whose vectors are in blobs: corrections, accusations, sums, a proof."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from omnilytics.blobs.blob import MOST_BLOBS
from omnilytics.protocol.blob_sums import Malformed, groups_in_call
from omnilytics.protocol.company import Company
from omnilytics.types import Address, GroupStatus, Mode, Receipt, Stage

SALT_BYTES = 32


class BlobDriver:
    """Takes a session from its uploads to its sums; without blobs it does nothing."""

    def __init__(self, company: Company) -> None:
        self._all = company
        self._session, self._tell, self._params = company.session, company.tell, company.params

    def run(self) -> None:
        """Corrects with `recover`, looks at all sums, accuses and refutes malformed ones, adds up the others."""
        if self._params.mode is not Mode.BLOB:
            return
        if self._params.has_corrections:
            self.correct()
        self.accuse()
        self.add_sums()

    def correct(self) -> None:
        """The first of those of each disclosed group who have delivered posts what lifts the masks of its sum."""
        if self._session.stage() is not Stage.CORRECT:
            return
        groups = self._all.groups(GroupStatus.DELIVERED)
        for group in groups:
            self._tell.group(group, "uncorrected")
        for group in groups:
            poster = next(iter(self._all.correctors(group)), None)
            if poster is not None:
                blobs = self._all.watch.blob_sums.correction(self._all.ledger(), group)
                for first in range(0, len(blobs), MOST_BLOBS):
                    self._tell.did(self._session.correct(poster, blobs[first : first + MOST_BLOBS]))
        if self._session.stage() is Stage.CORRECT:
            self._all.pass_deadline()

    def accuse(self) -> None:
        """The seated members accuse groups whose sums aren't in range, one each, and open what they have said."""
        self._tell.staged()
        if self._session.stage() is not Stage.ACCUSE:
            return
        self._refute_corrections()
        accused = self._accused()
        if not accused:
            self._all.chain.wait_until(self._session.deadline() + 1)
            return
        self._all.pass_deadline()
        self._tell.staged()
        for account, (found, salt) in accused.items():
            self.refute(account, found, salt)
        if self._session.stage() is Stage.ACCUSE:
            self._all.pass_deadline()

    def _refute_corrections(self) -> None:
        """Somebody shows what is wrong with each correction that is."""
        ledger = self._all.ledger()
        for group, wrong in self._all.watch.blob_sums.all_wrong(ledger).items():
            sharing, caller = ledger.sharing[group], self._all.one_seated()
            self._tell.did(self._session.refute_correction(caller, group, wrong, sharing.minus, sharing.plus))

    def _accused(self) -> dict[Address, tuple[Malformed, bytes]]:
        """Who has accused which sum, with the salt."""
        watch, ledger = self._all.watch, self._all.ledger()
        accused = {}
        for member, malformed in zip(self._all.members, watch.blob_sums.all_malformed(ledger), strict=False):
            salt = secrets.token_bytes(SALT_BYTES)
            commitment = malformed.commitment(self._all.chain.chain_id, self._session.address, member.account, salt)
            self._tell.did(self._session.accuse(member.account, commitment, self._params.bond_wei))
            accused[member.account] = malformed, salt
        return accused

    def refute(self, account: Address, found: Malformed, salt: bytes) -> None:
        """Opens an accusation."""
        sums, ledger = self._all.watch.blob_sums, self._all.ledger()
        members = sums.accounts(ledger, self._tell.seats, [found.group])
        points = sums.commitments(ledger, [found.group])
        opening = found.index, found.element, salt, found.witness
        self._tell.did(self._session.refute(account, *opening, members, points))

    def add_sums(self) -> None:
        """As many groups at a time as fit a call."""
        self._tell.staged()
        if self._session.stage() not in (Stage.ACCUSE, Stage.AGGREGATE):
            return
        sums, ledger, seats = self._all.watch.blob_sums, self._all.ledger(), self._tell.seats
        groups = sums.delivered(ledger)
        many = groups_in_call(self._params)
        for first in range(0, len(groups), many):
            some = groups[first : first + many]
            accounts = sums.accounts(ledger, seats, some)
            caller = self._all.one_of(some[0])
            self._tell.did(self._session.add_sums(caller, accounts, sums.commitments(ledger, some)))
            for group in some:
                self._tell.moved(group)

    def select(self, complete: Sequence[int]) -> Receipt:
        """The rule, on what is proven of the sums of all live groups, in as many calls as it takes."""
        prover, proof = self._all.one_seated(), self._all.watch.blob_sums.proof(self._all.ledger(), complete)
        receipt = proof.send(self._session, prover)
        for _ in proof.shape.parts()[1:]:
            self._tell.did(receipt)
            receipt = proof.send(self._session, prover, self._all.ledger().proofs[prover])
        return receipt
