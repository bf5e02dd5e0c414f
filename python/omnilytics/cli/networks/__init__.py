"""What is known of networks, one TOML file each; `network` of a role's `[chain]` names one.

A market's address stands in a file only when a market is on that network: empty means that there is none.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from omnilytics.types import Address


@dataclass(frozen=True, slots=True)
class Network:
    """Facts of a network, and how careful to be on it.

    Attributes:
        name: in words.
        chain_id: EIP-155.
        block_secs: between two blocks, seconds.
        confirmations: blocks on top of a transaction's own before it counts as done.
        finality_blocks: after how many blocks a block can't be taken back.
        market: the address of the market on it; empty: there is none.
    """

    name: str
    chain_id: int
    block_secs: int
    confirmations: int
    finality_blocks: int
    market: Address


@cache
def networks() -> dict[str, Network]:
    """All of them, by the names that settings have."""
    found = (one for one in files(__name__).iterdir() if one.name.endswith(".toml"))
    texts = {one.name.removesuffix(".toml"): one.read_text(encoding="utf-8") for one in found}
    return {name: Network(**tomllib.loads(texts[name])) for name in sorted(texts)}
