# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title How a session is set up, how it passes its deadlines, and who leaves: W^p, the terms; `draw`, `advance`; `exit`, `decline`
@license Apache-2.0
@notice A part of SecModelUpdate, as SessionDesk is one: code of its own, state of the session's.
@custom:contract-name SessionSetup
@custom:security By itself it is a session that nobody can initialise.
"""


from interfaces import IMarket
from interfaces import ISecModelUpdate
from interfaces import ISessionRecovery
from interfaces import ISessionRules
from interfaces import ISessionTerms
from modules import bounds
from modules import calls
from modules import credits
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
from modules import terms

initializes: parties
initializes: publication
initializes: escrow
initializes: groups
initializes: libraries
initializes: progress
initializes: registry
initializes: terms
initializes: seats[groups := groups, libraries := libraries, registry := registry]
initializes: credits[
    escrow := escrow, groups := groups, libraries := libraries, seats := seats, terms := terms
]
initializes: lifecycle[
    escrow := escrow, groups := groups, libraries := libraries, progress := progress, seats := seats, terms := terms
]
initializes: fees[escrow := escrow, libraries := libraries, registry := registry, terms := terms]
initializes: calls[fees := fees, lifecycle := lifecycle, progress := progress, terms := terms]


VIEWS: immutable(address)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address, views: address):
    """
    @notice Locks it: by itself nobody can initialise it.
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    @param views The SessionViews of all sessions.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
    assert views.is_contract, "libraries: no code"
    VIEWS = views
    parties.market = self


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[bounds.MAX_ANSWER_BYTES]:
    """
    @notice What isn't here is in SessionViews.
    """
    return raw_call(VIEWS, msg.data, max_outsize=bounds.MAX_ANSWER_BYTES, is_delegate_call=True)


@external
def initialize(owner: address):
    """
    @notice Makes a fresh clone a session. Called by the Market in the transaction that makes the clone.
    @param owner The model owner.
    """
    parties._set(owner)
    p: progress.Progress = progress._load()
    p.deadline = block.timestamp + bounds.SETUP_SECS
    progress._store(p)


@external
def whitelist(members: DynArray[address, bounds.MAX_LISTED]):
    """
    @notice Adds accounts to the list of those who may register. The owner, in stage Setup, without a Merkle root.
    @param members 1..256 accounts that aren't on it.
    """
    p: progress.Progress = progress._in_stage(progress.SETUP)
    parties._only_owner()
    assert registry.whitelist_root == empty(bytes32), "session: whitelist has a root"
    assert len(members) != 0, "session: nobody to list"
    p.capacity += len(members)
    assert p.capacity <= bounds.MAX_CAPACITY, "session: whitelist is full"
    for account: address in members:
        registry._list(account)
    progress._store(p)
    log ISecModelUpdate.Whitelisted(members=members)


@external
def set_whitelist_root(root: bytes32, capacity: uint256):
    """
    @notice Names those who may register by a Merkle root (E28); a later call replaces it. The owner, in stage Setup, without a list.
    @param root Of any number of accounts.
    @param capacity How many of them may register, 1..4096.
    """
    p: progress.Progress = progress._in_stage(progress.SETUP)
    parties._only_owner()
    assert p.capacity == 0 or registry.whitelist_root != empty(bytes32), "session: whitelist has a list"
    assert root != empty(bytes32), "session: empty root"
    assert capacity != 0 and capacity <= bounds.MAX_CAPACITY, "session: capacity out of 1..4096"
    p.capacity = capacity
    progress._store(p)
    registry.whitelist_root = root
    log ISecModelUpdate.WhitelistRootSet(root=root, capacity=capacity)


@external
def publish(chunk: uint256, words: Bytes[bounds.MAX_CHUNK_BYTES]):
    """
    @notice Publishes the next chunk of W^p (docs/PROTOCOL.md section 4). The owner, in stage Setup.
    @param chunk The number of chunks before it.
    @param words 1..720 words of eight float32 bit patterns, lane 0 lowest, all finite.
    """
    progress._in_stage(progress.SETUP)
    parties._only_owner()
    count: uint256 = len(words) // 32
    assert count != 0 and len(words) % 32 == 0, "session: not whole words"
    top: uint256 = staticcall libraries.VECTOR_MATH.float_lanes(words)
    words_hash: bytes32 = keccak256(words)
    publication._add(chunk, count, top, words_hash)
    log ISecModelUpdate.Published(chunk=chunk, words_hash=words_hash, words=words)


