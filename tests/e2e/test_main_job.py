"""The main job as a command line user runs it: from options to the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omnilytics.config import options_from
from omnilytics.experiments.demo import run_demo

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


def result(**options: Any) -> dict[str, Any]:
    return run_demo(options_from(options), lambda event: None).to_json()


def check_money(money: dict[str, int]) -> None:
    assert money["deposited_wei"] + money["bonds_wei"] == (
        money["paid_wei"] + money["fees_wei"] + money["refunded_wei"] + money["burnt_wei"]
    )
    assert money["left_wei"] == 0
    assert 0 < money["fees_wei"] < money["reserve_wei"] < money["deposited_wei"]


@pytest.mark.slow
@pytest.mark.parametrize(("select", "most_clean"), [("norm", 0), ("norm+vote", 1)])
@pytest.mark.parametrize("attack", ["garbage", "scaled"])
@pytest.mark.parametrize("seed", [7, 9])
def test_attackers_are_refused_and_the_model_becomes_better(
    seed: int, attack: str, select: str, most_clean: int
) -> None:
    """A vote may refuse a clean group now and then, of about fifty; lengths alone never do."""
    run = result(seed=seed, attackers=2, attack=attack, select=select)
    accuracy, groups, attacked = run["accuracy"], run["groups"], run["attackers"]["groups"]
    assert accuracy["final"] > max(accuracy["alone"], accuracy["start"])
    assert attacked["accepted"] == attacked["paid"] == 0
    assert attacked["rejected"] >= 8
    assert 0 <= groups["rejected"] - attacked["rejected"] <= most_clean
    # of a group that fails at least one isn't drawn again
    assert 0 <= groups["accepted"] + groups["rejected"] + groups["failed"] - 64 <= 3 * groups["failed"] // 4
    assert groups["failed"] <= 10
    suspicion = {record["account"]: record["suspicion"] for record in run["records"]}
    assert min(suspicion[account] for account in run["attackers"]["members"]) > 2**15
    assert all(r["suspect"] == (r["suspicion"] >= 2**15) for r in run["records"])
    check_money(run["money"])


@pytest.mark.slow
def test_the_papers_choices_run_to_the_end() -> None:
    run = result(seed=7, attackers=2, select="krum", split="layers", encoding="weights", sessions=3)
    groups = run["groups"]
    assert (groups["accepted"], groups["unselected_sessions"]) == (3, 0)
    assert 24 <= groups["accepted"] + groups["rejected"] + groups["failed"] < 30
    assert groups["failed"] <= 5
    assert run["attackers"]["groups"]["accepted"] == 0
    check_money(run["money"])


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST files are not on this machine")
def test_mnist_with_attackers() -> None:
    """The paper's Table 2 stands behind `--dataset mnist`; its first sessions are the warm-up."""
    run = result(seed=1, dataset="mnist", data_dir=MNIST, attackers=10, sessions=8)
    assert run["parameter_count"] <= 5_705
    assert 64 <= sum(len(s["accepted"]) + len(s["rejected"]) + len(s["failed"]) for s in run["sessions"]) < 70
    assert run["attackers"]["groups"]["accepted"] == 0
    assert run["accuracy"]["final"] > run["accuracy"]["alone"]
    check_money(run["money"])


def test_members_and_groups_as_told() -> None:
    run = result(seed=1, sessions=1, rounds=3, group_size=3, members=10, samples=5, owner_samples=8, epochs=1)
    assert run["groups"]["accepted"] + run["groups"]["rejected"] == 3
    assert run["money"]["bonds_wei"] % 10 == 0
    check_money(run["money"])


def test_the_run_stops_when_it_no_longer_improves() -> None:
    run = result(seed=2, sessions=6, patience=1, learning_rate=1e-9, rounds=3, group_size=3, samples=5, epochs=1)
    assert len(run["sessions"]) < 6


@pytest.mark.slow
def test_a_market_without_fees_and_records() -> None:
    run = result(sessions=1, fee_cap_gwei=0, records=False)
    assert run["money"]["reserve_wei"] == run["money"]["fees_wei"] == 0
    assert run["records"] == []
    assert run["money"]["left_wei"] == 0
