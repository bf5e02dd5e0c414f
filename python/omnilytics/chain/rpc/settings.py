"""How patient, how generous and how careful the rpc backend is."""

from __future__ import annotations

from dataclasses import dataclass, fields

from omnilytics.errors import InputError

TX_GAS_CAP = 1 << 24
"""Most gas of a transaction (EIP-7825)."""

GWEI = 10**9
MOST_CONFIRMATIONS = 100  # nodes keep the state of 128 blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times in seconds, fees in wei a gas.

    Attributes:
        confirmations: blocks on top of a transaction's own before it counts as done, 0..100; 0: its own is enough.
        answer_secs: how long one request may take.
        patience_secs: how long a request is repeated, over all nodes, before it fails.
        back_off_secs: pause before the first repetition; each next one is twice as long, at most 16 times this.
        poll_secs: longest pause between two looks at the chain.
        receipt_secs: how long a transaction may take until it is done; it stays in the journal after that.
        stuck_secs: after how long without a block it is sent again with a higher fee.
        check_secs: how often several nodes are compared.
        lag_blocks: how many blocks a node may be behind another one.
        log_blocks: most blocks in one request for logs; fewer where a node says so.
        first_block: no log of interest is older than this block.
        fee_ceiling_wei: the most that is ever bid; a transaction that needs more waits.
        blob_fee_ceiling_wei: the same for a blob gas, of which a blob has 131,072.
        tip_wei: the tip; None: what the node suggests.
    """

    confirmations: int = 0
    answer_secs: float = 20.0
    patience_secs: float = 180.0
    back_off_secs: float = 0.5
    poll_secs: float = 2.0
    receipt_secs: float = 900.0
    stuck_secs: float = 60.0
    check_secs: float = 30.0
    lag_blocks: int = 3
    log_blocks: int = 10_000
    first_block: int = 0
    fee_ceiling_wei: int = 500 * GWEI
    blob_fee_ceiling_wei: int = 100 * GWEI
    tip_wei: int | None = None

    def __post_init__(self) -> None:
        positive = {"answer_secs", "back_off_secs", "poll_secs", "receipt_secs", "log_blocks"}
        positive |= {"fee_ceiling_wei", "blob_fee_ceiling_wei"}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if value is None:
                continue
            if value < 0 or (name in positive and not value):
                raise InputError(f"{name}: expected {'more than' if name in positive else 'at least'} 0, got {value}")
        if self.confirmations > MOST_CONFIRMATIONS:
            raise InputError(f"confirmations: expected at most {MOST_CONFIRMATIONS}, got {self.confirmations}")
        if self.tip_wei is not None and self.tip_wei > self.fee_ceiling_wei:
            raise InputError(f"tip_wei: expected at most fee_ceiling_wei = {self.fee_ceiling_wei}, got {self.tip_wei}")
