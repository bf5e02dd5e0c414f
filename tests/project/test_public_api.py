"""The public API is what `omnilytics.__all__` names; its signatures stand in tests/snapshots/public_api.json.

`pytest --update-snapshots` writes the file anew: a change of it belongs in CHANGELOG.md.
"""

from __future__ import annotations

import enum
import inspect
import json
from typing import Any

import pytest

import omnilytics
from tests.project.checkout import ROOT

SNAPSHOT = ROOT / "tests" / "snapshots" / "public_api.json"

STAND_IN = "_no_init_or_replace_init"
"""What `typing` puts in a protocol's heirs for a constructor without arguments until the first of them is made."""


def describe(value: Any) -> Any:
    """What a caller can see of `value`: kind and signature, for a class its public members too."""
    if inspect.isclass(value):
        return describe_class(value)
    if inspect.isfunction(value) or inspect.isbuiltin(value):
        return f"def {inspect.signature(value)}"
    return type(value).__name__


def describe_class(cls: type) -> dict[str, Any]:
    """Bases, constructor and public members of a class; of an enumeration, its values."""
    if issubclass(cls, enum.Enum):
        return {"enum": {member.name: member.value for member in cls}}
    members: dict[str, Any] = {"bases": [base.__name__ for base in cls.__bases__]}
    bare = getattr(cls, "_is_protocol", False) or (issubclass(cls, BaseException) and "__init__" not in vars(cls))
    if not bare:
        members["new"] = "()" if cls.__init__.__name__ == STAND_IN else str(inspect.signature(cls))
    for name, member in sorted(vars(cls).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            members[name] = (
                f"property {inspect.signature(member.fget).return_annotation}" if member.fget else "property"
            )
        elif isinstance(member, classmethod | staticmethod):
            members[name] = f"{type(member).__name__} {inspect.signature(member.__func__)}"
        elif inspect.isfunction(member):
            members[name] = f"def {inspect.signature(member)}"
    return members


def test_all_is_sorted_and_importable() -> None:
    assert omnilytics.__all__ == sorted(omnilytics.__all__)
    assert len(set(omnilytics.__all__)) == len(omnilytics.__all__)
    assert [name for name in omnilytics.__all__ if not hasattr(omnilytics, name)] == []


def test_every_public_name_is_documented() -> None:
    objects = {name: getattr(omnilytics, name) for name in omnilytics.__all__}
    undocumented = [
        name
        for name, value in objects.items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and not value.__doc__
    ]
    assert undocumented == []


def test_signatures_are_those_of_the_snapshot(request: pytest.FixtureRequest) -> None:
    current = {name: describe(getattr(omnilytics, name)) for name in omnilytics.__all__}
    if request.config.getoption("--update-snapshots", default=False):
        SNAPSHOT.write_text(json.dumps(current, indent=2) + "\n", encoding="utf-8")
    expected = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert expected == json.loads(json.dumps(current))
