"""A finished run as one self-contained HTML page: inline CSS and SVG, no script, nothing fetched, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from omnilytics.dashboard import charts, svg
from omnilytics.dashboard.blobs import Accusation, Correction, summed
from omnilytics.dashboard.panels import group_verdict
from omnilytics.dashboard.report_style import CSS
from omnilytics.dashboard.state import DashboardState, Group, Session, Setting
from omnilytics.dashboard.words import count, ether, figures, gas, listing, percent, short, span, standing

UNPROTECTED = (
    "The sum of each group's uploads is public for ever. Who compares sums of many sessions may learn about single "
    "data owners; small groups hide less than large ones.",
    "The public model is public: anybody gets its accuracy without paying, and whoever queries the owner's model can "
    "imitate it.",
    "A model owner that publishes a malicious public model can read samples out of the sums.",
    "How much a data owner trains (its samples, epochs and batch size) can't be checked on the chain.",
    "A model owner may take seats itself, and gets the reward of those seats back.",
    "The rule norm stops loud uploads. A step of honest length in a wrong direction passes, and is paid; norm+vote "
    "refuses most of these, and lets through what goes the way of honest steps, more or less, as with wrong labels.",
    "A vote is public: one bit for each group, whether its sum goes the way of that data owner's own step.",
)
"""What the page says isn't protected; README says the same."""

ACCURACY_NOTE = (
    "Line with dots: the owner's model, public and private part together. Dotted line: the public model, which anybody "
    "gets. Dashes: the owner with its own data alone."
)
NORM_NOTE = "Squared length of each group's aggregate over the limit of the rule."
KRUM_NOTE = (
    "Krum's score of each group at its first pick; lower is nearer to the others. The limit is the highest picked."
)

BLOBS_NOTE = (
    "Sums that aren't in range are accused first, each by a commitment, and refuted when nobody can accuse any more. "
    "The contract adds up what is left from the commitments of the blobs, and products of the sums are proven to it."
)

CORRECTIONS_NOTE = (
    "With policy recover a member of each group posts what lifts the masks of its sum. Anybody can compute it, and "
    "refute a wrong one in stage Accuse."
)

RECORD_NOTE = (
    "Record: what the market remembers of a data owner with this model owner, from 0 to 1. Suspects get the seats that "
    "the clear ones leave."
)


def render_report(
    state: DashboardState, *, versions: Mapping[str, str] | None = None, reveals: str | None = None
) -> str:
    """The page.

    Args:
        state: what the events of the run add up to.
        versions: of the software, shown at the foot.
        reveals: in plain words, what the model owner publishes with this split.

    Returns:
        One HTML document.
    """
    sections = [
        _tiles(state),
        _figure("Accuracy on the test data, per cent", _accuracy(state), ACCURACY_NOTE) if state.measured else "",
        *_groups(state),
        *_missing(state),
        *_blobs(state),
        *_distances(state),
        _gas(state),
        _money(state),
        _members(state),
        _unprotected(reveals),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(_title(state))}</title><style>{CSS}</style></head>\n<body><main>"
        f"{_head(state)}{''.join(s for s in sections if s)}{_foot(versions)}</main></body></html>\n"
    )


def _title(state: DashboardState) -> str:
    seed = state.setting.seed if state.setting else None
    return "OmniLytics run" if seed is None else f"OmniLytics run, seed {seed}"


def _head(state: DashboardState) -> str:
    setting = state.setting
    if setting is None:
        return "<header><h1>OmniLytics</h1><p>This run has not started.</p></header>"
    recover = f" Policy recover: {setting.threshold} of a group are enough." if setting.policy == "recover" else ""
    words = (
        f"{count(len(state.members), 'data owner')} trained {count(setting.parameter_count, 'public parameter')}"
        f"{f' on {setting.dataset}' if setting.dataset else ''} in {count(len(state.sessions), 'session')} of "
        f"{count(setting.rounds, 'group')} with {setting.group_size} each. {_choices(setting)}.{recover}"
    )
    unfinished = "" if state.finished else " <strong>The run did not finish.</strong>"
    return f"<header><h1>OmniLytics</h1><p>{escape(words)}{unfinished}</p></header>"


def _gas(state: DashboardState) -> str:
    if not state.transactions:
        return ""
    return _figure("Gas by contract function, all sessions", svg.gas_bars(_by_size(state.gas)), _gas_note(state))


def _choices(setting: Setting) -> str:
    """Split, encoding, rule, and what a simulation alone has."""
    choices = [f"encoding {setting.encoding}", f"rule {setting.rule}"]
    if setting.split:
        choices.insert(0, f"split {setting.split}")
    if setting.seed is not None:
        attack = f"{count(setting.attackers, 'attacker')} ({setting.attack})" if setting.attackers else "no attacker"
        choices += [f"seed {setting.seed}", attack]
    line = ", ".join(choices)
    return line[0].upper() + line[1:]


