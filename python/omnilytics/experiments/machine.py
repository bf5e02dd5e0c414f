"""What a benchmark ran on, as far as this process can tell."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

CPU_FILE = Path("/proc/cpuinfo")

FLAGS = ("aes", "pclmulqdq", "avx2", "avx512f", "vaes", "vpclmulqdq", "sha_ni")
"""The extensions of an x86 processor that decide how fast masks, hashes and matrices are."""


def _version() -> str:
    return version("omnilytics")


def _load() -> tuple[float, ...]:
    return os.getloadavg()


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and what runs on it.

    Attributes:
        cpu: the processor's name, or its architecture where it has none.
        cores: how many this process may use.
        flags: those of `FLAGS` that it has; none where the system doesn't tell.
        system: kernel and architecture.
        python: version.
        omnilytics: version of the package, and so of the Rust extension in it.
        load: mean length of the run queue over 1, 5 and 15 minutes, when this was made.
    """

    cpu: str
    cores: int
    flags: tuple[str, ...]
    system: str = field(default_factory=lambda: f"{platform.system()} {platform.release()} {platform.machine()}")
    python: str = field(default_factory=platform.python_version)
    omnilytics: str = field(default_factory=_version)
    load: tuple[float, ...] = field(default_factory=_load)


def describe(cpu_file: Path = CPU_FILE) -> Machine:
    """The machine that runs this; `cpu_file` is where Linux describes its processors."""
    try:
        lines = cpu_file.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    pairs = [(key.strip(), value.strip()) for key, colon, value in (line.partition(":") for line in lines) if colon]
    said = dict(reversed(pairs))
    has = set(said.get("flags", said.get("Features", "")).split())
    return Machine(
        cpu=said.get("model name") or platform.processor() or platform.machine(),
        cores=_cores(),
        flags=tuple(flag for flag in FLAGS if flag in has),
    )


def _cores() -> int:
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
