"""Policy `recover`: the exact sum of those who delivered, steps in one order, never both secrets of a peer."""

from __future__ import annotations

import copy
import itertools
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from omnilytics.codec import (
    Codec,
    Dealing,
    MemberSecrets,
    Recovery,
    disclosed_seeds,
    keccak256,
    public_address,
    rebuild,
    rebuild_many,
    share_address,
    share_addresses,
)
from omnilytics.errors import EncodingError, InputError, ProtocolError
from omnilytics.types import Address, DropoutPolicy, Suite

from .support import SENDER, SESSION, RecoveringGroup, bitmap, params, random_words, recover_params

N_OF_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
EVERYBODY = 0b1111


@pytest.fixture
def group() -> RecoveringGroup:
    return RecoveringGroup(Codec(recover_params()))


def aggregate(
    group: RecoveringGroup, sharers: list[int], delivered: list[int], revealed: list[int]
) -> tuple[bytes, bytes]:
    """(the unmasked sum, the plain one) when these have shared, delivered and revealed; who revealed lends shares."""
    coder, threshold = group.codec, group.codec.params.threshold
    group.receive(sharers)
    plain = {place: random_words(coder, place) for place in sharers}
    masked = {place: group.recoveries[place].mask(plain[place]).words for place in delivered}
    reveals = {place: group.recoveries[place].reveal(bitmap(delivered)) for place in revealed}
    lent = {place: group.recoveries[place].reveal_shares(bitmap(revealed)) for place in revealed}
    secrets = {place: reveals[place].secret for place in revealed}
    for place in set(sharers) - set(delivered):
        shares = {holder: reveals[holder].shares[place] for holder in revealed}
        for holder, share in shares.items():
            assert public_address(share) == share_address(group.dealings[place].addresses, place, holder, False)
        secrets[place] = rebuild(shares, threshold)
        assert public_address(secrets[place]) == group.secrets[place].key.address
    for place in set(delivered) - set(revealed):
        shares = {holder: lent[holder][place] for holder in revealed}
        for holder, share in shares.items():
            assert public_address(share) == share_address(group.dealings[place].addresses, place, holder, True)
        secrets[place] = rebuild(shares, threshold)
        assert public_address(secrets[place]) == "0x" + group.dealings[place].addresses[:20].hex()
    minus, plus = disclosed_seeds(group.scope(bitmap(sharers), bitmap(delivered)), secrets)
    total = coder.sum([masked[place] for place in delivered])
    return coder.unmask(total, minus, plus), coder.sum([plain[place] for place in delivered])


SETS = [list(places) for size in range(3, 6) for places in itertools.combinations(range(5), size)]


@pytest.mark.parametrize("sharers", SETS)
def test_the_sum_of_those_who_delivered(sharers: list[int]) -> None:
    coder = Codec(recover_params(members=5, bound=6))
    for delivered in (places for places in SETS if set(places) <= set(sharers)):
        for revealed in (places for places in SETS if set(places) <= set(delivered)):
            unmasked, plain = aggregate(RecoveringGroup(coder), sharers, delivered, revealed)
            assert unmasked == plain


def test_the_mean_of_weights(group: RecoveringGroup) -> None:
    coder = group.codec
    published = np.zeros(100, np.float32)
    weights = [np.full(100, 0.01 * (place + 1), np.float32) for place in range(4)]
    group.receive()
    uploads = [
        member.encode(weights[place], published, bytes([place]) * 32) for place, member in enumerate(group.recoveries)
    ]
    plain = [coder.encode_plain(weights[place], published, bytes([place]) * 32) for place in range(4)]
    assert [upload.scale for upload in uploads] == [upload.scale for upload in plain]
    secrets = {place: member.reveal(EVERYBODY).secret for place, member in enumerate(group.recoveries)}
    minus, plus = disclosed_seeds(group.scope(EVERYBODY, EVERYBODY), secrets)
    assert (len(minus), plus) == (4, [])
    total = coder.unmask(coder.sum([upload.words for upload in uploads]), minus, plus)
    np.testing.assert_array_equal(coder.decode_sum(total, 4), coder.decode_sum(coder.sum([p.words for p in plain]), 4))


