"""Suite `blobs` on small sizes."""

from __future__ import annotations

import json

import pytest

from omnilytics.bench import blobs
from omnilytics.blobs import scheme
from omnilytics.errors import VerificationError
from tests.cli.conftest import valid

SMALL = blobs.Sizes(groups=2, chunks=1, repetitions=1)


def test_rows_ratios_and_values() -> None:
    said: list[str] = []
    report = blobs.run(said.append, SMALL)
    valid(json.loads(json.dumps(report.to_json())), "bench-1")
    assert (set(report.ratios), set(report.values)) == (set(report.bounds), set(report.limits))
    assert [row.name.split()[0] for row in report.rows] == ["mask", "commit", "open", *2 * ["prove", "verify"]]
    assert len(said) == 2


def test_another_commitment_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheme, "commit", lambda blob: bytes(48))
    with pytest.raises(VerificationError, match="expected the commitment of c-kzg"):
        blobs.owners(SMALL)


def test_a_proof_that_does_not_hold_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheme, "verify", lambda *claimed: False)
    with pytest.raises(VerificationError, match="expected a proof of norms that holds"):
        blobs.proven(SMALL)
