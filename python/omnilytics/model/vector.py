"""A model's parameters as one vector: what goes through the market."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from omnilytics.errors import EncodingError, InputError
from omnilytics.types import FloatVec


def parameter_names(module: nn.Module) -> tuple[str, ...]:
    """The names of all parameters, in the module's own order."""
    return tuple(name for name, _ in module.named_parameters())


def select_parameters(module: nn.Module, names: Sequence[str] | None = None) -> dict[str, nn.Parameter]:
    """The parameters called `names`, in that order; all of them by default.

    Raises:
        InputError: a name is unknown or given twice, there are none, or a parameter isn't float32.
    """
    every = dict(module.named_parameters())
    wanted = tuple(every) if names is None else tuple(names)
    unknown = [name for name in wanted if name not in every]
    if unknown:
        raise InputError(f"parameters: expected some of {', '.join(every) or 'none'}; got {', '.join(unknown)}")
    if len(set(wanted)) != len(wanted):
        raise InputError(f"parameters: expected each name once, got {', '.join(wanted)}")
    if not wanted:
        raise InputError("parameters: expected at least one, got none")
    for name in wanted:
        if every[name].dtype != torch.float32:
            raise InputError(f"parameter {name}: expected float32, got {every[name].dtype}")
    return {name: every[name] for name in wanted}


def to_vector(module: nn.Module, names: Sequence[str] | None = None) -> FloatVec:
    """The parameters called `names` (all by default), flattened in that order, shape (d,).

    Raises:
        InputError: unknown names.
        EncodingError: a value is NaN or infinite.
    """
    chosen = select_parameters(module, names)
    vector = np.concatenate([p.detach().cpu().numpy().ravel() for p in chosen.values()])
    check_finite(vector)
    return vector.astype(np.float32, copy=False)


def load_vector(module: nn.Module, vector: FloatVec, names: Sequence[str] | None = None) -> None:
    """Write `vector`, shape (d,), into the parameters called `names`: the inverse of `to_vector`.

    Raises:
        InputError: unknown names.
        EncodingError: wrong shape, or a value that is NaN or infinite; the module is unchanged.
    """
    chosen = select_parameters(module, names)
    expected = sum(p.numel() for p in chosen.values())
    values = np.asarray(vector, dtype=np.float32)
    if values.shape != (expected,):
        raise EncodingError(f"vector: expected shape ({expected},), got {values.shape}")
    check_finite(values)
    start = 0
    with torch.no_grad():
        for parameter in chosen.values():
            part = values[start : start + parameter.numel()]
            parameter.copy_(torch.from_numpy(part.copy()).view_as(parameter))
            start += parameter.numel()


def check_finite(vector: FloatVec) -> None:
    """Refuse NaN and infinity.

    Raises:
        EncodingError: names the first position that isn't finite.
    """
    bad = np.flatnonzero(~np.isfinite(vector))
    if bad.size:
        raise EncodingError(
            f"vector: expected finite values, got {vector[bad[0]]} at position {bad[0]} ({bad.size} in all)"
        )
