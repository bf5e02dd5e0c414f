"""Histories in blobs: what members, accusers, and whoever adds up and proves may do, rightly or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from eth_utils import keccak

from tests.contracts.harness import Malformed, Receipt, Reverted, SessionDriver, Stage
from tests.contracts.harness import blobs as b
from tests.contracts.harness import reference as ref
from tests.contracts.harness.blobs import Begun, Q
from tests.contracts.harness.dealing import places
from tests.contracts.harness.session import is_before
from tests.contracts.stateful.blobs import ELEMENTS, LANE_BITS, Blobs, CorrectTwin
from tests.contracts.stateful.cheats import RIGHT
from tests.contracts.stateful.dealings import Deal
from tests.contracts.stateful.machine import KRUM, Kind, Machine
from tests.contracts.stateful.recovering import REVEAL_SECS, Recovering
from tests.contracts.stateful.twin import Now, require
from tests.contracts.stateful.watch import Watcher

SPOILS = ("near", "far", "padding", "above")
POSTS = ("one fewer", "one more", "turned", "another's")
CORRECTIONS = ("one more", "none")
ACCUSATIONS = ("garbage", "another element", "empty", "half the bond")
REFUTATIONS = ("another salt", "another witness", "another group", "another element")
SUMS = ("turned", "the first again", "all but the first", "too many")
PROOFS = ("a product more", "another witness", "no proof")
PARAMETERS = {"one": 40, "packed": 4_100, "long": 6 * ELEMENTS + 5}
"""d of an upload of one blob, of one with two lanes, of seven blobs in two transactions."""


class Blobbing(Recovering):
    """Everybody, in a session in blobs with either policy."""

    real: Any
    twin: Any

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, tuple[int, Malformed]] = {}
        """What the accusations are about."""

    def begin(
        self, policy: int, members: int, rounds: int, terms: Mapping[str, int], size: str, threshold: int = 2,
        spare: int = 0, price: int = 7, begin: Stage = Stage.COMMIT, gone: frozenset[int] = frozenset(),
        cheats: frozenset[int] = frozenset(), how: Deal = Deal.RIGHT, spoilt: Mapping[int, str] = {},
        wrong: Mapping[int, int] = {},
    ) -> None:  # fmt: skip
        """Brings it to a stage. `cheats` deal as `how` says, `gone` don't upload, `spoilt` upload something else.

        `wrong` is added to corrections.
        """
        sizes = {"parameter_count": PARAMETERS[size], "lane_bits": LANE_BITS * (size == "packed")}
        params = {"members": members, "rounds": rounds, "reward_wei": 60_003, "mode": 1, **sizes, **terms}
        params |= {"policy": policy, "reveal_secs": REVEAL_SECS} | ({"threshold": threshold} if policy else {})
        if rounds == 4:
            params |= KRUM
        Machine.create(self, Kind(rounds * members + spare, params), price, Stage.SETUP)
        self.watcher = Watcher(self.real.params.threshold)
        self._bring_to(begin)
        for index, spoil in spoilt.items():
            self.spoil(index, spoil)
        while self.twin.stage > Stage.REGISTER and is_before(self.twin.stage, begin):
            self._bring_on_blobs(set(gone), set(cheats), how, wrong)

    def _bring_on_blobs(self, gone: set[int], cheats: set[int], how: Deal, wrong: Mapping[int, int]) -> None:
        stage, objecting = self.twin.stage, self.twin.objecting
        if stage == Stage.SHARE and not objecting:
            self.share(set(), cheats, how)
        elif stage == Stage.UPLOAD:
            self.upload(gone)
        elif stage == Stage.CORRECT:
            self.correct(wrong)
        elif stage not in (Stage.SHARE, Stage.ACCUSE):
            self.go_on(set())
        if (self.twin.stage, self.twin.objecting) == (stage, objecting):
            self.its_time_is_over()

    # Uploads.

    def spoil(self, index: int, how: str) -> None:
        """Somebody adds something to an element: `near` leaves it in range, the others don't."""
        d, members = self.real.params.parameter_count, self.real.params.members
        bits = LANE_BITS * self.twin.packed
        padding = {d % ELEMENTS if bits else d: 1 << bits}
        middle = members * self.real.params.bound
        extras = {"near": {3: 1}, "far": {3: 2 * middle + 1}, "padding": padding, "above": {3: 1 << 12 * 20}}
        account = self.account(index)
        if account in self.real.listed and account not in self.twin.committed_to:
            self.real.spoilt[account] = extras[how]

    def has_noise(self, index: int, account: str) -> None:
        self.spoil(index, SPOILS[index % len(SPOILS)])

    def hashes_of(self, account: str) -> list[bytes]:
        """The names of its blobs; of who can't know its masks, of others."""
        group = self.group_of(account)
        if account in self.twin.seats and (not self.recovers or group.committed):
            found: list[bytes] = self.real.hashes(account)
            return found
        return [b"\1" * 32] * self.twin.blob_count

    def commit_one(self, account: str) -> None:
        root = b.bound(account, self.hashes_of(account))
        self.both(
            "commit",
            account,
            lambda now: self.twin.commit(account, root, now),
            lambda: self.send("commit", root, sender=account),
        )

    def commit(self, missing: set[int], noise: set[int]) -> None:
        """`noise`: who commits to something that may be out of range."""
        if self.recovers:
            super().commit(missing, noise)
            return
        missing = set(sorted(missing)[:2])
        for index in sorted(noise):
            self.spoil(index, SPOILS[index % len(SPOILS)])
        for index, account in enumerate(self.real.listed):
            if index not in missing:
                self.commit_one(account)

    def post_one(self, account: str, how: str = RIGHT) -> bool:
        """The next blobs of an upload."""
        hashes, done = self.hashes_of(account), len(self.twin.posted.get(self.seat(account), []))
        part = hashes[done : done + 6] or hashes[:6]
        if how == "another's" and not self.recovers:
            theirs = self.hashes_of(self.group_of(account).members[self.seat(account)[1] - 1])
            part = theirs[done : done + 6] or theirs[:6]
        bent = {"one fewer": part[:-1], "one more": [*part, part[0]], "turned": part[::-1]}.get(how, part)
        content = list(self.real.vector(account)), dict(self.real.spoilt.get(account, {}))
        return self.both(
            "post",
            account,
            lambda now: self.twin.post(account, bent, *content, now),
            lambda: self.real.post(account, bent),
            words=len(bent),
        )

    def upload(self, missing: set[int], partly: bool = False) -> None:
        """All but those, who post all blobs but the last ones, or none."""
        calls = ref.ceil_div(self.twin.blob_count, 6)
        for index, account in enumerate(self.real.listed):
            for _ in range(calls if index not in missing else (calls - 1) * partly):
                self.post_one(account)

    # Corrections.

    def disclosed(self, index: int) -> None:
        assert self.group_at(index).seeds == self.real.expected_seeds(index)

    def correct_one(self, account: str, how: str = RIGHT, wrong: Mapping[int, int] = {}) -> None:
        """Of its group; `wrong` is what is added to elements."""
        index = self.seat(account)[0]
        known = index < len(self.twin.groups) and self.group_at(index).seeds is not None
        if known and index not in self.twin.correctors:
            self.real.wrong[index] = dict(wrong)
        hashes = self.real.correction_hashes(index) if known else [b"\1" * 32]
        bent = {"one more": hashes * 2, "none": []}.get(how, hashes)
        self.both(
            "correct",
            account,
            lambda now: self.twin.correct(account, bent, dict(wrong), now),
            lambda: self.real.correct(account, bent),
            words=len(bent),
        )

    def correct(self, wrong: Mapping[int, int] = {}) -> None:
        """Whatever isn't corrected, by the first of those who may."""
        for index, group in enumerate(self.twin.groups):
            if not group.failed and index not in self.twin.correctors:
                self.disclose_one(index)
                for place in places(group.did)[:1]:
                    self.correct_one(group.members[place], RIGHT, wrong)

    def refute_correction_one(self, account: str, index: int, element: int) -> None:
        """Of an element; of one beyond the last blob, what the first ones would be opened with."""
        arguments: list[Any] = [index, element, 0, b"", b"", [], [], []]
        if index in self.twin.correctors:
            arguments = self.real.refutation(index, element % self.twin.element_count)
            arguments[1] = element
        self.both(
            "refute_correction",
            account,
            lambda now: self.twin.refute_correction(index, element, now),
            lambda: self.send("refute_correction", *arguments, sender=account),
        )

    # Accusations.

    def salt(self, group: int, index: int) -> bytes:
        return keccak(text=f"salt of {group} {index}")

    def accuse_one(self, account: str, group: int, index: int, how: str = RIGHT) -> None:
        if account in self.decoys:
            return
        element = self.twin.element(group, index) + (how == "another element")
        found = Malformed(index, element, self.salt(group, index), b"")
        digest = {"garbage": b"\7" * 32, "empty": bytes(32)}.get(how, self.real.accused(account, group, found))
        wei = self.real.params.bond_wei // (1 + (how == "half the bond"))
        done = self.both(
            "accuse",
            account,
            lambda now: self.twin.accuse(account, digest, wei, now),
            lambda: self.send("accuse", digest, sender=account, value=wei),
        )
        if done:
            self.said[account] = group, found

    def refute_one(self, account: str, how: str = RIGHT) -> None:
        """Opens what somebody has accused; who hasn't tries what the first has."""
        others = [*self.said.values(), (0, Malformed(0, 0, b"\1" * 32, b""))]
        group, said = self.said.get(account, others[0])
        group = (group + (how == "another group")) % max(1, len(self.twin.groups))
        found, accounts, points = said, [], b""
        if group < len(self.twin.groups) and self.twin._has_sum(group):
            true = self.real.malformed(group, said.index % self.twin.element_count)
            assert true.element == self.twin.element(group, true.index), "what the blobs have is what the twin says"
            found = said._replace(witness=true.witness)
            accounts, points = self.real.delivered(group), self.real.points(group)
        if how == "another witness":
            found = found._replace(witness=b"\xc0" + bytes(47))
        found = found._replace(salt=b"\2" * 32) if how == "another salt" else found
        found = found._replace(element=found.element + 1) if how == "another element" else found
        digest = self.real.accused(account, group, found)

        def expected(now: Now) -> None:
            require(how != "another witness")
            self.twin.refute(account, digest, group, found.index, found.element, now)

        self.both(
            "refute",
            account,
            expected,
            lambda: self.send("refute", *found, accounts, points, sender=account),
        )

    # Sums and proofs.

    def add(self, count: int = 1, by: int = 0, how: str = RIGHT) -> None:
        """So many of the groups that wait, or others."""
        waiting = self.twin.waiting()
        bent = {
            "turned": waiting[:count][::-1],
            "the first again": waiting[:1] * (count + 1),
            "all but the first": waiting[1 : count + 1],
            "too many": [*waiting, *waiting[:1]],
        }.get(how, waiting[:count])
        if not all(self.twin._has_sum(group) for group in bent):
            return
        lowest, size = min(bent, default=0), self.twin.blob_count
        caller = self.as_caller(by, "add_sums", lowest)
        self.both(
            "add_sums",
            caller,
            lambda now: self.twin.add_sums(bent, now),
            lambda: self.real.add_sums(*bent),
            words=sum(self.twin.groups[group].size + self.recovers for group in bent) * size,
            group=lowest,
        )

    def aggregate(self, by: int = 0) -> None:
        while self.twin.stage == Stage.AGGREGATE:
            self.add(2, by)

    def _evidence(self, how: str) -> tuple[list[int], bytes]:
        """What is proven of the live groups; of malformed sums, and without a proof, nothing is."""
        live = [i for i, g in enumerate(self.twin.groups) if not g.failed]
        if how == "no proof" or any(map(self.twin.is_malformed, live)):
            return [1] * len(live), bytes(160 * len(live) + 512)
        products, evidence = self.real.proven(live)
        if how == "a product more":
            products = [products[0] + 1, *products[1:]]
        return products, evidence[:-128] + bytes(128) if how == "another witness" else evidence

    def prove(self, by: int = 0, how: str = RIGHT) -> None:
        call = "select_packed" if self.twin.packed else "select_proven"
        caller, live = self.as_caller(by, call), sum(not g.failed for g in self.twin.groups)
        if self.twin.stage != Stage.SELECT or how != RIGHT:
            with pytest.raises(Reverted):
                self.send(call, *self._evidence("no proof" if how == RIGHT else how), sender=caller)
            return
        self.both(
            call,
            caller,
            self.twin.prove,
            lambda: self.send(call, *self._evidence(how), sender=caller),
            words=live * self.twin.lane_count,
        )

    def prove_in_parts(self, by: int, cut: int) -> None:
        """Unpaid, as nothing costs anything; tests/contracts/blobs/test_parts.py has what is paid."""
        live = [i for i, g in enumerate(self.twin.groups) if not g.failed]
        if self.twin.stage != Stage.SELECT or self.twin.packed or any(map(self.twin.is_malformed, live)):
            return
        self.real.gas_price = 0
        caller, case = self.as_caller(by, "select_proven"), self.real.case(live)
        first = 1 + cut % (len(live) * self.twin.blob_count)
        if self.chain.time >= self.twin.deadline:
            return
        receipt = self.send("continue_proof", case.beginning(), case.part(0, first), sender=caller)
        begun = Begun(*receipt.only("ProofContinued").begun)
        products = [product % Q for product in case.products]
        self.both(
            "select_proven",
            caller,
            self.twin.prove,
            lambda: self.send("finish_proof", begun, products, case.rest(first), sender=caller),
        )

    def select(self, by: int = 0) -> None:
        self.prove(by)

    # What the stages wait for.

    def go_on(self, missing: set[int], by: int = 0) -> None:
        if self.twin.stage == Stage.CORRECT:
            self.correct()
        elif self.twin.stage == Stage.ACCUSE:
            self.its_time_is_over(by)
        else:
            super().go_on(missing, by)

    def calls_of_the_other_policy(self, index: int, group: int) -> None:
        """And of the other mode."""
        account = self.account(index)
        calls: list[tuple[Any, ...]] = [
            ("upload", 0, bytes(32), [bytes(32)]),
            ("aggregate", group, 0, bytes(64)),
            ("unmask", group, 0, bytes(64), [], []),
            ("gram", 0, bytes(96), []),
            ("select", []),
        ]
        if self.recovers:
            calls.append(("commit", b"\1" * 32))
        else:
            calls += [("object", group), ("reveal", 1, b"", []), ("correct",), ("disclose", group, [])]
        for call, *args in calls:
            with pytest.raises(Reverted):
                self.send(call, *args, sender=account)

    # Promises.

    def saw(self, real: SessionDriver, receipt: Receipt) -> None:
        super().saw(real, receipt)
        if real is not self.real:
            return
        for event in receipt.events:
            self._blob_event_is_the_twins(type(event).__name__, event)

    def _blob_event_is_the_twins(self, name: str, event: Any) -> None:
        twin: Blobs = self.twin
        if name == "SumsAdded":
            added = [i for i, g in enumerate(twin.groups) if g.aggregated]
            assert event.root == self.real.root(added)
            assert event.groups & ~sum(1 << i for i in added) == 0
        elif name == "SumsProven":
            assert event.products == [product % Q for product in self._products()]
        elif name == "Selected":
            assert (event.share_wei, event.burnt_wei) == (twin.seat_share, twin.burnt)
        elif name == "GroupFailed":
            group = twin.groups[event.group]
            assert (event.stage, event.did_their_part) == (group.failed_at, group.blameless)

    def _products(self) -> Sequence[int]:
        """Of the plain sums."""
        totals = [g.total for g in self.twin.groups if not g.failed]
        if self.real.params.rule != 1:
            return [ref.dot(total, total) for total in totals]
        return [ref.dot(one, other) for r, one in enumerate(totals) for other in totals[r:]]

    def blobs_are_the_twins(self) -> None:
        twin: Blobs = self.twin
        assert self.real.refuted_count() == twin.refuted
        for account in {*self.said, *self.real.listed[:2]}:
            assert self.real.accusation(account) == twin.accusations.get(account, bytes(32))
        if not isinstance(twin, CorrectTwin):
            return
        for index in range(len(twin.groups)):
            assert (self.real.contract.correction(index) != bytes(32)) == (index in twin.correctors)
