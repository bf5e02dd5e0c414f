"""Who may import what. Import-linter guards the layers; what it can't see, the compiled module, is guarded here."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

from tests.project.checkout import PACKAGE, ROOT, relative

BORDER = ROOT / "omnicore" / "src"
SECURE_AGGREGATION = "python/omnilytics/codec"
BLOB_MODE = "python/omnilytics/blobs/scheme.py"
TRAINING = "python/omnilytics/model/compiled.py"
TAKEN_OF_THE_EVM_HALF = {
    "python/omnilytics/chain/embedded.py": {"EmbeddedEvm", "EvmReceipt"},
    "python/omnilytics/chain/abi.py": {"signature_hash"},
}
HEAVY = ("boa", "rich", "sklearn", "torch", "typer", "vyper", "web3")


def names_from_core(path: Path) -> set[str]:
    """The names that a module takes from `_omnicore`; `*` where that can't be told from the source."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.ImportFrom(module="omnilytics._omnicore"):
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(module="omnilytics"):
                names |= {"*" for alias in node.names if alias.name == "_omnicore" and alias.asname}
            case ast.Import():
                names |= {"*" for alias in node.names if alias.name == "omnilytics._omnicore"}
            case ast.Constant(value="omnilytics._omnicore" | "_omnicore"):
                names.add("*")
            case ast.Attribute(value=ast.Name(id="_omnicore"), attr=name):
                names.add(name)
    return names


def names_registered(source: str) -> set[str]:
    """The Python names that one half of the border adds to the module."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in border_files(source))
    renamed = re.findall(r'#\[py(?:class|function)\([^\]]*\bname\s*=\s*"(\w+)"', text)
    item = r"#\[py(?:class|function)[^\]]*\](?:\s*#\[[^\]]*\])*\s*(?:pub(?:\(\w+\))? )?(?:struct|enum|fn) (\w+)"
    return set(renamed) | set(re.findall(item, text))


def border_files(source: str) -> list[Path]:
    """A half of the border: its file, and the folder of its name where there is one."""
    return [BORDER / source, *sorted((BORDER / source.removesuffix(".rs")).glob("*.rs"))]


def test_the_layers_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_only_the_codec_takes_the_secure_aggregation_half() -> None:
    half = names_registered("secagg.rs")
    assert {"Codec", "MaskKey"} <= half
    taken = set().union(*map(names_from_core, (ROOT / SECURE_AGGREGATION).glob("*.py")))
    assert taken
    assert taken <= half


def test_only_the_embedded_chain_takes_the_evm() -> None:
    assert names_registered("chain.rs") == set().union(*TAKEN_OF_THE_EVM_HALF.values())
    importers = {relative(path): names for path in PACKAGE.rglob("*.py") if (names := names_from_core(path))}
    codec = {name for name in importers if name.startswith(f"{SECURE_AGGREGATION}/")}
    assert codec
    others = {
        name: taken for name, taken in importers.items() if name not in codec and name not in (BLOB_MODE, TRAINING)
    }
    assert others == TAKEN_OF_THE_EVM_HALF


def test_only_the_scheme_takes_blob_mode() -> None:
    assert names_registered("blobs.rs") == names_from_core(ROOT / BLOB_MODE)


def test_only_compiled_networks_take_training() -> None:
    assert names_registered("training.rs") == names_from_core(ROOT / TRAINING) == {"descend"}


def test_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    script = "import json, sys, omnilytics; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert loaded.isdisjoint(HEAVY), sorted(loaded.intersection(HEAVY))
