# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title One session: one paid, masked, outlier-proof update of one public model
@license Apache-2.0
@notice docs/PROTOCOL.md is the specification. Deployed once, locked by its constructor; sessions are ERC-1167 clones that a Market
    initialises in the transaction that makes them. Here is the work of a session, from the commitments to the selection; SessionDesk
    has its members and its money, SessionRecovery what policy `recover` adds, SessionSetup its beginning, its deadlines and who leaves,
    SessionViews what it tells of itself.
@custom:contract-name SecModelUpdate
@custom:security Vectors are never stored: their hashes are, and whoever needs them supplies them again. No payee can stop a loop of
    payments.
@custom:invariant deposited = credits + locked + withdrawn, to the wei, whatever the balance is.
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from modules import bounds
from modules import calls
from modules import commitments
from modules import escrow
from modules import fees
from modules import gram as multiplier
from modules import groups
from modules import libraries
from modules import lifecycle
from modules import parties
from modules import posting
from modules import progress
from modules import publication
from modules import registry
from modules import seats
from modules import terms
from modules import voting

# The state of a session: its other parts name the same modules in the same order.
initializes: parties
initializes: publication
initializes: escrow
initializes: groups
initializes: libraries
initializes: progress
initializes: registry
initializes: terms
initializes: seats[groups := groups, libraries := libraries, registry := registry]

initializes: commitments[groups := groups, progress := progress, registry := registry, seats := seats]
initializes: lifecycle[
    escrow := escrow, groups := groups, libraries := libraries, progress := progress, seats := seats, terms := terms
]
initializes: fees[escrow := escrow, libraries := libraries, registry := registry, terms := terms]
initializes: calls[fees := fees, lifecycle := lifecycle, progress := progress, terms := terms]
initializes: posting[
    calls := calls, groups := groups, lifecycle := lifecycle, progress := progress, registry := registry, terms := terms
]
initializes: multiplier[
    calls := calls, fees := fees, groups := groups, libraries := libraries, progress := progress, terms := terms
]

initializes: voting[
    calls := calls, groups := groups, progress := progress, registry := registry, terms := terms
]

exports: multiplier.gram
exports: posting.post
exports: (voting.open_vote, voting.vote)


DESK: immutable(address)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address, desk: address):
    """
    @notice Locks the implementation: nobody can initialise it.
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    @param desk The SessionDesk of all sessions.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
    assert desk.is_contract, "libraries: no code"
    DESK = desk
    parties.market = self


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[bounds.MAX_ANSWER_BYTES]:
    """
    @notice What isn't here is in SessionDesk, which runs as if it were this contract's code.
    """
    return raw_call(DESK, msg.data, max_outsize=bounds.MAX_ANSWER_BYTES, is_delegate_call=True)


@external
def commit(root: bytes32):
    """
    @notice Commits to the words that the caller will upload. Seated members of live groups, once each round, in stage Commit.
    @param root E13.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.COMMIT)
    shape: ISessionRules.Shape = terms._shape()
    group: uint256 = 0
    place: uint256 = 0
    group, place = commitments._take(p, shape, root)
    log ISecModelUpdate.Committed(member=msg.sender, group=group, place=place, root=root)
    q: progress.Progress = p
    q.pending -= 1
    if q.pending == 0:
        lifecycle._close_commit(q, shape)
    else:
        progress._store(q)
    calls._end(gas_at_start, p, terms.LIMIT_COMMIT, 0, True)


@external
def upload(
    chunk: uint256,
    words: Bytes[bounds.MAX_CHUNK_BYTES],
    chunk_hashes: DynArray[bytes32, bounds.MAX_CHUNKS],
):
    """
    @notice Delivers the caller's next chunk of masked words. Members of live groups, in stage Upload.
    @param chunk The number of chunks that the caller has delivered.
    @param words The chunk.
    @param chunk_hashes Those that the caller has committed to; empty with `recover`, which has no commitment.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.UPLOAD)
    m: registry.Member = registry._load(msg.sender)
    seat: uint256 = registry._committed_seat(m)
    assert seat != 0, "session: no commitment"
    shape: ISessionRules.Shape = terms._shape()
    group: uint256 = (seat - 1) // shape.members
    place: uint256 = (seat - 1) % shape.members
    assert (progress._failures().failed_commit >> group) & 1 == 0, "session: the group has failed"
    sizes: terms.Chunk = terms._chunk(shape, chunk)
    assert chunk == m.chunks and chunk < sizes.count, "session: chunk out of turn"
    assert len(words) == sizes.size, "session: length of the chunk"
    words_hash: bytes32 = keccak256(words)
    if shape.policy == terms.RECOVER:
        assert len(chunk_hashes) == 0, "session: hashes with recover"
        groups._set_upload(group, chunk, place, words_hash)
    else:
        root: bytes32 = registry._commitments[m.key_address]
        bound: bytes32 = keccak256(concat(convert(msg.sender, bytes32), keccak256(abi_encode(chunk_hashes))))
        assert bound == root, "session: hashes don't give root"
        assert len(chunk_hashes) == sizes.count, "session: number of hashes"
        assert words_hash == chunk_hashes[chunk], "session: words don't give hash"
        groups._chain(group, chunk, words_hash)
    m.chunks += 1
    registry._store(msg.sender, m)
    log ISecModelUpdate.Uploaded(member=msg.sender, group=group, place=place, chunk=chunk, words=words)
    if m.chunks == sizes.count:
        g: groups.Group = groups._load(group)
        g.delivered |= 1 << place
        groups._store(group, g)
        if g.delivered == g.committed:
            q: progress.Progress = p
            q.pending -= 1
            if q.pending == 0:
                lifecycle._close_upload(q, shape)
            else:
                progress._store(q)
    calls._end(gas_at_start, p, terms.LIMIT_UPLOAD, sizes.size // 32, True)


@external
def select(products: DynArray[int256, bounds.MAX_PRODUCTS]):
    """
    @notice Accepts groups by the session's rule and fixes what everybody gets. Anyone, in stage Select.
    @param products With `krum` those of the last `GramAdded`; else empty.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = terms._shape()
    assert shape.mode == terms.CALLDATA, "session: vectors are in blobs"
    live: uint256 = progress._live(p, progress._verdict())
    lifecycle._end_selection(p, shape, self._accepted(p, shape, live, products))
    calls._end(gas_at_start, p, terms.LIMIT_SELECT, 0, fees._turn_to_select(p, shape))


@view
@internal
def _accepted(
    p: progress.Progress, shape: ISessionRules.Shape, live: uint256, products: DynArray[int256, bounds.MAX_PRODUCTS]
) -> uint256:
    """
    @notice Asks the session's rule.
    @param live P as a bitmap over group ids.
    @param products What `select` was given.
    @return Bitmap over group ids.
    """
    if shape.rule == terms.KRUM:
        multiplier._check_complete(p, shape, products)
    else:
        assert len(products) == 0, "session: norm needs no products"
    tallies: DynArray[uint256, bounds.MAX_TALLIES] = []
    if shape.rule == terms.NORM_VOTE:
        tallies = progress._tallies_of(p)
    norms: DynArray[uint256, bounds.MAX_GROUPS] = []
    counts: DynArray[uint256, bounds.MAX_GROUPS] = []
    for i: uint256 in range(p.groups, bound=bounds.MAX_GROUP_IDS):
        if (live >> i) & 1 == 1:
            g: groups.Group = groups._load(i)
            norms.append(g.squared_norm)
            counts.append(progress._count(g.delivered))
    return staticcall libraries.RULES.accepted(shape, live, norms, counts, products, p.cast, tallies)
