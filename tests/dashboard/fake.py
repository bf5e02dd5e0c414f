"""A plausible run as an event stream, for tests of everything that people see. Same arguments, same events."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator

from omnilytics.protocol import events as ev

CALLS = {"register": 190_000, "commit": 71_000, "upload": 270_000}
RESERVE = 2 * 10**16


class Purse:
    """The reserve of one session, from which every call is paid back."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.left = RESERVE

    def call(self, account: str, phase: str, gas: int, calldata: int) -> Iterator[ev.Event]:
        """A call and what it is paid, at 1 gwei a gas."""
        yield ev.GasUsed(self.number, phase, gas, calldata)
        self.left -= gas * 10**9
        yield ev.FeesCredited(self.number, account, gas * 10**9, self.left)


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
    recover: bool = False,
    blobs: bool = False,
) -> Iterator[ev.Event]:
    """The events of one run; `extra` data owners get no seat.

    `failing`: in session 2 two members decline their groups, whose others are drawn again, and one misses its upload.
    `blobs`: vectors are in blobs; in every session the sum of the last group is refuted, and another accusation isn't
    opened.
    `recover`: with that policy; in every session one member each is missing at a step of groups 0, 1 and 2.
    """
    rng = random.Random(seed)
    members = [address(0x1000 + i) for i in range(rounds * group_size + extra)]
    bad = rng.sample(members, attackers)
    shape = "digits", "side", "delta", rule, sessions, rounds, group_size, 2410
    policy = ("recover", group_size - 1, 3) if recover else ("abort", group_size, 0)
    yield ev.RunStarted(0, *shape, members, bad, "garbage", seed, address(1), *policy, "blob" if blobs else "calldata")
    yield ev.Note(0, "The owner trains its private model on its own 40 samples.")
    yield ev.AccuracyMeasured(0, "alone", 71.25)
    yield ev.AccuracyMeasured(0, "start", 10.5)
    yield ev.GasUsed(0, "deploy", 6_200_000, 24_000)
    final = 10.5
    for number in range(1, sessions + 1):
        yield from session(
            number,
            members,
            bad,
            rounds,
            group_size,
            rule,
            rng,
            failing and number == 2,
            unselected and number == 2,
            recover,
            blobs,
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
    recover: bool,
    blobs: bool,
) -> Iterator[ev.Event]:
    """The events of one session."""
    now, purse, reward, bond = 1_700_000_000 + number * 10_000, Purse(number), 10**18, 15 * 10**15
    yield ev.SessionCreated(number, address(0x9000 + number), reward, RESERVE, bond, 0.0625)
    yield ev.GasUsed(number, "start", 410_000, 1_500)
    yield ev.StageChanged(number, "register", now + 600, now)
    for member in members:
        yield from purse.call(member, "register", CALLS["register"], 196)
        yield ev.MemberChanged(number, member, "registered", -1, -1, 0, 0)
    deposited = reward + RESERVE + bond * len(members)
    yield ev.MoneyMoved(number, deposited, RESERVE - purse.left, deposited - RESERVE + purse.left, 0, purse.left)
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
    failed = [0, 1, 2] if failing else [rounds - 1] if blobs else []
    if failing:
        groups = yield from _declined(number, groups)
    steps = _posting if blobs else _recovery if recover else None
    yield from steps(purse, groups, now) if steps else _delivery(purse, groups, failed, rng, now)
    alive = [g for g in range(len(groups)) if g not in failed]
    if rule == "norm+vote":
        yield from _votes(purse, {g: groups[g] for g in alive}, bad, now)
    yield from _selection(number, alive, groups, bad, rule, rng, unselected, now)
    accepted = [g for g in alive if not unselected and not set(groups[g]) & set(bad)]
    paid = alive if unselected else accepted
    yield ev.StageChanged(number, "payment", 0, now + 500)
    for group, seated in enumerate(groups):
        yield from purse.call(seated[0], "settle", 160_000, 36)
        for member in seated:
            blamed = member in bad
            yield ev.RecordChanged(number, member, 2**14 * (1 + blamed * number), blamed and number > 1)
        yield ev.GroupChanged(number, group, "settled", seated)
    yield ev.StageChanged(number, "finished", 0, now + 600)
    share = reward // (rounds * group_size)
    burnt = share * group_size * (len(alive) - len(paid))
    yield ev.MoneyMoved(number, deposited, deposited - burnt, burnt, 0, 0)
    yield from _withdrawals(number, groups, paid, bond, share)
    yield ev.MoneyMoved(number, deposited, 0, burnt, deposited - burnt, 0)
    refused = [g for g in alive if g not in accepted]
    yield ev.SessionFinished(number, accepted, refused, failed, unselected, RESERVE - purse.left, burnt)


