"""What policy `recover` adds to the twin, from docs/PROTOCOL.md sections 5.1 and 6.4: shares, objections, secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from eth_utils import keccak

from tests.contracts.harness import Stage, Status
from tests.contracts.harness import reference as ref
from tests.contracts.harness.keys import CURVE_ORDER, public
from tests.contracts.stateful.twin import Group, Now, Refused, Twin, require
from tests.vectors.reference import sharing
from tests.vectors.reference.sharing import places

Seeds = tuple[list[bytes], list[bytes]]


@dataclass
class SharedGroup(Group):
    """`committed` is S, `delivered` U; the other bitmaps are over places too."""

    objected: int = 0
    """Both sides."""
    uploads: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """By chunk and place."""
    revealed: int = 0
    opened: int = 0
    lent: int = 0
    blamed: int = 0
    secrets: dict[int, int] = field(default_factory=dict)
    """By place: b of U, sk of D."""
    seeds: Seeds | None = None
    words: list[int] = field(default_factory=list)
    """A_r, once the seeds are disclosed."""
    chunks: int = 0
    """Those of them that are unmasked."""

    @property
    def missing(self) -> int:
        """D."""
        return self.committed & ~self.delivered

    @property
    def done(self) -> bool:
        return self.committed != 0 and self.opened == self.committed

    @property
    def blameless(self) -> int:
        return self.did & ~self.objected

    @property
    def did(self) -> int:
        if self.declined or self.failed_at in (Stage.SHARE, Stage.UPLOAD):
            return super().did
        loyal = self.revealed & ~self.blamed
        return loyal & self.lent if self.delivered & ~self.opened else loyal


@dataclass(frozen=True)
class Setting:
    """What keys and hashes are bound to, and whose keys: `secret_of` gives an account's mask key."""

    chain_id: int
    session: str
    model_hash: bytes
    words: int
    chunk_words: int
    secret_of: Callable[[str], int]


def address_of(scalar: int) -> bytes | None:
    """addr(scalar G); None outside 1..n-1."""
    return bytes.fromhex(public(scalar)[2][2:]) if 0 < scalar < CURVE_ORDER else None


def address_at(addresses: bytes, index: int) -> bytes:
    return addresses[20 * index : 20 * index + 20]


