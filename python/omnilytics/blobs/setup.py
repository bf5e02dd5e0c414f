"""Proofs of blobs for nodes, by c-kzg, under one setup a process; its commitments are what `scheme` is held against."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import Any

from omnilytics.errors import InputError

CELLS = 128
"""Proofs of one blob in a sidecar of EIP-7594."""

_KEEPER = "eth_account.typed_transactions.blob_transactions"
_FILE = "kzg_trusted_setup.txt"


def commitment(data: bytes) -> bytes:
    """The KZG commitment to a blob, 48 bytes compressed."""
    return bytes(_kzg().blob_to_kzg_commitment(data, _setup()))


def blob_proof(data: bytes, commitment: bytes) -> bytes:
    """The proof of a blob in a sidecar of EIP-4844, 48 bytes."""
    return bytes(_kzg().compute_blob_kzg_proof(data, commitment, _setup()))


def cell_proofs(data: bytes) -> list[bytes]:
    """The proofs of a blob's 128 cells in a sidecar of EIP-7594, 48 bytes each."""
    _, proofs = _kzg().compute_cells_and_kzg_proofs(data, _setup())
    return [bytes(proof) for proof in proofs]


@cache
def _kzg() -> Any:
    try:
        import ckzg
    except ModuleNotFoundError as error:
        missing = InputError(f"blobs: expected the package {error.name}, which is part of the extra rpc, got none")
        missing.add_note("pip install 'omnilytics[rpc]'")
        raise missing from None
    return ckzg


@cache
def _setup() -> Any:
    """That of Ethereum's ceremony as eth-account carries it, without tables, which take longer than they save."""
    with as_file(files(_KEEPER) / _FILE) as path:
        return _kzg().load_trusted_setup(str(path), 0)
