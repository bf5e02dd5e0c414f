# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title How the masks of a group are lifted whose vectors travel in blobs, with policy `recover`
@license Apache-2.0
@notice docs/BLOBS.md section 7.3. A correction is a vector in blobs, like an upload: what takes the masks off the group's sum, and
    what members that haven't delivered lack there. Its seeds are disclosed before, so that each of its elements can be computed
    alone: whoever finds a wrong one shows it.
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionBlobs
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import groups
from . import kzg
from . import lifecycle
from . import packing
from . import progress
from . import registry
from . import sidecar
from . import terms

uses: calls
uses: groups
uses: lifecycle
uses: progress
uses: registry
uses: terms


MASK: constant(bytes32) = 0x6f6d6e696c79746963732f626c6f622d6d61736b2f3100000000000000000000    # omnilytics/blob-mask/1
OWN_CHUNK: constant(uint256) = 1        # where the fold of a correction is that isn't complete, beside that of the member's upload


@external
def correct():
    """
    @notice Posts the blobs of this transaction as the next chunks of the caller's correction of its group: six, the last time what is
        left. The first that is complete counts. In stage Correct, when the group's seeds are disclosed, by members that have
        delivered, revealed and aren't blamed: they stand for it with their bonds.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.CORRECT)
    shape: ISessionRules.Shape = terms._shape()
    group: uint256 = 0
    place: uint256 = 0
    group, place = registry._shared_seat(msg.sender, shape.members)
    assert (progress._live(p, progress._failures()) >> group) & 1 == 1, "session: the group has failed"
    g: groups.Group = groups._load(group)
    assert (groups._loyal(g) >> place) & 1 == 1, "blobs: not one of those who correct"
    assert groups._seeds(group) != empty(bytes32), "blobs: the seeds aren't disclosed"
    assert g.chunks_aggregated == 0, "blobs: the group is corrected"
    m: registry.Member = registry._load(msg.sender)
    blobs: uint256 = terms._blobs(shape)
    # the member's upload is complete: of its transactions all but the last one are counted
    first: uint256 = (m.chunks - (blobs - 1) // bounds.MAX_BLOBS) * bounds.MAX_BLOBS
    left: uint256 = blobs - first
    due: uint256 = min(left, bounds.MAX_BLOBS)
    folded: bytes32 = empty(bytes32)
    if first != 0:
        folded = groups._upload(group, OWN_CHUNK, place)
    hashes: DynArray[bytes32, bounds.MAX_BLOBS] = []
    hashes, folded = sidecar._taken(due, folded)
    log ISessionBlobs.Corrected(member=msg.sender, group=group, place=place, chunk=first, hashes=hashes)
    if due == left:
        groups._set_hash(group, 0, folded)
        g.chunks_aggregated = 1 + place
        groups._store(group, g)
        q: progress.Progress = p
        q.pending -= 1
        if q.pending == 0:
            lifecycle._close_correcting(q, shape)
        else:
            progress._store(q)
    else:
        groups._set_upload(group, OWN_CHUNK, place, folded)
        m.chunks += 1
        registry._store(msg.sender, m)
    # others may have begun one too: only who completes it is paid
    calls._end(gas_at_start, p, terms.LIMIT_UPLOAD, due, due == left)


@external
def refute_correction(
    group: uint256,
    index: uint256,
    element: uint256,
    witness: Bytes[kzg.COMPRESSED_BYTES],
    commitment: Bytes[kzg.COMPRESSED_BYTES],
    hashes: DynArray[bytes32, bounds.MAX_VECTOR_BLOBS],
    minus: DynArray[bytes32, bounds.MAX_SEEDS],
    plus: DynArray[bytes32, bounds.MAX_SEEDS],
):
    """
    @notice Shows an element of a group's correction that isn't what the seeds give. The group fails and its price is burnt; who has
        corrected it is blamed, and loses its bond to the others. Anyone, in stage Accuse. Nothing is committed to before: what is
        false reverts, and what is true moves nothing to its sender.
    @param group Group id.
    @param index Of the element in all chunks.
    @param element What the correction has there.
    @param witness Of the opening, compressed.
    @param commitment Of the blob that has it, compressed.
    @param hashes The versioned hashes of the correction's blobs.
    @param minus As in the group's `Disclosed`.
    @param plus As in the group's `Disclosed`.
    @custom:gas About 160,000 with six seeds.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.ACCUSE)
    shape: ISessionRules.Shape = terms._shape()
    v: progress.Verdict = progress._failures()
    assert (progress._live(p, v) >> group) & 1 == 1, "session: the group has failed"
    g: groups.Group = groups._load(group)
    assert g.chunks_aggregated != 0, "blobs: there are no corrections"
    assert keccak256(abi_encode(minus, plus)) == groups._seeds(group), "recover: not the disclosed seeds"
    assert len(witness) == kzg.COMPRESSED_BYTES and len(commitment) == kzg.COMPRESSED_BYTES, "blobs: length of the opening"
    chunk: uint256 = index // kzg.ELEMENTS
    assert len(hashes) == terms._blobs(shape) and chunk < len(hashes), "blobs: index beyond the last chunk"
    folded: bytes32 = empty(bytes32)
    for versioned: bytes32 in hashes:
        folded = kzg._folded(folded, versioned)
    assert folded == groups._hash(group, 0), "blobs: not the correction"
    assert kzg._versioned(commitment) == hashes[chunk], "blobs: not the correction's commitment"
    missing: uint256 = shape.members - progress._count(g.delivered)
    offset: uint256 = packing._everywhere(shape, index, missing * shape.bound)
    assert element != self._corrected(offset, index, minus, plus), "blobs: the element is right"
    opens: bool = kzg._opens(commitment, kzg._domain_point(index % kzg.ELEMENTS), element, witness)
    assert opens, "blobs: not the element"
    g.blamed |= 1 << (g.chunks_aggregated - 1)
    groups._store(group, g)
    v.failed_upload |= 1 << group
    progress._set_failed(v)
    q: progress.Progress = p
    q.gram_chunks += 1
    progress._store(q)
    log ISessionBlobs.CorrectionRefuted(account=msg.sender, group=group, index=index, element=element)
    log ISecModelUpdate.GroupFailed(group=group, stage=progress.ACCUSE, did_their_part=groups._loyal(g))
    calls._end(gas_at_start, p, terms.LIMIT_NONE, 0, True)


@pure
@internal
def _corrected(
    offset: uint256,
    index: uint256,
    minus: DynArray[bytes32, bounds.MAX_SEEDS],
    plus: DynArray[bytes32, bounds.MAX_SEEDS],
) -> uint256:
    """
    @param offset What those lack who haven't delivered: Q each, in each lane.
    @param index Of the element in all chunks.
    @param minus Seeds whose streams are taken off.
    @param plus Seeds whose streams are added.
    @return The element that a correction has there (B11).
    """
    total: uint256 = offset
    for seed: bytes32 in minus:
        taken: uint256 = kzg._mask_at(keccak256(concat(MASK, seed)), convert(index, uint64))
        total = uint256_addmod(total, kzg.ORDER - taken, kzg.ORDER)
    for seed: bytes32 in plus:
        given: uint256 = kzg._mask_at(keccak256(concat(MASK, seed)), convert(index, uint64))
        total = uint256_addmod(total, given, kzg.ORDER)
    return total
