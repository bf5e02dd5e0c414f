"""A plausible run as an event stream, for tests of everything that people see. Same arguments, same events."""

from __future__ import annotations

import random
from collections.abc import Iterator

from omnilytics.protocol import events as ev

CALLS = {"register": 190_000, "commit": 71_000, "upload": 270_000}


def address(number: int) -> str:
    """A made-up account."""
    return f"0x{number:040x}"


def run(
    *,
    sessions: int = 3,
    rounds: int = 8,
    group_size: int = 4,
    extra: int = 4,
    attackers: int = 2,
    rule: str = "norm",
    seed: int = 7,
    failing: bool = False,
    unselected: bool = False,
) -> Iterator[ev.Event]:
    """The events of one run; `extra` data owners get no seat; `failing`: one misses its upload in session 2."""
    rng = random.Random(seed)
    members = [address(0x1000 + i) for i in range(rounds * group_size + extra)]
    bad = rng.sample(members, attackers)
    yield ev.RunStarted(
        0,
        "digits",
        "side",
        "delta",
        rule,
        sessions,
        rounds,
        group_size,
        2410,
        members,
        bad,
        "garbage",
        seed,
        address(1),
    )
    yield ev.Note(0, "The owner trains its private model on its own 40 samples.")
    yield ev.AccuracyMeasured(0, "alone", 71.25)
    yield ev.AccuracyMeasured(0, "start", 10.5)
    yield ev.GasUsed(0, "deploy", 6_200_000, 24_000)
    final = 10.5
    for number in range(1, sessions + 1):
        yield from session(
            number, members, bad, rounds, group_size, rule, rng, failing and number == 2, unselected and number == 2
        )
        yield ev.AccuracyMeasured(number, "public", 95.0 - 60.0 * 0.6**number + rng.random())
        final = 96.0 - 55.0 * 0.6**number + rng.random()
        yield ev.AccuracyMeasured(number, "final", final)
    yield ev.RunFinished(0, final, 0.25)


def session(
    number: int,
    members: list[str],
    bad: list[str],
    rounds: int,
    group_size: int,
    rule: str,
    rng: random.Random,
    failing: bool,
    unselected: bool,
) -> Iterator[ev.Event]:
    """The events of one session."""
    now = 1_700_000_000 + number * 10_000
    reward, bond = 10**18, 15 * 10**15
    yield ev.SessionCreated(number, address(0x9000 + number), reward, bond, 0.0625)
    yield ev.GasUsed(number, "start", 410_000, 1_500)
    yield ev.StageChanged(number, "register", now + 600, now)
    for member in members:
        yield ev.GasUsed(number, "register", CALLS["register"], 196)
        yield ev.MemberChanged(number, member, "registered", -1, -1, 0, 0)
    deposited = reward + bond * len(members)
    yield ev.MoneyMoved(number, deposited, 0, deposited, 0)
    yield ev.StageChanged(number, "draw", 0, now + 60)
    yield ev.GasUsed(number, "draw", 900_000, 4)
    seats = members[:]
    rng.shuffle(seats)
    groups = [seats[g * group_size : (g + 1) * group_size] for g in range(rounds)]
    for member in seats[rounds * group_size :]:
        yield ev.MemberChanged(number, member, "unseated", -1, -1, 0, 0)
    for group, seated in enumerate(groups):
        yield ev.GroupChanged(number, group, "commit", seated)
        for place, member in enumerate(seated):
            yield ev.MemberChanged(number, member, "seated", group, place, 0, 0)
    failed = [0] if failing else []
    yield from _delivery(number, groups, failed, rng, now)
    alive = [g for g in range(rounds) if g not in failed]
    yield from _selection(number, alive, groups, bad, rule, rng, unselected, now)
    accepted = [] if unselected else [g for g in alive if not set(groups[g]) & set(bad)]
    paid = alive if unselected else accepted
    yield ev.StageChanged(number, "payment", 0, now + 500)
    for group in range(rounds):
        yield ev.GasUsed(number, "settle", 160_000, 36)
        yield ev.GroupChanged(number, group, "settled", groups[group])
    yield ev.StageChanged(number, "finished", 0, now + 600)
    yield ev.MoneyMoved(number, deposited, deposited, 0, 0)
    share = reward // (max(1, len(paid)) * group_size)
    for group, seated in enumerate(groups):
        for place, member in enumerate(seated):
            status, credit = ("paid", bond + share) if group in paid else ("refunded", bond)
            yield ev.GasUsed(number, "withdraw", 38_000, 4)
            yield ev.MemberChanged(number, member, status, group, place, credit, 0)
    yield ev.MoneyMoved(number, deposited, 0, 0, deposited)
    rejected = [g for g in alive if g not in accepted]
    yield ev.SessionFinished(number, accepted, rejected, failed, unselected)


def _delivery(
    number: int, groups: list[list[str]], failed: list[int], rng: random.Random, now: int
) -> Iterator[ev.Event]:
    yield ev.StageChanged(number, "commit", now + 900, now + 100)
    for group, seated in enumerate(groups):
        for place, member in enumerate(seated):
            yield ev.GasUsed(number, "commit", CALLS["commit"], 36)
            yield ev.MemberChanged(number, member, "committed", group, place, 0, rng.randrange(4))
    yield ev.StageChanged(number, "upload", now + 1200, now + 200)
    for group, seated in enumerate(groups):
        yield ev.GroupChanged(number, group, "upload", seated)
        for place, member in enumerate(seated):
            if group in failed and place == 0:
                yield ev.MemberChanged(number, member, "missed", group, place, 0, 0)
                continue
            yield ev.GasUsed(number, "upload", CALLS["upload"], 2_200)
            yield ev.MemberChanged(number, member, "uploaded", group, place, 0, 0)
        yield ev.GroupChanged(number, group, "failed" if group in failed else "delivered", seated)
    yield ev.StageChanged(number, "aggregate", now + 1500, now + 300)
    for group in range(len(groups)):
        if group in failed:
            continue
        yield ev.GasUsed(number, "aggregate", 1_150_000, 8_900)
        yield ev.GroupChanged(number, group, "aggregated", groups[group])


def _selection(
    number: int,
    alive: list[int],
    groups: list[list[str]],
    bad: list[str],
    rule: str,
    rng: random.Random,
    unselected: bool,
    now: int,
) -> Iterator[ev.Event]:
    yield ev.StageChanged(number, "select", now + 1800, now + 400)
    yield ev.GasUsed(number, "select", 240_000, 68)
    limit = 2410 * 49 // 4
    dirty = {g for g in alive if set(groups[g]) & set(bad)}
    for group in alive:
        score = int(limit * (rng.uniform(1.3, 2.2) if group in dirty else rng.uniform(0.2, 0.6)))
        passed = group not in dirty and not unselected
        if rule == "norm":
            reason = f"squared length {100 * score // limit} % of the limit"
            yield ev.GroupScored(number, group, passed, passed or unselected, str(score), str(limit), reason)
        else:
            reason = "among Krum's picks" if passed else "not among Krum's picks"
            yield ev.GroupScored(number, group, passed, passed or unselected, str(score * 10**30), "0", reason)
    table = [
        [0.0 if r == s else (0.4 if {r, s} & dirty else 0.08) * (1 + 0.1 * ((r * s) % 5)) for s in alive] for r in alive
    ]
    yield ev.DistancesMeasured(number, alive, table)
