"""`omnilytics market`, `mo` and `do`, on a chain in this process: what is asked, said, written and refused."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from omnilytics.chain.base import SessionPort
from omnilytics.chain.journal import FileJournal
from omnilytics.chain.rpc.nodes import Health
from omnilytics.cli import connection
from omnilytics.experiments import owned
from omnilytics.experiments.apart import continued
from omnilytics.experiments.owned import load_model
from omnilytics.experiments.parts import part_of, training, unseen
from omnilytics.protocol.finality import FINALITY_BLOCKS
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.protocol.member_role import MemberRole
from omnilytics.protocol.randomness import SystemRandomness
from omnilytics.protocol.releases import ReleaseLog
from omnilytics.protocol.steps import step
from omnilytics.protocol.watch import Watch
from omnilytics.seeds import Seeds
from omnilytics.types import Address, Stage
from tests.chain.ground import Ground
from tests.cli.conftest import Call, valid
from tests.experiments.vault import Kept

OWNER, MEMBER = (Account.from_key(bytes([number]) * 32) for number in (1, 2))
OTHERS = [Account.from_key(bytes([number]) * 32) for number in (3, 4, 5)]
MONEY_WEI = 10**20
COMMANDS = [("market", "deploy"), ("market", "bundle"), ("market", "list"), ("market", "show")]
COMMANDS += [("mo", name) for name in ("create", "run", "status", "export", "exit", "withdraw")]
COMMANDS += [("do", name) for name in ("join", "run", "status", "withdraw")]


class Priced(Ground):
    """The embedded chain, taken for one with others on it, so that nothing may come from a seed."""

    simulated = False  # type: ignore[assignment]

    def health(self) -> list[Health]:
        return [Health("http://127.0.0.1:1", self.block_number(), ""), Health("ws://b", None, "no connection")]


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Priced:
    """Stands for the nodes; keys are those of this file, journals real ones. Owners fit their private part in haste."""
    monkeypatch.setattr(
        owned, "for_owner", lambda recipe, samples: replace(recipe, owner_train=replace(recipe.owner_train, epochs=1))
    )
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
    write("mo.toml", OWNER, market, data="parts = 32", state='folder = "state"', session=SESSION)
    write("do.toml", MEMBER, market, data="part = 1\nparts = 32")
    Path("members.txt").write_text("\n".join(account.address for account in (MEMBER, *OTHERS)), encoding="utf-8")


def create(call: Call, *more: str) -> Any:
    return call("mo", "create", "--config", "mo.toml", "--members", "members.txt", *more)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(call: Call, command: tuple[str, ...]) -> None:
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert f"Example: omnilytics {' '.join(command)}" in result.stdout
    assert ("--json FILE" in result.stdout) == (command != ("mo", "export"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_takes_a_seed(call: Call, command: tuple[str, ...]) -> None:
    result = call(*command, "--seed", "7")
    assert result.exit_code == 2
    assert "No such option: --seed" in result.stderr


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
    value = valid(json.loads(shown.stdout), "session-1")
    assert value["registered"] == 1
    assert value["nodes"][1] == {"node": "ws://b", "block": None, "trouble": "no connection"}
    assert f"node       http://127.0.0.1:1: block {chain.block_number()}" in shown.stderr
    assert "node       ws://b: no connection" in shown.stderr
    listed = call("market", "list", "--config", "mo.toml", "--json", "-")
    assert [one["stage"] for one in valid(json.loads(listed.stdout), "sessions-1")["sessions"]] == ["register"]


@pytest.mark.usefixtures("files")
def test_an_owner_ends_its_session_and_takes_its_money_back(call: Call) -> None:
    create(call, "--yes")
    refused = create(call, "--yes")
    assert (refused.exit_code, "expected it to be finished before another one" in refused.stderr) == (5, True)
    assert "next: `omnilytics mo run` follows it to its end" in refused.stderr
    assert call("mo", "exit", "--config", "mo.toml").exit_code == 2
    assert call("mo", "exit", "--config", "mo.toml", "--yes").exit_code == 0
    early = create(call, "--yes")
    assert (early.exit_code, "expected its end to be final, which takes 96 more blocks" in early.stderr) == (5, True)
    session = json.loads(call("market", "list", "--config", "mo.toml", "--json", "-").stdout)["sessions"][0]["session"]
    assert call("mo", "withdraw", "--config", "mo.toml", "--session", session).exit_code == 0
    nothing = call("mo", "withdraw", "--config", "mo.toml", "--session", session)
    assert (nothing.exit_code, "expected a credit" in nothing.stderr) == (5, True)


@dataclass
class Members:
    """Four data owners, who do their part whenever the owner waits for a block."""

    chain: Priced
    folder: Path
    vaults: list[Kept] = field(default_factory=lambda: [Kept() for _ in range(4)])
    roles: list[MemberRole] = field(default_factory=list)

    def join(self, session: SessionPort, number: int) -> None:
        self.roles = [self._role(session, number, part) for part in range(1, 5)]

    def do_their_part(self) -> None:
        for role in self.roles:
            step(role)

    def _role(self, session: SessionPort, number: int, part: int) -> MemberRole:
        account = Address((MEMBER, *OTHERS)[part - 1].address.lower())
        policy = Policy(accept_near_repeats=True)
        watch = Watch(self.chain, session)
        releases = ReleaseLog(self.folder / f"{account}.releases")
        data = part_of("digits", None, part, 32)
        return MemberRole(
            watch=watch,
            member=DataOwner(self.chain, account, policy=policy, releases=releases),
            randomness=SystemRandomness(),
            train=continued(training("digits", data, watch.params, Seeds(part), number), self.vaults[part - 1], "own"),
        )


@pytest.fixture
def members(chain: Priced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Members:
    members = Members(chain, tmp_path)
    mine = Priced.wait_blocks

    def wait(self: Priced, count: int) -> None:
        mine(self, count)
        members.do_their_part()

    monkeypatch.setattr(Priced, "wait_blocks", wait)
    return members


@pytest.mark.parametrize("split", ["side", "layers"])
@pytest.mark.usefixtures("files")
def test_the_model_gets_better_session_by_session(call: Call, chain: Priced, members: Members, split: str) -> None:
    with Path("mo.toml").open("a", encoding="utf-8") as file:
        file.write(f'split = "{split}"\n[tensorboard]\nfolder = "curves"\n')  # its last section is [session]
    reached = []
    for number in (1, 2):
        opened = create(call, "--yes", "--json", "-")
        assert opened.exit_code == 0, opened.stderr
        session = chain.session(Address(json.loads(opened.stdout)["session"]))
        members.join(session, number)
        ran = call("mo", "run", "--config", "mo.toml", "--json", "run.json")
        assert (ran.exit_code, ran.stderr) == (0, "")
        assert f"session {session.address}: accuracy" in ran.stdout
        value = valid(json.loads(Path("run.json").read_text()), "role-1")
        assert (value["session"], value["stage"], value["accepted"]) == (session.address, "finished", [0])
        reached.append(value["accuracy"])
        status = call("mo", "status", "--config", "mo.toml", "--json", "-")
        assert valid(json.loads(status.stdout), "role-1")["accuracy"] == value["accuracy"]
        assert "accuracy" in status.stderr
    first, second = reached
    assert first["after"] == second["before"] != second["after"]
    assert len(list(Path("curves").iterdir())) == 2
    assert second["after"]["public"] > first["before"]["public"] or split == "layers"

    again = call("mo", "run", "--config", "mo.toml", "--json", "-")
    assert (again.exit_code, json.loads(again.stdout)["calls"]) == (0, [])
    assert json.loads(again.stdout)["accuracy"] == second

    exported = call("mo", "export", "--config", "mo.toml", "--out", "model.npz")
    assert (exported.exit_code, exported.stdout) == (0, "the model is in model.npz\n")
    assert stat.S_IMODE(Path("model.npz").stat().st_mode) == 0o600
    test = unseen("digits", None)
    model = load_model(Path("model.npz").read_bytes())
    assert 100 * np.mean(model.predict(test.x) == test.y) == pytest.approx(second["after"]["whole"])
    taken = call("mo", "export", "--config", "mo.toml", "--out", "model.npz")
    assert (taken.exit_code, "--out: expected a name that isn't taken" in taken.stderr) == (2, True)


@pytest.mark.usefixtures("files")
def test_samples_of_ones_own(call: Call, chain: Priced) -> None:
    """Owner and data owner have parts of one file; what the model is like the data owner reads off the offer."""
    x = np.random.default_rng(0).random((90, 7))
    np.savez("my.npz", x=x, y=(x[:, :3]).argmax(axis=1))
    market = json.loads(Path("market.json").read_text())["market"]
    data = 'dataset = "file"\nfile = "my.npz"\nclasses = 3\nparts = 3'
    write("mo.toml", OWNER, market, data=f"{data}\nwidth = 5", state='folder = "state"', session=SESSION)
    write("do.toml", MEMBER, market, data=f"{data}\npart = 1")
    opened = create(call, "--yes", "--json", "-")
    assert (opened.exit_code, opened.stdout[:1]) == (0, "{")
    session = chain.session(Address(json.loads(opened.stdout)["session"]))
    assert session.params().parameter_count == (7 + 1) * 5 + (5 + 1) * 3
    assert call("do", "join", "--config", "do.toml", "--yes").exit_code == 0
    assert session.registered_count() == 1
    Path("my.npz").write_text("no arrays")
    damaged = call("mo", "export", "--config", "mo.toml", "--out", "model.npz")
    assert (damaged.exit_code, "my.npz: expected a file of the arrays x and y" in damaged.stderr) == (3, True)


@pytest.mark.usefixtures("files")
def test_a_session_that_ended_unseen_is_taken_in_by_the_next_command(
    call: Call, chain: Priced, members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mo run` is killed when the session is over and the model isn't written yet."""
    session = chain.session(Address(json.loads(create(call, "--yes", "--json", "-").stdout)["session"]))
    members.join(session, 1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("omnilytics.experiments.owned.OwnedModel.catch_up", killed)
        assert call("mo", "run", "--config", "mo.toml").exit_code == 130
    assert session.stage() is Stage.FINISHED
    status = call("mo", "status", "--config", "mo.toml", "--json", "-")
    assert json.loads(status.stdout)["accuracy"] is None
    opened = create(call, "--yes")
    assert f"session {session.address}: accuracy" in opened.stdout
    both = [
        Watch(chain, chain.session(one)).ledger().published
        for one in (session.address, Address(opened.stdout.split()[-1]))
    ]
    assert both[0] != both[1]


@pytest.mark.usefixtures("files")
def test_a_damaged_progress_file_is_named(call: Call) -> None:
    create(call, "--yes")
    (file,) = Path("state/31337").glob("*.progress.json")
    assert json.loads(file.read_text()) == []
    for wrong in ("{", "[1]", '[{"session": "0x"}]', "5"):
        file.write_text(wrong)
        status = call("mo", "status", "--config", "mo.toml")
        assert (status.exit_code, "expected what `omnilytics mo run` has written" in status.stderr) == (3, True)


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
    assert "deploys    1 contract on" in asked.stdout
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


@pytest.mark.usefixtures("files")
def test_nobody_puts_money_into_a_market_of_other_contracts(
    call: Call, chain: Priced, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(call, "--yes")
    before, code = len(chain.transactions()), chain.code
    monkeypatch.setattr(chain, "code", lambda address: code(address).replace(b"market: ", b"market; "))
    joined = call("do", "join", "--config", "do.toml", "--yes")
    assert call("mo", "exit", "--config", "mo.toml", "--yes").exit_code == 0  # money may be taken out
    chain.wait_blocks(FINALITY_BLOCKS)
    opened = create(call, "--yes")
    for refused in (joined, opened):
        assert (refused.exit_code, "has another code than this package's" in refused.stderr) == (6, True)
        assert "next: ask whoever named the market" in refused.stderr
    assert len(chain.transactions()) == before + 1


def test_what_the_proxy_costs_is_said_too(call: Call, chain: Priced) -> None:
    write("mo.toml", OWNER, None, session=SESSION)
    asked = call("market", "deploy", "--config", "mo.toml")
    assert "and before the deployment proxy, for 0.01 ether" in asked.stdout
    call("market", "deploy", "--config", "mo.toml", "--yes")
    again = call("market", "deploy", "--config", "mo.toml", "--salt", 1)
    assert (again.exit_code, "deployment proxy" in again.stdout) == (2, False)


def test_who_can_t_pay_for_a_market_sends_nothing(call: Call, chain: Priced) -> None:
    write("mo.toml", OWNER, None, session=SESSION)
    chain.endow(OWNER.address, 10**15)
    result = call("market", "deploy", "--config", "mo.toml", "--yes")
    assert (result.exit_code, "send it money" in result.stderr, chain.transactions()) == (6, True, [])
