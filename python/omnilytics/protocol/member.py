"""The data owner's role in one session: check the offer, register, check the group, mask, commit, upload, withdraw.

With policy `recover` it shares its secrets instead of committing, and reveals some of them in the end: `recovering`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from omnilytics import codec
from omnilytics.blobs.blob import MOST_BLOBS
from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.codec import Codec, GroupContext, MaskedInput, MaskKey, MemberSecrets, Recovery
from omnilytics.errors import ProtocolError
from omnilytics.protocol.blob_uploads import BlobInput
from omnilytics.protocol.commitment import commitment
from omnilytics.protocol.finality import BLOCK_SECS, blocks_left, final_after
from omnilytics.protocol.judging import Sums
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.past import PastGroups
from omnilytics.protocol.randomness import Randomness
from omnilytics.protocol.recovering import Recovering
from omnilytics.protocol.releases import ReleaseLog
from omnilytics.protocol.seating import Seating
from omnilytics.protocol.voting import Ballot, Vote, flipped
from omnilytics.types import Address, Assignment, DropoutPolicy, FloatVec, Mode, Receipt, SessionParams

Masked = MaskedInput | BlobInput
"""What a member commits to and uploads."""


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """All that a member's masked input is made from: secrets, so it has no repr.

    `recovery` is None with policy `abort`, whose masks come from the key alone.
    """

    params: SessionParams
    codec: Codec
    published: FloatVec
    weights: FloatVec
    key: MaskKey
    context: GroupContext
    rounding_seed: bytes
    recovery: Recovery | None = None

    def encode(self) -> Masked:
        """The weights as the protocol has them: encoded and masked (E2-E12, E35, B1)."""
        if self.params.mode is Mode.BLOB:
            plain = self.codec.encode_plain(self.weights, self.published, self.rounding_seed)
            return self._in_blobs(plain.words, plain.clipped, plain.scale)
        if self.recovery is not None:
            return self.recovery.encode(self.weights, self.published, self.rounding_seed)
        return self.codec.encode(self.weights, self.published, self.key, self.context, self.rounding_seed)

    def mask(self, words: bytes) -> Masked:
        """Words made by hand, masked (E12, E35); in blobs the values that they hold (B1)."""
        if self.params.mode is Mode.BLOB:
            return self._in_blobs(words)
        if self.recovery is not None:
            return self.recovery.mask(words)
        return self.codec.mask(words, self.key, self.context)

    def _in_blobs(self, words: bytes, clipped: int = 0, scale: float = 1.0) -> BlobInput:
        values = self.codec.decode(words)
        seeds = self.key.blob_seeds(self.context) if self.recovery is None else self.recovery.blob_seeds()
        return BlobInput.masked(values, self.params, seeds, clipped, scale)


class Behaviour(Protocol):
    """How a member turns its weights into words, and votes. Who inherits from this votes as the protocol says."""

    def masked_input(self, upload: Upload) -> Masked | None:
        """The words to commit to and upload; None: the member drops out."""

    def vote(self, ballot: Ballot) -> Collection[int] | None:
        """The groups that it votes against, with rule `norm+vote`; None: it doesn't vote."""
        return ballot.honest()


