"""Recomputes a finished session from its chain record alone and says what it checked.

Nothing but the logs goes in. Hashes, pools, seats, sums, norms, inner products, the rule's verdict, records and every
wei are computed again; the first contradiction raises. What the logs don't hold is taken as emitted: block hashes, so
seeds; times, so whose turn a call was; gas prices, so fees are held against their limits; Merkle proofs; what sessions
outside the record made of a member.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omnilytics.errors import OmniLyticsError, VerificationError
from omnilytics.protocol.history import History
from omnilytics.protocol.record import SessionRecord, read_sessions
from omnilytics.protocol.recovery_replay import replay_of


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was checked and how many times, over `sessions` sessions; `taken` was taken as emitted: no check."""

    sessions: int
    checks: list[tuple[str, int]]
    taken: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Findings:
    """How often each check was made in one session, and what was taken as emitted how often."""

    checks: Counter[str]
    taken: Counter[str]


def verify_record(path: Path) -> VerifyReport:
    """Verifies every session of a record (or of the record that a result file names).

    Raises:
        DataError: the record isn't readable.
        VerificationError: the record contradicts itself or the protocol, with the number expected and the number found.
    """
    checks: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    sessions = 0
    history = History()
    for session in read_sessions(path):
        try:
            found = verify_session(session, history)
        except VerificationError as error:
            raise VerificationError(f"session {session.number}: {error}") from None
        checks.update(found.checks)
        taken.update(found.taken)
        sessions += 1
    if not sessions:
        raise VerificationError("the record holds no finished session: expected at least 1, found 0")
    return VerifyReport(sessions, list(checks.items()), list(taken.items()))


def verify_session(record: SessionRecord, history: History | None = None) -> Findings:
    """Verifies one session. `history` is of those before it in a record, and is added to."""
    with contradictions():
        check = replay_of(record, History() if history is None else history)
    for block, log in record.logs:
        if log.address != record.address:
            raise VerificationError(f"log address: expected {record.address}, found {log.address}")
        with contradictions():
            check.on(block, log)
    check.at_end()
    return Findings(check.checks, check.taken)


@contextmanager
def contradictions() -> Iterator[None]:
    """Whatever a log makes fail is a contradiction of the record's.

    Raises:
        VerificationError: something has failed.
    """
    try:
        yield
    except VerificationError:
        raise
    except (OmniLyticsError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise VerificationError(f"a log doesn't fit those before it: {error}") from None
