"""What dishonest dealers share, and groups whose members don't look at what they get."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tests.contracts.harness import RecoverDriver, Stage, Status
from tests.contracts.harness.dealing import Dealing, coefficients, deal, places, shares
from tests.contracts.harness.keys import CURVE_ORDER


def share_polynomials(session: RecoverDriver, account: str, f: Sequence[int], g: Sequence[int]) -> Dealing:
    """Has the account share these two, whatever they are; g(0) is what it says is its self mask."""
    group, place = session.seat(account)
    dealing = deal(g[0], shares(f, g, place, session.params.members))
    session.dealings[group, account] = dealing
    return dealing


def share_steeply(session: RecoverDriver, account: str, *, mask_key: bool = False, self_mask: bool = False) -> Dealing:
    """Polynomials of degree T, one more than there should be: no T shares of these give the secret."""
    f, g = session.polynomials(account)
    more = coefficients(0, session.params.threshold + 1, f"steep {account}")
    f = [*f, *more[-1:]] if mask_key else f
    g = [*g, *more[-1:]] if self_mask else g
    return share_polynomials(session, account, f, g)


def share_wrongly(session: RecoverDriver, account: str, holders: Collection[int], self_mask: bool) -> Dealing:
    """One more than their share to these holders, of the self mask or of the mask key; their points say the same."""
    group, _ = session.seat(account)
    honest = session.dealing(account)
    wrong = {
        place: tuple((s + (place in holders and kind == self_mask)) % CURVE_ORDER for kind, s in enumerate(both))
        for place, both in honest.shares.items()
    }
    dealing = deal(session.self_secret(account), {place: (both[0], both[1]) for place, both in wrong.items()})
    session.dealings[group, account] = dealing
    return dealing


def upload_but(session: RecoverDriver, *missing: str) -> None:
    """Everybody who has shared uploads but these; the upload is closed."""
    session.to(Stage.UPLOAD)
    for account in session.seated():
        group, place = session.seat(account)
        view = session.group(group)
        if account not in missing and view.status == Status.UPLOAD and view.committed >> place & 1:
            session.upload_rest(account)
    if session.stage() == Stage.UPLOAD:
        session.pass_deadline()


def reveal_but(session: RecoverDriver, *missing: str) -> None:
    """Everybody reveals who has delivered but these; mask keys that can be rebuilt are."""
    for group in session.live_groups(Status.REVEAL):
        members, view = session.members_of(group), session.group(group)
        for place in places(view.delivered & ~view.revealed):
            if members[place] not in missing and session.stage() == Stage.REVEAL:
                session.reveal(members[place])
        for place in places(view.committed & ~view.delivered & ~session.group(group).opened):
            known = [holder for g, dealer, holder in session.known if (g, dealer) == (group, place)]
            if len(known) >= session.params.threshold:
                session.rebuild(members[place])
