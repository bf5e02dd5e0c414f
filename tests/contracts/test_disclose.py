"""disclose(group, disclosures): from secrets that are known the contract derives the seeds of an open group's masks."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts.harness import RecoverDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory, RecoverFactory
from tests.contracts.harness.keys import CURVE_ORDER, off_curve_x
from tests.contracts.harness.recovering import Disclosure

OTHER_STAGES = [
    Stage.SETUP, Stage.REGISTER, Stage.DRAW, Stage.SHARE, Stage.UPLOAD, Stage.REVEAL, Stage.SELECT, Stage.PAYMENT,
    Stage.FINISHED,
]  # fmt: skip
ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def aggregating(new_recover: RecoverFactory) -> RecoverDriver:
    """Three groups of five, T = 3: of the first place 0 hasn't shared, place 2 not delivered; the last one failed."""
    session = new_recover(rounds=3, members=5).to(Stage.SHARE)
    first, last = session.members_of(0), session.members_of(2)
    session.share_all([a for a in session.seated() if a != first[0]])
    session.pass_deadline()
    session.pass_deadline()
    session.upload_but(first[2], *last[:3])
    return session.to(Stage.AGGREGATE)


@pytest.fixture
def base(aggregating: RecoverDriver) -> RecoverDriver:
    return aggregating.copy()


def test_the_seeds_of_a_group(base: RecoverDriver) -> None:
    """Self masks of U; what U shares with D (E36)."""
    view = base.group(0)
    assert (view.committed, view.delivered, view.seeds_hash) == (0b11110, 0b11010, bytes(32))
    event = base.disclose(0).only("Disclosed")
    minus, plus = base.expected_seeds(0)
    assert (event.group, event.minus, event.plus) == (0, minus, plus)
    assert (len(minus), len(plus)) == (3 + 1, 2), "place 2 comes after place 1, before 3 and 4"
    view = base.group(0)
    assert view.seeds_hash == keccak(encode(["bytes32[]", "bytes32[]"], [minus, plus]))
    assert (view.status, view.chunks_aggregated, base.stage()) == (Status.DELIVERED, 0, Stage.AGGREGATE)


def test_without_dropouts_only_self_masks(base: RecoverDriver) -> None:
    event = base.disclose(1).only("Disclosed")
    assert (event.minus, event.plus) == base.expected_seeds(1)
    assert (len(event.minus), event.plus) == (5, [])


def test_each_group_on_its_own(base: RecoverDriver) -> None:
    for group in (1, 0):
        base.disclose(group)
    assert base.group(0).seeds_hash != base.group(1).seeds_hash != bytes(32)
    assert base.group(2).seeds_hash == bytes(32)


def test_only_once(base: RecoverDriver) -> None:
    base.disclose(0)
    with reverts("recover: already disclosed"):
        base.disclose(0)


@pytest.mark.parametrize("group", [2, 3, 63, 127, 128, 2**255, 2**256 - 1])
def test_only_groups_that_are_open(base: RecoverDriver, group: int) -> None:
    """One failed at the upload; others aren't there."""
    with reverts("recover: group isn't open"):
        base.contract.disclose(group, base.disclosures(1), sender=base.stranger)


def test_a_group_that_wasn_t_opened(new_recover: RecoverFactory) -> None:
    session = new_recover().to(Stage.REVEAL)
    for account in session.members_of(1):
        session.reveal(account)
    session.pass_deadline()
    with reverts("recover: group isn't open"):
        session.contract.disclose(0, [], sender=session.stranger)
    session.disclose(1)


class TestDisclosures:
    """One of each of S, in order of place."""

    def refused(self, session: RecoverDriver, given: list[Disclosure], reason: str, group: int = 0) -> None:
        with reverts(reason):
            session.contract.disclose(group, given, sender=session.stranger)

    @pytest.mark.parametrize("order", [(), (0,), (0, 1, 2), (0, 1, 2, 3, 3)], ids=str)
    def test_another_number(self, base: RecoverDriver, order: tuple[int, ...]) -> None:
        given = base.disclosures(0)
        self.refused(base, [given[i] for i in order], "recover: number of disclosures")

    @pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 2, 1, 3), (0, 0, 1, 2), (0, 1, 2, 2), (3, 2, 1, 0)], ids=str)
    def test_another_order(self, base: RecoverDriver, order: tuple[int, ...]) -> None:
        given = base.disclosures(0)
        self.refused(base, [given[i] for i in order], "recover: not the sharers in order")

    def test_of_others(self, base: RecoverDriver) -> None:
        """Of another group, of who hasn't shared, of nobody."""
        given, others = base.disclosures(0), base.disclosures(1)
        self.refused(base, [*given[:3], others[4]], "recover: not the sharers in order")
        self.refused(base, others[1:], "recover: not the sharers in order")
        for account in (base.members_of(0)[0], base.stranger, ZERO):
            self.refused(base, [given[0]._replace(account=account), *given[1:]], "recover: no shares")

    @pytest.mark.parametrize("index", [0, 1, 3])
    def test_another_key(self, base: RecoverDriver, index: int) -> None:
        """Of who has delivered and of who hasn't."""
        given = base.disclosures(0)
        own, other = given[index], given[index - 1]
        for wrong in (
            {"x": other.x, "parity": other.parity},
            {"parity": 1 - own.parity},
            {"x": 0},
            {"x": off_curve_x()},
            {"x": CURVE_ORDER},
            {"x": 2**256 - 1},
            {"parity": 2},
            {"parity": own.parity + 2**255},
        ):
            bent = [d._replace(**wrong) if d is own else d for d in given]
            self.refused(base, bent, "recover: not the key")

    @pytest.mark.parametrize("index", [0, 1, 3])
    def test_another_secret(self, base: RecoverDriver, index: int) -> None:
        """Above all the member's other one."""
        given, members = base.disclosures(0), base.members_of(0)
        own = given[index]
        both = {base.secret(members[index + 1]), base.self_secret(members[index + 1])}
        (other_secret,) = both - {own.secret}
        for secret in (other_secret, given[index - 1].secret, 0, own.secret + 1, CURVE_ORDER - own.secret, CURVE_ORDER):
            bent = [d._replace(secret=secret) if d is own else d for d in given]
            self.refused(base, bent, "recover: not the secret")

    @pytest.mark.parametrize("index", [0, 2])
    def test_other_addresses(self, base: RecoverDriver, index: int) -> None:
        given = base.disclosures(0)
        for addresses in (b"", given[3].addresses, given[index].addresses + b"\0"):
            bent = [d._replace(addresses=addresses) if i == index else d for i, d in enumerate(given)]
            self.refused(base, bent, "recover: addresses don't give root")

    def test_addresses_of_who_has_not_delivered(self, base: RecoverDriver) -> None:
        given = base.disclosures(0)
        addresses = base.dealing(given[1].account).addresses
        bent = [given[0], given[1]._replace(addresses=addresses), *given[2:]]
        self.refused(base, bent, "recover: addresses of who hasn't delivered")


