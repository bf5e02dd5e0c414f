"""Drives sessions whose vectors travel in blobs: posts, accusations, sums, proofs (docs/BLOBS.md).

Everybody is honest; a test spoils elements of an upload, or bends a call. What adds up and proves takes the blobs, as
anybody would.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from eth_abi import encode
from eth_utils import keccak

from omnilytics.blobs import scheme
from omnilytics.blobs.scheme import ELEMENTS, LANE_BITS, LANES, ORDER, Claim, Kind

from . import blobs as b
from . import packed as p
from .contract import Receipt
from .reference import ceil_div
from .session import SessionDriver, Stage, Status

MOST_BLOBS = 6
ACCUSATION = b"omnilytics/accusation/1".ljust(32, b"\0")
CONTEXT = b"omnilytics/blob/1".ljust(32, b"\0")
PACKED_CONTEXT = b"omnilytics/blob-packed/1".ljust(32, b"\0")

commit = functools.lru_cache(maxsize=256)(scheme.commit)
uncompressed = functools.lru_cache(maxsize=256)(scheme.uncompressed)


def points_of(blob: bytes) -> bytes:
    """A blob's commitment, 128 bytes."""
    return uncompressed(commit(blob))


@functools.lru_cache(maxsize=64)
def _upload(
    vector: tuple[int, ...],
    bound: int,
    seeds: tuple[tuple[bytes, int], ...],
    spoilt: tuple[tuple[int, int], ...],
    packed: bool,
) -> tuple[bytes, ...]:
    """The blobs of values, `spoilt` added to elements by index."""
    size = ELEMENTS * (LANES if packed else 1)
    values = np.split(np.array(vector, np.int32), range(size, len(vector), size))
    made = [scheme.masked_blob(v, bound, ELEMENTS * j, seeds, packed=packed) for j, v in enumerate(values)]
    return tuple(spoil(made, spoilt))


def spoil(blobs: Sequence[bytes], spoilt: Iterable[tuple[int, int]]) -> list[bytes]:
    """Blobs of a vector with something added to elements by index, modulo q."""
    made = list(blobs)
    for index, more in spoilt:
        chunk, at = index // ELEMENTS, 32 * (index % ELEMENTS)
        element = (int.from_bytes(made[chunk][at : at + 32], "big") + more) % ORDER
        made[chunk] = made[chunk][:at] + element.to_bytes(32, "big") + made[chunk][at + 32 :]
    return made


class Malformed(NamedTuple):
    """What `refute` takes of an element."""

    index: int
    element: int
    salt: bytes
    witness: bytes


