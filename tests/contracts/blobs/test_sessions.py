"""Whole sessions in blobs, honest ones, by each rule and assignment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.harness import Stage
from tests.contracts.harness.fixtures import Factory


@pytest.mark.parametrize("assignment", [0, 1], ids=["greedy", "shuffled"])
@pytest.mark.parametrize("rule", [0, 1, 2], ids=["norm", "krum", "vote"])
def test_an_honest_session(new_session: Factory, rule: int, assignment: int) -> None:
    session = new_session(rule=rule, assignment=assignment, krum_mu_bps=0).to(Stage.FINISHED)
    assert session.accepted() != 0
