# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The sums of the groups' uploads without their masks, with policy `recover` (E36)
@license Apache-2.0
"""


from interfaces import ISecModelUpdate
from interfaces import ISecretMath
from interfaces import ISessionRecovery
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import fees
from . import groups
from . import libraries
from . import progress
from . import publication
from . import registry
from . import secrets
from . import sums as accumulated
from . import terms

uses: calls
uses: fees
uses: groups
uses: libraries
uses: progress
uses: publication
uses: registry
uses: secrets
uses: accumulated
uses: terms


@external
def disclose(group: uint256, disclosures: DynArray[ISessionRecovery.Disclosure, bounds.MAX_MEMBERS]):
    """
    @notice Derives the seeds of a group's masks from secrets that are known, which everybody can supply from `Revealed` and
        `Rebuilt`. Anyone, once for each open group, in stage Aggregate; with blobs in stage Correct.
    @param group Group id.
    @param disclosures Of all who have shared, in order of place.
    """
    gas_at_start: uint256 = msg.gas
    shape: ISessionRules.Shape = terms._shape()
    p: progress.Progress = progress._in_window(progress.CORRECT if shape.mode == terms.BLOBS else progress.AGGREGATE)
    assert group < p.groups and (progress._live(p, progress._failures()) >> group) & 1 == 1, "recover: group isn't open"
    assert groups._seeds(group) == empty(bytes32), "recover: already disclosed"
    g: groups.Group = groups._load(group)
    assert len(disclosures) == progress._count(g.committed), "recover: number of disclosures"
    rest: uint256 = g.committed
    for d: ISessionRecovery.Disclosure in disclosures:
        of_group: uint256 = 0
        place: uint256 = 0
        of_group, place = registry._shared_seat(d.account, shape.members)
        assert of_group == group and rest & ((2 << place) - 1) == 1 << place, "recover: not the sharers in order"
        rest ^= 1 << place
        self._check_disclosure(d, (g.delivered >> place) & 1 == 1)
    minus: DynArray[bytes32, bounds.MAX_SEEDS] = []
    plus: DynArray[bytes32, bounds.MAX_SEEDS] = []
    minus, plus = staticcall secrets.SECRET_MATH.seeds(
        ISecretMath.SeedScope(
            session=self,
            group=group,
            model_hash=publication._model_hash(staticcall libraries.TERMS.unpacked(terms._slots)),
            members=shape.members,
        ),
        g.committed,
        g.delivered,
        disclosures,
    )
    groups._set_seeds(group, keccak256(abi_encode(minus, plus)))
    log ISessionRecovery.Disclosed(group=group, minus=minus, plus=plus)
    calls._end(gas_at_start, p, terms.LIMIT_COMMIT, 0, fees._turn_to_aggregate(p, shape, group))


@external
def unmask(
    group: uint256,
    chunk: uint256,
    words: Bytes[bounds.MAX_CALL_BYTES],
    minus: DynArray[bytes32, bounds.MAX_SEEDS],
    plus: DynArray[bytes32, bounds.MAX_SEEDS],
):
    """
    @notice Adds the uploads of one chunk of a group, takes their masks off, and measures the sum. Anyone, in stage Aggregate, when
        the group's seeds are disclosed; chunks in order.
    @param group Group id.
    @param chunk Number of the chunk.
    @param words The uploads of that chunk of all who have delivered, one after another, in order of place.
    @param minus As in the group's `Disclosed`.
    @param plus As in the group's `Disclosed`.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.AGGREGATE)
    shape: ISessionRules.Shape = terms._shape()
    assert keccak256(abi_encode(minus, plus)) == groups._seeds(group), "recover: not the disclosed seeds"
    g: groups.Group = groups._load(group)
    sizes: terms.Chunk = terms._chunk(shape, chunk)
    assert chunk == g.chunks_aggregated and chunk < sizes.count, "aggregate: chunk out of turn"
    assert len(words) == progress._count(g.delivered) * sizes.size, "aggregate: length of the words"
    hashes: DynArray[bytes32, bounds.MAX_MEMBERS] = []
    sums: DynArray[uint256, bounds.MAX_CHUNK_WORDS] = []
    hashes, sums = staticcall secrets.SECRET_MATH.unmasked(words, sizes.size, chunk * shape.chunk_words, minus, plus)
    self._check_uploads(group, chunk, g.delivered, hashes)
    encoded: Bytes[bounds.MAX_ENCODED_BYTES] = slice(abi_encode(sums), 64, sizes.size)
    squared_norm: uint256 = staticcall libraries.VECTOR_MATH.squared_norm(sums, shape.lane_bits, sizes.last_lanes)
    squared_norm = accumulated._measured(group, chunk, g, keccak256(encoded), squared_norm)
    log ISecModelUpdate.Aggregated(group=group, chunk=chunk, squared_norm=squared_norm, words=encoded)
    accumulated._close(p, chunk + 1 == sizes.count, g.delivered)
    calls._end(gas_at_start, p, terms.LIMIT_AGGREGATE, len(words) // 32, fees._turn_to_aggregate(p, shape, group))


@view
@internal
def _check_disclosure(d: ISessionRecovery.Disclosure, delivered: bool):
    """
    @notice Refuses a key or a secret that isn't the account's: b of who has delivered, else sk.
    """
    key_address: address = registry._load(d.account).key_address
    # both are checked against a registered key's address: x is on the curve, and 0 < x < n
    assert d.parity <= 1 and ecrecover(empty(bytes32), 27 + d.parity, d.x, d.x) == key_address, "recover: not the key"
    expected: address = key_address
    if delivered:
        secrets._check_addresses(d.account, d.addresses)
        expected = secrets._at(d.addresses, 0)
    else:
        assert len(d.addresses) == 0, "recover: addresses of who hasn't delivered"
    assert secrets._opens(d.secret, expected), "recover: not the secret"


@view
@internal
def _check_uploads(
    group: uint256, chunk: uint256, delivered: uint256, hashes: DynArray[bytes32, bounds.MAX_MEMBERS]
):
    """
    @notice Refuses words that aren't the uploads of a chunk of all who have delivered, one hash each.
    """
    row: uint256 = 0
    for place: uint256 in range(bounds.MAX_MEMBERS):
        if (delivered >> place) & 1 == 1:
            assert hashes[row] == groups._upload(group, chunk, place), "aggregate: not the uploaded words"
            row += 1
