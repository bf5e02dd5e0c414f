"""What a command says where packages are missing that not everybody installs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from omnilytics.errors import InputError


@contextmanager
def needing_rpc(what: str) -> Iterator[None]:
    """Imports of what the extra `rpc` brings.

    Raises:
        InputError: one of its packages isn't there.
    """
    with needing(what, "rpc"):
        yield


@contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """Imports of what an extra brings.

    Raises:
        InputError: one of its packages isn't there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = InputError(f"{what}: expected the package {error.name}, which is part of the extra {extra}, got none")
        missing.add_note(f"pip install 'omnilytics[{extra}]'")
        raise missing from None
