"""Suite `network`: where the time of a session goes on a node, beside the embedded chain, with the same members."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from omnilytics.bench.report import Report, Row, Say
from omnilytics.bench.session import WEI, complete
from omnilytics.bench.training import noise
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.chain.journal import FileJournal
from omnilytics.chain.keystore import Keystore
from omnilytics.chain.rpc import RpcChain
from omnilytics.chain.rpc.node import Node
from omnilytics.errors import VerificationError
from omnilytics.experiments.nodes import Geth
from omnilytics.experiments.recipes import MNIST_SIDE, Recipe, build_split
from omnilytics.protocol.clock import Stopwatch
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import SystemRandomness
from omnilytics.protocol.releases import ReleaseLog
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.train.local import train_local
from omnilytics.types import Address, Assignment, FloatVec, Rule

TERMS = Terms(reward_wei=10**18, assignment=Assignment.GREEDY, rule=Rule.NORM)
"""As sessions are unless told, R = 8, N = 4; `greedy`, since a node that mines for transactions alone draws nobody."""

CLIP = 0.5
RECIPE: Recipe = MNIST_SIDE
REPETITIONS = 3
PINGS = 200
EMPTY_REQUEST = "web3_clientVersion"
ANSWER_SECS = 20.0
PASSWORD = "of keys that are gone after the run"
WORK_FACTOR = 2

EMBEDDED_CALLS = ("send", "deploy", "call", "logs", "head", "block_number", "timestamp", "block_hash", "balance")
"""What of the embedded chain is its own work."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of wall time of one session; `chain`, `network`, `training` and `clients` add up to `total`.

    Attributes:
        chain: the chain's work, and waiting for its blocks.
        network: as many requests as were made, had they asked for nothing; 0 where there is none.
        training: of all data owners, one after the other.
        clients: keys, masks, encoding, signing, journals.
        total: by a clock of its own.
        requests: how many were made.
        calls: transactions by function.
    """

    chain: float
    network: float
    training: float
    clients: float
    total: float
    requests: int
    calls: Counter[str]


def run(say: Say, geth: Path) -> Report:
    """Plays a session on geth, which mines a block for each transaction at once, and on the embedded chain, in turn.

    Args:
        say: gets lines.
        geth: its program.

    Raises:
        InputError: no such program, or one without the rules of Osaka.
        VerificationError: a session went wrong, other calls were made, or the parts don't add up.
    """
    on_geth: list[Times] = []
    embedded: list[Times] = []
    with TemporaryDirectory() as home:
        keys = Keystore(Path(home) / "keys", WORK_FACTOR)
        accounts = [keys.new(PASSWORD).address for _ in range(1 + TERMS.rounds * TERMS.group_size)]
        node = Geth(Path(home), program=geth, rich=accounts)
        node.start()
        try:
            empty = empty_request(node.url)
            for number in range(REPETITIONS):
                say(f"network: session {number + 1} of {REPETITIONS} on geth and on the embedded chain")
                folder = Path(home) / str(number)
                folder.mkdir()
                on_geth.append(geth_times(node.url, keys, accounts, folder, empty))
                embedded.append(embedded_times(len(accounts)))
        finally:
            node.kill()
    ours, theirs = (min(times, key=lambda one: one.total) for times in (on_geth, embedded))
    check(ours, theirs)
    return report(ours, theirs, empty)


def without(say: Say, geth: Path) -> Report:
    """What `bench all` has of this suite where there is no geth."""
    return Report("network", (), {}, {}, (f"no geth at {geth}: `make nodes` installs it",))


def report(geth: Times, embedded: Times, empty: float) -> Report:
    """Both sessions, part by part; `empty` is one request that asks for nothing, seconds."""
    anchor = "the embedded chain"
    rows = [
        Row("a session on geth", geth.total, "s", anchor, embedded.total),
        Row("of it, the chain", geth.chain, "s", anchor, embedded.chain),
        Row("of it, the network", geth.network, "s"),
        Row("of it, training", geth.training, "s", anchor, embedded.training),
        Row("of it, the clients", geth.clients, "s", anchor, embedded.clients),
        Row("requests", geth.requests, "requests"),
        Row("an empty request", 1_000 * empty, "ms"),
    ]
    notes = (
        f"{geth.calls.total()} transactions, the same calls on both, all clients in one process, one after the other: "
        f"{RECIPE.samples_per_member} noise images each, R = {TERMS.rounds}, N = {TERMS.group_size}, norm, greedy",
        "geth mines a block for each transaction as soon as it comes, on loopback; nothing is waited for but receipts",
        f"the network is the number of requests times the median of {PINGS} that ask for nothing; what requests take "
        "beyond that, and waiting for a block, is the chain's; the clients are what is neither waiting nor training",
        f"wall time, the quickest of {REPETITIONS} sessions in turn; the four parts add up to the session",
    )
    return Report("network", tuple(rows), {}, {}, notes)


def check(ours: Times, theirs: Times) -> None:
    """Refuses sessions that can't be compared, and parts that don't add up to a session.

    Raises:
        VerificationError: by more than a hundredth, or with other calls.
    """
    if ours.calls != theirs.calls:
        raise VerificationError(
            f"network: expected the calls {dict(theirs.calls)} of the embedded chain, got {dict(ours.calls)}"
        )
    for times in (ours, theirs):
        parts = times.chain + times.network + times.training + times.clients
        if abs(parts - times.total) > times.total / 100:
            raise VerificationError(f"network: expected parts of {times.total:g} s in all, got {parts:g}")


def geth_times(url: str, keys: Keystore, accounts: Sequence[Address], folder: Path, empty: float) -> Times:
    """A session of these accounts on a node, the owner's first; `empty` as in `report`."""
    with ExitStack() as stack:
        signers = [keys.unlock(account, PASSWORD) for account in accounts]
        journal = stack.enter_context(FileJournal(folder / "journal", Geth.chain_id, signers))
        chain = RpcChain([url], signers, journal=journal)
        stack.callback(chain.close)
        clock, counted = Stopwatch(), Counter[str]()
        stack.enter_context(timed(Node, "ask", clock, "asking", counted))
        stack.enter_context(timed(time, "sleep", clock, "pausing", counted))
        total, calls = _session(chain, accounts, folder, clock, counted)
        seconds, requests = clock.seconds, counted["asking"]
    asking = seconds["asking"]
    network = min(requests * empty, asking)
    waited = asking - network + seconds.get("pausing", 0.0)
    return Times(waited, network, seconds["training"], seconds["clients"], total, requests, calls)


