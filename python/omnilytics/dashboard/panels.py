"""The dashboard's panels: each a rich renderable of a `DashboardState` that fits itself into the space it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from omnilytics.dashboard import blobs, charts
from omnilytics.dashboard.charts import GREY, ORANGE, PURPLE, SKY, VERMILION
from omnilytics.dashboard.state import Curve, DashboardState, Distances, Group, Member, Session
from omnilytics.dashboard.words import STAGE_WORDS, ether, figures, gas, percent, short, span, standing

ACCEPT = f"bold {SKY}"
REFUSE = f"bold {ORANGE}"
FAIL = f"bold {VERMILION}"
QUIET = GREY

STATES = ("Setup", "Register", "Model aggregate", "Outlier suppression", "Payment", "Finished")
"""The paper's six states (Fig. 2)."""

SHORT_STATES = ("Setup", "Register", "Aggregate", "Outliers", "Payment", "Finished")

STATE_OF_STAGE = {
    "setup": 0,
    "register": 1,
    "draw": 1,
    "commit": 2,
    "share": 2,
    "upload": 2,
    "reveal": 2,
    "correct": 2,
    "accuse": 2,
    "aggregate": 2,
    "vote": 3,
    "select": 3,
    "payment": 4,
    "finished": 5,
}
"""`types.Stage` by name, lower case -> index into `STATES`."""

RECOVERY = ("share", "upload", "reveal", "aggregate")
"""The stages between the draw and the selection, with policy `recover`."""

MEMBER_MARKS: Mapping[str, tuple[str, str]] = {
    "waiting": ("·", QUIET),
    "registered": ("r", ""),
    "unseated": ("-", QUIET),
    "seated": ("s", ""),
    "trained": ("t", ""),
    "committed": ("c", ""),
    "shared": ("h", ""),
    "objected": ("o", REFUSE),
    "accused": ("a", REFUSE),
    "uploaded": ("u", SKY),
    "revealed": ("v", SKY),
    "lent": ("l", SKY),
    "voted": ("e", SKY),
    "rebuilt": ("m", FAIL),
    "blamed": ("x", FAIL),
    "missed": ("!", FAIL),
    "declined": ("d", REFUSE),
    "paid": ("$", ACCEPT),
    "refunded": ("b", REFUSE),
    "withdrawn": ("w", QUIET),
}
"""Status -> (one letter, style)."""


def group_verdict(group: Group) -> tuple[str, str]:
    """What became of a group, in a word, and its style."""
    if group.accepted:
        return "✓ accepted", ACCEPT
    if group.accepted is False:
        return ("~ paid anyway", REFUSE) if group.paid else ("✗ refused", REFUSE)
    if group.failed:
        return "! refuted" if group.refuted else "! failed", FAIL
    return group.status, ""


