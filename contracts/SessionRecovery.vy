# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title What policy `recover` adds to a session: shares, secrets, masks that are lifted
@license Apache-2.0
@notice A part of SecModelUpdate, as SessionDesk is one: code of its own, state of the session's. docs/PROTOCOL.md sections 5.1
    and 6.4. A group's members share the secrets of their masks before they upload; once it is fixed who has delivered, the self
    masks of these and the mask keys of the others become known, from their owners or from T shares, and the contract takes the
    masks off the sum.
@custom:contract-name SessionRecovery
@custom:security Of no member both secrets are ever accepted: which of them is opened follows from who has delivered, which is
    fixed before the first is.
"""


from interfaces import ISecretMath
from interfaces import ISessionRecovery
from interfaces import ISessionRules
from modules import bounds
from modules import calls
from modules import commitments
from modules import escrow
from modules import fees
from modules import groups
from modules import libraries
from modules import lifecycle
from modules import parties
from modules import progress
from modules import publication
from modules import registry
from modules import seats
from modules import secrets
from modules import sums
from modules import terms
from modules import unmasking

initializes: parties
initializes: publication
initializes: escrow
initializes: groups
initializes: libraries
initializes: progress
initializes: registry
initializes: terms
initializes: seats[groups := groups, libraries := libraries, registry := registry]
initializes: lifecycle[
    escrow := escrow, groups := groups, libraries := libraries, progress := progress, seats := seats, terms := terms
]
initializes: fees[escrow := escrow, libraries := libraries, registry := registry, terms := terms]
initializes: calls[fees := fees, lifecycle := lifecycle, progress := progress, terms := terms]
initializes: commitments[groups := groups, progress := progress, registry := registry, seats := seats]
initializes: secrets[registry := registry]
initializes: sums[groups := groups, progress := progress, terms := terms]
initializes: unmasking[
    calls := calls,
    fees := fees,
    groups := groups,
    libraries := libraries,
    progress := progress,
    publication := publication,
    registry := registry,
    secrets := secrets,
    accumulated := sums,
    terms := terms,
]

exports: (unmasking.disclose, unmasking.unmask)


POINT_BYTES: constant(uint256) = 64         # x and y
SEALED_BYTES: constant(uint256) = 112       # two sealed shares (E33)

SETUP: immutable(address)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address, secret_math: address, setup: address):
    """
    @notice Locks it: by itself nobody can initialise it.
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    @param secret_math The SecretMath that all sessions ask.
    @param setup The SessionSetup of all sessions.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
    secrets.__init__(secret_math)
    assert setup.is_contract, "libraries: no code"
    SETUP = setup
    parties.market = self


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[bounds.MAX_ANSWER_BYTES]:
    """
    @notice What isn't here is in SessionSetup.
    """
    return raw_call(SETUP, msg.data, max_outsize=bounds.MAX_ANSWER_BYTES, is_delegate_call=True)


@external
def share(root: bytes32, points: Bytes[bounds.MAX_POINTS_BYTES], sealed: Bytes[bounds.MAX_SEALED_BYTES]):
    """
    @notice Deals the caller's secrets to the others of its group. Seated members of live groups, once each round, in stage Share
        while sharing is open.
    @param root Of the addresses of the points (E32). That it is theirs is for the receivers to check.
    @param points B, then those of both shares for each other place in order (E32).
    @param sealed Both shares for each other place in order (E33).
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.SHARE)
    assert not p.objecting, "recover: sharing is closed"
    shape: ISessionRules.Shape = terms._shape()
    assert len(points) == POINT_BYTES * (2 * shape.members - 1), "recover: length of the points"
    assert len(sealed) == SEALED_BYTES * (shape.members - 1), "recover: length of the sealed shares"
    group: uint256 = 0
    place: uint256 = 0
    group, place = commitments._take(p, shape, root)
    log ISessionRecovery.Shared(
        member=msg.sender, group=group, place=place, root=root, points=points, sealed=sealed
    )
    q: progress.Progress = p
    q.pending -= 1
    if q.pending == 0:
        lifecycle._close_sharing(q)
    else:
        progress._store(q)
    calls._end(gas_at_start, p, terms.LIMIT_COMMIT, 0, True)


@external
def reveal(
    secret: uint256,
    addresses: Bytes[bounds.MAX_ADDRESSES_BYTES],
    openings: DynArray[ISessionRecovery.Opening, bounds.MAX_OPENINGS],
):
    """
    @notice Makes the caller's self mask known, and its shares of the mask keys of those who have shared but not delivered. Who has
        delivered, once, in the first half of stage Reveal.
    @param secret b.
    @param addresses The caller's own (E32).
    @param openings One for each of these, in order of place.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.REVEAL)
    shape: ISessionRules.Shape = terms._shape()
    assert not self._is_late(p, shape), "recover: too late"
    group: uint256 = 0
    place: uint256 = 0
    g: groups.Group = empty(groups.Group)
    group, place, g = self._of_deliverer(p, shape)
    assert (g.revealed >> place) & 1 == 0, "recover: already revealed"
    secrets._check_addresses(msg.sender, addresses)
    assert secrets._opens(secret, secrets._at(addresses, 0)), "recover: not the secret"
    log ISessionRecovery.Revealed(member=msg.sender, group=group, place=place, secret=secret)
    secrets._take_shares(shape.members, group, place, g.committed ^ g.delivered, False, openings)
    g.revealed |= 1 << place
    g.opened |= 1 << place
    self._store_opened(p, shape, group, g)
    calls._end(gas_at_start, p, terms.LIMIT_COMMIT, 0, True)


