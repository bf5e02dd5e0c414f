"""`verify` recomputes sessions with policy `recover`: every changed byte that matters is found, or said to be taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.errors import VerificationError
from omnilytics.protocol.company import Step
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.verify import Findings, verify_session
from omnilytics.types import Assignment, Log
from tests.e2e.market import Fair
from tests.e2e.test_recover import TERMS, gone, spoil
from tests.e2e.test_verify import DISPENSABLE, UNCHECKED, changed, name_of

TIMES = {
    **UNCHECKED,
    "SharingClosed": {"object_deadline"},
    "RevealClosed": {"aggregate_deadline"},
    "Shared": {"sealed"},
    "Registered": {"suspicion", "transport"},
}
"""What the logs hold nothing to check against: times, and what only its receiver can open."""

BAD_POINTS = "points that don't give their root, and secrets of those who dealt them"


UNUSED = {("Uploaded", "words"), ("Redrawn", "seed")}
"""The words of a group whose masks nobody could lift: nothing was ever held against them. And one seed in 24 seats four
survivors as another one does.
"""

SHUFFLED = replace(TERMS, assignment=Assignment.SHUFFLED)


@cache
def record_of(kind: str) -> SessionRecord:
    fair = Fair(12)
    if kind == "one of each":
        fair.run(replace(SHUFFLED, chunk_words=8), dropouts=gone(m1=Step.SHARE, m6=Step.UPLOAD, m8=Step.REVEAL))
    elif kind == "objected":
        with pytest.MonkeyPatch.context() as patch:
            spoil(patch, {fair.members[1]: 1, fair.members[4]: 0})
            fair.run(SHUFFLED)
    else:
        lost = {f"m{i}": Step.SHARE for i in (0, 1, 4, 5)}
        fair.run(SHUFFLED, dropouts=gone(**lost, m8=Step.REVEAL, m9=Step.REVEAL))
    return fair.records[0]


@pytest.fixture(scope="module", params=["one of each", "lost and drawn again", "objected"])
def recorded(request: pytest.FixtureRequest) -> SessionRecord:
    return record_of(request.param)


def difference(one: Log, other: Log) -> set[str]:
    name, before = decode_log(one)  # type: ignore[misc]
    try:
        _, after = decode_log(other)  # type: ignore[misc]
    except Exception:
        return {"*"}
    return {key for key in before if before[key] != after[key]} - TIMES.get(name, set())


def found(record: SessionRecord) -> Findings | None:
    try:
        return verify_session(record)
    except VerificationError:
        return None


def test_an_honest_record_is_valid(recorded: SessionRecord) -> None:
    findings = verify_session(recorded)
    assert findings.checks["deposits equal to all that is owed or burnt"] == 1
    assert findings.checks["points that give their root"] >= 8
    assert findings.checks["revealed self masks"] >= 4
    assert findings.taken[BAD_POINTS] == 0
    assert not any("rebuilt" in what for what in findings.taken)


def test_every_changed_word_is_found(recorded: SessionRecord) -> None:
    """Points and roots that don't belong together are no contradiction: it is their receivers who object."""
    missed: Counter[tuple[str, ...]] = Counter()
    tried = 0
    for position, (block, log) in enumerate(recorded.logs):
        for other in changed(log):
            fields = difference(log, other)
            if not fields:
                continue
            tried += 1
            logs = (*recorded.logs[:position], (block, other), *recorded.logs[position + 1 :])
            findings = found(replace(recorded, logs=logs))
            if findings is not None and not (fields <= {"root", "points"} and findings.taken[BAD_POINTS] == 1):
                missed[name_of(log), *sorted(fields)] += 1
    assert set(missed) <= (UNUSED if recorded is not record_of("one of each") else set())
    assert tried > 200


def test_every_missing_log_is_found(recorded: SessionRecord) -> None:
    missed = set()
    for position, (_, log) in enumerate(recorded.logs):
        if found(replace(recorded, logs=recorded.logs[:position] + recorded.logs[position + 1 :])) is not None:
            missed.add(name_of(log))
    assert missed <= DISPENSABLE


def test_shares_of_another_holder_are_found() -> None:
    """Two members' revealed shares of one dealer, swapped."""
    recorded = record_of("one of each")
    at = [i for i, (_, log) in enumerate(recorded.logs) if name_of(log) == "ShareRevealed"]
    (block, one), (_, other) = recorded.logs[at[0]], recorded.logs[at[1]]
    swapped = replace(one, data=one.data[:-32] + other.data[-32:])
    logs = (*recorded.logs[: at[0]], (block, swapped), *recorded.logs[at[0] + 1 :])
    with pytest.raises(VerificationError, match="revealed shares: expected 0x"):
        verify_session(replace(recorded, logs=logs))
