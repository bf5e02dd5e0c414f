"""The command tree, and the one place where exceptions become exit codes."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from omnilytics.cli.bench import EXAMPLE as BENCH_EXAMPLE
from omnilytics.cli.bench import bench
from omnilytics.cli.blobs import app as blobs
from omnilytics.cli.data import app as data
from omnilytics.cli.demo import EXAMPLE as DEMO_EXAMPLE
from omnilytics.cli.demo import demo
from omnilytics.cli.experiment import app as experiment
from omnilytics.cli.keys import app as keys
from omnilytics.cli.localnet import EXAMPLE as LOCALNET_EXAMPLE
from omnilytics.cli.localnet import localnet
from omnilytics.cli.market import app as market
from omnilytics.cli.member import app as member
from omnilytics.cli.observe import EXAMPLE as OBSERVE_EXAMPLE
from omnilytics.cli.observe import observe
from omnilytics.cli.owner import app as owner
from omnilytics.cli.quote import EXAMPLE as QUOTE_EXAMPLE
from omnilytics.cli.quote import quote
from omnilytics.cli.verify import EXAMPLE as VERIFY_EXAMPLE
from omnilytics.cli.verify import verify
from omnilytics.cli.whitelist import app as whitelist
from omnilytics.errors import OmniLyticsError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Commands(TyperGroup):
    """Turns what a command raises into a line on stderr, one more for what to do next, and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command.

        Raises:
            typer.Exit: with `errors.OmniLyticsError.exit_code`, 1 for anything unforeseen (which passes with --debug).
        """
        try:
            return super().invoke(ctx)
        except OmniLyticsError as error:
            if ctx.params.get("debug"):
                logging.getLogger(__name__).exception("the command failed")
            typer.echo(f"error: {error}", err=True)
            for note in getattr(error, "__notes__", ()):
                typer.echo(f"next: {note}", err=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            typer.echo("stopped: nothing was written", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug") or _is_usage(error):
                raise
            message = " ".join(str(error).split()) or "no message"
            typer.echo(
                f"error: unexpected {type(error).__name__}: {message}. "
                "Run again with `omnilytics --debug ...` for the whole story",
                err=True,
            )
            raise typer.Exit(OmniLyticsError.exit_code) from None


def _is_usage(error: Exception) -> bool:
    """Whether the command line's own parser complains: it prints and exits 2 by itself."""
    return hasattr(error, "exit_code") and hasattr(error, "show")


app = typer.Typer(
    cls=Commands,
    name="omnilytics",
    help="A data market: pay data owners, through a contract and without any server, to improve a model on data that "
    "nobody else sees.",
    epilog="Example: omnilytics demo --seed 7 --attackers 2 --json out.json --report out.html",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"omnilytics {version('omnilytics')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole story of an error.")] = False,
) -> None:
    """Options that come before every command."""
    if debug:
        logging.basicConfig(level=logging.DEBUG)


app.command("demo", epilog=DEMO_EXAMPLE)(demo)
app.command("quote", epilog=QUOTE_EXAMPLE)(quote)
app.command("observe", epilog=OBSERVE_EXAMPLE)(observe)
app.command("bench", epilog=BENCH_EXAMPLE)(bench)
app.command("localnet", epilog=LOCALNET_EXAMPLE)(localnet)
app.command("verify", epilog=VERIFY_EXAMPLE)(verify)
app.add_typer(experiment, name="experiment")
app.add_typer(whitelist, name="whitelist")
app.add_typer(data, name="data")
app.add_typer(keys, name="keys")
app.add_typer(blobs, name="blobs")
app.add_typer(market, name="market")
app.add_typer(owner, name="mo")
app.add_typer(member, name="do")
