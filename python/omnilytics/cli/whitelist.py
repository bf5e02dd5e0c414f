"""`omnilytics whitelist root | proof`: a file of addresses as one hash, and what one of them registers with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet
from omnilytics.errors import DataError, InputError

if TYPE_CHECKING:
    from omnilytics.protocol.merkle import MerkleTree

ROOT_SCHEMA = "omnilytics/whitelist-root/1"
PROOF_SCHEMA = "omnilytics/whitelist-proof/1"

EXAMPLE = "Example: omnilytics whitelist root members.txt --json root.json"
PROOF_EXAMPLE = (
    "Example: omnilytics whitelist proof members.txt 0xd8da6bf26964af9d7eed9e03e53415d37aa96045 --json proof.json"
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="One address a line; # begins a comment.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback(epilog=EXAMPLE)
def whitelist() -> None:
    """Turn a list of accounts into a Merkle root, and find what one of them registers with."""


@app.command("root", epilog=EXAMPLE)
def show_root(
    file: File,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the root; - prints it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """The Merkle root of a list, which the owner of a session sets instead of the list."""
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        tree = read_tree(file)
        root = f"0x{tree.root.hex()}"
        files.json(json_file, {"schema": ROOT_SCHEMA, "root": root, "accounts": len(tree.accounts)})
    say(f"{root}  {len(tree.accounts):,} account{'' if len(tree.accounts) == 1 else 's'}")


@app.command("proof", epilog=PROOF_EXAMPLE)
def show_proof(
    file: File,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of the file.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the proof; - prints it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """The proof that an account registers with where the owner has set a root: one hash a line, from the leaf up."""
    from omnilytics.cli.show import printer
    from omnilytics.protocol.merkle import parse_account

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        try:
            account = parse_account(address)
        except InputError as error:
            raise InputError(f"ADDRESS: {error}") from None
        tree = read_tree(file)
        if account not in tree:
            raise InputError(f"ADDRESS: expected one of the {len(tree.accounts)} addresses of {file}, got {address}")
        proof = [f"0x{sibling.hex()}" for sibling in tree.proof(account)]
        root = f"0x{tree.root.hex()}"
        files.json(json_file, {"schema": PROOF_SCHEMA, "root": root, "account": account, "proof": proof})
    for sibling in proof:
        say(sibling)


def read_tree(file: Path) -> MerkleTree:
    """The tree over the addresses of a file: one a line, # begins a comment, empty lines count for nothing.

    Raises:
        DataError: the file can't be read, or isn't text.
        InputError: a line that holds no address, the zero address or one that came before; no address at all.
    """
    from omnilytics.protocol.merkle import MerkleTree, parse_accounts

    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{file}: expected a file of addresses, one a line, got: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: expected a file of addresses, one a line, got bytes that are no text") from None
    texts = ((number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1))
    places = [(f"{file}, line {number}", text) for number, text in texts if text]
    if not places:
        raise InputError(f"{file}: expected at least 1 address, got 0")
    return MerkleTree(parse_accounts(places))
