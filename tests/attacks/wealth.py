"""Who is richer after a session than before it, once everybody has withdrawn. Gas costs nothing here."""

from __future__ import annotations

from tests.contracts.harness import SessionDriver


class Wealth:
    """What everybody had before the session; deposits that are in the contract by now are counted back.

    Args:
        session: nobody has withdrawn yet.
    """

    def __init__(self, session: SessionDriver) -> None:
        self._session = session
        self._before = {a: session.chain.balance(a) + self._deposit(a) for a in (session.owner, *session.listed)}

    def _deposit(self, account: str) -> int:
        if account == self._session.owner:
            return int(self._session.contract.params().reward_wei)
        return self._session.params.bond_wei if self._session.member(account).registered else 0

    def gains(self) -> dict[str, int]:
        """Wei that each account has more, negative for less; its credit counts as its own."""
        session = self._session
        return {a: session.chain.balance(a) + session.credit_of(a) - wei for a, wei in self._before.items()}

    def of(self, account: str) -> int:
        """One account's gain."""
        return self.gains()[account]

    def nobody_lost(self, *but: str) -> bool:
        """Whether every watched account but these (and the owner, who pays) has at least what it had."""
        return all(wei >= 0 for account, wei in self.gains().items() if account not in (*but, self._session.owner))


def conserved(session: SessionDriver) -> bool:
    """Whether the books balance to the wei (I1), and the contract holds what they say."""
    money = session.money()
    owed = money.deposited - money.withdrawn
    return money.deposited == money.credits + money.locked + money.withdrawn and (
        session.chain.balance(session.contract.address) >= owed
    )
