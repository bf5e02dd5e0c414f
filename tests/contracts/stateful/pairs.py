"""A session and its twin, call by call, and whole sessions of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from tests.contracts.harness import (
    Accounts,
    BlobDriver,
    Contract,
    Receipt,
    RecoverDriver,
    Reverted,
    SessionDriver,
    Stage,
)
from tests.contracts.harness import reference as ref
from tests.contracts.harness.decoys import Relayed
from tests.contracts.harness.fixtures import Factory
from tests.contracts.stateful import pay
from tests.contracts.stateful.blobs import Blobs, CorrectTwin
from tests.contracts.stateful.ledger import Ledger
from tests.contracts.stateful.recovery import RecoverTwin, Setting
from tests.contracts.stateful.twin import Now, Refused, Twin


@dataclass(frozen=True)
class Site:
    """A chain with a market on it."""

    chain: Any
    backend: Relayed
    market: Contract
    make: Factory
    accounts: Accounts


class Pairs:
    """What a machine does with pairs of a session and its twin, all of one market."""

    site: ClassVar[Site]
    chain: Any
    ledger: Ledger
    decoys: list[str]

    def twin_of(self, real: SessionDriver) -> Twin:
        terms = real.params, real.owner, real.listed, real.room, self.chain.time, self.ledger
        blobs = isinstance(real, BlobDriver)
        if isinstance(real, RecoverDriver):
            twin: Twin = (CorrectTwin if blobs else RecoverTwin)(*terms, setting=self._setting(real))
        else:
            twin = (Blobs if blobs else Twin)(*terms)
        twin.contracts = self.decoys
        self.ledger.sessions[int(real.contract.address, 16)] = twin
        return twin

    def _setting(self, real: SessionDriver) -> Setting:
        model_hash = ref.model_hash(real.params, ref.publish_hash(real.published()))
        sizes = (0, 1) if isinstance(real, BlobDriver) else (real.word_count, real.params.chunk_words)
        return Setting(self.chain.id, real.contract.address, model_hash, *sizes, real.secret)

    def now(self, twin: Twin, real: SessionDriver) -> Now:
        """The block that the next transaction runs in."""
        seed = ref.draw_seed(self.chain.block_hash(twin.draw_block), real.contract.address)
        return Now(self.chain.time + 1, self.chain.height + 1, seed)

    def pair(
        self,
        real: SessionDriver,
        twin: Twin,
        call: str,
        sender: str,
        expected: Callable[[Now], Any],
        actual: Callable[[], Receipt],
        **what: int,
    ) -> bool:
        """`both` for any session of the machine."""
        now, before = self.now(twin, real), pay.Before.of(twin)
        try:
            answer = expected(now)
        except Refused:
            with pytest.raises(Reverted):
                actual()
            return False
        receipt = actual()
        useful = answer is not False
        pay.check(twin, before, call, sender, receipt, now, real.gas_price, useful, contracts=self.decoys, **what)
        twin.close_books()
        self.saw(real, receipt)
        return True

    def saw(self, real: SessionDriver, receipt: Receipt) -> None:
        """What a machine does with the events of a call."""

    def play_through(self, real: SessionDriver, twin: Twin, missing: set[int]) -> None:
        """A whole session of one's own; who is `missing` doesn't commit. Everybody else is honest."""
        real.whitelist()
        real.publish()
        assert self.pair(real, twin, "start", real.owner, twin.start, real.start)
        for account in real.listed[: real.params.rounds * real.params.members]:
            self._does(real, twin, "register", account)
        while twin.stage == Stage.COMMIT:
            self._commit_all(real, twin, [real.listed[i] for i in missing])
        for account, (group, _) in sorted(twin.seats.items(), key=lambda item: item[1]):
            if not twin.groups[group].failed:
                self._does(real, twin, "upload", account, 0)
        self._finish(real, twin)

    def _does(self, real: SessionDriver, twin: Twin, call: str, account: str, *args: int) -> None:
        """An honest step of a member."""
        expected, actual = getattr(twin, call), getattr(real, call)
        words = real.word_count if call == "upload" else 0
        assert self.pair(
            real, twin, call, account, lambda now: expected(account, now), lambda: actual(account, *args), words=words
        )

    def _commit_all(self, real: SessionDriver, twin: Twin, missing: list[str]) -> None:
        """A commitment round, to its end."""
        first = twin.first
        for account in sorted(twin.seats, key=lambda a: twin.seats[a]):
            if twin.waits_for(account) and account not in missing:
                self._does(real, twin, "commit", account)
        if (twin.stage, twin.first) == (Stage.COMMIT, first):
            self.chain.sleep(max(1, twin.deadline - self.chain.time))
            stranger = real.stranger
            assert self.pair(real, twin, "advance", stranger, twin.advance, lambda: real.advance(sender=stranger))

    def _finish(self, real: SessionDriver, twin: Twin) -> None:
        """From Aggregate or Payment on."""
        p = twin.params
        while twin.stage == Stage.AGGREGATE:
            group = next(i for i, g in enumerate(twin.groups) if not g.failed and not g.aggregated)
            total = ref.unpack(real.sum_of(group), p.lane_bits, p.parameter_count)
            assert self.pair(
                real,
                twin,
                "aggregate",
                real.stranger,
                lambda n, g=group, t=total: twin.aggregate(g, t, n),
                lambda g=group: real.aggregate(g, 0),
                words=p.members * real.word_count,
                group=group,
            )
        if twin.stage == Stage.SELECT:
            assert self.pair(real, twin, "select", real.stranger, twin.select, real.select)
        for index, group in enumerate(twin.groups):
            assert self.pair(
                real,
                twin,
                "settle",
                real.stranger,
                lambda n, i=index, m=group.members: twin.settle(i, m, n),
                lambda i=index, m=group.members: real.contract.settle(i, m, sender=real.stranger),
                group=index,
            )
        assert twin.stage == Stage.FINISHED
