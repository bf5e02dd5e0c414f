"""Brownie-style tests on titanoboa: real transactions, receipts, named accounts, events, sessions at any stage."""

from .chain import ETHER, Accounts, Chain
from .contract import CONTRACTS, ROOT, Contract, Receipt, compiled, reverts
from .evm import TX_GAS_CAP, TX_SIZE_CAP, LimitExceeded, Reverted
from .session import DAY, Params, SessionDriver, Stage, Status, make_params

__all__ = [
    "CONTRACTS",
    "DAY",
    "ETHER",
    "ROOT",
    "TX_GAS_CAP",
    "TX_SIZE_CAP",
    "Accounts",
    "Chain",
    "Contract",
    "LimitExceeded",
    "Params",
    "Receipt",
    "Reverted",
    "SessionDriver",
    "Stage",
    "Status",
    "compiled",
    "make_params",
    "reverts",
]
