# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title The desk of a session: its members and its money, from the registration to the payment
@license Apache-2.0
@notice A part of SecModelUpdate, which delegates here what it hasn't got itself, as this one does to SessionRecovery, and that one
    to SessionViews: code of its own because of EIP-170's limit, state of the session's. All of them name the same modules in the
    same order, so their storage layouts are equal (a test holds that).
@custom:contract-name SessionDesk
@custom:security By itself it is a session that nobody can initialise. A settlement pays in a loop that no payee can stop: each gets
    the 2,300 gas of a transfer, is marked as paid before it is, and keeps its credit for `withdraw` if it refuses; the lock keeps
    everybody out until the books say the same.
"""


from interfaces import IMarket
from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from modules import accumulator
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
from modules import records
from modules import registry
from modules import seats
from modules import sums
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
initializes: sums[groups := groups, progress := progress, terms := terms]
initializes: accumulator[
    calls := calls,
    fees := fees,
    groups := groups,
    libraries := libraries,
    progress := progress,
    accumulated := sums,
    terms := terms,
]

exports: accumulator.aggregate


MARK_REFUND: constant(uint256) = 2_800      # gas that a transaction gets back for a mark that is taken back (EIP-3529)

RECOVERY: immutable(address)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address, recovery: address):
    """
    @notice Locks it: by itself nobody can initialise it.
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    @param recovery The SessionRecovery of all sessions.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
    assert recovery.is_contract, "libraries: no code"
    RECOVERY = recovery
    parties.market = self


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[bounds.MAX_ANSWER_BYTES]:
    """
    @notice What isn't here is in SessionRecovery.
    """
    return raw_call(RECOVERY, msg.data, max_outsize=bounds.MAX_ANSWER_BYTES, is_delegate_call=True)


