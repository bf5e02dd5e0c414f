"""rebuild(dealer, addresses, holders, shares): T shares give a secret that its owner keeps, or name a liar."""

from __future__ import annotations

import itertools

import pytest

from tests.contracts.harness import DAY, Receipt, RecoverDriver, Stage, Status, reverts
from tests.contracts.harness.dealing import Dealing, deal, places, rebuilt
from tests.contracts.harness.fixtures import Factory, RecoverFactory
from tests.contracts.harness.keys import CURVE_ORDER

OTHER_STAGES = [Stage.SETUP, Stage.REGISTER, Stage.DRAW, Stage.SHARE, Stage.UPLOAD, Stage.AGGREGATE, Stage.FINISHED]
MEMBERS, THRESHOLD, GONE, SILENT = 6, 3, 4, 1
"""Of group 0 one place doesn't deliver, and one delivers and doesn't reveal."""

BENT = 2
"""The place whose shares a lying dealer bends."""


def subsets(dealer: int, size: int = THRESHOLD) -> list[int]:
    """All sets of so many other places, as bitmaps."""
    others = [i for i in range(MEMBERS) if i != dealer]
    return [sum(1 << i for i in chosen) for chosen in itertools.combinations(others, size)]


def bent(honest: Dealing, secret: int, by: int = 1) -> Dealing:
    """A dealing with both shares of one holder off the polynomials: every other one is as it should be."""
    key_share, self_share = honest.shares[BENT]
    moved = ((key_share + by) % CURVE_ORDER, (self_share + by) % CURVE_ORDER)
    return deal(secret, honest.shares | {BENT: moved})


SIZES = {"members": MEMBERS, "threshold": THRESHOLD, "bound": 5}


