"""`verify` recomputes a session from its logs: every changed byte that matters is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.codec import MaskedInput
from omnilytics.errors import VerificationError
from omnilytics.experiments.arena.attacks import Lanes
from omnilytics.experiments.arena.ring import Lone
from omnilytics.protocol.history import History
from omnilytics.protocol.member import Behaviour, Policy, Upload
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.verify import verify_record, verify_session
from omnilytics.types import Log, Rule
from tests.e2e.conftest import PLAN, TERMS, World, krum_plan
from tests.e2e.market import Fair

UNCHECKED = {
    "Started": {"register_deadline"},
    "Registered": {"suspicion"},
    "RegistrationClosed": {"draw_block"},
    "Drawn": {"commit_deadline"},
    "BarrierPassed": {"upload_deadline"},
    "UploadClosed": {"deadline"},
    "AggregationClosed": {"select_deadline"},
    "VotingClosed": {"open_deadline"},
    "VoteClosed": {"select_deadline"},
    "RoundClosed": {"draw_block"},
    "Redrawn": {"commit_deadline"},
    "FeeCredited": {"gas_metered"},
    "Withdrawn": {"caller"},
}
"""Times, blocks, whoever made the call for somebody else, what gas cost, what other sessions left behind: the logs of
one session hold nothing to check them against."""


UNUSED = {("Committed", "root")}
"""The root of a member whose group failed before anybody uploaded: nothing was ever held against it."""

DISPENSABLE = {"Withdrawn", "RegistrationClosed", "UploadClosed", "AggregationClosed"}
"""Logs that only repeat what others say, and withdrawals: what isn't withdrawn is a credit."""


class Absent(Behaviour):
    def masked_input(self, upload: Upload) -> MaskedInput | None:
        return None


@pytest.fixture(scope="module", params=["norm", "vote", "krum", "failed", "redrawn"])
def recorded(request: pytest.FixtureRequest) -> SessionRecord:
    if request.param == "redrawn":
        return redrawn()
    garbage = Lone(Lanes(), np.random.default_rng(0))
    worlds = {
        "norm": World(plan=replace(PLAN, sessions=1), behaviours={1: garbage}, members=14),
        "vote": World(plan=replace(PLAN, sessions=1, terms=replace(TERMS, rule=Rule.NORM_VOTE)), members=14),
        "krum": World(plan=replace(krum_plan(), sessions=1), behaviours={1: garbage}),
        "failed": World(plan=replace(PLAN, sessions=1, terms=replace(TERMS, chunk_words=8)), behaviours={1: Absent()}),
    }
    world = worlds[request.param]
    world.run()
    return world.sessions[0]


def redrawn() -> SessionRecord:
    """One group is declined, another misses its commitment, their survivors have a second round."""
    m = Fair(12).members
    known = Policy(known_accounts=frozenset({*m[1:3], *m[3:12]}), min_known_peers=2, accept_near_repeats=True)
    fair = Fair(12, policy=known, behaviours={5: Absent()})
    fair.run(Terms(reward_wei=10**18, rounds=4, min_rounds=1, group_size=3, rule=Rule.NORM))
    return fair.records[0]


