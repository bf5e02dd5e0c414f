"""`bench gas --lines`: every gas of a session is some line's, or outside of all instructions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.bench import gas, lines
from omnilytics.bench.lines import Lines
from omnilytics.bench.session import Played, play
from omnilytics.errors import DataError, VerificationError
from omnilytics.protocol.terms import Terms
from omnilytics.types import Rule
from tests.contracts.harness import CONTRACTS

SMALL = Terms(reward_wei=10**18, rounds=3, group_size=3, rule=Rule.NORM)


@pytest.fixture
def small() -> Played:
    return play(SMALL, 50)


def test_the_rows_of_a_session_add_up_to_its_gas(monkeypatch: pytest.MonkeyPatch, small: Played) -> None:
    monkeypatch.setattr(lines, "VARIANTS", {"norm": SMALL})
    monkeypatch.setattr(lines, "SESSIONS", ("norm",))
    monkeypatch.setattr(lines, "PARAMETERS", 50)
    report = lines.run(lambda line: None)
    assert sum(row.value for row in report.rows) == sum(sent.gas for sent in small.sent)
    assert sum(not row.detail for row in report.rows) == lines.SHOWN + 1
    values = [row.value for row in report.rows[1:]]
    assert values == sorted(values, reverse=True)


def test_every_contract_is_known_by_its_code(small: Played) -> None:
    names = lines.deployed(small)
    assert len(names) == len(small.deployed)
    assert {"Market", "SecModelUpdate", "SessionDesk"} <= set(names.values())


def test_an_instruction_belongs_to_the_last_line_that_began() -> None:
    found = Lines((0, 10, 20), ("a.vy:1", "b.vy:2", "a.vy:3"), {})
    assert [found.at(counter) for counter in (0, 9, 10, 19, 20, 99)] == [
        "a.vy:1", "a.vy:1", "b.vy:2", "b.vy:2", "a.vy:3", "a.vy:3",
    ]  # fmt: skip


def test_the_lines_are_those_of_the_sources() -> None:
    found = Lines.of("Market")
    for place, text in found.texts.items():
        source, number = place.split(":")
        assert (CONTRACTS / source).read_text(encoding="utf-8").splitlines()[int(number) - 1].strip() == text
    assert list(found.counters) == sorted(found.counters)


def test_without_a_source_tree_it_says_what_is_missing() -> None:
    with pytest.raises(DataError, match="make contracts"):
        Lines.of("Nowhere")


def test_another_gas_the_second_time_is_no_result(small: Played) -> None:
    wrong = replace(small, sent=(replace(small.sent[0], gas=1), *small.sent[1:]))
    with pytest.raises(VerificationError, match="create_session: expected 1 gas"):
        lines.profile(wrong)


def test_it_profiles_variants_that_there_are() -> None:
    assert set(lines.SESSIONS) <= set(gas.VARIANTS)
