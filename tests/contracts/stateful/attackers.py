"""Attackers as rules: sham sessions, washing, foreign contracts, payees that refuse or burn, forced ether."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contracts.harness import Reverted
from tests.contracts.stateful.machine import ACCOUNTS, BURN, CALLERS, NORM, RECORDS, REFUSE, Machine


class Attacked(Machine):
    """The machine, and who means it no good."""

    @rule(wei=st.integers(1, 10**18))
    def force_ether(self, wei: int) -> None:
        self.chain.set_balance(self.real.contract.address, self.chain.balance(self.real.contract.address) + wei)
        self.forced += wei

    @rule(mode=st.sampled_from([0, REFUSE, BURN]))
    def decoys_behave(self, mode: int) -> None:
        for decoy in self.decoys:
            self.site.backend.artifact.at(decoy).behave(mode, sender=self.real.stranger)

    @rule(of_the_owner=st.booleans(), missing=st.sets(st.integers(0, 3), max_size=3), helpers=st.booleans())
    def sham_session(self, of_the_owner: bool, missing: set[int], helpers: bool) -> None:
        """A session beside this one, with everybody on its list: whoever stays out of it keeps its record.

        `helpers`: members of this session play along, to wash or to spoil their record.
        """
        if not self.real.params.record_constants:
            return
        owner = self.real.owner if of_the_owner else self.site.accounts.other_owner
        own = list(self.site.accounts[40:44])
        others = [a for a in self.real.listed if a not in self.decoys]
        listed = [*others[:4], *own] if helpers else [*own, *others]
        real = self.site.make(listed, owner=owner, **NORM | RECORDS)
        self.play_through(real, self.twin_of(real), missing)

    @rule(index=ACCOUNTS, by=CALLERS)
    def frame(self, index: int, by: int) -> None:
        """Who isn't a session of the market can't tell it anything."""
        market, victim = self.site.market, self.account(index)
        callers = [self.real.stranger, self.real.owner, *self.decoys]
        constants = RECORDS["record_constants"]
        sender = callers[by % len(callers)]
        with pytest.raises(Reverted):
            market.record([victim], 1, constants, sender=sender)
        with pytest.raises(Reverted):
            market.decay(victim, constants, sender=sender)

    @rule(index=ACCOUNTS, other=ACCOUNTS, group=st.integers(0, 2))
    def foreign_cohort(self, index: int, other: int, group: int) -> None:
        """Somebody names a cohort that isn't its own, or none that there is."""
        account = self.account(index)
        named = self.cohorts.get(self.account(other), int(self.real.contract.address, 16) << 8)
        cohort = (named >> 8 << 8) | group
        if account in self.real.listed and self.cohorts.get(account) != cohort:
            self.register_one(account, cohort)
