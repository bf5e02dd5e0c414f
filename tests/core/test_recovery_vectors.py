"""Policy `recover` agrees with the plain-Python protocol, byte for byte (recover.json)."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from omnilytics import codec
from omnilytics.codec import Codec, Dealing, GroupContext, MemberSecrets, Recovery, Scope, public_address
from omnilytics.errors import InputError
from omnilytics.types import Address
from tests.golden import unhex, vectors

from .support import recover_params

Case = dict[str, Any]
VECTORS = vectors("recover")


def cases(key: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in VECTORS[key]]


def places(bitmap: int) -> list[int]:
    return [place for place in range(16) if bitmap >> place & 1]


@cache
def secrets_of(group: int) -> list[MemberSecrets]:
    return [MemberSecrets.from_seed(unhex(seed)) for seed in VECTORS["groups"][group]["seeds"]]


def scope_of(case: Case, sharers: int, delivered: int) -> Scope:
    group = VECTORS["groups"][case["group"]]
    peers = tuple((int(peer["x"], 16), peer["parity"]) for peer in group["peers"])
    session, model_hash = Address(group["session"]), unhex(group["model_hash"])
    return Scope(group["chain_id"], session, group["group"], model_hash, peers, sharers, delivered)


def recovery_of(case: Case, place: int) -> tuple[Codec, Recovery]:
    group = VECTORS["groups"][case["group"]]
    members, threshold = group["members"], group["threshold"]
    coder = Codec(recover_params(threshold, members=members, bound=1, unsafe_small=1))
    it = scope_of(case, 0, 0)
    context = GroupContext(it.chain_id, it.session, it.group, place, it.model_hash, it.peers)
    transports = [unhex(transport) for transport in group["transports"]]
    return coder, Recovery(coder, secrets_of(case["group"])[place], context, transports)


def dealing_of(case: Case) -> Dealing:
    points = unhex(case["points"])
    addresses = codec.share_addresses(points) if len(points) % 64 == 0 else b""
    return Dealing(points, unhex(case["sealed"]), addresses, unhex(case["root"]))


@cache
def dealt(group: int) -> dict[int, tuple[bytes, Dealing]]:
    """Seed and dealing of the places that the vectors have."""
    made = [case for case in VECTORS["dealings"] if case["group"] == group and case["seed"]]
    return {case["dealer"]: (unhex(case["seed"]), dealing_of(case)) for case in made}


def others(group: int, place: int, sharers: list[int]) -> dict[int, Dealing]:
    return {dealer: dealt(group)[dealer][1] for dealer in sharers if dealer != place}


@pytest.mark.parametrize("case", cases("groups"))
def test_members(case: Case) -> None:
    index = VECTORS["groups"].index(case)
    for place, member in enumerate(secrets_of(index)):
        assert member.key.address == case["addresses"][place] == public_address(int(case["secrets"][place], 16))
        assert (member.key.x, member.key.parity) == scope_of({"group": index}, 0, 0).peers[place]
        if "low order" not in case["name"]:
            assert member.transport == unhex(case["transports"][place])
    assert codec.set_hash(scope_of({"group": index}, 0, 0).peers) == unhex(case["keys_hash"])


@pytest.mark.parametrize("case", cases("dealings"))
def test_dealings(case: Case) -> None:
    dealing, dealer = dealing_of(case), case["dealer"]
    assert dealing.addresses == unhex(case["addresses"])
    for share in case["shares"]:
        for kind, self_mask in (("key", False), ("self", True)):
            address = codec.share_address(dealing.addresses, dealer, share["place"], self_mask)
            assert address == share[f"{kind}_address"] == public_address(int(share[kind], 16))
    if case["seed"]:
        assert recovery_of(case, dealer)[1].deal(unhex(case["seed"])) == dealing


@pytest.mark.parametrize("case", cases("rebuilds") + cases("wrong_rebuilds"))
def test_rebuilding(case: Case) -> None:
    shares = {x - 1: int(share, 16) for x, share in zip(case["xs"], case["shares"], strict=True)}
    if len(shares) > case["threshold"] and case["xs"] != sorted(case["xs"]):
        pytest.skip("here the lowest places count, there the first ones")
    secret = codec.rebuild(shares, case["threshold"])
    assert secret == int(case["secret"], 16)
    assert public_address(secret) == case["address"]
    assert case.get("expected") != case["address"]


@pytest.mark.parametrize("case", [case for case in cases("refused_rebuilds") if "twice" not in str(case.id)])
def test_rebuilding_refused(case: Case) -> None:
    shares = {x - 1: int(share, 16) for x, share in zip(case["xs"], case["shares"], strict=True)}
    with pytest.raises(InputError, match="expected"):
        codec.rebuild(shares, case["threshold"])


@pytest.mark.parametrize("case", cases("masks"))
def test_masks(case: Case) -> None:
    sharers = places(case["sharers"])
    assert codec.set_hash(scope_of(case, 0, 0).peers, case["sharers"]) == unhex(case["set_hash"])
    for upload in case["uploads"]:
        place, plain = upload["place"], unhex(upload["plain"])
        _, member = recovery_of(case, place)
        member.deal(dealt(case["group"])[place][0])
        assert member.receive(others(case["group"], place, sharers)) == {}
        assert member.mask(plain).words == unhex(upload["masked"])


@pytest.mark.parametrize("case", cases("unmaskings"))
def test_unmasking(case: Case) -> None:
    group = VECTORS["groups"][case["group"]]
    known = {
        place: int(group["self_secrets" if case["delivered"] >> place & 1 else "secrets"][place], 16)
        for place in places(case["sharers"])
    }
    minus, plus = codec.disclosed_seeds(scope_of(case, case["sharers"], case["delivered"]), known)
    assert minus == [unhex(seed) for seed in case["minus"]]
    assert plus == [unhex(seed) for seed in case["plus"]]
    coder = Codec(recover_params(members=group["members"], threshold=group["threshold"], bound=1))
    assert coder.unmask(unhex(case["sum"]), minus, plus) == unhex(case["aggregate"])


REASONS = {
    "length": ("points: expected", "sealed: expected"),
    "point off the curve": ("point ",),
    "root": ("root: ",),
    "ciphertext": ("ciphertext: ",),
    "share outside 1..n-1": ("shares: ",),
    "share isn't that of its point": ("share of ",),
    "degree": ("points of ",),
}


@pytest.mark.parametrize("case", [case for case in cases("refused_dealings") if "low order" not in str(case.id)])
def test_dealings_objected_to(case: Case) -> None:
    group, dealer, holder = case["group"], case["dealer"], case["holder"]
    _, member = recovery_of(case, holder)
    member.deal(dealt(group)[holder][0])
    found = member.receive(others(group, holder, list(dealt(group))) | {dealer: dealing_of(case)})
    assert found.keys() == {dealer}
    assert found[dealer].startswith(REASONS[case["reason"]])
