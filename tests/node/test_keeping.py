"""What a role keeps on its disk: no room for it, damage to it, and two processes with one key."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from omnilytics.cli import app
from omnilytics.types import Address
from tests.node.audit import check_once, check_released, check_sent, check_session
from tests.node.conftest import Settle
from tests.node.processes import Village

pytestmark = pytest.mark.node

PAGE_BYTES = 4096
ROOMS = range(16_000, 160_000, 12_000)
"""Bytes that a file may have, from run to run."""

SMALL = range(16_384, 1_000_000, 16_384)
"""The same of a file system."""

FEWEST_REFUSALS = 4


def call(village: Village, name: str, *arguments: str, file: str = "role.toml") -> Result:
    """A command in this process."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, village.life(name, *arguments, file=file)["commands"][0])


def journal_of(village: Village, name: str, chain_id: int) -> Path:
    return village.home / name / "state" / "journal" / str(chain_id) / f"{village.address(name)}.sqlite"


@pytest.mark.parametrize("policy", [pytest.param("abort", marks=pytest.mark.nightly), "recover"])
def test_a_disk_that_is_full_again_and_again(settle: Settle, policy: str) -> None:
    """Refused with what to do; with a little more room it comes a little further, and in the end to its money."""
    filled(settle("anvil", policy), {name: {"rooms": [*ROOMS, None]} for name in ("mo", "do0")})


@pytest.mark.nightly
def test_a_small_file_system_that_is_full_again_and_again(settle: Settle, tmp_path: Path) -> None:
    """The same where all files share the room, and a write that doesn't fit fails and raises no signal."""
    village = settle("anvil", "recover")
    state = village.home / "do0" / "state"
    with mounted(state):
        filled(village, {"do0": {"rooms": [*SMALL, None], "disk": str(state)}})


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A file system in memory."""
    folder.mkdir(mode=0o700)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", str(folder)], check=False)
    if made.returncode:
        pytest.skip("only root mounts file systems")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def filled(village: Village, disks: Mapping[str, dict[str, Any]]) -> None:
    """A session of roles some of which run out of room, from run to run a little later."""
    session = village.open()["session"]
    lives = village.lives(session)
    for name, disk in disks.items():
        (command,) = lives[name]["commands"]
        lives[name] |= {"commands": [command] * len(disk["rooms"]), "done": "Make room"} | disk
    running = village.begin(**lives)
    village.hasten(running, Address(session))
    village.outlive(running)
    check_session(village, Address(session))
    for name in disks:
        check_sent(village, name)
        said = (village.home / f"{name}.log").read_text(encoding="utf-8")
        assert said.count("then run the same again") >= FEWEST_REFUSALS, said
    if village.session["policy"] == "recover":
        check_released(village, "do0", Address(session))


def damages(whole: bytes, foreign: bytes) -> Iterator[tuple[bytes, bool]]:
    """(a journal, whether it must be refused): its pages overwritten, or with a bit of them turned; cut short; not its.

    A bit of what is done, which stands in the clear, or of a page's free room may go unseen: nothing is sent for it.
    """
    for start in range(0, len(whole), PAGE_BYTES):
        yield whole[:start] + b"\xff" * PAGE_BYTES + whole[start + PAGE_BYTES :], True
        for place in (start + 7, start + PAGE_BYTES // 2, start + PAGE_BYTES - 9):
            yield whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], False
    for size in (100, PAGE_BYTES, len(whole) // 2, len(whole) - PAGE_BYTES, len(whole) - 1):
        yield whole[:size], True
    yield foreign, True


def test_a_journal_that_isnt_whole_or_not_its_own(settle: Settle) -> None:
    village = settle("anvil", "abort")
    chain_id = village.chain.chain_id
    session = village.open()["session"]
    join = ("do", "join", "--yes", "--session", session)
    for name in ("do0", "do1"):
        assert call(village, name, *join).exit_code == 0
    file, foreign = journal_of(village, "do0", chain_id), journal_of(village, "do1", chain_id)
    whole, refused = file.read_bytes(), 0
    for content, must in damages(whole, foreign.read_bytes()):
        file.write_bytes(content)
        result = call(village, "do0", *join)
        assert result.exit_code == 8 or not (must or result.exit_code), result.output
        if result.exit_code:
            assert f"expected the journal of {village.address('do0')}, whole, got: " in result.output
            assert "next: nothing was sent. Put back a copy of the file" in result.output
            refused += not must
        file.write_bytes(whole)
    assert refused
    elsewhere = journal_of(village, "do0", 1)
    elsewhere.parent.mkdir(mode=0o700)
    elsewhere.write_bytes(whole)
    elsewhere.chmod(0o600)
    village.write("do0", "elsewhere.toml", chain_id=1)
    result = call(village, "do0", *join, file="elsewhere.toml")
    assert (result.exit_code, "whole, got: " in result.output) == (8, True), result.output
    assert len(check_once(village, "do0")[0]) == 1
    village.live(**village.lives(session))
    check_session(village, Address(session))
    check_sent(village, "do0")


def test_two_processes_with_one_key(settle: Settle) -> None:
    """With one folder the second is refused; with a folder each, whoever hasn't registered ends."""
    village = settle("anvil", "abort")
    session = village.open()["session"]
    lives = village.lives(session)
    for name in ("do0", "do1"):
        village.write(name, "twin.toml", state="twin")
    lost = "its state was kept in another place when it registered"
    run = ("do", "run", "--yes", "--session", session)
    alone = village.begin(do0=lives["do0"])
    village.hear("do0", alone).await_words("registers")
    same, other = call(village, "do0", *run), call(village, "do0", *run, file="twin.toml")
    alone.kill()
    assert (same.exit_code, "expected to be the only one that sends for it" in same.output) == (8, True), same.output
    assert (other.exit_code, lost in other.output) == (5, True), other.output
    lives["do1"]["done"] = lost
    running = village.begin(**lives, twin=village.life("do1", *run, file="twin.toml", done=lost))
    village.outlive(running)
    assert sum(lost in village.hear(name, running).said() for name in ("do1", "twin")) == 1
    check_session(village, Address(session))
    check_sent(village, "do0")
    check_once(village, "do1")
