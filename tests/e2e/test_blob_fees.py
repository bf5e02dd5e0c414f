"""Gas of a session in blobs is paid back: every call in full, and what its logs say of it is held to the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.errors import VerificationError
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.terms import FEE_CAP_WEI
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Assignment, Mode, Rule

from .market import Fair
from .test_blob_session import MEMBERS, ROUNDS, TERMS
from .test_verify import with_fee


@pytest.fixture(scope="module")
def recorded() -> SessionRecord:
    fair = Fair(ROUNDS * MEMBERS, size=100)
    terms = replace(TERMS, mode=Mode.BLOB, fee_cap_wei=FEE_CAP_WEI, assignment=Assignment.SHUFFLED, rule=Rule.NORM_VOTE)
    assert fair.run(terms).accepted
    return fair.records[0]


def test_fees_of_a_session_in_blobs(recorded: SessionRecord) -> None:
    assert verify_session(recorded).checks["fees within the limit of their call"] > 4 * ROUNDS * MEMBERS


def test_fees_above_the_limit_are_seen(recorded: SessionRecord) -> None:
    with pytest.raises(VerificationError, match="fees within the limit of their call: expected True, found False"):
        verify_session(with_fee(recorded, 10**15))
