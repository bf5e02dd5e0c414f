"""`correct` and `refute_correction`: who, when and what; a wrong correction is shown, a right one can't be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from omnilytics.blobs import scheme
from tests.contracts.blobs.test_sessions import check_books
from tests.contracts.harness import CorrectDriver, Stage, Status, economy, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness.blobbing import commit
from tests.contracts.harness.blobs import Q
from tests.contracts.harness.fixtures import Factory, RecoverFactory, recover_factory

SHORT, WHOLE = 0, 1
"""The groups of `correcting`: one member has shared and not delivered; all have delivered."""

GONE = 2
"""The place of who hasn't."""


@pytest.fixture(scope="session")
def new_recover(new_session: Factory) -> RecoverFactory:
    """Makes a session in Setup: two groups of four in blobs, T = 3, unless told otherwise."""
    make = recover_factory(new_session)

    def made(*args: Any, **given: Any) -> CorrectDriver:
        driver = make(*args, **{"rounds": 2, "parameter_count": 40} | given)
        assert isinstance(driver, CorrectDriver)
        return driver

    return made


def uploading(new_recover: RecoverFactory) -> CorrectDriver:
    """Two groups of four, T = 3, one blob each, with records, in stage Upload."""
    session = new_recover(record_constants=economy.record_constants()).to(Stage.UPLOAD)
    assert isinstance(session, CorrectDriver)
    return session


@pytest.fixture(scope="module")
def correcting(new_recover: RecoverFactory) -> CorrectDriver:
    """In stage Correct."""
    session = uploading(new_recover)
    session.upload_but(session.members_of(SHORT)[GONE])
    return session.to(Stage.CORRECT)


@pytest.fixture
def session(correcting: CorrectDriver) -> CorrectDriver:
    return correcting.copy()


@pytest.fixture(scope="module")
def wrong(new_recover: RecoverFactory) -> CorrectDriver:
    """In stage Accuse; the correction of the short group is wrong in one element."""
    session = uploading(new_recover)
    session.upload_but(session.members_of(SHORT)[GONE])
    session.wrong[SHORT] = {17: 5}
    return session.to(Stage.ACCUSE)


def bent(arguments: Sequence[Any], at: int, value: Any) -> list[Any]:
    return [*arguments[:at], value, *arguments[at + 1 :]]


