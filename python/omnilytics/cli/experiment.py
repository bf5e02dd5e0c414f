"""`omnilytics experiment`: the paper's evaluation and what goes beyond it, a question a file."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from omnilytics.cli.extras import needing
from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet
from omnilytics.errors import InputError

if TYPE_CHECKING:
    from omnilytics.cli.trackers import Tracker
    from omnilytics.experiments.engine import Engine
    from omnilytics.experiments.findings import Findings
    from omnilytics.experiments.runner import Request
    from omnilytics.experiments.spec import Spec
    from omnilytics.experiments.trial import Trial, TrialResult

LIST_SCHEMA = "omnilytics/experiments/1"
RUN_SCHEMA = "omnilytics/experiment-run/1"

TRIALS = "trials"
"""Where in the folder of `--out` the results of single trials are."""

PAGE = "report.html"

app = typer.Typer(help="Ask the paper's questions and others, and see the answers beside the paper's.")

Small = Annotated[bool, typer.Option("--small", help="The tiny version, in seconds, to see that it runs.")]
Tune = Annotated[bool, typer.Option("--tune", help="Tuning seeds, and images that no final figure is made with.")]
SeedList = Annotated[str | None, typer.Option("--seeds", metavar="N,N,...", help="Instead of the experiment's own.")]
Jobs = Annotated[
    int, typer.Option(min=0, max=1024, help="Trials at a time, each in a process; 0: as many as there are processors.")
]
Gpus = Annotated[float, typer.Option(help="Of a GPU for each trial, --engine ray alone.")]
Cluster = Annotated[
    str | None, typer.Option("--address", metavar="ADDRESS", help="Of a Ray cluster. [default: Ray on this machine]")
]
TensorBoardDir = Annotated[
    Path | None, typer.Option("--tensorboard", metavar="DIR", help="Write what trials came to for TensorBoard.")
]
MlflowPlace = Annotated[
    str | None, typer.Option("--mlflow", metavar="PLACE", help="The same for MLflow: a folder or a tracking server.")
]
DataDir = Annotated[Path | None, typer.Option(metavar="DIR", help="The folder of the MNIST idx files.")]
Out = Annotated[
    Path, typer.Option(metavar="DIR", help="Results, figures and page; a run that was stopped goes on there.")
]
Figures = Annotated[
    bool, typer.Option("--figures/--no-figures", help="Draw them; needs the extra figures. [default: draw]")
]
OtherAttack = Annotated[
    str | None, typer.Option("--attack", metavar="NAME", help="In place of its attacks: a name, or module:Class.")
]
EngineName = Annotated[Literal["local", "ray"], typer.Option("--engine", help="Where trials run.")]
ResultFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write what was found; - prints it.")]
FOLDER = Path("experiments")


@app.command("list", epilog="Example: omnilytics experiment list")
def list_experiments(
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the list; - prints it.")
    ] = None,
) -> None:
    """List the questions that can be asked."""
    from rich.console import Console
    from rich.table import Table

    from omnilytics.experiments.spec import load_spec, spec_names

    specs = [load_spec(name) for name in spec_names()]
    rows = [
        {"name": s.name, "question": s.question, "paper": s.paper, "trials": len(list(s.cells())) * len(s.seeds)}
        for s in specs
    ]
    with Outputs(json_file) as files:
        files.json(json_file, {"schema": LIST_SCHEMA, "experiments": rows})
    if json_file == STDOUT:
        return
    table = Table("name", "question", "in the paper", "trials", box=None, pad_edge=False)
    for row in rows:
        table.add_row(str(row["name"]), str(row["question"]), str(row["paper"] or ""), f"{row['trials']:,}")
    Console().print(table)


@app.command("run", epilog="Example: omnilytics experiment run table5 --small")
def run(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Of experiments, or of .toml files.")],
    small: Small = False,
    tune: Tune = False,
    seeds: SeedList = None,
    attack: OtherAttack = None,
    engine: EngineName = "local",
    jobs: Jobs = 1,
    gpus: Gpus = 0.0,
    address: Cluster = None,
    data_dir: DataDir = None,
    out: Out = FOLDER,
    figures: Figures = True,
    tensorboard: TensorBoardDir = None,
    mlflow: MlflowPlace = None,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Ask questions: run their trials, those alone that the folder doesn't have yet."""
    from omnilytics.experiments.runner import Request
    from omnilytics.experiments.spec import load_spec

    _answer(
        [load_spec(name) for name in dict.fromkeys(names)],
        Request(small=small, tune=tune, seeds=_seeds(seeds), attack=attack),
        _engine(engine, jobs, gpus, address),
        _trackers(tensorboard, mlflow),
        data_dir=data_dir,
        out=out,
        figures=figures,
        json_file=json_file,
        quiet=quiet,
    )


def run_all(**options: Any) -> None:
    """Ask all questions."""
    from omnilytics.experiments.spec import spec_names

    run(spec_names(), **options)


