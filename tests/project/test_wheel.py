"""The wheel works where there is no compiler, no source tree and no contract compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.project.checkout import PACKAGE, ROOT

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
CHAIN_SCRIPT = """
import pathlib, sys
import omnilytics
from omnilytics.chain.embedded import EmbeddedChain

home = pathlib.Path(omnilytics.__file__).resolve()
assert home.is_relative_to(sys.prefix), home
chain = EmbeddedChain()
owner = chain.create_account("owner", 10**18)
market = chain.deploy_market(owner, 0)
session, receipt = market.create_session(owner)
assert market.sessions() == [session], market.sessions()
assert chain.session(session).owner() == owner
assert receipt.gas_used > 21_000
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [str(BIN / "maturin"), "build", "--release", "--locked", "--quiet", "--out", str(folder)]
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    environment.pop("CONDA_PREFIX", None)
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an empty environment with the wheel, which sees this one's third-party packages."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False, symlinks=True)
    command = [str(BIN / "uv"), "pip", "install", "--offline", "--no-deps", "--quiet", "--python"]
    subprocess.run([*command, str(home / "bin" / "python"), str(wheel)], check=True, capture_output=True)
    (packages,) = (home / "lib").glob("python*/site-packages")
    (packages / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home / "bin"


def run(installed: Path, folder: Path, program: str, *words: str) -> str:
    """Runs a program of the environment in `folder`, where PATH leads to no other; returns its output."""
    answer = subprocess.run(
        [str(installed / program), *words],
        cwd=folder,
        env={"PATH": str(installed), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_it_is_one_wheel_for_every_python(wheel: Path) -> None:
    assert "-cp311-abi3-" in wheel.name


def test_it_carries_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    version = wheel.name.split("-")[1]
    assert {name.split("/")[0] for name in names} == {"omnilytics", f"omnilytics-{version}.dist-info"}
    needed = {"py.typed", "_omnicore.pyi", "_omnicore.abi3.so"}
    needed |= {f"chain/artifacts/{path.stem}.json" for path in (ROOT / "contracts").glob("*.vy")}
    needed |= {f"chain/artifacts/baseline/{path.stem}.json" for path in (ROOT / "contracts" / "baseline").glob("*.vy")}
    data = [path for kind in ("networks/*.toml", "schemas/*.json") for path in (PACKAGE / "cli").glob(kind)]
    data += (PACKAGE / "experiments" / "specs").glob("*.toml")
    needed |= {"chain/artifacts/sources.json", *(path.relative_to(PACKAGE).as_posix() for path in data)}
    assert {f"omnilytics/{name}" for name in needed} <= names
    assert [name for name in names if name.endswith((".pyc", ".rs", ".vy"))] == []


def test_it_is_imported_from_another_folder(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "python", "-c", "import omnilytics; print(omnilytics.__file__)").startswith(
        str(installed.parent)
    )


def test_its_command_tells_its_version(installed: Path, wheel: Path, tmp_path: Path) -> None:
    assert wheel.name.split("-")[1] in run(installed, tmp_path, "omnilytics", "--version")


def test_it_deploys_the_market_from_its_own_artifacts(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "python", "-c", CHAIN_SCRIPT)
