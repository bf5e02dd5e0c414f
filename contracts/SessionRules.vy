# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The rules of all sessions: which keys are good, who sits where, which groups are accepted
@license Apache-2.0
@notice Stateless. Every session asks it; it is a contract of its own so that a session stays below EIP-170's limit.
@custom:contract-name SessionRules
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from modules import bounds
from modules import draw
from modules import krum
from modules import tally
from modules import terms

implements: ISessionRules


DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f6b65792f3100000000000000000000000000000000  # omnilytics/key/1
CURVE_ORDER: constant(uint256) = 115792089237316195423570985008687907852837564279074904382605163141518161494337
LCM: constant(uint256) = 720720             # of 1..16, the sizes that groups can have


@view
@external
def key_address(keys: ISecModelUpdate.Keys, account: address, policy: uint256) -> address:
    """
    @notice Checks a mask key and its signature (E8), made for the session that asks.
    @param keys What `register` was given.
    @param account Who registers.
    @param policy Of the session: `recover` asks for a transport key, `abort` has none.
    @return addr(PK).
    """
    if policy == terms.ABORT:
        assert keys.transport == empty(bytes32), "register: transport key with abort"
    else:
        assert keys.transport != empty(bytes32), "register: no transport key"
    assert keys.x != 0 and keys.x < CURVE_ORDER, "register: x out of range"
    assert keys.parity <= 1, "register: parity out of range"
    # ecrecover(0, v, r, s) is addr(s/r R), R the point with x coordinate r: with r = s = x that is addr(PK)
    found: address = ecrecover(empty(bytes32), 27 + keys.parity, keys.x, keys.x)
    assert found != empty(address), "register: x isn't on the curve"
    digest: bytes32 = keccak256(abi_encode(DOMAIN, chain.id, msg.sender, account))
    assert ecrecover(digest, keys.v, keys.r, keys.s) == found, "register: key signature"
    return found


@pure
@external
def accepted(
    shape: ISessionRules.Shape,
    live: uint256,
    norms: DynArray[uint256, bounds.MAX_GROUPS],
    counts: DynArray[uint256, bounds.MAX_GROUPS],
    products: DynArray[int256, bounds.MAX_PRODUCTS],
    cast: uint256,
    tallies: DynArray[uint256, bounds.MAX_TALLIES],
) -> uint256:
    """
    @notice Asks the rule of a session which groups it accepts.
    @param shape The terms of the session.
    @param live P as a bitmap over group ids.
    @param norms G_rr of the groups of P, in order of id.
    @param counts u_r of the groups of P, 1..N: members that delivered.
    @param products With `krum`: G_rs for r < s in P, row by row.
    @param cast With `norm+vote`: votes that were opened.
    @param tallies With `norm+vote`: votes against each group, packed as `tally` has them; empty with other rules.
    @return Bitmap over group ids; zero where nothing is accepted or the rule is undefined on P.
    """
    positions: uint256 = 0
    if shape.rule != terms.KRUM:
        positions = self._norm(norms, counts, shape.members, shape.parameter_count * shape.bound**2)
    else:
        picks: uint256 = krum._picks(len(norms), shape.krum_mu_bps, shape.krum_m, shape.krum_m_rule)
        scaled_norms: DynArray[uint256, bounds.MAX_GROUPS] = norms
        scaled_products: DynArray[int256, bounds.MAX_PRODUCTS] = products
        if shape.policy == terms.RECOVER:
            scaled_norms, scaled_products = self._per_member(norms, counts, products)
        positions = krum._chosen(scaled_norms, scaled_products, shape.krum_mu_bps, picks)
    found: uint256 = 0
    position: uint256 = 0
    for i: uint256 in range(bounds.MAX_GROUP_IDS):
        if (live >> i) & 1 == 1:
            found |= ((positions >> position) & 1) << i
            position += 1
    if shape.rule == terms.NORM_VOTE:
        found = self._not_voted_out(found, counts, cast, tallies)
    return found


@pure
@external
def cohort_groups(seed: bytes32, rounds: uint256, cohorts: uint256, loose_groups: uint256) -> uint256:
    """
    @notice K', how many complete cohorts get seats (section 6.1): as many groups of them as of the others, on average.
    @param seed Of the draw.
    @param rounds R.
    @param cohorts K.
    @param loose_groups Groups that the other members can fill.
    @return K', at most K.
    """
    units: uint256 = cohorts + loose_groups
    if units <= rounds:
        return cohorts
    return (rounds * cohorts + convert(draw._derived(seed, 3), uint256) % units) // units


@pure
@external
def cohort_seat(seed: bytes32, d: ISessionRules.Draw, number: uint256, place: uint256) -> uint256:
    """
    @notice The seat of a member of a complete cohort (E21).
    @param seed Of the draw.
    @param d What the session drew.
    @param number The cohort's, among the complete ones, from 0.
    @param place The member's, in the earlier session.
    @return Its seat among all groups, from 1; 0 = none.
    """
    group: uint256 = draw._permuted(draw._derived(seed, 2), number, d.cohorts)
    if group >= d.cohort_groups:
        return 0
    return group * d.members + place + 1


