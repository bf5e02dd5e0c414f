"""`omnilytics localnet`: its options, its books, and how it minds its processes; tests/node has whole ones."""

from __future__ import annotations

import os
import signal
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omnilytics.chain.keystore import Keystore
from omnilytics.cli.audit import Bill, check_money
from omnilytics.cli.localnet import MOST_PARTS, gas_by_call, summary
from omnilytics.cli.settings import member_settings
from omnilytics.cli.village import OWNER, Process, Village
from omnilytics.config import localnet_options_from
from omnilytics.errors import ChainError, DataError, VerificationError
from omnilytics.experiments.parts import SPLITS
from omnilytics.experiments.recipes import load_pool, recipe_for
from omnilytics.types import Address, Money
from tests.cli.conftest import Call, valid

GETH = ("--geth", "geth")


def test_help_has_an_example(call: Call) -> None:
    result = call("localnet", "--help")
    assert result.exit_code == 0
    assert "Example: omnilytics localnet" in result.stdout
    assert "--json FILE" in result.stdout


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--members", 3), "--members: expected at least 12, 3 x 4 of --group-size, got 3"),
        (("--per-process", 0), "--per-process: expected a number greater than or equal to 1, got 0"),
        (("--share-secs", 60), "--share-secs: expected none without --policy recover, got 60"),
        (("--accuse-secs", 60), "--accuse-secs: expected none without --mode blob, got 60"),
        (("--dataset", "mnist"), "--data-dir: expected the folder of the four MNIST idx files"),
        (("--keep", "."), "--keep: expected the name of a new folder, got ., which is there"),
        ((), "geth: expected geth's program, got: No such file or directory"),
    ],
)
def test_what_can_t_work_is_refused(call: Call, given: tuple[object, ...], message: str) -> None:
    result = call("localnet", *GETH, *given)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_sharing_takes_longer_with_more_members() -> None:
    def secs(**given: object) -> int:
        return localnet_options_from(given).commit_secs

    assert secs() == localnet_options_from({}).window_secs
    assert secs(policy="recover", members=64) > secs(policy="recover")
    assert secs(policy="recover", share_secs=50) == 50


@pytest.mark.parametrize("dataset", ["digits"])
def test_a_part_has_enough_samples(dataset: str) -> None:
    recipe = recipe_for(dataset, SPLITS[0])
    pool, _ = load_pool(recipe, None)
    assert len(pool) // MOST_PARTS[dataset] == recipe.samples_per_member


class TestVillage:
    def test_roles_have_keys_and_settings_of_their_own(self, tmp_path: Path) -> None:
        village = Village(tmp_path, 2)
        assert list(village.addresses) == [OWNER, "do0", "do1"]
        assert village.listed.read_text().split() == [village.addresses[name] for name in village.data_owners]
        village.configure("do1", chain={"rpc": ["http://127.0.0.1:1"], "chain_id": 7}, policy={"block_secs": 1})
        settings = member_settings(village.config("do1"))
        key = Keystore(settings.keys.folder).unlock(
            village.addresses["do1"], (tmp_path / "do1/password.txt").read_text()
        )
        assert key.address.lower() == settings.keys.account
        assert settings.state.folder == tmp_path / "do1" / "state"
        assert tomllib.loads(village.config("do1").read_text())["policy"] == {"block_secs": 1}

    def test_a_command_that_fails(self, tmp_path: Path) -> None:
        village = Village(tmp_path, 1)
        with pytest.raises(
            ChainError, match=r"market list of mo: error: .*role.toml: expected a configuration to read"
        ):
            village.ask(OWNER, "market", "list")

    def test_a_role_that_hasn_t_said_what_became_of_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="expected what became of do0, got"):
            Village(tmp_path, 1).result("do0")

    def test_a_process_ends_with_all_that_it_has_started(self, tmp_path: Path) -> None:
        code = (
            "import os, subprocess, sys, time\n"
            "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "print(one.pid, flush=True)\n"
            "time.sleep(600)"
        )
        process = Process("one", [sys.executable, "-c", code], tmp_path / "log")
        process.start()
        while not process.said().endswith("\n"):
            time.sleep(0.01)
        assert not process.check()
        process.end()
        process.end()
        child = int(process.said())
        deadline = time.monotonic() + 60
        while _runs(child):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_the_error_of_a_process_is_shown(self, tmp_path: Path) -> None:
        village = Village(tmp_path, 1)
        village.start("do0", [sys.executable, "-c", "print('no bread'); raise SystemExit(3)"]).running.wait()  # type: ignore[union-attr]
        with pytest.raises(ChainError, match="do0: expected it to end without an error, got 3: no bread"):
            village.done()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


