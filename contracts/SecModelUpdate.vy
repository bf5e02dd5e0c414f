# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title One session: one paid, masked, outlier-proof update of one public model
@license Apache-2.0
@notice docs/PROTOCOL.md is the specification. Deployed once, locked by its constructor; sessions are ERC-1167 clones that a Market
    initialises in the transaction that makes them.
@custom:contract-name SecModelUpdate
@custom:security Vectors are never stored: their hashes are, and whoever needs them supplies them again. Nobody is paid in a loop.
@custom:invariant deposited = credits + locked + withdrawn, to the wei, whatever the balance is.
"""


from interfaces import IMarket
from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from modules import accumulator
from modules import bounds
from modules import escrow
from modules import gram as multiplier
from modules import groups
from modules import libraries
from modules import lifecycle
from modules import progress
from modules import registry
from modules import seats
from modules import terms
from modules import views

implements: ISecModelUpdate

initializes: escrow
initializes: groups
initializes: libraries
initializes: progress
initializes: registry
initializes: terms
initializes: seats[libraries := libraries]
initializes: lifecycle[escrow := escrow, groups := groups, progress := progress, seats := seats, terms := terms]
initializes: views[
    groups := groups, libraries := libraries, progress := progress, registry := registry, seats := seats, terms := terms
]
initializes: accumulator[groups := groups, libraries := libraries, progress := progress, terms := terms]
initializes: multiplier[groups := groups, libraries := libraries, progress := progress, terms := terms]

exports: accumulator.aggregate
exports: multiplier.gram
exports: seats.seed
exports: (
    views.accepted,
    views.deadline,
    views.draw_block,
    views.group,
    views.group_count,
    views.member,
    views.params,
    views.published_words,
    views.registered_count,
    views.stage,
    views.state,
    views.unselected,
    views.whitelist_count,
)


owner: public(address)
market: public(address)
published_hash: public(bytes32)     # E7


@deploy
def __init__(rules: address, vector_math: address):
    """
    @notice Locks the implementation: nobody can initialise it.
    @param rules The SessionRules that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    """
    libraries.__init__(rules, vector_math)
    self.market = self


@external
def initialize(owner: address):
    """
    @notice Makes a fresh clone a session. Called by the Market in the transaction that makes the clone.
    @param owner The model owner.
    """
    assert self.market == empty(address), "session: already initialised"
    self.market = msg.sender
    self.owner = owner
    p: progress.Progress = progress._load()
    p.deadline = block.timestamp + bounds.SETUP_SECS
    progress._store(p)


@external
def whitelist(members: DynArray[address, bounds.MAX_LISTED]):
    """
    @notice Adds accounts to the list of those who may register. The owner, in stage Setup.
    @param members 1..256 accounts that aren't on it.
    """
    p: progress.Progress = progress._in_stage(progress.SETUP)
    self._only_owner()
    assert len(members) != 0, "session: nobody to list"
    p.listed += len(members)
    assert p.listed <= bounds.MAX_WHITELIST, "session: whitelist is full"
    for account: address in members:
        registry._list(account)
    progress._store(p)
    log ISecModelUpdate.Whitelisted(members=members)


@external
def publish(chunk: uint256, words: Bytes[bounds.MAX_CHUNK_BYTES]):
    """
    @notice Publishes the next chunk of W^p (docs/PROTOCOL.md section 4). The owner, in stage Setup.
    @param chunk The number of chunks before it.
    @param words 1..720 words of eight float32 bit patterns, lane 0 lowest, all finite.
    """
    p: progress.Progress = progress._in_stage(progress.SETUP)
    self._only_owner()
    assert chunk == p.published_chunks, "session: published out of turn"
    assert p.published_chunks < 255, "session: too many chunks"
    count: uint256 = len(words) // 32
    assert count != 0 and len(words) % 32 == 0, "session: not whole words"
    p.published_top = staticcall libraries.VECTOR_MATH.float_lanes(words)
    p.published_chunks += 1
    p.published_words += count
    progress._store(p)
    words_hash: bytes32 = keccak256(words)
    self.published_hash = keccak256(concat(self.published_hash, words_hash))
    log ISecModelUpdate.Published(chunk=chunk, words_hash=words_hash, words=words)


@external
@payable
def start(params: ISecModelUpdate.SessionParams):
    """
    @notice Freezes the whitelist, W^p and the terms, locks the reward, opens registration. The owner, in stage Setup.
    @param params docs/PROTOCOL.md section 2. msg.value is the reward.
    """
    p: progress.Progress = progress._in_stage(progress.SETUP)
    self._only_owner()
    setting: ISessionRules.Setting = ISessionRules.Setting(
        min_window_secs=staticcall IMarket(self.market).MIN_WINDOW(),
        listed=p.listed,
        published_words=p.published_words,
        published_top=p.published_top,
        value_wei=msg.value,
    )
    terms._slots = staticcall libraries.RULES.check(params, setting)
    escrow._deposit(msg.value)
    p.stage = progress.REGISTER
    p.deadline = block.timestamp + params.register_secs
    progress._store(p)
    published_hash: bytes32 = self.published_hash
    log ISecModelUpdate.Started(
        params=params,
        published_hash=published_hash,
        model_hash=self._model_hash(params, published_hash),
        register_deadline=p.deadline,
    )


@external
@payable
def register(keys: ISecModelUpdate.Keys, proof: DynArray[bytes32, bounds.MAX_PROOF], cohort: uint256):
    """
    @notice Joins, with a fresh mask key and the bond. Whoever is on the whitelist, in stage Register.
    @param keys The mask key and the signature by it (E8).
    @param proof Reserved: empty.
    @param cohort Reserved: zero.
    """
    p: progress.Progress = progress._in_window(progress.REGISTER)
    m: registry.Member = registry._load(msg.sender)
    assert m.listed, "session: not on the whitelist"
    assert m.number == 0, "session: already registered"
    assert len(proof) == 0, "session: proof is reserved"
    assert cohort == 0, "session: cohort is reserved"
    assert msg.value == terms._stake().bond_wei, "session: value other than the bond"
    m.key_address = staticcall libraries.RULES.key_address(keys, msg.sender)
    registry._take_key(m.key_address)
    p.registered += 1
    m.number = p.registered
    registry._store(msg.sender, m)
    escrow._deposit(msg.value)
    log ISecModelUpdate.Registered(
        member=msg.sender, index=m.number - 1, x=keys.x, parity=keys.parity, key_address=m.key_address
    )
    shape: ISessionRules.Shape = terms._shape()
    full: bool = shape.assignment == terms.GREEDY and p.registered == shape.rounds * shape.members
    if full or p.registered == p.listed:
        lifecycle._close_registration(p, shape)
    else:
        progress._store(p)


@external
def draw():
    """
    @notice Closes registration when its window is over; after that, seats the registered. Anyone.
    """
    p: progress.Progress = progress._load()
    assert p.stage == progress.REGISTER or p.stage == progress.DRAW, "session: nothing to draw"
    lifecycle._advance(p)


@external
def commit(root: bytes32):
    """
    @notice Commits to the words that the caller will upload. Seated members, once each, in stage Commit.
    @param root E13.
    """
    p: progress.Progress = progress._in_window(progress.COMMIT)
    m: registry.Member = registry._load(msg.sender)
    shape: ISessionRules.Shape = terms._shape()
    seat: seats.Seat = seats._seat(p, shape, m)
    assert seat.number != 0, "session: no seat"
    m.seat = seat.number
    g: groups.Group = groups._load(seat.group)
    assert (g.committed >> seat.place) & 1 == 0, "session: already committed"
    registry._commit(m.key_address, root)
    registry._store(msg.sender, m)
    g.committed |= 1 << seat.place
    groups._store(seat.group, g)
    log ISecModelUpdate.Committed(member=msg.sender, group=seat.group, place=seat.place, root=root)
    p.pending -= 1
    if p.pending == 0:
        lifecycle._pass_barrier(p, shape)
    else:
        progress._store(p)


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
    @param chunk_hashes Those that the caller has committed to.
    """
    p: progress.Progress = progress._in_window(progress.UPLOAD)
    m: registry.Member = registry._load(msg.sender)
    assert m.seat != 0, "session: no commitment"
    shape: ISessionRules.Shape = terms._shape()
    seat: seats.Seat = seats._seat(p, shape, m)
    assert (progress._verdict().failed_commit >> seat.group) & 1 == 0, "session: the group has failed"
    sizes: terms.Chunk = terms._chunk(shape, chunk)
    assert chunk == m.chunks and chunk < sizes.count, "session: chunk out of turn"
    assert len(words) == sizes.size, "session: length of the chunk"
    assert keccak256(abi_encode(chunk_hashes)) == registry._commitments[m.key_address], "session: hashes don't give root"
    assert len(chunk_hashes) == sizes.count, "session: number of hashes"
    words_hash: bytes32 = keccak256(words)
    assert words_hash == chunk_hashes[chunk], "session: words don't give hash"
    groups._chain(seat.group, chunk, words_hash)
    m.chunks += 1
    registry._store(msg.sender, m)
    log ISecModelUpdate.Uploaded(member=msg.sender, group=seat.group, place=seat.place, chunk=chunk, words=words)
    if m.chunks == sizes.count:
        g: groups.Group = groups._load(seat.group)
        g.delivered |= 1 << seat.place
        groups._store(seat.group, g)
        if g.delivered == (1 << shape.members) - 1:
            p.pending -= 1
            if p.pending == 0:
                lifecycle._close_upload(p, shape)
            else:
                progress._store(p)