@dataclass(frozen=True, slots=True)
class Strip:
    """The six states, the one that the session is in, and its deadline. Two lines."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        session = self.state.session
        current = STATE_OF_STAGE.get(session.stage, 0) if session else -1
        names = STATES if options.max_width >= 92 else SHORT_STATES
        line = Text(no_wrap=True, overflow="ellipsis")
        for index, name in enumerate(names):
            if index:
                line.append(" ─ " if index > current else " ━ ", style=QUIET if index > current else SKY)
            if index == current:
                line.append(f" {name} ", style=f"bold #000000 on {SKY}")
            else:
                line.append(name, style=SKY if index < current else QUIET)
        yield line
        yield self._now(session)

    def _now(self, session: Session | None) -> Text:
        if session is None:
            return Text("no session yet: the owner prepares its model", style=QUIET, no_wrap=True, overflow="ellipsis")
        line = Text(no_wrap=True, overflow="ellipsis")
        if session.deadline:
            left = session.deadline - session.now
            line.append(f"deadline in {span(left)}" if left > 0 else "deadline passed", style="bold")
        else:
            line.append("no deadline", style=QUIET)
        setting = self.state.setting
        recovers = setting is not None and setting.policy == "recover" and session.stage in RECOVERY
        in_blobs = setting is not None and setting.in_blobs and session.stage in blobs.STAGES
        if recovers:
            line.append_text(_steps(session))
        if in_blobs:
            parts = session.posted, self.state.due(session), len(session.groups) - session.failed
            line.append(f"  {session.blobs.progress(session.stage, *parts)}")
        if not (recovers or in_blobs):
            line.append(f"  {STAGE_WORDS.get(session.stage, session.stage)}")
        return line


def _steps(session: Session) -> Text:
    """The steps of `recover`, the one that the session is in, and how many members missed each."""
    current = RECOVERY.index(session.stage)
    line = Text("  ")
    for index, step in enumerate(RECOVERY):
        if index:
            line.append(" ─ " if index > current else " ━ ", style=QUIET if index > current else SKY)
        line.append(step, style=QUIET if index > current else f"bold {SKY}" if index == current else SKY)
        missing = session.missing(step)
        if missing:
            line.append(f" -{missing}", style=FAIL)
    return line


@dataclass(frozen=True, slots=True)
class Groups:
    """One row a group: members, verdict, score over the limit or highest pick, reason. What doesn't fit is counted.

    Where there is a vote: for and against. Where vectors are in blobs: how many are posted, of how many.
    `!s`, `!u` or `!r` behind a member: it missed the step to share, to upload or to reveal.
    """

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table | Text]:
        session = self.state.session
        if session is None or not session.groups:
            yield Text("no groups yet", style=QUIET)
            return
        width, height = options.max_width, options.height or 99
        room = max(1, height - 1)
        shown = session.groups if len(session.groups) <= room else session.groups[: room - 1]
        members = width >= 58
        bar = 16 if width >= 58 else 10
        reason = width >= 96
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=True, header_style=QUIET)
        table.add_column("group", no_wrap=True, width=5)
        if members:
            table.add_column("members", no_wrap=True, ratio=1, overflow="ellipsis")
        table.add_column("verdict", no_wrap=True, width=13)
        with_limit = any(g.limit for g in session.groups)
        against = "x pick" if self.state.setting and self.state.setting.rule == "krum" else "x limit"
        table.add_column(against if with_limit else "score", no_wrap=True, width=8, justify="right")
        table.add_column("", no_wrap=True, width=bar)
        posted = members and any(g.blobs for g in session.groups)
        if posted:
            table.add_column("blobs", no_wrap=True, width=5, justify="right")
        votes = any(g.votes for g in session.groups)
        if votes:
            table.add_column("votes", no_wrap=True, width=7)
        if reason:
            table.add_column("reason", no_wrap=True, ratio=2, overflow="ellipsis")
        largest = max((g.score or 0 for g in session.groups), default=0)
        for group in shown:
            verdict, style = group_verdict(group)
            cells: list[str | Text] = [f"{group.number}"]
            cells += [self._members(group)] if members else []
            cells += [Text(verdict, style=style), _score(group), Text(_bar(group, largest, bar), style=style or QUIET)]
            cells += [self._blobs(group)] if posted else []
            cells += [_votes(group)] if votes else []
            cells += [group.reason] if reason else []
            table.add_row(*cells)
        yield table
        if len(shown) < len(session.groups):
            yield Text(f"and {len(session.groups) - len(shown)} more groups", style=QUIET)

    def _blobs(self, group: Group) -> str:
        """Posted of those that are due: `4/4`."""
        due = group.uploads * (self.state.setting.chunks if self.state.setting else 0)
        return f"{group.blobs}/{due}" if due and group.blobs else ""

    def _members(self, group: Group) -> Text:
        bad = {m.address for m in self.state.members if m.attacker}
        missed = group.missed
        text = Text(no_wrap=True, overflow="ellipsis")
        for index, member in enumerate(group.members):
            name = self.state.member_name(member).removeprefix("DO ")
            text.append(" " if index else "")
            text.append(name + ("*" if member in bad else ""), style=FAIL if member in bad else "")
            if member in missed:
                text.append(f"!{missed[member][0]}", style=FAIL)
        return text


def _votes(group: Group) -> Text:
    """For and against: `29:3`."""
    if not group.votes:
        return Text("")
    return Text(
        f"{group.votes - group.against}:{group.against}", style=REFUSE if 2 * group.against > group.votes else ""
    )


def _score(group: Group) -> Text:
    if group.score is None:
        return Text("", style=QUIET)
    if group.share is not None:
        return Text(figures(group.share, 3))
    return Text(f"{group.score:.2e}" if group.score >= 10**7 else str(group.score))


def _bar(group: Group, largest: int, width: int) -> str:
    if group.score is None:
        return ""
    if group.share is not None:
        return charts.limit_bar(group.share, width)
    return charts.bar(group.score / largest if largest else 0.0, width)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Alone, start, then the owner's and the public model by session: curves where there is room."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        s = self.state
        if not (s.measured or s.simulated):
            yield Text("the logs don't say it", style=QUIET)
            return
        height = options.height or 8
        owner, public = s.curve("owner"), s.curve("public")
        if height >= 7 and options.max_width >= 24:
            yield from self._chart(owner, public, options.max_width, height - 2)
        elif owner:
            yield Text(charts.spark([v for _, v in owner], options.max_width), style=SKY, no_wrap=True)
        yield _pairs([("alone", percent(s.alone), ORANGE), ("start", percent(s.start), "")])
        yield _pairs([("public", percent(s.public), PURPLE), ("final", percent(s.final), f"bold {SKY}")])

    def _chart(self, owner: Curve, public: Curve, width: int, height: int) -> Iterator[Text]:
        s = self.state
        low, high = charts.nice_range([v for _, v in (*owner, *public)] + ([s.alone] if s.alone is not None else []))
        planned = max(s.setting.sessions if s.setting else 1, len(s.sessions), 1)

        def drawn(curve: Curve) -> list[str]:
            return charts.braille([(x / planned, v) for x, v in curve], width - 4, height, low, high)

        alone = None if s.alone is None else _row_of(s.alone, low, high, height)
        for index, cells in enumerate(zip(drawn(owner), drawn(public), strict=True)):
            label = {0: f"{high:3.0f} ", height - 1: f"{low:3.0f} "}.get(index, "    ")
            line = Text(label, style=QUIET, no_wrap=True)
            for first, second in zip(*cells, strict=True):
                if first != " ":
                    line.append(first, style=SKY)
                elif second != " ":
                    line.append(second, style=PURPLE)
                else:
                    line.append("╌" if index == alone else " ", style=ORANGE)
            yield line


def _row_of(value: float, low: float, high: float, height: int) -> int:
    return min(height - 1, int((1 - (value - low) / (high - low)) * height))


def _pairs(pairs: list[tuple[str, str, str]]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for index, (word, value, style) in enumerate(pairs):
        line.append("  " if index else "")
        line.append(f"{word} ", style=QUIET)
        line.append(f"{value:>6}", style=style)
    return line


@dataclass(frozen=True, slots=True)
class Money:
    """The escrow of the current session, in words and bars of its deposits."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        session = self.state.session
        if session is None or not session.books.deposited:
            yield Text("nothing deposited yet", style=QUIET)
            return
        books = session.books
        rows = (
            ("deposited", books.deposited, ""),
            ("locked", books.locked, ORANGE),
            ("to withdraw", books.credits, SKY),
            ("paid out", books.withdrawn, ACCEPT),
        )
        room = options.max_width - 12 - 13
        for word, amount, style in rows:
            line = Text(f"{word:<12}", style=QUIET, no_wrap=True, overflow="ellipsis")
            line.append(f"{ether(amount):>12} ", style=style.removeprefix("bold "))
            if room >= 6:
                line.append(charts.bar(amount / books.deposited, room), style=style.removeprefix("bold "))
            yield line
        others = (
            ("for fees", books.reserve),
            ("fees paid", session.fees_wei),
            ("burnt", session.burnt_wei),
            ("whole run", self.state.books.deposited),
            ("reward", session.reward_wei),
            ("bond each", session.bond_wei),
        )
        for word, amount in others[: max(0, (options.height or 0) - len(rows))]:
            yield Text(f"{word:<12}{ether(amount):>12}", style=QUIET, no_wrap=True)


