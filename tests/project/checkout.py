"""The checkout that the guards look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "omnilytics"


def tracked_files(*suffixes: str) -> list[Path]:
    """Every file in git's index that still exists, or those of them with one of `suffixes`."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]


def relative(path: Path) -> str:
    """`path` as seen from the root, with forward slashes."""
    return path.relative_to(ROOT).as_posix()