class BlobDriver(SessionDriver):
    """A session with mode `blob`; see `SessionDriver`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spoilt: dict[str, dict[int, int]] = {}
        """What an account adds to elements of its upload, by index, modulo q."""
        self.copied: dict[str, str] = {}
        """Whose upload an account takes for its own."""

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin.spoilt, twin.copied = dict(self.spoilt), dict(self.copied)
        return twin

    @property
    def packed(self) -> bool:
        """Whether 21 values share an element."""
        return self.params.lane_bits == LANE_BITS

    @property
    def lane_count(self) -> int:
        """M: what is proven of a group."""
        return ceil_div(self.params.parameter_count, ELEMENTS)

    @property
    def chunk_count(self) -> int:
        return ceil_div(self.lane_count, LANES) if self.packed else self.lane_count

    def lanes_of(self, chunk: int) -> int:
        """Values in each element of a chunk."""
        return min(LANES, self.lane_count - LANES * chunk) if self.packed else 1

    # What a member does by itself.

    def mask_seeds(self, group: int, place: int) -> list[tuple[bytes, int]]:
        """The masks of a place: added towards higher places, taken off towards lower ones."""
        others = (i for i in range(self.params.members) if i != place)
        return [(keccak(text=f"{group} {min(place, i)} {max(place, i)}"), 1 if i > place else -1) for i in others]

    def blobs(self, account: str) -> list[bytes]:
        """The member's upload."""
        if account in self.copied:
            return self.blobs(self.copied[account])
        seat = self.contract.member(account)
        seeds, spoilt = self.mask_seeds(seat.group, seat.place), self.spoilt.get(account, {})
        vector = tuple(self.vector(account))
        return list(_upload(vector, self.params.bound, tuple(seeds), tuple(spoilt.items()), self.packed))

    def hashes(self, account: str) -> list[bytes]:
        """The versioned hashes of its blobs."""
        return [b.versioned(commit(blob)) for blob in self.blobs(account)]

    def upload_points(self, account: str) -> list[bytes]:
        """The commitments of its blobs, 128 bytes each."""
        return [points_of(blob) for blob in self.blobs(account)]

    # One honest step.

    def commit(self, account: str) -> Receipt:
        return self._send("commit", b.bound(account, self.hashes(account)), sender=account)

    def post(self, account: str, hashes: Sequence[bytes] | None = None) -> Receipt:
        """The member's next blobs, or others."""
        if hashes is None:
            first = self.contract.member(account).chunks_delivered
            hashes = self.hashes(account)[first : first + MOST_BLOBS]
        with self.chain.carrying(hashes):
            return self._send("post", sender=account)

    def upload_all(self, account: str) -> list[Receipt]:
        return [self.post(account) for _ in range(0, self.chunk_count, MOST_BLOBS)]

    def malformed(self, group: int, index: int) -> Malformed:
        """What opens that element of a group's sum."""
        chunk, place = divmod(index, ELEMENTS)
        element, witness = scheme.open_at(self.sums(group)[chunk], place)
        return Malformed(index, element, keccak(text=f"salt of {group} {index}"), witness)

    def accused(self, account: str, group: int, found: Malformed) -> bytes:
        """B9."""
        words = (ACCUSATION, self.chain.id, self.contract.address, account, group, *found[:3])
        return keccak(encode(["bytes32", "uint256", "address", "address", *["uint256"] * 3, "bytes32"], words))

    def accuse(self, account: str, group: int, found: Malformed) -> Receipt:
        digest = self.accused(account, group, found)
        return self._send("accuse", digest, sender=account, value=self.params.bond_wei)

    def refute(self, account: str, group: int, found: Malformed) -> Receipt:
        return self._send("refute", *found, self.delivered(group), self.points(group), sender=account)

    def add_sums(self, *groups: int) -> Receipt:
        accounts = [a for group in groups for a in self.delivered(group)]
        return self._send("add_sums", accounts, b"".join(map(self.points, groups)), sender=self.caller)

    def select(self) -> Receipt:
        call = "select_packed" if self.packed else "select_proven"
        return self._send(call, *self.proven(), sender=self.caller)

    # What comes out.

    def delivered(self, group: int) -> list[str]:
        """Whose uploads are in a group's sum, in order of place."""
        return self.members_of(group)

    def rows(self, group: int) -> list[list[bytes]]:
        """What is added of a group: its uploads."""
        return [self.blobs(account) for account in self.delivered(group)]

    def points(self, group: int) -> bytes:
        """The commitments of what is added."""
        return b"".join(points_of(blob) for row in self.rows(group) for blob in row)

    def sums(self, group: int) -> list[bytes]:
        """The group's sum as blobs."""
        return [scheme.add_blobs(chunk) for chunk in zip(*self.rows(group), strict=True)]

    def totals(self, group: int) -> list[bytes]:
        """... and their commitments, 128 bytes each."""
        rows = [[points_of(blob) for blob in row] for row in self.rows(group)]
        return [scheme.add_points(chunk) for chunk in zip(*rows, strict=True)]

    def root(self, groups: Iterable[int]) -> bytes:
        """Of their sums (B2)."""
        return b.fold([b.fold(self.totals(group)) for group in groups])

    def claim(self, groups: Sequence[int]) -> Claim:
        given, live = self.params, sum(1 << group for group in groups)
        lane_bits = [given.lane_bits] if self.packed else []
        shape = (given.parameter_count, given.members, given.bound, *lane_bits, live)
        words = (PACKED_CONTEXT if self.packed else CONTEXT, self.chain.id, self.contract.address, *shape)
        context = keccak(encode(["bytes32", "uint256", "address", *["uint256"] * len(shape)], words))
        kinds = (Kind.PACKED_NORMS, Kind.PACKED_GRAM) if self.packed else (Kind.NORMS, Kind.GRAM)
        return Claim(kinds[given.rule == 1], context, len(groups), given.members, self.lane_count, given.bound)

    def proven(self, groups: Sequence[int] | None = None) -> tuple[list[int], bytes]:
        """What `select_proven`, or `select_packed`, takes: of the live groups, or of others."""
        chosen = self.live_groups(Status.AGGREGATED) if groups is None else list(groups)
        points = b"".join(point for g in chosen for point in self.totals(g))
        prove = scheme.prove_packed if self.packed else scheme.prove
        products, proof = prove(self.claim(chosen), points, [blob for g in chosen for blob in self.sums(g)])
        return [product % ORDER for product in products], proof if self.packed else points + proof

    def case(self, groups: Sequence[int]) -> b.Case:
        """The same in parts."""
        products, evidence = self.proven(groups)
        claim, sums = self.claim(groups), 128 * len(groups) * self.chunk_count
        proof = evidence[sums:]
        return b.Case(
            context=claim.context,
            root=self.root(groups),
            kind=int(claim.kind),
            groups=claim.groups,
            members=claim.members,
            chunks=claim.chunks,
            bound=claim.bound,
            products=products,
            sums=evidence[:sums],
            S=proof[:128],
            h=proof[128:256],
            openings=[int.from_bytes(proof[at : at + 32], "big") for at in range(256, len(proof) - 256, 32)],
            pi=proof[-256:-128],
            pi0=proof[-128:],
        )

    def packed_case(self, groups: Sequence[int]) -> p.Case:
        """The same where values are packed."""
        products, evidence = self.proven(groups)
        claim = self.claim(groups)
        fields = (claim.context, int(claim.kind), claim.groups, claim.members, claim.chunks, claim.bound)
        return p.case_of(fields, self.root(groups), products, evidence)

    # Whole stages.

    def steps(self) -> dict[Stage, Callable[[], object]]:
        return super().steps() | {Stage.ACCUSE: self.pass_deadline}

    def finish_aggregate(self) -> None:
        self.add_sums(*self.live_groups(Status.DELIVERED))

    def finish_select(self) -> None:
        self.select()