@external
@payable
def start(params: ISecModelUpdate.SessionParams):
    """
    @notice Freezes the whitelist, W^p and the terms, locks reward and reserve, opens registration. The owner, in stage Setup.
    @param params docs/PROTOCOL.md section 2. msg.value is reward + reserve.
    """
    p: progress.Progress = progress._in_stage(progress.SETUP)
    parties._only_owner()
    published: publication.Publication = publication._load()
    reserve_wei: uint256 = 0
    terms._slots, reserve_wei = staticcall libraries.TERMS.check(
        params,
        ISessionTerms.Setting(
            min_window_secs=staticcall IMarket(parties.market).MIN_WINDOW(),
            capacity=p.capacity,
            published_words=published.words,
            published_top=published.top,
            value_wei=msg.value,
        ),
    )
    escrow._deposit(params.reward_wei)
    escrow._deposit_reserve(reserve_wei)
    p.stage = progress.REGISTER
    p.deadline = block.timestamp + params.register_secs
    progress._store(p)
    log ISecModelUpdate.Started(
        params=params,
        published_hash=publication.published_hash,
        model_hash=publication._model_hash(params),
        reserve_wei=reserve_wei,
        register_deadline=p.deadline,
    )


@external
def draw():
    """
    @notice Closes registration when its window is over; after that, seats the registered, or seats again. Anyone.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._load()
    assert p.stage == progress.REGISTER or p.stage == progress.DRAW, "session: nothing to draw"
    self._move(gas_at_start, p)


@external
def advance():
    """
    @notice Moves the session over a deadline that has passed. Anyone.
    """
    self._move(msg.gas, progress._load())


@external
def exit():
    """
    @notice Ends the session before registration is closed. With `greedy`, if min_rounds groups are full, these go on;
        otherwise everybody is refunded. The owner, in stages Setup and Register.
    """
    p: progress.Progress = progress._load()
    assert p.stage == progress.SETUP or p.stage == progress.REGISTER, "session: too late to exit"
    parties._only_owner()
    shape: ISessionRules.Shape = terms._shape()
    full: uint256 = 0
    if p.stage == progress.REGISTER:
        full = lifecycle._full_groups(p, shape)
        if shape.assignment == terms.GREEDY and full >= shape.min_rounds:
            lifecycle._close_registration(p, shape)
            return
    lifecycle._cancel(p, full)
    lifecycle._finish()


@external
def decline():
    """
    @notice Leaves the caller's group, which is dissolved by that, at a price to the others (section 6.3). Seated members that
        haven't committed or shared, in stages Commit and Share.
    """
    p: progress.Progress = progress._load()
    assert progress._commits(p), "session: wrong stage"
    assert not progress._over(p), "session: the window is over"
    m: registry.Member = registry._load(msg.sender)
    shape: ISessionRules.Shape = terms._shape()
    v: progress.Verdict = progress._failures()
    seat: uint256 = seats._to_commit(p, v, shape, m, seats._first(p, shape, m))
    group: uint256 = (seat - 1) // shape.members
    place: uint256 = (seat - 1) % shape.members
    g: groups.Group = groups._load(group)
    assert (g.committed >> place) & 1 == 0, "session: already committed"
    seats._check_round(p, group)
    m.declined = True
    registry._store(msg.sender, m)
    awaited: uint256 = shape.members - progress._count(g.committed)
    g.committed = ((1 << shape.members) - 1) ^ (1 << place)
    g.dissolved = True
    groups._store(group, g)
    v.failed_commit |= 1 << group
    progress._set_failed(v)
    log ISecModelUpdate.Declined(
        member=msg.sender,
        group=group,
        place=place,
        paid_wei=credits._price_of_leaving(terms._stake().bond_wei, shape),
    )
    log ISecModelUpdate.GroupFailed(group=group, stage=p.stage, did_their_part=g.committed)
    p.pending -= awaited
    if p.pending == 0:
        lifecycle._close_round(p, shape)
    else:
        progress._store(p)


@external
def object(place: uint256):
    """
    @notice Says that what the caller got from another member isn't its shares, by which their group fails: both keep their bonds,
        have it on their records, and aren't drawn again. Who has shared, in stage Share when sharing is closed.
    @param place Of the other one, who has shared too.
    """
    p: progress.Progress = progress._in_window(progress.SHARE)
    assert p.objecting, "recover: sharing is open"
    shape: ISessionRules.Shape = terms._shape()
    group: uint256 = 0
    own: uint256 = 0
    group, own = registry._shared_seat(msg.sender, shape.members)
    v: progress.Verdict = progress._failures()
    assert (v.failed_commit >> group) & 1 == 0, "session: the group has failed"
    seats._check_round(p, group)
    g: groups.Group = groups._load(group)
    assert place != own and place < shape.members and (g.committed >> place) & 1 == 1, "recover: nobody to object to"
    g.blamed = (1 << own) | (1 << place)
    groups._store(group, g)
    v.failed_commit |= 1 << group
    progress._set_failed(v)
    log ISessionRecovery.Objected(member=msg.sender, group=group, place=own, accused=place)
    log ISecModelUpdate.GroupFailed(group=group, stage=progress.SHARE, did_their_part=groups._survivors(g))


@internal
def _move(gas_at_start: uint256, p: progress.Progress):
    """
    @notice What `advance` and `draw` do.
    @param gas_at_start msg.gas at the call's first statement.
    @param p The session before the call.
    """
    shape: ISessionRules.Shape = terms._shape()
    lifecycle._advance(p, shape)
    calls._end(gas_at_start, p, terms.LIMIT_NONE, 0, fees._turn_to_move(p, shape))
