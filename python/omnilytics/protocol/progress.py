"""What the sessions of a model owner have come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omnilytics.types import Address


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Per cent of test samples.

    Attributes:
        public: of W^p alone, which anybody has who followed the session.
        whole: of the owner's model.
    """

    public: float
    whole: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What a finished session came to.

    Attributes:
        session: it.
        samples: how many `before` and `after` were measured on, >= 1.
        before: of the model that it began with.
        after: of the one that it ended with; the same if it selected nothing.
        weight: how much the private model counts in `after`, 0 to 1 (`side`).
    """

    session: Address
    samples: int
    before: Accuracy
    after: Accuracy
    weight: float

    def to_json(self) -> dict[str, Any]:
        """As an object of numbers, by field."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Progress:
        """What `to_json` gave.

        Raises:
            ValueError: it isn't that.
        """
        try:
            sides = [value[side][which] for side in ("before", "after") for which in ("public", "whole")]
            session, samples, weight = value["session"], value["samples"], value["weight"]
            whole = 0 <= weight <= 1 <= samples and all(0 <= one <= 100 for one in sides)
        except (KeyError, TypeError):
            whole = False
        if not whole:
            raise ValueError(f"expected session, samples, before, after and weight, got {value}")
        return cls(Address(session), int(samples), Accuracy(*sides[:2]), Accuracy(*sides[2:]), float(weight))
