"""Brownie-style tests on titanoboa: real transactions, receipts, named accounts, events, sessions at any stage."""

from . import economy
from .blobbing import BlobDriver, Malformed
from .chain import ETHER, Accounts, Chain
from .contract import CONTRACTS, ROOT, Compiled, Contract, Receipt, compiled, reverts, session_type
from .correcting import CorrectDriver
from .evm import TX_GAS_CAP, TX_SIZE_CAP, LimitExceeded, Reverted
from .params import DAY, Params, make_params
from .recovering import RecoverDriver
from .session import STAGES, SessionDriver, Stage, Status

__all__ = [
    "CONTRACTS",
    "DAY",
    "ETHER",
    "ROOT",
    "STAGES",
    "TX_GAS_CAP",
    "TX_SIZE_CAP",
    "Accounts",
    "BlobDriver",
    "Chain",
    "Compiled",
    "Contract",
    "CorrectDriver",
    "LimitExceeded",
    "Malformed",
    "Params",
    "Receipt",
    "RecoverDriver",
    "Reverted",
    "SessionDriver",
    "Stage",
    "Status",
    "compiled",
    "economy",
    "make_params",
    "reverts",
    "session_type",
]