BILL = Bill(blocks=9, busy_blocks=2, fullest_gas=60, hashes=frozenset({"0xa", "0xb", "0xc"}), gas=100, gas_wei=700)
CALLS: dict[str, Any] = {
    "mo": {"calls": [{"call": "start", "transaction": "0xa", "gas": 30}]},
    "do0": {"calls": [{"call": "withdraw", "transaction": "0xb", "gas": 20}]},
}


class TestBooks:
    def test_what_no_role_tells_of_is_the_deployment(self) -> None:
        assert gas_by_call(CALLS, BILL) == {
            "deploy": {"transactions": 1, "gas": 50},
            "start": {"transactions": 1, "gas": 30},
            "withdraw": {"transactions": 1, "gas": 20},
        }

    @pytest.mark.parametrize("transaction", ["0xa", "0xd"])
    def test_a_transaction_of_two_roles_or_of_no_block(self, transaction: str) -> None:
        strange = {"do1": {"calls": [{"call": "withdraw", "transaction": transaction, "gas": 20}]}}
        with pytest.raises(VerificationError, match=f"expected each to be one role's .*, found {transaction}"):
            gas_by_call(CALLS | strange, BILL)

    @pytest.mark.parametrize("for_blobs_wei", [0, 150])
    @pytest.mark.parametrize(("missing", "extra"), [(0, 0), (1, 0), (-1, 0), (0, 1)])
    def test_every_wei(self, missing: int, extra: int, for_blobs_wei: int) -> None:
        """Two accounts with 1,000 each: 700 for gas and blobs, 40 left in the session, 1,260 where they were."""
        bill = replace(BILL, gas_wei=BILL.gas_wei - for_blobs_wei, blob_gas_wei=for_blobs_wei)
        here = Address("0x" + "ee" * 20)
        balances = {here: 40 + extra, "one": 1_000 - missing, "two": 260 - extra}

        class Books:
            def balance(self, account: str) -> int:
                return balances[account]

            def session(self, _: Address) -> Books:
                return self

            def money(self) -> Money:
                return Money(deposited=90, credits=0, locked=0, withdrawn=50)

        def check() -> int:
            return check_money(Books(), ["one", "two"], here, 1_000, bill)  # type: ignore[arg-type, list-item]

        if missing or extra:
            with pytest.raises(VerificationError, match="money: expected 2000" if missing else "expected 40 wei in it"):
                check()
        else:
            assert check() == 40


def test_the_summary_has_all_that_matters() -> None:
    value = {
        "schema": "omnilytics/localnet/1",
        "chain_id": 31337,
        "market": "0x" + "1" * 40,
        "session": "0x" + "2" * 40,
        "members": 4,
        "rounds": 1,
        "group_size": 4,
        "mode": "blob",
        "packed": False,
        "policy": "abort",
        "processes": 5,
        "accepted": [0],
        "rejected": [],
        "failed": [],
        "checks": 101,
        "accuracy": {
            "samples": 597,
            "before": {"public": 20.0, "whole": 70.0},
            "after": {"public": 60.0, "whole": 75.0},
            "weight": 0.5,
        },
        "money": {"deposited_wei": 10**18, "withdrawn_wei": 10**18, "left_wei": 0, "gas_wei": 10**15},
        "gas": {"total": 29_000_000, "calls": {"deploy": {"transactions": 12, "gas": 20_000_000}}},
        "blobs": {"posted": 4, "gas": 524_288, "gas_wei": 3 * 10**13},
        "transactions": 36,
        "blocks": {"total": 121, "busy": 30, "fullest_gas": 5_320_000},
        "requests": {"eth_call": 471},
        "seconds": {"keys": 0.2, "register": 30.0},
    }
    lines = summary(valid(value, "localnet-1"))
    assert lines[1].startswith("accuracy   the owner's model 70.0 % before and 75.0 % after, the public one 20.0 %")
    assert len(summary(valid(value | {"accuracy": None}, "localnet-1"))) == len(lines) - 1
    assert "blobs      4 with 524 k blob gas, 30,000 gwei for it" in lines
    assert len(summary(value | {"blobs": {"posted": 0, "gas": 0, "gas_wei": 0}})) == len(lines) - 1
    assert lines[0] == "groups     1 accepted, 0 rejected, 0 failed"
    assert lines[-1] == "seconds    30: keys 0, register 30"


def test_a_word_from_outside_ends_it_as_ctrl_c_does(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("omnilytics.cli.village.Village", killed)
    result = call("localnet", *GETH, "--json", "out.json")
    assert (result.exit_code, result.stderr) == (130, "stopped: nothing was written\n")
    assert signal.getsignal(signal.SIGTERM) is before
