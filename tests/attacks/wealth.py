"""Who is richer after a session than before it, once everybody has withdrawn: bonds, reward, fees, gas."""

from __future__ import annotations

from collections.abc import Iterable

from tests.attacks import tally
from tests.attacks.till import GWEI, Till
from tests.contracts.harness import SessionDriver, Stage

GAS_NOISE_WEI = 10_000 * GWEI
"""What the same calls may differ by: bytes of other words, slots that somebody else has written first."""


class Wealth:
    """What everybody had before the session; deposits that are in the contract by now are counted back.

    Args:
        session: nobody has withdrawn yet.
        others: accounts beside the owner, the listed and the stranger; contracts that attackers call.
    """

    def __init__(self, session: SessionDriver, *others: str) -> None:
        self.session = session
        till = session.contract.backend
        assert isinstance(till, Till), "these sessions run on a chain that counts gas"
        self._till = till
        self._targets = {session.contract.address, *others}
        watched = dict.fromkeys((session.owner, *session.listed, session.stranger, *others))
        self._before = {a: session.chain.balance(a) + self._deposit(a) for a in watched}

    def _deposit(self, account: str) -> int:
        session, deposit = self.session, 0
        if account == session.owner and session.contract.stage() != Stage.SETUP:
            deposit += int(session.params.reward_wei) + session.reserve_wei
        if session.contract.member(account).registered:
            deposit += int(session.params.bond_wei)
        return deposit

    def gas(self, account: str) -> int:
        """What the account has paid for calls of the session, wei."""
        return sum(c.gas_wei for c in self._till.calls if c.sender == account and c.to in self._targets)

    def fees(self, account: str | None = None) -> int:
        """What the session has credited the account, or all, for calls, wei."""
        return sum(c.fee_wei for c in self._till.calls if c.to in self._targets and account in (None, c.sender))

    def gain(self, account: str) -> int:
        """Wei that the account has more, negative for less, before gas; its credit counts as its own."""
        session = self.session
        return int(session.chain.balance(account) + session.credit_of(account) - self._before[account])

    def of(self, account: str) -> int:
        """The account's gain by bonds and reward alone: fees are neither what they bring nor what they cost."""
        own = self.gain(account) - self.fees(account)
        return own + self.fees() if account == self.session.owner else own

    def gains(self) -> dict[str, int]:
        """`of` of everybody who is watched."""
        return {account: self.of(account) for account in self._before}

    def profit(self, *accounts: str) -> int:
        """What is left to these accounts together when gas is paid, wei."""
        return sum(self.gain(a) - self.gas(a) for a in accounts)

    def loss(self, account: str) -> int:
        """What an honest party loses beyond its own gas, wei. Reward and fees are no loss of the owner's."""
        promised = self.session.params.reward_wei if account == self.session.owner else 0
        return max(0, -self.of(account) - promised)

    def honest_loss(self, *attackers: str) -> int:
        """The largest loss of everybody else."""
        return max(self.loss(a) for a in self._before if a not in attackers)

    def tell(self, name: str, *attackers: str, honest: Iterable[int] | None = None) -> tally.Told:
        """Closes the books of a scenario and puts it on the list that is printed.

        Args:
            name: of the scenario.
            attackers: who acted as one.
            honest: what each of them would have earned by honest work, gas paid; None: nothing to compare with.
        """
        assert conserved(self.session)
        assert sum(map(self.session.credit_of, self._before)) == self.session.money().credits
        profit = self.profit(*attackers)
        over = None if honest is None else profit - sum(honest)
        return tally.tell(name, profit, over, self.honest_loss(*attackers))


def honest_profits(session: SessionDriver) -> dict[str, int]:
    """What everybody would have at the end if all were honest from here on, gas paid, wei. Changes nothing."""
    till = session.contract.backend
    assert isinstance(till, Till)
    kept = len(till.calls)
    with session.chain.anchor():
        twin = session.copy()
        wealth = Wealth(twin)
        twin.to(Stage.FINISHED)
        found = {a: wealth.profit(a) for a in (twin.owner, *twin.listed)}
    del till.calls[kept:]
    return found


def conserved(session: SessionDriver) -> bool:
    """Whether the books balance to the wei (I1), and the contract holds what they say."""
    money = session.money()
    owed = money.deposited - money.withdrawn
    return money.deposited == money.credits + money.locked + money.withdrawn and (
        session.chain.balance(session.contract.address) >= owed
    )