def _tiles(state: DashboardState) -> str:
    scored = [g for s in state.sessions for g in s.groups if g.accepted is not None]
    accepted = sum(1 for g in scored if g.accepted)
    books = state.books
    accuracies = [
        ("Owner alone", percent(state.alone), "its own data only"),
        ("Owner in the end", percent(state.final), f"from {percent(state.start)}; {_weight(state)}"),
        ("Public model", percent(state.public), "what anybody gets from the chain"),
    ]
    tiles = [
        *(accuracies if state.measured else []),
        ("Groups accepted", f"{accepted} of {len(scored)}", f"{len(scored) - accepted} refused"),
        *_attacked(state),
        ("Paid to data owners", ether(sum(m.earned_wei for m in state.members)), "rewards, without bonds"),
        ("Paid back for gas", ether(sum(s.fees_wei for s in state.sessions)), f"of {_reserves(state)} set aside"),
        ("Burnt", ether(_burnt(state)), "the price of refused groups"),
        (
            "Left in the contracts",
            ether(books.deposited - books.withdrawn - _burnt(state)),
            f"of {ether(books.deposited)} deposited",
        ),
        ("Gas", gas(sum(state.gas.values())), count(state.transactions, "transaction")),
        *_posted(state),
    ]
    cells = "".join(
        f"<div class='tile'><span>{escape(name)}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>"
        for name, value, note in tiles
    )
    return f"<section class='tiles'>{cells}</section>"


def _posted(state: DashboardState) -> list[tuple[str, str, str]]:
    if state.setting is None or not state.setting.in_blobs:
        return []
    posted, due = sum(s.posted for s in state.sessions), sum(state.due(s) for s in state.sessions)
    return [("Blobs", f"{posted:,} of {due:,}", summed(s.blobs for s in state.sessions).cost or "posted")]


def _burnt(state: DashboardState) -> int:
    return sum(s.burnt_wei for s in state.sessions)


def _reserves(state: DashboardState) -> str:
    return ether(sum(s.reserve_wei for s in state.sessions))


def _attacked(state: DashboardState) -> list[tuple[str, str, str]]:
    bad = {m.address for m in state.members if m.attacker}
    groups = [g for s in state.sessions for g in s.groups if bad.intersection(g.members)]
    if not groups:
        return []
    paid = sum(1 for g in groups if g.paid)
    return [("Attacked groups paid", f"{paid} of {len(groups)}", "over all sessions")]


def _weight(state: DashboardState) -> str:
    if state.weight is None or (state.setting is not None and state.setting.split != "side"):
        return "public and private layers together"
    return f"private model weighs {figures(state.weight, 3)}"


def _figure(title: str, picture: str, note: str = "") -> str:
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    return f"<section><h2>{escape(title)}</h2><figure>{picture}{caption}</figure></section>"


def _accuracy(state: DashboardState) -> str:
    return svg.accuracy_chart(state.curve("owner"), state.curve("public"), alone=state.alone)


def _groups(state: DashboardState) -> list[str]:
    attackers = frozenset(m.address for m in state.members if m.attacker)
    verdicts = [_verdict(s, g, attackers) for s in state.sessions for g in s.groups]
    if not verdicts:
        return []
    legend = (
        "+ accepted, x refused, ! failed to deliver, ~ unselected and paid. "
        "A star marks a group with an attacker in it. Rest the pointer on a cell for its score and reason."
    )
    parts = [_figure("Groups of each session", svg.verdict_grid(verdicts), legend)]
    with_limit = any(g.limit for s in state.sessions for g in s.groups)
    scores = [x for s in state.sessions for x in _scores(s, with_limit)]
    if scores:
        title = "Scores against the limit" if with_limit else "Scores"
        note = f"{NORM_NOTE if _norm(state) else KRUM_NOTE} Circle: accepted. Cross or arrow: refused."
        parts.append(_figure(title, svg.score_chart(scores, with_limit=with_limit), note))
    last = state.latest_scored()
    return [*parts, _group_table(state, last)] if last else parts


def _norm(state: DashboardState) -> bool:
    return state.setting is None or state.setting.rule.startswith("norm")


def _verdict(session: Session, group: Group, attackers: frozenset[str]) -> svg.Verdict:
    star = "*" if attackers.intersection(group.members) else ""
    if group.accepted:
        css, letter = "accept", "+"
    elif group.failed:
        css, letter = "fail", "!"
    elif group.accepted is None:
        css, letter = "open", "?"
    else:
        css, letter = ("open", "~") if group.paid else ("refuse", "x")
    words = f"session {session.number}, group {group.number}: {group_verdict(group)[0]}. {group.reason}"
    return svg.Verdict(session.number, group.number, css, letter + star, words)


