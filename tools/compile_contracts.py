"""Compiles the contracts into the package: one JSON file each in python/omnilytics/chain/artifacts.

`sources.json` has the text of every source by its path, so that anybody can compile again what is deployed. In `lines`
goes what no user needs, and no wheel has: which line of which source each instruction is from.

    python tools/compile_contracts.py            compile what has changed
    python tools/compile_contracts.py --check    compile nothing, fail if anything is stale

A file says which sources it was made from (`source_sha256`), so nothing is compiled twice. Equal sources give equal
bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import vyper
from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
from vyper.compiler.output import build_abi_output
from vyper.compiler.phases import CompilerData
from vyper.ir.compile_ir import assembly_to_evm

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "contracts"
ARTIFACTS = ROOT / "python" / "omnilytics" / "chain" / "artifacts"
MAX_RUNTIME_BYTES = 24_576
"""EIP-170."""


@dataclass(frozen=True, slots=True)
class Target:
    """One deployable contract; its pragmas say how it is compiled.

    `name`: its file under contracts/ without the suffix, and its artifact's.
    `libraries`: the contracts whose addresses its constructor takes first, in order.
    `facets`: the contracts to which it delegates what it hasn't got; their functions and events are in its ABI.
    """

    name: str
    libraries: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()


STATELESS = ("SessionRules", "SessionTerms", "VectorMath", "Meter")
FACETS = (
    "SessionDesk",
    "SessionRecovery",
    "SessionSetup",
    "SessionViews",
    "SessionBlobs",
    "SessionProofs",
    "SessionPacked",
)
"""The parts of a session, each delegating to the next."""

TARGETS = (
    *(Target(name) for name in (*STATELESS, "SecretMath")),
    Target("SessionPacked", STATELESS),
    Target("SessionProofs", (*STATELESS, "SessionPacked"), FACETS[6:]),
    Target("SessionBlobs", (*STATELESS, "SessionProofs"), FACETS[5:]),
    Target("SessionViews", (*STATELESS, "SessionBlobs"), FACETS[4:]),
    Target("SessionSetup", (*STATELESS, "SessionViews"), FACETS[3:]),
    Target("SessionRecovery", (*STATELESS, "SecretMath", "SessionSetup"), FACETS[2:]),
    Target("SessionDesk", (*STATELESS, "SessionRecovery"), FACETS[1:]),
    Target("SecModelUpdate", (*STATELESS, "SessionDesk"), FACETS),
    Target("Market", ("SecModelUpdate",)),
    Target("BlobVerifier"),
    Target("baseline/Fragment"),
)


@cache
def load(name: str) -> CompilerData:
    """The compiler with a contract's source in it; it works when it is asked for output, once for each kind."""
    bundle = FilesystemInputBundle([SOURCES])
    source = bundle.load_file(f"{name}.vy")
    assert isinstance(source, FileInput)
    return CompilerData(source, bundle)


def sources_of(name: str) -> list[str]:
    """The paths of the sources that a contract is compiled from: its own, and what it imports, directly or not."""
    data = load(name)
    inputs = (data.file_input, *data.resolved_imports.compiler_inputs)
    return sorted({Path(item.resolved_path).relative_to(SOURCES).as_posix() for item in inputs})


