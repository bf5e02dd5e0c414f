"""From a TOML file to a transaction on a real node."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.request import urlopen

import pytest
from eth_account import Account

from omnilytics.chain.keystore import Keystore
from omnilytics.chain.rpc import Settings
from omnilytics.cli.connect import connected
from omnilytics.cli.connection import signer
from omnilytics.cli.sections import ChainSettings, FeeSettings, LogSettings, MetricsSettings
from omnilytics.cli.settings import MemberSettings, member_settings
from omnilytics.errors import ChainError, InputError, JournalError
from omnilytics.types import Address
from tests.node.launch import CHAIN_ID, Anvil, free_ports

pytestmark = pytest.mark.node

PASSWORD = "a long way to go"
ACCOUNT = Account.from_key(b"\3" * 32)
SENDER = Address(ACCOUNT.address.lower())


@pytest.fixture
def role(start: object, tmp_path: Path) -> MemberSettings:
    """A role whose account has money on an anvil of its own."""
    node: Anvil = start(Anvil, rich=[ACCOUNT.address])  # type: ignore[operator]
    Keystore(tmp_path / "keys", work_factor=2).add(ACCOUNT, PASSWORD)
    (tmp_path / "word").write_text(PASSWORD)
    (tmp_path / "word").chmod(0o600)
    return written(tmp_path, node.url, CHAIN_ID, "word")


def written(folder: Path, url: str, chain_id: int, word: str) -> MemberSettings:
    (folder / "role.toml").write_text(f"""
[chain]
rpc = ["{url}"]
chain_id = {chain_id}
confirmations = 0
patience_secs = 5
[keys]
account = "{ACCOUNT.address}"
folder = "keys"
password_file = "{word}"
[state]
folder = "state"
""")
    return member_settings(folder / "role.toml")


def test_it_sends_and_writes_down(role: MemberSettings) -> None:
    with connected(role) as (chain, journal):
        receipt = chain.send("transfer", SENDER, SENDER, b"", 1)
    with connected(role) as (chain, journal):
        assert chain.chain_id == CHAIN_ID
        (entry,) = journal.of(SENDER).entries()
        assert (entry.call, entry.tx_hash, entry.block) == ("transfer", receipt.tx_hash, receipt.block)


def test_its_log_and_its_metrics_tell_what_it_sends(role: MemberSettings, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    watched = role.model_copy(
        update={"metrics": MetricsSettings(port=port), "log": LogSettings(file=tmp_path / "role.log", level="debug")}
    )
    with signer(watched) as own:
        own.chain.send("transfer", SENDER, SENDER, b"", 1)
        price = own.chain.base_fee_wei()
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            page = answer.read().decode()
    assert {'omnilytics_calls_total{call="transfer"} 1.0', 'omnilytics_gas_total{call="transfer"} 21000.0'} <= set(
        page.splitlines()
    )
    (fees,) = re.findall(r"^omnilytics_fees_wei_total (.*)$", page, re.MULTILINE)
    assert float(fees) >= 21_000 * price
    assert re.search(r'^omnilytics_node_up\{node=".*"\} 1.0$', page, re.MULTILINE)
    told = page + (tmp_path / "role.log").read_text(encoding="utf-8")
    assert PASSWORD not in told
    assert ACCOUNT.key.hex() not in told


def test_nobody_else_sends_meanwhile(role: MemberSettings) -> None:
    with connected(role), pytest.raises(JournalError, match=SENDER), connected(role):
        pass


def test_another_chain_or_password_is_refused(role: MemberSettings, tmp_path: Path) -> None:
    (url,) = role.chain.rpc
    (tmp_path / "wrong").write_text("another password")
    (tmp_path / "wrong").chmod(0o600)
    elsewhere, mistyped = written(tmp_path, url, 5, "word"), written(tmp_path, url, CHAIN_ID, "wrong")
    with pytest.raises(ChainError, match=f"chain {CHAIN_ID}, expected 5"), connected(elsewhere):
        pass
    with pytest.raises(InputError, match="got another one"), connected(mistyped):
        pass


def test_the_defaults_of_a_file_are_those_of_the_backend() -> None:
    ours = ChainSettings(rpc=("http://localhost",), chain_id=1, confirmations=Settings().confirmations)
    patience = ours.model_dump(exclude={"rpc", "chain_id", "market"})
    fees = FeeSettings()
    assert Settings(**patience, fee_ceiling_wei=fees.ceiling_wei, tip_wei=fees.tip_wei) == Settings()