class TestCorrecting:
    def test_what_it_says(self, session: CorrectDriver) -> None:
        session.disclose(SHORT)
        poster, hashes = session.members_of(SHORT)[1], session.correction_hashes(SHORT)
        event = session.correct(poster, hashes).only("Corrected")
        assert (event.member, event.group, event.place, event.chunk) == (poster, SHORT, 1, 0)
        assert event.hashes == hashes
        assert session.contract.correction(SHORT) == b.fold(hashes)
        assert session.group(SHORT).chunks_aggregated == 0
        assert session.stage() == Stage.CORRECT
        session.correct_all(WHOLE)
        assert session.stage() == Stage.ACCUSE

    def test_the_stage_ends_with_the_last_one(self, session: CorrectDriver) -> None:
        session.correct_all(SHORT)
        closed = session.correct_all(WHOLE)[-1].only("CorrectingClosed")
        assert (closed.corrected_groups, closed.accuse_deadline) == (0b11, session.deadline())
        assert session.deadline() == session.chain.time + session.params.reveal_secs

    def test_before_the_seeds_are_disclosed(self, session: CorrectDriver) -> None:
        hashes = session.correction_hashes(SHORT)
        with reverts("blobs: the seeds aren't disclosed"):
            session.correct(session.members_of(SHORT)[0], hashes)

    def test_who(self, session: CorrectDriver) -> None:
        session.disclose(SHORT)
        hashes = session.correction_hashes(SHORT)
        for account in (session.stranger, session.owner):
            with reverts("recover: no shares"):
                session.correct(account, hashes)
        with reverts("blobs: not one of those who correct"):
            session.correct(session.members_of(SHORT)[GONE], hashes)
        with reverts("blobs: the seeds aren't disclosed"):
            session.correct(session.members_of(WHOLE)[0], hashes)

    def test_once(self, session: CorrectDriver) -> None:
        session.correct_all(SHORT)
        for account in session.members_of(SHORT)[:2]:
            with reverts("blobs: the group is corrected"):
                session.correct(account, session.correction_hashes(SHORT))

    def test_other_numbers_of_blobs(self, session: CorrectDriver) -> None:
        session.disclose(SHORT)
        poster, hashes = session.members_of(SHORT)[0], session.correction_hashes(SHORT)
        with reverts("blobs: fewer blobs than are due"):
            session.correct(poster, [])
        with reverts("blobs: more blobs than are due"):
            session.correct(poster, hashes * 2)

    def test_when(self, session: CorrectDriver) -> None:
        session.disclose(SHORT)
        poster, hashes = session.members_of(SHORT)[0], session.correction_hashes(SHORT)
        session.chain.next_at(session.deadline() + 1)
        with reverts("session: the window is over"):
            session.correct(poster, hashes)
        session.advance(sender=session.stranger)
        with reverts("session: wrong stage"):
            session.correct(poster, hashes)

    def test_a_group_that_has_failed(self, new_recover: RecoverFactory) -> None:
        """Two of four, and T = 3, have delivered: nobody knows all its secrets, and nobody corrects it."""
        session = uploading(new_recover)
        prompt, *late = session.members_of(SHORT)[:3]
        session.upload_but(*late)
        session.to(Stage.CORRECT)
        assert session.group(SHORT).status == Status.FAILED
        with reverts("session: the group has failed"):
            session.correct(prompt, [b"\1" * 32])

    @pytest.mark.parametrize("stage", [Stage.UPLOAD, Stage.REVEAL, Stage.ACCUSE, Stage.AGGREGATE, Stage.SELECT])
    def test_wrong_stages(self, new_recover: RecoverFactory, stage: Stage) -> None:
        session = new_recover(rounds=1).to(stage)
        assert isinstance(session, CorrectDriver)
        with reverts("session: wrong stage"):
            session.correct(session.members_of(0)[0], [b"\1" * 32])
        if stage != Stage.ACCUSE:
            with reverts("session: wrong stage"):
                session.contract.refute_correction(0, 0, 0, bytes(48), bytes(48), [], [], [], sender=session.owner)

    def test_what_calldata_has_instead(self, session: CorrectDriver) -> None:
        """Words that are unmasked; and nothing is disclosed later."""
        session.correct_all(SHORT)
        with reverts("session: wrong stage"):
            session.contract.unmask(SHORT, 0, b"\0" * 32, *session.seeds[SHORT], sender=session.stranger)
        session.to(Stage.AGGREGATE)
        with reverts("session: wrong stage"):
            session.disclose(WHOLE)
        with reverts():
            session.contract.unmask(SHORT, 0, b"\0" * 32, *session.seeds[SHORT], sender=session.stranger)

    def test_a_session_in_calldata(self, new_session: Factory) -> None:
        session = recover_factory(new_session)(mode=0, rounds=1, members=4, parameter_count=40).to(Stage.AGGREGATE)
        with reverts("session: wrong stage"):
            session.contract.correct(sender=session.members_of(0)[0])
        assert session.contract.correction(0) == bytes(32)

    def test_nobody_does_it(self, session: CorrectDriver) -> None:
        """Its group fails, as one whose secrets aren't known: bonds back, who is gone pays; the others go on."""
        bond = session.params.bond_wei
        session.correct_all(WHOLE)
        closed = session.pass_deadline()
        failed = closed.only("GroupFailed")
        assert (failed.group, failed.stage, failed.did_their_part) == (SHORT, Stage.CORRECT, 0b1011)
        assert closed.only("CorrectingClosed").corrected_groups == 1 << WHOLE
        assert (session.group(SHORT).status, session.stage()) == (Status.FAILED, Stage.ACCUSE)
        session.to(Stage.PAYMENT).finish_payment()
        dues = [session.due(account) for account in session.members_of(SHORT)]
        assert (sum(dues), dues[GONE], min(dues[:GONE])) == (4 * bond, 0, bond + bond // 3)
        session.withdraw_all()
        check_books(session)

    def test_a_failed_group_fails_once(self, new_recover: RecoverFactory) -> None:
        """One has failed for want of uploads: it isn't corrected either, and that isn't held against it."""
        session = uploading(new_recover)
        session.upload_but(*session.members_of(SHORT)[1:3])
        session.to(Stage.CORRECT)
        failed = session.pass_deadline().only("GroupFailed")
        assert (failed.group, failed.stage, failed.did_their_part) == (WHOLE, Stage.CORRECT, 0b1111)
        session.finish_payment()
        bond = session.params.bond_wei
        assert [session.due(account) for account in session.members_of(SHORT)] == [2 * bond, 0, 0, 2 * bond]
        assert [session.due(account) for account in session.members_of(WHOLE)] == [bond] * 4

    def test_nobody_does_any(self, session: CorrectDriver) -> None:
        """Without a group the owner has its reward back."""
        session.pass_deadline()
        assert session.stage() == Stage.PAYMENT
        session.finish_payment()
        assert session.due(session.owner) == session.params.reward_wei


class TestTheSum:
    def test_a_session_with_a_dropout(self, session: CorrectDriver) -> None:
        """Each sum is what those add up to who have delivered; what a member gets is what calldata gives."""
        session.to(Stage.AGGREGATE)
        for group in (SHORT, WHOLE):
            blob, count = session.sums(group)[0], session.params.parameter_count
            found = scheme.decode(blob, count, session.params.members, session.params.bound)
            assert found.tolist() == session.plain_sum(group)
        event = session.add_sums(SHORT, WHOLE).only("SumsAdded")
        assert (event.groups, event.root) == (0b11, session.root([SHORT, WHOLE]))
        session.finish_select()
        session.finish_payment()
        assert session.accepted() == 0b11
        p = session.params
        share = p.reward_wei // (p.rounds * p.members)
        lost = p.bond_wei
        dues = [session.due(account) for account in session.members_of(SHORT)]
        assert dues[GONE] == 0
        assert sum(dues) == 4 * lost + 3 * share
        assert [session.due(a) for a in session.members_of(WHOLE)] == [p.bond_wei + share] * 4
        session.withdraw_all()
        check_books(session)

    def test_other_rows(self, session: CorrectDriver) -> None:
        session.to(Stage.AGGREGATE)
        accounts, points = session.delivered(SHORT), b.split(session.points(SHORT))

        def add(who: list[str], rows: list[bytes]) -> None:
            session.contract.add_sums(who, b"".join(rows), sender=session.stranger)

        with reverts("blobs: length of the points"):
            add(accounts, points[:3])
        with reverts("blobs: length of the points"):
            add(accounts, [*points, points[0]])
        with reverts("blobs: not the correction"):
            add(accounts, [*points[:3], points[2]])
        with reverts("blobs: not the correction"):
            add(accounts, [points[3], *points[:3]])
        with reverts("blobs: not the upload's commitments"):
            add(accounts, [points[1], points[0], *points[2:]])
        with reverts("session: not the group's members"):
            add([accounts[1], accounts[0], accounts[2]], points)
        with reverts("session: not the group's members"):
            add([*accounts[:2], session.members_of(SHORT)[GONE]], points)
        with reverts("blobs: not whole groups"):
            add(accounts[:2], points)
        with reverts("blobs: not whole groups"):
            add([], [])
        with reverts("blobs: not whole groups"):
            add([*accounts, accounts[0]], [*points, points[0]])
        both = [*accounts, *session.delivered(WHOLE)]
        with reverts("blobs: more groups than are left"):
            add([*both, accounts[0]], [*points, *b.split(session.points(WHOLE)), *points])
        add(both, [*points, *b.split(session.points(WHOLE))])

    def test_a_malformed_upload(self, new_recover: RecoverFactory) -> None:
        """As with `abort`: refuted by its sum, all of the group are blamed and have their bonds back."""
        session = uploading(new_recover)
        members = session.members_of(SHORT)
        session.spoilt[members[0]] = {3: 2**200}
        session.upload_but(members[GONE])
        session.to(Stage.ACCUSE)
        found = session.malformed(SHORT, 3)
        for arguments in (session.refutation(SHORT, 3), session.refutation(SHORT, 100)):
            with reverts("blobs: the element is right"):
                session.refute_correction(session.stranger, *arguments)
        session.accuse(session.stranger, SHORT, found)
        session.pass_deadline()
        with reverts("blobs: length of the arguments"):
            session.contract.refute(*found, members, session.points(SHORT), sender=session.stranger)
        session.refute(session.stranger, SHORT, found).only("Refuted")
        session.to(Stage.PAYMENT)
        settled = session.settle(SHORT).only("Settled")
        assert (settled.recorded, settled.blamed) == (0b1111, 0b1111)
        session.finish_payment()
        assert [session.due(a) for a in members] == [session.params.bond_wei] * 4
        session.withdraw_all()
        check_books(session, 4 * (session.params.reward_wei // 8))

    def test_an_honest_sum_with_another_correction(self, session: CorrectDriver) -> None:
        """Who opens a sum can't choose the correction in it, by which any element would be out of range."""
        session.to(Stage.ACCUSE)
        session.wrong[SHORT] = {3: 2**200}
        found = session.malformed(SHORT, 3)
        session.accuse(session.stranger, SHORT, found)
        session.pass_deadline()
        with reverts("blobs: not the correction"):
            session.refute(session.stranger, SHORT, found)
        assert session.group(SHORT).status == Status.DELIVERED

    def test_a_group_that_nobody_has_corrected(self, new_recover: RecoverFactory) -> None:
        """It has failed for that, and has no sum that could be malformed."""
        session = uploading(new_recover)
        session.spoilt[session.members_of(SHORT)[0]] = {3: 2**200}
        session.upload_but(session.members_of(SHORT)[GONE])
        session.to(Stage.CORRECT)
        session.correct_all(WHOLE)
        session.pass_deadline()
        found = session.malformed(SHORT, 3)
        session.accuse(session.stranger, SHORT, found)
        session.pass_deadline()
        with reverts("session: the group has failed"):
            session.refute(session.stranger, SHORT, found)
        assert (session.refuted_count(), session.group(SHORT).blamed) == (0, 0)

    def test_who_has_delivered_votes(self, new_recover: RecoverFactory) -> None:
        session = new_recover(rule=2).to(Stage.UPLOAD)
        assert isinstance(session, CorrectDriver)
        gone = session.members_of(SHORT)[GONE]
        session.upload_but(gone)
        session.to(Stage.VOTE)
        with reverts("vote: not delivered"):
            session.vote(gone)
        session.votes = dict.fromkeys(session.voters(), 1 << WHOLE)
        session.finish_vote()
        session.finish_select()
        assert (session.votes_cast(), session.votes_against(WHOLE), session.accepted()) == (7, 7, 1 << SHORT)


class TestRefuting:
    def test_a_wrong_element(self, wrong: CorrectDriver) -> None:
        """Who has corrected loses its bond to the others, and is blamed; who is gone likewise. The price is burnt."""
        session, bond = wrong.copy(), wrong.params.bond_wei
        receipt = session.refute_correction(session.stranger, *session.refutation(SHORT, 17))
        event, failed = receipt.only("CorrectionRefuted"), receipt.only("GroupFailed")
        assert (event.account, event.group, event.index) == (session.stranger, SHORT, 17)
        assert (failed.group, failed.stage, failed.did_their_part) == (SHORT, Stage.ACCUSE, 0b1010)
        assert (session.group(SHORT).status, session.group(SHORT).blamed) == (Status.FAILED, 1)
        assert session.refuted_count() == 1
        with reverts("session: the group has failed"):
            session.refute_correction(session.owner, *session.refutation(SHORT, 17))
        session.to(Stage.PAYMENT)
        settled = session.settle(SHORT).only("Settled")
        assert (settled.recorded, settled.blamed) == (0b0101, 0b0101)
        session.finish_payment()
        assert [session.due(a) for a in session.members_of(SHORT)] == [0, 2 * bond, 0, 2 * bond]
        p = session.params
        share = p.reward_wei // (p.rounds * p.members)
        assert [session.due(a) for a in session.members_of(WHOLE)] == [bond + share] * 4
        assert session.due(session.owner) == p.reward_wei - 8 * share
        session.withdraw_all()
        check_books(session, 4 * share)

    def test_the_sum_is_malformed_too(self, wrong: CorrectDriver) -> None:
        """Who has accused it has its bond back; the blame stays where it is."""
        session = wrong.copy()
        found = session.malformed(SHORT, 100)
        assert found.element == session.params.members * session.params.bound
        session.refute_correction(session.stranger, *session.refutation(SHORT, 17))
        assert session.group(SHORT).blamed == 1

    def test_what_isn_t_wrong(self, wrong: CorrectDriver) -> None:
        """Forged elements, other indices, other witnesses: none of it shows anything."""
        session = wrong.copy()
        true, right = session.refutation(SHORT, 17), session.refutation(SHORT, 18)

        def refused(reason: str, arguments: Sequence[Any]) -> None:
            with reverts(reason):
                session.refute_correction(session.stranger, *arguments)

        refused("blobs: the element is right", right)
        refused("blobs: the element is right", session.refutation(SHORT, 4_095))
        forged = "blobs: not the element"
        refused(forged, bent(right, 2, (right[2] + 1) % Q))
        refused(forged, bent(right, 2, right[2] + Q))
        refused(forged, bent(right, 1, 19))
        refused(forged, bent(true, 2, (true[2] + 1) % Q))
        refused(forged, bent(true, 3, right[3]))
        refused(forged, bent(true, 3, b"\xc0" + bytes(47)))
        refused("session: the group has failed", bent(true, 0, 7))
        refused("recover: not the disclosed seeds", bent(true, 0, WHOLE))
        refused("blobs: index beyond the last chunk", bent(true, 1, 4_096 + 17))
        refused("blobs: index beyond the last chunk", bent(true, 1, 2**255))
        refused("blobs: length of the opening", bent(true, 3, true[3][:47]))
        refused("blobs: length of the opening", bent(true, 4, b""))
        upload = session.blobs(session.delivered(SHORT)[0])[0]
        refused("blobs: not the correction's commitment", bent(true, 4, commit(upload)))
        refused("blobs: not the correction", bent(true, 5, session.correction_hashes(WHOLE)))
        refused("blobs: index beyond the last chunk", bent(true, 5, true[5] * 2))
        refused("blobs: index beyond the last chunk", bent(true, 5, []))
        refused("recover: not the disclosed seeds", bent(true, 6, true[6][1:]))
        refused("recover: not the disclosed seeds", [*true[:6], true[7], true[6]])
        session.refute_correction(session.stranger, *true)

    def test_what_is_right(self, wrong: CorrectDriver) -> None:
        """With dropouts and without, where values are and beyond; and when the time is over."""
        session = wrong.copy()
        for index in (0, 39, 40, 4_095):
            for group in (SHORT, WHOLE):
                with reverts("blobs: the element is right"):
                    session.refute_correction(session.stranger, *session.refutation(group, index))
        arguments = session.refutation(SHORT, 17)
        session.chain.next_at(session.deadline() + 1)
        with reverts("session: the window is over"):
            session.refute_correction(session.stranger, *arguments)

    def test_with_abort_there_is_none(self, new_session: Factory) -> None:
        session = new_session(parameter_count=40).to(Stage.ACCUSE)
        with reverts("blobs: there are no corrections"):
            session.contract.refute_correction(0, 0, 0, bytes(48), bytes(48), [bytes(32)], [], [], sender=session.owner)

    def test_also_when_accusations_are_opened(self, wrong: CorrectDriver) -> None:
        session = wrong.copy()
        session.contract.accuse(b"\1" * 32, sender=session.owner, value=session.params.bond_wei)
        session.pass_deadline()
        session.refute_correction(session.stranger, *session.refutation(SHORT, 17)).only("CorrectionRefuted")

    def test_unseen_it_counts(self, wrong: CorrectDriver) -> None:
        """Nobody looks: the sum isn't in range, and nothing can be proven of it."""
        session = wrong.copy()
        session.to(Stage.AGGREGATE)
        session.add_sums(SHORT, WHOLE)
        assert session.stage() == Stage.SELECT


class TestSeveralTransactions:
    """Seven blobs: six, then one. Who is first with all of them has corrected."""

    def test_who_is_first(self, new_recover: RecoverFactory) -> None:
        session = new_recover(parameter_count=6 * 4_096 + 5, rounds=1, members=2).to(Stage.CORRECT)
        assert isinstance(session, CorrectDriver)
        session.disclose(0)
        slow, quick = session.members_of(0)
        hashes = session.correction_hashes(0)
        assert session.correct(slow, hashes[:6]).only("Corrected").chunk == 0
        with reverts("blobs: more blobs than are due"):
            session.correct(slow, hashes[:2])
        assert session.contract.correction(0) == bytes(32)
        for some in (hashes[:6], hashes[6:]):
            session.correct(quick, some)
        assert (session.contract.correction(0), session.stage()) == (b.fold(hashes), Stage.ACCUSE)
        with reverts("session: wrong stage"):
            session.correct(slow, hashes[6:])
        arguments = session.refutation(0, 6 * 4_096 + 4)
        with reverts("blobs: the element is right"):
            session.refute_correction(session.stranger, *arguments)
        session.to(Stage.FINISHED)
        assert session.accepted() == 1


@pytest.mark.parametrize(
    ("secs", "reason"),
    [
        (3, "start: reveal_secs out of MIN_WINDOW..ten days"),
        (7 * 86_400 // 4 + 1, "start: windows from the upload on above ten days with blobs"),
    ],
)
def test_windows(new_recover: RecoverFactory, secs: int, reason: str) -> None:
    """To reveal, in quarters; to correct; to accuse; to refute."""
    session = new_recover(reveal_secs=secs)
    session.whitelist()
    session.publish()
    with reverts(reason):
        session.start()
