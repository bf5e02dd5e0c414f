"""A session of processes that share nothing but a chain: to its end, and through the sudden end of one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omnilytics.protocol.history import History
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Address, Stage
from tests.cli.conftest import valid
from tests.node.chains import AnvilChain
from tests.node.conftest import Start
from tests.node.launch import Anvil
from tests.node.processes import WINDOW_SECS, Village

pytestmark = pytest.mark.node

MEMBERS = 4
OBJECT_SECS = 45
"""The time to object can't end early."""
SESSION = {
    "rounds": 1,
    "group_size": MEMBERS,
    "reward_wei": 10**18,
    "assignment": "greedy",
}

Settle = Callable[..., Village]


@pytest.fixture
def settle(start: Start, tmp_path: Path) -> Iterator[Settle]:
    """A village on a node that makes a block every second once a session is open."""
    villages: list[Village] = []

    def settle(commit_secs: int = WINDOW_SECS, **session: object) -> Village:
        node = start(Anvil)
        villages.append(Village(tmp_path, AnvilChain(node), MEMBERS, SESSION | session, commit_secs))
        return villages[-1]

    yield settle
    for village in villages:
        village.end()


def check(village: Village, session: Address) -> None:
    """All have their money, and every number that the session came to follows from its logs."""
    there = village.chain.session(session)
    assert there.stage() is Stage.FINISHED
    assert there.accepted() == 1
    money = there.money()
    assert money.deposited == money.withdrawn
    for index in range(MEMBERS):
        assert there.member(village.address(f"do{index}")).withdrawn
    logs = tuple(village.chain.logs(session))
    record = SessionRecord(1, village.chain.chain_id, session, village.address("mo"), logs)
    checks = verify_session(record, History()).checks
    assert checks["squared norms"] == 1
    assert checks["registrations within the capacity"] == MEMBERS


@pytest.mark.parametrize(("policy", "commit_secs"), [("abort", WINDOW_SECS), ("recover", OBJECT_SECS)])
def test_a_session_of_processes(settle: Settle, policy: str, commit_secs: int) -> None:
    village = settle(commit_secs, policy=policy)
    opened = valid(village.open(), "role-1")
    session = Address(opened["session"])
    kept = str(village.home / "kept.gz")
    roles = [village.start("mo", "mo", "run", "--dashboard", "--record", kept)]
    roles += [village.start(f"do{index}", "do", "run", "--yes") for index in range(MEMBERS)]
    for role in roles:
        role.await_end()
    check(village, session)
    assert "the new public model is in" in roles[0].said()
    assert "[session 1] data owners register, each with a bond" in roles[0].said()
    assert f"node       {village.chain.node.url}: block " in roles[0].said()
    verified = valid(village.ask("do0", "verify", "--session", session), "verify-1")
    assert verified == valid(village.ask("do0", "verify", kept), "verify-1") | {"source": "chain"}
    assert valid(village.ask("do0", "do", "status", "--session", session), "role-1")["stage"] == "finished"
    assert valid(village.ask("do0", "market", "show", "--session", session), "session-1")["stage"] == "finished"
    assert valid(village.ask("do0", "market", "list"), "sessions-1")["sessions"][0]["session"] == session


@pytest.mark.parametrize(
    ("policy", "commit_secs", "words"),
    [
        ("abort", WINDOW_SECS, "registers, with"),
        ("abort", WINDOW_SECS, "commits to"),
        ("abort", WINDOW_SECS, "uploads chunk"),
        ("recover", OBJECT_SECS, "shares its secrets"),
        ("recover", OBJECT_SECS, "reveals its self mask"),
    ],
)
def test_a_data_owner_that_is_killed_goes_on(settle: Settle, policy: str, commit_secs: int, words: str) -> None:
    village = settle(commit_secs, policy=policy)
    opened = village.open()
    victim = village.start("do0", "do", "run", "--yes")
    others = [village.start(f"do{index}", "do", "run", "--yes") for index in range(1, MEMBERS)]
    owner = village.start("mo", "mo", "run")
    victim.await_words(words)
    victim.kill()
    victim.start()
    for role in (victim, *others, owner):
        role.await_end()
    check(village, Address(opened["session"]))