_OF_SOME = ("names", "tune", "seeds", "attack")
"""What only some questions can be asked with."""

_taken = inspect.signature(run, eval_str=True)
vars(run_all)["__signature__"] = _taken.replace(
    parameters=[parameter for name, parameter in _taken.parameters.items() if name not in _OF_SOME]
)
app.command("all", epilog="Example: omnilytics experiment all --small")(run_all)


@app.command("draw", epilog="Example: omnilytics experiment draw docs/results/experiments/*.json --out pictures")
def draw(
    results: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What `run` has written.")],
    out: Out = FOLDER,
) -> None:
    """Draw figures and the page of results again, from their files alone."""
    from omnilytics.experiments.findings import read_findings

    _draw([read_findings(path) for path in results], _made(out), figures=True)


def _answer(
    specs: Sequence[Spec],
    request: Request,
    engine: Engine,
    trackers: Sequence[Tracker],
    *,
    data_dir: Path | None,
    out: Path,
    figures: bool,
    json_file: Path | None,
    quiet: bool,
) -> None:
    from rich.console import Console

    from omnilytics.experiments.runner import run_spec

    console = Console(stderr=True, quiet=quiet)
    folder = _made(out)
    if figures:
        with needing("--figures", "figures"):
            import matplotlib  # noqa: F401
    found = []
    with Outputs(json_file) as files:
        for spec in specs:

            def tell(name: str, trial: Trial, result: TrialResult, experiment: str = spec.name) -> None:
                for tracker in trackers:
                    tracker.tell(experiment, name, trial, result)

            with _bar(console, spec.name) as progress:
                findings = run_spec(
                    spec, request, engine, folder / TRIALS, data_dir=data_dir, progress=progress, tell=tell
                )
            found.append(findings)
            _write_result(folder, findings)
            _show(findings, Console(stderr=json_file == STDOUT, quiet=quiet))
        _draw(found, folder, figures=figures)
        files.json(json_file, {"schema": RUN_SCHEMA, "experiments": [findings.to_json() for findings in found]})


def _bar(console: Any, name: str) -> Any:
    """A progress bar with the time that is left, on a terminal; what it gives is told (done, of)."""
    from contextlib import contextmanager

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )

    @contextmanager
    def shown() -> Any:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(name, total=None)
            yield lambda done, of: progress.update(task, completed=done, total=of)

    return shown()


def _write_result(folder: Path, findings: Findings) -> None:
    with Outputs(folder / f"{findings.name}.json") as files:
        files.text(folder / f"{findings.name}.json", text_of(findings))


def text_of(findings: Findings) -> str:
    """The JSON of findings with a line for each row, so that a difference of two runs can be read."""
    import json

    value = findings.to_json()
    rows = ",\n".join(f"    {json.dumps(row, allow_nan=False)}" for row in value.pop("rows"))
    head = json.dumps(value, indent=2, allow_nan=False).removesuffix("\n}")
    return f'{head},\n  "rows": [\n{rows}\n  ]\n}}\n'


def _draw(found: Sequence[Findings], folder: Path, *, figures: bool) -> None:
    """The page, and figures beside it."""
    from omnilytics.experiments.figures import draw
    from omnilytics.experiments.page import render

    pictures: dict[str, bytes] = {}
    if figures:
        with needing("--figures", "figures"):
            for findings in found:
                for suffix, content in draw(findings).items():
                    (folder / f"{findings.name}.{suffix}").write_bytes(content)
                    if suffix == "svg":
                        pictures[findings.name] = content
    with Outputs(folder / PAGE) as files:
        files.text(folder / PAGE, render(found, pictures))


def _show(findings: Findings, console: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    from omnilytics.experiments.tables import table

    head, rows = table(findings)
    shown = Table(title=f"{findings.name}: {findings.question}", title_justify="left")
    for place, name in enumerate(head):
        shown.add_column(Text(name), justify="right" if place >= len(findings.axes) else "left")
    for cells in rows:
        shown.add_row(*map(Text, cells))
    console.print(shown)


def _engine(name: str, jobs: int, gpus: float, address: str | None) -> Engine:
    from omnilytics.experiments import engine

    if name == "ray":
        with needing("--engine ray", "ray"):
            import ray  # noqa: F401
    return engine.engine(name, jobs, gpus, address)


def _trackers(tensorboard: Path | None, mlflow: str | None) -> list[Tracker]:
    from omnilytics.cli.trackers import MLflow, TensorBoard

    return [*([TensorBoard(tensorboard)] if tensorboard else []), *([MLflow(mlflow)] if mlflow else [])]


def _seeds(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdigit() and int(number) < 2**63 for number in numbers) or len(set(numbers)) < len(numbers):
        raise InputError(f"--seeds: expected different integers from 0 to 2^63 - 1 with commas between, got {text!r}")
    return tuple(map(int, numbers))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: expected a folder, or room and leave to make one, got: {error.strerror}") from None
    return folder
