"""What a session with policy `recover` has beside the others, held against everything before it. `verify` drives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omnilytics import codec
from omnilytics.codec import Scope, disclosed_seeds, public_address, share_address
from omnilytics.protocol.replay import Replay
from omnilytics.protocol.sharing import Sharing, places_of
from omnilytics.types import Address, Stage


@dataclass(slots=True)
class RecoveryReplay(Replay):
    """The session's state: besides that of any session, what its groups have shared, revealed and rebuilt.

    Attributes:
        sharing: by group.
        revealed: by group, who has revealed its self mask, bitmap over places.
        lent: by group, who has revealed its shares of other self masks.
        blamed: by group, whose shares give another secret than its own.
        owed: by member that reveals shares, (group, place), the dealers whose shares it has to reveal.
        keys: mask keys, (x, parity).
    """

    sharing: dict[int, Sharing] = field(default_factory=dict)
    revealed: dict[int, int] = field(default_factory=dict)
    lent: dict[int, int] = field(default_factory=dict)
    blamed: dict[int, int] = field(default_factory=dict)
    owed: dict[tuple[int, int], int] = field(default_factory=dict)
    keys: dict[Address, tuple[int, int]] = field(default_factory=dict)
    objecting: bool = False
    fixed: bool = False
    over: bool = False

    @property
    def stage(self) -> Stage:
        if self.fixed:
            return Stage.REVEAL
        return Stage.UPLOAD if self.barrier else Stage.SHARE

    def did(self, group: int) -> int:
        if not self.fixed:
            return self.delivered(group) if self.barrier else self.committed(group)
        loyal = self.revealed.get(group, 0) & ~self.blamed.get(group, 0)
        stayed_away = self.delivered(group) & ~self._open(group)
        return loyal & self.lent.get(group, 0) if stayed_away else loyal

    def is_lost(self, group: int) -> bool:
        return not self._is_open(group) if self.fixed else Replay.is_lost(self, group)

    def on_registered(self, v: dict[str, Any]) -> None:
        Replay.on_registered(self, v)
        self.taken["transport keys"] += 1
        self.keys[v["member"]] = v["x"], v["parity"]

    def on_declined(self, v: dict[str, Any]) -> None:
        self.expect("nobody declines when sharing is closed", self.objecting, False)
        Replay.on_declined(self, v)

    def on_shared(self, v: dict[str, Any]) -> None:
        self.expect("shares while sharing is open", self.barrier or self.objecting, False)
        seat = (v["group"], v["place"])
        self.expect("seats of those who share", self.seats.seat_of(v["member"]), seat)
        self.expect("one sharing a seat", seat in self.roots, False)
        self.expect("sharing in live groups", v["group"] in self.fates.failed, False)
        self.expect("sharing in groups of the round", v["group"] >= self._first_of_round, True)
        self.roots[seat] = v["root"]
        self._sharing(v["group"]).add("Shared", v)
        self.expect("points of the group's size", len(v["points"]), 64 * (2 * self.terms.members - 1))
        self.expect("sealed shares of the group's size", len(v["sealed"]), 112 * (self.terms.members - 1))
        self.taken["sealed shares"] += 1
        if self._gives_root(*seat):
            self.checks["points that give their root"] += 1
        else:
            self.taken["points that don't give their root, and secrets of those who dealt them"] += 1

    def on_sharingclosed(self, v: dict[str, Any]) -> None:
        self.expect("sharing closed once a round", self.barrier or self.objecting, False)
        self.objecting = True

    def on_objected(self, v: dict[str, Any]) -> None:
        self.expect("objections when sharing is closed", self.objecting and not self.barrier, True)
        group, place, accused = v["group"], v["place"], v["accused"]
        self.expect("seats of those who object", self.seats.seat_of(v["member"]), (group, place))
        self.expect("objections in live groups", group in self.fates.failed, False)
        self.expect("objections in groups of the round", group >= self._first_of_round, True)
        sharers, both = self.committed(group), 1 << place | 1 << accused
        self.expect("two who have shared", (both.bit_count(), both & ~sharers), (2, 0))
        self.fates.objected[group] = sharers
        self.stayed[group] = sharers ^ both

    def on_roundclosed(self, v: dict[str, Any]) -> None:
        self.expect("sharing closed before a round ends", self.objecting, True)
        Replay.on_roundclosed(self, v)

    def on_redrawn(self, v: dict[str, Any]) -> None:
        Replay.on_redrawn(self, v)
        self.objecting = False

    def on_barrierpassed(self, v: dict[str, Any]) -> None:
        self.expect("sharing closed before a round ends", self.objecting, True)
        Replay.on_barrierpassed(self, v)

    def on_uploaded(self, v: dict[str, Any]) -> None:
        self.expect("no upload when it is fixed who delivered", self.fixed, False)
        Replay.on_uploaded(self, v)

    def check_upload(self, member: Address, seat: tuple[int, int]) -> None:
        self.expect("uploads of those who have shared", seat in self.roots, True)

    def on_uploadclosed(self, v: dict[str, Any]) -> None:
        Replay.on_uploadclosed(self, v)
        self.fixed = True
        for group in self._delivered_groups():
            self.fates.delivered[group] = self.delivered(group)

    def on_revealed(self, v: dict[str, Any]) -> None:
        group, place = v["group"], v["place"]
        self._check_deliverer(v)
        self.expect("self masks revealed once", self.revealed.get(group, 0) >> place & 1, 0)
        self._check_secret("revealed self masks", group, place, v["secret"])
        self.revealed[group] = self.revealed.get(group, 0) | 1 << place
        self.owed[group, place] = self.committed(group) & ~self.delivered(group)

    def on_sharerevealed(self, v: dict[str, Any]) -> None:
        group, place, dealer = v["group"], v["place"], v["dealer"]
        self._check_deliverer(v)
        self.expect("shares of those who have revealed", self.revealed.get(group, 0) >> place & 1, 1)
        delivered = self.delivered(group) >> dealer & 1
        if delivered and not self.owed[group, place]:
            self.owed[group, place] = self.delivered(group) & ~self._open(group)
            self.expect("self masks' shares revealed once", self.lent.get(group, 0) >> place & 1, 0)
            self.lent[group] = self.lent.get(group, 0) | 1 << place
        self.expect("each share once, in order", places_of(self.owed[group, place])[:1], [dealer])
        self.owed[group, place] ^= 1 << dealer
        if self._gives_root(group, dealer):
            expected = share_address(self._sharing(group).addresses(dealer), dealer, place, bool(delivered))
            self.expect("revealed shares", public_address(v["share"]), expected)
        self._sharing(group).add("ShareRevealed", v)

    def on_rebuilt(self, v: dict[str, Any]) -> None:
        group, place = v["group"], v["place"]
        self._check_known(group, place)
        self._check_secret("rebuilt secrets", group, place, v["secret"])
        shares = self._sharing(group).shares.get(place, {})
        chosen = self._sharing(group).holders(place, self.terms.threshold, public_address(v["secret"]))
        if chosen is None:
            self.taken["secrets rebuilt from shares that nobody has revealed"] += 1
            return
        some = {holder: shares[holder] for holder in places_of(chosen[0])}
        self.expect("secrets equal to what T shares give", codec.rebuild(some, self.terms.threshold), v["secret"])

    def on_dealerblamed(self, v: dict[str, Any]) -> None:
        group, place, holders = v["group"], v["place"], places_of(v["holders"])
        self._check_known(group, place)
        self.expect("dealers blamed once", self.blamed.get(group, 0) >> place & 1, 0)
        self.expect("holders of bad shares", (len(holders), place in holders), (self.terms.threshold, False))
        self.blamed[group] = self.blamed.get(group, 0) | 1 << place
        shares = self._sharing(group).shares.get(place, {})
        if not set(holders) <= set(shares):
            self.taken["dealers blamed for shares that nobody has revealed"] += 1
            return
        given = codec.rebuild({holder: shares[holder] for holder in holders}, self.terms.threshold)
        own = self._secret_address(group, place)
        self.expect("bad shares", given == 0 or public_address(given) != own, True)

    def on_revealclosed(self, v: dict[str, Any]) -> None:
        self._close_reveal()
        self.expect("open groups", v["open_groups"], sum(1 << g for g in self._delivered_groups()))

    def on_disclosed(self, v: dict[str, Any]) -> None:
        group = v["group"]
        self.expect("seeds of open groups", self.over and group in self._delivered_groups(), True)
        sharing = self._sharing(group)
        self.expect("seeds disclosed once", (sharing.minus, sharing.plus), ([], []))
        members = self.seats.groups[group]
        scope = Scope(
            chain_id=self.record.chain_id,
            session=self.record.address,
            group=group,
            model_hash=codec.model_hash(self.terms, codec.published_hash(self.published)),
            peers=tuple(self.keys[member] for member in members),
            sharers=self.committed(group),
            delivered=self.delivered(group),
        )
        seeds = disclosed_seeds(scope, sharing.secrets)
        self.expect("seeds of masks", (v["minus"], v["plus"]), seeds)
        sharing.add("Disclosed", v)

    def sum_of(self, group: int) -> bytes:
        sharing = self._sharing(group)
        self.expect("sums of disclosed groups", bool(sharing.minus), True)
        return self.codec.unmask(Replay.sum_of(self, group), sharing.minus, sharing.plus)

    @property
    def _first_of_round(self) -> int:
        """The first group that shares in this round."""
        return self.seats.first if len(self.seats.groups) > self.seats.first else 0

    def _close_reveal(self) -> None:
        """No secret after this: who did its part is fixed, and everybody has revealed what it owed."""
        self.over = True
        self.expect("shares that members owed", [seat for seat, owed in self.owed.items() if owed], [])
        for group in self._delivered_groups():
            self.expect("groups that stay without all secrets", self._is_open(group), True)
            self.fates.loyal[group] = self.did(group)

    def _check_deliverer(self, v: dict[str, Any]) -> None:
        """Who reveals is a member of a live group that has delivered."""
        group, place = v["group"], v["place"]
        self.expect("secrets when it is fixed who delivered", self.fixed and not self.over, True)
        self.expect("secrets in live groups", group in self._delivered_groups(), True)
        self.expect("seats of those who reveal", self.seats.groups[group][place], v["member"])
        self.expect("secrets of those who delivered", self.delivered(group) >> place & 1, 1)

    def _check_known(self, group: int, place: int) -> None:
        """Somebody's secret is about to be rebuilt: it has shared, and it isn't known."""
        self.expect("secrets when it is fixed who delivered", self.fixed and not self.over, True)
        self.expect("secrets in live groups", group in self._delivered_groups(), True)
        self.expect("secrets that are shared and not known", self._open(group) >> place & 1, 0)
        self.expect("secrets of those who have shared", self.committed(group) >> place & 1, 1)

    def _check_secret(self, what: str, group: int, place: int, secret: int) -> None:
        """A secret is the one behind its owner's public key, as far as the logs say that."""
        if self._gives_root(group, place) or not self.delivered(group) >> place & 1:
            self.expect(what, public_address(secret), self._secret_address(group, place))
        self._sharing(group).add("Rebuilt", {"place": place, "secret": secret})

    def _secret_address(self, group: int, place: int) -> Address:
        """Of the secret that is opened: the self mask of who has delivered, the mask key of who hasn't."""
        if self.delivered(group) >> place & 1:
            return self._sharing(group).self_mask(place)
        return Address(self.registered[self.seats.groups[group][place]])

    def _gives_root(self, group: int, place: int) -> bool:
        return codec.keccak256(self._sharing(group).addresses(place)) == self.roots[group, place]

    def _open(self, group: int) -> int:
        """Whose secret is known, bitmap over places."""
        return sum(1 << place for place in self._sharing(group).secrets)

    def _is_open(self, group: int) -> bool:
        return self._open(group) == self.committed(group)

    def _sharing(self, group: int) -> Sharing:
        return self.sharing.setdefault(group, Sharing())
