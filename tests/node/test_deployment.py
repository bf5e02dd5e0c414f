"""A market on real nodes: at the same address on all of them, once, and only where the rules are those it needs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from omnilytics.chain.keystore import Keystore
from omnilytics.chain.rpc import deployment
from omnilytics.chain.rpc.deployment import PROXY, PROXY_CODE, pieces
from omnilytics.chain.rpc.sources import bundle
from omnilytics.cli import app
from omnilytics.errors import ChainError
from omnilytics.types import Address
from tests.chain.rpc.test_sources import check
from tests.cli.conftest import valid
from tests.node.chains import RICH_ADDRESS, AnvilChain, GethChain, NodeChain
from tests.node.conftest import Start
from tests.node.launch import CHAIN_ID, RICH, Anvil, Geth, NodeProcess

pytestmark = pytest.mark.node

TX_GAS_CAP = 1 << 24  # EIP-7825


class Elsewhere(Anvil):
    """An anvil with other rules: what its `options` name is what they say, and there is no cap that Osaka alone has."""

    def command(self) -> list[str]:
        usual = iter(word for word in super().command()[: -len(self.options)] if word != "--enable-tx-gas-limit")
        kept = [word for word in usual if word not in self.options or not next(usual)]
        return [*kept, *self.options]


@pytest.fixture(params=["geth", "anvil"])
def chain(request: pytest.FixtureRequest, start: Start) -> NodeChain:
    if request.param == "anvil":
        return AnvilChain(start(Anvil))
    return GethChain(start(Geth, options=["--rpc.allow-unprotected-txs"]))


def deploy(chain: NodeChain, sender: Address) -> list[Address]:
    return [piece.address for piece in deployment.deploy(chain, sender, pieces(60))]


def test_a_market_comes_where_it_was_said_to_once(chain: NodeChain) -> None:
    plan = pieces(60)
    chain.check_rules()
    assert deployment.obstacle(chain) is None
    gas: list[int] = []
    chain.on_receipt.append(lambda receipt: gas.append(receipt.gas_used))
    assert deploy(chain, RICH_ADDRESS) == [piece.address for piece in plan]
    assert chain.code(PROXY) == PROXY_CODE
    market = chain.market(plan[-1].address)
    session, _ = market.create_session(RICH_ADDRESS)
    assert chain.session(session).owner() == RICH_ADDRESS
    assert max(gas) < TX_GAS_CAP
    assert deployment.recognized(chain, market.address) == plan
    check(bundle(plan)["contracts"][-1], chain.code(plan[-1].address))
    before = len(gas)
    assert all(piece.there for piece in deployment.survey(chain, plan))
    deploy(chain, RICH_ADDRESS)
    assert len(gas) == before


def test_two_that_deploy_at_once_have_one_market(anvil: Anvil) -> None:
    chain = AnvilChain(anvil)
    senders = [chain.create_account(label, 10**20) for label in ("one", "another")]
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda sender: deploy(chain, sender), senders)
    assert first == second
    assert chain.market(first[-1]).min_window_secs() == 60


@pytest.mark.parametrize("unprotected", [True, False])
def test_the_command_deploys_and_then_finds_it_there(start: Start, tmp_path: Path, unprotected: bool) -> None:
    """Where the proxy can't be it says so, and every call makes another market."""
    node = start(Geth, options=["--rpc.allow-unprotected-txs"] if unprotected else [])
    config = role(tmp_path, node)
    first, again = (command(config, "market", "deploy", "--yes") for _ in range(2))
    assert ("no deployment proxy here" in first.stderr) != unprotected
    made, found = (valid(json.loads(done.stdout), "market-1") for done in (first, again))
    assert made["deterministic"] == unprotected
    assert (made["market"] == pieces(60)[-1].address) == unprotected
    assert (found["market"] == made["market"]) == unprotected
    assert [one["deployed"] for one in found["contracts"]] == [not unprotected] * len(pieces(60))


def test_no_command_sends_on_a_chain_with_other_rules(start: Start, tmp_path: Path) -> None:
    node = start(Elsewhere, options=["--hardfork", "prague"])
    refused = command(role(tmp_path, node), "market", "deploy", "--yes", code=6)
    assert "can't carry sessions: hard fork: expected Osaka" in refused.stderr
    assert "next: take a network, or start a node, with the rules of Osaka" in refused.stderr
    assert node.ask("eth_blockNumber") == "0x0"


def role(folder: Path, node: NodeProcess) -> Path:
    """The settings of the account that has money."""
    Keystore(folder / "keys", 2).add(RICH, "a long way to go")
    (folder / "word").touch(0o600)
    (folder / "word").write_text("a long way to go", encoding="utf-8")
    chain = f'[chain]\nrpc = ["{node.url}"]\nchain_id = {CHAIN_ID}\nconfirmations = 0\n'
    keys = f'[keys]\naccount = "{RICH.address}"\nfolder = "keys"\npassword_file = "word"\n'
    (folder / "role.toml").write_text(f'{chain}{keys}[state]\nfolder = "state"\n', encoding="utf-8")
    return folder / "role.toml"


def command(config: Path, *words: str, code: int = 0) -> Result:
    """What a command says whose JSON goes to the standard output."""
    done = CliRunner().invoke(app, [*words, "--config", str(config), "--json", "-"])
    assert done.exit_code == code, done.output
    return done


def test_a_node_that_refuses_the_proxy_s_transaction(start: Start) -> None:
    """As geth does unless it is told otherwise: it is seen without a transaction."""
    chain = GethChain(start(Geth))
    before = chain.block_number()
    assert "only replay-protected" in str(deployment.obstacle(chain))
    assert chain.block_number() == before
    made = deployment.deploy_plainly(chain, RICH_ADDRESS, 60)
    assert deployment.recognized(chain, made[-1].address) == made


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--hardfork", "prague"], ["hard fork: expected Osaka or a later one, got one without the instruction CLZ"]),
        (["--hardfork", "cancun"], ["hard fork: expected Osaka", "bytes to cost 5222920 gas as on Osaka, got"]),
        (["--hardfork", "osaka", "--gas-limit", "16777215"], ["block gas limit: expected at least 16777216, got"]),
        (["--hardfork", "osaka", "--code-size-limit", "24575"], ["code size: expected 24576 bytes to be allowed, got"]),
    ],
    ids=["prague", "cancun", "small blocks", "small contracts"],
)
def test_rules_that_sessions_can_t_live_with_are_named(start: Start, options: list[str], words: list[str]) -> None:
    chain = AnvilChain(start(Elsewhere, options=options))
    with pytest.raises(ChainError, match="can't carry sessions") as refused:
        chain.check_rules()
    for part in words:
        assert part in str(refused.value)
    assert ("hard fork" in str(refused.value)) == ("osaka" not in options)
