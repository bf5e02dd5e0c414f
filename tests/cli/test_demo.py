"""`omnilytics demo`: options reach the run, files appear whole or not at all, output goes where it belongs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnilytics.config import DemoOptions
from omnilytics.errors import ProtocolError
from omnilytics.protocol.record import read_events
from tests.cli.conftest import Call, FakeDemo, valid
from tests.dashboard import fake


def names(folder: Path) -> set[str]:
    """The files in a folder, hidden ones too."""
    return {path.name for path in folder.iterdir()}


def test_defaults_are_the_options_own(call: Call, demo: FakeDemo) -> None:
    assert call("demo").exit_code == 0
    assert demo.seen == [DemoOptions()]


def test_options_reach_the_run(call: Call, demo: FakeDemo, tmp_path: Path) -> None:
    arguments = (
        "--seed 3 --sessions 2 --members 16 --rounds 4 --group-size 3 --reward-wei 1000 --attackers 2 --attack scaled "
        "--dataset mnist --data-dir data --owner-samples 40 --samples 20 --partition dirichlet --alpha 0.5 "
        "--split layers --stand-in shared --bound 31 --suite keccak --assignment greedy --select krum --krum-mu 0.25 "
        "--krum-m 2 --krum-picks paper --epochs 3 --batch-size 5 --learning-rate 0.05 --no-augment --patience 4 "
        "--server-momentum 0.8 --fee-cap-gwei 0.5 --no-records --mode calldata --policy recover --threshold 3 "
        "--dropouts 2 --no-vote-flip --no-packed"
    )
    result = call("demo", *arguments.split())
    assert result.exit_code == 0, result.stderr
    given = demo.seen[0].model_dump(exclude_unset=True)
    assert set(given) == set(DemoOptions.model_fields) - {"encoding", "blobs"}
    assert given["data_dir"] == Path("data")
    assert given["augment"] is False
    assert (given["krum_mu"], given["alpha"], given["attack"], given["seed"]) == (0.25, 0.5, "scaled", 3)


def test_blobs_are_kept_where_it_is_said(call: Call, demo: FakeDemo) -> None:
    assert call("demo", "--mode", "blob", "--blobs", "kept").exit_code == 0
    assert (demo.seen[0].mode, demo.seen[0].blobs, demo.seen[0].packed) == ("blob", Path("kept"), False)
    assert call("demo", "--mode", "blob", "--packed").exit_code == 0
    assert demo.seen[1].packed


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("--blobs kept", "blobs: expected none without --mode blob"),
        ("--mode blob --suite aes", "suite: expected keccak with --mode blob"),
        ("--packed", "packed: expected none without --mode blob, got packed values"),
        ("--mode blob --packed --select krum --encoding weights", "packed: expected none with --encoding weights"),
        ("--mode blob --packed --group-size 4 --bound 512", "bound: expected group size x bound of at most 2047"),
    ],
)
def test_what_does_not_go_with_blobs_is_refused(call: Call, typed: str, refusal: str) -> None:
    result = call("demo", *typed.split())
    assert result.exit_code == 2
    assert refusal in result.stderr


def test_every_option_of_a_run_can_be_typed(call: Call) -> None:
    text = call("demo", "--help").stdout
    assert [f for f in DemoOptions.model_fields if f"--{f.replace('_', '-')} " not in text] == []


def test_files(call: Call, demo: FakeDemo, tmp_path: Path) -> None:
    result = call("demo", "--json", "out.json", "--report", "out.html")
    assert result.exit_code == 0
    assert names(tmp_path) == {"out.json", "out.json.record.jsonl.gz", "out.html"}
    value = valid(json.loads((tmp_path / "out.json").read_text()), "demo-1")
    assert value["record"] == "out.json.record.jsonl.gz"
    assert list(read_events(tmp_path / "out.json")) == list(fake.run())
    assert (tmp_path / "out.html").read_text().startswith("<!DOCTYPE html>")


def test_log_lines_and_summary(call: Call, demo: FakeDemo) -> None:
    out = call("demo", "--json", "out.json").stdout
    assert "[session 1] session 1 opened" in out
    assert "accuracy   owner alone 71.0 %, at the start 10.5 %, in the end 93.0 %; public model 90.0 %" in out
    assert "attackers  1; their groups: 0 accepted, 3 rejected (after 2 sessions of warm-up)" in out
    assert "dropouts   4, before they 1 share, 3 upload; their groups: 3 came through, 0 failed" in out
    assert "1 ether paid, 0.004 ether for gas, 0.106 ether returned, 0 wei burnt, 0 wei left" in out
    assert "record     out.json.record.jsonl.gz" in out
    assert "\x1b" not in out


def test_quiet_prints_nothing(call: Call, demo: FakeDemo) -> None:
    result = call("demo", "--quiet", "--json", "out.json")
    assert (result.stdout, result.stderr) == ("", "")


def test_json_to_the_standard_output_leaves_it_to_json(call: Call, demo: FakeDemo, tmp_path: Path) -> None:
    result = call("demo", "--json", "-")
    valid(json.loads(result.stdout), "demo-1")
    assert "accuracy   owner alone" in result.stderr
    assert names(tmp_path) == set()


def test_nothing_is_half_written(call: Call, demo: FakeDemo, tmp_path: Path) -> None:
    demo.failure = ProtocolError("the barrier was missed")
    (tmp_path / "out.json").write_text("before")
    result = call("demo", "--json", "out.json", "--report", "out.html")
    assert result.exit_code == 5
    assert names(tmp_path) == {"out.json"}
    assert (tmp_path / "out.json").read_text() == "before"


def test_a_report_that_fails_takes_all_files_along(
    call: Call, demo: FakeDemo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnilytics.dashboard.report.render_report", lambda *_, **__: 1 / 0)
    assert call("demo", "--json", "out.json", "--report", "out.html", "--quiet").exit_code == 1
    assert names(tmp_path) == set()


def test_names_are_checked_before_the_run(call: Call, demo: FakeDemo, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for arguments, words in (
        (["--json", "none/out.json"], "expected an existing folder"),
        (["--report", "none/out.html"], "expected an existing folder"),
        (["--report", "folder"], "got a folder"),
        (["--json", "same", "--report", "same"], "expected different names"),
        (["--json", "a", "--report", "a.record.jsonl.gz"], "expected different names"),
    ):
        result = call("demo", *arguments)
        assert result.exit_code == 2, arguments
        assert words in result.stderr
    assert demo.seen == []
    assert names(tmp_path) == {"folder"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--encoding weights", "--encoding: expected delta with --select norm+vote, whose limit"),
        ("--encoding weights --select krum --bound 7", "--bound: expected none with --encoding weights"),
        ("--stand-in own", "--stand-in: expected none with --split side"),
        ("--dataset mnist", "--data-dir: expected the folder of the four MNIST idx files"),
        ("--data-dir x", "--data-dir: expected none with --dataset digits"),
        ("--alpha 1", "--alpha: expected none with --partition iid, got 1"),
        ("--attack scaled", "--attack: expected --attackers of at least 1 with it, got 0"),
        ("--attackers 9 --members 8", "--attackers: expected at most the 8 data owners"),
        ("--members 3 --group-size 4", "--members: expected at least 4, 1 x 4 of --group-size, got 3"),
        ("--members 11 --group-size 4 --rounds 8", "--members: expected at least 12, 3 x 4 of --group-size, got 11"),
        ("--select krum --rounds 8 --krum-m 9", "--krum-m: expected at most the 8 groups of --rounds, got 9"),
        ("--group-size 16 --bound 200000000", "--bound: expected group size x bound below 2^31"),
        ("--krum-m 1", "--krum-m: expected none without --select krum, got 1"),
        ("--select krum --rounds 17", "--rounds: expected 3 to 16 groups with --select krum, got 17"),
        ("--select krum --rounds 8 --krum-mu 0.5", "--krum-mu: expected (1 - 2 mu) R - 2 above 1"),
        ("--select krum --rounds 8 --krum-mu 0.25 --krum-m 2", "--krum-m: expected less than (1 - 2 mu) R - 2 = 2"),
        ("--threshold 3", "--threshold: expected none without --policy recover, got 3"),
        ("--dropouts 1", "--dropouts: expected none without --policy recover, got 1"),
        ("--policy recover --suite aes", "--suite: expected keccak with --policy recover, which contracts can expand"),
        ("--policy recover --group-size 4 --threshold 5", "--threshold: expected at most the 4 data owners"),
        ("--policy recover --threshold 2", "--threshold: expected a number greater than or equal to 3, got 2"),
        ("--seed -1", "--seed: expected a number greater than or equal to 0, got -1"),
        ("--rounds 65", "--rounds: expected a number less than or equal to 64, got 65"),
        ("--group-size 2", "--group-size: expected a number greater than or equal to 3, got 2"),
        ("--reward-wei 0", "--reward-wei: expected a number greater than or equal to 1, got 0"),
        ("--learning-rate nan", "--learning-rate: expected a finite number, got nan"),
        ("--alpha inf --partition dirichlet", "--alpha: expected a finite number, got inf"),
        ("--krum-mu 0.6 --select krum", "--krum-mu: expected a number less than or equal to 0.5, got 0.6"),
        ("--fee-cap-gwei -1", "--fee-cap-gwei: expected a number greater than or equal to 0, got -1"),
        ("--server-momentum 1", "--server-momentum: expected a number less than 1, got 1"),
    ],
)
def test_what_cannot_work_is_refused(call: Call, demo: FakeDemo, arguments: str, words: str) -> None:
    result = call("demo", *arguments.split())
    assert result.exit_code == 2
    assert f"error: {words}" in result.stderr
    assert result.stdout == ""
    assert demo.seen == []


def test_a_market_without_fees_and_records(call: Call, demo: FakeDemo) -> None:
    assert call("demo", "--fee-cap-gwei", "0", "--no-records").exit_code == 0
    assert (demo.seen[0].fee_cap_gwei, demo.seen[0].records) == (0, False)
    assert call("demo").exit_code == 0
    assert (demo.seen[1].fee_cap_gwei, demo.seen[1].records) == (2, True)


def test_the_papers_own_choices_are_taken(call: Call, demo: FakeDemo) -> None:
    assert call("demo", "--select", "krum", "--split", "layers", "--encoding", "weights").exit_code == 0
    assert demo.seen[0].encoding == "weights"
