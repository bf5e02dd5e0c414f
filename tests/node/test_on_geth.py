"""A trial on geth: the calls of the embedded chain, in blocks whose time geth has told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.experiments.arena.run import run_trial as run_embedded
from omnilytics.experiments.on_geth import run_trial
from omnilytics.experiments.trial import Trial
from tests.node.launch import GETH, require

pytestmark = pytest.mark.node

TRIAL = Trial(dataset="digits", rounds=3, group_size=3, members=9, sessions=1, epochs=1, owner_epochs=1)


def test_geth_says_what_each_call_took(monkeypatch: pytest.MonkeyPatch) -> None:
    require()
    monkeypatch.setenv("OMNILYTICS_GETH", str(GETH))
    on_geth, embedded = run_trial(TRIAL), run_embedded(replace(TRIAL, on_chain=True))
    drawn = {name: count for name, count in embedded.calls.items() if name != "draw"}
    assert on_geth.calls == drawn
    assert on_geth.call_seconds.keys() == drawn.keys()
    assert all(0 < took < 60 for took in on_geth.call_seconds.values())
    assert on_geth.gas["upload"] == pytest.approx(embedded.gas["upload"], rel=0.01)
    assert (on_geth.groups.clean, on_geth.groups.clean_refused) == (3, 0)
