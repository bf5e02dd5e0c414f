"""unmask(group, chunk, words, minus, plus): the sum of the uploads of who delivered, without their masks (E36)."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.harness import RecoverDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory, RecoverFactory

OTHER_STAGES = [
    Stage.SETUP, Stage.REGISTER, Stage.DRAW, Stage.SHARE, Stage.UPLOAD, Stage.REVEAL, Stage.SELECT, Stage.PAYMENT,
    Stage.FINISHED,
]  # fmt: skip
CHUNKS = {"parameter_count": 42 * 17 + 5, "bound": 6}
"""Eighteen words: two chunks of eight, one of two."""


@pytest.fixture(scope="module")
def aggregating(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of five, T = 3: of the first place 3 has delivered two of three chunks, of the second all have all."""
    session = new_recover(**CHUNKS, members=5).to(Stage.UPLOAD)
    partial = session.members_of(0)[3]
    for chunk in range(2):
        session.upload(partial, chunk)
    session.upload_but(partial)
    session.to(Stage.AGGREGATE)
    session.disclose(0)
    return session


@pytest.fixture
def base(aggregating: RecoverDriver) -> RecoverDriver:
    return aggregating.copy()


def unmasked(session: RecoverDriver, group: int) -> list[int]:
    """The integers in all chunks of a group, unmasked one after the other."""
    chunks = [session.unmask(group, c).only("Aggregated").words for c in range(session.chunk_count)]
    return ref.unpack(ref.from_bytes(b"".join(chunks)), session.params.lane_bits, session.params.parameter_count)


def test_the_sum_of_who_delivered(base: RecoverDriver) -> None:
    """Who delivered a part is left out, whatever it has uploaded."""
    assert (base.group(0).delivered, base.word_count) == (0b10111, 18)
    total = 0
    for chunk, size in enumerate((8, 8, 2)):
        event = base.unmask(0, chunk).only("Aggregated")
        words = ref.from_bytes(event.words)
        assert (event.group, event.chunk, len(words)) == (0, chunk, size)
        assert words == base.sum_of(0)[8 * chunk : 8 * chunk + size]
        values = ref.unpack(words, base.params.lane_bits, min(42 * size, base.params.parameter_count - 336 * chunk))
        assert values == base.plain_sum(0)[336 * chunk : 336 * chunk + 42 * size]
        total += ref.dot(values, values)
        view = base.group(0)
        assert (view.chunks_aggregated, view.squared_norm, event.squared_norm) == (chunk + 1, total, total)
        assert view.status == (Status.AGGREGATED if chunk == 2 else Status.DELIVERED)
    assert total == ref.dot(base.plain_sum(0), base.plain_sum(0))


def test_the_last_group_opens_the_selection(base: RecoverDriver) -> None:
    base.disclose(1)
    assert unmasked(base, 1) == base.plain_sum(1)
    for chunk in range(2):
        assert base.unmask(0, chunk).named("AggregationClosed") == []
    event = base.unmask(0, 2).only("AggregationClosed")
    assert event.select_deadline == base.deadline() == base.chain.time + base.params.select_secs
    assert (base.stage(), base.state()) == (Stage.SELECT, 3)


def test_sums_of_any_words_are_exact(new_recover: RecoverFactory) -> None:
    """Who uploads garbage spoils its group's sum, and nothing else."""
    session = new_recover(rounds=1, **CHUNKS).to(Stage.UPLOAD)
    liar, gone, *_ = session.members_of(0)
    session.payloads[liar] = [int.from_bytes(keccak(bytes([k])), "big") for k in range(18)]
    session.upload_but(gone)
    session.to(Stage.AGGREGATE)
    session.disclose(0)
    assert unmasked(session, 0) == ref.unpack(session.sum_of(0), 6, session.params.parameter_count)
    values = ref.unpack(session.sum_of(0), 6, session.params.parameter_count)
    assert session.group(0).squared_norm == ref.dot(values, values)


