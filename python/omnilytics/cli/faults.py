"""What is wrong with a file of settings, in words that name the key."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import BaseModel

from omnilytics.config import expected_by


def plain(kind: type[BaseModel], error: Any) -> str:
    """One of pydantic's errors in plain words; keys as they stand in the file."""
    place = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "value_error":
        named = re.match(r"([\w.]+): (?=expected )", message)
        keys = [place, named[1]] if named else [place]
        rest = re.sub(r"--([a-z-]+)", lambda flag: flag[1].replace("-", "_"), message[named.end() if named else 0 :])
        return f"{'.'.join(filter(None, keys))}: {rest}"
    if error["type"] == "extra_forbidden":
        return f"{place}: expected one of {_known(kind, error['loc'])}"
    if error["type"] == "missing":
        return f"{place}: expected it to be there, got none"
    given = type(error["input"]).__name__ if error["loc"][:2] == ("chain", "rpc") else repr(error["input"])
    return f"{place}: expected {expected_by(error)}, got {given}"


def _known(kind: type[BaseModel], location: tuple[Any, ...]) -> str:
    """The keys that could stand where an unknown one does; the likeliest if one is near."""
    for part in location[:-1]:
        annotation = kind.model_fields[part].annotation
        assert isinstance(annotation, type)
        kind = annotation
    names = sorted(kind.model_fields)
    near = difflib.get_close_matches(str(location[-1]), names, 1)
    return f"{', '.join(names)}, got an unknown one" + (f"; did you mean {near[0]}?" if near else "")