def test_a_group_outside_a_session() -> None:
    session = RecoveringGroup(Codec(recover_params()))
    group = [
        Recovery.of_group(3, member, replace(session.context, place=place), session.transports)
        for place, member in enumerate(session.secrets)
    ]
    dealings = [member.deal(bytes([place]) * 32) for place, member in enumerate(group)]
    assert dealings == session.dealings
    words = np.zeros((7, 32), np.uint8)
    assert group[0].receive(session.others(0)) == {}
    with pytest.raises(ProtocolError, match="expected mask_words in a group outside a session"):
        group[0].mask(bytes(96))
    with pytest.raises(EncodingError, match="words: expected a writable"):
        group[0].mask_words(words[::2], Suite.AES)
    group[0].mask_words(words, Suite.AES)
    assert words.any()
    assert group[0].reveal(EVERYBODY).shares == {}


def test_the_seeds_of_masks_in_blobs(group: RecoveringGroup) -> None:
    """Those of E10 and E34 under the domain of blobs, with the signs of E35; once, like any masking."""
    group.receive()
    seeds = [member.blob_seeds() for member in group.recoveries]
    assert [[sign for _, sign in own] for own in seeds] == [
        [1, 1, 1, 1],
        [-1, 1, 1, 1],
        [-1, -1, 1, 1],
        [-1, -1, -1, 1],
    ]
    assert all(seeds[i][j - 1][0] == seeds[j][i][0] for i in range(4) for j in range(i + 1, 4))
    secrets = {place: member.reveal(EVERYBODY).secret for place, member in enumerate(group.recoveries)}
    minus, _ = disclosed_seeds(group.scope(EVERYBODY, EVERYBODY), secrets)
    domain = b"omnilytics/blob-mask/1".ljust(32, b"\0")
    assert [own[-1][0] for own in seeds] == [keccak256(domain + seed) for seed in minus]
    for step in (group.recoveries[0].blob_seeds, lambda: group.recoveries[0].mask(bytes(32))):
        with pytest.raises(ProtocolError, match=r"^step: expected reveal_shares, got"):
            step()


def test_steps_have_one_order(group: RecoveringGroup) -> None:
    member = group.recovery(0)
    words = bytes(32 * group.codec.words)
    steps: dict[str, Callable[[], object]] = {
        "deal": member.deal,
        "receive": lambda: member.receive(group.others(0)),
        "mask": lambda: member.mask(words),
        "reveal": lambda: member.reveal(EVERYBODY),
        "reveal_shares": lambda: member.reveal_shares(EVERYBODY),
    }
    expected = {"deal": "deal", "receive": "receive", "mask": "encode or mask", "reveal": "reveal"}
    for name, step in steps.items():
        for other in set(steps) - {name}:
            if (name, other) == ("reveal_shares", "reveal"):
                continue
            text = expected.get(name, "reveal_shares")
            with pytest.raises(ProtocolError, match=f"^step: expected {text}, got {other}$"):
                steps[other]()
        step()
    with pytest.raises(ProtocolError, match=r"^step: expected reveal_shares, got encode$"):
        member.encode(np.zeros(100, np.float32), np.zeros(100, np.float32))


def test_a_step_that_failed_can_be_made_again(group: RecoveringGroup) -> None:
    member, zeros = group.recoveries[0], np.zeros(100, np.float32)
    with pytest.raises(InputError, match="sharers: expected 3 to 4, got 2"):
        member.receive(group.others(0, [1]))
    assert member.receive(group.others(0)) == {}
    with pytest.raises(EncodingError, match="weights: expected finite values"):
        member.encode(np.full(100, np.nan, np.float32), zeros)
    with pytest.raises(InputError, match="rounding_seed: expected 32 bytes"):
        member.encode(zeros, zeros, bytes(3))
    with pytest.raises(EncodingError, match="bytes of words: expected 96, got 32"):
        member.mask(bytes(32))
    member.encode(zeros, zeros)
    with pytest.raises(InputError, match="members that delivered: expected 3 to 4, got 2"):
        member.reveal(0b0011)
    assert member.reveal(EVERYBODY).shares == {}


