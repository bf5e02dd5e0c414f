"""A model's parameters as one vector: what goes through the market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from omnilytics.errors import EncodingError, InputError, NotFiniteError
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


def to_arrays(module: nn.Module, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Copies of the parameters called `names`, which may be none.

    Raises:
        InputError: unknown names.
    """
    chosen = select_parameters(module, names) if names else {}
    return {name: parameter.detach().cpu().numpy().copy() for name, parameter in chosen.items()}


def load_arrays(module: nn.Module, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> None:
    """Write arrays into the parameters called `names`: the inverse of `to_arrays`.

    Raises:
        InputError: unknown names.
        EncodingError: one is missing, of another shape, not float32 or not finite; the module is unchanged.
    """
    chosen = select_parameters(module, names) if names else {}
    for name, parameter in chosen.items():
        given = arrays.get(name)
        if given is None or given.dtype != np.float32 or given.shape != tuple(parameter.shape):
            found = "none" if given is None else f"{given.dtype} {given.shape}"
            raise EncodingError(f"{name}: expected float32 {tuple(parameter.shape)}, got {found}")
        check_finite(given.ravel())
    if chosen:
        load_vector(module, np.concatenate([arrays[name].ravel() for name in chosen]), names)


def check_finite(vector: FloatVec) -> None:
    """Refuse NaN and infinity.

    Raises:
        NotFiniteError: names the first position that isn't finite.
    """
    bad = np.flatnonzero(~np.isfinite(vector))
    if bad.size:
        raise NotFiniteError(
            f"vector: expected finite values, got {vector[bad[0]]} at position {bad[0]} ({bad.size} in all)"
        )
