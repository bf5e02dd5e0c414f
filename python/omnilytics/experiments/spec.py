"""A question as a file: which trials answer it, what is reported of them, and what the paper says beside it.

question = "How many attackers does the rule stand?"
paper = "Table 5"                      where the paper answers it; left out: it doesn't
reading = "..."                        how the paper is read where it can't be reproduced as printed
figure = "lines"                       lines | bars | dots | curves
seeds = [1000, 1001]                   of the final figures
tuning_seeds = [1, 2]                  of everything that was decided before
trial = {split = "layers"}             fields of `Trial` that all trials share

[[axes]]                               one or two; the trials are all combinations, each with all seeds
title = "Attackers"
points = [{label = "2 %", set = {attackers = 0.02}}, ...]

[[columns]]                            what is reported of a combination
title = "Accuracy, %"
keys = ["final"]                       fields of `TrialResult`, added up; "gas.*" is all of `gas`
over = []                              divided by the sum of these
scale = 1.0
digits = 1
paper = {"2 %" = 83.12}                by label, or "label / label" with two axes
least = {"2 %" = 90.0}                 what is asked of it; likewise `most`

[small]                                the same in seconds, to see that it runs
trial = {dataset = "digits", sessions = 1}
keep = ["2 %"]                         labels that stay
seeds = [1]
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from omnilytics.errors import InputError
from omnilytics.experiments.trial import Trial, TrialResult

SUFFIX = ".toml"

BETWEEN = " / "
"""What stands between the labels of a combination."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Label = Annotated[str, Field(min_length=1, max_length=60)]
Figures = Mapping[Label, Annotated[float, Field(allow_inf_nan=False)]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Point(_Part):
    """A place on an axis: fields of a trial, and what it is called."""

    label: Label
    set: dict[str, Any] = Field(default_factory=dict)


class Axis(_Part):
    """What is varied."""

    title: Label
    points: Annotated[tuple[Point, ...], Field(min_length=1)]


class Column(_Part):
    """A number of each trial: scale * (sum of `keys`) / (sum of `over`, if there are any)."""

    title: Label
    keys: Annotated[tuple[str, ...], Field(min_length=1)]
    over: tuple[str, ...] = ()
    scale: float = 1.0
    digits: Annotated[int, Field(ge=0, le=6)] = 1
    paper: Figures = Field(default_factory=dict)
    least: Figures = Field(default_factory=dict)
    most: Figures = Field(default_factory=dict)

    def value(self, result: TrialResult) -> float | None:
        """Of one trial; None: there is nothing to divide by, or it wasn't measured."""
        values = asdict(result)
        part, whole = _sum(values, self.keys), _sum(values, self.over) if self.over else 1.0
        return self.scale * part / whole if part is not None and whole else None


class Small(_Part):
    """How a spec is made tiny."""

    trial: dict[str, Any] = Field(default_factory=dict)
    keep: tuple[Label, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1,)


class Spec(_Part):
    """A question (the module's docstring says what the fields are)."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    question: str
    paper: str | None = None
    reading: str = ""
    figure: Literal["lines", "bars", "dots", "curves"] = "lines"
    across: str = ""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    tuning_seeds: tuple[Seed, ...] = ()
    trial: dict[str, Any] = Field(default_factory=dict)
    axes: Annotated[tuple[Axis, ...], Field(min_length=1, max_length=2)]
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    small: Small

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuses what no trial can be made of, seeds that were tuned on, and names of nothing."""
        if shared := set(self.seeds) & set(self.tuning_seeds):
            raise ValueError(f"seeds: expected none that was tuned on, got {sorted(shared)}")
        labels = [tuple(point.label for point in axis.points) for axis in self.axes]
        for own in labels:
            if len(set(own)) != len(own):
                raise ValueError(f"axes: expected labels that differ, got {', '.join(own)}")
        known = {BETWEEN.join(combination) for combination in itertools.product(*labels)}
        for column in self.columns:
            for key in (*column.keys, *column.over):
                _check_key(key)
            for name in ("paper", "least", "most"):
                if unknown := set(getattr(column, name)) - known:
                    raise ValueError(f"{column.title}, {name}: expected labels of the axes, got {sorted(unknown)}")
        for own in labels if self.small.keep else []:
            if not set(own) & set(self.small.keep):
                raise ValueError(f"small, keep: expected one of {', '.join(own)}")
        if self.across and self.across not in {column.title for column in self.columns}:
            raise ValueError(f"across: expected the title of a column, got {self.across!r}")
        for _ in self.cells():
            pass
        return self

    def cells(self) -> Iterator[Cell]:
        """All combinations, the last axis fastest, with seed 0.

        Raises:
            InputError: fields that no trial has, or of another kind.
        """
        for points in itertools.product(*(axis.points for axis in self.axes)):
            chosen = dict(self.trial)
            for point in points:
                chosen |= point.set
            yield Cell(tuple(point.label for point in points), make_trial(chosen))

    @property
    def timed(self) -> bool:
        """Whether it reports how long something takes: its trials mustn't share a machine."""
        return any(key.startswith(_TIMES) for column in self.columns for key in (*column.keys, *column.over))

    def made_small(self) -> Spec:
        """The tiny one."""
        keep, forced = self.small.keep, self.small.trial
        axes = [
            axis.model_copy(
                update={
                    "points": tuple(
                        point.model_copy(update={"set": point.set | forced})
                        for point in axis.points
                        if not keep or point.label in keep
                    )
                }
            )
            for axis in self.axes
        ]
        return self.model_copy(update={"axes": tuple(axes), "seeds": self.small.seeds})

    def with_attack(self, attack: str) -> Spec:
        """The same with one attack in place of all: what differed in its attack alone is one point, called after it."""
        points = (_attacked(axis.points, attack, self.small.trial) for axis in self.axes)
        axes = (axis.model_copy(update={"points": own}) for axis, own in zip(self.axes, points, strict=True))
        return self.model_copy(update={"axes": tuple(axes)})


def _attacked(points: Sequence[Point], attack: str, unsaid: Mapping[str, Any]) -> tuple[Point, ...]:
    """With labels that say what else a point sets, but for what makes it tiny."""
    left: dict[str, Point] = {}
    for point in points:
        own = point
        if "attack" in point.set:
            rest = {name: value for name, value in point.set.items() if name not in ("attack", "attack_options")}
            said = [f"{name} {value}" for name, value in rest.items() if name not in unsaid or unsaid[name] != value]
            label = ", ".join([attack, *said])
            own = point.model_copy(update={"label": label, "set": rest | {"attack": attack}})
        left[own.label] = own
    return tuple(left.values())


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination: its labels, one an axis, and its trial."""

    labels: tuple[str, ...]
    trial: Trial

    def seeded(self, seeds: tuple[int, ...], *, final_test: bool) -> list[Trial]:
        """Its trials."""
        return [replace(self.trial, seed=seed, final_test=final_test) for seed in seeds]


def spec_names() -> list[str]:
    """Those that come with the package."""
    return sorted(entry.name.removesuffix(SUFFIX) for entry in _folder() if entry.name.endswith(SUFFIX))


@cache
def load_spec(name: str) -> Spec:
    """One of the package's by its name, or any by the name of its file.

    Raises:
        InputError: there is none, or it can't work; the message names the field.
    """
    if name.endswith(SUFFIX):
        path = Path(name)
        try:
            return parse_spec(path.stem, path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{name}: expected a file with a question, got: {error.strerror}") from None
    if name not in spec_names():
        raise InputError(f"experiment: expected one of {', '.join(spec_names())}, or a {SUFFIX} file; got {name!r}")
    return parse_spec(name, (files("omnilytics.experiments.specs") / f"{name}{SUFFIX}").read_text(encoding="utf-8"))


def parse_spec(name: str, text: str) -> Spec:
    """A spec from TOML.

    Raises:
        InputError: it isn't one; the message names the field.
    """
    try:
        return Spec(**{**tomllib.loads(text), "name": name})
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: expected TOML, got: {error}") from None
    except (ValidationError, TypeError) as error:
        raise InputError(f"{name}: {_first(error)}") from None
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def make_trial(values: Mapping[str, Any]) -> Trial:
    """A trial from plain values.

    Raises:
        InputError: a field that no trial has, or a value of another kind.
    """
    known = {field.name for field in fields(Trial)} - {"seed", "final_test"}
    if unknown := values.keys() - known:
        raise InputError(f"trial: expected some of {', '.join(sorted(known))}; got {', '.join(sorted(unknown))}")
    try:
        return TypeAdapter(Trial).validate_json(json.dumps(dict(values)), strict=True)
    except ValidationError as error:
        raise InputError(f"trial: {_first(error)}") from None


def _folder() -> Iterator[Any]:
    return iter(files("omnilytics.experiments.specs").iterdir())


def _first(error: Exception) -> str:
    """The first complaint: where, what was expected, what was given."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    message = str(found["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}, got {found['input']!r:.80}" if place else message


def _check_key(key: str) -> None:
    head, _, rest = key.partition(".")
    known = {field.name for field in fields(TrialResult)} - {"by_session"}
    if head not in known or (rest == "") != (head not in ("groups", "groups_all", *_BY_PHASE)):
        raise ValueError(f"keys: expected fields of a result, such as final or gas.upload, got {key!r}")


_TIMES = ("call_seconds.", "seconds.")

_BY_PHASE = ("gas", "calls", "call_seconds", "seconds", "extra")
"""Fields whose names depend on the run: one that isn't there is 0, but of `extra`, where it wasn't measured."""


def _sum(values: Mapping[str, Any], keys: Sequence[str]) -> float | None:
    """None: one of them wasn't measured."""
    numbers = [_number(values, key) for key in keys]
    return None if None in numbers else sum(number for number in numbers if number is not None)


def _number(values: Mapping[str, Any], key: str) -> float | None:
    head, _, rest = key.partition(".")
    if not rest:
        found = values[head]
    elif head in _BY_PHASE:
        missing = None if head == "extra" else 0
        found = sum(values[head].values()) if rest == "*" else values[head].get(rest, missing)
    else:
        found = values[head][rest]
    return None if found is None else float(found)