@pytest.mark.parametrize("bound", [1, 10, 50, 200, 3_000, 2**28])
@pytest.mark.parametrize("gone", [0, 3])
def test_every_width_of_lanes(new_recover: RecoverFactory, bound: int, gone: int) -> None:
    session = new_recover(rounds=1, bound=bound, parameter_count=90).to(Stage.UPLOAD)
    members = session.members_of(0)
    for account in members:
        session.vectors[account] = [bound, -bound, 1] * 30
    session.upload_but(members[gone])
    session.to(Stage.AGGREGATE)
    session.disclose(0)
    assert unmasked(session, 0) == session.plain_sum(0) == [3 * bound, -3 * bound, 3] * 30


@pytest.mark.parametrize(("members", "stay"), [(2, 2), (16, 16), (16, 9), (16, 2)])
def test_the_smallest_and_the_largest_group(new_recover: RecoverFactory, members: int, stay: int) -> None:
    session = new_recover(rounds=1, members=members, bound=1, threshold=2, unsafe_small=1).to(Stage.UPLOAD)
    group = session.members_of(0)
    session.upload_but(*sorted(group, key=lambda a: keccak(text=a))[stay:])
    session.to(Stage.AGGREGATE)
    session.disclose(0)
    assert session.group(0).delivered.bit_count() == stay
    assert unmasked(session, 0) == session.plain_sum(0)


class TestRefused:
    def attempt(self, session: RecoverDriver, chunk: int = 0, group: int = 0, words: bytes | None = None) -> None:
        given = session.words_of(0, 0) if words is None else words
        session.contract.unmask(group, chunk, given, *session.seeds[0], sender=session.stranger)

    @pytest.mark.parametrize("chunk", [1, 2, 3, 64, 2**256 - 1])
    def test_chunks_in_order(self, base: RecoverDriver, chunk: int) -> None:
        with reverts("aggregate: chunk out of turn"):
            self.attempt(base, chunk)

    def test_each_once(self, base: RecoverDriver) -> None:
        for chunk in range(3):
            base.unmask(0, chunk)
            with reverts("aggregate: chunk out of turn"):
                base.unmask(0, chunk)
        with reverts("aggregate: chunk out of turn"):
            self.attempt(base, 3)

    @pytest.mark.parametrize("group", [1, 2, 64, 127, 128, 2**18, 2**255, 2**256 - 2**18 - 1])
    def test_only_groups_that_are_disclosed(self, base: RecoverDriver, group: int) -> None:
        with reverts("recover: not the disclosed seeds"):
            self.attempt(base, group=group)

    def test_a_group_beyond_all_slots(self, base: RecoverDriver) -> None:
        with reverts():
            self.attempt(base, group=2**256 - 1)

    def test_other_seeds(self, base: RecoverDriver) -> None:
        minus, plus = base.seeds[0]
        words = base.words_of(0, 0)
        for bent in (
            (minus[:-1], plus),
            (minus, [*plus, minus[0]]),
            (minus[::-1], plus),
            (plus, minus),
            ([*minus, *plus], []),
            ([], []),
            ([bytes(32), *minus[1:]], plus),
        ):
            with reverts("recover: not the disclosed seeds"):
                base.contract.unmask(0, 0, words, *bent, sender=base.stranger)

    @pytest.mark.parametrize("rows", [0, 1, 3, 5])
    def test_another_number_of_rows(self, base: RecoverDriver, rows: int) -> None:
        with reverts("aggregate: length of the words"):
            self.attempt(base, words=(base.words_of(0, 0) * 2)[: 256 * rows])

    def test_a_row_s_worth_of_bytes_less_or_more(self, base: RecoverDriver) -> None:
        words = base.words_of(0, 0)
        for given in (words[:-1], words + b"\0", words[:-32], words + bytes(32)):
            with reverts("aggregate: length of the words"):
                self.attempt(base, words=given)

    def test_other_words(self, base: RecoverDriver) -> None:
        """Rows in another order, of who delivered a part, of another chunk, with one bit off."""
        rows = {place: base.uploads[0, 0, place] for place in range(5)}
        bent = rows[4][:-1] + bytes([rows[4][-1] ^ 1])
        for given in (
            [rows[1], rows[0], rows[2], rows[4]],
            [rows[0], rows[1], rows[2], rows[3]],
            [base.uploads[0, 1, place] for place in (0, 1, 2, 4)],
            [rows[0], rows[1], rows[2], bent],
            [rows[0]] * 4,
        ):
            with reverts("aggregate: not the uploaded words"):
                self.attempt(base, words=b"".join(given))

    def test_the_last_second_and_the_next(self, base: RecoverDriver) -> None:
        base.chain.next_at(base.deadline())
        base.unmask(0, 0)
        with reverts("session: the window is over"):
            base.unmask(0, 1)

    @pytest.mark.parametrize("stage", OTHER_STAGES)
    def test_only_in_stage_aggregate(self, new_recover: RecoverFactory, stage: Stage) -> None:
        session = new_recover(rounds=1, assignment=int(stage == Stage.DRAW)).to(stage)
        with reverts("session: wrong stage"):
            session.contract.unmask(0, 0, b"", [], [], sender=session.stranger)

    def test_ether_is_not_taken(self, base: RecoverDriver) -> None:
        with reverts():
            base.contract.unmask(0, 0, base.words_of(0, 0), *base.seeds[0], sender=base.stranger, value=1)


