"""Blobs beside the transaction that names them: what a node's pool is given of a type-3 transaction.

EIP-4844 wraps it as `0x03 || rlp([transaction, blobs, commitments, proofs])`, one proof a blob; from Osaka on EIP-7594
puts a version before the blobs and has 128 proofs a blob, one for each cell. Here the proofs are made, by c-kzg; the
transaction itself is signed elsewhere, by the versioned hashes alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import rlp

from omnilytics.blobs import setup
from omnilytics.blobs.blob import Blob

BLOB_TYPE = b"\x03"
WRAPPER_VERSION = b"\x01"  # of EIP-7594

Sidecar = list[bytes | list[bytes]]
"""What stands in the wrapper after the transaction."""


def sidecar(blobs: Sequence[Blob], *, cells: bool) -> Sidecar:
    """Blobs, commitments and proofs.

    Args:
        blobs: in the order of their hashes in the transaction.
        cells: with cell proofs (Osaka, 0.35 s a blob), rather than a blob proof each (0.06 s).
    """
    data, commitments = [blob.data for blob in blobs], [blob.commitment for blob in blobs]
    if cells:
        return [WRAPPER_VERSION, data, commitments, [proof for one in data for proof in setup.cell_proofs(one)]]
    return [data, commitments, [setup.blob_proof(blob.data, blob.commitment) for blob in blobs]]


def wrapped(signed: bytes, sidecar: Sidecar) -> bytes:
    """A signed type-3 transaction with its blobs, as `eth_sendRawTransaction` takes it.

    Args:
        signed: the transaction alone, its type byte first.
        sidecar: of its blobs.
    """
    return BLOB_TYPE + bytes(rlp.encode([rlp.decode(signed[1:]), *sidecar]))


def sidecar_of(raw: bytes) -> Sidecar:
    """The sidecar of a wrapped transaction, for its replacement."""
    wrapper: Sidecar = rlp.decode(raw[1:])
    return wrapper[1:]
