"""From weights to masked words and back: the only importer of the secure-aggregation half of `_omnicore`.

`docs/PROTOCOL.md` sections 2-7 are the specification, E1-E16 and E31-E38 its equations. A vector of words is
`32 * words` bytes, each word big-endian; a weight vector is float32 of shape (d,), d = `params.parameter_count`.
Secrets never appear in a repr, a log or an error, and can't be copied or pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omnilytics import _omnicore
from omnilytics._omnicore import (
    code_paths,
    commitment_root,
    draw_seed,
    float_words,
    from_float_words,
    keccak256,
    permutation,
    published_hash,
    set_hash,
    smallest_lane_bits,
    vote_commitment,
    weights_bound,
)
from omnilytics.codec.keys import GroupContext, MaskKey
from omnilytics.codec.recovery import (
    Dealing,
    MemberSecrets,
    Recovery,
    Reveal,
    Scope,
    disclosed_seeds,
    public_address,
    rebuild,
    rebuild_many,
    share_address,
    share_addresses,
)
from omnilytics.errors import EncodingError, InputError
from omnilytics.types import Encoding, FloatVec, IntVec, Mode, SessionParams, Suite

__all__ = [
    "Codec",
    "Dealing",
    "Delta",
    "GroupContext",
    "MaskKey",
    "MaskedInput",
    "MemberSecrets",
    "PairSeeds",
    "Recovery",
    "Reveal",
    "Scope",
    "code_paths",
    "commitment_root",
    "disclosed_seeds",
    "draw_seed",
    "encode_words",
    "float_words",
    "from_float_words",
    "keccak256",
    "mask_words",
    "model_hash",
    "permutation",
    "public_address",
    "published_hash",
    "rebuild",
    "rebuild_many",
    "set_hash",
    "share_address",
    "share_addresses",
    "smallest_lane_bits",
    "vote_commitment",
    "weights_bound",
]

WORD_BYTES = 32


def model_hash(params: SessionParams, published: bytes) -> bytes:
    """The hash of all parameters and of the published weights' hash, 32 bytes (E1).

    Raises:
        InputError: a field that isn't a uint256, or `published` isn't 32 bytes.
    """
    fields = params.as_tuple()
    outside = [value for value in fields if not 0 <= value < 2**256]
    if outside:
        raise InputError(f"SessionParams: expected integers from 0 to 2^256 - 1, got {outside[0]}")
    return _omnicore.model_hash(b"".join(value.to_bytes(32, "big") for value in fields), published)


LARGEST_CHUNK_WORDS = 720


def in_lanes(params: SessionParams) -> SessionParams:
    """The parameters of the same session with its vectors in calldata: how what came in blobs is written as words.

    Raises:
        EncodingError: no lane holds the sum of a group.
    """
    weights = params.encoding is Encoding.WEIGHTS
    lane_bits = 32 if weights else smallest_lane_bits(params.members, params.bound)
    return replace(params, mode=Mode.CALLDATA, lane_bits=lane_bits, chunk_words=LARGEST_CHUNK_WORDS)


@dataclass(frozen=True, slots=True, repr=False)
class MaskedInput:
    """What a member commits to and uploads. It has no repr: `encode_plain`'s words aren't masked.

    Attributes:
        words: all words, `32 * words` bytes.
        chunk_words: words of a chunk; the last may be shorter.
        chunk_hashes: keccak256 of each chunk.
        root: their hash; with the account it is what `commit` takes (E13).
        clipped: values outside the clip, before any shrinking; 0 for words made by hand.
        scale: the factor by which rule `norm` made the update smaller (E4), in (0, 1].
    """

    words: bytes
    clipped: int
    scale: float
    chunk_words: int
    chunk_hashes: list[bytes]
    root: bytes

    @property
    def chunks(self) -> list[bytes]:
        """The words in slices of `chunk_words`: a second copy of them, made anew each time; `chunk` makes one slice."""
        return [self.chunk(index) for index in range(len(self.chunk_hashes))]

    def chunk(self, index: int) -> bytes:
        """The words of one chunk."""
        size = WORD_BYTES * self.chunk_words
        return self.words[index * size : (index + 1) * size]


class Codec:
    """Encoding, masking, decoding and selection for one session's parameters.

    What came in blobs is words too once it is a sum: one chunk, packed as in calldata, for all that reads sums.

    Attributes:
        lanes: L, integers a word.
        words: words of a vector.
        chunks: chunks of a vector.

    Raises:
        EncodingError: parameters outside PROTOCOL.md section 2, above all a lane that can't hold the sum of N summands.
        InputError: a parameter that isn't a 64-bit number.
    """

    def __init__(self, params: SessionParams) -> None:
        self.params = params if params.mode is Mode.CALLDATA else in_lanes(params)
        self._codec = _omnicore.Codec(self.params)
        self.lanes = self._codec.lanes
        self.words = self._codec.words
        self.chunks = 1 if params.mode is Mode.BLOB else self._codec.chunks

    def encode(
        self,
        weights: FloatVec,
        published: FloatVec,
        key: MaskKey,
        context: GroupContext,
        rounding_seed: bytes | None = None,
    ) -> MaskedInput:
        """Weights of shape (d,) to masked words: clip, round, shrink (but with `krum`), pack, mask (E2-E5, E10-E12).

        `rounding_seed` is 32 bytes; None takes the operating system's randomness. Encoding `weights` ignores the values
        of `published`.

        Raises:
            EncodingError: wrong dtype, shape or layout, a value that isn't finite.
            InputError: a group or key that can't work, a seed of the wrong length.
        """
        upload = self._codec.encode(weights, published, rounding_seed, True, key._secret, context)
        return self._masked_input(*upload)

    def encode_plain(
        self, weights: FloatVec, published: FloatVec, rounding_seed: bytes | None = None, shrink: bool = True
    ) -> MaskedInput:
        """As `encode`, without a mask; `shrink=False` leaves out E4, as a member that ignores rule `norm` would.

        Raises:
            EncodingError: wrong dtype, shape or layout, a value that isn't finite.
            InputError: a seed of the wrong length.
        """
        return self._masked_input(*self._codec.encode(weights, published, rounding_seed, shrink))

    def mask(self, words: bytes, key: MaskKey, context: GroupContext) -> MaskedInput:
        """Masks words that somebody made by hand (E12).

        Raises:
            EncodingError: not `32 * words` bytes.
            InputError: a group or key that can't work.
        """
        return self._masked_input(*self._codec.mask(words, key._secret, context))

    def unmask(self, words: bytes, minus: Sequence[bytes], plus: Sequence[bytes]) -> bytes:
        """The sum of the words of U without the masks left in it: the streams of `minus` off, those of `plus` on (E36).

        Raises:
            EncodingError: not `32 * words` bytes.
            InputError: a seed of the wrong length.
        """
        return self._codec.unmask(words, minus, plus)

    def split(self, words: bytes) -> MaskedInput:
        """The chunks, hashes and root of arbitrary words, as they are.

        Raises:
            EncodingError: not `32 * words` bytes.
        """
        return self._masked_input(*self._codec.split(words))

    def sum(self, vectors: Sequence[bytes]) -> bytes:
        """The sum modulo 2^256, word by word; zero words for no vectors.

        Raises:
            EncodingError: a vector that isn't `32 * words` bytes.
        """
        return self._codec.sum(vectors)

    def decode(self, words: bytes) -> IntVec:
        """A sum's integers, shape (d,), each in [-2^(b-1), 2^(b-1)) (E6).

        Raises:
            EncodingError: not `32 * words` bytes.
        """
        return self._codec.decode(words)

    def pack(self, values: IntVec) -> bytes:
        """The words of integers, shape (d,), as `decode` reads them (E5).

        Raises:
            EncodingError: another shape, or a value that a lane doesn't hold.
        """
        if values.shape != (self.params.parameter_count,):
            raise EncodingError(f"values: expected shape ({self.params.parameter_count},), got {values.shape}")
        return self._codec.pack(np.ascontiguousarray(values.clip(-(2**31), 2**31 - 1), np.int32))

    def decode_sum(self, words: bytes, count: int) -> FloatVec:
        """The mean of `count` summands in units of a weight, shape (d,): S C / (Q count), or S / (10^8 count).

        Raises:
            EncodingError: not `32 * words` bytes.
            InputError: `count` outside 1..N.
        """
        return self._codec.decode_mean([words], [count])

    def mean_update(self, aggregates: Sequence[bytes], counts: int | Sequence[int]) -> FloatVec:
        """The mean over aggregates of `counts` members each of their means, shape (d,) (PROTOCOL.md section 7).

        In units of a weight; one count is that of all aggregates.

        Raises:
            EncodingError: an aggregate that isn't `32 * words` bytes.
            InputError: no or more than 64 aggregates, other than a count for each, a count outside 1..N.
        """
        return self._codec.decode_mean(aggregates, [counts] * len(aggregates) if isinstance(counts, int) else counts)

    def squared_norm(self, words: bytes) -> int:
        """G_rr of an aggregate, exact, in squared units of the encoding.

        Raises:
            EncodingError: not `32 * words` bytes.
        """
        return self._codec.squared_norm(words)

    def products(self, aggregates: Sequence[bytes]) -> list[int]:
        """G_rs of all pairs r < s, row by row: (0,1), (0,2), ..., (1,2), ...; exact.

        Raises:
            EncodingError: an aggregate that isn't `32 * words` bytes.
        """
        return self._codec.products(aggregates)

    def norm_limit(self, count: int) -> int:
        """The largest G_rr of `count` summands that rule `norm` accepts: floor(count^2 d Q^2 / (4 N^2)) (E15).

        Raises:
            InputError: `count` outside 1..N.
        """
        return self._codec.norm_limit(count)

    def select_norm(self, norms: Sequence[int], counts: Sequence[int]) -> list[bool]:
        """Rule `norm` (E15) on groups of `counts` summands.

        Raises:
            InputError: lengths that differ, a negative norm, a count outside 1..N.
        """
        return self._codec.select_norm(norms, counts)

    def select_norm_vote(
        self, norms: Sequence[int], counts: Sequence[int], against: Sequence[int], cast: int
    ) -> list[bool]:
        """Rule `norm+vote` (E37) on groups of `counts` summands.

        Args:
            norms: G_rr.
            counts: members of each group that delivered: together |U|.
            against: opened votes against each group, 0 to `cast`.
            cast: votes that were opened, 0 to |U|.

        Raises:
            InputError: lengths that differ, a number out of its range.
        """
        return self._codec.select_norm_vote(norms, counts, against, cast)

    def select_krum(
        self, norms: Sequence[int], products: Sequence[int], counts: Sequence[int] | None = None
    ) -> list[bool] | None:
        """Rule `krum` (E16) on groups in order of id; None where it isn't defined on so few of them.

        `products` are row by row as `products()` gives them. With `counts`, the members of each group, the means are
        compared: distances are those of the sums times lcm(1..N) / count.

        Raises:
            InputError: the rule isn't `krum`, more than 16 groups, lengths that don't fit, impossible entries.
        """
        return self._codec.select_krum(norms, products, counts)

    def krum_scores(
        self, norms: Sequence[int], products: Sequence[int], counts: Sequence[int] | None = None
    ) -> list[tuple[int, int]]:
        """(index, score) of every group at the first pick, best first; empty where no group has a neighbour to measure.

        Raises:
            InputError: as for `select_krum`.
        """
        scores = self._codec.krum_scores(norms, products, counts)
        return sorted(enumerate(scores), key=lambda pair: (pair[1], pair[0]))

    def _masked_input(
        self, words: bytes, chunk_hashes: list[bytes], root: bytes, clipped: int, scale: float
    ) -> MaskedInput:
        return MaskedInput(words, clipped, scale, self.params.chunk_words, chunk_hashes, root)


@dataclass(frozen=True, slots=True)
class Delta:
    """Encoding `delta` without a session around it (E2, E5); lanes are the smallest that hold a sum.

    Attributes:
        clip: C, in units of a weight.
        bound: Q.
        members: N.
        shrink: whether a long difference is scaled down, as rule `norm` asks (E4).
    """

    clip: float
    bound: int
    members: int
    shrink: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class PairSeeds:
    """The seeds that a member shares with its peers, in order of their places (E10).

    Attributes:
        suite: the generator that expands them.
        seeds: 32 bytes each.
        place: the member's own: the streams of so many seeds are taken off, the others added (E12).
    """

    suite: Suite
    seeds: Sequence[bytes]
    place: int


def encode_words(
    weights: FloatVec, published: FloatVec, coding: Delta, pairs: PairSeeds, rounding_seed: bytes
) -> tuple[bytes, int, float]:
    """The `words`, `clipped` and `scale` of `Codec.encode`, for vectors of any length and from pair seeds.

    This is the kernel below `Codec`, for vectors that no session of today has room for and for measurements.

    Raises:
        EncodingError: wrong dtype, shape or layout, a value that isn't finite, a lane that can't hold the sum.
        InputError: a seed of the wrong length.
    """
    return _omnicore.encode_words(
        weights,
        published,
        encoding=Encoding.DELTA,
        members=coding.members,
        clip=int(np.float32(coding.clip).view(np.uint32)),
        bound=coding.bound,
        lane_bits=smallest_lane_bits(coding.members, coding.bound),
        rounding_seed=rounding_seed,
        shrink=coding.shrink,
        suite=pairs.suite,
        seeds=pairs.seeds,
        place=pairs.place,
    )


def mask_words(words: NDArray[np.uint8], pairs: PairSeeds) -> None:
    """Masks words, shape (words, 32), where they stand (E12), from pair seeds.

    Raises:
        EncodingError: not a writable, contiguous array of that shape.
        InputError: a seed of the wrong length.
    """
    _omnicore.mask_words(words, pairs.suite, pairs.seeds, pairs.place)
