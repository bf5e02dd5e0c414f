"""The chain goes back between upload and reveal: a member has delivered in one history and is missing in the other.

Defence: clients reveal only when the block that fixed U is final, and write down under which U before they send
anything: after that no other U gets anything from them, whatever the chain says (`settled`, `ReleaseLog`). S is
waited for in the same way before shares are checked.

What remains: a client that reveals at once shows its self mask in one history, and T honest, patient ones its mask key
in the other: both are public then, and its upload is read. It takes a reorganisation deeper than the client waits for,
or a node that shows it another chain than it shows the others.
"""

from __future__ import annotations

import pytest

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.codec import Scope, disclosed_seeds, public_address, rebuild
from omnilytics.errors import InputError, ProtocolError
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import Policy
from tests.e2e.test_recover_release import Halfway

N, T, VICTIM = 4, 3, 3
EVERYBODY, OTHERS = 0b1111, 0b0111
IMPATIENT = Policy(accept_near_repeats=True, finality_blocks=0)
PATIENT = Policy(accept_near_repeats=True, finality_blocks=40)


def history(half: Halfway) -> Ledger:
    """What this history has made public."""
    return Ledger.read(log for _, log in half.chain.logs(half.session.address))


def reveal(half: Halfway, *members: int) -> None:
    for place in members:
        half.fair.roles[place].reveal(history(half))


def scope(half: Halfway, keys: Ledger, delivered: int) -> Scope:
    accounts = half.company.tell.seats.groups[0]
    peers = tuple(keys.keys[account] for account in accounts)
    chain, session = half.chain, half.session
    return Scope(chain.chain_id, session.address, 0, session.model_hash(), peers, EVERYBODY, delivered)


def read_alone(half: Halfway, first: Ledger, second: Ledger) -> bytes | None:
    """The victim's words without their mask, from its b and its upload in one history and T shares of sk in the other.

    None: one of the two isn't there.
    """
    shares = second.sharing[0].shares.get(VICTIM, {})
    b = first.sharing[0].secrets.get(VICTIM)
    if b is None or len(shares) < T:
        return None
    sk, selves = rebuild(shares, T), second.sharing[0].secrets
    assert public_address(sk) == second.key_addresses[half.company.tell.seats.groups[0][VICTIM]]
    mine, _ = disclosed_seeds(scope(half, second, EVERYBODY), {i: selves[i] for i in range(VICTIM)} | {VICTIM: b})
    pairs, _ = disclosed_seeds(scope(half, second, OTHERS), {i: selves[i] for i in range(VICTIM)} | {VICTIM: sk})
    words = b"".join(first.uploaded[0, VICTIM])
    return half.company.codec.unmask(words, mine[VICTIM:], pairs[VICTIM:])


def without_the_victim(half: Halfway, before: int) -> None:
    """The other history: the victim's upload isn't in it."""
    half.chain.revert(before)
    half.upload(0, 1, 2)
    assert half.session.group(0).delivered == OTHERS


def test_an_impatient_victim_is_read() -> None:
    """It reveals b at once; the others, who were more careful, give its key away in the history that counts."""
    half = Halfway(IMPATIENT)
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2, VICTIM)
    reveal(half, VICTIM)
    first = history(half)
    without_the_victim(half, before)
    reveal(half, 0, 1, 2)
    told = read_alone(half, first, history(half))
    assert told == half.fair.plain_sum([half.fair.members[VICTIM]])


def test_a_patient_victim_isnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain goes back while it waits. It raises, has revealed nothing, and what the others give is of no use."""
    half = Halfway(PATIENT)
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2, VICTIM)
    first = history(half)
    wait = EmbeddedChain.wait_blocks

    def reorganised(self: EmbeddedChain, count: int) -> None:
        monkeypatch.setattr(EmbeddedChain, "wait_blocks", wait)
        without_the_victim(half, before)
        wait(self, count)

    monkeypatch.setattr(EmbeddedChain, "wait_blocks", reorganised)
    with pytest.raises(ProtocolError, match="UploadClosed: expected 0b1111 as 40 blocks ago, got 0b111"):
        reveal(half, VICTIM)
    reveal(half, 0, 1, 2)
    assert len(history(half).sharing[0].shares[VICTIM]) == T
    assert VICTIM not in first.sharing[0].secrets
    assert read_alone(half, first, history(half)) is None


@pytest.mark.parametrize("hasty", [0, 1, 2, 3])
def test_who_has_released_gives_no_second_secret(hasty: int) -> None:
    """Everybody is impatient, and so many of the others have revealed before the chain goes back.

    These give the victim's key to nobody: with one of them fewer than T shares of it are ever public.
    """
    half = Halfway(IMPATIENT)
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2, VICTIM)
    reveal(half, *range(hasty))
    if half.session.group(0).revealed != EVERYBODY:
        reveal(half, VICTIM)
    first = history(half)
    assert VICTIM in first.sharing[0].secrets
    without_the_victim(half, before)
    for place in range(VICTIM):
        if place < hasty:
            with pytest.raises(ProtocolError):
                reveal(half, place)
        else:
            reveal(half, place)
    second = history(half)
    assert len(second.sharing[0].shares.get(VICTIM, {})) == T - hasty
    assert (read_alone(half, first, second) is None) == (hasty > 0)


def test_the_victim_itself_reveals_nothing_in_the_second_history() -> None:
    """It is missing from U there, so that it can't be asked for shares of the others' keys either."""
    half = Halfway(IMPATIENT)
    half.to_upload()
    before = half.chain.snapshot()
    half.upload(0, 1, 2, VICTIM)
    without_the_victim(half, before)
    with pytest.raises((InputError, ProtocolError)):
        reveal(half, VICTIM)
    assert VICTIM not in history(half).sharing[0].secrets