def _votes(purse: Purse, groups: dict[int, list[str]], bad: list[str], now: int) -> Iterator[ev.Event]:
    """All who delivered vote: the honest ones against groups with attackers in them, attackers against all others."""
    number = purse.number
    dirty = {group for group, seated in groups.items() if set(seated) & set(bad)}
    seats = [(group, place, member) for group, seated in groups.items() for place, member in enumerate(seated)]
    yield ev.StageChanged(number, "vote", now + 1600, now + 350)
    for group, place, member in seats:
        yield from purse.call(member, "vote", CALLS["commit"], 36)
        yield ev.MemberChanged(number, member, "voted", group, place, 0, 0)
    yield ev.StageChanged(number, "vote", now + 1700, now + 380)
    for group, place, member in seats:
        yield ev.VoteCast(number, member, group, place, sorted(groups.keys() - dirty if member in bad else dirty))


def _withdrawals(number: int, groups: list[list[str]], paid: list[int], bond: int, share: int) -> Iterator[ev.Event]:
    for group, seated in enumerate(groups):
        for place, member in enumerate(seated):
            status, credit = ("paid", bond + share) if group in paid else ("refunded", bond)
            yield ev.GasUsed(number, "withdraw", 38_000, 4)
            yield ev.MemberChanged(number, member, status, group, place, credit, 0)


def _declined(number: int, groups: list[list[str]]) -> Generator[ev.Event, None, list[list[str]]]:
    """The first member of groups 0 and 1 declines; as many of the others as fill a group sit in a new one."""
    for group in (0, 1):
        leaver = groups[group][0]
        yield ev.GasUsed(number, "decline", 90_000, 4)
        yield ev.MemberChanged(number, leaver, "declined", group, 0, 0, 0)
        yield ev.Declined(number, leaver, group, 0, 7 * 10**14, "expected at least 2 known accounts, got 0")
        yield ev.GroupChanged(number, group, "failed", groups[group])
    survivors = groups[0][1:] + groups[1][1:]
    again = survivors[: len(groups[0])]
    yield ev.Redrawn(number, len(groups), 1, len(survivors) - len(again))
    yield ev.GroupChanged(number, len(groups), "commit", again)
    for place, member in enumerate(again):
        yield ev.MemberChanged(number, member, "seated", len(groups), place, 0, 0)
    return [*groups, again]


def _delivery(
    purse: Purse, groups: list[list[str]], failed: list[int], rng: random.Random, now: int
) -> Iterator[ev.Event]:
    number = purse.number
    yield ev.StageChanged(number, "commit", now + 900, now + 100)
    for group, seated in enumerate(groups):
        for place, member in enumerate(seated):
            if group not in failed or group == 2:
                yield from purse.call(member, "commit", CALLS["commit"], 36)
                yield ev.MemberChanged(number, member, "committed", group, place, 0, rng.randrange(4))
    yield ev.StageChanged(number, "upload", now + 1200, now + 200)
    for group, seated in enumerate(groups):
        if group in failed and group != 2:
            continue
        yield ev.GroupChanged(number, group, "upload", seated)
        for place, member in enumerate(seated):
            if group in failed and place == 0:
                yield ev.MemberChanged(number, member, "missed", group, place, 0, 0)
                continue
            yield from purse.call(member, "upload", CALLS["upload"], 2_200)
            yield ev.MemberChanged(number, member, "uploaded", group, place, 0, 0)
        yield ev.GroupChanged(number, group, "failed" if group in failed else "delivered", seated)
    yield ev.StageChanged(number, "aggregate", now + 1500, now + 300)
    for group, seated in enumerate(groups):
        if group in failed:
            continue
        yield from purse.call(seated[0], "aggregate", 1_150_000, 8_900)
        yield ev.GroupChanged(number, group, "aggregated", seated)


