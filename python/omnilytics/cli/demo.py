"""`omnilytics demo`: the main job on the embedded chain, live on the screen, with a result file and a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnilytics.cli import options
from omnilytics.cli.files import STDOUT, Outputs

if TYPE_CHECKING:
    from omnilytics.config import DemoOptions
    from omnilytics.experiments.results import DemoResult
    from omnilytics.protocol.events import Sink
    from omnilytics.protocol.record import RecordWriter

EXAMPLE = "Example: omnilytics demo --seed 7 --attackers 2 --json out.json --report out.html"

RECORD_SUFFIX = ".record.jsonl.gz"
"""The record of `--json FILE` is FILE with this behind it."""


def load_runner() -> Callable[[DemoOptions, Sink, RecordWriter | None], DemoResult]:
    """The experiment; loaded late, since it takes torch along."""
    from omnilytics.experiments.demo import run_demo

    return run_demo


def demo(
    seed: options.Seed = None,
    sessions: options.Sessions = None,
    members: options.Members = None,
    rounds: options.Rounds = None,
    group_size: options.GroupSize = None,
    mode: options.Mode = None,
    packed: options.Packed = None,
    policy: options.Policy = None,
    threshold: options.Threshold = None,
    dropouts: options.Dropouts = None,
    reward_wei: options.RewardWei = None,
    attackers: options.Attackers = None,
    attack: options.Attack = None,
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    owner_samples: options.OwnerSamples = None,
    samples: options.Samples = None,
    partition: options.Partition = None,
    alpha: options.Alpha = None,
    split: options.Split = None,
    stand_in: options.StandIn = None,
    encoding: options.Encoding = None,
    bound: options.Bound = None,
    suite: options.Suite = None,
    blobs: options.BlobsFolder = None,
    assignment: options.Assignment = None,
    select: options.Select = None,
    krum_mu: options.KrumMu = None,
    krum_m: options.KrumM = None,
    krum_picks: options.KrumPicks = None,
    vote_flip: options.VoteFlip = None,
    fee_cap_gwei: options.FeeCap = None,
    records: options.Records = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    augment: options.Augment = None,
    patience: options.Patience = None,
    server_momentum: options.ServerMomentum = None,
    json_file: options.JsonFile = None,
    report: options.Report = None,
    dashboard: options.Dashboard = True,
    quiet: options.Quiet = False,
) -> None:
    """Run the main job: an owner, its data owners and the contract between them, on a chain in this process."""
    given = dict(locals())
    outputs = {name: given.pop(name) for name in ("json_file", "report", "dashboard", "quiet")}
    from omnilytics.config import options_from

    run(options_from({name: value for name, value in given.items() if value is not None}), **outputs)


def run(chosen: DemoOptions, *, json_file: Path | None, report: Path | None, dashboard: bool, quiet: bool) -> None:
    """Runs the demo, shows it, and writes what was asked for, all of it or nothing."""
    from omnilytics.cli.show import printer, screen
    from omnilytics.dashboard.report import render_report
    from omnilytics.protocol.record import RecordWriter

    record_file = None
    if json_file is not None and json_file != STDOUT:
        record_file = json_file.with_name(json_file.name + RECORD_SUFFIX)
    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file, record_file, report) as files:
        runner = load_runner()
        with RecordWriter(record_file) if record_file else nullcontext() as record:
            with screen(dashboard=dashboard, quiet=quiet, stderr=json_file == STDOUT) as shown:
                result = runner(chosen, shown, record).to_json()
            files.json(json_file, result)
            if report is not None:
                files.text(report, render_report(shown.state, versions=result["versions"], reveals=result["reveals"]))
    for line in summary(result):
        say(line)
    for word, path in (("result", json_file), ("record", record_file), ("report", report)):
        if path is not None and path != STDOUT:
            say(f"{word:<10} {path}")


def summary(result: Mapping[str, Any]) -> list[str]:
    """What a finished run came to, in a few lines."""
    from omnilytics.dashboard.words import ether, gas

    accuracy, groups, money = result["accuracy"], result["groups"], result["money"]
    lines = [
        "accuracy   "
        f"owner alone {accuracy['alone']:.1f} %, at the start {accuracy['start']:.1f} %, "
        f"in the end {accuracy['final']:.1f} %; public model {accuracy['public']:.1f} %",
        f"groups     {groups['accepted']} accepted, {groups['rejected']} rejected, {groups.get('failed', 0)} failed",
    ]
    bad = result.get("attackers", {})
    if bad.get("members"):
        counts = bad["groups"]
        lines.append(
            f"attackers  {len(bad['members'])}; their groups: {counts['accepted']} accepted, "
            f"{counts['rejected']} rejected (after {bad.get('warm_up_sessions', 0)} sessions of warm-up)"
        )
    gone = result["dropouts"]
    if gone["members"]:
        steps = ", ".join(f"{number} {step}" for step, number in gone["by_step"].items() if number)
        fates = gone["groups"]
        lines.append(
            f"dropouts   {gone['members']}, before they {steps}; their groups: {fates['survived']} came through, "
            f"{fates['failed']} failed"
        )
    lines += [
        f"money      {ether(money['deposited_wei'])} deposited, {ether(money['bonds_wei'])} in bonds; "
        f"{ether(money['paid_wei'])} paid, {ether(money['fees_wei'])} for gas, "
        f"{ether(money['refunded_wei'])} returned, {ether(money['burnt_wei'])} burnt, {ether(money['left_wei'])} left",
        f"gas        {gas(result['gas']['total'])}",
    ]
    seconds = result["seconds"]
    lines.append(
        f"time       {seconds['total']:.1f} s: {seconds['training']:.1f} s training, {seconds['chain']:.1f} s chain"
    )
    return lines
