"""Who may import what. Import-linter guards the layers; what it can't see, the compiled module, is guarded here."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.checkout import PACKAGE, ROOT, relative

IMPORTERS = {"python/omnilytics/codec.py": "secagg.rs", "python/omnilytics/chain/embedded.py": "chain.rs"}
BORDER = ROOT / "omnicore" / "src"
HEAVY = ("boa", "rich", "sklearn", "torch", "typer", "vyper", "web3")


def names_from_core(path: Path) -> set[str]:
    """The names that a module takes from `_omnicore`; `*` if it takes the module itself."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.ImportFrom(module="omnilytics._omnicore"):
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(module="omnilytics") if any(alias.name == "_omnicore" for alias in node.names):
                names.add("*")
            case ast.Import() if any(alias.name == "omnilytics._omnicore" for alias in node.names):
                names.add("*")
            case ast.Constant(value="omnilytics._omnicore" | "_omnicore"):
                names.add("*")
    return names


def names_registered(source: str) -> set[str]:
    """The Python names that one half of the border adds to the module."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in border_files(source))
    renamed = re.findall(r'#\[py(?:class|function)\([^\]]*\bname\s*=\s*"(\w+)"', text)
    plain = re.findall(
        r"#\[py(?:class|function)[^\]]*\](?:\s*#\[[^\]]*\])*\s*pub(?:\(\w+\))? (?:struct|enum|fn) (\w+)", text
    )
    return set(renamed) | set(plain) | set(re.findall(r'\.add\("(\w+)"', text))


def border_files(source: str) -> list[Path]:
    """A half of the border: its file, and the folder of its name where there is one."""
    return [BORDER / source, *sorted((BORDER / source.removesuffix(".rs")).glob("*.rs"))]


def test_the_layers_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_compiled_core_has_two_importers() -> None:
    importers = {relative(path) for path in PACKAGE.rglob("*.py") if names_from_core(path)}
    assert importers == set(IMPORTERS)


@pytest.mark.parametrize(("importer", "half"), IMPORTERS.items())
def test_an_importer_takes_its_half_by_name(importer: str, half: str) -> None:
    names = names_from_core(ROOT / importer)
    assert names
    assert names <= names_registered(half)


def test_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    script = "import json, sys, omnilytics; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert loaded.isdisjoint(HEAVY), sorted(loaded.intersection(HEAVY))
