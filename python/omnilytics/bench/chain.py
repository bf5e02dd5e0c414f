"""Suite `chain`: one whole session of the paper's size on the embedded chain and on titanoboa, with equal gas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from time import process_time
from typing import Protocol

from omnilytics.bench.report import Report, Row, Say
from omnilytics.bench.session import WEI, Played, Sent, play, reach
from omnilytics.chain.embedded import GAS_PRICE_WEI, EmbeddedChain
from omnilytics.errors import VerificationError
from omnilytics.protocol.terms import Terms
from omnilytics.types import Rule

PARAMETERS = 5_705
TERMS = Terms(reward_wei=10**18, rule=Rule.NORM)
"""As sessions are unless told: fees, records, R = 8, N = 4."""

REPETITIONS = 5
BLOCK_HASHES = 256

PAPER_MS = 130.37
"""The paper's Table 1, R = 8, N = 4: execution time of the contract of one fragment of at most 250 parameters."""

BOUNDS = {"embedded_vs_titanoboa": 100.0}


class Other(Protocol):
    """Another chain: takes a transaction and the hashes before its block, newest first; gives its gas."""

    def send(self, sent: Sent, hashes: Sequence[bytes]) -> int: ...


Seconds = dict[str, float]
"""Processor time by function."""

Make = Callable[[int, int, dict[str, int]], Other]
"""(chain id, wei a gas, wei by account) -> a fresh chain."""


def run(say: Say) -> Report:
    """Plays a session, then sends its transactions again, with a clock on each chain.

    Raises:
        VerificationError: a transaction costs another amount of gas there.
    """
    say("chain: one session on the embedded chain")
    begin = process_time()
    played = play(TERMS, PARAMETERS)
    whole = process_time() - begin
    ours = embedded_seconds(played)
    seconds = total(ours)
    rows = [
        Row("the chain's time of a session", 1_000 * seconds, "ms", "the paper, one of 23 fragments", PAPER_MS),
        Row("a session with its clients", 1_000 * whole, "ms"),
        Row("gas a second", sum(sent.gas for sent in played.sent) / seconds / 1e6, "Mgas/s"),
    ]
    notes = [
        f"{len(played.sent)} transactions: {PARAMETERS} parameters, R = {TERMS.rounds}, N = {TERMS.group_size}, norm",
        "the chain's time is that of sending them again: no keys, masks or encoding; training isn't in either time",
        f"processor time in one thread, ours the median of {REPETITIONS} runs: on an idle machine, wall time",
        "the paper's time is from its Table 1, not from this machine",
    ]
    ratios = {}
    make = titanoboa()
    if make is None:
        notes.append("titanoboa isn't installed: left out")
    else:
        say(f"chain: {len(played.sent)} transactions on titanoboa")
        theirs = other_seconds(played, make)
        rows.append(Row("the same transactions", 1_000 * seconds, "ms", "titanoboa", 1_000 * total(theirs)))
        rows += [Row(f"of it, {call}", 1_000 * ours[call], "ms", "titanoboa", 1_000 * theirs[call]) for call in ours]
        ratios["embedded_vs_titanoboa"] = total(theirs) / seconds
        notes.append(f"equal gas in all {len(played.deployed) + len(played.sent)} transactions, deployments too")
    return Report("chain", tuple(rows), ratios, BOUNDS, tuple(notes))


def titanoboa() -> Make | None:
    """titanoboa, if it is installed."""
    try:
        from omnilytics.bench.titanoboa import Titanoboa
    except ModuleNotFoundError as missing:
        if missing.name != "boa":
            raise
        return None
    return Titanoboa


def embedded_seconds(played: Played, repetitions: int = REPETITIONS) -> Seconds:
    """What the embedded chain takes to mine the session's transactions again, from where they began: the median run.

    Raises:
        VerificationError: a receipt differs from the first time.
    """
    chain = played.chain
    chain.revert(played.before)
    times: list[Seconds] = []
    for repetition in range(repetitions):
        start, spent = chain.snapshot(), defaultdict[str, float](float)
        for sent in played.sent:
            spent[sent.call] += _mined_again(chain, sent)
        times.append(spent)
        if repetition < repetitions - 1:
            chain.revert(start)
    return sorted(times, key=total)[repetitions // 2]


def total(seconds: Seconds) -> float:
    """Of all functions."""
    return sum(seconds.values())


def _mined_again(chain: EmbeddedChain, sent: Sent) -> float:
    """Seconds for one transaction, in its block; the empty blocks before it don't count."""
    to = reach(chain, sent)
    begin = process_time()
    receipt = chain.send(sent.call, sent.sender, to, sent.calldata, sent.value)
    seconds = process_time() - begin
    _check(sent, "the embedded chain", (receipt.gas_used, receipt.block, receipt.timestamp))
    return seconds


def other_seconds(played: Played, make: Make) -> Seconds:
    """What another chain takes for the same transactions, in blocks of the same numbers, times and hashes.

    Raises:
        VerificationError: one of them, or of those that deployed the market, costs another amount of gas there.
    """
    chain = played.chain
    other = make(chain.chain_id, GAS_PRICE_WEI, dict.fromkeys(played.accounts, WEI))
    spent: Seconds = defaultdict(float)
    for number, sent in enumerate((*played.deployed, *played.sent)):
        before = range(sent.block - 1, max(-1, sent.block - 1 - BLOCK_HASHES), -1)
        hashes = [chain.block_hash(block) for block in before]
        begin = process_time()
        gas = other.send(sent, hashes)
        if number >= len(played.deployed):
            spent[sent.call] += process_time() - begin
        _check(sent, "titanoboa", (gas, sent.block, sent.timestamp))
    return spent


def _check(sent: Sent, where: str, found: tuple[int, int, int]) -> None:
    if found != (sent.gas, sent.block, sent.timestamp):
        raise VerificationError(
            f"{sent.call} on {where}: expected gas, block and time {sent.gas}, {sent.block}, {sent.timestamp}, "
            f"got {found[0]}, {found[1]}, {found[2]}"
        )
