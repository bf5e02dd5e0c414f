"""Steps of members with policy `recover`, one at a time, to a session and its twin."""

from __future__ import annotations

import itertools
from typing import Any

from tests.contracts.harness import Receipt
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import Scope, mask, places
from tests.contracts.harness.keys import public
from tests.contracts.harness.recovering import Disclosure, Opening
from tests.contracts.stateful import cheats
from tests.contracts.stateful.attackers import Attacked
from tests.contracts.stateful.cheats import RIGHT, Mates, Rebuild, Reveal, Unmask
from tests.contracts.stateful.dealings import NOTHING, Deal, Dealt, dealt
from tests.contracts.stateful.recovery import RecoverTwin, SharedGroup
from tests.contracts.stateful.watch import Watcher


class Steps(Attacked):
    """What one member does, or anybody for a group. Everything may be tried at any time, by anybody."""

    real: Any
    twin: Any
    watcher: Watcher

    def __init__(self) -> None:
        super().__init__()
        self.dealt: dict[tuple[int, str], Dealt] = {}
        """By group and account."""
        self.plain: dict[tuple[int, int], list[int]] = {}
        """What uploads hold under their masks, by group and place: words."""
        self.sent: list[tuple[str, tuple[Any, ...]]] = []
        """Calls that made secrets known, for who wants to repeat them."""

    @property
    def recovers(self) -> bool:
        """Whether there is a session with policy `recover`."""
        return isinstance(getattr(self, "twin", None), RecoverTwin)

    def does(self, call: str, account: str, *args: Any, words: int = 0) -> bool:
        """A call of a member's own, to both."""
        expected = getattr(self.twin, call)
        done = self.both(
            call,
            account,
            lambda now: expected(account, *args, now),
            lambda: self.send(call, *args, sender=account),
            words=words,
        )
        if done and call in ("reveal", "reveal_shares"):
            self.sent.append((call, args))
        return done

    def anybody_does(self, call: str, by: int, group: int, *args: Any, words: int = 0) -> bool:
        """A call that anybody may make, to both."""
        caller, expected = self.as_caller(by, call, group), getattr(self.twin, call)
        return self.both(
            call,
            caller,
            lambda now: expected(*args, now),
            lambda: self.send(call, *args, sender=caller),
            words=words,
            group=group,
        )

    # Who is where, and has what.

    def seat(self, account: str) -> tuple[int, int]:
        """Its newest group and place; the first ones, of who has none."""
        found: tuple[int, int] = self.twin.seats.get(account, (0, 0))
        return found

    def group_at(self, index: int) -> SharedGroup:
        """A group, or where there is none, one of strangers who have done nothing."""
        if index < len(self.twin.groups):
            found: SharedGroup = self.twin.groups[index]
            return found
        return SharedGroup([self.real.stranger] * self.real.params.members)

    def group_of(self, account: str) -> SharedGroup:
        return self.group_at(self.seat(account)[0])

    def dealing(self, account: str) -> Dealt:
        """What somebody has shared in its newest group."""
        return self.dealt.get((self.seat(account)[0], account), NOTHING)

    def openings(self, account: str, dealers: int, self_mask: bool) -> list[Opening]:
        """What somebody has of the shares of others of its group."""
        _, place = self.seat(account)
        members = self.group_of(account).members
        dealings = [(members[j], self.dealing(members[j])) for j in places(dealers)]
        return [Opening(a, d.shares.get(place, (1, 1))[self_mask], d.addresses) for a, d in dealings]

    def mates(self, account: str, other: int) -> Mates:
        """What somebody could use of itself and of another one of its group."""
        members, (_, place) = self.group_of(account).members, self.seat(account)
        at = (place + 1 + other % (len(members) - 1)) % len(members)
        theirs = self.dealing(members[at])
        shares = [self.openings(account, 1 << at, self_mask)[0] for self_mask in (False, True)]
        return Mates(self.real.secret(account), theirs.secret, theirs.addresses, shares, at)

    # Sharing and uploading.

    def share_one(self, account: str, how: Deal = Deal.RIGHT) -> None:
        group, place = self.seat(account)
        seen = {a: self.dealt[group, a] for a in self.group_of(account).members if (group, a) in self.dealt}
        made = dealt(self.real, account, group, place, how, seen)
        if self.does("share", account, made.root, made.points, made.sealed):
            self.dealt[group, account] = made

    def words_of(self, account: str) -> list[int]:
        """What somebody uploads; zeros of who knows nobody's keys."""
        if account not in self.twin.seats or not self.group_of(account).committed:
            return [0] * self.real.word_count
        words: list[int] = self.real.words(account)
        return words

    def upload_one(self, account: str, chunks: int) -> None:
        """The chunks that somebody hasn't uploaded, up to that one; who has all tries the first again."""
        group, (index, place) = self.group_of(account), self.seat(account)
        done = sum(i == place for _, i in group.uploads)
        words = self.words_of(account)
        for chunk in range(done % self.real.chunk_count, chunks):
            data = self.real.chunk(words, chunk)
            if self.does("upload", account, chunk, data, [], words=len(data) // 32):
                self.plain[index, place] = self.lifted(account, words)

    def lifted(self, account: str, words: list[int]) -> list[int]:
        """What is under the mask: of who deals and uploads as it should, its vector."""
        own = self.dealing(account)
        if account not in self.real.payloads and own.own:
            return ref.pack(self.real.vector(account), self.real.params.lane_bits)
        (index, place), group, s = self.seat(account), self.group_of(account), self.twin.setting
        secrets = {i: self.real.secret(a) for i, a in enumerate(group.members)}
        keys = tuple(public(secret)[:2] for secret in secrets.values())
        scope = Scope(s.chain_id, s.session, index, s.model_hash, keys, group.committed)
        taken = mask(scope, place, secrets, own.secret, self.real.word_count)
        return [(w - m) % ref.WORD for w, m in zip(words, taken, strict=True)]

    # Secrets.

    def reveal_one(self, account: str, how: str = RIGHT, other: int = 0) -> None:
        """Who has copied a dealing reveals its secret once that is public."""
        own = self.dealing(account)
        secret = own.secret if own.own or own.secret in self.watcher.known else self.real.self_secret(account)
        honest = Reveal(secret, own.addresses, self.openings(account, self.group_of(account).missing, False))
        self.does("reveal", account, *cheats.REVEALS[how](honest, self.mates(account, other)))

    def lend_one(self, account: str, how: str = RIGHT, other: int = 0) -> None:
        """`reveal_shares`."""
        group = self.group_of(account)
        honest = self.openings(account, group.delivered & ~group.opened, True)
        self.does("reveal_shares", account, cheats.LOANS[how](honest, self.mates(account, other)))

    def rebuild_one(
        self, dealer: str, pick: int = 0, how: str = RIGHT, by: int = 0, swapped: bool = False, public: bool = False
    ) -> None:
        """`pick`: which T of the others who have shared lend theirs, or (`public`) of those who have made them known.

        `swapped`: they lend those of the dealer's other secret.
        """
        group, (index, place) = self.group_of(dealer), self.seat(dealer)
        holders = places(group.committed & ~(1 << place))
        if public:
            holders = sorted(self.watcher.shares.get((index, place), []))
        sets = list(itertools.combinations(holders, self.real.params.threshold)) or [tuple(holders)]
        chosen = sets[pick % len(sets)]
        self_mask = bool(group.delivered >> place & 1) != swapped
        given = [self.openings(group.members[i], 1 << place, self_mask)[0].share for i in chosen]
        honest = Rebuild(dealer, self.dealing(dealer).addresses, sum(1 << i for i in chosen), given)
        theirs = self.mates(dealer, pick)._replace(place=place)
        self.anybody_does("rebuild", by, index, *cheats.REBUILDS[how](honest, theirs))

    # The sums.

    def disclose_one(self, index: int, by: int = 0, how: str = RIGHT) -> None:
        group = self.group_at(index)
        honest = [
            Disclosure(
                group.members[i],
                *public(self.real.secret(group.members[i]))[:2],
                group.secrets.get(i, 1),
                self.dealt[index, group.members[i]].addresses if group.delivered >> i & 1 else b"",
            )
            for i in places(group.committed)
        ]
        first = honest[0].account if honest else group.members[0]
        bent = cheats.DISCLOSURES[how](honest, self.mates(first, 0))
        if self.anybody_does("disclose", by, index, index, bent):
            self.disclosed(index)

    def disclosed(self, index: int) -> None:
        """What holds of a group whose seeds are known."""
        group = self.group_at(index)
        inside = [self.plain[index, i] for i in places(group.delivered)]
        assert group.words == ref.add(inside), "the plain sum, whoever is gone"

    def unmask_one(self, index: int, by: int = 0, how: str = RIGHT, ahead: int = 0) -> None:
        """`ahead`: how many chunks are left out."""
        group = self.group_at(index)
        chunk = group.chunks + ahead
        of = min(chunk, self.real.chunk_count - 1)
        rows = [group.uploads[of, i] for i in places(group.delivered)]
        bent = cheats.UNMASKS[how](Unmask(b"".join(rows), *(group.seeds or ([], []))))
        self.anybody_does("unmask", by, index, index, chunk, *bent, words=len(bent.words) // 32)

    def gram(self) -> Receipt:
        """The sums are those that came out."""
        if not self.recovers:
            return super().gram()
        words = b"".join(ref.to_bytes(group.words) for group in self.twin.groups if group.aggregated)
        receipt = self.send("gram", 0, words, self.real.products, sender=self.real.caller)
        self.real.products = list(receipt.only("GramAdded").products)
        return receipt
