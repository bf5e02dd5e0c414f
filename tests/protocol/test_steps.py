"""What a role's step makes of looks at a chain that changes between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from omnilytics.errors import ChainError, ProtocolError
from omnilytics.protocol.steps import Decision, Done, Waiting, step

WAITING, DONE = Waiting("others"), Done("the account isn't in")


@dataclass
class Looks:
    """A role that sees these things, one after the other."""

    seen: list[Decision | Exception]

    def decide(self) -> Decision:
        found = self.seen.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.parametrize("first", [DONE, ProtocolError("another key"), KeyError((0, 1)), IndexError("no group")])
def test_an_end_that_a_second_look_doesnt_see_is_none(first: Decision | Exception) -> None:
    assert step(Looks([first, WAITING])) == WAITING


@pytest.mark.parametrize(
    ("twice", "raised"),
    [(lambda: ProtocolError("another key"), ProtocolError), (lambda: KeyError((0, 1)), ChainError)],
)
def test_what_two_looks_find_is_so(twice: Callable[[], Exception], raised: type[Exception]) -> None:
    with pytest.raises(raised):
        step(Looks([twice(), twice()]))


def test_done_is_done_at_the_second_look() -> None:
    looks = Looks([DONE, DONE, WAITING])
    assert step(looks) == DONE
    assert looks.seen == [WAITING]


def test_waiting_needs_no_second_look() -> None:
    looks = Looks([WAITING, DONE])
    assert step(looks) == WAITING
    assert looks.seen == [DONE]
