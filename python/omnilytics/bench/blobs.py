"""Suite `blobs`: what blob mode asks of a data owner and of who proves the sums, on one core, against c-kzg.

The sums are those of 8 groups with 28,672 parameters in 7 blobs each. Times are of the processor, all threads together:
a prover with more cores waits less.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from omnilytics.bench.kernels import best
from omnilytics.bench.report import Report, Row, Say
from omnilytics.blobs import scheme, setup
from omnilytics.blobs.scheme import Claim, Kind
from omnilytics.errors import VerificationError

BOUNDS = {"commit_vs_ckzg": 1.0}
LIMITS = {"commit_ms": 70.0, "prove_s": 0.7}

BOUND = 127
MEMBERS = 4
ANCHOR = "c-kzg, blob_to_kzg_commitment"

NOTES = (
    "processor time of all threads, the best of all tries, in turns with c-kzg",
    "a proof: products, sumcheck, four commitments, and one check of the proof before it is sent",
    "prove_s is that of the slower kind",
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        groups: R.
        chunks: c, blobs of a member.
        repetitions: of each measurement, of which the best counts.
    """

    groups: int = 8
    chunks: int = 7
    repetitions: int = 5


def run(say: Say, sizes: Sizes = Sizes()) -> Report:
    """Measures masking, committing, proving, verifying and opening.

    Raises:
        InputError: c-kzg isn't there, which is part of the extra `rpc`.
        VerificationError: its commitment isn't ours, or a proof doesn't hold.
    """
    say("blobs: a data owner's blob")
    owner = owners(sizes)
    say(f"blobs: the proofs of {sizes.groups} groups with {sizes.chunks * scheme.ELEMENTS:,} parameters")
    proofs = proven(sizes)
    commit, theirs = owner[1].value, owner[1].anchor_value or 0.0
    slowest = max(row.value for row in proofs if row.name.startswith("prove"))
    return Report(
        suite="blobs",
        rows=(*owner, *proofs),
        ratios={"commit_vs_ckzg": theirs / commit},
        bounds=BOUNDS,
        notes=NOTES,
        values={"commit_ms": commit, "prove_s": slowest / 1_000},
        limits=LIMITS,
    )


def values(seed: int, count: int) -> NDArray[np.int32]:
    """Of one member, as digits of 8 bits have them."""
    return np.random.default_rng(seed).integers(-BOUND, BOUND, count, dtype=np.int32, endpoint=True)


def owners(sizes: Sizes) -> list[Row]:
    """Masking a blob, committing to it, opening one of its elements."""
    seeds = [(bytes([peer]) * 32, 1 if peer else -1) for peer in range(MEMBERS - 1)]
    vector = values(0, scheme.ELEMENTS)
    blob = scheme.masked_blob(vector, BOUND, 0, seeds)
    if scheme.commit(blob) != setup.commitment(blob):
        raise VerificationError("blobs: expected the commitment of c-kzg, got another")
    mask, commit, theirs, opening = best(
        sizes.repetitions,
        lambda: scheme.masked_blob(vector, BOUND, 0, seeds),
        lambda: scheme.commit(blob),
        lambda: setup.commitment(blob),
        lambda: scheme.open_at(blob, 5),
    )
    return [
        Row(f"mask a blob, N = {MEMBERS}", 1_000 * mask, "ms"),
        Row("commit to a blob", 1_000 * commit, "ms", ANCHOR, 1_000 * theirs),
        Row("open one element", 1_000 * opening, "ms"),
    ]


def proven(sizes: Sizes) -> list[Row]:
    """Proving and verifying the products of all sums, of either kind.

    Raises:
        VerificationError: a proof doesn't hold.
    """
    count = sizes.groups * sizes.chunks
    uploads = [scheme.masked_blob(values(1 + i, scheme.ELEMENTS), MEMBERS * BOUND, 0, []) for i in range(count)]
    points = b"".join(scheme.uncompressed(scheme.commit(blob)) for blob in uploads)
    rows = []
    for kind in (Kind.NORMS, Kind.GRAM):
        claim = Claim(kind, bytes(32), sizes.groups, MEMBERS, sizes.chunks, BOUND)
        products, proof = scheme.prove(claim, points, uploads)
        if not scheme.verify(claim, points, products, proof):
            raise VerificationError(f"blobs: expected a proof of {kind.name.lower()} that holds, got another")
        prove, verify = best(
            sizes.repetitions,
            partial(scheme.prove, claim, points, uploads),
            partial(scheme.verify, claim, points, products, proof),
        )
        name = kind.name.lower()
        rows += [Row(f"prove {name}", 1_000 * prove, "ms"), Row(f"verify {name}", 1_000 * verify, "ms")]
    return rows
