"""Where a command reads from or sends to: a role's file, or what is typed in its place. The options of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnilytics.errors import InputError

if TYPE_CHECKING:
    from omnilytics.cli.settings import ReadSettings

Config = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The role's settings (TOML).")]
AnyConfig = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="A role's settings (TOML); or --rpc and --market.")
]
Rpc = Annotated[
    list[str] | None,
    typer.Option("--rpc", metavar="URL", help="A node; several are asked in turn. [default: the file's]"),
]
Market = Annotated[str | None, typer.Option("--market", metavar="ADDRESS", help="The market. [default: the file's]")]
ChainId = Annotated[int | None, typer.Option("--chain-id", help="Refuse nodes of other chains. [default: the file's]")]
FirstBlock = Annotated[
    int | None, typer.Option("--first-block", help="No event of interest is older. [default: the file's, else 0]")
]
Account = Annotated[
    str | None, typer.Option("--account", metavar="ADDRESS", help="For whom. [default: the file's account]")
]
Session = Annotated[
    str | None,
    typer.Option("--session", metavar="ADDRESS", help="Which session. [default: the newest that isn't finished]"),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before money moves.")]


def read_settings(
    config: Path | None,
    rpc: list[str] | None,
    market: str | None,
    chain_id: int | None,
    first_block: int | None,
    account: str | None = None,
    instead: str = "",
) -> ReadSettings:
    """What to read with: what was typed goes before what a file says. `instead`: what else would do, in words.

    Raises:
        DataError: the file can't be read.
        InputError: neither a file nor a node, or a value that can't work.
    """
    from omnilytics.cli.settings import any_settings, typed_settings

    typed = {"market": market, "chain_id": chain_id, "first_block": first_block}
    if config is None:
        if not rpc:
            raise InputError(f"--rpc: expected the URL of a node, or --config and a role's file{instead}, got none")
        return typed_settings(account, rpc=rpc, **typed)
    settings = any_settings(config, rpc or ())
    if account is None and not any(value is not None for value in typed.values()):
        return settings
    chain = settings.chain.model_dump() | {name: value for name, value in typed.items() if value is not None}
    return typed_settings(account or settings.account, **chain)