@external
def reveal_shares(openings: DynArray[ISessionRecovery.Opening, bounds.MAX_OPENINGS]):
    """
    @notice Makes the caller's shares of the self masks of those known who have delivered and stay away. Who has revealed, once, in
        the third quarter of stage Reveal: the last one is left for `rebuild`, so that nobody's last-minute shares are in vain.
    @param openings One for each whose self mask isn't known, in order of place; at least one.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.REVEAL)
    shape: ISessionRules.Shape = terms._shape()
    assert self._is_late(p, shape), "recover: too early"
    assert block.timestamp <= p.deadline - shape.reveal_secs // 4, "recover: too late"
    group: uint256 = 0
    place: uint256 = 0
    g: groups.Group = empty(groups.Group)
    group, place, g = self._of_deliverer(p, shape)
    assert (g.revealed >> place) & 1 == 1, "recover: not revealed"
    assert (g.lent >> place) & 1 == 0, "recover: already revealed"
    assert len(openings) != 0, "recover: number of openings"
    secrets._take_shares(shape.members, group, place, g.delivered & ~g.opened, True, openings)
    g.lent |= 1 << place
    groups._store(group, g)
    calls._end(gas_at_start, p, terms.LIMIT_COMMIT, 0, True)


@external
def rebuild(
    dealer: address,
    addresses: Bytes[bounds.MAX_ADDRESSES_BYTES],
    holders: uint256,
    shares: DynArray[uint256, bounds.MAX_MEMBERS],
):
    """
    @notice Rebuilds a secret of somebody who doesn't reveal it, from T shares, which everybody can supply from `ShareRevealed`: the
        mask key of who hasn't delivered; in the second half of the window the self mask of who has. Shares that the dealer has
        committed to and that give something else name it, unpaid; other holders may still save the group. Anyone, in stage Reveal.
    @param dealer Whose.
    @param addresses The dealer's (E32).
    @param holders Bitmap over places: T others.
    @param shares Theirs, in order of place.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.REVEAL)
    shape: ISessionRules.Shape = terms._shape()
    group: uint256 = 0
    place: uint256 = 0
    group, place = registry._shared_seat(dealer, shape.members)
    g: groups.Group = self._live_group(p, group)
    assert (g.opened >> place) & 1 == 0, "recover: already known"
    delivered: bool = (g.delivered >> place) & 1 == 1
    assert not delivered or self._is_late(p, shape), "recover: too early"
    assert holders & ~g.committed == 0 and (holders >> place) & 1 == 0, "recover: not holders"
    assert progress._count(holders) == shape.threshold and len(shares) == shape.threshold, "recover: other than T shares"
    secrets._check_addresses(dealer, addresses)
    expected: address = registry._load(dealer).key_address
    if delivered:
        expected = secrets._at(addresses, 0)
    secret: uint256 = staticcall secrets.SECRET_MATH.rebuilt(holders, shares)
    found: bool = secrets._opens(secret, expected)
    if found:
        log ISessionRecovery.Rebuilt(group=group, place=place, secret=secret)
        g.opened |= 1 << place
        self._store_opened(p, shape, group, g)
    else:
        assert (g.blamed >> place) & 1 == 0, "recover: already blamed"
        secrets._check_shares(addresses, place, holders, delivered, shares)
        g.blamed |= 1 << place
        groups._store(group, g)
        log ISessionRecovery.DealerBlamed(group=group, place=place, holders=holders)
    calls._end(gas_at_start, p, terms.LIMIT_COMMIT, 0, found)


@view
@internal
def _live_group(p: progress.Progress, group: uint256) -> groups.Group:
    """
    @return It, unless it has failed.
    """
    v: progress.Verdict = progress._failures()
    assert (progress._live(p, v) >> group) & 1 == 1, "session: the group has failed"
    return groups._load(group)


@view
@internal
def _of_deliverer(p: progress.Progress, shape: ISessionRules.Shape) -> (uint256, uint256, groups.Group):
    """
    @return The caller's group, its place, and the group, in which it has delivered.
    """
    group: uint256 = 0
    place: uint256 = 0
    group, place = registry._shared_seat(msg.sender, shape.members)
    g: groups.Group = self._live_group(p, group)
    assert (g.delivered >> place) & 1 == 1, "recover: not delivered"
    return group, place, g


@view
@internal
def _is_late(p: progress.Progress, shape: ISessionRules.Shape) -> bool:
    """
    @return Whether the second half of stage Reveal has begun.
    """
    return block.timestamp > p.deadline - shape.reveal_secs // 2


@internal
def _store_opened(p: progress.Progress, shape: ISessionRules.Shape, group: uint256, g: groups.Group):
    """
    @notice A secret is known. Stage Reveal ends when all are: in its first half only who reveals can make its self mask known.
    @param g The group as it becomes.
    """
    groups._store(group, g)
    if g.opened == g.committed:
        q: progress.Progress = p
        q.pending -= 1
        if q.pending == 0:
            lifecycle._close_reveal(q, shape)
        else:
            progress._store(q)
