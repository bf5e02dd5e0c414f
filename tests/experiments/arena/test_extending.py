"""The examples of docs/EXTENDING.md run as they stand."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from omnilytics.experiments.arena.registry import ATTACKS, RULES
from omnilytics.experiments.trial import TrialResult

PAGE = (Path(__file__).parents[3] / "docs" / "EXTENDING.md").read_text()


def test_the_examples_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    attack, rule, trial = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    module = ModuleType("extending")
    monkeypatch.setitem(sys.modules, "extending", module)
    exec(attack + rule, module.__dict__)
    known = SimpleNamespace(steps={0: np.ones(4)})
    assert module.Half(share=0.25).step(known, 0).tolist() == [1, 0, 0, 0]
    names: dict[str, object] = {}
    exec(trial, names)
    result = names["result"]
    assert isinstance(result, TrialResult)
    assert result.groups_all.clean_refused > 0
    assert 0 < result.attacker_share < 1
    assert str(result.final) in capsys.readouterr().out


def test_the_table_has_all_names() -> None:
    for kind, known in (("attack", ATTACKS), ("rule", RULES)):
        (row,) = re.findall(rf"^\| {kind} \|.*\| (.*) \|$", PAGE, re.MULTILINE)
        assert row.split(", ") == sorted(known)
