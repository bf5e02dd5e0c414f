"""Somebody who only reads, while a session goes on: from any stage on, and where the chain goes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import pytest

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.dashboard.reducing import reduce_all
from omnilytics.errors import ChainError, VerificationError
from omnilytics.protocol import events
from omnilytics.protocol.narrator import narrate
from omnilytics.protocol.past import records_until
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.spectator import Onlooker, Spectator, Watched
from omnilytics.protocol.steps import Decision, Done, Waiting
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.verify import Findings, verify_session, verify_sessions
from omnilytics.types import Address, Assignment, DropoutPolicy, Log, Rule, Stage
from tests.e2e.market import Fair
from tests.e2e.roles import Cast
from tests.e2e.test_narrator import RUNS

ABORT = Terms(
    reward_wei=10**18, rounds=2, group_size=4, min_rounds=1, colluders=1, assignment=Assignment.GREEDY, rule=Rule.NORM
)


@dataclass
class Window:
    """A chain that others are on, of whose session as many logs are shown as a test wants."""

    chain: ChainPort
    shown: list[tuple[int, Log]]
    simulated: bool = False
    asked: int = 0

    def logs(self, address: Address, from_block: int = 0) -> list[tuple[int, Log]]:
        self.asked += 1
        return list(self.shown)

    def steady(self) -> AbstractContextManager[None]:
        return nullcontext()

    def timestamp(self) -> int:
        return 1_000 + len(self.shown)

    @property
    def chain_id(self) -> int:
        return self.chain.chain_id

    def session(self, address: Address) -> SessionPort:
        return self.chain.session(address)


@dataclass
class Seen:
    """A spectator at a window, and what it has told."""

    fair: Fair
    record: SessionRecord = field(init=False)
    told: list[events.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = self.fair.records[-1]
        self.window = Window(self.fair.world.chain, [])
        self.session = self.fair.world.chain.session(self.record.address)
        self.spectator = Spectator(self.window, self.session, self.told.append)  # type: ignore[arg-type]

    def look(self, logs: list[tuple[int, Log]]) -> list[events.Event]:
        """What is told when these are the chain's logs."""
        before = len(self.told)
        self.window.shown = logs
        self.spectator.look()
        return self.told[before:]


@pytest.fixture(scope="module")
def fair() -> Fair:
    """One session of twelve data owners; don't change it."""
    return RUNS["dropped"]()


def story(told: list[events.Event]) -> list[events.Event]:
    """Without the time of the chain, and the end, which withdrawals follow."""
    kept = [event for event in told if not isinstance(event, events.TimePassed | events.RunFinished)]
    return [replace(event, now=0) if isinstance(event, events.StageChanged) else event for event in kept]


@pytest.mark.parametrize("late", [0, 1, 40, 10_000])
def test_from_any_stage_on_it_tells_the_same(fair: Fair, late: int) -> None:
    seen = Seen(fair)
    logs = list(seen.record.logs)
    for end in range(min(late, len(logs)), len(logs) + 1, 3):
        seen.look(logs[:end])
    seen.look(logs)
    assert story(seen.told) == story(narrate([replace(seen.record, number=1)]))
    assert seen.spectator.record() == replace(seen.record, number=1)
    assert seen.spectator.finished


def test_time_passes(fair: Fair) -> None:
    seen = Seen(fair)
    logs = list(seen.record.logs)
    state = reduce_all(seen.look(logs[:20]))
    assert state.session is not None
    assert state.session.now == 1_020
    assert seen.look(logs[:20]) == []


def test_what_comes_again_in_the_same_order_is_told_once(fair: Fair) -> None:
    seen = Seen(fair)
    logs = list(seen.record.logs)
    ends = [end for end in range(40, 80) if logs[end - 1][0] != logs[end][0]]
    seen.look(logs[: ends[-1]])
    before = len(story(seen.told))
    assert story(seen.look(logs[: ends[-3]])) == []
    later = [(block + 2, log) for block, log in logs]
    assert story(seen.look(logs[: ends[-3]] + later[ends[-3] : ends[-2]])) == []
    seen.look(logs[: ends[-3]] + later[ends[-3] :])
    assert len(story(seen.told)) > before
    assert story(seen.told) == story(narrate([replace(seen.record, number=1)]))


def test_a_reorganisation_that_changes_the_story_begins_it_anew() -> None:
    one, two = Fair(12), Fair(12)
    for fair, who in ((one, None), (two, [1, 0, *range(2, 12)])):
        fair.run(replace(ABORT, rounds=3), who=who)
    assert one.records[0].address == two.records[0].address
    seen = Seen(one)
    mine, other = list(one.records[0].logs), list(two.records[0].logs)
    seen.look(mine[:40])
    again = seen.look(other)
    assert isinstance(again[0], events.RunStarted)
    note = events.Note(1, "the chain has gone back: this is the session as it is now")
    assert note in again
    assert [event for event in story(again) if event != note] == story(narrate([two.records[0]]))