@external
def select(products: DynArray[int256, bounds.MAX_PRODUCTS]):
    """
    @notice Accepts groups by the session's rule and fixes what everybody gets. Anyone, in stage Select.
    @param products With `krum` those of the last `GramAdded`; else empty.
    """
    p: progress.Progress = progress._in_window(progress.SELECT)
    live: uint256 = progress._live(p, progress._verdict())
    lifecycle._end_selection(p, self._accepted(p, live, products))


@external
def settle(group: uint256):
    """
    @notice Credits the members of a group: a failed one at any time, any other in stage Payment. Anyone.
    @param group Group id.
    """
    p: progress.Progress = progress._load()
    assert group < p.groups, "session: no such group"
    v: progress.Verdict = progress._verdict()
    assert (v.settled >> group) & 1 == 0, "session: the group is settled"
    alive: bool = (progress._live(p, v) >> group) & 1 == 1
    assert not alive or p.stage == progress.PAYMENT, "session: group isn't decided"
    v.settled |= 1 << group
    progress._set_verdict(v)
    paid: bool = alive and progress._is_paid(p, v, group)
    each_wei: uint256 = terms._stake().bond_wei
    if paid:
        each_wei += escrow._share()
    credited_wei: uint256 = terms._shape().members * each_wei
    escrow._credit(credited_wei)
    log ISecModelUpdate.Settled(group=group, paid=paid, credited_wei=credited_wei)
    if p.stage == progress.PAYMENT:
        lifecycle._finish_if_settled(p, v)


