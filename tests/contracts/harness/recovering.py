"""Drives sessions with policy `recover`: shares, objections, secrets, masks that are lifted.

Everybody is honest; a test replaces a dealing, or leaves a step of somebody out. What rebuilds and lifts masks takes it
from the events, as anybody would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

from eth_utils import keccak

from . import reference as ref
from .contract import Receipt
from .dealing import Dealing, Scope, coefficients, deal, lifted, mask, places, seeds, shares
from .keys import Keys, public
from .session import SessionDriver, Stage, Status


class Opening(NamedTuple):
    """The struct of the same name in ISessionRecovery.vyi."""

    dealer: str
    share: int
    addresses: bytes


class Disclosure(NamedTuple):
    """The struct of the same name in ISessionRecovery.vyi."""

    account: str
    x: int
    parity: int
    secret: int
    addresses: bytes


class RecoverDriver(SessionDriver):
    """A session with policy `recover`; see `SessionDriver`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.objecting = False
        """Whether sharing is closed, in stage Share."""
        self.dealings: dict[tuple[int, str], Dealing] = {}
        """By group and account; honest ones are made when they are asked for."""
        self.uploads: dict[tuple[int, int, int], bytes] = {}
        """By group, chunk and place."""
        self.known: dict[tuple[int, int, int], int] = {}
        """Shares in `ShareRevealed`, by group, dealer and holder."""
        self.secrets: dict[tuple[int, int], int] = {}
        """Secrets in `Revealed` and `Rebuilt`, by group and place."""
        self.seeds: dict[int, tuple[list[bytes], list[bytes]]] = {}
        """Those in `Disclosed`, by group."""
        self.groups: dict[int, list[str]] = {}
        """Members in order of place, of groups that were asked for."""

    def __copy__(self) -> Self:
        twin = super().__copy__()
        for name in ("dealings", "uploads", "known", "secrets", "seeds", "groups"):
            setattr(twin, name, dict(getattr(self, name)))
        return twin

    # What a member does by itself.

    def keys(self, account: str) -> Keys:
        return super().keys(account)._replace(transport=keccak(text=f"transport key of {account}"))

    def self_secret(self, account: str) -> int:
        """b."""
        return int.from_bytes(keccak(text=f"self mask of {account} in {self.contract.address}"), "big") >> 1

    def seat(self, account: str) -> tuple[int, int]:
        """Its newest group and place."""
        seat = self.contract.member(account)
        return seat.group, seat.place

    def members_of(self, group: int) -> list[str]:
        if group not in self.groups:
            found = super().members_of(group)
            if len(found) < self.params.members:
                return found
            self.groups[group] = found
        return self.groups[group]

    def polynomials(self, account: str) -> tuple[list[int], list[int]]:
        """f and g, new ones in each group."""
        label, threshold = f"{account} {self.seat(account)[0]}", self.params.threshold
        return (
            coefficients(self.secret(account), threshold, f"f {label}"),
            coefficients(self.self_secret(account), threshold, f"g {label}"),
        )

    def dealing(self, account: str) -> Dealing:
        """What the member shares in its newest group."""
        group, place = self.seat(account)
        if (group, account) not in self.dealings:
            dealt = shares(*self.polynomials(account), place, self.params.members)
            self.dealings[group, account] = deal(self.self_secret(account), dealt)
        return self.dealings[group, account]

    def scope(self, group: int) -> Scope:
        """Of a group whose S is fixed."""
        keys = tuple(public(self.secret(a))[:2] for a in self.members_of(group))
        session, model_hash = self.contract.address, self.contract.model_hash()
        return Scope(self.chain.id, session, group, model_hash, keys, self.contract.group(group).committed)

    def words(self, account: str) -> list[int]:
        """`payloads[account]`, else its vector under its mask (E35)."""
        if account in self.payloads:
            return self.payloads[account]
        group, place = self.seat(account)
        secrets = {i: self.secret(a) for i, a in enumerate(self.members_of(group))}
        own = mask(self.scope(group), place, secrets, self.self_secret(account), self.word_count)
        return ref.add([ref.pack(self.vector(account), self.params.lane_bits), own])

    def openings(self, account: str, dealers: int, self_mask: bool) -> list[Opening]:
        """The member's shares of those dealers, a bitmap over the places of its group."""
        group, place = self.seat(account)
        members = self.members_of(group)
        dealt = [(members[j], self.dealing(members[j])) for j in places(dealers)]
        return [Opening(dealer, dealing.shares[place][self_mask], dealing.addresses) for dealer, dealing in dealt]

    # One honest step.

    def _send(self, call: str, *args: Any, sender: str, value: int = 0) -> Receipt:
        receipt = super()._send(call, *args, sender=sender, value=value)
        for event in receipt.events:
            self._follow(type(event).__name__, event)
        return receipt

    def _follow(self, name: str, event: Any) -> None:
        """Keeps what an event makes known."""
        if name == "SharingClosed":
            self.objecting = True
        elif name in ("RoundClosed", "BarrierPassed"):
            self.objecting = False
        elif name == "ShareRevealed":
            self.known[event.group, event.dealer, self.seat(event.member)[1]] = event.share
        elif name in ("Revealed", "Rebuilt"):
            self.secrets[event.group, event.place] = event.secret
        elif name == "Disclosed":
            self.seeds[event.group] = (event.minus, event.plus)

    def share(self, account: str) -> Receipt:
        dealing = self.dealing(account)
        return self._send("share", dealing.root, dealing.points, dealing.sealed, sender=account)

    def object_to(self, account: str, accused: str) -> Receipt:
        return self._send("object", self.seat(accused)[1], sender=account)

    def upload(self, account: str, chunk: int) -> Receipt:
        data, (group, place) = self.chunk(self.words(account), chunk), self.seat(account)
        receipt = self._send("upload", chunk, data, [], sender=account)
        self.uploads[group, chunk, place] = data
        return receipt

    def reveal(self, account: str) -> Receipt:
        view = self.contract.group(self.seat(account)[0])
        openings = self.openings(account, view.committed ^ view.delivered, False)
        addresses = self.dealing(account).addresses
        return self._send("reveal", self.self_secret(account), addresses, openings, sender=account)

    def pass_half_of_reveal(self) -> None:
        """The next transaction is in the second half of the window of stage Reveal."""
        late = self.contract.deadline() - self.params.reveal_secs // 2 + 1
        if self.chain.time + 1 < late:
            self.chain.next_at(late)

    def reveal_shares(self, account: str) -> Receipt:
        view = self.contract.group(self.seat(account)[0])
        missing = view.delivered & ~view.opened
        return self._send("reveal_shares", self.openings(account, missing, True), sender=account)

    def rebuild(self, dealer: str, holders: int | None = None) -> Receipt:
        """From shares in events: those of the first T holders, or of the holders in that bitmap."""
        group, place = self.seat(dealer)
        public_of = sorted(holder for g, d, holder in self.known if (g, d) == (group, place))
        chosen = public_of[: self.params.threshold] if holders is None else places(holders)
        given = [self.known[group, place, holder] for holder in chosen]
        bitmap = sum(1 << holder for holder in chosen)
        return self._send("rebuild", dealer, self.dealing(dealer).addresses, bitmap, given, sender=self.caller)

    def disclosures(self, group: int) -> list[Disclosure]:
        """What `disclose` takes, of the secrets in events."""
        members, view = self.members_of(group), self.contract.group(group)
        return [
            Disclosure(
                members[i],
                *public(self.secret(members[i]))[:2],
                self.secrets[group, i],
                self.dealing(members[i]).addresses if view.delivered >> i & 1 else b"",
            )
            for i in places(view.committed)
        ]

    def disclose(self, group: int) -> Receipt:
        return self._send("disclose", group, self.disclosures(group), sender=self.caller)

    def words_of(self, group: int, chunk: int) -> bytes:
        """What `unmask` takes: the uploads of U of that chunk, joined in order of place."""
        return b"".join(self.uploads[group, chunk, i] for i in places(self.contract.group(group).delivered))

    def unmask(self, group: int, chunk: int) -> Receipt:
        minus, plus = self.seeds[group]
        return self._send("unmask", group, chunk, self.words_of(group, chunk), minus, plus, sender=self.caller)

    # What comes out.

    def expected_seeds(self, group: int) -> tuple[list[bytes], list[bytes]]:
        """What `disclose` derives, from the members' secrets."""
        members = dict(enumerate(self.members_of(group)))
        secrets = {i: self.secret(a) for i, a in members.items()}
        selves = {i: self.self_secret(a) for i, a in members.items()}
        return seeds(self.scope(group), self.contract.group(group).delivered, secrets, selves)

    def sum_of(self, group: int) -> list[int]:
        """The words that a group's uploads add up to when their masks are lifted (E36)."""
        delivered = places(self.contract.group(group).delivered)
        rows = [
            [word for c in range(self.chunk_count) for word in ref.from_bytes(self.uploads[group, c, i])]
            for i in delivered
        ]
        return lifted(ref.add(rows), *self.expected_seeds(group))

    def plain_sum(self, group: int) -> list[int]:
        """The integers that those add up to who have delivered, from their vectors."""
        members = self.members_of(group)
        inside = [self.vector(members[i]) for i in places(self.contract.group(group).delivered)]
        return [sum(column) for column in zip(*inside, strict=True)]

    # Whole stages.

    def steps(self) -> dict[Stage, Callable[[], object]]:
        return super().steps() | {Stage.SHARE: self.finish_share, Stage.REVEAL: self.finish_reveal}

    def share_all(self, accounts: Sequence[str] | None = None) -> None:
        """Everybody shares who hasn't and may, or those accounts."""
        if accounts is None:
            live = self.live_groups(Status.COMMIT)
            seats = sorted((seat, a) for a, seat in self.seats().items() if seat[0] in live)
            accounts = [a for _, a in seats if not self.contract.member(a).committed]
        for account in accounts:
            self.share(account)

    def finish_share(self) -> None:
        """Sharing, if it isn't closed, then objecting; a second draw is `to`'s next step."""
        if not self.objecting:
            self.share_all()
        if not self.objecting:
            self.pass_deadline()
        self.pass_deadline()

    def upload_but(self, *missing: str) -> Self:
        """To stage Reveal, or what follows it: everybody delivers who has shared but those."""
        self.to(Stage.UPLOAD)
        self.finish_upload(missing)
        if self.stage() == Stage.UPLOAD:
            self.pass_deadline()
        return self

    def finish_upload(self, missing: Sequence[str] = ()) -> None:
        for account in self.seated():
            group, place = self.seat(account)
            view = self.contract.group(group)
            awaited = view.status == Status.UPLOAD and (view.committed & ~view.delivered) >> place & 1
            if awaited and account not in missing:
                self.upload_rest(account)

    def upload_rest(self, account: str) -> None:
        """The chunks that the member hasn't delivered."""
        for chunk in range(self.contract.member(account).chunks_delivered, self.chunk_count):
            self.upload(account, chunk)

    def finish_reveal(self) -> None:
        """All of U reveal who haven't, then the mask keys of D are rebuilt."""
        for group in self.live_groups(Status.REVEAL):
            members, view = self.members_of(group), self.contract.group(group)
            for i in places(view.delivered & ~view.revealed):
                self.reveal(members[i])
            for i in places(view.committed & ~view.delivered & ~view.opened):
                self.rebuild(members[i])

    def finish_aggregate(self) -> None:
        for group in self.live_groups(Status.DELIVERED):
            view = self.contract.group(group)
            if view.seeds_hash == bytes(32):
                self.disclose(group)
            for chunk in range(view.chunks_aggregated, self.chunk_count):
                self.unmask(group, chunk)
