"""A session with policy `recover` through the port's verbs alone, on every backend: one member is gone at each step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.codec import Dealing, GroupContext, MemberSecrets, Recovery
from omnilytics.errors import Reverted
from omnilytics.types import (
    Assignment,
    Disclosure,
    DropoutPolicy,
    GroupStatus,
    Opening,
    Rule,
    SessionParams,
    Stage,
    Suite,
)
from tests.chain.conftest import AnyChain
from tests.chain.test_port import STEP, WINDOW, Story, events, story, terms

N, T = 5, 3


def recovering() -> SessionParams:
    abort = replace(terms(N, Assignment.GREEDY, Rule.NORM), rounds=1, min_rounds=1, unsafe_small=1, lane_bits=8)
    bond = -(-(N - 1) * abort.reward_wei // N)
    recover = DropoutPolicy.RECOVER
    return replace(abort, policy=recover, suite=Suite.KECCAK, threshold=T, reveal_secs=WINDOW, bond_wei=bond)


class Group:
    """The one group of a session; members 0, 1, 2 do all steps, 4 shares alone, 3 uploads too."""

    def __init__(self, chain: AnyChain) -> None:
        self.story: Story = story(chain, recovering())
        self.chain, self.session, self.codec = chain, self.story.session, self.story.codec
        self.members = self.story.members
        self.secrets = [MemberSecrets.from_seed(bytes([n + 1]) * 32) for n in range(N)]
        self.dealings: dict[int, Dealing] = {}
        self.steps: list[Recovery] = []

    def register(self) -> None:
        self.story.open()
        for member, secrets in zip(self.members, self.secrets, strict=True):
            keys = secrets.key.sign(self.chain.chain_id, self.session.address, member, secrets.transport)
            receipt = self.session.register(member, keys, self.story.params.bond_wei)
            assert events(receipt)["Registered"]["transport"] == secrets.transport

    def share(self) -> None:
        peers = tuple((secrets.key.x, secrets.key.parity) for secrets in self.secrets)
        transports = [secrets.transport for secrets in self.secrets]
        for place, secrets in enumerate(self.secrets):
            context = GroupContext(
                self.chain.chain_id, self.session.address, 0, place, self.session.model_hash(), peers
            )
            self.steps.append(Recovery(self.codec, secrets, context, transports))
            dealing = self.steps[-1].deal(bytes([place]) * 32)
            shared = self.session.share(self.members[place], dealing.root, dealing.points, dealing.sealed)
            seen = events(shared)["Shared"]
            self.dealings[place] = Dealing.from_points(seen["points"], seen["sealed"], seen["root"])

    def receive(self) -> None:
        for place, step in enumerate(self.steps):
            assert step.receive({j: one for j, one in self.dealings.items() if j != place}) == {}

    def pass_window(self) -> None:
        self.chain.wait_until(self.session.deadline() + 1)
        self.session.advance(self.members[0])

    def upload(self) -> dict[int, list[bytes]]:
        words = {}
        for place in range(4):
            masked = self.steps[place].encode(self.weights(place), self.story.published, bytes(32))
            words[place] = masked.chunks
            for chunk, part in enumerate(masked.chunks):
                self.session.upload(self.members[place], chunk, part, [])
        return words

    def weights(self, place: int) -> np.ndarray:
        return (self.story.published + STEP * np.float32(place)).astype(np.float32)

    def openings(self, shares: dict[int, int]) -> list[Opening]:
        return [Opening(self.members[j], share, self.dealings[j].addresses) for j, share in sorted(shares.items())]

    def plain_sum(self, places: Iterable[int]) -> bytes:
        """The sum of what these places' uploads have under their masks."""
        published = self.story.published
        plain = [self.codec.encode_plain(self.weights(place), published, bytes(32)) for place in places]
        return self.codec.sum([one.words for one in plain])


