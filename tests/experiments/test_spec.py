"""Questions as files: what they turn into, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnilytics.errors import InputError
from omnilytics.experiments.spec import load_spec, make_trial, parse_spec, spec_names
from omnilytics.experiments.trial import Trial
from tests.experiments.asked import QUESTION, run_trial


def test_its_trials_are_all_combinations() -> None:
    spec = parse_spec("noise", QUESTION)
    none, some = spec.cells()
    assert (none.labels, none.trial.attackers) == (("none",), 0.0)
    assert some.trial == Trial(run="tests.experiments.asked:run_trial", rule="mean", attackers=0.02, attack="random")
    assert [trial.seed for trial in some.seeded((7, 8), final_test=True)] == [7, 8]


def test_the_tiny_one_keeps_what_it_is_told_to_and_has_the_last_word() -> None:
    small = parse_spec("noise", QUESTION).made_small()
    (cell,) = small.cells()
    assert (cell.labels, cell.trial.sessions, small.seeds) == (("2 %",), 2, (3,))


def test_which_ones_are_of_time() -> None:
    assert {name for name in spec_names() if load_spec(name).timed} == {"fig4", "table1", "table6"}


def test_numbers_are_sums_and_shares() -> None:
    accuracy, paid = parse_spec("noise", QUESTION).columns
    assert accuracy.value(run_trial(Trial(attackers=0.1, seed=1), None)) == 91.0
    assert paid.value(run_trial(Trial(attackers=0.1), None)) == 25.0
    assert paid.value(run_trial(Trial(), None)) is None
    everything = parse_spec("noise", QUESTION.replace('["final"]', '["gas.*", "calls.none"]')).columns[0]
    assert everything.value(run_trial(Trial(), None)) == 7.0


@pytest.mark.parametrize("key", ["extra.none", "groups.dirty_unselected"])
def test_what_was_not_measured_is_no_number(key: str) -> None:
    column = parse_spec("noise", QUESTION.replace('["final"]', f'["final", "{key}"]')).columns[0]
    assert column.value(run_trial(Trial(), None)) is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("question =", "query =", "noise: question: field required"),
        ("sessions = 2", "sessions 2", "noise: expected TOML"),
        ("tuning_seeds = [1]", "tuning_seeds = [8]", "expected none that was tuned on, got [8]"),
        ('rule = "mean"', 'ruler = "mean"', "got ruler"),
        ('rule = "mean"', "rule = 3", "trial: rule: input should be a valid string, got 3"),
        ("attackers = 0.02", "attackers = 1.5", "expected a share of the members"),
        ('["final"]', '["finale"]', "expected fields of a result, such as final or gas.upload, got 'finale'"),
        ('["final"]', '["groups"]', "expected fields of a result, such as final or gas.upload, got 'groups'"),
        ('paper = {"2 %"', 'paper = {"3 %"', "Accuracy, %, paper: expected labels of the axes, got ['3 %']"),
        ('keep = ["2 %"]', 'keep = ["3 %"]', "small, keep: expected one of none, 2 %"),
        ('label = "none"', 'label = "2 %"', "expected labels that differ, got 2 %, 2 %"),
        ('"Table 5"', '"Table 5"\nacross = "Time"', "expected the title of a column, got 'Time'"),
    ],
)
def test_what_cannot_work_is_refused(old: str, new: str, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        parse_spec("noise", QUESTION.replace(old, new, 1))
    assert complaint in str(error.value)


def test_a_seed_is_no_field_of_a_spec_s_trial() -> None:
    with pytest.raises(InputError, match="got seed"):
        make_trial({"seed": 1})


def test_one_of_the_package_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "noise.toml").write_text(QUESTION)
    assert load_spec(str(tmp_path / "noise.toml")).name == "noise"
    assert load_spec("table5").paper == "Table 5"
    for name, complaint in (("table0", "expected one of attacks, "), ("none.toml", "expected a file with a question")):
        with pytest.raises(InputError, match=complaint):
            load_spec(name)


@pytest.mark.parametrize("name", spec_names())
def test_those_of_the_package(name: str) -> None:
    """No seed was tuned on, tiny ones need no data files, and numbers to reach are of a name that is there."""
    spec = load_spec(name)
    assert all(cell.trial.dataset == "digits" for cell in spec.made_small().cells())
    assert not set(spec.tuning_seeds) & set(spec.seeds)
