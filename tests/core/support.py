"""Parameters, vectors and groups for the tests of the codec."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from omnilytics.codec import (
    Codec,
    Dealing,
    GroupContext,
    MaskKey,
    MemberSecrets,
    Recovery,
    Scope,
    smallest_lane_bits,
    weights_bound,
)
from omnilytics.types import (
    Address,
    Assignment,
    DropoutPolicy,
    Encoding,
    FloatVec,
    KrumPicks,
    Rule,
    SessionParams,
    Suite,
)
from tests.golden import unhex

SESSION = Address("0x" + "5e" * 20)
SENDER = Address("0x" + "da" * 20)


def floats(text: str) -> FloatVec:
    """float32 patterns, big-endian, as the vectors have them."""
    return np.frombuffer(unhex(text), dtype=">f4").astype(np.float32)


def float_bits(value: float) -> int:
    return int(np.array([value], dtype=np.float32).view(np.uint32)[0])


DEFAULT = SessionParams(
    parameter_count=100,
    samples=20,
    epochs=1,
    batch_size=5,
    rounds=8,
    min_rounds=3,
    members=4,
    threshold=4,
    colluders=2,
    encoding=Encoding.DELTA,
    clip=float_bits(0.05),
    bound=7,
    lane_bits=6,
    chunk_words=8,
    suite=Suite.AES,
    assignment=Assignment.SHUFFLED,
    rule=Rule.NORM,
    krum_mu_bps=0,
    krum_m=0,
    krum_m_rule=KrumPicks.STRICT,
    policy=DropoutPolicy.ABORT,
    register_secs=60,
    commit_secs=60,
    upload_secs=60,
    aggregate_secs=60,
    select_secs=60,
    reward_wei=10**18,
    bond_wei=10**17,
)


def params(**changes: Any) -> SessionParams:
    """The default session with changes; the lane width follows from N and Q unless it is given."""
    changed = replace(DEFAULT, **changes)
    if "lane_bits" not in changes:
        changed = replace(changed, lane_bits=smallest_lane_bits(changed.members, changed.bound))
    return changed


def weights_params(**changes: Any) -> SessionParams:
    """A session of the paper: encoding `weights`, rule `krum`."""
    members = changes.get("members", DEFAULT.members)
    paper = {"encoding": Encoding.WEIGHTS, "clip": 0, "bound": weights_bound(members), "lane_bits": 32}
    return params(**paper, **krum(), **changes)


def krum(mu_bps: int = 1250, m: int = 3, picks: KrumPicks = KrumPicks.PAPER) -> dict[str, Any]:
    return {"rule": Rule.KRUM, "krum_mu_bps": mu_bps, "krum_m": m, "krum_m_rule": picks}


def group(members: int, label: int = 0) -> tuple[list[MaskKey], list[GroupContext]]:
    """The keys of a group and each member's view of it."""
    keys = [MaskKey.from_seed(bytes([label, place]) * 16) for place in range(members)]
    peers = tuple((key.x, key.parity) for key in keys)
    return keys, [GroupContext(31337, SESSION, 5, place, b"\x07" * 32, peers) for place in range(members)]


def recover_params(threshold: int = 3, **changes: Any) -> SessionParams:
    """A session with policy `recover`."""
    recover = {"policy": DropoutPolicy.RECOVER, "suite": Suite.KECCAK, "threshold": threshold, "colluders": 1}
    return params(**(recover | {"unsafe_small": threshold < 3} | changes))


class RecoveringGroup:
    """The members of a group with policy `recover`, who have all dealt.

    Attributes:
        secrets: by place; `recoveries` and `dealings` too.
    """

    def __init__(self, codec: Codec, **context: Any) -> None:
        members = codec.params.members
        self.codec = codec
        self.secrets = [MemberSecrets.from_seed(bytes([place + 1]) * 32) for place in range(members)]
        self.transports = [member.transport for member in self.secrets]
        self.context = replace(
            GroupContext(31337, SESSION, 5, 0, b"\x07" * 32, tuple((m.key.x, m.key.parity) for m in self.secrets)),
            **context,
        )
        self.recoveries = [self.recovery(place) for place in range(members)]
        self.dealings = [member.deal(bytes([place]) * 32) for place, member in enumerate(self.recoveries)]

    def recovery(self, place: int) -> Recovery:
        """One that hasn't dealt yet."""
        return Recovery(self.codec, self.secrets[place], replace(self.context, place=place), self.transports)

    def others(self, place: int, sharers: Iterable[int] | None = None) -> dict[int, Dealing]:
        """The dealings of the other sharers."""
        dealers = range(len(self.dealings)) if sharers is None else sharers
        return {dealer: self.dealings[dealer] for dealer in dealers if dealer != place}

    def receive(self, sharers: Iterable[int] | None = None) -> None:
        """All sharers check each other's dealings; S is everybody unless it is given."""
        places = list(range(len(self.dealings)) if sharers is None else sharers)
        for place in places:
            assert self.recoveries[place].receive(self.others(place, places)) == {}

    def scope(self, sharers: int, delivered: int) -> Scope:
        """The group as the secrets that it disclosed are bound to it."""
        it = self.context
        return Scope(it.chain_id, it.session, it.group, it.model_hash, it.peers, sharers, delivered)


def bitmap(places: Iterable[int]) -> int:
    return sum(1 << place for place in places)


def random_words(codec: Codec, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(32 * codec.words)
