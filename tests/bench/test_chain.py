"""Suite `chain`: both chains mine the same transactions; another gas is no result, a missing competitor is said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omnilytics.bench import chain
from omnilytics.bench.session import Played, Sent, play
from omnilytics.errors import VerificationError
from omnilytics.protocol.terms import Terms
from omnilytics.types import Rule

SMALL = Terms(reward_wei=10**18, rounds=3, group_size=3, rule=Rule.NORM)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Played:
    """A small session, which the suite then plays too."""
    monkeypatch.setattr(chain, "TERMS", SMALL)
    monkeypatch.setattr(chain, "PARAMETERS", 50)
    return play(SMALL, 50)


class Forgetful:
    """A chain that takes a gas too much."""

    def __init__(self, chain_id: int, gas_price_wei: int, balances: dict[str, int]) -> None:
        self.sent = 0

    def send(self, sent: Sent, hashes: Sequence[bytes]) -> int:
        self.sent += 1
        return sent.gas + (self.sent == 12)


SCRIPT = """
import json
from omnilytics.bench import chain
from omnilytics.protocol.terms import Terms
from omnilytics.types import Rule

chain.TERMS, chain.PARAMETERS = Terms(reward_wei=10**18, rounds=3, group_size=3, rule=Rule.NORM), 50
print(json.dumps(chain.run(lambda line: None).to_json()))
"""


def test_titanoboa_takes_the_same_gas(tmp_path: Path) -> None:
    """In a process of its own: the harness of the contract tests changes the chain below titanoboa."""
    run = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["ratios"]["embedded_vs_titanoboa"] > 1
    assert any(note.startswith("equal gas in all") for note in report["notes"])
    rows = {row["name"]: row["value"] for row in report["rows"]}
    of_it = [value for name, value in rows.items() if name.startswith("of it, ")]
    assert sum(of_it) == pytest.approx(rows["the same transactions"])


@pytest.mark.usefixtures("small")
def test_without_titanoboa_its_rows_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "omnilytics.bench.titanoboa", raising=False)
    monkeypatch.setitem(sys.modules, "boa", None)
    report = chain.run(lambda line: None)
    assert report.ratios == {}
    assert report.bounds == chain.BOUNDS
    assert "titanoboa isn't installed: left out" in report.notes
    assert [row.name for row in report.rows if row.anchor == "titanoboa"] == []


def test_another_gas_is_no_result(small: Played) -> None:
    chain.embedded_seconds(small, 1)
    with pytest.raises(VerificationError, match="on titanoboa: expected gas, block and time"):
        chain.other_seconds(small, Forgetful)


def test_the_embedded_chain_repeats_itself_or_there_is_no_result(small: Played) -> None:
    wrong = replace(small, sent=(replace(small.sent[0], gas=1), *small.sent[1:]))
    with pytest.raises(VerificationError, match="create_session on the embedded chain"):
        chain.embedded_seconds(wrong)


def test_it_can_be_repeated(small: Played) -> None:
    spent = chain.embedded_seconds(small, 3)
    assert set(spent) == {sent.call for sent in small.sent}
    assert small.chain.block_number() == small.sent[-1].block
