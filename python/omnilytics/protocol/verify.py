"""Recomputes a finished session from its chain record alone and says what it checked.

Nothing but the logs goes in. Hashes, pools, seats, sums, norms, inner products, the rule's verdict, records and every
wei are computed again; the first contradiction raises. What the logs don't hold is taken as emitted: block hashes, so
seeds; times, so whose turn a call was; gas prices, so fees are held against their limits; Merkle proofs; what sessions
outside the record made of a member.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omnilytics import codec
from omnilytics.blobs.blob import Blobs
from omnilytics.chain.base import ChainPort
from omnilytics.errors import OmniLyticsError, VerificationError
from omnilytics.protocol.history import History
from omnilytics.protocol.rebuilding import replay_of
from omnilytics.protocol.record import SessionRecord, read_sessions
from omnilytics.protocol.replay import Replay
from omnilytics.types import Mode, Stage


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


def verify_record(path: Path, chain: ChainPort | None = None, blobs: Blobs | None = None) -> VerifyReport:
    """Verifies every session of a record (or of the record that a result file names).

    Args:
        path: of the record.
        chain: where its sessions are, to compare with what the contracts say; None: nothing but the record.
        blobs: an archive with the uploads of sessions in blobs; None: their sums are taken as emitted.

    Raises:
        DataError: the record isn't readable.
        VerificationError: as `verify_sessions`.
        ChainError: no answer.
    """
    return verify_sessions(read_sessions(path), chain, blobs)


def verify_sessions(
    records: Iterable[SessionRecord], chain: ChainPort | None = None, blobs: Blobs | None = None
) -> VerifyReport:
    """Verifies sessions, each with those before it; `chain` and `blobs` as `verify_record` has them.

    Raises:
        VerificationError: a record contradicts itself, the protocol or the chain: the numbers expected and found.
    """
    checks: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    sessions = 0
    history = History()
    for session in records:
        try:
            found = verify_session(session, history, chain, blobs)
        except VerificationError as error:
            raise VerificationError(f"session {session.number}: {error}") from None
        checks.update(found.checks)
        taken.update(found.taken)
        sessions += 1
    if not sessions:
        raise VerificationError("the record holds no finished session: expected at least 1, found 0")
    return VerifyReport(sessions, list(checks.items()), list(taken.items()))


def verify_session(
    record: SessionRecord, history: History | None = None, chain: ChainPort | None = None, blobs: Blobs | None = None
) -> Findings:
    """Verifies one session. `history` is of those before it in a record, and is added to."""
    with contradictions():
        check = replay_of(record, History() if history is None else history, blobs=blobs)
    for block, log in record.logs:
        if log.address != record.address:
            raise VerificationError(f"log address: expected {record.address}, found {log.address}")
        with contradictions():
            check.on(block, log)
    check.at_end()
    if chain is not None:
        compare(check, chain)
    return Findings(check.checks, check.taken)


def compare(check: Replay, chain: ChainPort) -> None:
    """Holds what a session's logs came to against the state of its contract, which outlives them.

    Raises:
        VerificationError: they differ.
        ChainError: no answer, or no session there.
    """
    record, session = check.record, chain.session(check.record.address)
    check.expect("chain of the contract", record.chain_id, chain.chain_id)
    check.expect("owner in the contract", record.owner, session.owner())
    check.expect("stage in the contract", Stage.FINISHED, session.stage())
    if check.params is None:
        return
    hashed = codec.published_hash(check.published)
    check.expect("published_hash in the contract", hashed, session.published_hash())
    check.expect("model_hash in the contract", codec.model_hash(check.params, hashed), session.model_hash())
    check.expect("groups in the contract", len(check.seats.groups), session.group_count())
    for group in range(len(check.seats.groups)):
        view = session.group(group)
        committed = check.stayed[group] if group in check.fates.dissolved else check.committed(group)
        verdict = bool(check.fates.accepted >> group & 1)
        check.expect("commitments in the contract", committed, view.committed)
        check.expect("deliveries in the contract", check.delivered(group), view.delivered)
        check.expect("verdicts in the contract", verdict, view.accepted)
        if group in check.norms and check.params.mode is Mode.CALLDATA:
            check.expect("squared norms in the contract", check.norms[group], view.squared_norm)
    if (tally := check.votes.tally) is not None:
        check.expect("votes in the contract", tally.cast, session.votes_cast())
        for group, against in tally.against.items():
            check.expect("votes against a group in the contract", against, session.votes_against(group))
    check.expect("deposits in the contract", check.money().deposited, session.money().deposited)


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