def test_a_session_from_start_to_end(chain: AnyChain) -> None:
    group = Group(chain)
    session, members = group.session, group.members
    group.register()
    assert session.params() == group.story.params
    assert (session.stage(), session.group(0).status) == (Stage.SHARE, GroupStatus.COMMIT)
    group.share()
    assert session.group(0).committed == 0b11111
    with pytest.raises(Reverted, match="sharing is closed"):
        session.share(members[0], bytes(31) + b"\x01", bytes(64 * (2 * N - 1)), bytes(112 * (N - 1)))
    group.receive()
    group.pass_window()
    assert session.stage() is Stage.UPLOAD
    uploads = group.upload()
    group.pass_window()
    view = session.group(0)
    assert (session.stage(), view.status, view.delivered) == (Stage.REVEAL, GroupStatus.REVEAL, 0b01111)

    known: dict[int, int] = {}
    lent: dict[int, dict[int, int]] = {3: {}, 4: {}}
    for place in (0, 1, 2):
        revealed = group.steps[place].reveal(view.delivered)
        known[place], lent[4][place] = revealed.secret, revealed.shares[4]
        session.reveal(members[place], revealed.secret, revealed.addresses, group.openings(revealed.shares))
    receipt = session.rebuild(members[0], members[4], group.dealings[4].addresses, 0b111, list(lent[4].values()))
    known[4] = events(receipt)["Rebuilt"]["secret"]
    assert session.group(0).opened == 0b10111
    chain.wait_until(session.deadline() - WINDOW // 2 + 1)
    for place in (0, 1, 2):
        shares = group.steps[place].reveal_shares(session.group(0).opened & view.delivered)
        lent[3][place] = shares[3]
        session.reveal_shares(members[place], group.openings(shares))
    assert session.group(0).lent == 0b111
    receipt = session.rebuild(members[1], members[3], group.dealings[3].addresses, 0b111, list(lent[3].values()))
    known[3] = events(receipt)["Rebuilt"]["secret"]
    assert (session.stage(), session.group(0).status) == (Stage.AGGREGATE, GroupStatus.DELIVERED)

    keys = [(secrets.key.x, secrets.key.parity) for secrets in group.secrets]
    listed = [
        Disclosure(members[j], *keys[j], known[j], b"" if j == 4 else group.dealings[j].addresses) for j in range(N)
    ]
    seeds = events(session.disclose(members[2], 0, listed))["Disclosed"]
    assert (len(seeds["minus"]), len(seeds["plus"])) == (8, 0)
    assert any(session.group(0).seeds_hash)
    aggregate = b""
    for chunk in range(group.codec.chunks):
        words = [uploads[place][chunk] for place in range(4)]
        receipt = session.unmask(members[0], 0, chunk, words, seeds["minus"], seeds["plus"])
        aggregate += events(receipt)["Aggregated"]["words"]
    assert aggregate == group.plain_sum(range(4))
    assert session.stage() is Stage.SELECT
    session.select(members[0], [])
    logs = session.settle(members[0], 0, members).logs
    bond, share = group.story.params.bond_wei, group.story.params.reward_wei // N
    found = [decoded[1] for log in logs if (decoded := decode_log(log)) is not None and decoded[0] == "Withdrawn"]
    paid = {values["account"]: values["amount_wei"] for values in found}
    assert [paid[member] for member in members[:3]] == [
        bond + share + 2 * bond // 3 + (i < 2 * bond % 3) for i in range(3)
    ]
    assert (paid[members[3]], len(paid)) == (share, 4)


def test_an_objection(chain: AnyChain) -> None:
    group = Group(chain)
    group.register()
    group.share()
    receipt = group.session.object_to(group.members[1], 3)
    assert events(receipt)["Objected"] == {"member": group.members[1], "group": 0, "place": 1, "accused": 3}
    view = group.session.group(0)
    assert (view.status, view.objected, view.dissolved) == (GroupStatus.FAILED, True, False)
    assert view.blamed == 0b01010
