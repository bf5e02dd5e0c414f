"""The adapter for Flower, with Flower's packages before ours, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.checkout import ROOT

FLOWER = ROOT / ".venv-flower" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

pytestmark = pytest.mark.skipif(not FLOWER.exists(), reason="no Flower here: make flower")


def run_with_flower(*arguments: str | Path) -> str:
    places = os.pathsep.join(map(str, (FLOWER, ROOT / "python", ROOT)))
    environment = os.environ | {"PYTHONPATH": places, "FLWR_TELEMETRY_ENABLED": "0"}
    ended = subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_both_kinds_of_app_and_what_they_may_answer() -> None:
    checks = ROOT / "tests" / "experiments" / "flower_checks.py"
    assert "11 passed" in run_with_flower("-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider", checks)


def test_the_example_sells_what_flower_apps_learn() -> None:
    said = run_with_flower(ROOT / "docs" / "examples" / "flower_market.py")
    found = re.search(r"accuracy: ([\d.]+) % alone, ([\d.]+) % after 4 sessions", said)
    assert found is not None, said
    alone, after = map(float, found.groups())
    assert after > alone + 5