def test_a_self_mask_without_an_address_never_opens(new_recover: RecoverFactory) -> None:
    """A root of zeros: no number is the secret of the empty address, and no shares rebuild it."""
    session = new_recover(rounds=1).to(Stage.SHARE)
    *honest, bad = session.members_of(0)
    session.share_all(honest)
    zeros, dealing = bytes(140), session.dealing(bad)
    session.contract.share(keccak(zeros), dealing.points, dealing.sealed, sender=bad)
    session.objecting = True
    session.pass_deadline()
    session.upload_but()
    for secret in (0, CURVE_ORDER, session.self_secret(bad)):
        with reverts("recover: not the secret"):
            session.contract.reveal(secret, zeros, [], sender=bad)
    session.pass_half_of_reveal()
    for shares in ([0, 0, 0], [CURVE_ORDER] * 3, [1, 2, 3]):
        with reverts("recover: not the committed share"):
            session.contract.rebuild(bad, zeros, 0b111, shares, sender=session.stranger)


@pytest.mark.parametrize(("members", "delivered"), [(2, 2), (16, 16), (16, 8), (16, 9), (16, 2)])
def test_the_smallest_and_the_largest_group(new_recover: RecoverFactory, members: int, delivered: int) -> None:
    """72 seeds where eight or nine of sixteen have delivered; every other place, so that both lists are long."""
    session = new_recover(rounds=1, members=members, bound=1, threshold=2, unsafe_small=1).to(Stage.UPLOAD)
    group = session.members_of(0)
    stay = sorted(range(members), key=lambda i: (i % 2, i))[:delivered]
    session.upload_but(*(a for i, a in enumerate(group) if i not in stay))
    session.to(Stage.AGGREGATE)
    event = session.disclose(0).only("Disclosed")
    assert (event.minus, event.plus) == session.expected_seeds(0)
    assert len(event.minus) + len(event.plus) == delivered * (1 + members - delivered) <= 72


def test_the_last_second_and_the_next(base: RecoverDriver) -> None:
    base.chain.next_at(base.deadline())
    base.disclose(0)
    with reverts("session: the window is over"):
        base.disclose(1)


@pytest.mark.parametrize("stage", OTHER_STAGES)
def test_only_in_stage_aggregate(new_recover: RecoverFactory, stage: Stage) -> None:
    session = new_recover(rounds=1, assignment=int(stage == Stage.DRAW)).to(stage)
    with reverts("session: wrong stage"):
        session.contract.disclose(0, [], sender=session.stranger)


def test_a_group_of_abort_has_nothing_to_disclose(new_session: Factory) -> None:
    """Not even with what gives its members' roots: that begins with twelve zeros, as no address does that has a key."""
    session = new_session(rounds=1).to(Stage.AGGREGATE)
    members = session.members_of(0)
    given = [Disclosure(a, *session.keys(a)[:2], session.secret(a), b"") for a in members]
    with reverts("recover: addresses don't give root"):
        session.contract.disclose(0, given, sender=session.stranger)
    for secret in (0, CURVE_ORDER, session.secret(members[0])):
        hashes = [ref.upload_hash(session.chunk_hashes(a)) for a in members]
        roots = [encode(["address", "bytes32"], pair) for pair in zip(members, hashes, strict=True)]
        bent = [d._replace(secret=secret, addresses=root) for d, root in zip(given, roots, strict=True)]
        with reverts("recover: not the secret"):
            session.contract.disclose(0, bent, sender=session.stranger)


def test_ether_is_not_taken(base: RecoverDriver) -> None:
    with reverts():
        base.contract.disclose(0, base.disclosures(0), sender=base.stranger, value=1)
