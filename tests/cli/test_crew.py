"""Data owners that share a process: each has its log and its result, and the failure of one is that of all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omnilytics.cli import crew
from omnilytics.cli.village import LOG, RESULT
from omnilytics.errors import DataError


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files of three data owners, whose settings are their names."""
    monkeypatch.setattr(crew, "member_settings", lambda config: config.parent.name)
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    return [tmp_path / name / "role.toml" for name in ("one", "two", "three")]


def acting(monkeypatch: pytest.MonkeyPatch, act: Callable[[str], None]) -> None:
    """What each of them does, in place of a session."""

    def take_part(
        name: str, _session: None, _members: None, say: Callable[[str], None], *, yes: bool
    ) -> dict[str, Any]:
        assert yes
        say(f"{name} is here")
        act(name)
        return {"account": name}

    monkeypatch.setattr(crew, "take_part", take_part)


def test_each_has_its_log_and_its_result(configs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3)
    acting(monkeypatch, lambda _: together.wait(60) and None)
    assert crew.run(configs) == 0
    for config in configs:
        name = config.parent.name
        assert (config.parent / LOG).read_text() == f"{name} is here\n"
        assert json.loads((config.parent / RESULT).read_text()) == {"account": name}


def test_the_failure_of_one_ends_it_while_others_wait(
    configs: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()

    def act(name: str) -> None:
        if name == "two":
            raise DataError("no bread")
        over.wait(60)

    acting(monkeypatch, act)
    assert crew.run(configs) == DataError.exit_code
    over.set()
    assert (configs[1].parent / LOG).read_text() == "two is here\nerror: no bread\n"
    assert not (configs[1].parent / RESULT).exists()
    assert "two: no bread" in capsys.readouterr().err


def test_so_does_what_nobody_foresaw(
    configs: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acting(monkeypatch, lambda name: {}[name])  # type: ignore[func-returns-value]
    assert crew.run(configs[:1]) == 1
    assert "KeyError: 'one'" in (configs[0].parent / LOG).read_text()
    assert "one: unexpected KeyError, told in" in capsys.readouterr().err