def test_it_looks_on_beside_roles_that_follow_the_session() -> None:
    """A spectator of each step of a session that roles bring to its end by themselves."""
    fair = Fair(8)
    session = fair.open(replace(ABORT, policy=DropoutPolicy.RECOVER))
    cast, told = Cast(fair, session), list[events.Event]()
    spectator = Spectator(fair.world.chain, session, told.append)
    for account, role in cast.roles.items():
        cast.roles[account] = Watched(role, spectator, told.append)
    cast.run()
    spectator.look()
    assert (spectator.stage, spectator.deadline) == (session.stage(), session.deadline())
    assert story(told) == story(narrate([spectator.record()]))


def test_it_waits_in_words_until_the_session_is_over(fair: Fair) -> None:
    seen = Seen(fair)
    onlooker = Onlooker(seen.spectator)
    assert onlooker.decide() == Waiting("the owner to start the session", 0)
    logs = list(seen.record.logs)
    decisions: list[Decision] = []
    for end in range(len(logs) + 1):
        seen.window.shown = logs[:end]
        decisions.append(onlooker.decide())
    words = [decision.what for decision in decisions if isinstance(decision, Waiting)]
    assert "the others to reveal" in words
    assert all(decision.until > 0 for decision in decisions[40:60] if isinstance(decision, Waiting))
    assert isinstance(decisions[-1], Done)
    assert "all of it follows from the session's logs" in decisions[-1].what


def test_a_role_goes_on_where_the_logs_contradict_themselves(fair: Fair) -> None:
    seen = Seen(fair)

    class Idle:
        def decide(self) -> Decision:
            return Waiting("nothing")

    watched = Watched(Idle(), seen.spectator, seen.told.append)
    logs = list(seen.record.logs)
    seen.window.shown = [*logs[:20], *logs[25:30]]
    assert watched.decide() == Waiting("nothing")
    (note,) = [event for event in seen.told if isinstance(event, events.Note)]
    assert note.text.startswith("the session isn't shown any further: ")
    asked = seen.window.asked
    assert watched.decide() == Waiting("nothing")
    assert seen.window.asked == asked


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_contracts_say_what_their_logs_came_to(run: object) -> None:
    fair: Fair = run()  # type: ignore[operator]
    last = fair.sessions[-1]
    records = records_until(fair.world.chain, fair.world.market, last)
    assert records == fair.records
    report = verify_sessions(records, fair.world.chain)
    counted = dict(report.checks)
    assert (report.sessions, counted["stage in the contract"]) == (len(records), len(records))
    alone = verify_session(records[-1])
    assert isinstance(alone, Findings)
    assert sum(counted.values()) > sum(alone.checks.values())


class Elsewhere:
    """A chain whose contract says something else of one thing."""

    def __init__(self, chain: ChainPort, name: str, value: object) -> None:
        self._chain = chain
        self._name, self._value = name, value

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    def session(self, address: Address) -> object:
        session, name, value = self._chain.session(address), self._name, self._value

        class Other:
            def __getattr__(self, wanted: str) -> object:
                return (lambda *_: value) if wanted == name else getattr(session, wanted)

        return Other()


def changes(fair: Fair) -> Iterator[tuple[str, object, str]]:
    """What the contract says else: by which view, and what is held against it."""
    session, first = fair.sessions[0], fair.sessions[0].group(0)
    yield "owner", fair.members[0], "owner"
    yield "stage", Stage.PAYMENT, "stage"
    yield "published_hash", bytes(32), "published_hash"
    yield "model_hash", bytes(32), "model_hash"
    yield "group_count", 7, "groups"
    yield "group", replace(first, committed=1), "commitments"
    yield "group", replace(first, delivered=1), "deliveries"
    yield "group", replace(first, accepted=not first.accepted), "verdicts"
    yield "group", replace(first, squared_norm=5), "squared norms"
    yield "money", replace(session.money(), deposited=1), "deposits"


def test_a_record_that_isnt_the_contracts_is_refused(fair: Fair) -> None:
    for name, value, what in changes(fair):
        chain = Elsewhere(fair.world.chain, name, value)
        with pytest.raises(VerificationError, match=f"session 1: {what} in the contract: expected "):
            verify_sessions(fair.records, chain)  # type: ignore[arg-type]


def test_sessions_of_others_arent_the_owners() -> None:
    fair = Fair(12)
    fair.world.market.create_session(fair.members[0])
    fair.run(ABORT)
    fair.world.market.create_session(fair.members[0])
    assert records_until(fair.world.chain, fair.world.market, fair.sessions[0]) == fair.records


def test_a_session_that_isnt_finished_has_no_record(fair: Fair) -> None:
    other = Fair(12)
    session = other.open(ABORT)
    with pytest.raises(Exception, match="expected it to be finished, got stage register"):
        records_until(other.world.chain, other.world.market, session)
    with pytest.raises(Exception, match="expected one of market"):
        records_until(other.world.chain, other.world.market, other.world.chain.session(other.members[0]))


def test_a_node_that_fails_is_no_contradiction(fair: Fair) -> None:
    seen = Seen(fair)

    def fail(*_: object) -> object:
        raise ChainError("no answer")

    seen.window.logs = fail  # type: ignore[assignment,method-assign]
    with pytest.raises(ChainError, match="no answer"):
        seen.spectator.look()