def test_one_set_of_delivered_for_good(group: RecoveringGroup) -> None:
    """Both secrets of one peer would unmask its words."""
    group.receive()
    member = group.recoveries[0]
    member.mask(bytes(96))
    first = member.reveal(0b0111)
    assert first == member.reveal(0b0111)
    assert first.shares.keys() == {3}
    for other in (0b1111, 0b1011):
        with pytest.raises(
            ProtocolError, match=re.escape("delivered: expected places [0, 1, 2], as revealed before, got")
        ):
            member.reveal(other)
    assert member.reveal_shares(0b0001).keys() == {1, 2}
    assert member.reveal_shares(0b0011).keys() == {2}
    with pytest.raises(InputError, match="place 3: expected one that has delivered, got one that hasn't"):
        member.reveal_shares(0b1000)


@pytest.mark.parametrize(
    ("sharers", "delivered", "message"),
    [
        ([0, 1, 2, 3], 0b1110, "place 0: expected one that has delivered, got one that hasn't"),
        ([0, 1, 2], 0b1111, "members that delivered: expected members that shared, got place 3"),
        ([0, 1, 2, 3], 0b1001, "members that delivered: expected 3 to 4, got 2"),
        ([0, 1, 2, 3], 0b11111, "place: expected 0 to 3, got 4"),
        ([0, 1, 2, 3], -1, "delivered: expected an integer from 0 to 2^256 - 1, got -1"),
    ],
)
def test_sets_that_cannot_be(group: RecoveringGroup, sharers: list[int], delivered: int, message: str) -> None:
    group.receive(sharers)
    group.recoveries[0].mask(bytes(96))
    with pytest.raises(InputError, match=re.escape(message)):
        group.recoveries[0].reveal(delivered)


def rooted(dealing: Dealing, points: bytes) -> Dealing:
    """The same with other points and their root."""
    return Dealing.from_points(points, dealing.sealed, keccak256(share_addresses(points)))


def flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


OBJECTIONS: list[tuple[Callable[[Dealing, Dealing], Dealing], str]] = [
    (lambda it, _: replace(it, points=it.points[:-1]), "points: expected 448 bytes, got 447"),
    (lambda it, _: replace(it, sealed=b""), "sealed: expected 336 bytes, got 0"),
    (lambda it, _: rooted(it, flipped(it.points, 200)), "point 3: expected x and y of a point on secp256k1"),
    (lambda it, _: rooted(it, bytes(448)), "point 0: expected x and y of a point on secp256k1"),
    (lambda it, other: replace(it, root=other.root), "root: expected 0x"),
    (lambda it, _: replace(it, sealed=flipped(it.sealed, 3)), "ciphertext: expected one that the transport key opens"),
    (lambda it, _: replace(it, sealed=it.sealed[112:] + it.sealed[:112]), "ciphertext: expected one that"),
    (
        lambda it, other: other,
        "ciphertext: expected one that the transport key opens for this dealer, group and session",
    ),
    (lambda it, _: rooted(it, it.points[:-128] + it.points[64:192]), "ciphertext: expected one that"),
]


@pytest.mark.parametrize(("change", "reason"), OBJECTIONS)
def test_bad_dealings(group: RecoveringGroup, change: Callable[[Dealing, Dealing], Dealing], reason: str) -> None:
    member = group.recoveries[0]
    dealings = group.others(0)
    dealings[2] = change(group.dealings[2], group.dealings[3])
    found = member.receive(dealings)
    assert found.keys() == {2}
    assert found[2].startswith(reason)
    with pytest.raises(ProtocolError, match=r"^step: expected none after an objection, got mask$"):
        member.mask(bytes(96))


@pytest.mark.parametrize(
    "context",
    [
        {"chain_id": 1},
        {"session": Address("0x" + "11" * 20)},
        {"group": 6},
        {"model_hash": bytes(32)},
    ],
)
def test_a_dealing_replayed_from_elsewhere(group: RecoveringGroup, context: dict[str, Any]) -> None:
    elsewhere = RecoveringGroup(group.codec, **context)
    assert elsewhere.dealings[1].points == group.dealings[1].points
    found = group.recoveries[0].receive(group.others(0) | {1: elsewhere.dealings[1]})
    assert {place: reason[:10] for place, reason in found.items()} == {1: "ciphertext"}


