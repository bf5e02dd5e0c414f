"""`omnilytics keys new | import | list`: the accounts of this user, encrypted on its disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnilytics.cli.extras import needing_rpc
from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet, ResultFile
from omnilytics.cli.passwords import PasswordEnv, PasswordFile, read_password
from omnilytics.cli.places import keys_folder

if TYPE_CHECKING:
    from omnilytics.chain.keystore import Keystore, StoredKey

KEY_SCHEMA = "omnilytics/key/1"
LIST_SCHEMA = "omnilytics/keys/1"

EXAMPLE = "Example: omnilytics keys new --password-file password.txt"
IMPORT_EXAMPLE = "Example: omnilytics keys import wallet.json --password-env WALLET_PASSWORD"
LIST_EXAMPLE = "Example: omnilytics keys list --json -"

Folder = Annotated[
    Path | None,
    typer.Option("--keys", metavar="DIR", help="Where keys are. [default: $OMNILYTICS_HOME/keys, ~/.omnilytics/keys]"),
]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback(epilog=EXAMPLE)
def keys() -> None:
    """Make, take over and list the keys of accounts. They are encrypted; no command ever prints one."""


@app.command("new", epilog=EXAMPLE)
def new(
    folder: Folder = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Make a key. Who loses its file or its password loses the account and what is in it: keep a copy of both."""
    with Outputs(json_file) as files:
        keystore = _keystore(folder)
        password = read_password(password_file, password_env, "the new key", twice=True)
        stored = keystore.new(password)
        _tell(stored, files, json_file, quiet=quiet)


@app.command("import", epilog=IMPORT_EXAMPLE)
def take_over(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="An encrypted key of any wallet (version 3), or 64 hexadecimal digits."),
    ],
    folder: Folder = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Take over a key from a file, which stays as it is. An encrypted one keeps its password."""
    with Outputs(json_file) as files:
        keystore = _keystore(folder)
        from omnilytics.chain.keystore import read_key

        password = read_password(password_file, password_env, str(file), twice=True)
        stored = keystore.add(read_key(file, password), password)
        _tell(stored, files, json_file, quiet=quiet)


@app.command("list", epilog=LIST_EXAMPLE)
def show(folder: Folder = None, json_file: ResultFile = None, quiet: Quiet = False) -> None:
    """List the keys, and what is wrong with the file of one."""
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    keystore = _keystore(folder)
    with Outputs(json_file) as files:
        stored = keystore.stored()
        entries = [{"address": key.address, "file": str(key.path), "problem": key.problem} for key in stored]
        files.json(json_file, {"schema": LIST_SCHEMA, "folder": str(keystore.folder), "keys": entries})
    for key in stored:
        say(key.address if key.problem is None else f"{key.address}  can't be used: {key.problem}")
    if not stored:
        say(f"no keys in {keystore.folder}")


def _keystore(folder: Path | None) -> Keystore:
    with needing_rpc("keys"):
        from omnilytics.chain.keystore import Keystore
    return Keystore(folder or keys_folder())


def _tell(stored: StoredKey, files: Outputs, json_file: Path | None, *, quiet: bool) -> None:
    from omnilytics.cli.show import printer

    files.json(json_file, {"schema": KEY_SCHEMA, "address": stored.address, "file": str(stored.path)})
    printer(quiet=quiet, stderr=json_file == STDOUT)(f"{stored.address}  {stored.path}")