class Honest(Behaviour):
    """Encodes and masks as the protocol says (E2-E12)."""

    def masked_input(self, upload: Upload) -> Masked:
        return upload.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a client accepts: of an offer, before it puts its bond in, and of a group, before it commits.

    Attributes:
        largest_bond_wei: None accepts any.
        largest_clip: of C: a huge box hides noise in a sum.
        shortest_window_secs: of the windows whose passing costs a member: all but that for registration.
        finality_blocks: how deep a block must be before the client commits, shares, masks, reveals or
            leaves by what it fixed. None: 96, where the chain is simulated 0.
        block_secs: of the chain: the time to commit, to share and to object, and with `recover` a quarter of that to
            reveal, must be longer than until then.
        least_fee_cap_wei: of what is paid back, wei a gas; None accepts that nothing is.
        accept_unsafe_small: groups in which a single colluder learns a member's model.
        honest_block_hashes: whether nobody can choose the chain's block hashes, on which the draw of `shuffled` stands;
            None: as far as the chain is simulated.
        known_accounts: whom this client knows to be somebody's else than the model owner.
        min_known_peers: so many of them must sit in a group; else the client declines it.
        accept_near_repeats: groups that differ from a past one in exactly one member: the two sums tell something of
            that one.
        vote_flip: each bit of a vote is flipped with probability 1/8, so that none of them is sure to be the step's.
    """

    largest_bond_wei: int | None = None
    largest_clip: float = 1.0
    shortest_window_secs: int = 1
    finality_blocks: int | None = None
    block_secs: int = BLOCK_SECS
    least_fee_cap_wei: int | None = None
    accept_unsafe_small: bool = False
    honest_block_hashes: bool | None = None
    known_accounts: frozenset[Address] = frozenset()
    min_known_peers: int = 0
    accept_near_repeats: bool = False
    vote_flip: bool = False

    def check(self, params: SessionParams, *, simulated: bool) -> None:
        """Looks at an offer; `simulated` says whether the chain is.

        Raises:
            ProtocolError: the offer isn't acceptable, with the number expected and the number given.
        """
        if params.unsafe_small and not self.accept_unsafe_small:
            raise ProtocolError("the session is marked unsafe_small: a single colluder could learn a member's model")
        honest = simulated if self.honest_block_hashes is None else self.honest_block_hashes
        if params.assignment is Assignment.SHUFFLED and not honest:
            raise ProtocolError(
                "assignment: expected greedy on a chain whose block hashes aren't known to be honest, got shuffled"
            )
        if self.largest_bond_wei is not None and params.bond_wei > self.largest_bond_wei:
            raise ProtocolError(f"bond: expected at most {self.largest_bond_wei} wei, got {params.bond_wei}")
        if params.clip_value > self.largest_clip:
            raise ProtocolError(f"clip: expected at most {self.largest_clip}, got {params.clip_value}")
        windows = [params.commit_secs, params.upload_secs, params.aggregate_secs, params.select_secs]
        if params.policy is DropoutPolicy.RECOVER:
            windows.append(params.reveal_secs // 4)
        self._check_finality(params, simulated)
        window = min(windows)
        if window < self.shortest_window_secs:
            raise ProtocolError(f"window: expected at least {self.shortest_window_secs} s, got {window}")
        if self.least_fee_cap_wei is not None and params.fee_cap_wei < self.least_fee_cap_wei:
            raise ProtocolError(
                f"fee cap: expected at least {self.least_fee_cap_wei} wei a gas, got {params.fee_cap_wei}"
            )
        if self.min_known_peers >= params.members:
            raise ProtocolError(
                f"members: expected groups with room for {self.min_known_peers} known accounts, "
                f"got {params.members} members"
            )

    def final_after(self, simulated: bool) -> int:
        """Blocks."""
        return final_after(self.finality_blocks, simulated=simulated)

    def _check_finality(self, params: SessionParams, simulated: bool) -> None:
        blocks = self.final_after(simulated)
        least = (blocks + 1) * self.block_secs + 1 if blocks else 0
        windows = {"commit_secs": params.commit_secs}
        if params.policy is DropoutPolicy.RECOVER:
            windows["reveal_secs / 4"] = params.reveal_secs // 4
        for name, given in windows.items():
            if given < least:
                raise ProtocolError(f"{name}: expected more than until a block is final, {least} s, got {given}")

    def objection(self, account: Address, owner: Address, group: Sequence[Address], past: PastGroups) -> str | None:
        """Why `account` declines this group of its own, in words; None: it doesn't."""
        known = sum(1 for peer in group if peer != account and peer in self.known_accounts)
        if known < self.min_known_peers:
            return f"expected at least {self.min_known_peers} known accounts in the group, got {known}"
        if not self.accept_near_repeats and past.near_repeat(owner, group):
            return "expected a group unlike its past ones, got one that differs from one of them in a single member"
        return None


