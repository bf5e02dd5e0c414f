"""`omnilytics localnet`: a chain on this machine, and a market of processes that share nothing but it."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.request import urlopen

import typer

from omnilytics.cli import options
from omnilytics.cli.extras import needing_rpc
from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.errors import InputError, VerificationError

if TYPE_CHECKING:
    from types import FrameType

    from omnilytics.chain.rpc import RpcChain
    from omnilytics.cli.audit import Bill
    from omnilytics.cli.following import Say
    from omnilytics.cli.village import Village
    from omnilytics.config import LocalnetOptions
    from omnilytics.dashboard.live import Screen
    from omnilytics.experiments.nodes import Geth
    from omnilytics.types import Address

EXAMPLE = "Example: omnilytics localnet --geth .nodes/bin/geth --members 32 --rounds 8 --json out.json"

SCHEMA = "omnilytics/localnet/1"

ANSWER_SECS = 20.0
BLOCK_SECS = 1
MONEY_WEI = 10**20
"""What each account has in the beginning."""

LOOK_SECS = 0.5
MOST_PARTS = {"digits": 60, "mnist": 3_000}
"""Parts with enough samples for a data owner; where there are more of them, some have the same."""

TRAINING = 2 * (os.cpu_count() or 1)
"""Processes that may train at once; the next one starts when the data owners of another have registered."""

SHORTEST_WINDOW_SECS = 7
"""What a data owner accepts: a quarter of the shortest one that can be asked for."""


def localnet(
    geth: Annotated[Path, typer.Option(metavar="FILE", help="The program of geth, of a version with Osaka's rules.")],
    members: Annotated[int | None, typer.Option(help="Data owners. [default: 32]")] = None,
    rounds: Annotated[int | None, typer.Option(help="Groups, R. [default: 8]")] = None,
    group_size: Annotated[int | None, typer.Option(help="Data owners a group, N. [default: 4]")] = None,
    mode: options.Mode = None,
    packed: options.Packed = None,
    policy: options.Policy = None,
    threshold: options.Threshold = None,
    reward_wei: Annotated[int | None, typer.Option(help="Paid by the owner. [default: 1 ether]")] = None,
    assignment: options.Assignment = None,
    select: options.Select = None,
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    window_secs: Annotated[int | None, typer.Option(help="How long a step may take at most. [default: 900]")] = None,
    share_secs: Annotated[
        int | None,
        typer.Option(help="How long sharing takes; --policy recover. [default: 30 and 2 for each data owner]"),
    ] = None,
    accuse_secs: Annotated[
        int | None, typer.Option(help="How long sums may be accused; --mode blob. [default: 30]")
    ] = None,
    per_process: Annotated[int | None, typer.Option(help="Data owners that share a process. [default: 1]")] = None,
    port: Annotated[int | None, typer.Option(help="Of the node, on 127.0.0.1. [default: a free one]")] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new folder for the chain, settings, keys and logs, which stays."),
    ] = None,
    record: options.RecordFile = None,
    dashboard: options.Dashboard = True,
    json_file: options.ResultFile = None,
    quiet: options.Quiet = False,
) -> None:
    """Start a chain, deploy a market, and run a model owner and data owners, each a process, through a session."""
    given = dict(locals())
    outputs = {name: given.pop(name) for name in ("geth", "keep", "record", "dashboard", "json_file", "quiet")}
    from omnilytics.config import localnet_options_from

    run(localnet_options_from({name: value for name, value in given.items() if value is not None}), **outputs)


def run(
    chosen: LocalnetOptions,
    *,
    geth: Path,
    keep: Path | None,
    record: Path | None,
    json_file: Path | None,
    dashboard: bool,
    quiet: bool,
) -> None:
    """Runs the market and says what became of it; everything that it has started ends with it.

    Raises:
        InputError: no geth, or one that is too old; a folder that can't be made.
        ChainError: the node or a role has ended with an error.
        VerificationError: the session's logs contradict the protocol, or a wei is missing.
    """
    from omnilytics.cli.show import printer, screen

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    shown = screen(dashboard=dashboard, quiet=quiet, stderr=json_file == STDOUT)
    with needing_rpc("localnet"):
        from omnilytics.cli.village import Village
        from omnilytics.experiments.nodes import HOST, Geth, free_ports

    with Outputs(json_file, record) as files, _home(keep) as home, _ended_by_a_word():
        clock = _Clock()
        village = Village(home, chosen.members)
        clock.lap("keys")
        port, metrics = free_ports(2)
        node = Geth(
            home,
            program=geth.absolute(),
            port=chosen.port or port,
            rich=list(village.addresses.values()),
            wealth_wei=MONEY_WEI,
            options=(
                *("--dev.period", str(BLOCK_SECS)),
                *("--metrics", "--metrics.addr", HOST, "--metrics.port", str(metrics)),
            ),
        )
        try:
            node.start()
            clock.lap("node")
            say(f"node       chain {node.chain_id} at {node.url}, a block a second")
            value = _Market(chosen, node, metrics, village, clock, say, shown, record).run()
        finally:
            village.end()
            node.stop()
        files.json(json_file, value)
    for line in summary(value):
        say(line)


class _Clock:
    """Seconds by step, in the order in which they were."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """Ends a step."""
        now = time.monotonic()
        self.seconds[step] = round(self.seconds.get(step, 0.0) + now - self._last, 2)
        self._last = now


@dataclass
class _Market:
    """A market on a node, from its deployment to the last withdrawal of its only session.

    Attributes:
        chosen: what was typed.
        node: it.
        metrics: its port of metrics.
        village: the roles.
        clock: hears of every step.
        say: prints a line.
        screen: shows the session.
        record: keeps it.
        chain: to look at it.
    """

    chosen: LocalnetOptions
    node: Geth
    metrics: int
    village: Village
    clock: _Clock
    say: Say
    screen: Screen
    record: Path | None
    chain: RpcChain = field(init=False)

    def __post_init__(self) -> None:
        from omnilytics.chain.rpc import RpcChain

        self.chain = RpcChain([self.node.url], chain_id=self.node.chain_id)

    def run(self) -> dict[str, Any]:
        """The object that `localnet --json` writes."""
        from omnilytics.cli.village import OWNER
        from omnilytics.types import Address

        village, clock = self.village, self.clock
        self._configure(None)
        deployed = village.ask(OWNER, "market", "deploy", "--min-window-secs", "1", "--yes")
        market = Address(deployed["market"])
        clock.lap("market")
        self.say(f"market     {market}")
        self._configure(market)
        opened = village.ask(OWNER, "mo", "create", "--members", str(village.listed), "--yes")
        session = Address(opened["session"])
        clock.lap("session")
        self.say(f"session    {session}, of {village.addresses[OWNER]}")
        checks = self._follow(session)
        results = {name: village.result(name) for name in village.addresses}
        results[OWNER]["calls"] = opened["calls"] + results[OWNER]["calls"]
        value = self._checked(market, session, results, checks)
        clock.lap("checks")
        return value

    def _configure(self, market: Address | None) -> None:
        from omnilytics.cli.village import OWNER
        from omnilytics.config import ShapeOptions

        chosen, village = self.chosen, self.village
        chain: dict[str, Any] = {"rpc": [self.node.url], "chain_id": self.node.chain_id, "confirmations": 0}
        chain |= {"market": market} if market else {}
        folder = {} if chosen.data_dir is None else {"folder": str(chosen.data_dir.absolute())}
        parts = min(chosen.members + 1, MOST_PARTS[chosen.dataset])
        given = chosen.model_dump(include=set(ShapeOptions.model_fields), exclude_unset=True)
        shape = {"rounds": chosen.rounds, "group_size": chosen.group_size, "reward_wei": chosen.reward_wei, **given}
        steps = ("register", "upload", "aggregate", "vote", "select")
        windows = {f"{step}_secs": chosen.window_secs for step in steps}
        windows |= {f"{step}_secs": getattr(chosen, f"{step}_secs") for step in ("commit", "reveal", "accuse")}
        final = {"finality_blocks": 1}
        policy = final | {"block_secs": BLOCK_SECS, "honest_block_hashes": True}
        margins = {"shortest_window_secs": SHORTEST_WINDOW_SECS, "margin_secs": BLOCK_SECS}
        for part, name in enumerate(village.addresses):
            data = {"dataset": chosen.dataset, "part": part % parts, "parts": parts, **folder}
            blobs = {"folder": str(village.blobs)}
            own: dict[str, Any] = {"policy": policy, "deadlines": margins}
            if name == OWNER:
                own = {"policy": final, "session": shape, "deadlines": windows}
            village.configure(name, chain=chain, data=data, blobs=blobs, **own)

    def _crews(self) -> list[tuple[str, list[str]]]:
        """The processes of the data owners: name and command line."""
        from omnilytics.cli.village import PYTHON

        village, each = self.village, self.chosen.per_process
        names = village.data_owners
        if each == 1:
            options = ("do", "run", "--yes", "--json")
            return [(name, village.command(name, *options, str(village.result_file(name)))) for name in names]
        crews = [names[first : first + each] for first in range(0, len(names), each)]
        return [
            (f"crew{number}", [*PYTHON, "omnilytics.cli.crew", *(str(village.config(name)) for name in crew)])
            for number, crew in enumerate(crews)
        ]

    def _follow(self, session: Address) -> int:
        """Starts every role, and shows the session until all have done their work; how many checks its logs stood.

        Raises:
            ChainError: a role has ended with an error.
            VerificationError: the logs contradict the protocol.
        """
        from omnilytics.cli import following
        from omnilytics.cli.village import OWNER

        village, there, each = self.village, self.chain.session(session), self.chosen.per_process
        village.start(OWNER, village.command(OWNER, "mo", "run", "--json", str(village.result_file(OWNER))))
        crews, started = deque(self._crews()), 0
        self.say(f"processes  {1 + len(crews)}: the owner's, and {village.members} data owners'")
        with following.shown_to(self.screen, self.record, self.chain, there, 1) as (spectator, _):
            while not village.done() or crews:
                stage = spectator.stage
                with self.chain.steady():
                    spectator.look()
                if spectator.stage is not stage:
                    self.clock.lap(stage.name.lower())
                while crews and started - there.registered_count() < TRAINING * each:
                    village.start(*crews.popleft())
                    started += each
                time.sleep(LOOK_SECS)
            spectator.look()
        self.clock.lap("withdraw")
        return spectator.checks

    def _checked(
        self, market: Address, session: Address, results: dict[str, dict[str, Any]], checks: int
    ) -> dict[str, Any]:
        """What became of it, once it is found to be right.

        Raises:
            VerificationError: it isn't.
        """
        from omnilytics.cli.audit import bill_of, check_money
        from omnilytics.cli.village import OWNER
        from omnilytics.types import GroupStatus

        chosen, village, chain = self.chosen, self.village, self.chain
        there = chain.session(session)
        requests = requests_of(self.metrics)
        bill = bill_of(self.node)
        left_wei = check_money(chain, list(village.addresses.values()), session, MONEY_WEI, bill)
        gas = gas_by_call(results, bill)
        accepted = there.accepted()
        groups = range(there.group_count())
        failed = [g for g in groups if there.group(g).status is GroupStatus.FAILED]
        return {
            "schema": SCHEMA,
            "chain_id": chain.chain_id,
            "market": market,
            "session": session,
            "members": chosen.members,
            "rounds": chosen.rounds,
            "group_size": chosen.group_size,
            "mode": chosen.mode,
            "packed": chosen.packed,
            "policy": chosen.policy,
            "processes": len(village.processes),
            "accepted": [g for g in groups if accepted >> g & 1],
            "rejected": [g for g in groups if not accepted >> g & 1 and g not in failed],
            "failed": failed,
            "checks": checks,
            "accuracy": results[OWNER]["accuracy"],
            "money": {
                "deposited_wei": there.money().deposited,
                "withdrawn_wei": there.money().withdrawn,
                "left_wei": left_wei,
                "gas_wei": bill.gas_wei,
            },
            "gas": {"total": bill.gas, "calls": gas},
            "blobs": {"posted": bill.blobs, "gas": bill.blob_gas, "gas_wei": bill.blob_gas_wei},
            "transactions": len(bill.hashes),
            "blocks": {"total": bill.blocks, "busy": bill.busy_blocks, "fullest_gas": bill.fullest_gas},
            "requests": requests,
            "seconds": self.clock.seconds,
        }


def gas_by_call(results: Mapping[str, Mapping[str, Any]], bill: Bill) -> dict[str, dict[str, int]]:
    """Transactions and gas by contract function, as the roles tell; what is left is the market's deployment.

    Raises:
        VerificationError: a role tells of a transaction that isn't in the chain, or two of the same one.
    """
    told = Counter[str]()
    calls: dict[str, Counter[str]] = {}
    for result in results.values():
        for one in result["calls"]:
            told[one["transaction"]] += 1
            calls.setdefault(one["call"], Counter()).update(transactions=1, gas=one["gas"])
    strange = [tx_hash for tx_hash, times in told.items() if times > 1 or tx_hash not in bill.hashes]
    if strange:
        raise VerificationError(f"transactions: expected each to be one role's and in the chain, found {strange[0]}")
    rest = Counter(
        transactions=len(bill.hashes) - len(told), gas=bill.gas - sum(count["gas"] for count in calls.values())
    )
    return {name: dict(count) for name, count in sorted({**calls, "deploy": rest}.items())}


def requests_of(port: int) -> dict[str, int]:
    """How often each method of JSON-RPC was asked with success, by the node's own count."""
    from omnilytics.experiments.nodes import HOST

    with urlopen(f"http://{HOST}:{port}/debug/metrics/prometheus", timeout=ANSWER_SECS) as answer:
        lines = answer.read().decode().splitlines()
    counts = (re.fullmatch(r"rpc_duration_(\w+)_success_count (\d+)", line) for line in lines)
    return dict(sorted((found[1], int(found[2])) for found in counts if found))


