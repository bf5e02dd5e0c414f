"""What geth says of its blocks is read exactly, or refused; without a node (tests/node has one)."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnilytics.errors import ChainError, InputError
from omnilytics.experiments.on_geth import block_seconds, program, run_trial, seconds
from omnilytics.experiments.trial import Trial

LINE = '{"lvl":"info","msg":"Imported new potential chain segment","number":"1,010","txs":1,"elapsed":"24.589ms"}\n'


@pytest.mark.parametrize(
    ("text", "expected"), [("308.868µs", 308.868e-6), ("24.589ms", 24.589e-3), ("1.2s", 1.2), ("900ns", 9e-7)]
)
def test_a_duration_as_go_writes_it(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "ms", "12", "1m2s", "1.5h", "soon"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        seconds(text)


def test_blocks_are_read_from_the_log(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    log.write_text('{"msg":"Starting work on payload"}\nnot json\n' + LINE + LINE.replace("1,010", "1,011"))
    assert block_seconds(log) == {1_010: pytest.approx(24.589e-3), 1_011: pytest.approx(24.589e-3)}


@pytest.mark.parametrize("broken", [LINE.replace("ms", "h"), LINE.replace('"number"', '"n"'), LINE[:-3] + "\n"])
def test_a_broken_log(tmp_path: Path, broken: str) -> None:
    log = tmp_path / "node.log"
    log.write_text(broken)
    with pytest.raises(ChainError, match=r"^geth: expected block and time"):
        block_seconds(log)


def test_attackers_have_no_place_there() -> None:
    with pytest.raises(InputError, match=r"^attack: expected none on a node, got 'random'$"):
        run_trial(Trial(dataset="digits", attack="random", attackers=0.1))


def test_no_geth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMNILYTICS_GETH", str(tmp_path / "geth"))
    with pytest.raises(InputError, match=r"^geth: expected its program as `make nodes` installs it"):
        program()
