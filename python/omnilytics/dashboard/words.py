"""Events, amounts and numbers in plain words: the feed, the log lines and the report all speak with these."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from omnilytics.protocol import events as ev

STAGE_WORDS = {
    "setup": "the owner publishes the model and pays in the reward",
    "register": "data owners register, each with a bond",
    "draw": "registration is closed, seats will be drawn",
    "commit": "every member commits to its masked upload",
    "share": "members share the secrets of their masks with their group",
    "upload": "the barrier is passed: members upload",
    "reveal": "it is fixed who delivered: the secrets of their masks become known",
    "correct": "members post what lifts the masks of their group's sum",
    "accuse": "sums that aren't in range may be accused, then refuted",
    "aggregate": "the contract adds the uploads of each group",
    "vote": "data owners vote on the groups: they commit to their votes, then open them",
    "select": "the contract looks for outliers among the groups",
    "payment": "the accepted groups are paid",
    "finished": "the session is over",
}
"""`types.Stage` by name, lower case -> what happens in it."""

_ACCURACY_WORDS = {
    "alone": "the owner with its own data alone",
    "start": "the owner's model at the start",
    "public": "the public model now",
    "final": "the owner's model now",
}


def describe(event: ev.Event, name: Callable[[str], str]) -> str | None:
    """One sentence for the feed, or None for what isn't worth one. `name` shortens an address."""
    match event:
        case ev.RunStarted():
            return _started(event)
        case ev.AccuracyMeasured():
            return f"accuracy of {_ACCURACY_WORDS.get(event.what, event.what)}: {event.value:.1f} %"
        case ev.SessionCreated():
            return (
                f"session {event.session} opened: reward {ether(event.reward_wei)}, "
                f"{ether(event.reserve_wei)} for fees, bond {ether(event.bond_wei)} each"
            )
        case ev.StageChanged():
            return STAGE_WORDS.get(event.stage, event.stage)
        case ev.MemberChanged(status="missed"):
            return f"{name(event.member)} of group {event.group} missed its deadline and loses its bond"
        case ev.MemberChanged(status="rebuilt"):
            return f"the others of group {event.group} rebuild the secret of {name(event.member)}"
        case ev.MemberChanged(status="blamed"):
            return f"{name(event.member)} of group {event.group} has dealt bad shares and loses its bond"
        case ev.StepMissed():
            who = listing([name(member) for member in event.members])
            return f"group {event.group}: {who} missing at {event.step}, {event.left} are left"
        case ev.Objected():
            return f"{name(event.member)} objects to the shares of {name(event.accused)}{_because(event.reason)}"
        case ev.GroupChanged(status="failed"):
            return f"group {event.group} failed: somebody is missing"
        case ev.Declined():
            return (
                f"{name(event.member)} declines group {event.group}{_because(event.reason)}; "
                f"it pays {ether(event.paid_wei)} to the others"
            )
        case ev.Redrawn():
            return _redrawn(event)
        case ev.RecordChanged(suspect=True):
            return f"{name(event.member)} is {standing(event.suspicion, event.suspect)}: seated after the clear ones"
        case ev.GroupScored():
            return f"group {event.group} {'accepted' if event.accepted else 'refused'}: {event.reason}"
        case ev.SessionFinished():
            return _finished(event)
        case ev.RunFinished():
            accuracy = "" if event.accuracy_final is None else f": final accuracy {event.accuracy_final:.1f} %"
            return f"the run is over{accuracy}"
        case ev.Note():
            return event.text
        case _:
            return _in_blobs(event, name)