def summary(value: Mapping[str, Any]) -> list[str]:
    """What became of it, in a few lines."""
    from omnilytics.dashboard.words import ether, gas

    money, blocks, seconds = value["money"], value["blocks"], value["seconds"]
    steps = ", ".join(f"{step} {secs:.0f}" for step, secs in seconds.items())
    return [
        "groups     " + ", ".join(f"{len(value[fate])} {fate}" for fate in ("accepted", "rejected", "failed")),
        *_accuracy(value["accuracy"]),
        f"verified   {value['checks']:,} checks",
        f"money      {ether(money['deposited_wei'])} deposited, {ether(money['withdrawn_wei'])} withdrawn, "
        f"{ether(money['left_wei'])} left, {ether(money['gas_wei'])} for gas",
        *_blobs(value["blobs"]),
        f"gas        {gas(value['gas']['total'])} in {value['transactions']:,} transactions; the fullest of "
        f"{blocks['total']:,} blocks has {gas(blocks['fullest_gas'])}",
        f"requests   {sum(value['requests'].values()):,} to the node",
        f"seconds    {sum(seconds.values()):.0f}: {steps}",
    ]


def _blobs(found: Mapping[str, int]) -> list[str]:
    from omnilytics.dashboard.words import ether, gas

    if not found["posted"]:
        return []
    return [f"blobs      {found['posted']:,} with {gas(found['gas'])} blob gas, {ether(found['gas_wei'])} for it"]


def _accuracy(found: Mapping[str, Any] | None) -> list[str]:
    if found is None:
        return []
    before, after = found["before"], found["after"]
    return [
        f"accuracy   the owner's model {before['whole']:.1f} % before and {after['whole']:.1f} % after, "
        f"the public one {before['public']:.1f} % and {after['public']:.1f} %, of {found['samples']:,} samples"
    ]


@contextmanager
def _home(keep: Path | None) -> Iterator[Path]:
    """A folder that stays, or one that doesn't."""
    from omnilytics.private import make_folder

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="omnilytics-") as name:
            yield Path(name)
        return
    if keep.exists():
        raise InputError(f"--keep: expected the name of a new folder, got {keep}, which is there")
    try:
        make_folder(keep.absolute())
    except OSError as error:
        raise InputError(f"--keep: expected room and leave to make {keep}, got: {error.strerror}") from None
    yield keep.absolute()


@contextmanager
def _ended_by_a_word() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: with all processes."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
