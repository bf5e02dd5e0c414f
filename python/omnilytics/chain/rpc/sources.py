"""What anybody needs to compile a market again and compare it with what is deployed: Vyper's standard JSON input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omnilytics.chain.artifacts import Artifact, load, source_texts
from omnilytics.chain.rpc.deployment import Piece

SCHEMA = "omnilytics/bundle/1"


def bundle(plan: Sequence[Piece]) -> dict[str, Any]:
    """For each contract: where it is, what its constructor was given, and what the compiler was.

    The init code of a contract is what `input` compiles to, followed by `constructor_arguments`; the account that
    CREATE2 takes it from is the deployment proxy, the salt is `salt`.
    """
    return {"schema": SCHEMA, "contracts": [_entry(piece) for piece in plan]}


def _entry(piece: Piece) -> dict[str, Any]:
    artifact = load(piece.contract)
    return {
        "contract": piece.contract,
        "address": piece.address,
        "salt": f"0x{piece.salt.hex()}",
        "constructor_arguments": f"0x{piece.init_code[len(artifact.bytecode) :].hex()}",
        "compiler": artifact.compiler,
        "input": standard_input(artifact),
    }


def standard_input(artifact: Artifact) -> dict[str, Any]:
    """What `vyper-json` and services that verify sources take."""
    texts = source_texts()
    return {
        "language": "Vyper",
        "sources": {path: {"content": texts[path]} for path in artifact.sources},
        "settings": {
            "evmVersion": artifact.evm_version,
            "optimize": artifact.optimize,
            "search_paths": ["."],
            "outputSelection": {f"{artifact.contract}.vy": ["abi", "evm.bytecode", "evm.deployedBytecode"]},
        },
    }
