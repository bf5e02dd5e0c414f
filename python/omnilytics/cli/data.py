"""`omnilytics data fetch`: data sets that don't come with a package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet
from omnilytics.errors import InputError

SCHEMA = "omnilytics/fetch/1"

EXAMPLE = "Example: omnilytics data fetch mnist --data-dir data/mnist --mirror URL"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class Quarters:
    """Says how far a download is, once for each quarter of a file."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: tuple[str, int] = ("", 0)

    def __call__(self, name: str, done: int, total: int | None) -> None:
        if not total:
            return
        place = (name, 4 * done // total)
        if place[1] and place != self._said:
            self._said = place
            self._say(f"{name}: {done:,} of {total:,} bytes")


@app.callback(epilog=EXAMPLE)
def data() -> None:
    """Get data sets."""


@app.command(epilog=EXAMPLE)
def fetch(
    dataset: Annotated[Literal["mnist"], typer.Argument(help="Which one.")],
    data_dir: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go; made if it doesn't exist.")],
    mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="A folder with the files. [default: $OMNILYTICS_MNIST_MIRROR]")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was fetched; - prints it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Download a data set, go on where a download broke off, and check its sums."""
    from omnilytics.cli.show import printer
    from omnilytics.train.fetch import fetch_mnist

    if data_dir.exists() and not data_dir.is_dir():
        raise InputError(f"--data-dir: expected a folder, got the file {data_dir}")
    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        fetched = fetch_mnist(data_dir, mirror, Quarters(say))
        names = [path.name for path in fetched]
        files.json(json_file, {"schema": SCHEMA, "dataset": dataset, "data_dir": str(data_dir), "files": names})
    say(f"{dataset}: {len(names)} files in {data_dir}, checked")
