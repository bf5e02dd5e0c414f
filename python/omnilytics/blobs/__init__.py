"""Blobs (EIP-4844): what one is, and an archive that keeps them when nodes no longer do. See docs/BLOBS.md."""

from omnilytics.blobs.blob import BLOB_BYTES, Blob, versioned_hash

__all__ = ["BLOB_BYTES", "Blob", "versioned_hash"]
