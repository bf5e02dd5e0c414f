# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Secrets of members and what they have committed to (docs/PROTOCOL.md section 5.1)
@license Apache-2.0
@notice A member's commitment, with `recover`, is the hash of addresses: that of its self mask B, then for each other place in
    order those of the share of its mask key and of the share of its self mask (E32).
"""


from interfaces import ISecretMath
from interfaces import ISessionRecovery
from . import bounds
from . import progress
from . import registry

uses: registry


SECRET_MATH: immutable(ISecretMath)

ADDRESS_BYTES: constant(uint256) = 20


@deploy
def __init__(secret_math: address):
    """
    @param secret_math SecretMath.
    """
    assert secret_math.is_contract, "libraries: no code"
    SECRET_MATH = ISecretMath(secret_math)


@view
@internal
def _check_addresses(account: address, addresses: Bytes[bounds.MAX_ADDRESSES_BYTES]):
    """
    @notice Refuses addresses that the account hasn't committed to.
    """
    root: bytes32 = registry._commitments[registry._load(account).key_address]
    assert keccak256(addresses) == root, "recover: addresses don't give root"


@view
@internal
def _opens(secret: uint256, expected: address) -> bool:
    """
    @return Whether it is the secret whose point has that address.
    """
    found: address = staticcall SECRET_MATH.address_of(secret)
    return found != empty(address) and found == expected


@pure
@internal
def _at(addresses: Bytes[bounds.MAX_ADDRESSES_BYTES], index: uint256) -> address:
    """
    @param index From 0, within the length.
    """
    return convert(convert(slice(addresses, ADDRESS_BYTES * index, ADDRESS_BYTES), uint160), address)


@pure
@internal
def _share_address(
    addresses: Bytes[bounds.MAX_ADDRESSES_BYTES], dealer: uint256, holder: uint256, self_mask: bool
) -> address:
    """
    @param addresses The dealer's.
    @param dealer Its place.
    @param holder Another place.
    @param self_mask Whether the share is of the self mask, not of the mask key.
    """
    index: uint256 = 1 + 2 * holder
    if holder > dealer:
        index -= 2
    if self_mask:
        index += 1
    return self._at(addresses, index)


@internal
def _take_shares(
    members: uint256,
    group: uint256,
    holder: uint256,
    dealers: uint256,
    self_mask: bool,
    openings: DynArray[ISessionRecovery.Opening, bounds.MAX_OPENINGS],
):
    """
    @notice Makes shares of the caller's known: of all dealers, one each, in order of place, as these have committed to them.
    @param members N.
    @param group Of all of them.
    @param holder The caller's place.
    @param dealers Bitmap over places.
    @param self_mask Whether the shares are of self masks.
    """
    assert len(openings) == progress._count(dealers), "recover: number of openings"
    rest: uint256 = dealers
    for opening: ISessionRecovery.Opening in openings:
        dealers_group: uint256 = 0
        dealer: uint256 = 0
        dealers_group, dealer = registry._shared_seat(opening.dealer, members)
        # its place is the lowest of those that are left
        assert dealers_group == group and rest & ((2 << dealer) - 1) == 1 << dealer, "recover: not the dealers in order"
        rest ^= 1 << dealer
        self._check_addresses(opening.dealer, opening.addresses)
        self._check_share(opening.addresses, dealer, holder, self_mask, opening.share)
        log ISessionRecovery.ShareRevealed(
            member=msg.sender, group=group, place=holder, dealer=dealer, share=opening.share
        )


@view
@internal
def _check_share(
    addresses: Bytes[bounds.MAX_ADDRESSES_BYTES], dealer: uint256, holder: uint256, self_mask: bool, share: uint256
):
    """
    @notice Refuses what isn't the share that the dealer has committed to for that holder.
    """
    expected: address = self._share_address(addresses, dealer, holder, self_mask)
    assert self._opens(share, expected), "recover: not the committed share"


@view
@internal
def _check_shares(
    addresses: Bytes[bounds.MAX_ADDRESSES_BYTES],
    dealer: uint256,
    holders: uint256,
    self_mask: bool,
    shares: DynArray[uint256, bounds.MAX_MEMBERS],
):
    """
    @notice Refuses shares of which one isn't what the dealer has committed to.
    @param holders Bitmap over places, as many as shares.
    """
    row: uint256 = 0
    for holder: uint256 in range(bounds.MAX_MEMBERS):
        if (holders >> holder) & 1 == 1:
            self._check_share(addresses, dealer, holder, self_mask, shares[row])
            row += 1
