"""With policy `recover` nobody commits to its words: who uploads last chooses them by the others', or copies some.

Defence: every upload has a mask of its own until U is fixed, so that nothing can be told of the others' when the last
one uploads, by t colluders either; masks are bound to group and place (E10, E34), so that copied words are noise, also
if a whole group copies another one, and `norm` refuses noise.

What remains: colluders that know each other's words may choose theirs by them. With `krum` noise is compared like any
other vector.
"""

from __future__ import annotations

import pytest

from tests.attacks.learning import told_sums
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import RecoverFactory


@pytest.fixture(scope="module")
def base(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, T = 3; everybody has shared."""
    return new_recover(parameter_count=60).to(Stage.UPLOAD)


@pytest.mark.parametrize("colluder", range(4))
def test_the_last_one_knows_nothing_of_the_others(base: RecoverDriver, colluder: int) -> None:
    """Until the upload is closed; then it can't change anything any more, and knows no more than the sum."""
    session = base.copy()
    honest = [a for a in session.members_of(0) if session.seat(a)[1] != colluder]
    last = honest[-1]
    for account in session.seated():
        if account != last:
            session.upload_rest(account)
            assert told_sums(session, 0, [colluder]) == []
    session.upload_rest(last)
    assert session.stage() == Stage.REVEAL
    for account in honest:
        assert told_sums(session, 0, [colluder]) == []
        with reverts("session: wrong stage"):
            session.contract.upload(0, session.chunk(session.words(last), 0), [], sender=last)
        session.reveal(account)
    assert told_sums(session, 0, [colluder]) == [{0, 1, 2, 3} - {colluder}]


def test_a_chosen_sum_is_noise(base: RecoverDriver) -> None:
    """With masks that cancel, words like these would make any sum. Here every member's own mask is in it."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    *peers, attacker = session.members_of(0)
    for account in peers:
        session.upload_rest(account)
    wanted = ref.pack([1] * session.params.parameter_count, session.params.lane_bits)
    seen = ref.add([session.words(account) for account in peers])
    session.payloads[attacker] = [(w - s) % ref.WORD for w, s in zip(wanted, seen, strict=True)]
    session.upload_rest(attacker)
    assert ref.add([session.words(a) for a in (*peers, attacker)]) == wanted
    session.to(Stage.FINISHED)
    assert session.sum_of(0) != wanted
    assert session.accepted() == 0b10
    told = wealth.tell("the last uploader chooses the sum of the uploads", attacker, honest=[honest[attacker]])
    assert told.loses
    assert told.honest_loss == 0


@pytest.mark.parametrize("whose", ["a peer's", "another group's"])
def test_copied_words_are_noise(base: RecoverDriver, whose: str) -> None:
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    copier = session.members_of(0)[3]
    victim = session.members_of(0)[0] if whose == "a peer's" else session.members_of(1)[3]
    session.payloads[copier] = session.words(victim)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b10
    told = wealth.tell(f"one uploads {whose} words", copier, honest=[honest[copier]])
    assert told.loses
    assert told.honest_loss == 0


def test_a_whole_group_that_copies_another_one_is_refused(base: RecoverDriver) -> None:
    """With `abort` that is paid (`test_rushing.py`). Here its secrets are its own, and don't lift the masks that it has
    copied: its price is burnt."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    early, late = session.members_of(0), session.members_of(1)
    for victim, copier in zip(early, late, strict=True):
        session.payloads[copier] = session.words(victim)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b01
    assert session.sum_of(0) != session.sum_of(1)
    assert session.money().locked == 4 * (session.params.reward_wei // 8)
    told = wealth.tell("a whole group copies another one's words (recover)", *late, honest=[honest[a] for a in late])
    assert told.loses
    assert told.honest_loss == 0