@external
@payable
def register(keys: ISecModelUpdate.Keys, proof: DynArray[bytes32, bounds.MAX_PROOF], cohort: uint256):
    """
    @notice Joins, with a fresh mask key and the bond. Whoever is on the whitelist, in stage Register.
    @param keys The mask key and the signature by it (E8).
    @param proof With a Merkle root, that the caller is among its leaves (E28).
    @param cohort The accepted group that the caller comes back with (E29); 0 = none.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.REGISTER)
    m: registry.Member = registry._load(msg.sender)
    assert registry._may_register(m, msg.sender, proof), "session: not on the whitelist"
    assert m.key_address == empty(address), "session: already registered"
    assert p.registered < p.capacity, "session: session is full"
    stake: terms.Stake = terms._stake()
    assert msg.value == stake.bond_wei, "session: value other than the bond"
    shape: ISessionRules.Shape = terms._shape()
    m.key_address = staticcall libraries.RULES.key_address(keys, msg.sender, shape.policy)
    registry._take_key(m.key_address, cohort)
    suspicion: uint256 = 0
    if stake.records != 0:
        suspicion = extcall IMarket(parties.market).decay(msg.sender, stake.records)
    q: progress.Progress = p
    if cohort != 0:
        m.cohort_place = self._place_in_cohort(cohort, shape)
        m.pool = registry.COHORT
        m.rank = q.cohort_members
        q.cohort_members += 1
        if registry._join_cohort(cohort, shape.members, q.cohorts):
            q.cohorts += 1
    elif shape.assignment != terms.GREEDY and self._is_suspect(suspicion, stake.records):
        m.pool = registry.SUSPECT
        m.rank = q.registered - q.cohort_members - q.clear
    else:
        m.rank = q.clear
        q.clear += 1
    registry._store(msg.sender, m)
    escrow._deposit(msg.value)
    log ISecModelUpdate.Registered(
        member=msg.sender,
        index=q.registered,
        x=keys.x,
        parity=keys.parity,
        key_address=m.key_address,
        suspicion=suspicion,
        cohort=cohort,
        transport=keys.transport,
    )
    q.registered += 1
    full: bool = shape.assignment == terms.GREEDY and q.registered == shape.rounds * shape.members
    if full or q.registered == q.capacity:
        lifecycle._close_registration(q, shape)
    else:
        progress._store(q)
    calls._end(gas_at_start, p, terms.LIMIT_REGISTER, 0, True)


@external
def settle(group: uint256, members: DynArray[address, bounds.MAX_MEMBERS]):
    """
    @notice Pays the members of a group and settles their records: a failed group when nobody of it can be drawn again, any other
        in stage Payment. Who can't be paid by a bare transfer keeps its credit, for `withdraw`. Anyone.
    @param group Group id.
    @param members Of the group, in order of place.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._load()
    assert group < p.groups, "session: no such group"
    v: progress.Verdict = progress._verdict()
    assert (v.settled >> group) & 1 == 0, "session: the group is settled"
    alive: bool = (progress._live(p, v) >> group) & 1 == 1
    assert not alive or p.stage == progress.PAYMENT, "session: group isn't decided"
    assert p.first_groups != 0 and p.stage != progress.DRAW, "session: group isn't decided"
    if group >= p.first_groups:
        first_failed: uint256 = v.failed_commit & ((1 << p.first_groups) - 1)
        assert first_failed & ~v.settled == 0, "session: first round isn't settled"
    v.settled |= 1 << group
    progress._set_decided(v)
    shape: ISessionRules.Shape = terms._shape()
    assert len(members) == shape.members, "session: not the group's members"
    credited_wei: uint256 = 0
    own_wei: uint256 = 0
    dues_wei: DynArray[uint256, bounds.MAX_MEMBERS] = []
    for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
        m: registry.Member = registry._load(members[i])
        seat: uint256 = 1 + group * shape.members + i
        assert self._has_seat(p, v, shape, m, seat), "session: not the group's members"
        dues_wei.append(credits._due(p, v, shape, m))
        credited_wei += dues_wei[i]
        if members[i] == msg.sender:
            own_wei = dues_wei[i]
            dues_wei[i] = 0
    escrow._credit(credited_wei)
    recorded: uint256 = 0
    blamed: uint256 = 0
    recorded, blamed = self._record(p, v, shape, group, members)
    log ISecModelUpdate.Settled(
        group=group,
        paid=alive and progress._is_paid(p, v, group),
        credited_wei=credited_wei,
        recorded=recorded,
        blamed=blamed,
    )
    if p.stage == progress.PAYMENT:
        lifecycle._close_payment(p, v)
    refused: uint256 = self._pay_members(members, dues_wei)
    calls._end(gas_at_start - refused * MARK_REFUND, p, terms.LIMIT_SETTLE, 0, fees._turn_to_settle(p, shape, group))
    # the caller last, with the fee for this call: it needn't come back for it
    self._pay_members([msg.sender], [own_wei])


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


@view
@internal
def _is_suspect(suspicion: uint256, packed: uint256) -> bool:
    """
    @param suspicion After decay.
    @param packed `record_constants`; 0 = no records.
    """
    return packed != 0 and suspicion >= records._constants(packed).threshold


@view
@internal
def _place_in_cohort(cohort: uint256, shape: ISessionRules.Shape) -> uint256:
    """
    @notice Checks that the caller belongs to an accepted group of an earlier session of the same owner (E29).
    @param cohort Its id.
    @return The caller's place in it.
    """
    assert shape.assignment != terms.GREEDY, "session: cohort with greedy"
    assert cohort < 2**168, "session: unknown cohort"
    earlier: address = convert(cohort >> 8, address)
    assert staticcall IMarket(parties.market).owner_of(earlier) == parties.owner, "session: unknown cohort"
    a: ISecModelUpdate.Alumnus = staticcall ISecModelUpdate(earlier).alumnus(msg.sender)
    assert a.accepted and a.group == cohort & 255 and a.members == shape.members, "session: not of the cohort"
    return a.place


@view
@internal
def _has_seat(
    p: progress.Progress, v: progress.Verdict, shape: ISessionRules.Shape, m: registry.Member, seat: uint256
) -> bool:
    """
    @param seat Over all groups, from 1.
    @return Whether it is the member's, in either round.
    """
    first: uint256 = seats._first(p, shape, m)
    return first == seat or (first != 0 and seats._second(p, v, shape, m, first) == seat)


