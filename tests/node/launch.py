"""The nodes that `make nodes` has installed, each with an account that always has money."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from omnilytics.experiments import nodes
from omnilytics.experiments.nodes import CHAIN_ID, WEALTH, NodeProcess, free_ports
from tests.project.checkout import ROOT

GETH = ROOT / ".nodes" / "bin" / "geth"
ANVIL = ROOT / ".nodes" / "bin" / "anvil"
RICH: LocalAccount = Account.from_key(b"\x01" * 32)
"""Always has money."""
MAKER: LocalAccount = Account.from_key(b"\x02" * 32)
"""Too, and sends what makes geth make a block, so that it shares nonces with nobody."""


@dataclass(kw_only=True)
class Geth(nodes.Geth):
    """One block for each transaction, as soon as it comes."""

    program: Path = GETH

    def __post_init__(self) -> None:
        self.rich = (RICH.address, MAKER.address, *self.rich)


@dataclass(kw_only=True)
class Anvil(nodes.Anvil):
    """One block for each transaction; its clock can be moved.

    Attributes:
        making: held by who makes blocks while another thread takes some back: anvil does both at once, and goes further
            back than it is asked to.
    """

    program: Path = ANVIL
    genesis_program: Path | None = GETH
    making: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        self.rich = (RICH.address, MAKER.address, *self.rich)


def require() -> None:
    """Fails where a node isn't installed: a test that wants one never passes without."""
    missing = [path.name for path in (GETH, ANVIL) if shutil.which(path) is None]
    if missing:
        pytest.fail(f"no {' and no '.join(missing)} here: run `make nodes`")


__all__ = [
    "ANVIL",
    "CHAIN_ID",
    "GETH",
    "MAKER",
    "RICH",
    "WEALTH",
    "Anvil",
    "Geth",
    "NodeProcess",
    "free_ports",
    "require",
]