class DataOwner:
    """One data owner. It keeps its key and its masked words for one session at a time.

    For one group it has one masked input: it never masks two plaintexts with one key for the same peers. A seeded
    `randomness` is refused on any chain that isn't simulated.

    Args:
        chain: where the session is.
        account: its own.
        behaviour: None: as the protocol says.
        policy: what it accepts.
        past: its groups in earlier sessions; None: none.
        releases: which secrets it has revealed, `recover` only; None: in memory, on simulated chains alone.
    """

    def __init__(
        self,
        chain: ChainPort,
        account: Address,
        behaviour: Behaviour | None = None,
        policy: Policy | None = None,
        past: PastGroups | None = None,
        releases: ReleaseLog | None = None,
    ) -> None:
        self.account = account
        self._chain = chain
        self._behaviour = behaviour or Honest()
        self._policy = policy or Policy()
        self._past = past or PastGroups()
        self._releases = releases
        self._session: SessionPort | None = None
        self._randomness: Randomness | None = None
        self._rounding_seed = self._vote_seed = b""
        self._vote: Vote | None = None
        self._key: MaskKey | None = None
        self._secrets: MemberSecrets | None = None
        self._part: Recovering | None = None
        self._trained: tuple[FloatVec, FloatVec] | None = None
        self._inputs: dict[GroupContext, Masked | None] = {}
        self._masked: Masked | None = None
        self._group: tuple[Address, ...] = ()

    def register(
        self, session: SessionPort, randomness: Randomness, proof: Sequence[bytes] = (), cohort: int = 0
    ) -> Receipt:
        """Checks the offer against the client's policy and joins with a fresh key and the bond.

        Args:
            session: open for registration.
            randomness: of this member in this session.
            proof: that a Merkle root has this account in it (E28); empty with a list.
            cohort: 0, or `session << 8 | group` of an earlier session, to sit with the same members again (E29).

        Raises:
            ProtocolError: the offer isn't acceptable, or what is published isn't what was hashed.
            Reverted: the contract refused.
        """
        self._check_randomness(randomness)
        params = session.params()
        self._policy.check(params, simulated=self._chain.simulated)
        check_published(session, self._ledger(session), params)
        key, transport = self._take_secrets(session, randomness)
        keys = key.sign(self._chain.chain_id, session.address, self.account, transport)
        return session.register(self.account, keys, params.bond_wei, proof, cohort)

    def rejoin(self, session: SessionPort, randomness: Randomness) -> None:
        """Goes on in a session that an earlier process has registered for, with the secrets of then.

        Raises:
            ProtocolError: a seed on a real chain, or secrets other than those that the account has registered with.
        """
        self._check_randomness(randomness)
        ledger = self._ledger(session)
        key, _ = self._take_secrets(session, randomness)
        if ledger.keys.get(self.account) != (key.x, key.parity):
            raise ProtocolError(
                f"{self.account}: expected the mask key that it has registered, got another one: "
                "its state was kept in another place when it registered, or is lost"
            )

    def _check_randomness(self, randomness: Randomness) -> None:
        if randomness.seeded and not self._chain.simulated:
            raise ProtocolError("keys from a seed: expected the operating system's randomness on a real chain")

    def _take_secrets(self, session: SessionPort, randomness: Randomness) -> tuple[MaskKey, bytes]:
        """Its mask key and its transport key in the session; forgets the one before."""
        self._session, self._randomness = session, randomness
        self._rounding_seed, self._vote_seed = randomness.rounding_seed(), randomness.vote_seed()
        self._trained, self._masked, self._group, self._part, self._vote = None, None, (), None, None
        self._inputs = {}
        if session.params().policy is DropoutPolicy.ABORT:
            self._secrets, self._key = None, randomness.mask_key()
            return self._key, bytes(32)
        self._releases = self._releases or ReleaseLog()
        if not (self._releases.durable or self._chain.simulated):
            raise ProtocolError("releases: expected a log in a file on a real chain, got one in memory")
        self._secrets = randomness.member_secrets()
        self._key = self._secrets.key
        return self._key, self._secrets.transport

    def blocks_left(self, session: SessionPort, event: str) -> int:
        """How many blocks it takes until what the newest event of that name fixed is final.

        Raises:
            ProtocolError: there is no such event.
        """
        depth = self._policy.final_after(self._chain.simulated)
        return blocks_left(self._chain, session, event, depth)

    def objection(self, seats: Seating) -> str | None:
        """Why it declines the group that it was drawn into, in words; None: it doesn't, or has no seat."""
        seat = seats.seat_of(self.account)
        if seat is None:
            return None
        return self._policy.objection(self.account, self._joined().owner(), seats.groups[seat[0]], self._past)

    def decline(self) -> Receipt:
        """Dissolves its group, before it commits to any words."""
        return self._joined().decline(self.account)

    def share(self, seats: Seating, ledger: Ledger) -> Receipt:
        """Deals shares of its secrets to its group, with fresh polynomials for every group; `recover` only."""
        self._part = self._part_in(seats, ledger)
        return self._part.share(self._sharing_seed())

    def share_again(self, seats: Seating, ledger: Ledger) -> None:
        """Takes up its part in a group in which an earlier process has shared; sends nothing.

        Raises:
            ProtocolError: the shares can't be made again.
        """
        self._part = self._part_in(seats, ledger)
        self._part.share_again(self._sharing_seed(), ledger.sharing[self._part.group])

    def _sharing_seed(self) -> bytes | None:
        assert self._randomness is not None
        return self._randomness.sharing_seed(self.part.group, self._group)

    def _part_in(self, seats: Seating, ledger: Ledger) -> Recovering:
        session = self._joined()
        context = self._context(session, seats, ledger)
        if self._secrets is None or self._releases is None or self._randomness is None:
            raise ProtocolError(f"{self.account} has no secrets to share: expected a session with policy recover")
        self._group = seats.groups[context.group]
        transports = [ledger.transports[peer] for peer in self._group]
        return Recovering(
            chain=self._chain,
            session=session,
            members=self._group,
            place=context.place,
            group=context.group,
            recovery=Recovery(Codec(session.params()), self._secrets, context, transports),
            releases=self._releases,
            finality_blocks=self._policy.final_after(self._chain.simulated),
        )

    @property
    def part(self) -> Recovering:
        """What it does in the group that it has shared in."""
        if self._part is None:
            raise ProtocolError(f"{self.account} has shared nothing")
        return self._part

    def mask(self, weights: FloatVec, published: FloatVec, seats: Seating, ledger: Ledger) -> bool:
        """Encodes and masks the trained weights for its group; False: the member drops out.

        With policy `recover` for those of the group who have shared. Drawn again, it masks the same integers anew, for
        its new peers: the weights of its first time count. It keeps both vectors themselves, which nobody can write to
        from then on: copies take too much memory.
        """
        session = self._joined()
        self.keep(weights, published)
        context = self._context(session, seats, ledger)
        if self._part is not None:
            self._part.expect_sharers()
            self._masked = self._mask(session, context)
        else:
            if context not in self._inputs:
                self._inputs[context] = self._mask(session, context)
            self._masked = self._inputs[context]
            self._group = seats.groups[context.group]
        return self._masked is not None

    def keep(self, weights: FloatVec, published: FloatVec) -> None:
        """The first weights of a session are the ones that it masks, however often, and votes by."""
        if self._trained is None:
            weights.flags.writeable = published.flags.writeable = False
            self._trained = (weights, published)

    def commit(self, weights: FloatVec, published: FloatVec, seats: Seating, ledger: Ledger) -> Receipt | None:
        """Masks the trained weights, keeps the words, commits to them; None when the member drops out."""
        return self.commit_masked() if self.mask(weights, published, seats, ledger) else None

    def commit_masked(self) -> Receipt:
        """Commits to the words that `mask` has made."""
        return self._joined().commit(self.account, self.root)

    def upload(self) -> list[Receipt]:
        """Uploads the masked words, chunk by chunk: these bytes or nothing."""
        masked = self._committed()
        if isinstance(masked, BlobInput):
            return [self.upload_chunk(chunk) for chunk in range(0, len(masked.blobs), MOST_BLOBS)]
        return [self.upload_chunk(chunk) for chunk in range(len(masked.chunk_hashes))]

    def upload_chunk(self, chunk: int) -> Receipt:
        """Uploads one chunk of the masked words, or the blobs from that one on that a transaction carries."""
        session, masked = self._joined(), self._committed()
        self._past.add(session.owner(), self._group)
        if isinstance(masked, BlobInput):
            return session.post(self.account, masked.post(chunk))
        hashes = masked.chunk_hashes if self._part is None else []
        return session.upload(self.account, chunk, masked.chunk(chunk), hashes)

    def reveal(self, ledger: Ledger) -> Receipt:
        """Reveals its self mask and the shares that are due: the sum of those who delivered becomes known."""
        session, part = self._joined(), self.part
        delivered = session.group(part.group).delivered
        self._past.add(session.owner(), [a for place, a in enumerate(self._group) if delivered >> place & 1])
        return part.reveal(ledger.sharing[part.group])

    def judge(self, seats: Seating, sums: Sums) -> bool:
        """Makes up its mind about the aggregated groups, by the step that it has uploaded; False: it doesn't vote."""
        session, seat = self._joined(), seats.seat_of(self.account)
        if self._trained is None or seat is None:
            raise ProtocolError(f"{self.account} has no step to vote by")
        step = sums.codec.encode_plain(*self._trained, self._rounding_seed).words
        against = self._behaviour.vote(Ballot(step, seat[0], sums, seats))
        if against is not None and self._policy.vote_flip:
            against = flipped(against, sums.groups, self._vote_seed)
        scope = self._chain.chain_id, session.address, self.account
        self._vote = None if against is None else Vote.of(against, sums.groups, self._vote_seed, scope)
        return self._vote is not None

    def vote(self) -> Receipt:
        """Commits to the vote that `judge` has come to."""
        return self._joined().vote(self.account, self.its_vote.commitment)

    def open_vote(self) -> Receipt:
        """Opens what it has committed to."""
        vote = self.its_vote
        return self._joined().open_vote(self.account, vote.bits, vote.salt)

    @property
    def its_vote(self) -> Vote:
        """What `judge` has come to."""
        if self._vote is None:
            raise ProtocolError(f"{self.account} has no vote")
        return self._vote

    def withdraw(self) -> Receipt:
        """Takes out what the session owes this account."""
        return self._joined().withdraw(self.account)

    @property
    def root(self) -> bytes:
        """What it commits to, 32 bytes: to its masked words (E13) or blobs (B2), with its account."""
        return commitment(self.account, self._committed().root)

    @property
    def clipped(self) -> int:
        """How many values of the committed input were clipped."""
        return self._committed().clipped

    def _context(self, session: SessionPort, seats: Seating, ledger: Ledger) -> GroupContext:
        seat = seats.seat_of(self.account)
        if seat is None:
            raise ProtocolError(f"{self.account} has no seat in this session")
        group, place = seat
        return GroupContext(
            chain_id=self._chain.chain_id,
            session=session.address,
            group=group,
            place=place,
            model_hash=session.model_hash(),
            peers=tuple(ledger.keys[peer] for peer in seats.groups[group]),
        )

    def _mask(self, session: SessionPort, context: GroupContext) -> Masked | None:
        if self._key is None or self._trained is None:
            raise ProtocolError(f"{self.account} has not registered for a session")
        weights, published = self._trained
        recovery = None if self._part is None else self._part.recovery
        params = session.params()
        upload = Upload(params, Codec(params), published, weights, self._key, context, self._rounding_seed, recovery)
        return self._behaviour.masked_input(upload)

    def _ledger(self, session: SessionPort) -> Ledger:
        return Ledger.read(log for _, log in self._chain.logs(session.address))

    def _joined(self) -> SessionPort:
        if self._session is None:
            raise ProtocolError(f"{self.account} has not registered for a session")
        return self._session

    def _committed(self) -> Masked:
        if self._masked is None:
            raise ProtocolError(f"{self.account} has not committed to any words")
        return self._masked


def check_published(session: SessionPort, ledger: Ledger, params: SessionParams) -> FloatVec:
    """W^p as published, shape (d,), after checking it and the parameters against the contract's hashes (E1, E7).

    Raises:
        ProtocolError: a hash differs.
    """
    published = codec.published_hash(ledger.published)
    if published != session.published_hash():
        raise ProtocolError("published_hash: the words in the events aren't the ones that the contract hashed")
    if codec.model_hash(params, published) != session.model_hash():
        raise ProtocolError("model_hash: parameters and published words don't give the contract's hash")
    return codec.from_float_words(b"".join(ledger.published), params.parameter_count)