class RecoverTwin(Twin):
    """A session with policy `recover`."""

    group_type: ClassVar[type[Group]] = SharedGroup
    round_stage: ClassVar[Stage] = Stage.SHARE
    groups: list[SharedGroup]

    def __init__(self, *args: Any, setting: Setting) -> None:
        super().__init__(*args)
        self.setting = setting
        self.roots: dict[str, bytes] = {}
        """What everybody has committed to in its newest group."""

    # Sharing and objecting.

    def share(self, account: str, root: bytes, points: bytes, sealed: bytes, now: Now) -> None:
        require(self.stage == Stage.SHARE and not self.objecting)
        size = self.params.members
        require(len(points) == 64 * (2 * size - 1) and len(sealed) == 112 * (size - 1) and root != bytes(32))
        group, place = self._uncommitted(account, now)
        group.committed |= 1 << place
        self.roots[account] = root
        self._close_round_if_all_are_in(now)

    def commit(self, *_: Any) -> None:
        raise Refused

    def waits_for(self, account: str) -> bool:
        return not self.objecting and super().waits_for(account)

    def object(self, account: str, place: int, now: Now) -> None:
        require(self.stage == Stage.SHARE and self.objecting and now.time <= self.deadline)
        group, own = self._sharer(account)
        require(self.seats[account][0] >= self.first)
        require(place != own and place < self.params.members and bool(group.committed >> place & 1))
        group.objected, group.failed_at = 1 << own | 1 << place, Stage.SHARE

    def _sharer(self, account: str) -> tuple[SharedGroup, int]:
        """The live group in which somebody has shared, and its place."""
        require(account in self.seats)
        index, place = self.seats[account]
        group = self.groups[index]
        require(not group.failed and bool(group.committed >> place & 1))
        return group, place

    def _close_round(self, now: Now) -> None:
        """Sharing, then objecting."""
        self.objecting = not self.objecting
        if self.objecting:
            self._enter(Stage.SHARE, now, self.params.commit_secs)
        else:
            super()._close_round(now)

    # Uploads: U.

    @property
    def chunk_count(self) -> int:
        return ref.ceil_div(self.setting.words, self.setting.chunk_words)

    def upload(self, account: str, chunk: int, words: bytes, hashes: Sequence[bytes], now: Now) -> None:
        require(self.stage == Stage.UPLOAD and now.time <= self.deadline)
        group, place = self._sharer(account)
        size = self.setting.chunk_words
        require(chunk < self.chunk_count and (chunk, place) not in group.uploads)
        require(chunk == 0 or (chunk - 1, place) in group.uploads)
        require(len(words) == 32 * min(size, self.setting.words - chunk * size) and not hashes)
        group.uploads[chunk, place] = words
        if chunk == self.chunk_count - 1:
            group.delivered |= 1 << place
            self._close_upload_if_all_are_in(now)

    def aggregate(self, *_: Any) -> None:
        raise Refused

    def _open_aggregation(self, now: Now) -> None:
        if self.stage == Stage.UPLOAD and self._live():
            self._enter(Stage.REVEAL, now, self.params.reveal_secs)
        else:
            super()._open_aggregation(now)

    # Secrets.

    def reveal(
        self, account: str, secret: int, addresses: bytes, openings: Sequence[tuple[str, int, bytes]], now: Now
    ) -> None:
        group, place = self._deliverer(account, now)
        require(not self._is_after(2, now) and not group.revealed >> place & 1)
        self._check_addresses(account, addresses)
        require(address_of(secret) == address_at(addresses, 0))
        self._check_openings(group, place, group.missing, False, openings)
        group.revealed |= 1 << place
        group.secrets[place] = secret
        group.opened |= 1 << place
        self._close_reveal_if_all_is_known(now)

    def reveal_shares(self, account: str, openings: Sequence[tuple[str, int, bytes]], now: Now) -> None:
        group, place = self._deliverer(account, now)
        dealers = group.delivered & ~group.opened
        require(self._is_after(2, now) and not self._is_after(4, now))
        require(bool(group.revealed >> place & 1) and not group.lent >> place & 1 and dealers != 0)
        self._check_openings(group, place, dealers, True, openings)
        group.lent |= 1 << place

    def rebuild(self, dealer: str, addresses: bytes, holders: int, shares: Sequence[int], now: Now) -> bool:
        """Whether it is the secret; else the dealer is blamed."""
        group, place = self._in_reveal(dealer, now)
        require(not group.opened >> place & 1)
        delivered = bool(group.delivered >> place & 1)
        require(not delivered or self._is_after(2, now))
        require(holders & ~(group.committed & ~(1 << place)) == 0)
        require(holders.bit_count() == len(shares) == self.params.threshold)
        self._check_addresses(dealer, addresses)
        weights = sharing.lagrange([i + 1 for i in places(holders)])
        secret = sum(w * share for w, share in zip(weights, shares, strict=True)) % CURVE_ORDER
        key = address_of(self.setting.secret_of(dealer))
        if address_of(secret) == (address_at(addresses, 0) if delivered else key):
            group.secrets[place] = secret
            group.opened |= 1 << place
            self._close_reveal_if_all_is_known(now)
            return True
        require(not group.blamed >> place & 1)
        for holder, share in zip(places(holders), shares, strict=True):
            self._check_share(addresses, place, holder, delivered, share)
        group.blamed |= 1 << place
        return False

    def _is_after(self, part: int, now: Now) -> bool:
        """Whether only that part of the window is left: 2 half, 4 a quarter."""
        return now.time > self.deadline - self.params.reveal_secs // part

    def _in_reveal(self, account: str, now: Now) -> tuple[SharedGroup, int]:
        require(self.stage == Stage.REVEAL and now.time <= self.deadline)
        return self._sharer(account)

    def _deliverer(self, account: str, now: Now) -> tuple[SharedGroup, int]:
        group, place = self._in_reveal(account, now)
        require(bool(group.delivered >> place & 1))
        return group, place

    def _check_addresses(self, account: str, addresses: bytes) -> None:
        require(keccak(addresses) == self.roots[account])

    def _check_share(self, addresses: bytes, dealer: int, holder: int, self_mask: bool, share: int) -> None:
        index = sharing.share_index(dealer, holder, self_mask)
        require(address_of(share) == address_at(addresses, index))

    def _check_openings(
        self,
        group: SharedGroup,
        holder: int,
        dealers: int,
        self_mask: bool,
        openings: Sequence[tuple[str, int, bytes]],
    ) -> None:
        require([dealer for dealer, *_ in openings] == [group.members[j] for j in places(dealers)])
        for dealer, (account, share, addresses) in zip(places(dealers), openings, strict=True):
            self._check_addresses(account, addresses)
            self._check_share(addresses, dealer, holder, self_mask, share)

    def _close_reveal_if_all_is_known(self, now: Now) -> None:
        if all(g.done for g in self._live()):
            self._close_reveal(now)

    def _close_reveal(self, now: Now) -> None:
        for group in self._live():
            if not group.done:
                group.failed_at = Stage.REVEAL
        self._open_aggregation(now)

    def advance(self, now: Now) -> None:
        if self.stage == Stage.REVEAL and now.time > self.deadline:
            self._close_reveal(now)
        else:
            super().advance(now)

    # The sum without its masks.

    def disclose(self, index: int, disclosures: Sequence[tuple[str, int, int, int, bytes]], now: Now) -> None:
        group = self._open_group(index, now)
        require(group.seeds is None)
        require([account for account, *_ in disclosures] == [group.members[i] for i in places(group.committed)])
        for place, (account, x, parity, secret, addresses) in zip(places(group.committed), disclosures, strict=True):
            key = public(self.setting.secret_of(account))
            require((x, parity) == key[:2])
            expected = bytes.fromhex(key[2][2:])
            if group.delivered >> place & 1:
                self._check_addresses(account, addresses)
                expected = address_at(addresses, 0)
            else:
                require(addresses == b"")
            require(address_of(secret) == expected)
        group.seeds = self._seeds(index)
        self.lift(index)

    def lift(self, index: int) -> None:
        """Takes the masks off the sum of a group whose seeds are known."""
        group = self.groups[index]
        assert group.seeds is not None
        rows = [
            [word for chunk in range(self.chunk_count) for word in ref.from_bytes(group.uploads[chunk, i])]
            for i in places(group.delivered)
        ]
        group.words = sharing.unmask(ref.add(rows), *group.seeds)

    def unmask(self, index: int, chunk: int, words: bytes, minus: list[bytes], plus: list[bytes], now: Now) -> None:
        group = self._open_group(index, now)
        require(group.seeds == (minus, plus))
        require(chunk == group.chunks < self.chunk_count)
        require(words == b"".join(group.uploads[chunk, i] for i in places(group.delivered)))
        group.chunks += 1
        if group.chunks == self.chunk_count:
            group.aggregated, group.total = True, self.unmasked(group)
            if all(g.aggregated for g in self._live()):
                self._close_aggregation(now)

    def unmasked(self, group: SharedGroup) -> list[int]:
        """The integers of the sum in the chunks that are unmasked."""
        p = self.params
        inside = min(group.chunks * self.setting.chunk_words * ref.lanes(p.lane_bits), p.parameter_count)
        return ref.unpack(group.words, p.lane_bits, p.parameter_count)[:inside] if inside else []

    def scope(self, index: int) -> sharing.Scope:
        """What the seeds of a group are bound to."""
        s = self.setting
        keys = [sharing.codec.public_key(s.secret_of(account)) for account in self.groups[index].members]
        return sharing.Scope(s.chain_id, bytes.fromhex(s.session[2:]), index, s.model_hash, keys, [])

    def _seeds(self, index: int) -> Seeds:
        group = self.groups[index]
        return sharing.disclosed(self.scope(index), group.committed, group.delivered, group.secrets, group.secrets)

    def _open_group(self, index: int, now: Now) -> SharedGroup:
        require(self.stage == Stage.AGGREGATE and now.time <= self.deadline and index < len(self.groups))
        require(not self.groups[index].failed)
        return self.groups[index]

    def status(self, index: int) -> Status:
        if self.stage == Stage.REVEAL and index < len(self.groups):
            group = self.groups[index]
            if not group.failed and not group.done:
                return Status.REVEAL
        return super().status(index)
