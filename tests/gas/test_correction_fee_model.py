"""The gas model of sessions in blobs with policy `recover` against the receipts of real ones, as `test_blob_fee_model`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from omnilytics.bench.session import CLIP, play
from omnilytics.blobs.blob import GAS_PER_BLOB
from omnilytics.chain.abi import interface
from omnilytics.chain.embedded import GAS_PRICE_WEI
from omnilytics.protocol.fees import quote
from omnilytics.protocol.terms import Terms
from omnilytics.types import Assignment, DropoutPolicy, Mode, Rule, reserve_wei
from tests.e2e.test_recover import Step, gone

TERMS = Terms(
    reward_wei=10**18, rounds=2, group_size=4, bound=127, mode=Mode.BLOB, policy=DropoutPolicy.RECOVER, rule=Rule.NORM,
    records=None, assignment=Assignment.GREEDY, colluders=1,
)  # fmt: skip

SHAPES = {
    "one blob": (40, TERMS),
    "no fees": (40, replace(TERMS, fee_cap_wei=0)),
    "seven blobs": (28_672, replace(TERMS, rounds=1)),
    "norm+vote, drawn": (40, replace(TERMS, rounds=3, rule=Rule.NORM_VOTE, assignment=Assignment.SHUFFLED)),
}
ROOM = (0.92, 1.25)
