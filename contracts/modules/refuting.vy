# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title How a sum is refuted that no uploads in range have
@license Apache-2.0
@notice Accusations are committed to, with a bond, before any is opened, so that nobody takes one out of the pool. Commitments to blobs bind:
    true sums can't be refuted, and a malformed one always can, by whoever has the blobs.
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionBlobs
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import escrow
from . import groups
from . import kzg
from . import lifecycle
from . import packing
from . import progress
from . import summing
from . import terms

uses: calls
uses: escrow
uses: groups
uses: lifecycle
uses: progress
uses: summing
uses: terms


DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f61636375736174696f6e2f31000000000000000000  # omnilytics/accusation/1
POINTS_ARGUMENT: constant(uint256) = 5      # words of calldata before the place of `points` in `refute`


@external
@payable
def accuse(commitment: bytes32):
    """
    @notice Commits to an accusation. Anyone, one at a time, in stage Accuse before `AccusingClosed`. msg.value is the session's bond, which
        comes back when the accusation is opened.
    @param commitment B9.
    """
    p: progress.Progress = progress._in_window(progress.ACCUSE)
    assert not p.objecting, "blobs: accusing is closed"
    bond_wei: uint256 = terms._stake().bond_wei
    assert msg.value == bond_wei, "session: value other than the bond"
    assert commitment != empty(bytes32), "blobs: empty commitment"
    assert groups._accusation(msg.sender) == empty(bytes32), "blobs: already accusing"
    assert p.pending < bounds.MAX_CAPACITY, "blobs: too many accusations"
    groups._set_accusation(msg.sender, commitment)
    escrow._deposit(bond_wei)
    q: progress.Progress = p
    q.pending += 1
    progress._store(q)
    log ISessionBlobs.Accused(account=msg.sender, commitment=commitment)


@external
def refute(
    index: uint256,
    element: uint256,
    salt: bytes32,
    witness: Bytes[kzg.COMPRESSED_BYTES],
    accounts: DynArray[address, bounds.MAX_MEMBERS],
    points: Bytes[bounds.MAX_CALL_BYTES],
):
    """
    @notice Opens the caller's accusation: one element of a group's sum that no uploads in range give. The group fails: nothing of it is
        paid, all of it goes on record, and its price is burnt. In stage Accuse after `AccusingClosed`.
    @param index Of the element in all chunks.
    @param element What the sum has there: above 2 N Q, or beyond d other than N Q; with packing, a digit of it, or anything above them.
    @param salt Of the commitment.
    @param witness Of the opening, compressed.
    @param accounts The group's members, in order of place; with `recover` those who have delivered.
    @param points The commitments of their uploads: c points of 128 bytes each; with `recover` the correction's behind them.
    """
    self._refute(msg.gas, index, element, salt, witness, accounts, len(points))


@internal
def _refute(
    gas_at_start: uint256,
    index: uint256,
    element: uint256,
    salt: bytes32,
    witness: Bytes[kzg.COMPRESSED_BYTES],
    accounts: DynArray[address, bounds.MAX_MEMBERS],
    size: uint256,
):
    """
    @notice `refute`, with its points in calldata: a function without them, behind which its variables would lie in memory.
    @param gas_at_start msg.gas at the call's first statement.
    @param size Bytes of the points.
    """
    p: progress.Progress = progress._in_window(progress.ACCUSE)
    assert p.objecting, "blobs: accusing is open"
    shape: ISessionRules.Shape = terms._shape()
    assert len(accounts) != 0 and len(witness) == kzg.COMPRESSED_BYTES, "blobs: length of the arguments"
    group: uint256 = summing._group_of(accounts[0], shape.members)
    digest: bytes32 = keccak256(
        abi_encode(DOMAIN, chain.id, self, msg.sender, group, index, element, salt)
    )
    assert groups._accusation(msg.sender) == digest, "blobs: not the accusation"
    # of a group that hasn't delivered there is no sum
    g: groups.Group = groups._load(group)
    has_sum: bool = g.delivered == (1 << shape.members) - 1
    if shape.policy == terms.RECOVER:
        has_sum = g.chunks_aggregated != 0
    assert has_sum, "session: the group has failed"
    v: progress.Verdict = progress._verdict()
    chunk: uint256 = index // kzg.ELEMENTS
    chunks: uint256 = terms._blobs(shape)
    assert chunk < chunks, "blobs: index beyond the last chunk"
    assert packing._is_malformed(shape, index, element), "blobs: the element is in range"
    places: uint256 = 0
    rows: uint256 = 0
    recover: bool = shape.policy == terms.RECOVER
    places, rows = summing._added(shape.members, recover, group)
    assert len(accounts) == progress._count(places), "blobs: length of the arguments"
    assert size == kzg.POINT_BYTES * chunks * rows, "blobs: length of the points"
    points_at: uint256 = kzg._place(POINTS_ARGUMENT)
    hashes: DynArray[bytes32, bounds.MAX_ROWS] = []
    total: bytes32 = empty(bytes32)
    hashes, total = kzg._aggregated(rows, chunks, points_at)
    if recover:
        summing._check_correction(group, hashes[rows - 1])
    row: uint256 = 0
    for place: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
        if (places >> place) & 1 == 1:
            summing._check_upload(shape.members, recover, accounts[row], group, place, hashes[row])
            row += 1
    point: Bytes[kzg.POINT_BYTES] = kzg._total(rows, chunks, points_at, chunk)
    opens: bool = kzg._opens(kzg._compressed(point), kzg._domain_point(index % kzg.ELEMENTS), element, witness)
    assert opens, "blobs: not the element"
    groups._set_accusation(msg.sender, empty(bytes32))
    log ISessionBlobs.Refuted(account=msg.sender, group=group, index=index, element=element)
    q: progress.Progress = p
    q.pending -= 1
    # several may have seen the same: all of them get their bonds back
    if (progress._live(p, v) >> group) & 1 == 1:
        q.gram_chunks += 1
        if recover:
            g.blamed = g.committed
            groups._store(group, g)
        v.failed_upload |= 1 << group
        progress._set_failed(v)
        log ISecModelUpdate.GroupFailed(group=group, stage=progress.ACCUSE, did_their_part=0)
    if q.pending == 0:
        lifecycle._close_accusing(q, shape)
    else:
        progress._store(q)
    calls._end(gas_at_start, p, terms.LIMIT_NONE, 0, True)
    bond_wei: uint256 = terms._stake().bond_wei
    escrow._credit(bond_wei)
    escrow._pay(msg.sender, bond_wei, 0)
