# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title One fragment of a model in the paper's way: what OmniLytics is measured against, and nothing to use
@license Apache-2.0
@notice One storage word for each parameter of W^p, of every upload and of every group's sum; at most 250 parameters a contract, weights scaled
    by 10^8 modulo 2^256. Data owners register, upload and are paid in each of the contracts that a model needs. Storage is read once a
    transaction and worked on in memory, each distance is computed once. There are no bonds, commitments, deadlines or limits on who may join.
@custom:contract-name Fragment
"""


MAX_PARAMETERS: constant(uint256) = 250
MAX_ROUNDS: constant(uint256) = 8
MAX_MEMBERS: constant(uint256) = 8


SIZE: immutable(uint256)
ROUNDS: immutable(uint256)
MEMBERS: immutable(uint256)
PICKS: immutable(uint256)
BAD: immutable(uint256)


struct Member:
    seat: uint256
    public_key: bytes32[2]


event Aggregated:
    group: uint256


event Selected:
    accepted: uint256


owner: address
model: uint256[MAX_PARAMETERS]
reward: uint256
registered: uint256
seats: address[MAX_MEMBERS][MAX_ROUNDS]
members: HashMap[address, Member]
uploads: uint256[MAX_PARAMETERS][MAX_MEMBERS][MAX_ROUNDS]
delivered: uint256[MAX_ROUNDS]
sums: uint256[MAX_PARAMETERS][MAX_ROUNDS]
accepted: public(uint256)
credits: public(HashMap[address, uint256])


@deploy
def __init__(size: uint256, rounds: uint256, members: uint256, picks: uint256, bad: uint256):
    """
    @param size Parameters of this fragment, 1..250.
    @param rounds R, groups, 1..8.
    @param members N, data owners a group, 1..8.
    @param picks m, groups that Krum accepts.
    @param bad f, groups that it takes for corrupt.
    """
    assert size <= MAX_PARAMETERS, "fragment: too many parameters"
    assert rounds <= MAX_ROUNDS and members <= MAX_MEMBERS, "fragment: too many groups or members"
    self.owner = msg.sender
    SIZE = size
    ROUNDS = rounds
    MEMBERS = members
    PICKS = picks
    BAD = bad


@external
@payable
def publish(model: DynArray[uint256, MAX_PARAMETERS]):
    """
    @notice Stores the fragment of W^p and takes the reward; by the owner.
    @param model A word a parameter, 10^8 times its value modulo 2^256.
    """
    assert msg.sender == self.owner, "fragment: not the owner"
    assert len(model) == SIZE, "fragment: wrong length"
    self.reward = msg.value
    for k: uint256 in range(SIZE, bound=MAX_PARAMETERS):
        self.model[k] = model[k]


@external
def register(public_key: bytes32[2]):
    """
    @notice Takes the next seat, greedily.
    @param public_key What the others of the group derive their masks from.
    """
    seat: uint256 = self.registered
    assert seat < ROUNDS * MEMBERS, "fragment: no seat left"
    assert self.members[msg.sender].seat == 0, "fragment: registered already"
    self.registered = seat + 1
    self.members[msg.sender] = Member(seat=seat + 1, public_key=public_key)
    self.seats[seat // MEMBERS][seat % MEMBERS] = msg.sender


@external
def upload(words: DynArray[uint256, MAX_PARAMETERS]):
    """
    @notice Stores a member's masked weights.
    @param words A word a parameter.
    """
    taken: uint256 = self.members[msg.sender].seat
    assert taken != 0, "fragment: not registered"
    assert len(words) == SIZE, "fragment: wrong length"
    group: uint256 = (taken - 1) // MEMBERS
    place: uint256 = (taken - 1) % MEMBERS
    for k: uint256 in range(SIZE, bound=MAX_PARAMETERS):
        self.uploads[group][place][k] = words[k]
    self.delivered[group] += 1


@external
def aggregate(group: uint256):
    """
    @notice Adds up and stores what a group has uploaded; its masks cancel.
    @param group Its number.
    """
    assert self.delivered[group] == MEMBERS, "fragment: uploads are missing"
    for k: uint256 in range(SIZE, bound=MAX_PARAMETERS):
        total: uint256 = 0
        for place: uint256 in range(MEMBERS, bound=MAX_MEMBERS):
            total = unsafe_add(total, self.uploads[group][place][k])
        self.sums[group][k] = total
    log Aggregated(group=group)


@external
def select():
    """
    @notice m-Krum over the stored sums; credits the members of the groups that it picks.
    """
    accepted: uint256 = self._krum(self._distances())
    self.accepted = accepted
    share: uint256 = self.reward // (PICKS * MEMBERS)
    for group: uint256 in range(ROUNDS, bound=MAX_ROUNDS):
        if accepted & (1 << group) != 0:
            for place: uint256 in range(MEMBERS, bound=MAX_MEMBERS):
                self.credits[self.seats[group][place]] = share
    log Selected(accepted=accepted)


@external
def withdraw():
    """
    @notice Pays the sender its credit.
    """
    amount_wei: uint256 = self.credits[msg.sender]
    assert amount_wei != 0, "fragment: no credit"
    self.credits[msg.sender] = 0
    raw_call(msg.sender, b"", value=amount_wei)


@view
@internal
def _distances() -> uint256[MAX_ROUNDS][MAX_ROUNDS]:
    """
    @notice Squared distances of all pairs of sums.
    """
    sums: uint256[MAX_PARAMETERS][MAX_ROUNDS] = empty(uint256[MAX_PARAMETERS][MAX_ROUNDS])
    for group: uint256 in range(ROUNDS, bound=MAX_ROUNDS):
        for k: uint256 in range(SIZE, bound=MAX_PARAMETERS):
            sums[group][k] = self.sums[group][k]
    found: uint256[MAX_ROUNDS][MAX_ROUNDS] = empty(uint256[MAX_ROUNDS][MAX_ROUNDS])
    for a: uint256 in range(ROUNDS, bound=MAX_ROUNDS):
        for b: uint256 in range(a, bound=MAX_ROUNDS):
            total: uint256 = 0
            for k: uint256 in range(SIZE, bound=MAX_PARAMETERS):
                gap: uint256 = unsafe_sub(sums[a][k], sums[b][k])
                total = unsafe_add(total, unsafe_mul(gap, gap))
            found[a][b] = total
            found[b][a] = total
    return found


@view
@internal
def _krum(distances: uint256[MAX_ROUNDS][MAX_ROUNDS]) -> uint256:
    """
    @notice Picks PICKS times the group whose nearest neighbours among those left are nearest; at least one neighbour counts.
    @return A bit for each group that is picked.
    """
    picked: uint256 = 0
    for pick: uint256 in range(PICKS, bound=MAX_ROUNDS):
        neighbours: uint256 = max(1, unsafe_sub(max(ROUNDS, pick + BAD + 2), pick + BAD + 2))
        best: uint256 = max_value(uint256)
        choice: uint256 = 0
        for group: uint256 in range(ROUNDS, bound=MAX_ROUNDS):
            if picked & (1 << group) != 0:
                continue
            score: uint256 = self._score(distances[group], picked | (1 << group), neighbours)
            if score < best:
                best = score
                choice = group
        picked |= 1 << choice
    return picked


@view
@internal
def _score(row: uint256[MAX_ROUNDS], passed: uint256, neighbours: uint256) -> uint256:
    """
    @notice The sum of the smallest distances of one group.
    @param row Its distances to all.
    @param passed A bit for each group that doesn't count.
    @param neighbours How many are added.
    """
    seen: uint256 = passed
    score: uint256 = 0
    for i: uint256 in range(neighbours, bound=MAX_ROUNDS):
        least: uint256 = max_value(uint256)
        nearest: uint256 = 0
        for other: uint256 in range(ROUNDS, bound=MAX_ROUNDS):
            if seen & (1 << other) == 0 and row[other] < least:
                least = row[other]
                nearest = other
        seen |= 1 << nearest
        score = unsafe_add(score, least)
    return score
