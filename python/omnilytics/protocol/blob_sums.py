"""The sums of a session whose vectors are in blobs: read from the blobs, and proven to the contract (docs/BLOBS.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from omnilytics.blobs import scheme
from omnilytics.blobs.blob import Blob, Blobs, WrongElement, element
from omnilytics.blobs.scheme import ORDER, POINT_BYTES, Claim
from omnilytics.codec import WORD_BYTES, Codec, keccak256
from omnilytics.errors import EncodingError, ProtocolError
from omnilytics.protocol.blob_corrections import correction, element_at, wrong_element
from omnilytics.protocol.blob_proofs import Proof, Shape, kind_of
from omnilytics.protocol.blob_uploads import fold
from omnilytics.protocol.gas import MAX_CALL_BYTES
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.packed_proofs import PackedProof
from omnilytics.protocol.seating import Seating
from omnilytics.types import BLOB_ELEMENTS, BLOB_LANE_BITS, Address, IntVec, SessionParams

CONTEXT = b"omnilytics/blob/1"
PACKED_CONTEXT = b"omnilytics/blob-packed/1"
ACCUSATION = b"omnilytics/accusation/1"


@dataclass(frozen=True, slots=True)
class Malformed:
    """An element of a group's sum that no uploads in range give.

    Attributes:
        group: its id.
        index: in all chunks.
        element: above 2 N Q, or beyond d other than N Q; with packing in a digit, or more than its digits.
        witness: that the sum's commitment has it there, 48 bytes.
    """

    group: int
    index: int
    element: int
    witness: bytes

    def commitment(self, chain_id: int, session: Address, account: Address, salt: bytes) -> bytes:
        """What `accuse` takes, 32 bytes (B9)."""
        words = (chain_id, int(session, 16), int(account, 16), self.group, self.index, self.element)
        return keccak256(_domain(ACCUSATION) + b"".join(map(_word, words)) + salt)


@dataclass(frozen=True, slots=True)
class GroupSums:
    """A group's sums by chunk, and what was added: uploads, and with `recover` a correction.

    Attributes:
        blobs: the sums.
        points: their commitments, 128 bytes each.
        commitments: of what was added, upload by upload, joined.
    """

    blobs: list[bytes]
    points: list[bytes]
    commitments: bytes


class BlobSums:
    """The sums of one session.

    Args:
        params: its terms.
        codec: writes sums as words.
        chain_id: of its chain.
        session: its address.
        blobs: where the uploads are.
    """

    def __init__(self, params: SessionParams, codec: Codec, chain_id: int, session: Address, blobs: Blobs) -> None:
        self._params = params
        self._codec = codec
        self._scope = chain_id, session
        self._blobs = blobs
        self._sums: dict[int, GroupSums] = {}
        self._proofs: dict[tuple[int, ...], Proof | PackedProof] = {}
        self._looked_at: dict[int, Malformed | None] = {}
        self._compared: dict[int, WrongElement | None] = {}

    def fill(self, ledger: Ledger) -> None:
        """Writes the sums of all groups that have delivered, as far as their blobs are here, into the ledger."""
        for group in self.delivered(ledger):
            if (group, 0) in ledger.aggregates:
                continue
            try:
                values = self.values(ledger, group)
            except (EncodingError, ProtocolError):
                continue
            ledger.aggregates[group, 0] = values

    def delivered(self, ledger: Ledger) -> list[int]:
        """The groups all of whose uploads are in, with `recover` their corrections; refuted ones left out."""
        return [group for group in self._complete(ledger) if group not in ledger.failed]

    def places(self, ledger: Ledger, group: int) -> list[int]:
        """Whose uploads are in a group's sum."""
        places = range(self._params.members)
        return [place for place in places if len(ledger.posted.get((group, place), ())) == self._params.chunks]

    def _complete(self, ledger: Ledger) -> list[int]:
        groups, params = sorted({group for group, _ in ledger.posted}), self._params
        if params.has_corrections:
            return [group for group in groups if ledger.correction(group, params.chunks) is not None]
        return [group for group in groups if len(self.places(ledger, group)) == params.members]

    def correction(self, ledger: Ledger, group: int) -> list[Blob]:
        """What the seeds give of a group that is disclosed (docs/BLOBS.md B11)."""
        sharing, count = ledger.sharing[group], len(self.places(ledger, group))
        return correction(self._params, count, sharing.minus, sharing.plus)

    def all_wrong(self, ledger: Ledger) -> dict[int, WrongElement]:
        """Of each live group whose correction isn't what its seeds give, the first element that shows it."""
        found = {}
        for group in self.delivered(ledger):
            try:
                wrong = self.wrong(ledger, group)
            except ProtocolError:
                continue
            if wrong is not None:
                found[group] = wrong
        return found

    def wrong(self, ledger: Ledger, group: int) -> WrongElement | None:
        """The first element of a group's correction that isn't what the seeds give; None: there is none.

        Raises:
            ProtocolError: a blob isn't here.
        """
        hashes = ledger.correction(group, self._params.chunks)
        if hashes is None:
            return None
        if group not in self._compared:
            sharing, count = ledger.sharing[group], len(self.places(ledger, group))
            posted = [self._find(name) for name in hashes]
            self._compared[group] = wrong_element(self._params, count, sharing.minus, sharing.plus, posted)
        return self._compared[group]

    def values(self, ledger: Ledger, group: int) -> bytes:
        """A group's sum as words.

        Raises:
            EncodingError: it isn't in range: `malformed` says where.
            ProtocolError: a blob isn't here.
        """
        sums = self.sums(ledger, group).blobs
        return self._codec.pack(np.concatenate([self._decoded(chunk, blob) for chunk, blob in enumerate(sums)]))

    def _decoded(self, chunk: int, blob: bytes) -> IntVec:
        """The values of a sum's chunk.

        Raises:
            EncodingError: it isn't in range.
        """
        params = self._params
        count = min(params.chunk_values, params.parameter_count - chunk * params.chunk_values)
        return scheme.decode(blob, count, params.members, params.bound, packed=params.packed)

    def all_malformed(self, ledger: Ledger) -> list[Malformed]:
        """Of each group that has delivered and whose blobs are here, the first element that isn't in range.

        A group stays here when it is refuted: others may have accused it too.
        """
        for group in self._complete(ledger):
            if group not in self._looked_at:
                try:
                    self._looked_at[group] = self.malformed(ledger, group)
                except ProtocolError:
                    continue
        return [found for _, found in sorted(self._looked_at.items()) if found is not None]

    def malformed(self, ledger: Ledger, group: int) -> Malformed | None:
        """The first element of a group's sum that isn't in range; None: there is none, or its correction is wrong.

        Raises:
            ProtocolError: a blob isn't here.
        """
        if self.wrong(ledger, group) is not None:
            return None
        for chunk, blob in enumerate(self.sums(ledger, group).blobs):
            try:
                self._decoded(chunk, blob)
            except EncodingError:
                first = chunk * BLOB_ELEMENTS
                places = range(BLOB_ELEMENTS)
                place = next(at for at in places if is_malformed(self._params, first + at, element(blob, at)))
                return Malformed(group, first + place, *scheme.open_at(blob, place))
        return None

    def sums(self, ledger: Ledger, group: int) -> GroupSums:
        """The sums of a group's uploads and its correction.

        Raises:
            ProtocolError: a blob isn't here.
        """
        if group not in self._sums:
            uploads = list(self._uploads(ledger, group))
            points = [[scheme.uncompressed(blob.commitment) for blob in upload] for upload in uploads]
            self._sums[group] = GroupSums(
                [scheme.add_blobs([blob.data for blob in chunk]) for chunk in zip(*uploads, strict=True)],
                [scheme.add_points(chunk) for chunk in zip(*points, strict=True)],
                b"".join(point for upload in points for point in upload),
            )
        return self._sums[group]

    def is_wrong(self, ledger: Ledger, group: int, index: int, value: int) -> bool:
        """Whether a group's correction has that value there, and its seeds give another.

        Raises:
            ProtocolError: a blob isn't here.
        """
        chunk, place = divmod(index, BLOB_ELEMENTS)
        name = (ledger.correction(group, self._params.chunks) or [])[chunk]
        sharing, count = ledger.sharing[group], len(self.places(ledger, group))
        right = element_at(self._params, count, sharing.minus, sharing.plus, index)
        return element(self._find(name).data, place) == value != right

    def accounts(self, ledger: Ledger, seats: Seating, groups: Sequence[int]) -> list[Address]:
        """The members of these groups whose uploads are in their sums, as `add_sums` takes them."""
        return [seats.groups[group][place] for group in groups for place in self.places(ledger, group)]

    def commitments(self, ledger: Ledger, groups: Sequence[int]) -> bytes:
        """The points of these groups' uploads, upload by upload, as `add_sums` takes them.

        Raises:
            ProtocolError: a blob isn't here.
        """
        return b"".join(self.sums(ledger, group).commitments for group in groups)

    def root_of(self, ledger: Ledger, groups: Sequence[int]) -> bytes:
        """The root of these groups' sums (B2), 32 bytes.

        Raises:
            ProtocolError: a blob isn't here.
        """
        return fold(fold(self.sums(ledger, group).points) for group in groups)

    def proof(self, ledger: Ledger, groups: Sequence[int]) -> Proof | PackedProof:
        """Of the norms, or with `krum` the Gram matrix, of these groups' sums. Computed once.

        Args:
            ledger: of the session.
            groups: all that are live, in order of id.

        Raises:
            EncodingError: a sum isn't in range.
            ProtocolError: a blob isn't here.
        """
        if tuple(groups) not in self._proofs:
            sums, claim = [self.sums(ledger, group) for group in groups], self.claim(groups)
            points = b"".join(point for own in sums for point in own.points)
            prove = scheme.prove_packed if self._params.packed else scheme.prove
            products, proof = prove(claim, points, [blob for own in sums for blob in own.blobs])
            shape = Shape.of(self._params, len(groups))
            words = tuple(product % ORDER for product in products)
            self._proofs[tuple(groups)] = (
                PackedProof(shape, claim.context, words, proof)
                if self._params.packed
                else Proof(shape, claim.context, words, points, proof)
            )
        return self._proofs[tuple(groups)]

    def claim(self, groups: Sequence[int]) -> Claim:
        """What is proven of these groups."""
        params, (chain_id, session) = self._params, self._scope
        live = sum(1 << group for group in groups)
        lane_bits = (params.lane_bits,) if params.packed else ()
        words = (chain_id, int(session, 16), params.parameter_count, params.members, params.bound, *lane_bits, live)
        domain = _domain(PACKED_CONTEXT if params.packed else CONTEXT)
        return Claim(
            kind_of(params),
            keccak256(domain + b"".join(map(_word, words))),
            len(groups),
            params.members,
            params.lanes,
            params.bound,
        )

    def _uploads(self, ledger: Ledger, group: int) -> Iterator[list[Blob]]:
        """The blobs of each member of a group that has delivered, and of its correction."""
        for place in self.places(ledger, group):
            yield [self._find(name) for name in ledger.posted[group, place]]
        hashes = ledger.correction(group, self._params.chunks)
        if hashes is not None:
            yield [self._find(name) for name in hashes]

    def _find(self, name: bytes) -> Blob:
        blob = self._blobs.find(name)
        if blob is None:
            raise ProtocolError(f"blob 0x{name.hex()}: expected it in the archive, it isn't there")
        return blob


def is_malformed(params: SessionParams, index: int, element: int) -> bool:
    """Whether no uploads in range add up to that element of a sum, `index` in all chunks (docs/BLOBS.md B8, B12)."""
    middle, count = params.members * params.bound, params.parameter_count
    if not params.packed:
        return element != middle if index >= count else element > 2 * middle
    chunk, place = divmod(index, BLOB_ELEMENTS)
    first, lanes = chunk * params.chunk_values + place, params.lanes_of(chunk)
    for lane in range(lanes):
        digit = element >> BLOB_LANE_BITS * lane & 2**BLOB_LANE_BITS - 1
        if digit > 2 * middle or (first + BLOB_ELEMENTS * lane >= count and digit != middle):
            return True
    return element >> BLOB_LANE_BITS * lanes != 0


def groups_in_call(params: SessionParams) -> int:
    """Groups that one call of `add_sums` adds: their commitments and accounts fit a transaction."""
    rows = params.members + params.has_corrections
    group = rows * (POINT_BYTES * params.chunks + WORD_BYTES)
    return max(1, MAX_CALL_BYTES // group)


def _domain(name: bytes) -> bytes:
    return name.ljust(32, b"\0")


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
