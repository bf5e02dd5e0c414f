"""What a group that survives dropouts costs on the chain, beside one that doesn't; a part of suite `secagg`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from omnilytics.bench.report import Row, Say
from omnilytics.bench.session import play
from omnilytics.protocol.company import Dropouts, Step, nobody
from omnilytics.protocol.terms import Terms
from omnilytics.types import DropoutPolicy, Rule

PARAMETERS = 5_705
TERMS = Terms(reward_wei=10**18, rule=Rule.NORM)
"""As sessions are unless told: fees, records, R = 8, N = 4."""

CALLS = (
    "register",
    "commit",
    "share",
    "upload",
    "reveal",
    "reveal_shares",
    "rebuild",
    "disclose",
    "aggregate",
    "unmask",
)
"""What the members of a group send until its sum is known; the others are the session's."""

LIMITS = {"recover_over_abort": 2.0, "recover_one_gone": 2.5}

NOTES = (
    f"gas of a group: {', '.join(CALLS)}, of a session with fees and records, R = {TERMS.rounds}, over its groups; "
    "what draw, advance, select, settle and withdraw take isn't in it",
    "recover_one_gone is the dearer of one gone before it uploads and one gone before it reveals, in every group",
)


@dataclass(frozen=True, slots=True)
class Costs:
    """Rows and values."""

    rows: tuple[Row, ...]
    values: Mapping[str, float]


def measure(say: Say, parameters: int = PARAMETERS, terms: Terms = TERMS) -> Costs:
    """Plays one session without recovery and three with it.

    Raises:
        VerificationError: a session lost a group or kept wei.
    """
    say("secagg: gas of a group with and without recovery")
    recover = replace(terms, policy=DropoutPolicy.RECOVER)
    abort = by_call(terms, parameters)
    cases = {
        "nobody gone": by_call(recover, parameters),
        "one gone before it uploads": by_call(recover, parameters, first_of_each(Step.UPLOAD)),
        "one gone before it reveals": by_call(recover, parameters, first_of_each(Step.REVEAL)),
    }
    name = f"gas of a group, N = {terms.group_size}, d = {parameters:,}"
    rows = [
        Row(f"{name}, {case}", calls.total() / terms.rounds, "gas", "abort", abort.total() / terms.rounds)
        for case, calls in cases.items()
    ]
    for case, calls in {"abort": abort, **cases}.items():
        rows += [Row(f"{name}, {case}: {call}", gas / terms.rounds, "gas", detail=True) for call, gas in calls.items()]
    none, *gone = (calls.total() / abort.total() for calls in cases.values())
    return Costs(tuple(rows), {"recover_over_abort": none, "recover_one_gone": max(gone)})


def by_call(terms: Terms, parameters: int, dropouts: Dropouts = nobody) -> Counter[str]:
    """Gas of a whole session's `CALLS`, by call."""
    found: Counter[str] = Counter()
    for sent in play(terms, parameters, dropouts=dropouts).sent:
        if sent.call in CALLS:
            found[sent.call] += sent.gas
    return found


def first_of_each(step: Step) -> Dropouts:
    """The first member of every group is gone from a step on."""
    return lambda seats: {group[0]: step for group in seats.groups}
