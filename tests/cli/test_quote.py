"""`omnilytics quote`: the table and the JSON say the same, the sums are right, torch stays out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from omnilytics.cli.quote import RECIPES
from omnilytics.experiments import recipes
from omnilytics.protocol.fees import default_table
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.types import Rule
from tests.cli.conftest import Call, valid


def quoted(call: Call, *options: object) -> dict[str, Any]:
    result = call("quote", "--json", "-", *options)
    assert result.exit_code == 0, result.stderr
    value: dict[str, Any] = valid(json.loads(result.stdout), "quote-1")
    return value


def test_it_says_what_a_session_costs(call: Call) -> None:
    result = call("quote", "--dataset", "mnist")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(
        "8 groups of 4, 5,386 parameters in 129 words of 6-bit lanes, rule norm+vote, records on"
    )
    for word in ("reward", "reserve", "register", "upload", "settle", "expected", "at worst", "publish", "bond"):
        assert any(word in line for line in lines), word


def test_json(call: Call, tmp_path: Path) -> None:
    assert call("quote", "--json", "quote.json", "--quiet").stdout == ""
    value = valid(json.loads((tmp_path / "quote.json").read_text()), "quote-1")
    deposit = value["deposit"]
    assert deposit["total_wei"] == deposit["reward_wei"] + deposit["reserve_wei"]
    assert value["fees"]["expected_wei"] == sum(step["fees_wei"] for step in value["steps"])
    assert value["fees"]["limit_wei"] == sum(step["limit_wei"] for step in value["steps"]) == deposit["reserve_wei"]
    assert value["returned"]["expected_wei"] == deposit["reserve_wei"] - value["fees"]["expected_wei"]
    assert value["returned"]["least_wei"] == 0
    assert value["member"]["reward_wei"] == 10**18 // 32
    assert (
        value["fee_table"]["register"]
        == default_table(Terms(reward_wei=10**18, rule=Rule.NORM).params(1_370, 0.1)).register
    )


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ((), (1_370, 6, 33, 1, 8, 4, 4, 32, 32, 8)),
        (("--members", 20), (1_370, 6, 33, 1, 8, 4, 4, 20, 20, 5)),
        (("--members", 20, "--capacity", 64), (1_370, 6, 33, 1, 8, 4, 4, 64, 20, 5)),
        (("--members", 90, "--capacity", 64), (1_370, 6, 33, 1, 8, 4, 4, 64, 64, 8)),
        (("--members", 8, "--capacity", 64), (1_370, 6, 33, 1, 8, 4, 4, 64, 8, 0)),
        (("--rounds", 16, "--group-size", 3), (1_370, 6, 33, 1, 16, 3, 3, 48, 48, 16)),
        (("--policy", "recover", "--group-size", 6), (1_370, 8, 43, 1, 8, 6, 5, 48, 48, 8)),
        (("--policy", "recover", "--threshold", 4, "--group-size", 6), (1_370, 8, 43, 1, 8, 6, 4, 48, 48, 8)),
        (("--parameters", 40, "--bound", 127), (40, 10, 2, 1, 8, 4, 4, 32, 32, 8)),
        (
            ("--dataset", "mnist", "--split", "layers", "--select", "krum", "--encoding", "weights"),
            (5_705, 32, 714, 2, 8, 4, 4, 64, 64, 8),
        ),
    ],
)
def test_the_shape_is_what_was_typed(call: Call, options: tuple[object, ...], shape: tuple[int, ...]) -> None:
    assert tuple(quoted(call, *options)["session"].values()) == shape


def test_what_blobs_cost(call: Call) -> None:
    shape = "--mode", "blob", "--parameters", 5_705, "--rounds", 8, "--group-size", 4
    blobs = quoted(call, *shape, "--gas-price-gwei", 1)["blobs"]
    assert (blobs["due"], blobs["member"], blobs["member_gas"]) == (64, 2, 262_144)
    assert blobs["gas_price_wei"] == 10**9 // 16
    assert blobs["member_wei"] == 262_144 * 10**9 // 16
    assert (blobs["ceiling_wei"], blobs["member_limit_wei"]) == (100 * 10**9, 262_144 * 100 * 10**9)
    dear = quoted(call, *shape, "--blob-gas-price-gwei", 3, "--blob-ceiling-gwei", 5)["blobs"]
    assert (dear["gas_price_wei"], dear["ceiling_wei"]) == (3 * 10**9, 5 * 10**9)
    assert (dear["member_wei"], dear["member_limit_wei"]) == (262_144 * 3 * 10**9, 262_144 * 5 * 10**9)
    assert quoted(call, *shape, "--members", 20)["blobs"]["due"] == 40
    assert quoted(call)["blobs"] is None
    lines = call("quote", *shape, "--blob-gas-price-gwei", 3).stdout.splitlines()
    assert "  blobs           0.0007864 ether  2 blobs of 64, 262,144 blob gas at 3 gwei, not paid back" in lines
    assert "                    0.02621 ether  at most, at its ceiling of 100 gwei a blob gas" in lines
    assert lines[0].startswith("8 groups of 4, 5,705 parameters in 2 blobs, rule norm+vote, records on")
    assert "blob" not in call("quote").stdout
    packed = call("quote", *shape, "--packed").stdout.splitlines()
    assert packed[0].startswith("8 groups of 4, 5,705 parameters in 1 packed blob, rule norm+vote, records on")
    assert quoted(call, *shape, "--packed")["blobs"]["member"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--blob-ceiling-gwei", 5), "--blob-ceiling-gwei: expected none without --mode blob, got 5"),
        (("--blob-gas-price-gwei", 5), "--blob-gas-price-gwei: expected none without --mode blob, got 5"),
        (
            ("--mode", "blob", "--blob-gas-price-gwei", 101),
            "--blob-ceiling-gwei: expected at least the 101 of --blob-gas-price-gwei",
        ),
        (("--mode", "blob", "--blob-ceiling-gwei", 0), "--blob-ceiling-gwei: expected a number greater than 0, got 0"),
    ],
)
def test_prices_of_blobs_that_can_t_be(call: Call, options: tuple[object, ...], message: str) -> None:
    result = call("quote", *options)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_a_price_is_paid_back_up_to_the_cap(call: Call) -> None:
    low, high = (quoted(call, "--gas-price-gwei", price)["member"] for price in (1, 5))
    assert high["gas_wei"] == 5 * low["gas_wei"]
    assert high["fees_wei"] == 2 * low["fees_wei"]
    assert low["fees_wei"] == low["gas_wei"] == sum(step["gas_wei"] for step in low["steps"])


def test_nothing_is_paid_back_without_a_cap(call: Call) -> None:
    value = quoted(call, "--fee-cap-gwei", 0)
    assert value["fee_table"] is None
    assert value["deposit"]["reserve_wei"] == value["fees"]["expected_wei"] == value["member"]["fees_wei"] == 0
    assert value["member"]["gas_wei"] > 0
    assert "not paid back" in call("quote", "--fee-cap-gwei", 0).stdout


def test_records_and_a_root_have_their_price(call: Call) -> None:
    steps = {step["call"]: step["gas"] for step in quoted(call)["steps"]}
    bare = {step["call"]: step["gas"] for step in quoted(call, "--no-records")["steps"]}
    assert {name for name in steps if bare[name] < steps[name]} == {"register", "settle"}
    rooted = quoted(call, "--leaves", 100_000)
    assert [step["call"] for step in rooted["owner"]["steps"]][1] == "set_whitelist_root"
    assert rooted["steps"][0]["gas"] > steps["register"]


@pytest.mark.parametrize(("capacity", "call_of_owner"), [(256, "whitelist"), (257, "set_whitelist_root")])
def test_many_are_let_in_by_a_root(call: Call, capacity: int, call_of_owner: str) -> None:
    value = quoted(call, "--capacity", capacity)
    assert value["owner"]["steps"][1]["call"] == call_of_owner


def test_too_few_data_owners(call: Call) -> None:
    value = quoted(call, "--members", 8, "--capacity", 64)
    assert {step["call"] for step in value["steps"] if step["calls"]} == {"register"}
    assert value["member"]["reward_wei"] == 0
    assert "too few" in call("quote", "--members", 8, "--capacity", 64).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--members", 11), "error: capacity: expected 12 to 4096, got 11"),
        (("--capacity", 4_097), "error: --capacity: expected a number less than or equal to 4096, got 4097"),
        (("--leaves", 0), "error: --leaves: expected a number greater than or equal to 1, got 0"),
        (("--parameters", 0), "error: --parameters: expected a number greater than or equal to 1, got 0"),
        (("--gas-price-gwei", -1), "error: --gas-price-gwei: expected a number greater than or equal to 0, got -1.0"),
        (("--gas-price-gwei", "nan"), "error: --gas-price-gwei: expected a finite number, got nan"),
        (("--fee-cap-gwei", 1_001), "error: --fee-cap-gwei: expected a number less than or equal to 1000, got 1001.0"),
        (("--encoding", "weights"), "error: --encoding: expected delta with --select norm+vote"),
        (("--krum-m", 2), "error: --krum-m: expected none without --select krum, got 2"),
        (("--select", "krum", "--rounds", 17), "error: --rounds: expected 3 to 16 groups with --select krum, got 17"),
        (("--reward-wei", 31), "error: reward: expected at least 1 wei for each of 32 seats, got 31"),
        (("--parameters", 10**6, "--bound", 2**20), "error: chunks: expected 1 to 64, got 174"),
    ],
)
def test_what_cannot_work_exits_2(call: Call, tmp_path: Path, options: tuple[object, ...], message: str) -> None:
    result = call("quote", "--json", "quote.json", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
    assert not (tmp_path / "quote.json").exists()


@pytest.mark.parametrize("key", list(RECIPES), ids="-".join)
def test_the_recipes_are_those_of_the_demo(key: tuple[str, str]) -> None:
    recipe = recipes.RECIPES[key]
    count = recipes.build_split(recipe, Seeds(7)).parameter_count
    assert RECIPES[key] == (count, recipe.members, recipe.rounds, recipe.group_size)


def test_it_takes_no_torch_along() -> None:
    script = (
        "import json, sys\nfrom omnilytics.cli import app\n"
        "try: app(['quote', '--quiet'], prog_name='omnilytics')\nexcept SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(json.loads(run.stdout.splitlines()[-1])).isdisjoint({"torch", "sklearn"})
