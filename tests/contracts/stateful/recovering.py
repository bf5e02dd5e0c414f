"""Histories with policy `recover`: members share, object, upload in part, reveal, stand in for each other, or cheat."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.contracts.harness import Reverted, Stage
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import places
from tests.contracts.stateful import cheats
from tests.contracts.stateful.cheats import RIGHT
from tests.contracts.stateful.dealings import Deal
from tests.contracts.stateful.machine import ACCOUNTS, CALLERS, FEES, KRUM, PLACES, RECORDS, SHUFFLED, VOTE, Kind
from tests.contracts.stateful.secrecy import Secrecy
from tests.contracts.stateful.watch import Watcher

TERMS = [FEES, SHUFFLED | RECORDS, FEES | RECORDS, FEES | SHUFFLED | RECORDS, FEES | VOTE, SHUFFLED | RECORDS | VOTE]
PARAMETERS = {1: 6, 2: 340}
"""Of a vector of so many chunks."""
BEGINNINGS = [Stage.REGISTER, Stage.SHARE, Stage.UPLOAD, Stage.REVEAL, Stage.REVEAL, Stage.AGGREGATE]
REVEAL_SECS = 86_403
"""Half of it and a quarter of it are rounded."""

FEW = st.sets(st.integers(0, 11), max_size=2)
GROUPS = st.integers(0, 3)
OTHERS = st.integers(0, 4)
PICKS = st.integers(0, 9)
with_recover = precondition(lambda machine: machine.recovers)


def ways(table: Mapping[str, Any]) -> st.SearchStrategy[str]:
    """Every second time as it should be."""
    return st.one_of(st.just(RIGHT), st.sampled_from(list(table)))


class Recovering(Secrecy):
    """Everybody, with either policy."""

    # The beginning.

    @initialize(
        policy=st.sampled_from([1, 1, 1, 1, 0]),
        members=st.integers(3, 5),
        more=st.integers(0, 11),
        rounds=st.sampled_from([1, 2, 2, 3, 4]),
        terms=st.sampled_from(TERMS),
        chunks=st.integers(1, 2),
        spare=st.integers(0, 1),
        decoy=st.booleans(),
        price=st.sampled_from([7, 0, 50]),
        begin=st.sampled_from(BEGINNINGS),
        gone=FEW,
        cheats=FEW,
        how=st.sampled_from(Deal),
    )
    def create(
        self, policy: int = 1, members: int = 3, more: int = 0, rounds: int = 2, terms: Mapping[str, int] = FEES,
        chunks: int = 1, spare: int = 0, decoy: bool = False, price: int = 7, begin: Stage = Stage.SHARE,
        gone: frozenset[int] = frozenset(), cheats: frozenset[int] = frozenset(), how: Deal = Deal.RIGHT,
    ) -> None:  # fmt: skip
        """T is 2 and some `more`. `cheats` deal as `how` says, `gone` don't upload. Four rounds are those of `krum`."""
        if rounds == 4:
            members, chunks, terms = 3, 1, {**terms, **KRUM}
        params = {"parameter_count": 6, "members": members, "rounds": rounds, "reward_wei": 60_003, **terms}
        if policy:
            params |= {"policy": 1, "threshold": 2 + more % (members - 1), "reveal_secs": REVEAL_SECS}
            params["parameter_count"] = PARAMETERS[chunks]
        super().create(kind=Kind(rounds * members + spare, params, decoy=decoy), price=price, begin=Stage.SETUP)
        self.watcher = Watcher(self.real.params.threshold)
        self._bring_to(begin)
        while self.recovers and Stage.REGISTER < self.twin.stage < begin:
            self._bring_on(set(gone), set(cheats), how)

    def _bring_on(self, gone: set[int], cheats: set[int], how: Deal) -> None:
        """To the next stage."""
        stage = self.twin.stage
        if stage == Stage.SHARE and not self.twin.objecting:
            self.share(set(), cheats, how)
        elif stage == Stage.UPLOAD:
            self.upload(gone)
        elif stage == Stage.REVEAL:
            self.reveal(set())
            self.rebuild_all()
        if stage == Stage.DRAW:
            self.go_on(set())
        elif self.twin.stage == stage:
            self.its_time_is_over()

    # Members.

    @with_recover
    @rule(missing=FEW, cheats=FEW, how=st.sampled_from(Deal))
    def share(self, missing: set[int], cheats: set[int], how: Deal = Deal.RIGHT) -> None:
        """All but those; who cheats in nothing else has noise to upload."""
        for index, account in enumerate(self.real.listed):
            if index in cheats and how == Deal.RIGHT and self.twin.waits_for(account):
                self.has_noise(index, account)
            if index not in missing:
                self.share_one(account, how if index in cheats else Deal.RIGHT)

    def has_noise(self, index: int, account: str) -> None:
        """To upload."""
        draw = random.Random(index)
        self.real.payloads.setdefault(account, [draw.getrandbits(256) for _ in range(self.real.word_count)])

    @with_recover
    @rule(index=ACCOUNTS, place=OTHERS)
    def object(self, index: int, place: int) -> None:
        self.does("object", self.account(index), place)

    @with_recover
    @rule(place=OTHERS)
    def break_up(self, place: int) -> None:
        """Of every group somebody declines, or objects."""
        for group in [g for g in self.twin.groups if not g.failed]:
            account = group.members[place % len(group.members)]
            if self.twin.objecting:
                self.does("object", account, (place + 1) % len(group.members))
            else:
                self.decline(self.real.listed.index(account))

    @rule(missing=PLACES, noise=PLACES)
    def commit(self, missing: set[int], noise: set[int]) -> None:
        if self.recovers:
            self.does("commit", self.account(min(missing, default=0)), b"\1" * 32)
        else:
            super().commit(missing, noise)

    @rule(missing=FEW, partly=st.booleans())
    def upload(self, missing: set[int], partly: bool = False) -> None:
        """All but those, who upload all chunks but the last, or none."""
        if not self.recovers:
            super().upload(missing)
            return
        count = self.real.chunk_count
        for index, account in enumerate(self.real.listed):
            self.upload_one(account, count if index not in missing else (count - 1) * partly)

    @with_recover
    @rule(
        index=ACCOUNTS,
        chunk=st.integers(0, 2),
        size=st.sampled_from([0, 32, 224, 256, 288]),
        hashes=st.booleans(),
        copied=st.booleans(),
    )
    def upload_garbage(self, index: int, chunk: int, size: int, hashes: bool, copied: bool) -> None:
        """Noise, or what somebody else of the group has uploaded; if it is taken, it is what its member uploads."""
        account = self.account(index)
        theirs = [words for (of, _), words in self.group_of(account).uploads.items() if of == chunk]
        data = theirs[0] if copied and theirs else random.Random(index).randbytes(size)
        if self.does("upload", account, chunk, data, [bytes(32)] * hashes, words=len(data) // 32):
            words, start = self.words_of(account), chunk * self.real.params.chunk_words
            self.real.payloads[account] = [*words[:start], *ref.from_bytes(data), *words[start + len(data) // 32 :]]
            self.plain[self.seat(account)] = self.lifted(account, self.real.payloads[account])

    # Secrets.

    @with_recover
    @rule(missing=FEW)
    def reveal(self, missing: set[int]) -> None:
        """All but those."""
        for index, account in enumerate(self.real.listed):
            if index not in missing:
                self.reveal_one(account)

    @with_recover
    @rule(index=ACCOUNTS, how=ways(cheats.REVEALS), other=OTHERS)
    def reveal_bent(self, index: int, how: str, other: int) -> None:
        self.reveal_one(self.account(index), how, other)

    @with_recover
    @rule(missing=FEW)
    def reveal_shares(self, missing: set[int]) -> None:
        for index, account in enumerate(self.real.listed):
            if index not in missing:
                self.lend_one(account)

    @with_recover
    @rule(index=ACCOUNTS, how=ways(cheats.LOANS), other=OTHERS)
    def reveal_shares_bent(self, index: int, how: str, other: int) -> None:
        self.lend_one(self.account(index), how, other)

    @with_recover
    @rule(index=ACCOUNTS, pick=PICKS)
    def repeat(self, index: int, pick: int) -> None:
        """Somebody sends what somebody else has sent."""
        if self.sent:
            call, args = self.sent[pick % len(self.sent)]
            self.does(call, self.account(index), *args)

    @with_recover
    @rule(index=ACCOUNTS, pick=PICKS, how=ways(cheats.REBUILDS), by=CALLERS, swapped=st.booleans())
    def rebuild(self, index: int, pick: int, how: str, by: int, swapped: bool) -> None:
        self.rebuild_one(self.account(index), pick, how, by, swapped and how == RIGHT)

    @with_recover
    @rule(pick=PICKS, public=st.booleans())
    def rebuild_all(self, pick: int = 0, public: bool = False) -> None:
        """Whatever isn't known of groups that are live."""
        for group in self.twin.groups:
            for place in places(group.committed & ~group.opened):
                if not group.failed and self.twin.stage == Stage.REVEAL:
                    self.rebuild_one(group.members[place], pick, public=public)

    @with_recover
    @rule(part=st.sampled_from([2, 4]), late=st.booleans())
    def to_its_part(self, part: int, late: bool) -> None:
        """The next call is in the last second before half of the window is left, or a quarter; `late`: in the next."""
        if self.twin.stage == Stage.REVEAL:
            seconds = self.twin.deadline - REVEAL_SECS // part - 1 + late - self.chain.time
            if seconds > 0:
                self.chain.sleep(seconds)

    # The sums.

    @rule(by=CALLERS)
    def aggregate(self, by: int = 0) -> None:
        if not self.recovers:
            super().aggregate(by)
            return
        for index in range(len(self.twin.groups) + 1):
            self.disclose_one(index, by)
            for _ in range(self.real.chunk_count):
                self.unmask_one(index, by)

    @with_recover
    @rule(index=GROUPS, by=CALLERS, how=ways(cheats.DISCLOSURES))
    def disclose(self, index: int, by: int, how: str) -> None:
        self.disclose_one(index, by, how)

    @with_recover
    @rule(index=GROUPS, by=CALLERS, how=ways(cheats.UNMASKS), ahead=st.integers(0, 1))
    def unmask(self, index: int, by: int, how: str, ahead: int) -> None:
        self.unmask_one(index, by, how, ahead)

    # Both policies.

    @rule(index=ACCOUNTS, group=GROUPS)
    def calls_of_the_other_policy(self, index: int, group: int) -> None:
        account, size = self.account(index), self.real.params.members
        calls: list[tuple[Any, ...]] = [
            ("share", b"\1" * 32, bytes(64 * (2 * size - 1)), bytes(112 * (size - 1))),
            ("object", group),
            ("reveal", 1, b"", []),
            ("reveal_shares", []),
            ("rebuild", account, b"", 1 << group, [1]),
            ("disclose", group, []),
            ("unmask", group, 0, b"", [], []),
        ]
        if self.recovers:
            uploads = [words for (chunk, _), words in sorted(self.group_at(group).uploads.items()) if chunk == 0]
            calls = [("commit", b"\1" * 32), ("aggregate", group, 0, b"".join(uploads))]
        for call, *args in calls:
            with pytest.raises(Reverted):
                self.send(call, *args, sender=account)

    @rule(missing=FEW, by=CALLERS)
    def go_on(self, missing: set[int], by: int = 0) -> None:
        if self.twin.stage == Stage.SHARE:
            self._go_on_sharing(missing, by)
        elif self.twin.stage == Stage.REVEAL:
            self._go_on_revealing(missing, by)
        else:
            super().go_on(missing, by)

    def _go_on_sharing(self, missing: set[int], by: int) -> None:
        if self.twin.objecting:
            self.its_time_is_over(by)
        elif by == 2:
            self.decline(min(missing, default=0))
        else:
            self.share(missing if by != 1 else set(), missing if by == 1 else set())

    def _go_on_revealing(self, missing: set[int], by: int) -> None:
        self.reveal(missing if by in (0, 3) else set())
        if by in (2, 3):
            self.to_its_part(2, True)
            self.reveal_shares(set())
        self.rebuild_all(len(missing))