@dataclass(frozen=True, slots=True)
class Gas:
    """Gas by contract function, the dearest first, over the whole run."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        used = sorted(self.state.gas.items(), key=lambda item: (-item[1], item[0]))
        if not used:
            yield Text("no transaction yet" if self.state.simulated else "the logs don't say it", style=QUIET)
            return
        paid = blobs.summed(one.blobs for one in self.state.sessions).cost
        height = (options.height or 99) - bool(paid)
        room = max(0, options.max_width - 15 - 8)
        for phase, amount in used[: max(0, height - 1)]:
            line = Text(f"{phase:<15}", style=QUIET, no_wrap=True, overflow="ellipsis")
            line.append(f"{gas(amount):>7} ")
            line.append(charts.bar(amount / used[0][1], room), style=SKY)
            yield line
        total = sum(self.state.gas.values())
        calls = f" in {self.state.transactions:,} calls" if room >= 14 else ""
        yield Text(f"{'total':<15}{gas(total):>7}{calls}", style="bold", no_wrap=True)
        if paid:
            yield Text(paid, style=QUIET, no_wrap=True, overflow="ellipsis")


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Squared distances between the groups' aggregates of the newest session that has them."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        session = next((s for s in reversed(self.state.sessions) if s.distances), None)
        if session is None or session.distances is None or not session.distances.groups:
            yield Text("no distances yet", style=QUIET)
            return
        groups, rows = session.distances.groups, session.distances.rows
        bright = charts.bright_at(rows)
        if (options.height or 99) < len(groups) + 2:
            yield from _half_blocks(session.distances, bright, options.max_width, (options.height or 2) - 1)
            return
        cell = 6 if options.max_width >= 4 + 6 * len(groups) else 3
        room = max(1, (options.max_width - 4) // cell)
        refused = {g.number for g in session.groups if g.accepted is False}
        yield Text("    " + "".join(f"{g:>{cell - 1}} " for g in groups[:room]), style=QUIET, no_wrap=True)
        for number, row in list(zip(groups, rows, strict=True))[: max(1, (options.height or 99) - 2)]:
            line = Text(no_wrap=True)
            line.append(f"{number:>3} ", style=REFUSE if number in refused else QUIET)
            for value in row[:room]:
                colour = charts.shade(value / bright)
                text = f"{short(value):>{cell - 1}} "[:cell] if cell > 3 else " " * cell
                line.append(text, style=f"{charts.ink(colour)} on {charts.hexadecimal(colour)}")
            yield line
        yield Text(
            f"session {session.number}: dark 0, bright {short(bright)} and more, squared", style=QUIET, no_wrap=True
        )


def _half_blocks(distances: Distances, bright: float, width: int, height: int) -> Iterator[Text]:
    """Two rows a line, two columns a cell, for little space."""
    room = max(1, (width - 8) // 2)
    for start in range(0, min(len(distances.rows), 2 * height), 2):
        pair = distances.rows[start : start + 2]
        names = f"{distances.groups[start]}" + (f", {distances.groups[start + 1]}" if len(pair) > 1 else "")
        line = Text(f"{names:>7} ", style=QUIET, no_wrap=True)
        for column in range(min(room, len(distances.groups))):
            colours = [charts.hexadecimal(charts.shade(row[column] / bright)) for row in pair]
            line.append("▀▀", style=f"{colours[0]} on {colours[1]}" if len(colours) > 1 else colours[0])
        yield line
    yield Text(f"dark 0, bright {short(bright)} and more", style=QUIET, no_wrap=True)


@dataclass(frozen=True, slots=True)
class Members:
    """Data owners with status, earnings, fees and record, in the largest cells that fit; counts where none do."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        members = self.state.members
        if not members:
            yield Text("no data owners yet", style=QUIET)
            return
        width, height = options.max_width, (options.height or 99) - 1
        for cell, draw in ((52, _whole), (26, _full), (12, _medium), (5, _small), (1, _tiny)):
            columns = width // cell
            if columns and -(-len(members) // columns) <= height:
                for start in range(0, len(members), columns):
                    line = Text(no_wrap=True, overflow="crop")
                    for member in members[start : start + columns]:
                        line.append_text(draw(member, cell))
                    yield line
                break
        else:
            counts = Counter(m.status for m in members)
            yield Text(
                ", ".join(f"{n} {status}" for status, n in counts.most_common()), no_wrap=True, overflow="ellipsis"
            )
        earned = sum(m.earned_wei for m in members)
        present = {m.status for m in members}
        legend = " ".join(f"{mark} {status}" for status, (mark, _) in MEMBER_MARKS.items() if status in present)
        attackers = " * attacker" if any(m.attacker for m in members) else ""
        suspects = sum(m.suspect for m in members)
        records = f", {suspects} suspect (?)" if suspects else ""
        fees = f", {ether(sum(m.fees_wei for m in members))} for gas"
        total = f"earned {ether(earned)}{fees}{records}  {legend}{attackers}"
        yield Text(total, style=QUIET, no_wrap=True, overflow="ellipsis")


def _number(member: Member) -> tuple[str, str]:
    """Its number; a star marks an attacker, a question mark a suspect."""
    number = member.name.removeprefix("DO ")
    mark = ("*" if member.attacker else "") + ("?" if member.suspect else "")
    return f"{number}{mark:<1}", FAIL if member.attacker else REFUSE if member.suspect else ""


def _cell(member: Member, width: int, text: str) -> Text:
    number, style = _number(member)
    cell = Text(number, style=style)
    cell.append(" " if number.endswith("?") and width >= 12 else "")
    cell.append(text, style=MEMBER_MARKS.get(member.status, ("?", ""))[1])
    cell.truncate(width - 1)
    cell.pad_right(width - cell.cell_len)
    return cell


def _whole(member: Member, width: int) -> Text:
    seat = f"{member.status}{f' g{member.group}' if member.group >= 0 else ''}"
    record = standing(member.suspicion, member.suspect)
    return _cell(member, width, f"{seat:<13}{ether(member.earned_wei):>13}{record:>13} +{ether(member.fees_wei)}")


def _full(member: Member, width: int) -> Text:
    seat = f" g{member.group}" if member.group >= 0 else ""
    return _cell(member, width, f"{member.status}{seat} {ether(member.earned_wei) if member.earned_wei else ''}")


def _medium(member: Member, width: int) -> Text:
    mark = MEMBER_MARKS.get(member.status, ("?", ""))[0]
    amount, _, unit = ether(member.earned_wei).partition(" ")
    short = figures(float(amount.replace(",", "")), 3) + ("" if unit == "ether" else unit[0])
    return _cell(member, width, f"{mark} {short}" if member.earned_wei else mark)


def _tiny(member: Member, _width: int) -> Text:
    mark, style = MEMBER_MARKS.get(member.status, ("?", ""))
    return Text(mark, style=f"reverse {FAIL}" if member.attacker else style)


def _small(member: Member, width: int) -> Text:
    return _cell(member, width, MEMBER_MARKS.get(member.status, ("?", ""))[0])


@dataclass(frozen=True, slots=True)
class Feed:
    """The newest sentences, newest last, as many as fit."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        lines = self.state.feed[-(options.height or 10) :]
        for index, line in enumerate(lines):
            text = Text(no_wrap=True, overflow="ellipsis")
            text.append(f"{line.session:>3} " if line.session else "    ", style=QUIET)
            text.append(line.text, style="" if index == len(lines) - 1 else QUIET)
            yield text
