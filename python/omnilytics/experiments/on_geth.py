"""A trial on a geth of one's own on loopback, timed by geth: `run` of questions about what a chain takes."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from omnilytics.chain.keystore import Keystore
from omnilytics.chain.rpc import RpcChain
from omnilytics.errors import ChainError, InputError
from omnilytics.experiments.arena.run import Setting, pipeline_at, prepare, result_of
from omnilytics.experiments.nodes import Geth
from omnilytics.experiments.results import GasMeter
from omnilytics.experiments.trial import Trial, TrialResult
from omnilytics.protocol.clock import Stopwatch
from omnilytics.protocol.member import Policy
from omnilytics.protocol.randomness import SystemRandomness
from omnilytics.protocol.venue import OnChain
from omnilytics.types import Assignment, Receipt

PROGRAM = Path(".nodes/bin/geth")
"""Where `make nodes` puts geth, unless `OMNILYTICS_GETH` says where it is."""

LOGGED = ("--verbosity", "3", "--log.format", "json")
IMPORTED = "Imported new potential chain segment"
"""What geth logs of a block that it has executed, checked and written, with the time that took."""

UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
PASSWORD = "of keys that are gone after the run"
WORK_FACTOR = 2


def run_trial(trial: Trial, data_dir: Path | None = None) -> TrialResult:
    """Runs a trial without attackers on geth, which mines a block for each transaction as soon as it comes.

    Groups form as members register (`greedy`): nobody else sends, so no block would come whose hash decides a draw.

    Args:
        trial: what is run; the outcome of the same trial differs in its keys, masks and rounding.
        data_dir: the folder of the MNIST files.

    Returns:
        As `arena.run.run_trial`; `call_seconds` are what geth took to execute, check and write each call's blocks.

    Raises:
        InputError: attackers, no geth, or one without the rules of Osaka.
        DataError, ProtocolError, ChainError: as `arena.run.run_trial`; or geth doesn't say what a block took.
    """
    if trial.attack is not None:
        raise InputError(f"attack: expected none on a node, got {trial.attack!r}")
    setting = prepare(trial, data_dir)
    plan = setting.plan
    setting = replace(setting, plan=replace(plan, terms=replace(plan.terms, assignment=Assignment.GREEDY)))
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        keys = Keystore(home / "keys", WORK_FACTOR)
        accounts = [keys.new(PASSWORD).address for _ in range(1 + setting.recipe.members)]
        node = Geth(home, program=program(), rich=accounts, options=LOGGED)
        stack.callback(node.kill)
        node.start()
        chain = RpcChain([node.url], [keys.unlock(account, PASSWORD) for account in accounts])
        stack.callback(chain.close)
        result, receipts = _played(setting, chain)
        took = block_seconds(home / "node.log")
    spent: defaultdict[str, float] = defaultdict(float)
    for receipt in receipts:
        if receipt.block not in took:
            raise ChainError(f"geth: expected to be told what block {receipt.block} took, got nothing")
        spent[receipt.call] += took[receipt.block]
    return replace(result, call_seconds=dict(sorted(spent.items())))


def program() -> Path:
    """Geth's executable.

    Raises:
        InputError: there is none.
    """
    found = Path(os.environ.get("OMNILYTICS_GETH", PROGRAM)).absolute()
    if not found.is_file():
        raise InputError(f"geth: expected its program as `make nodes` installs it, or in OMNILYTICS_GETH, got {found}")
    return found


def block_seconds(log: Path) -> Mapping[int, float]:
    """By number, what geth took to execute, check and write each block of its log.

    Raises:
        ChainError: a time that isn't one.
    """
    return dict(_imported(log))


def _imported(log: Path) -> Iterator[tuple[int, float]]:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if IMPORTED not in line:
            continue
        try:
            said = json.loads(line)
            yield int(said["number"].replace(",", "")), seconds(said["elapsed"])
        except (ValueError, KeyError, AttributeError) as error:
            raise ChainError(f"geth: expected block and time of {IMPORTED!r} in its log, got: {error}") from None


def seconds(text: str) -> float:
    """A duration as Go writes it, with one unit: 1.234ms.

    Raises:
        ValueError: it isn't one.
    """
    number = text.rstrip("nµmsh")
    return float(number) * UNITS[text[len(number) :]]


def _played(setting: Setting, chain: RpcChain) -> tuple[TrialResult, list[Receipt]]:
    """The trial on that chain, and what was sent after the market stood."""
    owner, *members = chain.accounts
    market = chain.deploy_market(owner, 0)
    receipts: list[Receipt] = []
    chain.on_receipt.append(receipts.append)
    gas, clock = GasMeter(), Stopwatch()
    venue = OnChain(
        chain=chain,
        market=market,
        owner=owner,
        members=members,
        seeds=setting.seeds,
        sink=gas,
        policy=Policy(accept_unsafe_small=True, accept_near_repeats=True),
        secrets=lambda member, session: SystemRandomness(),
    )
    pipeline = pipeline_at(setting, venue, gas)
    pipeline.clock = clock
    with clock.of("other"):
        run = pipeline.run()
    return result_of(setting, venue, run, gas, clock), receipts