@internal
def _record(
    p: progress.Progress,
    v: progress.Verdict,
    shape: ISessionRules.Shape,
    group: uint256,
    members: DynArray[address, bounds.MAX_MEMBERS],
) -> (uint256, uint256):
    """
    @notice Tells the market what it should remember of a group that is settled (section 10).
    @return Bitmaps over places: whose record changes; who is blamed.
    """
    constants: uint256 = terms._stake().records
    everybody: uint256 = (1 << shape.members) - 1
    recorded: uint256 = 0
    blamed: uint256 = 0
    if constants == 0:
        return 0, 0
    alive: bool = (progress._live(p, v) >> group) & 1 == 1
    if shape.policy == terms.RECOVER or not alive:
        g: groups.Group = groups._load(group)
        blamed = everybody & ~(progress._did(v, shape.threshold, group, g) & ~g.blamed)
        recorded = blamed
    if (v.accepted >> group) & 1 == 1:
        recorded = everybody
    elif alive and shape.rule != terms.KRUM and not p.unselected:
        recorded = everybody
        blamed = everybody
    accounts: DynArray[address, bounds.MAX_MEMBERS] = []
    marks: uint256 = 0
    for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
        if (recorded >> i) & 1 == 1:
            marks |= ((blamed >> i) & 1) << len(accounts)
            accounts.append(members[i])
    if len(accounts) != 0:
        extcall IMarket(parties.market).record(accounts, marks, constants)
    return recorded, blamed


@internal
def _pay_members(
    members: DynArray[address, bounds.MAX_MEMBERS], dues_wei: DynArray[uint256, bounds.MAX_MEMBERS]
) -> uint256:
    """
    @notice Sends what has become certain, with the fees credited by now, to each member that takes it with the 2,300 gas of a
        transfer. Each is marked as paid before it is. An account that holds nothing is left out: if it were empty, sending to it
        would cost 25,000 gas more.
    @param members Whom; nobody of them has been paid yet.
    @param dues_wei What each is due of bonds and reward; 0: it isn't paid now.
    @return How many refused, and keep their credits.
    """
    paid_wei: uint256 = 0
    paid_fees_wei: uint256 = 0
    refused: uint256 = 0
    for i: uint256 in range(len(members), bound=bounds.MAX_MEMBERS):
        if dues_wei[i] == 0 or members[i].balance == 0:
            continue
        credited: registry.Member = registry._load(members[i])
        fees_wei: uint256 = credited.fees_gwei * bounds.GWEI_WEI
        paid: registry.Member = credited
        paid.withdrawn = True
        paid.fees_gwei = 0
        registry._store(members[i], paid)
        if raw_call(members[i], b"", gas=0, value=dues_wei[i] + fees_wei, revert_on_failure=False):
            paid_wei += dues_wei[i]
            paid_fees_wei += fees_wei
            log ISecModelUpdate.Withdrawn(account=members[i], caller=msg.sender, amount_wei=dues_wei[i] + fees_wei)
        else:
            registry._store(members[i], credited)
            refused += 1
    escrow._withdraw(paid_wei, paid_fees_wei)
    return refused


@internal
def _withdraw(account: address):
    """
    @notice Marks the account as paid, takes its credit off the books, then sends it.
    """
    m: registry.Member = registry._load(account)
    amount_wei: uint256 = credits._due(progress._load(), progress._verdict(), terms._shape(), m)
    if amount_wei != 0:
        m.withdrawn = True
    fees_wei: uint256 = m.fees_gwei * bounds.GWEI_WEI
    if amount_wei + fees_wei != 0:
        m.fees_gwei = 0
        registry._store(account, m)
    if account == parties.owner:
        amount_wei += escrow._take_owner_credit()
    assert amount_wei + fees_wei != 0, "session: nothing to withdraw"
    log ISecModelUpdate.Withdrawn(account=account, caller=msg.sender, amount_wei=amount_wei + fees_wei)
    escrow._pay(account, amount_wei, fees_wei)