def test_masks_depend_on_who_shared() -> None:
    masks = set()
    for sharers in ([0, 1, 2, 3], [0, 1, 2], [0, 1, 3]):
        group = RecoveringGroup(Codec(recover_params()))
        group.receive(sharers)
        masks.add(group.recoveries[0].mask(bytes(96)).words)
    assert len(masks) == 3


def test_operating_system_randomness_differs(group: RecoveringGroup) -> None:
    first, second = group.recovery(1).deal(), group.recovery(1).deal()
    assert first.points[:64] == second.points[:64] == group.dealings[1].points[:64]
    assert first.points[64:] != second.points[64:]
    assert MemberSecrets.generate().transport != MemberSecrets.generate().transport


def test_groups_that_cannot_recover(group: RecoveringGroup) -> None:
    context, transports, secrets = group.context, group.transports, group.secrets[0]
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: Recovery(Codec(params()), secrets, context, transports), "policy: expected 1 (recover), got 0"),
        (
            lambda: Recovery(group.codec, secrets, replace(context, peers=context.peers[:3]), transports),
            "mask keys of the group: expected 4, got 3",
        ),
        (
            lambda: Recovery(group.codec, secrets, context, transports[:3]),
            "transport keys of the group: expected 4, got 3",
        ),
        (
            lambda: Recovery(group.codec, secrets, context, [bytes(31)] * 4),
            "transport: expected 32 bytes, got 31 bytes",
        ),
        (
            lambda: Recovery(group.codec, secrets, context, transports[::-1]),
            "transport key of place 0: expected the member's own 0x",
        ),
        (
            lambda: Recovery(group.codec, secrets, replace(context, place=1), transports),
            "mask key of place 1: expected the member's own key 0x",
        ),
        (lambda: Recovery.of_group(5, secrets, context, transports), "threshold: expected 2 to 4, got 5"),
        (lambda: Recovery.of_group(1, secrets, context, transports), "threshold: expected 2 to 4, got 1"),
        (lambda: group.recovery(0).deal(bytes(3)), "seed: expected 32 bytes, got 3 bytes"),
        (lambda: group.recoveries[0].receive(dict(enumerate(group.dealings))), "got one of the member's own place 0"),
        (lambda: MemberSecrets.from_seed(bytes(3)), "seed: expected 32 bytes, got 3 bytes"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=re.escape(message)):
            call()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 5}, "threshold with policy recover: expected 3 to 4, got 5"),
        ({"threshold": 2, "unsafe_small": 0}, "threshold with policy recover: expected 3 to 4, got 2"),
        ({"threshold": 3, "colluders": 2}, "threshold with policy recover: expected 4 to 4, got 3"),
        ({"threshold": 1, "unsafe_small": 1}, "threshold with policy recover: expected 2 to 4, got 1"),
        ({"suite": Suite.AES}, "suite with policy recover: expected 1 to 1, got 0"),
        ({"policy": 2}, "policy: expected 0 to 1, got 2"),
    ],
)
def test_parameters_that_cannot_work(changes: dict[str, Any], message: str) -> None:
    Codec(recover_params(2))
    Codec(recover_params(4))
    with pytest.raises(EncodingError, match=re.escape(message)):
        Codec(recover_params(**changes))
    assert recover_params().policy is DropoutPolicy.RECOVER


