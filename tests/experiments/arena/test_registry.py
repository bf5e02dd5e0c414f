"""Attacks and rules by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from omnilytics.errors import InputError
from omnilytics.experiments.arena import registry
from omnilytics.experiments.arena.attacks import Adaptive, FreeRider, InnerProduct
from omnilytics.experiments.arena.registry import attack_names, make_attack, make_rule, rule_names
from omnilytics.experiments.arena.rules import Krum


def test_by_name_with_options() -> None:
    assert make_attack("inner-product", {"epsilon": 4.0}) == InnerProduct(4.0)
    assert make_rule("krum", {"m": 3}) == Krum(m=3)


def test_by_module_and_class() -> None:
    made = make_attack("omnilytics.experiments.arena.attacks:Adaptive", {"likeness": 0.1})
    assert made == Adaptive(likeness=0.1)


def test_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("lazy", "omnilytics.experiments.arena.attacks:FreeRider", registry.ATTACK_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda **select: EntryPoints([entry]).select(**select))
    assert isinstance(make_attack("lazy"), FreeRider)
    assert "lazy" in attack_names()
    assert "lazy" not in rule_names()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nothing", {}, "expected one of adaptive, .*got 'nothing'"),
        ("no.such.module:Attack", {}, "expected a class that can be imported, got 'no.such.module:Attack'"),
        ("omnilytics.experiments.arena.attacks:Nobody", {}, "got 'omnilytics.experiments.arena.attacks:Nobody'"),
        (":", {}, "expected a class that can be imported"),
        ("alie", {"zed": 1}, "attack alie: expected options that it takes, got {'zed': 1}"),
        ("omnilytics.experiments.arena.rules:Krum", {}, "expected a Attack, got a Krum"),
    ],
)
def test_what_is_no_attack_is_refused(name: str, options: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_attack(name, options)
