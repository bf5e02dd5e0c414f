"""The event stream goes through JSON unchanged."""

import dataclasses
import json
import typing

import pytest

from omnilytics.errors import DataError
from omnilytics.protocol import events

SAMPLES: dict[str, typing.Any] = {
    "int": 3,
    "float": 2.5,
    "str": "x",
    "bool": True,
    "list[str]": ["a"],
    "list[int]": [1, 2],
}
SAMPLES |= {"int | None": None, "float | None": None}
SAMPLES["list[list[float]]"] = [[0.0, 1.5], [1.5, 0.0]]


def sample(cls: type[events.Event]) -> events.Event:
    return cls(**{field.name: SAMPLES[str(field.type)] for field in dataclasses.fields(cls)})


def test_every_event_survives_json() -> None:
    for cls in events.CLASSES.values():
        event = sample(cls)
        assert events.from_json(json.loads(json.dumps(events.to_json(event)))) == event


def test_every_event_is_known_by_name() -> None:
    for cls in events.CLASSES.values():
        assert type(events.from_json(events.to_json(sample(cls)))) is cls


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"event": "Nonsense", "session": 1}, "unknown event 'Nonsense'"),
        ({"session": 1}, "unknown event None"),
        ({"event": "Note", "session": 1}, "Note"),
        ({"event": "Note", "session": 1, "text": "x", "more": 1}, "more"),
    ],
)
def test_bad_events_are_refused(value: dict[str, typing.Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        events.from_json(value)
