"""What a session in blobs has beside the others, held against everything before it. `verify` drives it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from omnilytics.blobs.blob import Blobs, element
from omnilytics.blobs.scheme import ORDER
from omnilytics.errors import VerificationError
from omnilytics.protocol.blob_sums import BlobSums, is_malformed
from omnilytics.protocol.blob_uploads import fold
from omnilytics.protocol.commitment import commitment
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.replay import Replay
from omnilytics.protocol.sharing import places_of
from omnilytics.types import BLOB_ELEMENTS, Address, Money, Rule, Stage


@dataclass
class BlobReplay(Replay):
    """The session's state: besides that of any session, who has accused. `uploads` are versioned hashes of blobs.

    Attributes:
        blobs: where the uploads are; None: sums are taken as emitted.
        added: groups whose sums are in, bitmap over group ids.
        accusing: how many accusations each account hasn't opened.
        refuted: groups whose sums were.
    """

    blobs: Blobs | None = None
    added: int = 0
    accusing: Counter[Address] = field(default_factory=Counter)
    refuting: bool = False
    refuted: set[int] = field(default_factory=set)
    accusations: int = 0
    fixed: bool = False
    _sums: BlobSums | None = None

    @property
    def stage(self) -> Stage:
        if self.fixed:
            return Stage.ACCUSE
        return Stage.UPLOAD if self.barrier else Stage.COMMIT

    @property
    def spoilt(self) -> int:
        return len(self.refuted) * self.terms.members

    @property
    def burnt_wei(self) -> int:
        return self.fates.burnt_wei + self.accusing.total() * self.terms.bond_wei

    def money(self) -> Money:
        money = Replay.money(self)
        bonds = self.accusations * self.terms.bond_wei
        return Money(money.deposited + bonds, money.credits, money.locked + bonds, money.withdrawn)

    def on_posted(self, v: dict[str, Any]) -> None:
        seat = self.uploading(v)
        hashes = self.uploads.setdefault(seat, [])
        self.expect("blobs in order", v["chunk"], len(hashes))
        hashes += v["hashes"]
        self.expect("blobs of an upload", len(hashes) <= self.terms.chunks, True)
        if len(hashes) == self.terms.chunks:
            self.check_upload(v["member"], seat)

    def check_upload(self, member: Address, seat: tuple[int, int]) -> None:
        self.expect("blobs equal to their commitment", commitment(member, fold(self.uploads[seat])), self.roots[seat])

    def on_uploadclosed(self, v: dict[str, Any]) -> None:
        Replay.on_uploadclosed(self, v)
        self.fixed = True

    def on_accused(self, v: dict[str, Any]) -> None:
        self.expect("accusations before refutations", (self.fixed, self.refuting), (True, False))
        self.expect("one accusation an account", self.accusing[v["account"]], 0)
        self.accusing[v["account"]] += 1
        self.accusations += 1

    def on_accusingclosed(self, v: dict[str, Any]) -> None:
        self.expect("accusations", v["accusations"], self.accusations)
        self.refuting = True

    def on_refuted(self, v: dict[str, Any]) -> None:
        self.expect("refutations after accusations", (self.refuting, self.accusing[v["account"]]), (True, 1))
        self.expect("refuted elements out of range", is_malformed(self.terms, v["index"], v["element"]), True)
        if self.blobs is not None:
            self.expect("refuted elements of sums", v["element"], self._element(v["group"], v["index"]))
        self.accusing[v["account"]] -= 1
        self.credited += self.terms.bond_wei
        self.refuted.add(v["group"])

    def on_refutingclosed(self, v: dict[str, Any]) -> None:
        self.expect("groups that aren't refuted", v["live_groups"], sum(1 << g for g in self._delivered_groups()))

    def is_lost(self, group: int) -> bool:
        return group in self.refuted or Replay.is_lost(self, group)

    def did(self, group: int) -> int:
        return 0 if group in self.refuted else Replay.did(self, group)

    def on_sumsadded(self, v: dict[str, Any]) -> None:
        delivered = self._delivered_groups()
        self.expect("sums added once", self.added & v["groups"], 0)
        self.added |= v["groups"]
        done = list(places_of(self.added))
        self.expect("sums in order of id", done, delivered[: len(done)])
        if self.blobs is None:
            self.taken["sums in blobs"] += v["groups"].bit_count()
        else:
            self.expect("sums of the blobs", v["root"], self.sums.root_of(self._ledger(), done))

    @property
    def with_sums(self) -> list[int]:
        return list(places_of(self.added))

    def on_proofcontinued(self, v: dict[str, Any]) -> None:
        self._on_part(v["begun"]["sums"])

    def on_packedcontinued(self, v: dict[str, Any]) -> None:
        self._on_part(v["begun"]["lanes"])

    def _on_part(self, done: int) -> None:
        # whether it is of a true proof is seen at its end alone
        sums = len(self.with_sums) * self.terms.lanes
        self.expect("sums of a proof that isn't finished", 0 < done <= sums, True)

    def on_sumsproven(self, v: dict[str, Any]) -> None:
        groups, products = self._delivered_groups(), list(v["products"])
        count = len(groups)
        krum = self.terms.rule is Rule.KRUM
        self.expect("proven products", len(products), count * (count + 1) // 2 if krum else count)
        rows = [[products.pop(0) for _ in range(count - r if krum else 1)] for r in range(count)]
        self.norms = {group: row[0] for group, row in zip(groups, rows, strict=True)}
        self.products = [_signed(product) for row in rows for product in row[1:]]
        self.gram_chunks = 1
        if self.blobs is None:
            return
        words = [self.sums.values(self._ledger(), group) for group in groups]
        self.aggregates = {group: [own] for group, own in zip(groups, words, strict=True)}
        self.expect("proven norms", list(self.norms.values()), [self.codec.squared_norm(own) for own in words])
        if krum:
            self.expect("proven products of two sums", self.products, self.codec.products(words))

    def _words_in_call(self, name: str, v: dict[str, Any]) -> int:
        match name:
            case "Posted":
                return len(v["hashes"])
            case "SumsAdded":
                return int(v["groups"]).bit_count() * self.terms.members * self.terms.chunks
            case "SumsProven":
                return len(self.with_sums) * self.terms.proven
            case _:
                return 0

    def inner_products(self, groups: list[int]) -> list[int]:
        return self.products

    @property
    def sums(self) -> BlobSums:
        """The session's sums, read from the blobs."""
        if self.blobs is None:
            raise VerificationError("sums: expected an archive with the session's blobs, there is none")
        if self._sums is None:
            self._sums = BlobSums(self.terms, self.codec, self.record.chain_id, self.record.address, self.blobs)
        return self._sums

    def _ledger(self) -> Ledger:
        return Ledger(posted=self.uploads, failed=dict(self.fates.failed))

    def _element(self, group: int, index: int) -> int:
        chunk, place = divmod(index, BLOB_ELEMENTS)
        return element(self.sums.sums(self._ledger(), group).blobs[chunk], place)


def _signed(product: int) -> int:
    """An inner product as the contract reads it."""
    return product - ORDER if product > ORDER // 2 else product
