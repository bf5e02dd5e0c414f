"""The clients of one group without a chain: what each of them says to what the dealers have published."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from omnilytics.codec import Dealing, GroupContext, MemberSecrets, Recovery
from omnilytics.types import Address
from tests.vectors import groups
from tests.vectors.groups import Group
from tests.vectors.reference import sharing
from tests.vectors.reference.keccak import keccak256
from tests.vectors.reference.sharing import Coins, Scope, evaluate

Verdicts = dict[int, dict[int, str]]
"""By receiver: why it objects, by dealer."""


@functools.cache
def group(members: int, threshold: int) -> Group:
    """A group with all its secrets."""
    return groups.group(members, threshold)


def client(of: Group, place: int, scope: Scope | None = None) -> Recovery:
    """The client of a place that has dealt; `scope` where it takes the group for another one."""
    seen = scope or of.scope
    context = GroupContext(
        chain_id=seen.chain_id,
        session=Address(f"0x{seen.session.hex()}"),
        group=seen.group,
        place=place,
        model_hash=seen.model,
        peers=tuple((x, y % 2) for x, y in seen.keys),
    )
    made = Recovery.of_group(of.threshold, MemberSecrets.from_seed(of.seeds[place]), context, seen.transports)
    made.deal(of.seed_of_dealing(place))
    return made


def dealing(of: Group, dealer: int, drawn: Coins | None = None, scope: Scope | None = None) -> Dealing:
    """What a dealer publishes: honest, but for other polynomials or another scope."""
    made = sharing.deal(scope or of.scope, dealer, drawn or of.coins(dealer))
    return Dealing.from_points(made.points, made.sealed, made.root)


def resealed(of: Group, dealer: int, points: bytes, scope: Scope | None = None) -> Dealing:
    """Other points than those of the dealer's shares, which are sealed to them all the same."""
    drawn, aad = of.coins(dealer), keccak256(points)
    sealed = [
        sharing.seal_share(
            scope or of.scope, dealer, j, drawn.ikm[j], aad, (evaluate(drawn.f, j + 1), evaluate(drawn.g, j + 1))
        )
        for j in sharing.others(dealer, of.members)
    ]
    return Dealing.from_points(points, b"".join(sealed), sharing.root(points))


def verdicts(of: Group, dealings: Mapping[int, Dealing]) -> Verdicts:
    """What every client says, each to the dealings of the others."""
    inside = dict.fromkeys(range(of.members)) | dict(dealings)
    honest = {place: given or dealing(of, place) for place, given in inside.items()}
    return {place: client(of, place).receive({j: one for j, one in honest.items() if j != place}) for place in inside}


def objectors(of: Group, dealer: int, given: Dealing) -> dict[int, str]:
    """Who objects to what this dealer has published, and why; all others are honest."""
    said = verdicts(of, {dealer: given})
    assert said.pop(dealer) == {}
    assert all(objections.keys() <= {dealer} for objections in said.values()), "an honest dealer is objected to"
    return {place: objections[dealer] for place, objections in said.items() if objections}