def test_shares_that_rebuild_nothing() -> None:
    shares = {0: 5, 1: 7, 2: 9}
    assert rebuild(shares, 3) == 3
    assert rebuild(shares | {7: 11}, 3) == 3
    assert rebuild_many([shares, {0: 1, 1: 1, 2: 1}], 2) == [3, 1]
    assert rebuild_many([], 2) == []
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: rebuild({0: 5, 1: 7}, 3), "shares: expected at least 3, got 2"),
        (lambda: rebuild({}, 1), "shares: expected at least 1, got 0"),
        (lambda: rebuild(shares, 0), "threshold: expected 1 to 255, got 0"),
        (lambda: rebuild({-1: 5, 1: 7}, 2), "places: expected 0 to 254, got -1"),
        (lambda: rebuild({1: 5, 255: 7}, 2), "id of a share: expected 1 to 255, got 256"),
        (lambda: rebuild({0: 1, 1: 2}, 2), "rebuilt secret: expected a scalar from 1 to n-1, got 0"),
        (lambda: rebuild_many([shares, {0: 1}], 1), "shares: expected those of places [0, 1, 2] for every secret"),
    ]
    for bad in (0, N_OF_CURVE, 2**256 - 1, 2**256, -1):
        cases.append((lambda bad=bad: rebuild({0: bad, 1: 7}, 2), "from 1 to n-1, got one outside"))
        cases.append((lambda bad=bad: rebuild({0: 5, 1: 7, 2: bad}, 2), "from 1 to n-1, got one outside"))
        cases.append((lambda bad=bad: public_address(bad), "secret: expected an integer from 1 to n-1, got"))
    for call, message in cases:
        with pytest.raises(InputError, match=re.escape(message)):
            call()


def test_secrets_that_are_not_those_of_a_group(group: RecoveringGroup) -> None:
    group.receive()
    group.recoveries[0].mask(bytes(96))
    secret = group.recoveries[0].reveal(0b0111).secret
    scope = group.scope(EVERYBODY, 0b0111)
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: disclosed_seeds(scope, {0: secret}), "secrets of the members that shared: expected 4, got 1"),
        (lambda: disclosed_seeds(scope, dict.fromkeys(range(5), secret)), "secrets: expected 4, got 5"),
        (
            lambda: disclosed_seeds(replace(scope, sharers=0b0111, delivered=EVERYBODY), {}),
            "members that delivered: expected members that shared, got place 3",
        ),
        (lambda: disclosed_seeds(scope, dict.fromkeys(range(4), secret)), "secret: expected that of 0x"),
        (lambda: disclosed_seeds(scope, dict.fromkeys(range(4), 0)), "secret: expected an integer from 1 to n-1"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=re.escape(message)) as caught:
            call()
        assert f"{secret:x}" not in str(caught.value)
        assert str(secret) not in str(caught.value)


def test_addresses_of_shares(group: RecoveringGroup) -> None:
    addresses = group.dealings[1].addresses
    assert len(addresses) == 20 * 7
    assert share_address(addresses, 1, 0, False) == "0x" + addresses[20:40].hex()
    assert share_address(addresses, 1, 2, True) == "0x" + addresses[80:100].hex()
    for holder in (1, 4, -1):
        with pytest.raises(InputError, match=f"holder: expected a place from 0 to 3 other than 1, got {holder}"):
            share_address(addresses, 1, holder, True)
    with pytest.raises(InputError, match="points: expected 64 bytes for each, got 65 bytes"):
        share_addresses(bytes(65))


def test_secrets_show_an_address_and_nothing_else(group: RecoveringGroup) -> None:
    secrets, recovery = group.secrets[0], group.recoveries[0]
    assert repr(secrets) == str(secrets) == f"MemberSecrets({secrets.key.address})"
    assert not hasattr(secrets, "__dict__")
    assert not hasattr(recovery, "__dict__")
    with pytest.raises(TypeError, match=r"expected MemberSecrets\.generate"):
        MemberSecrets()
    for given in (secrets, recovery):
        for give_away in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="can't be copied or pickled"):
                give_away(given)
    for inner in (secrets._secrets, recovery._recovery):
        for give_away in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=r"pickle|copy"):
                give_away(inner)
    public = {name for name in dir(secrets._secrets) if not name.startswith("_")}
    assert public == {"from_seed", "generate", "key", "transport"}
    public = {name for name in dir(recovery._recovery) if not name.startswith("_")}
    assert public == {"blob_seeds", "deal", "encode", "mask", "mask_words", "receive", "reveal", "reveal_shares"}


def test_what_is_registered(group: RecoveringGroup) -> None:
    secrets = group.secrets[0]
    keys = secrets.key.sign(31337, SESSION, SENDER, transport=secrets.transport)
    assert keys.transport == secrets.transport
    assert secrets.key.sign(31337, SESSION, SENDER) == replace(keys, transport=bytes(32))
