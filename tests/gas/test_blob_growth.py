"""Gas of the vectors of larger sessions in blobs (R = 8, N = 4, `norm`), whose proofs take several calls, exactly.

Uploads are constants without masks, so that they can be committed to at once: gas knows no other difference, but that
openings of packed ones are short numbers, whose calldata is 2 % of a proof cheaper.
"""

from __future__ import annotations

import functools

import pytest

from omnilytics.bench.blob_gas import PROVING
from omnilytics.blobs.scheme import Kind
from omnilytics.protocol.blob_proofs import Shape
from omnilytics.protocol.gas import MAX_CALL_BYTES
from tests.contracts.harness import Accounts, BlobDriver, Stage, Status, make_params, session_type
from tests.contracts.harness.blobs import Q
from tests.contracts.harness.fixtures import deploy_market
from tests.gas.recording import Recorder
from tests.gas.revm import RevmChain
from tests.gas.test_paper_session import PAPER, versions
from tests.snapshots import compare

CHUNKS = (32, 64, 102, 254)
"""d = 131,072, which `bench gas --mode blob` plays too; 262,144; 417,792, a proof in two calls; the most at N = 4."""

PACKED_LANES = (1, 7, 16, 32, 64, 71, 256)
"""d = 4,096; 28,672; 65,536; 131,072; 262,144; 290,816, the most in one call; 2^20, in four."""

BLOB_GAS_A_GAS = 131_072 // 16
DATA = ("post", "add_sums", *PROVING)


@functools.cache
def constant(value: int) -> bytes:
    """A blob whose elements are all the same."""
    return value.to_bytes(32, "big") * 4_096


class Constants(BlobDriver):
    """Whose members upload the same constants, by chunk, or by lane."""

    def element(self, chunk: int) -> int:
        """A value of -8 to 7, and Q; packed, one for each lane."""
        first = 21 * chunk if self.packed else chunk
        values = (self.params.bound - 8 + lane % 16 for lane in range(first, first + self.lanes_of(chunk)))
        return sum(value << 12 * lane for lane, value in enumerate(values))

    def blobs(self, account: str) -> list[bytes]:
        return [constant(self.element(chunk)) for chunk in range(self.chunk_count)]

    def sums(self, group: int) -> list[bytes]:
        return [constant(self.params.members * self.element(chunk)) for chunk in range(self.chunk_count)]

    def finish_aggregate(self) -> None:
        groups = self.live_groups(Status.DELIVERED)
        many = max(1, MAX_CALL_BYTES // (self.params.members * (128 * self.chunk_count + 32)))
        for first in range(0, len(groups), many):
            self.add_sums(*groups[first : first + many])

    def finish_select(self) -> None:
        groups = range(self.params.rounds)
        case = self.packed_case(groups) if self.packed else self.case(groups)
        kind = Kind.PACKED_NORMS if self.packed else Kind.NORMS
        products, begun, done = [product % Q for product in case.products], case.beginning(), 0
        for part in Shape(kind, len(groups), self.lane_count, MAX_CALL_BYTES).parts():
            if not part.last:
                evidence = case.part(done, done + part.sums)
                receipt = self._send(part.call, begun, evidence, sender=self.caller)
                continued = receipt.only("PackedContinued" if self.packed else "ProofContinued")
                begun, done = type(begun)(*continued.begun), done + part.sums
            elif part.first:
                self._send(part.call, products, case.rest(0), sender=self.caller)
            else:
                self._send(part.call, begun, products, case.rest(done), sender=self.caller)


def played(lanes: int, **terms: int) -> dict[str, dict[str, int]]:
    """The calls of one session that its vectors go through."""
    chain = RevmChain()
    accounts, recorder = Accounts(chain.set_balance), Recorder(chain)
    market = deploy_market(accounts, 0, recorder)
    shape = {"mode": 1, "bound": 127, "chunk_words": 0, "parameter_count": 4_096 * lanes}
    params = make_params(**PAPER | shape | terms)
    session = Constants(chain, market, session_type().on(recorder), accounts, params)
    session.to(Stage.PAYMENT)
    assert session.accepted().bit_count() == 8
    return {call: row for call, row in recorder.table().items() if call in DATA}


@pytest.mark.nightly
def test_gas_of_the_vectors(pytestconfig: pytest.Config) -> None:
    """Total in blob gas too, at the reserve price."""
    found = {str(4_096 * chunks): priced(played(chunks), chunks) for chunks in CHUNKS}
    packed = {str(4_096 * lanes): priced(played(lanes, lane_bits=12), -(-lanes // 21)) for lanes in PACKED_LANES}
    compare("gas_blob_growth", {"versions": versions(), "sessions": found, "packed": packed}, pytestconfig)


def priced(table: dict[str, dict[str, int]], blobs: int) -> dict[str, object]:
    """With the gas of so many blobs of each member."""
    gas = sum(row["calls"] * row["mean"] for row in table.values())
    return {"calls": table, "with blobs": gas + 32 * blobs * BLOB_GAS_A_GAS}