def _recovery(purse: Purse, groups: list[list[str]], now: int) -> Iterator[ev.Event]:
    """The first member of group 0 doesn't share, of group 1 doesn't upload, of group 2 doesn't reveal."""
    number, steps = purse.number, ("share", "upload", "reveal")
    for index, (step, done) in enumerate(zip(steps, ("shared", "uploaded", "revealed"), strict=True)):
        yield ev.StageChanged(number, step, now + 900 + 300 * index, now + 100 + 100 * index)
        for group, seated in enumerate(groups):
            for place, member in enumerate(seated):
                if place or group > index:
                    yield from purse.call(member, "upload" if step == "upload" else "commit", CALLS["commit"], 36)
                    yield ev.MemberChanged(number, member, done, group, place, 0, 0)
        group, leaver = index, groups[index][0]
        yield ev.StepMissed(number, group, step, [leaver], len(groups[index]) - 1)
        yield ev.MemberChanged(number, leaver, "missed", group, 0, 0, 0)
        if step != "share":
            yield ev.MemberChanged(number, leaver, "rebuilt", group, 0, 0, 0)
    yield ev.StageChanged(number, "aggregate", now + 1800, now + 400)
    for group, seated in enumerate(groups):
        yield from purse.call(seated[1], "unmask", 1_150_000, 8_900)
        yield ev.GroupChanged(number, group, "aggregated", seated)


def _posting(purse: Purse, groups: list[list[str]], now: int) -> Iterator[ev.Event]:
    """All post one blob each; the last group's sum is accused by one, and refuted; another accuses and says no more."""
    number, last = purse.number, len(groups) - 1
    yield ev.StageChanged(number, "upload", now + 1200, now + 200)
    for group, seated in enumerate(groups):
        yield ev.GroupChanged(number, group, "upload", seated)
        for place, member in enumerate(seated):
            yield ev.GasUsed(number, "post", 70_225, 4, 131_072, 10**9 // 16)
            yield ev.BlobsPosted(number, member, group, place, 1)
            yield ev.MemberChanged(number, member, "uploaded", group, place, 0, 0)
        yield ev.GroupChanged(number, group, "delivered", seated)
    yield ev.StageChanged(number, "accuse", now + 300, now + 250)
    for accuser in (groups[0][0], groups[0][1]):
        yield from purse.call(accuser, "accuse", 71_000, 36)
        yield ev.Accused(number, accuser)
    yield ev.StageChanged(number, "accuse", now + 360, now + 301)
    yield from purse.call(groups[0][0], "refute", 400_000, 900)
    yield ev.Refuted(number, groups[0][0], last, 17)
    yield ev.GroupChanged(number, last, "refuted", groups[last])
    yield ev.StageChanged(number, "aggregate", now + 1500, now + 361)
    alive = list(range(last))
    for some in (alive[:2], alive[2:]):
        yield from purse.call(groups[0][0], "add_sums", 239_000, 900)
        yield ev.SumsAdded(number, some)
        for group in some:
            yield ev.GroupChanged(number, group, "aggregated", groups[group])
    yield ev.StageChanged(number, "select", now + 1800, now + 400)
    yield ev.SumsProven(number, last)


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
        if rule != "krum":
            reason = f"squared length {100 * score // limit} % of the limit"
            yield ev.GroupScored(number, group, passed, passed or unselected, str(score), str(limit), reason)
        else:
            reason = "among Krum's picks" if passed else "not among Krum's picks"
            yield ev.GroupScored(number, group, passed, passed or unselected, str(score * 10**30), "0", reason)
    table = [
        [0.0 if r == s else (0.4 if {r, s} & dirty else 0.08) * (1 + 0.1 * ((r * s) % 5)) for s in alive] for r in alive
    ]
    yield ev.DistancesMeasured(number, alive, table)