def embedded_times(count: int) -> Times:
    """The same session on the embedded chain, of so many accounts."""
    chain = EmbeddedChain(charge_gas=True)
    accounts = [chain.create_account(str(index), WEI) for index in range(count)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        clock, counted = Stopwatch(), Counter[str]()
        for name in EMBEDDED_CALLS:
            stack.enter_context(timed(EmbeddedChain, name, clock, "chain", counted))
        total, calls = _session(chain, accounts, folder, clock, counted)
    return Times(clock.seconds["chain"], 0.0, clock.seconds["training"], clock.seconds["clients"], total, 0, calls)


def _session(
    chain: EmbeddedChain | RpcChain,
    accounts: Sequence[Address],
    folder: Path,
    clock: Stopwatch,
    counted: Counter[str],
) -> tuple[float, Counter[str]]:
    """Seconds from the owner's first call to the last withdrawal, and what was sent; the market stands before."""
    owner = ModelOwner(chain, chain.deploy_market(accounts[0], 0), accounts[0])
    policy = Policy(accept_near_repeats=True)
    roles = [
        DataOwner(chain, account, policy=policy, releases=ReleaseLog(folder / f"{account}.releases"))
        for account in accounts[1:]
    ]
    seeds, data = Seeds(0), noise(RECIPE, len(roles))
    split = build_split(RECIPE, seeds)

    def train(indices: Sequence[int], start: FloatVec) -> list[FloatVec]:
        with clock.of("training"):
            return [train_local(split, index, data[index], start, RECIPE.train, seeds, 1) for index in indices]

    calls = Counter[str]()
    chain.on_receipt.append(lambda receipt: calls.update([receipt.call]))
    params = TERMS.params(split.parameter_count, CLIP)
    clock.seconds.clear()
    counted.clear()
    begin = perf_counter()
    with clock.of("clients"):
        complete(chain, owner, roles, split.public_vector(), params, train, lambda index: SystemRandomness())
    return perf_counter() - begin, calls


@contextmanager
def timed(owner: Any, name: str, clock: Stopwatch, part: str, counted: Counter[str]) -> Iterator[None]:
    """Within it, the time of every call of that function of a class or module counts for `part` of the clock."""
    function = getattr(owner, name)

    @wraps(function)
    def measured(*arguments: Any, **named: Any) -> Any:
        counted[part] += 1
        with clock.of(part):
            return function(*arguments, **named)

    setattr(owner, name, measured)
    try:
        yield
    finally:
        setattr(owner, name, function)


def empty_request(url: str) -> float:
    """Seconds for a request that asks for nothing, the median."""
    node = Node(url, ANSWER_SECS)
    times = []
    for _ in range(PINGS):
        begin = perf_counter()
        node.ask(EMPTY_REQUEST)
        times.append(perf_counter() - begin)
    return median(times)