def _scores(session: Session, with_limit: bool) -> Iterable[svg.Score]:
    largest = max((g.score or 0 for g in session.groups), default=0)
    for group in session.groups:
        if group.score is None or group.accepted is None:
            continue
        share = group.share if with_limit else (group.score / largest if largest else 0.0)
        if share is not None:
            tip = f"session {session.number}, group {group.number}: {figures(share, 3)}. {group.reason}"
            yield svg.Score(session.number, share, group.accepted, tip)


def _group_table(state: DashboardState, session: Session) -> str:
    votes = any(g.votes for g in session.groups)
    rows = [
        [
            str(g.number),
            listing([state.member_name(m) for m in g.members]),
            group_verdict(g)[0],
            "" if g.share is None else figures(g.share, 3),
            *([f"{g.votes - g.against} : {g.against}"] if votes else []),
            "yes" if g.paid else "no",
            g.reason,
        ]
        for g in session.groups
    ]
    score = "Score / limit" if _norm(state) else "Score / highest pick"
    head = ("Group", "Members", "Verdict", score, *(["For : against"] if votes else []), "Paid", "Reason")
    return _section(f"Groups of session {session.number}", _table(head, rows, numbers=(3,)))


def _missing(state: DashboardState) -> list[str]:
    """Who was missing at which step of policy `recover`, and what became of the group."""
    rows = [
        [
            str(session.number),
            str(group.number),
            gap.step,
            listing([state.member_name(member) for member in gap.members]),
            f"{gap.left} of {len(group.members)}",
            group_verdict(group)[0],
        ]
        for session in state.sessions
        for group in session.groups
        for gap in group.gaps
    ]
    if not rows:
        return []
    head = ("Session", "Group", "Missing at", "Data owners", "Left", "Verdict")
    return [_section("Who was missing", _table(head, rows, numbers=(0, 1)))]


def _blobs(state: DashboardState) -> list[str]:
    """What is posted, added up and proven in each session, and what became of every accusation."""
    if state.setting is None or not state.setting.in_blobs:
        return []
    rows = [
        [
            str(s.number),
            f"{s.posted:,} of {state.due(s):,}",
            *([gas(s.blobs.gas), ether(s.blobs.price_wei), ether(s.blobs.wei)] if s.blobs.gas else ["-", "-", "-"]),
            _window(s),
            str(len(s.blobs.accusations)),
            str(s.blobs.refuted),
            f"{len(s.blobs.added)} of {len(s.groups) - s.failed}",
            str(s.blobs.products),
        ]
        for s in state.sessions
    ]
    head = (
        *("Session", "Blobs posted", "Blob gas", "A blob gas", "Paid for it", "Stage Accuse"),
        *("Accusations", "Refuted", "Sums added", "Products proven"),
    )
    table = _table(head, rows, numbers=(0, 2, 3, 4, 6, 7, 9))
    told = [
        [str(s.number), state.member_name(one.account), *_outcome(s, one)]
        for s in state.sessions
        for one in s.blobs.accusations
    ]
    accused = _table(("Session", "By", "Group", "Element", "Outcome"), told, numbers=(0, 2, 3))
    return [
        _section("Vectors in blobs", f"{table}<p class='note'>{BLOBS_NOTE}</p>"),
        *_corrections(state, state.setting),
        *([_section("Accusations", accused)] if told else []),
    ]


def _corrections(state: DashboardState, setting: Setting) -> list[str]:
    """Who has posted what of a group's correction, what became of it, and which groups wait for one."""
    rows = []
    for s in state.sessions:
        waiting = [Correction("", g.number) for g in s.groups if g.uncorrected]
        for one in sorted((*s.blobs.corrections, *waiting), key=lambda one: one.group):
            who = state.member_name(one.account) if one.account else "-"
            rows.append([str(s.number), str(one.group), who, f"{one.blobs} of {setting.chunks}", _fate(s, one)])
    if not rows:
        return []
    table = _table(("Session", "Group", "By", "Blobs", "Outcome"), rows, numbers=(0, 1, 3))
    return [_section("Corrections", f"{table}<p class='note'>{CORRECTIONS_NOTE}</p>")]


def _fate(session: Session, correction: Correction) -> str:
    if correction.index is not None:
        return f"refuted: element {correction.index} is wrong; the group fails, and the bond is lost"
    if correction.whole:
        return "lifts the masks of the group's sum"
    if correction.account:
        return "not all of it"
    if session.stage == "correct":
        return f"the group waits for one, {span(session.deadline - session.now)} left"
    return "nobody posted all of one in time: the group fails"


