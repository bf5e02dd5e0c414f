"""Where a password comes from: a file, an environment variable, or whoever sits at the terminal; never an argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from omnilytics.errors import DataError, InputError

PasswordFile = Annotated[Path | None, typer.Option(metavar="FILE", help="The password is its first line; mode 0600.")]
PasswordEnv = Annotated[str | None, typer.Option(metavar="NAME", help="The password is in this environment variable.")]


def read_password(file: Path | None, variable: str | None, what: str, *, twice: bool = False) -> str:
    """The password of a file or a variable; where neither is named, it is asked for on the terminal.

    Args:
        file: whose first line it is.
        variable: the name of an environment variable.
        what: it opens, for the prompt.
        twice: ask again, because nothing else would tell a slip of the finger.

    Raises:
        InputError: both are named, or neither and there is no terminal; there is no such variable.
        DataError: the file can't be read, is open to others, or isn't text.
    """
    if file is not None and variable is not None:
        raise InputError("password: expected one of --password-file and --password-env, got both")
    if file is not None:
        return _from_file(file)
    if variable is not None:
        return _from_variable(variable)
    if not sys.stdin.isatty():
        raise InputError("password: expected --password-file or --password-env where there is no terminal, got neither")
    return str(typer.prompt(f"password of {what}", hide_input=True, confirmation_prompt=twice, err=True))


def _from_file(file: Path) -> str:
    from omnilytics.private import read_private

    line = read_private(file).partition(b"\n")[0].removesuffix(b"\r")
    try:
        password = line.decode()
    except UnicodeDecodeError:
        raise DataError(f"{file}: expected a password in UTF-8, got bytes that are no text") from None
    if not password:
        raise DataError(f"{file}: expected a password in its first line, got an empty one")
    return password


def _from_variable(variable: str) -> str:
    password = os.environ.get(variable)
    if not password:
        raise InputError(f"--password-env: expected the name of a variable that is set, got {variable}")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise InputError(f"--password-env: expected UTF-8 in {variable}, got bytes that are no text") from None
    return password
