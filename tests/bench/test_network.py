"""Suite `network`: parts that add up to a session, on geth and on the embedded chain, with the same calls."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace

import pytest

from omnilytics.bench import network
from omnilytics.bench.network import Times, timed
from omnilytics.errors import VerificationError
from omnilytics.experiments.recipes import DIGITS_SIDE
from omnilytics.protocol.clock import Stopwatch
from tests.cli.conftest import valid
from tests.node.launch import GETH, require

TIMES = Times(chain=2.0, network=1.0, training=4.0, clients=3.0, total=10.0, requests=5, calls=Counter(upload=3))


class Slow:
    """Takes its time."""

    def answer(self, secs: float) -> float:
        time.sleep(secs)
        return secs


def test_what_is_timed_counts_for_its_part_alone_and_only_inside() -> None:
    clock, counted = Stopwatch(), Counter[str]()
    before = Slow.answer
    with timed(Slow, "answer", clock, "asking", counted), clock.of("clients"):
        begin = time.perf_counter()
        assert Slow().answer(0.05) == 0.05
        time.sleep(0.02)
        total = time.perf_counter() - begin
    assert Slow.answer is before
    assert counted == {"asking": 1}
    assert clock.seconds["asking"] >= 0.05
    assert clock.seconds["clients"] >= 0.02
    assert sum(clock.seconds.values()) == pytest.approx(total, rel=0.1)


def test_what_is_timed_is_itself_again_after_a_failure() -> None:
    before = Slow.answer
    with pytest.raises(TypeError), timed(Slow, "answer", Stopwatch(), "asking", Counter[str]()):
        Slow().answer("long")  # type: ignore[arg-type]
    assert Slow.answer is before


def test_other_calls_and_parts_that_dont_add_up_are_refused() -> None:
    network.check(TIMES, TIMES)
    with pytest.raises(VerificationError, match="expected the calls"):
        network.check(replace(TIMES, calls=Counter(upload=2)), TIMES)
    for times in (replace(TIMES, chain=2.2), replace(TIMES, clients=2.8)):
        with pytest.raises(VerificationError, match="expected parts of 10 s in all"):
            network.check(TIMES, times)


@pytest.mark.node
def test_a_small_session(monkeypatch: pytest.MonkeyPatch) -> None:
    require()
    monkeypatch.setattr(network, "TERMS", replace(network.TERMS, rounds=2, min_rounds=1, group_size=3))
    monkeypatch.setattr(network, "RECIPE", DIGITS_SIDE)
    monkeypatch.setattr(network, "REPETITIONS", 1)
    said: list[str] = []
    report = network.run(said.append, GETH)
    assert len(said) == 1
    valid(json.loads(json.dumps(report.to_json())), "bench-1")
    rows = {row.name: row for row in report.rows}
    whole = rows["a session on geth"]
    parts = [row for name, row in rows.items() if name.startswith("of it, ")]
    assert sum(row.value for row in parts) == pytest.approx(whole.value, rel=0.01)
    assert sum(row.anchor_value or 0 for row in parts) == pytest.approx(whole.anchor_value, rel=0.01)
    assert rows["requests"].value > 100
    assert rows["of it, the network"].value < whole.value
    assert any("the same calls on both" in note for note in report.notes)