def _window(session: Session) -> str:
    """Where the window stands in which sums may be accused, and then refuted."""
    if session.stage != "accuse":
        return "over" if session.blobs.added or session.finished else "not open yet"
    step = "refuting" if session.blobs.refuting else "accusing"
    return f"{step}, {span(session.deadline - session.now)} left"


def _outcome(session: Session, accusation: Accusation) -> list[str]:
    if accusation.group is not None:
        return [str(accusation.group), str(accusation.index), "true: the group fails, and the bond comes back"]
    return ["-", "-", "not opened yet" if session.stage == "accuse" else "never opened: the bond stays locked"]


def _distances(state: DashboardState) -> list[str]:
    session = next((s for s in reversed(state.sessions) if s.distances and s.distances.groups), None)
    if session is None or session.distances is None:
        return []
    refused = [g.number for g in session.groups if g.accepted is False]
    picture = svg.heat_map(session.distances.groups, session.distances.rows, refused)
    note = (
        f"Dark is 0, bright is {short(charts.bright_at(session.distances.rows))} and more, in units of weights, "
        "squared. x marks refused groups."
    )
    title = f"Distances between the groups of session {session.number}"
    figure = f"<figure class='narrow'>{picture}<figcaption>{note}</figcaption></figure>"
    return [_section(title, figure)]


def _by_size(amounts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(amounts.items(), key=lambda item: (-item[1], item[0]))


def _gas_note(state: DashboardState) -> str:
    total = sum(state.gas.values())
    return (
        f"{total:,} gas in {count(state.transactions, 'transaction')} with {state.calldata_bytes:,} bytes of calldata."
    )


def _money(state: DashboardState) -> str:
    rows = [
        [
            str(s.number),
            ether(s.reward_wei),
            ether(s.bond_wei),
            ether(s.books.deposited),
            ether(s.books.withdrawn),
            ether(s.books.credits),
            ether(s.books.locked),
            ether(s.burnt_wei),
            ether(s.reserve_wei),
            ether(s.fees_wei),
            ether(s.books.reserve),
        ]
        for s in state.sessions
    ]
    books = state.books
    total = [ether(v) for v in (books.deposited, books.withdrawn, books.credits, books.locked, _burnt(state))]
    fees = [_reserves(state), ether(sum(s.fees_wei for s in state.sessions)), ether(books.reserve)]
    rows.append(["all", ether(sum(s.reward_wei for s in state.sessions)), "", *total, *fees])
    head = (
        *("Session", "Reward", "Bond each", "Deposited", "Paid out", "To withdraw", "Locked", "Burnt"),
        *("Reserve for fees", "Fees paid", "Reserve left"),
    )
    return _section("Money", _table(head, rows, numbers=range(1, 11)))


def _members(state: DashboardState) -> str:
    rows = [
        [
            m.name + (" *" if m.attacker else ""),
            m.address,
            m.status,
            str(m.paid),
            str(m.missed),
            str(m.declined),
            ether(m.earned_wei),
            ether(m.fees_wei),
            standing(m.suspicion, m.suspect),
        ]
        for m in state.members
    ]
    head = ("Data owner", "Account", "Last status", "Sessions paid", "Missed", "Declined", "Earned", "Fees", "Record")
    star = "A star marks an attacker. " if any(m.attacker for m in state.members) else ""
    note = f"<p class='note'>{star}{RECORD_NOTE}</p>"
    return _section("Data owners", _table(head, rows, numbers=(3, 4, 5, 6, 7)) + note)


def _unprotected(reveals: str | None) -> str:
    items = [*UNPROTECTED, *([f"What the owner publishes with this split: {reveals}."] if reveals else [])]
    return _section("What is not protected", f"<ul>{''.join(f'<li>{escape(i)}</li>' for i in items)}</ul>")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Iterable[int]) -> str:
    right = frozenset(numbers)

    def cell(tag: str, index: int, value: str) -> str:
        css = " class='n'" if index in right else ""
        return f"<{tag}{css}>{escape(value)}</{tag}>"

    top = "".join(cell("th", i, h) for i, h in enumerate(head))
    body = "".join(f"<tr>{''.join(cell('td', i, v) for i, v in enumerate(row))}</tr>" for row in rows)
    return f"<div class='scroll'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _foot(versions: Mapping[str, str] | None) -> str:
    words = ", ".join(f"{name} {value}" for name, value in (versions or {}).items())
    return f"<footer>{escape(words)}</footer>" if words else ""
