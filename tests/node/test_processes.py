"""A session of processes that share nothing but a chain: to its end, and through the sudden end of one of them."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from omnilytics.experiments.owned import load_model
from omnilytics.experiments.parts import unseen
from omnilytics.types import Address, Stage
from tests.cli.conftest import valid
from tests.node.audit import check_session
from tests.node.conftest import Settle
from tests.node.processes import PATIENCE_SECS

pytestmark = pytest.mark.node


@pytest.mark.parametrize(
    ("node", "policy", "mode"),
    [
        ("geth", "abort", "calldata"),
        ("geth", "abort", "blob"),
        pytest.param("geth", "recover", "calldata", marks=pytest.mark.nightly),
        pytest.param("anvil", "abort", "calldata", marks=pytest.mark.nightly),
        pytest.param("anvil", "abort", "blob", marks=pytest.mark.nightly),
        pytest.param("anvil", "recover", "calldata", marks=pytest.mark.nightly),
    ],
)
def test_a_session_of_processes(settle: Settle, node: str, policy: str, mode: str) -> None:
    """In blobs, half of the roles have one archive and half another, and ask each other."""
    village = settle(node, policy, mode=mode)
    opened = valid(village.open(), "role-1")
    session = Address(opened["session"])
    kept = str(village.home / "kept.gz")
    roles = [village.start("mo", "mo", "run", "--dashboard", "--record", kept)]
    roles += [village.start(f"do{index}", "do", "run", "--yes") for index in range(village.members)]
    village.hasten(roles[0], session)
    for role in roles:
        role.await_end()
    check_session(village, session)
    assert f"session {session}: accuracy" in roles[0].said()
    assert "[session 1] data owners register, each with a bond" in roles[0].said()
    assert f"node       {village.chain.node.url}: block " in roles[0].said()
    blobs = ["--blobs", str(village.home / "west")] if mode == "blob" else []
    verified = valid(village.ask("do0", "verify", "--session", session, *blobs), "verify-1")
    if mode == "blob":
        collect = ["blobs", "collect", "--session", session, "--archive", str(village.home / "own")]
        valid(village.ask("do0", *collect, "--peer", f"http://127.0.0.1:{village.archives['east']}"), "blobs-1")
        blobs[1] = str(village.home / "own")
    assert verified == valid(village.ask("do0", "verify", kept, *blobs), "verify-1") | {"source": "chain"}
    assert valid(village.ask("do0", "do", "status", "--session", session), "role-1")["stage"] == "finished"
    assert valid(village.ask("do0", "market", "show", "--session", session), "session-1")["stage"] == "finished"
    assert valid(village.ask("do0", "market", "list"), "sessions-1")["sessions"][0]["session"] == session


@pytest.mark.parametrize(
    ("node", "policy"),
    [
        pytest.param("geth", "abort", marks=pytest.mark.nightly),
        pytest.param("geth", "recover", marks=pytest.mark.nightly),
        pytest.param("anvil", "abort", marks=pytest.mark.nightly),
        ("anvil", "recover"),
    ],
)
def test_members_alone_bring_it_to_its_end(settle: Settle, node: str, policy: str) -> None:
    """The owner's process is killed once the session is started, and doesn't come back."""
    village = settle(node, policy)
    session = Address(village.open()["session"])
    owner = village.start("mo", "mo", "run")
    owner.await_words("waits for")
    owner.kill()
    members = [village.start(f"do{index}", "do", "run", "--yes") for index in range(village.members)]
    village.hasten(members[0], session)
    for member in members:
        member.await_end()
    there = village.chain.session(session)
    money = there.money()
    assert (there.stage(), there.accepted()) == (Stage.FINISHED, 1)
    assert money.deposited - money.withdrawn == there.credit_of(village.address("mo")) > 0
    assert all(there.member(village.address(f"do{index}")).withdrawn for index in range(village.members))
    village.ask("mo", "mo", "withdraw", "--session", session)
    check_session(village, session)


@pytest.mark.nightly
def test_a_model_that_gets_better_session_by_session(settle: Settle) -> None:
    """The second session begins with what the first one came to, by processes that know nothing but their files."""
    village = settle("anvil", "abort")
    reached = []
    for number in (1, 2):
        session = Address(village.open()["session"])
        members = [village.start(f"do{index}", "do", "run", "--yes") for index in range(village.members)]
        run = valid(village.ask("mo", "mo", "run", "--session", session), "role-1")
        for member in members:
            member.await_end()
        check_session(village, session)
        assert (run["session"], run["stage"], run["accuracy"]["samples"]) == (session, "finished", 597), number
        reached.append(run["accuracy"])
    first, second = reached
    assert first["after"] == second["before"]
    assert second["after"]["public"] > first["before"]["public"]
    assert valid(village.ask("mo", "mo", "status", "--session", session), "role-1")["accuracy"] == second
    model = village.home / "model.npz"
    command = [*village.command("mo", "mo", "export"), "--out", str(model)]
    subprocess.run(command, check=True, timeout=PATIENCE_SECS, stdin=subprocess.DEVNULL)
    test = unseen("digits", None)
    assert 100 * np.mean(load_model(model.read_bytes()).predict(test.x) == test.y) == second["after"]["whole"]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param("abort", "registers, with", marks=pytest.mark.nightly),
        pytest.param("abort", "commits to", marks=pytest.mark.nightly),
        pytest.param("abort", "uploads chunk", marks=pytest.mark.nightly),
        pytest.param("recover", "shares its secrets", marks=pytest.mark.nightly),
        pytest.param("recover", "reveals its self mask", marks=pytest.mark.nightly),
    ],
)
def test_a_data_owner_that_is_killed_goes_on(settle: Settle, policy: str, words: str) -> None:
    """A process of its own each; test_kills has all places, by day."""
    village = settle("anvil", policy)
    opened = village.open()
    victim = village.start("do0", "do", "run", "--yes")
    others = [village.start(f"do{index}", "do", "run", "--yes") for index in range(1, village.members)]
    owner = village.start("mo", "mo", "run")
    session = Address(opened["session"])
    if words == "reveals its self mask":
        village.hasten(owner, session)
    victim.await_words(words)
    victim.kill()
    victim.start()
    if words == "shares its secrets":
        village.hasten(owner, session)
    for role in (victim, *others, owner):
        role.await_end()
    check_session(village, Address(opened["session"]))