@external
def withdraw():
    """
    @notice Pays the caller its credit.
    """
    self._withdraw(msg.sender)


@external
def withdraw_for(account: address):
    """
    @notice Pays an account its credit. Anyone.
    @param account Who is paid.
    """
    self._withdraw(account)


@external
def exit():
    """
    @notice Ends the session before registration is closed. With `greedy`, if min_rounds groups are full, these go on;
        otherwise everybody is refunded. The owner, in stages Setup and Register.
    """
    p: progress.Progress = progress._load()
    assert p.stage == progress.SETUP or p.stage == progress.REGISTER, "session: too late to exit"
    self._only_owner()
    shape: ISessionRules.Shape = terms._shape()
    full: uint256 = 0
    if p.stage == progress.REGISTER:
        full = lifecycle._full_groups(p, shape)
        if shape.assignment == terms.GREEDY and full >= shape.min_rounds:
            lifecycle._close_registration(p, shape)
            return
    lifecycle._cancel(p, full)


@external
def advance():
    """
    @notice Moves the session over a deadline that has passed. Anyone.
    """
    lifecycle._advance(progress._load())


@view
@external
def model_hash() -> bytes32:
    """
    @return E1; zero before `start`.
    """
    params: ISecModelUpdate.SessionParams = staticcall libraries.RULES.unpacked(terms._slots)
    if params.rounds == 0:
        return empty(bytes32)
    return self._model_hash(params, self.published_hash)


