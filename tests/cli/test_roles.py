"""`omnilytics market`, `mo` and `do`, on a chain in this process: what is asked, said, written and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from omnilytics.chain.journal import FileJournal
from omnilytics.cli import connection
from omnilytics.types import Address, Stage
from tests.chain.ground import Ground
from tests.cli.conftest import Call, valid

OWNER, MEMBER = (Account.from_key(bytes([number]) * 32) for number in (1, 2))
OTHERS = [Account.from_key(bytes([number]) * 32) for number in (3, 4, 5)]
MONEY_WEI = 10**20
COMMANDS = [("market", "deploy"), ("market", "bundle"), ("market", "list"), ("market", "show")]
COMMANDS += [("mo", name) for name in ("create", "run", "status", "exit", "withdraw")]
COMMANDS += [("do", name) for name in ("join", "run", "status", "withdraw")]


class Priced(Ground):
    """The embedded chain, taken for one with others on it, so that nothing may come from a seed."""

    simulated = False  # type: ignore[assignment]


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Priced:
    """Stands for the nodes; keys are those of this file, journals real ones."""
    chain = Priced(charge_gas=True)
    accounts = {account.address.lower(): account for account in (OWNER, MEMBER, *OTHERS)}
    for account in accounts.values():
        chain.endow(account.address, MONEY_WEI)

    class Signing:
        def __init__(self, settings: Any) -> None:
            self.sender = Address(settings.keys.account)
            self.folder = tmp_path / "state"
            self.journal = FileJournal(self.folder, 31337, [accounts[self.sender]])

        def __enter__(self) -> connection.Signer:
            own = self.journal.of(self.sender)
            return connection.Signer(chain, self.sender, own, self.folder / "31337")  # type: ignore[arg-type]

        def __exit__(self, *_: object) -> None:
            self.journal.shut()

    monkeypatch.setattr(connection, "reader", lambda settings: chain)
    monkeypatch.setattr(connection, "signer", Signing)
    return chain


def write(path: str, account: LocalAccount, market: str | None, **sections: str) -> str:
    text = f'[chain]\nrpc = ["http://127.0.0.1:1"]\nchain_id = 31337\n[keys]\naccount = "{account.address}"\n'
    if market is not None:
        text = text.replace("[keys]", f'market = "{market}"\n[keys]')
    text += "".join(f"[{name}]\n{content}\n" for name, content in sections.items())
    Path(path).write_text(text, encoding="utf-8")
    return path


SESSION = 'rounds = 1\ngroup_size = 4\nreward_wei = 1000000000000000000\nassignment = "greedy"'


@pytest.fixture
def files(call: Call, chain: Priced) -> None:
    """A market, and the files of both roles."""
    write("mo.toml", OWNER, None, session=SESSION)
    result = call("market", "deploy", "--config", "mo.toml", "--yes", "--min-window-secs", 1, "--json", "market.json")
    assert (result.exit_code, result.stderr) == (0, "")
    market = valid(json.loads(Path("market.json").read_text()), "market-1")["market"]
    write("mo.toml", OWNER, market, session=SESSION, data="parts = 2")
    write("do.toml", MEMBER, market, data="part = 1\nparts = 2")
    Path("members.txt").write_text("\n".join(account.address for account in (MEMBER, *OTHERS)), encoding="utf-8")


def create(call: Call, *more: str) -> Any:
    return call("mo", "create", "--config", "mo.toml", "--members", "members.txt", *more)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(call: Call, command: tuple[str, ...]) -> None:
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert f"Example: omnilytics {' '.join(command)}" in result.stdout
    assert "--json FILE" in result.stdout


@pytest.mark.usefixtures("files")
def test_nothing_moves_without_a_yes_where_nobody_can_be_asked(call: Call, chain: Priced) -> None:
    before = chain.block_number()
    result = create(call)
    assert result.exit_code == 2
    assert "--yes: expected it where there is no terminal" in result.stderr
    assert "deposits" in result.stdout
    assert chain.block_number() == before


@pytest.mark.usefixtures("files")
def test_a_session_is_opened_joined_and_looked_at(call: Call, chain: Priced) -> None:
    opened = create(call, "--yes", "--json", "opened.json")
    assert (opened.exit_code, opened.stderr) == (0, "")
    value = valid(json.loads(Path("opened.json").read_text()), "role-1")
    assert [one["call"] for one in value["calls"]] == ["create_session", "whitelist", "publish", "start"]
    session = chain.session(Address(value["session"]))
    assert session.stage() is Stage.REGISTER

    joined = call("do", "join", "--config", "do.toml", "--yes", "--json", "-")
    assert joined.exit_code == 0
    assert [one["call"] for one in valid(json.loads(joined.stdout), "role-1")["calls"]] == ["register"]
    assert "deposits   a bond of" in joined.stderr
    assert session.registered_count() == 1
    again = call("do", "join", "--config", "do.toml", "--json", "-")
    assert (again.exit_code, json.loads(again.stdout)["calls"]) == (0, [])

    status = call("do", "status", "--config", "do.toml", "--json", "status.json")
    assert "waits for more data owners to register" in status.stdout
    assert valid(json.loads(Path("status.json").read_text()), "role-1")["waiting"] is not None
    shown = call("market", "show", "--config", "do.toml", "--json", "-")
    assert valid(json.loads(shown.stdout), "session-1")["registered"] == 1
    listed = call("market", "list", "--config", "mo.toml", "--json", "-")
    assert [one["stage"] for one in valid(json.loads(listed.stdout), "sessions-1")["sessions"]] == ["register"]


@pytest.mark.usefixtures("files")
def test_an_owner_ends_its_session_and_takes_its_money_back(call: Call) -> None:
    create(call, "--yes")
    refused = create(call, "--yes")
    assert (refused.exit_code, "expected it to be finished before another one" in refused.stderr) == (5, True)
    assert call("mo", "exit", "--config", "mo.toml").exit_code == 2
    assert call("mo", "exit", "--config", "mo.toml", "--yes").exit_code == 0
    session = json.loads(call("market", "list", "--config", "mo.toml", "--json", "-").stdout)["sessions"][0]["session"]
    assert call("mo", "withdraw", "--config", "mo.toml", "--session", session).exit_code == 0
    nothing = call("mo", "withdraw", "--config", "mo.toml", "--session", session)
    assert (nothing.exit_code, "expected a credit" in nothing.stderr) == (5, True)


@pytest.mark.usefixtures("files")
def test_who_can_t_pay_is_told_how_much_is_missing(call: Call, chain: Priced) -> None:
    chain.endow(OWNER.address, 10**18)
    result = create(call, "--yes")
    assert result.exit_code == 6
    assert "to deposit and" in result.stderr
    assert "send it money" in result.stderr


@pytest.mark.usefixtures("files")
def test_no_session_or_a_strange_one_is_refused(call: Call) -> None:
    none = call("do", "run", "--config", "do.toml", "--yes")
    assert (none.exit_code, "has none that isn't over" in none.stderr) == (2, True)
    for given in ("0x12", OWNER.address):
        strange = call("do", "status", "--config", "do.toml", "--session", given)
        assert (strange.exit_code, "--session: expected" in strange.stderr) == (2, True)


def test_a_market_must_be_named(call: Call, chain: Priced) -> None:
    write("do.toml", MEMBER, None)
    result = call("market", "list", "--config", "do.toml")
    assert (result.exit_code, "chain.market: expected the address" in result.stderr) == (2, True)
    assert "next: `omnilytics market deploy` makes one" in result.stderr


@pytest.mark.usefixtures("files")
def test_a_market_that_is_there_isn_t_deployed_again(call: Call, chain: Priced) -> None:
    first, before = json.loads(Path("market.json").read_text()), len(chain.transactions())
    again = call("market", "deploy", "--config", "mo.toml", "--json", "-", "--min-window-secs", 1)
    assert (again.exit_code, "is there already" in again.stderr) == (0, True)
    value = valid(json.loads(again.stdout), "market-1")
    assert (value["market"], value["deterministic"]) == (first["market"], True)
    assert [one["deployed"] for one in first["contracts"]] == [True] * len(first["contracts"])
    assert [one["deployed"] for one in value["contracts"]] == [False] * len(first["contracts"])
    assert len(chain.transactions()) == before


@pytest.mark.usefixtures("files")
def test_the_address_is_said_before_anything_is_sent(call: Call, chain: Priced) -> None:
    before = len(chain.transactions())
    asked = call("market", "deploy", "--config", "mo.toml", "--salt", 5)
    assert (asked.exit_code, len(chain.transactions())) == (2, before)
    said = next(line.split()[-1] for line in asked.stdout.splitlines() if line.startswith("market "))
    assert "deploys    1 contracts" in asked.stdout
    assert call("market", "deploy", "--config", "mo.toml", "--salt", 5, "--yes").stdout.splitlines()[-1] == said


@pytest.mark.usefixtures("files")
def test_a_bundle_has_the_contracts_that_were_deployed(call: Call) -> None:
    made = json.loads(Path("market.json").read_text())
    result = call("market", "bundle", "--min-window-secs", 1, "--json", "-")
    assert result.exit_code == 0
    value = valid(json.loads(result.stdout), "bundle-1")
    named = [(one["contract"], one["address"]) for one in value["contracts"]]
    assert named == [(one["contract"], one["address"]) for one in made["contracts"]]
    assert call("market", "bundle", "--min-window-secs", 1).stdout.split()[-1] == made["market"]
    assert call("market", "bundle", "--min-window-secs", 1, "--salt", 1).stdout.split()[-1] != made["market"]


def test_a_market_without_the_proxy(call: Call, chain: Priced) -> None:
    chain.unprotected = False
    write("mo.toml", OWNER, None, session=SESSION)
    result = call("market", "deploy", "--config", "mo.toml", "--yes", "--json", "-")
    assert "no deployment proxy here, since the node refuses its transaction" in result.stderr
    value = valid(json.loads(result.stdout), "market-1")
    assert (value["deterministic"], all(one["deployed"] for one in value["contracts"])) == (False, True)


def test_who_can_t_pay_for_a_market_sends_nothing(call: Call, chain: Priced) -> None:
    write("mo.toml", OWNER, None, session=SESSION)
    chain.endow(OWNER.address, 10**15)
    result = call("market", "deploy", "--config", "mo.toml", "--yes")
    assert (result.exit_code, "send it money" in result.stderr, chain.transactions()) == (6, True, [])
