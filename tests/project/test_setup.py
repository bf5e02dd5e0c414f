"""Set-up says what is missing, pins what it installs and does nothing twice."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.project.checkout import ROOT

SHELL_TOOLS = ("cut", "head", "sh", "sort")
GOOD = {"python3": "exit 0", "cargo": "echo cargo 1.95.0 '(f2d3ce0bd 2026-03-21)'", "cc": "exit 0"}


@pytest.fixture
def toolchain(tmp_path: Path) -> Path:
    """A folder of programs that are enough to build with, to be PATH."""
    for tool in SHELL_TOOLS:
        (tmp_path / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool}"))
    for name, script in GOOD.items():
        program(tmp_path, name, script)
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    """Puts a shell script into `folder`."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def check(folder: Path) -> tuple[int, str]:
    """Exit code and complaint of the check that `make setup` begins with."""
    answer = subprocess.run(
        ["sh", str(ROOT / "tools" / "toolchain.sh"), "python3"],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.returncode, answer.stderr


def test_a_complete_toolchain_is_taken(toolchain: Path) -> None:
    assert check(toolchain) == (0, "")


@pytest.mark.parametrize("version", ["1.95.1", "1.100.0", "2.0.0"])
def test_a_newer_rust_is_taken(toolchain: Path, version: str) -> None:
    program(toolchain, "cargo", f"echo cargo {version}")
    assert check(toolchain) == (0, "")


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_tool_is_named(toolchain: Path, name: str) -> None:
    (toolchain / name).unlink()
    code, complaint = check(toolchain)
    assert code == 1
    assert f"'{name}'" in complaint


def test_an_old_rust_is_refused(toolchain: Path) -> None:
    program(toolchain, "cargo", "echo cargo 1.94.9")
    assert check(toolchain) == (1, "setup: expected Rust >= 1.95, cargo is 1.94.9; run 'rustup update stable'\n")


def test_an_old_python_is_refused(toolchain: Path) -> None:
    program(toolchain, "python3", 'case "$1" in -V) echo Python 3.10.4 ;; *) exit 1 ;; esac')
    code, complaint = check(toolchain)
    assert code == 1
    assert "expected Python >= 3.11, 'python3' is 3.10.4" in complaint


def test_a_python_without_venv_is_refused(toolchain: Path) -> None:
    program(toolchain, "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    code, complaint = check(toolchain)
    assert code == 1
    assert "python3-venv" in complaint


@pytest.mark.parametrize("name", ["requirements", "requirements-flower"])
def test_every_requirement_is_pinned_by_hash(name: str) -> None:
    lock = (ROOT / f"{name}.lock").read_text(encoding="utf-8")
    pins = re.split(r"^(?=\S)", lock.replace("\\\n", ""), flags=re.MULTILINE)
    assert [pin for pin in pins if pin and not re.match(r"[\w.-]+==\S+.* --hash=sha256:[0-9a-f]{64}", pin)] == []
    pinned = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    wanted = set(re.findall(r"^([\w.-]+)", (ROOT / f"{name}.in").read_text(encoding="utf-8"), re.MULTILINE))
    assert wanted - pinned == set()
    assert "://" not in lock


def test_the_two_lists_of_dependencies_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    users = (ROOT / "requirements.in").read_text(encoding="utf-8").split("# What builds")[0].splitlines()
    extras = dict(project["optional-dependencies"])
    (flower,) = map(Requirement, extras.pop("flower"))  # has an environment of its own
    wanted = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    assert sorted(wanted) == sorted(line for line in users if line and not line.startswith("#"))
    pinned = re.search(r"^flwr==(\S+)$", (ROOT / "requirements-flower.in").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    assert flower.name == "flwr"
    assert flower.specifier.contains(pinned[1])


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]
    assert project["version"] == workspace["version"] == importlib.metadata.version("omnilytics")
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_second_set_up_does_nothing() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    answer = subprocess.run(
        ["make", "--question", "setup", f"PYTHON={sys.executable}"], cwd=ROOT, env=environment, check=False
    )
    assert answer.returncode == 0, "something is older than its sources: run make setup"