class TestPolicies:
    """Each has its own way to a group's sum."""

    def test_aggregate_adds_nothing_with_recover(self, base: RecoverDriver) -> None:
        """Neither of a group in which all have delivered nor of another."""
        for group in range(2):
            reason = "aggregate: group isn't delivered" if group == 0 else "aggregate: not the uploaded words"
            words = b"".join(base.uploads[group, 0, place] for place in range(5))
            with reverts(reason):
                base.contract.aggregate(group, 0, words, sender=base.stranger)

    def test_nor_in_stage_upload(self, new_recover: RecoverFactory) -> None:
        session = new_recover().to(Stage.UPLOAD)
        for account in session.members_of(0):
            session.upload_rest(account)
        words = b"".join(session.uploads[0, 0, place] for place in range(4))
        with reverts("aggregate: not the uploaded words"):
            session.contract.aggregate(0, 0, words, sender=session.stranger)

    def test_unmask_does_nothing_with_abort(self, new_session: Factory) -> None:
        session = new_session(rounds=1).to(Stage.AGGREGATE)
        words = b"".join(session.order[0, 0])
        with reverts("recover: not the disclosed seeds"):
            session.contract.unmask(0, 0, words, [], [], sender=session.stranger)

    def test_an_upload_comes_without_hashes(self, new_recover: RecoverFactory) -> None:
        session = new_recover(**CHUNKS).to(Stage.UPLOAD)
        account = session.members_of(0)[0]
        data = session.chunk(session.words(account), 0)
        with reverts("session: hashes with recover"):
            session.contract.upload(0, data, [keccak(data)] * 3, sender=account)
        event = session.upload(account, 0).only("Uploaded")
        assert (event.member, event.group, event.place, event.chunk, event.words) == (account, 0, 0, 0, data)
        assert session.member(account).chunks_delivered == 1

    def test_only_who_has_shared_uploads(self, new_recover: RecoverFactory) -> None:
        session = new_recover().to(Stage.SHARE)
        late, *others = session.members_of(0)
        session.share_all([*others, *session.members_of(1)])
        session.pass_deadline()
        session.pass_deadline()
        assert session.group(0).status == Status.UPLOAD
        with reverts("session: no commitment"):
            session.contract.upload(0, bytes(32), [], sender=late)
        session.upload_rest(others[0])
        assert session.group(0).delivered == 0b0010