@pure
@external
def loose_seat(seed: bytes32, d: ISessionRules.Draw, suspect: bool, rank: uint256) -> uint256:
    """
    @notice The seat of a member that came alone (E22, E23).
    @param seed Of the draw.
    @param d What the session drew.
    @param suspect Its pool.
    @param rank Its rank there, from 0.
    @return Its seat among all groups, from 1; 0 = none.
    """
    seats: uint256 = (d.groups - d.cohort_groups) * d.members
    suspects: uint256 = d.loose - d.clear
    line: uint256 = rank
    if d.clear < 2 * d.members or suspects < 2 * d.members:
        if suspect:
            line += d.clear
        line = draw._permuted(draw._derived(seed, 0), line, d.loose)
    elif suspect:
        line = d.clear + draw._permuted(draw._derived(seed, 0), rank, suspects)
    elif d.clear > seats:
        line = draw._permuted(draw._derived(seed, 0), rank, d.clear)
    if line >= seats:
        return 0
    return d.cohort_groups * d.members + draw._permuted(draw._derived(seed, 1), line, seats) + 1


@pure
@external
def permuted(seed: bytes32, index: uint256, n: uint256) -> uint256:
    """
    @notice pi(seed, index, n), the permutation of the draws (E14).
    @param seed Of the draw, or derived from it.
    @param index Below n.
    @param n 1..4096.
    @return Below n.
    """
    return draw._permuted(seed, index, n)


@pure
@external
def bond_back(bond_wei: uint256, lost_wei: uint256, members: uint256, did: uint256, place: uint256) -> uint256:
    """
    @notice What a member of a failed group gets back: those who did their part share what the others lose; the remainder of
        that division goes one wei each to the lowest places; if nobody did, all get their own back.
    @param bond_wei The bond of each.
    @param lost_wei What each of those loses who didn't do their part, at most the bond.
    @param members N.
    @param did Bitmap over places.
    @param place The member's.
    @return Wei. Over all places it adds up to N * bond_wei.
    """
    if did == 0:
        return bond_wei
    if (did >> place) & 1 == 0:
        return bond_wei - lost_wei
    count: uint256 = 0
    rank: uint256 = 0
    for i: uint256 in range(bounds.MAX_MEMBERS):
        if (did >> i) & 1 == 1:
            count += 1
            if i < place:
                rank += 1
    all_lost_wei: uint256 = (members - count) * lost_wei
    extra_wei: uint256 = 0
    if rank < all_lost_wei % count:
        extra_wei = 1
    return bond_wei + all_lost_wei // count + extra_wei


@pure
@internal
def _per_member(
    norms: DynArray[uint256, bounds.MAX_GROUPS],
    counts: DynArray[uint256, bounds.MAX_GROUPS],
    products: DynArray[int256, bounds.MAX_PRODUCTS],
) -> (DynArray[uint256, bounds.MAX_GROUPS], DynArray[int256, bounds.MAX_PRODUCTS]):
    """
    @notice Norms and products of S_r / u_r, times LCM^2: exact, whatever the sizes of the groups (section 7).
    @param norms G_rr, below 2^82.
    @param counts u_r, 1..16.
    @param products G_rs for r < s, row by row.
    @return Both, scaled; below 2^122.
    """
    count: uint256 = len(norms)
    norms_: DynArray[uint256, bounds.MAX_GROUPS] = []
    products_: DynArray[int256, bounds.MAX_PRODUCTS] = []
    pair: uint256 = 0
    for r: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
        norms_.append(norms[r] * (LCM // counts[r])**2)
        for s: uint256 in range(r + 1, count, bound=bounds.MAX_KRUM_GROUPS):
            products_.append(products[pair] * convert((LCM // counts[r]) * (LCM // counts[s]), int256))
            pair += 1
    return norms_, products_


@pure
@internal
def _norm(
    norms: DynArray[uint256, bounds.MAX_GROUPS],
    counts: DynArray[uint256, bounds.MAX_GROUPS],
    members: uint256,
    limit: uint256,
) -> uint256:
    """
    @notice Rule `norm` (E15).
    @param norms G_rr.
    @param counts u_r.
    @param members N.
    @param limit d Q^2.
    @return Bitmap over the positions in P.
    """
    positions: uint256 = 0
    for r: uint256 in range(len(norms), bound=bounds.MAX_GROUPS):
        if 4 * members**2 * norms[r] <= counts[r]**2 * limit:
            positions |= 1 << r
    return positions


@pure
@internal
def _not_voted_out(
    passed: uint256,
    counts: DynArray[uint256, bounds.MAX_GROUPS],
    cast: uint256,
    tallies: DynArray[uint256, bounds.MAX_TALLIES],
) -> uint256:
    """
    @notice The vote of rule `norm+vote` (E37).
    @param passed The groups that `norm` accepts, bitmap over group ids.
    @param counts u_r: together |U|.
    @param cast Votes that were opened.
    @param tallies Votes against each group.
    @return Of the groups that `norm` accepts those that aren't voted out, bitmap over group ids.
    """
    voters: uint256 = 0
    for count: uint256 in counts:
        voters += count
    if 2 * cast < voters:
        return passed
    kept: uint256 = 0
    for i: uint256 in range(bounds.MAX_GROUP_IDS):
        if (passed >> i) & 1 == 1 and 2 * tally._against(tallies[i // tally.LANES], i) <= cast:
            kept |= 1 << i
    return kept