def source_digest(target: Target) -> str:
    """sha256 over compiler, this script, the target, its sources and those of its facets."""
    digest = hashlib.sha256(f"{vyper.__version__} {target}\n".encode() + Path(__file__).read_bytes())
    for path in sorted({path for part in (target.name, *target.facets) for path in sources_of(part)}):
        text = (SOURCES / path).read_bytes()
        digest.update(f"{path} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()


def build(target: Target, digest: str) -> dict[str, Any]:
    """The artifact's content.

    Raises:
        ValueError: the runtime code is larger than EIP-170 allows.
    """
    data = load(target.name)
    immutables = data.compilation_target._metadata["type"].immutable_section_bytes
    runtime_bytes = len(data.bytecode_runtime) + immutables
    if runtime_bytes > MAX_RUNTIME_BYTES:
        raise ValueError(
            f"{target.name}: EIP-170 allows {MAX_RUNTIME_BYTES} bytes of runtime code, it has {runtime_bytes}"
        )
    return {
        "contract": target.name,
        "compiler": f"vyper {vyper.__version__}",
        "optimize": str(data.settings.optimize),
        "evm_version": data.settings.evm_version,
        "libraries": list(target.libraries),
        "sources": sources_of(target.name),
        "source_sha256": digest,
        "runtime_bytes": runtime_bytes,
        "abi": merged_abi(data, [load(facet) for facet in target.facets]),
        "bytecode": "0x" + data.bytecode.hex(),
    }


def build_lines(target: Target, digest: str) -> dict[str, Any]:
    """Where the instructions of the runtime code come from: (program counter, source, line), and the lines' texts.

    An instruction that isn't named belongs to the last one before it that is.
    """
    data = load(target.name)
    _, maps = assembly_to_evm(data.assembly_runtime, compiler_metadata=None)
    nodes = sorted(maps["pc_raw_ast_map"].items())
    places = [(pc, Path(node.module_node.resolved_path), int(node.lineno)) for pc, node in nodes if node is not None]
    texts = {path: path.read_text(encoding="utf-8").splitlines() for _, path, _ in places}
    names = {path: path.relative_to(SOURCES).as_posix() for path in texts}
    return {
        "contract": target.name,
        "source_sha256": digest,
        "lines": [[pc, names[path], line] for pc, path, line in places],
        "texts": {f"{names[path]}:{line}": texts[path][line - 1].strip() for _, path, line in places},
    }


def merged_abi(data: CompilerData, facets: list[CompilerData]) -> list[dict[str, Any]]:
    """The ABI of a contract with the functions and events of its facets, each of them once."""
    abi = list(build_abi_output(data))
    for facet in facets:
        wanted = (e for e in build_abi_output(facet) if e["type"] in ("function", "event"))
        abi += [entry for entry in wanted if entry not in abi]
    return abi


def is_current(path: Path, digest: str) -> bool:
    """Whether the artifact exists and was made from the sources as they are."""
    return holds(path, {"source_sha256": digest})


def holds(path: Path, fields: dict[str, str]) -> bool:
    """Whether a file exists and has these fields, beside others."""
    try:
        return bool(fields.items() <= json.loads(path.read_text(encoding="utf-8")).items())
    except (AttributeError, OSError, TypeError, ValueError):
        return False


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes an artifact, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def main() -> int:
    """Compiles, or with --check only compares; returns the exit status."""
    parser = argparse.ArgumentParser(description="Compile the contracts into the package.")
    parser.add_argument("--check", action="store_true", help="compile nothing, fail if an artifact is stale")
    check = parser.parse_args().check
    stale = 0
    for target in TARGETS:
        path = ARTIFACTS / f"{target.name}.json"
        digest = source_digest(target)
        lines = ARTIFACTS / "lines" / f"{target.name}.json"
        if is_current(path, digest) and is_current(lines, digest):
            continue
        stale += 1
        if check:
            print(f"{path.relative_to(ROOT)} is stale: run `make contracts`", file=sys.stderr)
            continue
        artifact = build(target, digest)
        write(path, artifact)
        write(lines, build_lines(target, digest))
        print(f"{target.name}: {artifact['runtime_bytes']} bytes of runtime code")
    paths = sorted({path for target in TARGETS for path in sources_of(target.name)})
    texts = {path: (SOURCES / path).read_text(encoding="utf-8") for path in paths}
    if check and not holds(ARTIFACTS / "sources.json", texts):
        stale += 1
        print("sources.json is stale: run `make contracts`", file=sys.stderr)
    elif not check:
        write(ARTIFACTS / "sources.json", texts)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