def changed(log: Log) -> Iterator[Log]:
    """The log with one bit flipped in a word of its data (in long ones three words), or in a topic but the first."""
    words = len(log.data) // 32
    for word in sorted({0, words // 2, words - 1} if words > 8 else set(range(words))):
        data = bytearray(log.data)
        data[32 * word + 31] ^= 1
        yield replace(log, data=bytes(data))
    for index in range(1, len(log.topics)):
        topic = log.topics[index][:-1] + bytes([log.topics[index][-1] ^ 1])
        yield replace(log, topics=(*log.topics[:index], topic, *log.topics[index + 1 :]))


def difference(one: Log, other: Log) -> set[str]:
    name, before = decode_log(one)  # type: ignore[misc]
    try:
        _, after = decode_log(other)  # type: ignore[misc]
    except Exception:
        return {"*"}
    return {key for key in before if before[key] != after[key]} - UNCHECKED.get(name, set())


def test_an_honest_record_is_valid(recorded: SessionRecord) -> None:
    counts = verify_session(recorded).checks
    assert counts["deposits equal to all that is owed or burnt"] == 1
    assert counts["aggregates equal to the sum of the uploads"] >= 2
    assert counts["fees within the limit of their call"] > 30


def is_valid(record: SessionRecord) -> bool:
    try:
        verify_session(record)
    except VerificationError:
        return False
    return True


def test_every_changed_word_is_found(recorded: SessionRecord) -> None:
    missed, tried = set(), 0
    for position, (block, log) in enumerate(recorded.logs):
        for other in changed(log):
            fields = difference(log, other)
            if not fields:
                continue
            logs = (*recorded.logs[:position], (block, other), *recorded.logs[position + 1 :])
            tried += 1
            if is_valid(replace(recorded, logs=logs)):
                missed.add((name_of(log), *fields))
    assert missed <= UNUSED
    assert tried > 200


def test_every_missing_log_is_found(recorded: SessionRecord) -> None:
    missed = set()
    for position, (_, log) in enumerate(recorded.logs):
        if is_valid(replace(recorded, logs=recorded.logs[:position] + recorded.logs[position + 1 :])):
            missed.add(name_of(log))
    assert missed <= DISPENSABLE


def name_of(log: Log) -> str:
    decoded = decode_log(log)
    assert decoded is not None
    return decoded[0]


def with_fee(record: SessionRecord, change: int) -> SessionRecord:
    """The record with its first fee changed."""
    position, log = next((i, log) for i, (_, log) in enumerate(record.logs) if name_of(log) == "FeeCredited")
    amount = int.from_bytes(log.data[32:], "big") + change
    other = replace(log, data=log.data[:32] + amount.to_bytes(32, "big"))
    return replace(
        record, logs=(*record.logs[:position], (record.logs[position][0], other), *record.logs[position + 1 :])
    )


def test_fees_have_limits(recorded: SessionRecord) -> None:
    with pytest.raises(VerificationError, match="fees of whole gwei: expected 0, found 1"):
        verify_session(with_fee(recorded, 1))
    with pytest.raises(VerificationError, match="fees within the limit of their call: expected True, found False"):
        verify_session(with_fee(recorded, 10**15))
    with pytest.raises(VerificationError, match=r"(the owner's credit|withdrawals equal to what is owed): expected"):
        verify_session(with_fee(recorded, 10**9))


def test_what_sessions_before_say_of_a_member_is_held_against_the_next(finished: World) -> None:
    history = History()
    first, second = (verify_session(session, history) for session in finished.sessions)
    assert (first.taken["suspicions"], second.taken["suspicions"]) == (12, 0)
    assert second.checks["suspicions that follow from the sessions before"] == 12
    assert verify_session(finished.sessions[1]).taken["suspicions"] == 12


def test_files(finished: World, tmp_path: Path) -> None:
    report = verify_record(finished.write_record(tmp_path / "r.jsonl.gz"))
    assert report.sessions == 2
    assert all(count > 0 for _, count in report.checks)


def test_a_damaged_file_names_the_session(finished: World, tmp_path: Path) -> None:
    broken = replace(finished.sessions[1], logs=finished.sessions[1].logs[1:])
    path = finished.write_record(tmp_path / "r.jsonl.gz", [finished.sessions[0], broken])
    with pytest.raises(VerificationError, match="session 2: "):
        verify_record(path)


def test_a_record_without_sessions(finished: World, tmp_path: Path) -> None:
    world = World()
    with pytest.raises(VerificationError, match="no finished session"):
        verify_record(world.write_record(tmp_path / "r.jsonl.gz"))


def test_logs_of_another_contract(finished: World) -> None:
    session = finished.sessions[0]
    block, log = session.logs[0]
    foreign = replace(log, address=finished.sessions[1].address)
    with pytest.raises(VerificationError, match="log address"):
        verify_session(replace(session, logs=((block, foreign), *session.logs[1:])))