def _in_blobs(event: ev.Event, name: Callable[[str], str]) -> str | None:
    """The same of what there is in blobs alone."""
    match event:
        case ev.Corrected():
            to = (
                f", and group {event.group} is corrected" if event.whole else f" of a correction of group {event.group}"
            )
            return f"{name(event.member)} posts {count(event.blobs, 'blob')}{to}"
        case ev.CorrectionRefuted():
            poster, by = name(event.member), name(event.account)
            return (
                f"{by} refutes the correction of group {event.group}: element {event.index} is wrong; "
                f"{poster} posted it, and loses its bond"
            )
        case ev.Accused():
            return f"{name(event.account)} accuses a group's sum, which it names when nobody can accuse any more"
        case ev.Refuted():
            return f"group {event.group} is refuted by {name(event.account)}: element {event.index} isn't in range"
        case ev.SumsProven():
            return f"what the sums of all groups come to is proven: {count(event.products, 'number')}"
        case _:
            return None


def _started(event: ev.RunStarted) -> str:
    parts = [
        f"{len(event.members)} data owners" if event.members else "data owners under a Merkle root",
        count(event.parameter_count, "public parameter"),
        event.dataset,
        f"{event.split} split" if event.split else "",
        f"rule {event.rule}",
        "" if event.seed is None else f"seed {event.seed}",
    ]
    return ", ".join(filter(None, parts))


def _because(reason: str) -> str:
    """The reason, where it is known: the chain doesn't say it."""
    return f": {reason}" if reason else ""


def _redrawn(event: ev.Redrawn) -> str:
    groups = count(event.groups, "new group")
    seats = f"members of failed groups are drawn again into {groups}, from group {event.first_group} on"
    return f"{seats}; {event.unseated} without a seat" if event.unseated else seats


def _finished(event: ev.SessionFinished) -> str:
    parts = [f"{len(event.accepted)} accepted", f"{len(event.rejected)} refused"]
    if event.failed:
        parts.append(f"{len(event.failed)} failed")
    if event.fees_wei:
        parts.append(f"{ether(event.fees_wei)} paid back for gas")
    if event.burnt_wei:
        parts.append(f"{ether(event.burnt_wei)} burnt")
    what = ", ".join(parts)
    if event.unselected:
        return f"session {event.session} finished unselected ({what}): who delivered is paid, the model stays"
    return f"session {event.session} finished: {what}"


def count(number: int, noun: str) -> str:
    """`1 group`, `2,410 groups`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def ether(wei: int) -> str:
    """An amount in the unit that reads best: `0.064 ether`, `12.5 gwei`, `7 wei`; 4 digits from 10^6 wei on."""
    size = abs(wei)
    if size >= 10**14:
        return f"{figures(wei / 10**18, 4)} ether"
    if size >= 10**6:
        return f"{figures(wei / 10**9, 4)} gwei"
    return f"{wei:,} wei"


def figures(value: float, digits: int) -> str:
    """`value` rounded to so many significant digits, never in powers of ten: `0.064`, `12.5`, `48,200`."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{min(decimals, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def standing(suspicion: int | None, suspect: bool) -> str:
    """What the market remembers of a data owner, in parts of the most: `clear 0.25`, `suspect 0.62`; `-`: nothing."""
    if suspicion is None:
        return "-"
    return f"{'suspect' if suspect else 'clear'} {suspicion / 2**16:.2f}"


def gas(amount: int) -> str:
    """`1.93 M`, `21 k`, `900`."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if amount >= size:
            return f"{figures(amount / size, 3)} {unit}"
    return str(amount)


def short(value: float) -> str:
    """At most 6 characters for a number from 0 to 10^9: `2e-05`, `0.034`, `31`, `25k`, `1.2M`."""
    if 0 < value < 0.001:
        return f"{value:.0e}"
    for size, unit in ((10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{figures(value / size, 2)}{unit}"
    return figures(value, 2)


def span(seconds: int) -> str:
    """`45 s`, `2 min 05 s`, `3 h 20 min`, `2 d 4 h`."""
    seconds = max(0, seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def percent(value: float | None) -> str:
    """`89.3 %`, or a dash for what isn't measured."""
    return "-" if value is None else f"{value:.1f} %"


def listing(items: Sequence[str], limit: int = 8) -> str:
    """`a, b and 3 more`."""
    shown = list(items[:limit])
    if len(items) > limit:
        return f"{', '.join(shown)} and {len(items) - limit} more"
    return ", ".join(shown)
