"""Training in a process of its own: the same words, the same errors, and nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from omnilytics.errors import DataError, InputError
from omnilytics.experiments.apart import Workshop
from omnilytics.experiments.parts import COMMON, SPLITS, part_of, training
from omnilytics.experiments.recipes import build_split, recipe_for
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.types import FloatVec, Rule, SessionParams

PARTS = 40


@pytest.fixture(scope="module")
def published() -> FloatVec:
    return build_split(recipe_for("digits", SPLITS[0]), COMMON).public_vector()


@pytest.fixture(scope="module")
def params(published: FloatVec) -> SessionParams:
    terms = Terms(
        reward_wei=10**18, rounds=1, min_rounds=1, group_size=4, samples=5, epochs=1, batch_size=5, rule=Rule.NORM
    )
    return terms.params(len(published), 0.5)


@pytest.mark.slow
def test_it_gives_what_training_here_gives(params: SessionParams, published: FloatVec) -> None:
    """Also where several threads ask at once; then the process ends."""
    workshop, found = Workshop(), dict[int, tuple[FloatVec, bytes]]()

    def ask(part: int) -> None:
        trainer = workshop.trainer("digits", None, part, PARTS, 0, params, Seeds(part), 1)
        found[part] = trainer(published, b"")

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in range(3):
        here = training("digits", part_of("digits", None, part, PARTS), params, Seeds(part), 1)(published, b"")
        np.testing.assert_array_equal(found[part][0], here[0])
        assert found[part][1] == here[1] == b""
    assert workshop._open is None


@pytest.mark.slow
def test_what_can_t_be_trained_is_said_as_here(params: SessionParams, published: FloatVec) -> None:
    trainer = Workshop().trainer("digits", None, 0, 600, 0, params, Seeds(0), 1)
    with pytest.raises(InputError, match="data: expected the 5 samples that the terms ask for, got 2"):
        trainer(published, b"")


def test_a_process_that_was_ended(monkeypatch: pytest.MonkeyPatch, params: SessionParams, published: FloatVec) -> None:
    monkeypatch.setattr("omnilytics.experiments.apart._work", sys.exit)
    with pytest.raises(DataError, match="training: expected a model, and its process has ended without one"):
        Workshop().trainer("digits", None, 0, PARTS, 0, params, Seeds(0), 1)(published, b"")


def test_who_asks_needs_no_torch() -> None:
    code = "import sys, omnilytics.experiments.apart, omnilytics.cli.crew; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