@view
@external
def credit_of(account: address) -> uint256:
    """
    @param account Anybody.
    @return What `withdraw` would pay it now, wei.
    """
    credit_wei: uint256 = self._member_credit(registry._load(account))
    if account == self.owner:
        credit_wei += escrow._owner_credit()
    return credit_wei


@view
@external
def money() -> ISecModelUpdate.Money:
    """
    @return The session's books, wei.
    """
    credits: uint256 = 0
    withdrawn: uint256 = 0
    credits, withdrawn = escrow._totals()
    return ISecModelUpdate.Money(
        deposited=escrow.deposited, credits=credits, locked=escrow._locked(), withdrawn=withdrawn
    )


@view
@internal
def _only_owner():
    assert msg.sender == self.owner, "session: only the owner"


@view
@internal
def _model_hash(params: ISecModelUpdate.SessionParams, published_hash: bytes32) -> bytes32:
    """
    @return E1.
    """
    return keccak256(concat(abi_encode(params), published_hash))


@view
@internal
def _accepted(p: progress.Progress, live: uint256, products: DynArray[int256, bounds.MAX_PRODUCTS]) -> uint256:
    """
    @notice Asks the session's rule.
    @param live P as a bitmap over group ids.
    @param products What `select` was given.
    @return Bitmap over group ids.
    """
    shape: ISessionRules.Shape = terms._shape()
    if shape.rule == terms.KRUM:
        multiplier._check_complete(p, shape, products)
    else:
        assert len(products) == 0, "session: norm needs no products"
    norms: DynArray[uint256, bounds.MAX_GROUPS] = []
    for i: uint256 in range(p.groups, bound=bounds.MAX_GROUPS):
        if (live >> i) & 1 == 1:
            norms.append(groups._load(i).squared_norm)
    return staticcall libraries.RULES.accepted(shape, live, norms, products)


@view
@internal
def _member_credit(m: registry.Member) -> uint256:
    """
    @return What the member would be paid now, wei.
    """
    if m.number == 0 or m.withdrawn:
        return 0
    p: progress.Progress = progress._load()
    bond_wei: uint256 = terms._stake().bond_wei
    if p.cancelled:
        return bond_wei
    if p.groups == 0:
        return 0
    shape: ISessionRules.Shape = terms._shape()
    seat: seats.Seat = seats._seat(p, shape, m)
    if seat.number == 0:
        return bond_wei
    v: progress.Verdict = progress._verdict()
    if (v.settled >> seat.group) & 1 == 0:
        return 0
    if (progress._live(p, v) >> seat.group) & 1 == 1:
        if progress._is_paid(p, v, seat.group):
            bond_wei += escrow._share()
        return bond_wei
    g: groups.Group = groups._load(seat.group)
    did: uint256 = g.committed
    if (v.failed_upload >> seat.group) & 1 == 1:
        did = g.delivered
    return staticcall libraries.RULES.bond_back(bond_wei, shape.members, did, seat.place)


@internal
def _withdraw(account: address):
    """
    @notice Marks the account as paid, takes its credit off the books, then sends it.
    """
    m: registry.Member = registry._load(account)
    amount_wei: uint256 = self._member_credit(m)
    if amount_wei != 0:
        m.withdrawn = True
        registry._store(account, m)
    if account == self.owner:
        amount_wei += escrow._take_owner_credit()
    assert amount_wei != 0, "session: nothing to withdraw"
    log ISecModelUpdate.Withdrawn(account=account, caller=msg.sender, amount_wei=amount_wei)
    escrow._pay(account, amount_wei)