@pytest.fixture(scope="module")
def sharing(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of six, T = 3, of which nobody has shared."""
    return new_recover(**SIZES).to(Stage.SHARE)


def stay_away(session: RecoverDriver) -> RecoverDriver:
    """To stage Reveal, in which all of group 0 but two have revealed."""
    session.to(Stage.UPLOAD)
    members = session.members_of(0)
    session.upload_but(members[GONE])
    for place, account in enumerate(members):
        if place not in (GONE, SILENT):
            session.reveal(account)
    return session


@pytest.fixture(scope="module")
def revealing(new_recover: RecoverFactory) -> RecoverDriver:
    return stay_away(new_recover(**SIZES))


@pytest.fixture
def early(revealing: RecoverDriver) -> RecoverDriver:
    return revealing.copy()


@pytest.fixture
def base(early: RecoverDriver) -> RecoverDriver:
    """In the second half."""
    early.pass_half_of_reveal()
    return early


@pytest.fixture
def lied(sharing: RecoverDriver) -> RecoverDriver:
    """As `base`, but both who stay away have bent the shares of place 2."""
    session = sharing.copy()
    members = session.members_of(0)
    for place in (GONE, SILENT):
        account = members[place]
        session.dealings[0, account] = bent(session.dealing(account), session.self_secret(account))
    stay_away(session).pass_half_of_reveal()
    return session


def attempt(
    session: RecoverDriver, place: int, holders: int, shares: list[int] | None = None, addresses: bytes | None = None
) -> Receipt:
    """`rebuild` of a place of group 0, from the shares that were dealt unless others are given."""
    dealer = session.members_of(0)[place]
    dealing, kind = session.dealing(dealer), int(place != GONE)
    known = shares or [dealing.shares[j][kind] if j != place else 1 for j in places(holders)]
    given = dealing.addresses if addresses is None else addresses
    receipt: Receipt = session.contract.rebuild(dealer, given, holders, known, sender=session.stranger)
    return receipt


class TestRebuilt:
    def test_the_mask_key_of_who_has_not_delivered(self, early: RecoverDriver) -> None:
        """From what the others revealed, at any time of the stage."""
        dealer = early.members_of(0)[GONE]
        event = early.rebuild(dealer).only("Rebuilt")
        assert (event.group, event.place, event.secret) == (0, GONE, early.secret(dealer))
        view = early.group(0)
        assert (view.opened, view.revealed, view.blamed) == (0b111101, 0b101101, 0)
        assert (view.status, early.stage()) == (Status.REVEAL, Stage.REVEAL)

    def test_the_self_mask_of_who_has(self, base: RecoverDriver) -> None:
        members = base.members_of(0)
        for place in (0, 3, 5):
            base.reveal_shares(members[place])
        event = base.rebuild(members[SILENT]).only("Rebuilt")
        assert (event.group, event.place, event.secret) == (0, SILENT, base.self_secret(members[SILENT]))
        assert (base.group(0).opened, base.group(0).revealed) == (0b101111, 0b101101)

    def test_both_open_the_group(self, base: RecoverDriver) -> None:
        attempt(base, GONE, 0b101001)
        assert base.group(0).status == Status.REVEAL
        attempt(base, SILENT, 0b101001)
        assert base.group(0).status == Status.DELIVERED
        assert base.stage() == Stage.REVEAL, "the other group isn't open"

    @pytest.mark.parametrize("last", [GONE, SILENT])
    def test_the_last_one_ends_the_stage(self, early: RecoverDriver, last: int) -> None:
        for account in early.members_of(1):
            early.reveal(account)
        early.pass_half_of_reveal()
        attempt(early, GONE + SILENT - last, 0b101001)
        assert early.stage() == Stage.REVEAL
        receipt = attempt(early, last, 0b101001)
        event = receipt.only("RevealClosed")
        assert event.open_groups == 0b11
        assert event.aggregate_deadline == early.deadline() == early.chain.time + early.params.aggregate_secs
        assert early.stage() == Stage.AGGREGATE

    @pytest.mark.parametrize("place", [GONE, SILENT])
    def test_from_every_subset_of_t(self, base: RecoverDriver, place: int) -> None:
        """Also of holders who haven't revealed, whoever has their shares."""
        for holders in subsets(place):
            with base.chain.anchor():
                attempt(base, place, holders)
                assert base.group(0).opened >> place & 1
        assert not base.group(0).opened >> place & 1

    def test_only_once(self, early: RecoverDriver) -> None:
        attempt(early, GONE, 0b101001)
        for holders in (0b101001, 0b000111):
            with reverts("recover: already known"):
                attempt(early, GONE, holders)

    def test_not_of_who_has_revealed(self, base: RecoverDriver) -> None:
        with reverts("recover: already known"):
            attempt(base, 0, 0b101100)

    @pytest.mark.parametrize("secs", [DAY, DAY + 1])
    def test_self_masks_in_the_second_half(self, new_recover: RecoverFactory, secs: int) -> None:
        """Until then its owner has time."""
        session = new_recover(rounds=1, reveal_secs=secs).to(Stage.REVEAL)
        half = session.deadline() - secs // 2
        session.chain.next_at(half)
        with reverts("recover: too early"):
            attempt(session, 0, 0b1110)
        session.chain.next_at(half + 1)
        attempt(session, 0, 0b1110)


class TestRefused:
    def test_the_other_secret(self, base: RecoverDriver) -> None:
        """Shares of the self mask of who hasn't delivered, and of the mask key of who has: never."""
        members = base.members_of(0)
        for place, kind in ((GONE, 1), (SILENT, 0)):
            shares = base.dealing(members[place]).shares
            with reverts("recover: not the committed share"):
                attempt(base, place, 0b101001, [shares[j][kind] for j in (0, 3, 5)])

    @pytest.mark.parametrize("holders", [0, 0b000001, 0b000011, 0b001111, 0b101111])
    def test_another_number_of_holders(self, base: RecoverDriver, holders: int) -> None:
        with reverts("recover: other than T shares"):
            attempt(base, GONE, holders)

    @pytest.mark.parametrize("count", [0, 1, 2, 4, 16])
    def test_another_number_of_shares(self, base: RecoverDriver, count: int) -> None:
        dealer = base.members_of(0)[GONE]
        shares = [base.dealing(dealer).shares[j][0] for j in (0, 3, 5)] * 6
        with reverts("recover: other than T shares"):
            base.contract.rebuild(dealer, base.dealing(dealer).addresses, 0b101001, shares[:count], sender=dealer)

    @pytest.mark.parametrize("holders", [0b011001, 0b1000011, 1 << 15 | 3, 1 << 255 | 3, 2**256 - 1])
    def test_other_holders(self, base: RecoverDriver, holders: int) -> None:
        """The dealer itself, and places that the group hasn't got."""
        with reverts("recover: not holders"):
            attempt(base, GONE, holders, [1, 2, 3])

    def test_holders_that_have_not_shared(self, sharing: RecoverDriver) -> None:
        session = sharing.copy()
        members = session.members_of(0)
        session.share_all([a for i, a in enumerate(members) if i != 5])
        session.pass_deadline()
        session.pass_deadline()
        session.upload_but(members[GONE])
        with reverts("recover: not holders"):
            attempt(session, GONE, 0b101001)
        attempt(session, GONE, 0b001011)

    @pytest.mark.parametrize("which", ["another's", "none", "one bit off"])
    def test_other_addresses(self, base: RecoverDriver, which: str) -> None:
        members = base.members_of(0)
        own = base.dealing(members[GONE]).addresses
        addresses = {
            "another's": base.dealing(members[0]).addresses,
            "none": b"",
            "one bit off": own[:-1] + bytes([own[-1] ^ 1]),
        }[which]
        with reverts("recover: addresses don't give root"):
            attempt(base, GONE, 0b101001, addresses=addresses)

    @pytest.mark.parametrize("value", [0, 1, CURVE_ORDER - 1, CURVE_ORDER, 2**256 - 1])
    @pytest.mark.parametrize("index", [0, 1, 2])
    def test_shares_that_aren_t_the_committed_ones(self, base: RecoverDriver, index: int, value: int) -> None:
        """They name nobody."""
        for place in (GONE, SILENT):
            dealt = base.dealing(base.members_of(0)[place]).shares
            shares = [dealt[j][int(place == SILENT)] for j in (0, 3, 5)]
            shares[index] = value
            with reverts("recover: not the committed share"):
                attempt(base, place, 0b101001, shares)

    def test_shares_in_another_order(self, base: RecoverDriver) -> None:
        dealt = base.dealing(base.members_of(0)[GONE]).shares
        with reverts("recover: not the committed share"):
            attempt(base, GONE, 0b101001, [dealt[j][0] for j in (3, 0, 5)])

    def test_of_nobody(self, base: RecoverDriver) -> None:
        for account in (base.stranger, base.owner):
            with reverts("recover: no shares"):
                base.contract.rebuild(account, b"", 0b101001, [1, 2, 3], sender=base.stranger)

    def test_of_a_group_that_failed(self, new_recover: RecoverFactory) -> None:
        session = new_recover().to(Stage.UPLOAD)
        second = session.members_of(1)
        session.upload_but(*second[:2])
        with reverts("session: the group has failed"):
            session.contract.rebuild(second[0], b"", 0b1110, [1, 2, 3], sender=session.stranger)

    def test_the_last_second_and_the_next(self, early: RecoverDriver) -> None:
        early.chain.next_at(early.deadline())
        attempt(early, GONE, 0b101001)
        with reverts("session: the window is over"):
            attempt(early, SILENT, 0b101001)

    @pytest.mark.parametrize("stage", OTHER_STAGES)
    def test_only_in_stage_reveal(self, new_recover: RecoverFactory, stage: Stage) -> None:
        session = new_recover(rounds=1, assignment=int(stage == Stage.DRAW)).to(stage)
        with reverts("session: wrong stage"):
            session.contract.rebuild(session.listed[0], b"", 0b111, [1, 2, 3], sender=session.stranger)

    def test_not_with_abort(self, new_session: Factory) -> None:
        session = new_session(rounds=1).to(Stage.UPLOAD)
        with reverts("session: wrong stage"):
            session.contract.rebuild(session.listed[0], b"", 0b111, [1, 2, 3], sender=session.stranger)

    def test_ether_is_not_taken(self, base: RecoverDriver) -> None:
        dealer = base.members_of(0)[GONE]
        dealing = base.dealing(dealer)
        shares = [dealing.shares[j][0] for j in (0, 3, 5)]
        with reverts():
            base.contract.rebuild(dealer, dealing.addresses, 0b101001, shares, sender=base.stranger, value=1)


class TestBlamed:
    """A dealer whose committed shares give something else than its secret."""

    @pytest.mark.parametrize("place", [GONE, SILENT])
    def test_by_the_subsets_with_a_bent_share_alone(self, lied: RecoverDriver, place: int) -> None:
        for holders in subsets(place):
            with lied.chain.anchor():
                receipt = attempt(lied, place, holders)
                named, opened = receipt.named("DealerBlamed"), receipt.named("Rebuilt")
                if holders >> BENT & 1:
                    assert [(e.group, e.place, e.holders) for e in named] == [(0, place, holders)]
                    assert opened == []
                else:
                    assert (named, len(opened)) == ([], 1)
                view = lied.group(0)
                assert (view.blamed >> place & 1, view.opened >> place & 1) == (len(named), len(opened))

    @pytest.mark.parametrize("place", [GONE, SILENT])
    def test_other_holders_save_the_group(self, lied: RecoverDriver, place: int) -> None:
        attempt(lied, place, 0b000101 | 1 << 3)
        attempt(lied, place, 0b101001)
        view = lied.group(0)
        assert (view.blamed, view.opened >> place & 1) == (1 << place, 1)

    def test_only_once(self, lied: RecoverDriver) -> None:
        attempt(lied, GONE, 0b001101)
        with reverts("recover: already blamed"):
            attempt(lied, GONE, 0b100101)

    def test_of_a_group_both(self, lied: RecoverDriver) -> None:
        attempt(lied, GONE, 0b001101)
        attempt(lied, SILENT, 0b001101)
        assert lied.group(0).blamed == 1 << GONE | 1 << SILENT

    def test_shares_that_aren_t_committed_name_nobody(self, lied: RecoverDriver) -> None:
        dealt = lied.dealing(lied.members_of(0)[GONE]).shares
        for index, value in ((0, 1), (1, dealt[BENT][0] - 1), (2, 0)):
            shares = [dealt[j][0] for j in (0, 2, 3)]
            shares[index] = value
            if rebuilt(0b001101, shares) == lied.secret(lied.members_of(0)[GONE]):
                continue
            with reverts("recover: not the committed share"):
                attempt(lied, GONE, 0b001101, shares)
        assert lied.group(0).blamed == 0

    def test_what_it_should_have_been_rebuilds_it(self, lied: RecoverDriver) -> None:
        """A share that the holder never got, but somebody knows: the secret counts."""
        dealt = lied.dealing(lied.members_of(0)[GONE]).shares
        attempt(lied, GONE, 0b001101, [dealt[0][0], (dealt[BENT][0] - 1) % CURVE_ORDER, dealt[3][0]])
        assert (lied.group(0).opened >> GONE & 1, lied.group(0).blamed) == (1, 0)

    @pytest.mark.parametrize("secret", [0, 1])
    def test_another_polynomial(self, sharing: RecoverDriver, secret: int) -> None:
        """Through 0, which has no address, or another number: every subset names the dealer."""
        session = sharing.copy()
        dealer = session.members_of(0)[GONE]
        line = {j: (secret + 7 * (j + 1), secret + 9 * (j + 1)) for j in range(MEMBERS) if j != GONE}
        session.dealings[0, dealer] = deal(session.self_secret(dealer), line)
        stay_away(session)
        for holders in subsets(GONE):
            with session.chain.anchor():
                attempt(session, GONE, holders)
                assert session.group(0).blamed == 1 << GONE


@pytest.mark.parametrize(("members", "threshold"), [(2, 2), (3, 2), (16, 2), (16, 15), (16, 9)])
def test_other_sizes(new_recover: RecoverFactory, members: int, threshold: int) -> None:
    """Of two nobody can be missing: T others than the dealer are needed."""
    session = new_recover(rounds=1, members=members, threshold=threshold, bound=1, unsafe_small=1).to(Stage.UPLOAD)
    group = session.members_of(0)
    if members == threshold:
        session.upload_but()
        with reverts("recover: other than T shares"):
            session.pass_half_of_reveal()
            attempt_of(session, group[0], 0b10)
        return
    session.upload_but(group[0])
    first, last = sum(2 << i for i in range(threshold)), sum(1 << (members - 1 - i) for i in range(threshold))
    for holders in (first, last):
        with session.chain.anchor():
            assert attempt_of(session, group[0], holders) == session.secret(group[0])


def attempt_of(session: RecoverDriver, dealer: str, holders: int) -> object:
    """`rebuild` of a mask key: the secret."""
    dealing = session.dealing(dealer)
    shares = [dealing.shares[j][0] for j in places(holders)]
    receipt = session.contract.rebuild(dealer, dealing.addresses, holders, shares, sender=session.stranger)
    return receipt.only("Rebuilt").secret
