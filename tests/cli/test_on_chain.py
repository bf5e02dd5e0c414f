"""`observe`, `verify` and `market` of sessions on a chain in this process, without a file or a key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.chain.rpc.nodes import Health
from omnilytics.cli import connection
from omnilytics.protocol.record import read_sessions
from tests.cli.conftest import Call, valid
from tests.e2e.market import Fair
from tests.e2e.test_narrator import SHUFFLED, cohort_of

URL = ("--rpc", "http://127.0.0.1:1")


@pytest.fixture(scope="module")
def fair() -> Fair:
    """Two finished sessions, the second with a cohort of the first; don't change it."""
    fair = Fair(12)
    first = fair.run(SHUFFLED)
    fair.run(SHUFFLED, cohorts={member: cohort_of(fair, 0, 2) for member in first.groups[2]})
    return fair


@pytest.fixture
def on(fair: Fair, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """What is typed to read from its chain, which has others on it."""
    monkeypatch.setattr(EmbeddedChain, "simulated", False)
    monkeypatch.setattr(EmbeddedChain, "health", lambda chain: [Health("here", 3, "")], raising=False)
    monkeypatch.setattr(connection, "reader", lambda settings: fair.world.chain)
    return (*URL, "--market", fair.world.market.address)


def read(path: str, schema: str) -> Any:
    return valid(json.loads(Path(path).read_text(encoding="utf-8")), schema)


def test_a_session_is_observed(call: Call, fair: Fair, on: tuple[str, ...]) -> None:
    session = fair.sessions[1].address
    result = call("observe", *on, "--session", session, "--json", "seen.json", "--report", "seen.html")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "[run] 12 data owners, 100 public parameters, rule norm"
    assert "[session 2] the session is over" in lines
    assert "all of it follows from the session's logs" in lines[-1]
    value = read("seen.json", "observe-1")
    (seen,) = value["sessions"]
    money = fair.sessions[1].money()
    assert (seen["number"], seen["address"], seen["accepted"]) == (2, session, [0, 1, 2, 3])
    assert seen["money"]["withdrawn_wei"] == money.withdrawn
    assert value["finished"] is True
    assert value["accuracy"] == {"alone": None, "start": None, "public": None, "final": None}
    assert sum(member["earned_wei"] for member in value["members"]) == 12 * (10**18 // 12)
    page = Path("seen.html").read_text(encoding="utf-8")
    assert "Encoding delta, rule norm." in page
    assert "None" not in page
    assert "Accuracy" not in page


def test_what_was_observed_is_kept(call: Call, fair: Fair, on: tuple[str, ...]) -> None:
    first = call("observe", *on, "--session", fair.sessions[0].address, "--record", "kept.gz")
    assert first.exit_code == 0
    again = call("observe", "--replay", "kept.gz")
    assert again.stdout == first.stdout
    assert list(read_sessions(Path("kept.gz"))) == fair.records[:1]
    checked = call("verify", "kept.gz", "--json", "-")
    value = valid(json.loads(checked.stdout), "verify-1")
    assert (value["source"], value["contract"], value["sessions"]) == ("record", False, 1)
    beside = call("verify", "kept.gz", *URL, "--json", "-")
    value = valid(json.loads(beside.stdout), "verify-1")
    assert (value["source"], value["contract"]) == ("record", True)
    assert {"what": "stage in the contract", "times": 1} in value["checks"]


def test_the_newest_finished_session_is_verified_with_those_before(call: Call, fair: Fair, on: tuple[str, ...]) -> None:
    result = call("verify", *on, "--record", "kept.gz", "--json", "checked.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "logs read from the chain, held against the contracts"
    value = read("checked.json", "verify-1")
    assert (value["source"], value["contract"], value["sessions"]) == ("chain", True, 2)
    counts = {one["what"]: one["times"] for one in value["checks"]}
    assert counts["suspicions that follow from the sessions before"] == 12
    assert counts["members of accepted cohorts"] == 3
    assert list(read_sessions(Path("kept.gz"))) == fair.records
    assert call("verify", "kept.gz").exit_code == 0
    shown = call("observe", "--replay", "kept.gz", "--json", "-")
    assert [one["number"] for one in valid(json.loads(shown.stdout), "observe-1")["sessions"]] == [1, 2]


def test_one_session_alone(call: Call, fair: Fair, on: tuple[str, ...]) -> None:
    first = call("verify", *on, "--session", fair.sessions[0].address, "--json", "-")
    assert json.loads(first.stdout)["sessions"] == 1
    strange = call("verify", *on, "--session", fair.members[0])
    assert (strange.exit_code, "--session: expected a session of market" in strange.stderr) == (2, True)


def test_a_record_of_another_chain_is_refused(
    call: Call, fair: Fair, on: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    call("observe", *on, "--session", fair.sessions[0].address, "--record", "kept.gz", "--quiet")
    monkeypatch.setattr(EmbeddedChain, "chain_id", 5)
    result = call("verify", "kept.gz", *URL)
    assert (result.exit_code, "chain of the contract: expected 5, found 31337" in result.stderr) == (7, True)


def test_a_session_that_goes_on_has_no_verdict(
    call: Call, on: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Fair(12)
    session = other.open(SHUFFLED)
    monkeypatch.setattr(connection, "reader", lambda settings: other.world.chain)
    here = (*URL, "--market", other.world.market.address)
    result = call("verify", *here, "--session", session.address)
    assert (result.exit_code, "expected it to be finished, got stage register" in result.stderr) == (5, True)
    none = call("verify", *here)
    assert (none.exit_code, "has none that is finished" in none.stderr) == (2, True)


def test_what_is_typed_stands_for_a_file(call: Call, fair: Fair, on: tuple[str, ...]) -> None:
    listed = call("market", "list", *on, "--json", "-")
    sessions = valid(json.loads(listed.stdout), "sessions-1")["sessions"]
    assert [one["session"] for one in sessions] == [session.address for session in fair.sessions]
    assert {one["owner"] for one in sessions} == {fair.world.owner}
    shown = call("market", "show", *on, "--session", fair.sessions[0].address, "--json", "-")
    assert valid(json.loads(shown.stdout), "session-1")["nodes"] == [{"node": "here", "block": 3, "trouble": None}]
    account = ("--account", fair.members[0])
    for role in ("mo", "do"):
        status = call(role, "status", *on, *account, "--session", fair.sessions[0].address, "--json", "-")
        assert valid(json.loads(status.stdout), "role-1")["account"] == fair.members[0]
    nobody = call("do", "status", *on, "--session", fair.sessions[0].address)
    assert (nobody.exit_code, "--account: expected whose view to take" in nobody.stderr) == (2, True)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ((), "--rpc: expected the URL of a node, or --config and a role's file"),
        (("--rpc", "ftp://host/secret"), "--rpc: expected http, https, ws or wss with a host"),
        ((*URL, "--chain-id", "0"), "--chain-id: expected"),
        ((*URL, "--market", "0x12"), "--market: expected"),
        ((*URL, "--first-block", "-1"), "--first-block: expected"),
        (URL, "chain.market: expected the address of a market, or --market, got none"),
        (("--config", "none.toml"), "none.toml: expected a configuration to read"),
    ],
)
@pytest.mark.usefixtures("on")
def test_what_cant_work_is_named(call: Call, typed: tuple[str, ...], message: str) -> None:
    for command in (("observe",), ("verify",), ("market", "list"), ("market", "show")):
        result = call(*command, *typed)
        assert result.exit_code in (2, 3)
        assert message in result.stderr
        assert "secret" not in result.stderr


@pytest.mark.parametrize(
    "typed",
    [
        ("observe", "--replay", "run.gz", *URL),
        ("observe", "--replay", "run.gz", "--session", "0x12"),
        ("observe", "--replay", "run.gz", "--record", "again.gz"),
        ("verify", "run.gz", "--session", "0x12"),
        ("verify", "run.gz", "--record", "again.gz"),
        ("verify", "run.gz", "--market", "0x12"),
    ],
)
def test_a_record_and_a_chain_dont_go_together_everywhere(call: Call, typed: tuple[str, ...]) -> None:
    result = call(*typed)
    assert (result.exit_code, "expected" in result.stderr) == (2, True)


def test_what_is_typed_goes_before_the_file(
    call: Call, fair: Fair, on: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(connection, "reader", lambda settings: (seen.append(settings.chain), fair.world.chain)[1])
    market = f'market = "0x{5:040x}"\nconfirmations = 7'
    Path("role.toml").write_text(
        f'[chain]\nrpc = ["http://a"]\nchain_id = 31337\n{market}\n[keys]\naccount = "{fair.members[0]}"\n'
    )
    typed = ("--rpc", "http://b", "--rpc", "ws://c", "--market", fair.world.market.address, "--first-block", "2")
    assert call("market", "list", "--config", "role.toml", *typed).exit_code == 0
    assert call("market", "list", "--config", "role.toml", "--rpc", "http://b").exit_code == 0
    account = fair.members[1]
    status = ("do", "status", "--config", "role.toml", *typed, "--session", fair.sessions[0].address, "--json", "-")
    other, own = call(*status, "--account", account), call(*status)
    accounts = [valid(json.loads(one.stdout), "role-1")["account"] for one in (other, own)]
    assert accounts == [account, fair.members[0]]
    assert (seen[0].rpc, seen[0].market) == (("http://b", "ws://c"), fair.world.market.address)
    assert (seen[0].first_block, seen[0].chain_id, seen[0].confirmations) == (2, 31337, 7)
    assert (seen[1].rpc, seen[1].market) == (("http://b",), f"0x{5:040x}")
