# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Sums of uploads in blobs
@license Apache-2.0
@notice docs/BLOBS.md section 2. Whoever sums supplies the commitments, as points: they are checked against what the members have
    committed to.
"""


from interfaces import ISessionBlobs
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import fees
from . import groups
from . import kzg
from . import lifecycle
from . import progress
from . import registry
from . import terms

uses: calls
uses: fees
uses: groups
uses: lifecycle
uses: progress
uses: registry
uses: terms


ACCOUNTS_ARGUMENT: constant(uint256) = 0    # words of calldata before the place of `accounts` in `add_sums`
POINTS_ARGUMENT: constant(uint256) = 1      # ... and of `points`


@view
@internal
def _group_of(account: address, members: uint256) -> uint256:
    """
    @param account Somebody that has committed.
    @param members N.
    @return Its group.
    """
    seat: uint256 = registry._committed_seat(registry._load(account))
    assert seat != 0, "session: no commitment"
    return (seat - 1) // members


@view
@internal
def _added(members: uint256, recover: bool, group: uint256) -> (uint256, uint256):
    """
    @param members N.
    @param group A live group after its upload.
    @return Whose uploads are in its sum, bitmap over places; how many rows are added: these, and with `recover` the correction.
    """
    if not recover:
        return (1 << members) - 1, members
    delivered: uint256 = groups._load(group).delivered
    return delivered, progress._count(delivered) + 1


@view
@internal
def _check_upload(
    members: uint256, recover: bool, account: address, group: uint256, place: uint256, upload: bytes32
):
    """
    @notice Refuses an account that isn't in that seat, and commitments that aren't those of its upload.
    """
    m: registry.Member = registry._load(account)
    assert registry._committed_seat(m) == 1 + group * members + place, "session: not the group's members"
    if recover:
        assert groups._upload(group, 0, place) == upload, "blobs: not the upload's commitments"
    else:
        bound: bytes32 = kzg._folded(convert(account, bytes32), upload)
        assert registry._commitments[m.key_address] == bound, "blobs: not the upload's commitments"


@view
@internal
def _check_correction(group: uint256, last: bytes32):
    """
    @notice Refuses commitments that aren't those of the group's correction.
    @param last The fold of the versioned hashes of the last row.
    """
    assert groups._hash(group, 0) == last, "blobs: not the correction"


@external
def add_sums(accounts: DynArray[address, bounds.MAX_BLOB_CHUNKS], points: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice Adds the uploads of the next live groups, by their commitments, which everybody has who has the blobs. Anyone, in stage
        Aggregate, or when stage Accuse is over, which it then ends; groups in order of id.
    @param accounts The members of one group or more, in order of seat; with `recover` those who have delivered.
    @param points The commitments of their uploads, c points of 128 bytes each; with `recover` of each group its correction's behind
        them.
    @custom:gas About 7,500 a point.
    """
    self._add(msg.gas, len(accounts), len(points))


@internal
def _add(gas_at_start: uint256, accounts: uint256, size: uint256):
    """
    @notice `add_sums`, from its calldata: a function without the arguments, behind which its variables would lie in memory.
    @param gas_at_start msg.gas at the call's first statement.
    @param accounts How many there are.
    @param size Bytes of the points.
    """
    before: progress.Progress = progress._load()
    shape: ISessionRules.Shape = terms._shape()
    if before.stage == progress.ACCUSE and progress._over(before):
        lifecycle._close_accusing(before, shape)
    p: progress.Progress = progress._in_window(progress.AGGREGATE)
    assert shape.mode == terms.BLOBS, "session: vectors are in calldata"
    recover: bool = shape.policy == terms.RECOVER
    assert accounts != 0 and (recover or accounts % shape.members == 0), "blobs: not whole groups"
    chunks: uint256 = terms._blobs(shape)
    upload_size: uint256 = kzg.POINT_BYTES * chunks
    live: uint256 = progress._live(p, progress._failures())
    q: progress.Progress = p
    root: bytes32 = progress.products_hash
    accounts_at: uint256 = kzg._place(ACCOUNTS_ARGUMENT)
    points_at: uint256 = kzg._place(POINTS_ARGUMENT)
    position: uint256 = 0
    added: uint256 = 0
    rows: uint256 = 0
    places: uint256 = 0
    count: uint256 = 0
    hashes: DynArray[bytes32, bounds.MAX_ROWS] = []
    total: bytes32 = empty(bytes32)
    for group: uint256 in range(p.groups, bound=bounds.MAX_GROUP_IDS):
        if (live >> group) & 1 == 0:
            continue
        position += 1
        if position <= p.aggregated or q.voters == p.voters + accounts:
            continue
        places, count = self._added(shape.members, recover, group)
        q.voters += count
        if recover:
            q.voters -= 1
        assert q.voters <= p.voters + accounts, "blobs: not whole groups"
        rows += count
        assert size >= upload_size * rows, "blobs: length of the points"
        hashes, total = kzg._aggregated(count, chunks, points_at)
        points_at += upload_size * count
        if recover:
            self._check_correction(group, hashes[count - 1])
        count = 0
        for place: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
            if (places >> place) & 1 == 1:
                # an address by the decoding of the arguments
                account: address = convert(kzg._word(accounts_at), address)
                self._check_upload(shape.members, recover, account, group, place, hashes[count])
                accounts_at += 32
                count += 1
        root = kzg._folded(root, total)
        added |= 1 << group
        q.aggregated += 1
    assert q.voters == p.voters + accounts, "blobs: more groups than are left"
    assert size == upload_size * rows, "blobs: length of the points"
    progress.products_hash = root
    log ISessionBlobs.SumsAdded(groups=added, root=root)
    if q.aggregated == position:
        progress._close_aggregation(q, terms._window(terms.SELECT), terms._window(terms.VOTE))
    else:
        progress._store(q)
    turn: bool = fees._turn_to_aggregate(p, shape, self._lowest(added))
    calls._end(gas_at_start, before, terms.LIMIT_AGGREGATE, chunks * rows, turn)


@pure
@internal
def _lowest(bitmap: uint256) -> uint256:
    """
    @param bitmap Not zero.
    @return The lowest bit that is set.
    """
    for i: uint256 in range(bounds.MAX_GROUP_IDS):  # dev: one bit is set
        if (bitmap >> i) & 1 == 1:
            return i
    return 0
