"""Attacks and rules by name: those that come with the package, those of other packages, those of any module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, TypeVar

from omnilytics.errors import InputError
from omnilytics.experiments.arena import attacks, rules
from omnilytics.experiments.arena.attacks import Attack
from omnilytics.experiments.arena.rules import GroupRule

Options = Mapping[str, float | int | str]

ATTACKS: Mapping[str, Callable[..., Attack]] = {
    "adaptive": attacks.Adaptive,
    "alie": attacks.ALittle,
    "backdoor": attacks.Backdoor,
    "cluster": attacks.Cluster,
    "free-rider": attacks.FreeRider,
    "inner-product": attacks.InnerProduct,
    "label-flip": attacks.LabelFlip,
    "lanes": attacks.Lanes,
    "mimic": attacks.Mimic,
    "norm-matched": attacks.NormMatched,
    "random": attacks.RandomStep,
    "rushing": attacks.Rushing,
    "scaled": attacks.Scale,
    "sign-flip": attacks.SignFlip,
}

RULES: Mapping[str, Callable[..., GroupRule]] = {
    "geometric-median": rules.GeometricMedian,
    "greedy": rules.Greedy,
    "krum": rules.Krum,
    "mean": rules.GroupRule,
    "norm": rules.Norm,
    "norm+vote": rules.NormVote,
}

ATTACK_GROUP, RULE_GROUP = "omnilytics.attacks", "omnilytics.rules"
"""Entry points under which other packages offer theirs."""

Made = TypeVar("Made")


def attack_names() -> list[str]:
    """All that have a name here: built-in ones, and entry points of installed packages."""
    return sorted({*ATTACKS, *entry_points(group=ATTACK_GROUP).names})


def rule_names() -> list[str]:
    """As `attack_names`."""
    return sorted({*RULES, *entry_points(group=RULE_GROUP).names})


def make_attack(name: str, options: Options | None = None) -> Attack:
    """An attack by its name, or by `module:Class`, made with its options.

    Raises:
        InputError: there is none of that name, it isn't an `Attack`, or it doesn't take these options.
    """
    return _make("attack", name, options or {}, ATTACKS, ATTACK_GROUP, Attack)


def make_rule(name: str, options: Options | None = None) -> GroupRule:
    """A rule by its name, or by `module:Class`, made with its options.

    Raises:
        InputError: there is none of that name, it isn't a `GroupRule`, or it doesn't take these options.
    """
    return _make("rule", name, options or {}, RULES, RULE_GROUP, GroupRule)


def _make(
    kind: str,
    name: str,
    options: Options,
    known: Mapping[str, Callable[..., Made]],
    group: str,
    expected: type[Made],
) -> Made:
    factory = known.get(name) or _found(kind, name, known, group)
    try:
        made = factory(**options)
    except TypeError as error:
        raise InputError(f"{kind} {name}: expected options that it takes, got {dict(options)}: {error}") from None
    if not isinstance(made, expected):
        raise InputError(f"{kind} {name}: expected a {expected.__name__}, got a {type(made).__name__}")
    return made


def _found(kind: str, name: str, known: Mapping[str, object], group: str) -> Callable[..., Any]:
    """What an entry point or `module:Class` names."""
    for entry in entry_points(group=group, name=name):
        return entry.load()  # type: ignore[no-any-return]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(f"{kind}: expected one of {', '.join(sorted(known))}, or module:Class; got {name!r}")
    try:
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"{kind}: expected a class that can be imported, got {name!r}: {error}") from None
