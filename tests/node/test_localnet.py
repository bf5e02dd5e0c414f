"""`omnilytics localnet`: the smallest market of processes on geth, to its end; and one that goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnilytics.cli.village import LOG
from tests.cli.conftest import Call, call, valid  # noqa: F401
from tests.node.launch import GETH, require
from tests.node.processes import PATIENCE_SECS

pytestmark = pytest.mark.node

SMALL = ("localnet", "--geth", GETH, "--members", 4, "--rounds", 1, "--keep", "here")
CALLDATA: tuple[object, ...] = ()
BLOBS = ("--mode", "blob", "--accuse-secs", 10)


def processes_in(folder: Path) -> list[str]:
    """Command lines of processes that have a file of that folder in theirs."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command and int(entry.name) != os.getpid():
            found.append(command)
    return found


@pytest.mark.parametrize(
    ("per_process", "mode"),
    [
        pytest.param(1, CALLDATA, marks=pytest.mark.nightly),
        (2, CALLDATA),
        pytest.param(1, BLOBS, marks=pytest.mark.nightly),
        (4, BLOBS),
    ],
)
def test_a_session_of_four(call: Call, tmp_path: Path, per_process: int, mode: tuple[object, ...]) -> None:  # noqa: F811
    require()
    upload, blobs = ("post", ["--blobs", "here/blobs"]) if mode else ("upload", [])
    result = call(*SMALL, *mode, "--per-process", per_process, "--json", "out.json", "--record", "kept.gz")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert call("verify", "kept.gz", *blobs).exit_code == 0
    value = valid(json.loads((tmp_path / "out.json").read_text()), "localnet-1")
    assert (value["accepted"], value["rejected"], value["failed"]) == ([0], [], [])
    assert value["processes"] == 1 + 4 // per_process
    assert value["accuracy"]["samples"] > 0
    assert value["money"]["left_wei"] == 0
    assert value["money"]["deposited_wei"] == value["money"]["withdrawn_wei"]
    assert {
        name: one["transactions"] for name, one in value["gas"]["calls"].items() if name in (upload, "withdraw")
    } == {
        upload: 4,
        "withdraw": 1,
    }
    assert value["blobs"]["posted"] == (4 if mode else 0)
    assert value["requests"]["eth_sendRawTransaction"] == value["transactions"]
    for index in range(4):
        assert "owes this account nothing" in (tmp_path / "here" / f"do{index}" / LOG).read_text()
    assert "takes out" in (tmp_path / "here" / "mo" / LOG).read_text()
    assert "[session 1] the session is over" in result.stdout
    assert processes_in(tmp_path / "here") == []


@pytest.mark.nightly
@pytest.mark.parametrize(("groups", "per_process"), [(8, 1), (64, 32)])
def test_a_market_of_many(call: Call, tmp_path: Path, groups: int, per_process: int) -> None:  # noqa: F811
    """A process for each of 32 data owners; and 256 of them in 64 groups, the most that a session has.

    These have seven samples each, so that the vote refuses a few groups: it is shown that all is delivered and paid.
    """
    require()
    sizes = ("--members", 4 * groups, "--rounds", groups, "--per-process", per_process)
    result = call("localnet", "--geth", GETH, *sizes, "--keep", "here", "--json", "out.json", "--record", "kept.gz")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert call("verify", "kept.gz").exit_code == 0
    value = valid(json.loads((tmp_path / "out.json").read_text()), "localnet-1")
    assert value["processes"] == 1 + 4 * groups // per_process
    assert (sorted(value["accepted"] + value["rejected"]), value["failed"]) == (list(range(groups)), [])
    assert len(value["rejected"]) <= groups // 8
    assert value["money"]["left_wei"] == 0
    assert value["money"]["deposited_wei"] == value["money"]["withdrawn_wei"]
    assert value["gas"]["calls"]["upload"]["transactions"] == 4 * groups
    assert value["requests"]["eth_sendRawTransaction"] == value["transactions"]
    assert processes_in(tmp_path / "here") == []


@pytest.mark.nightly
def test_a_role_that_can_t_go_on_ends_it_all(call: Call, tmp_path: Path) -> None:  # noqa: F811
    """Its data are missing: that is seen when it trains, before it registers."""
    require()
    (tmp_path / "nothing").mkdir()
    result = call(*SMALL, "--dataset", "mnist", "--data-dir", "nothing", "--json", "out.json")
    assert result.exit_code == 6
    assert "mo create" in result.stderr
    assert "idx" in result.stderr or "mnist" in result.stderr
    assert not (tmp_path / "out.json").exists()
    assert processes_in(tmp_path / "here") == []


@pytest.mark.nightly
@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
def test_a_word_from_outside_ends_it_all(tmp_path: Path, word: signal.Signals) -> None:
    """While roles train."""
    require()
    command = [sys.executable, "-m", "omnilytics.cli", *map(str, SMALL), "--json", "out.json"]
    with (tmp_path / "said").open("w+b") as said:
        market = subprocess.Popen(command, stdout=said, stderr=said, cwd=tmp_path)
        deadline = time.monotonic() + PATIENCE_SECS
        while "data owners register" not in (tmp_path / "said").read_text():
            assert market.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        market.send_signal(word)
        assert market.wait(PATIENCE_SECS) == 130
    assert (tmp_path / "said").read_text().endswith("stopped: nothing was written\n")
    assert not (tmp_path / "out.json").exists()
    assert processes_in(tmp_path) == []
