# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The secrets of all sessions: shares, keys, seeds, masks
@license Apache-2.0
@notice Stateless: what policy `recover` computes from secrets that have been revealed (docs/PROTOCOL.md section 5.1). Points of
    secp256k1 are known by their addresses, which the precompile at 1 gives: ecrecover(0, v, r, s) is addr(s/r R), R the point with
    x coordinate r and the parity of v - 27.
@custom:contract-name SecretMath
"""


from interfaces import ISecretMath
from interfaces import ISessionRecovery
from modules import bounds

implements: ISecretMath


CURVE_ORDER: constant(uint256) = 115792089237316195423570985008687907852837564279074904382605163141518161494337
GENERATOR_X: constant(uint256) = 55066263022277343669578718895168534326250603453777594175500187360389116729240     # y is even
KEY_WORDS: constant(uint256) = 32            # x and parity of 16 keys
EXPONENTIATION: constant(address) = 0x0000000000000000000000000000000000000005     # EIP-198

PAIR: constant(bytes32) = 0x6f6d6e696c79746963732f706169722f31000000000000000000000000000000    # omnilytics/pair/1
SELF: constant(bytes32) = 0x6f6d6e696c79746963732f73656c662f31000000000000000000000000000000    # omnilytics/self/1


@pure
@external
def address_of(secret: uint256) -> address:
    """
    @param secret Any number.
    @return addr(secret G); empty unless 0 < secret < n.
    """
    return self._address_of(secret)


@view
@external
def rebuilt(holders: uint256, shares: DynArray[uint256, bounds.MAX_MEMBERS]) -> uint256:
    """
    @notice The constant term of the polynomial through shares (E31), by Lagrange at 0.
    @param holders Bitmap over places, as many as shares.
    @param shares Below n, in order of place.
    @return Below n.
    """
    count: uint256 = len(shares)
    points: DynArray[uint256, bounds.MAX_MEMBERS] = []
    for i: uint256 in range(bounds.MAX_MEMBERS):
        if (holders >> i) & 1 == 1:
            points.append(i + 1)
    # weight k is the product over m != k of x_m / (x_m - x_k); all divisors are inverted at once
    weights: DynArray[uint256, bounds.MAX_MEMBERS] = []
    divisors: DynArray[uint256, bounds.MAX_MEMBERS] = []
    before: DynArray[uint256, bounds.MAX_MEMBERS] = []
    product: uint256 = 1
    for k: uint256 in range(count, bound=bounds.MAX_MEMBERS):
        weight: uint256 = 1
        divisor: uint256 = 1
        for m: uint256 in range(count, bound=bounds.MAX_MEMBERS):
            if m != k:
                weight = uint256_mulmod(weight, points[m], CURVE_ORDER)
                divisor = uint256_mulmod(divisor, CURVE_ORDER + points[m] - points[k], CURVE_ORDER)
        weights.append(weight)
        divisors.append(divisor)
        before.append(product)
        product = uint256_mulmod(product, divisor, CURVE_ORDER)
    inverse: uint256 = self._inverse(product)
    secret: uint256 = 0
    for i: uint256 in range(count, bound=bounds.MAX_MEMBERS):
        k: uint256 = count - 1 - i
        weight: uint256 = uint256_mulmod(weights[k], uint256_mulmod(inverse, before[k], CURVE_ORDER), CURVE_ORDER)
        secret = uint256_addmod(secret, uint256_mulmod(weight, shares[k], CURVE_ORDER), CURVE_ORDER)
        inverse = uint256_mulmod(inverse, divisors[k], CURVE_ORDER)
    return secret


@view
@external
def seeds(
    scope: ISecretMath.SeedScope,
    sharers: uint256,
    delivered: uint256,
    disclosures: DynArray[ISessionRecovery.Disclosure, bounds.MAX_MEMBERS],
) -> (DynArray[bytes32, bounds.MAX_SEEDS], DynArray[bytes32, bounds.MAX_SEEDS]):
    """
    @notice The seeds of all masks that are in a group's sum (E36).
    @param scope What the seeds are bound to.
    @param sharers Bitmap over places: S.
    @param delivered Bitmap over places: U, within S.
    @param disclosures The keys and secrets of S, in order of place, checked.
    @return Those whose streams are taken off the sum; those whose streams are added to it.
    """
    set_hash: bytes32 = self._set_hash(scope.members, sharers, disclosures)
    minus: DynArray[bytes32, bounds.MAX_SEEDS] = []
    plus: DynArray[bytes32, bounds.MAX_SEEDS] = []
    places: DynArray[uint256, bounds.MAX_MEMBERS] = []
    for place: uint256 in range(bounds.MAX_MEMBERS):
        if (sharers >> place) & 1 == 1:
            places.append(place)
    for i: uint256 in range(len(places), bound=bounds.MAX_MEMBERS):
        if (delivered >> places[i]) & 1 == 1:
            minus.append(
                keccak256(
                    abi_encode(
                        SELF,
                        chain.id,
                        scope.session,
                        scope.group,
                        scope.model_hash,
                        set_hash,
                        places[i],
                        disclosures[i].secret,
                    )
                )
            )
    for j: uint256 in range(len(places), bound=bounds.MAX_MEMBERS):
        if (delivered >> places[j]) & 1 == 1:
            continue
        for i: uint256 in range(len(places), bound=bounds.MAX_MEMBERS):
            if (delivered >> places[i]) & 1 == 0:
                continue
            x: uint256 = disclosures[i].x
            shared: address = ecrecover(
                empty(bytes32),
                27 + disclosures[i].parity,
                x,
                uint256_mulmod(disclosures[j].secret, x, CURVE_ORDER),
            )
            seed: bytes32 = keccak256(
                abi_encode(
                    PAIR,
                    chain.id,
                    scope.session,
                    scope.group,
                    scope.model_hash,
                    set_hash,
                    min(places[i], places[j]),
                    max(places[i], places[j]),
                    shared,
                )
            )
            if places[j] > places[i]:
                minus.append(seed)
            else:
                plus.append(seed)
    return minus, plus


@pure
@external
def unmasked(
    words: Bytes[bounds.MAX_CALL_BYTES],
    size: uint256,
    first: uint256,
    minus: DynArray[bytes32, bounds.MAX_SEEDS],
    plus: DynArray[bytes32, bounds.MAX_SEEDS],
) -> (DynArray[bytes32, bounds.MAX_MEMBERS], DynArray[uint256, bounds.MAX_CHUNK_WORDS]):
    """
    @notice The hashes of rows, and their sum without their masks (E36), suite `keccak`. Both here, where the rows stay in calldata:
        each copy in memory would cost 55,000 gas and more.
    @param words Rows of equal length, one after another.
    @param size Of a row, bytes: whole words.
    @param first The index of a row's first word in the whole vector.
    @param minus Seeds whose streams are taken off.
    @param plus Seeds whose streams are added.
    @return The hash of each row; the words of the sum, modulo 2^256.
    """
    rows: uint256 = len(words) // size
    hashes: DynArray[bytes32, bounds.MAX_MEMBERS] = []
    for i: uint256 in range(rows, bound=bounds.MAX_MEMBERS):
        row_hash: bytes32 = keccak256(slice(words, i * size, size))
        hashes.append(row_hash)
    sums: DynArray[uint256, bounds.MAX_CHUNK_WORDS] = []
    for j: uint256 in range(size // 32, bound=bounds.MAX_CHUNK_WORDS):
        total: uint256 = 0
        at: uint256 = 32 * j
        for _: uint256 in range(rows, bound=bounds.MAX_MEMBERS):
            # sums of words are taken modulo 2^256 (E12)
            total = unsafe_add(total, extract32(words, at, output_type=uint256))
            at = unsafe_add(at, size)
        index: bytes32 = convert(unsafe_add(first, j), bytes32)
        for seed: bytes32 in minus:
            total = unsafe_sub(total, convert(keccak256(concat(seed, index)), uint256))
        for seed: bytes32 in plus:
            total = unsafe_add(total, convert(keccak256(concat(seed, index)), uint256))
        sums.append(total)
    return hashes, sums


@pure
@internal
def _address_of(secret: uint256) -> address:
    if secret == 0 or secret >= CURVE_ORDER:
        return empty(address)
    return ecrecover(empty(bytes32), 27, GENERATOR_X, uint256_mulmod(secret, GENERATOR_X, CURVE_ORDER))


@view
@internal
def _inverse(number: uint256) -> uint256:
    """
    @param number Not a multiple of n.
    @return Its inverse modulo n, by Fermat.
    """
    sizes: Bytes[96] = abi_encode(convert(32, uint256), convert(32, uint256), convert(32, uint256))
    answer: Bytes[32] = raw_call(
        EXPONENTIATION,
        concat(sizes, abi_encode(number, CURVE_ORDER - 2, CURVE_ORDER)),
        max_outsize=32,
        is_static_call=True,
    )
    return convert(answer, uint256)


@pure
@internal
def _set_hash(
    members: uint256, sharers: uint256, disclosures: DynArray[ISessionRecovery.Disclosure, bounds.MAX_MEMBERS]
) -> bytes32:
    """
    @param members N.
    @param sharers Bitmap over places.
    @param disclosures Of these places, in order.
    @return E9: the keys in order of place, zeros where nobody has shared.
    """
    keys: DynArray[uint256, KEY_WORDS] = []
    known: uint256 = 0
    for place: uint256 in range(members, bound=bounds.MAX_MEMBERS):
        if (sharers >> place) & 1 == 1:
            keys.append(disclosures[known].x)
            keys.append(disclosures[known].parity)
            known += 1
        else:
            keys.append(0)
            keys.append(0)
    return keccak256(slice(abi_encode(keys), 64, 64 * members))
