"""The chain port: what the protocol needs of a chain, in the protocol's verbs. Nothing here knows a backend."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from omnilytics.blobs.blob import Blob, Blobs, WrongElement
from omnilytics.blobs.partial import PartialPacked, PartialProof
from omnilytics.types import (
    Address,
    Alumnus,
    Disclosure,
    GroupView,
    Keys,
    Log,
    MemberView,
    Money,
    Opening,
    Receipt,
    SessionParams,
    Stage,
    VoteView,
)


class MarketPort(Protocol):
    """`Market.vy`, seen from Python."""

    @property
    def address(self) -> Address: ...

    def create_session(self, sender: Address) -> tuple[Address, Receipt]:
        """Clones a session owned by `sender`."""

    def sessions(self) -> list[Address]:
        """All sessions, oldest first."""

    def opened(self) -> list[tuple[Address, Address]]:
        """(session, its owner) of all, oldest first, from the market's events: one look at the logs, however many."""

    def min_window_secs(self) -> int:
        """The shortest window that its sessions may set, seconds."""

    def suspicion(self, owner: Address, account: Address) -> int | None:
        """What the market remembers of a data owner with one model owner, 0..2^16; None: nothing (E27)."""


class SessionPort(Protocol):
    """One clone of `SecModelUpdate.vy`.

    Every write takes its sender, waits for the receipt and raises `Reverted` or `ChainError`.
    """

    @property
    def address(self) -> Address: ...

    def whitelist(self, sender: Address, members: Sequence[Address]) -> Receipt:
        """The owner adds accounts that may register; stage Setup, 1..256 a call."""

    def set_whitelist_root(self, sender: Address, root: bytes, capacity: int) -> Receipt:
        """The owner lets in whoever proves to be under a Merkle root (E28), up to `capacity`; instead of a list."""

    def publish(self, sender: Address, chunk: int, words: bytes) -> Receipt:
        """The owner publishes the next chunk of W^p (PROTOCOL.md section 4), 32 bytes a word; `chunk` counts from 0."""

    def start(self, sender: Address, params: SessionParams, value_wei: int) -> Receipt:
        """The owner freezes whitelist, W^p and parameters, and opens registration.

        Args:
            sender: the session's owner.
            params: the session's terms.
            value_wei: the reward and the reserve (E18).
        """

    def register(
        self, sender: Address, keys: Keys, bond_wei: int, proof: Sequence[bytes] = (), cohort: int = 0
    ) -> Receipt:
        """An account joins with a fresh mask key and its bond; stage Register.

        Args:
            sender: who joins.
            keys: its mask key, and with `recover` the one that shares are sealed to.
            bond_wei: what `params` ask for.
            proof: the siblings from its leaf up, 32 bytes each; empty with a list (E28).
            cohort: 0, or an earlier session and group (E29).
        """

    def draw(self, sender: Address) -> Receipt:
        """Anyone closes registration after its window, then seats the registered, or the survivors of failed groups."""

    def decline(self, sender: Address) -> Receipt:
        """A seated member dissolves its group, before it commits or shares; it pays its fees' worth to the others."""

    def commit(self, sender: Address, root: bytes) -> Receipt:
        """A seated member commits to its words, before anybody uploads: `root` (E13), 32 bytes."""

    def share(self, sender: Address, root: bytes, points: bytes, sealed: bytes) -> Receipt:
        """A seated member deals shares of its secrets to its group.

        Args:
            sender: in stage Share, while sharing is open, once.
            root: of the addresses of the points (E32), 32 bytes.
            points: E32.
            sealed: E33.
        """

    def object_to(self, sender: Address, place: int) -> Receipt:
        """A member that has shared dissolves its group, because of that place's shares; when sharing is closed."""

    def upload(self, sender: Address, chunk: int, words: bytes, chunk_hashes: Sequence[bytes]) -> Receipt:
        """A member delivers its next chunk, 32 bytes a word.

        The hashes are those of all its chunks, to which it has committed; with `recover` there are none.
        """

    def post(self, sender: Address, blobs: Sequence[Blob]) -> Receipt:
        """A member delivers its next blobs: six, in the end what is left of those that it has committed to."""

    def correct(self, sender: Address, blobs: Sequence[Blob]) -> Receipt:
        """A member posts the next blobs of its group's correction: six, in the end what is left; in stage Correct."""

    def refute_correction(
        self, sender: Address, group: int, found: WrongElement, minus: Sequence[bytes], plus: Sequence[bytes]
    ) -> Receipt:
        """Anyone shows an element of a group's correction that the seeds don't give; in stage Accuse.

        Args:
            sender: anybody.
            group: whose correction.
            found: the element, and that it is there.
            minus: seeds of the group's `Disclosed`, 32 bytes each.
            plus: likewise.
        """

    def accuse(self, sender: Address, commitment: bytes, bond_wei: int) -> Receipt:
        """Anyone commits to an accusation (docs/BLOBS.md B9), with the session's bond; in stage Accuse, first."""

    def refute(
        self,
        sender: Address,
        index: int,
        element: int,
        salt: bytes,
        witness: bytes,
        accounts: Sequence[Address],
        points: bytes,
    ) -> Receipt:
        """Opens the sender's accusation: an element of a group's sum that isn't in range; in stage Accuse, second.

        Args:
            sender: who has accused.
            index: of the element in the whole vector.
            element: of the sum, below q.
            salt: of the commitment, 32 bytes.
            witness: that the sum has it there, 48 bytes.
            accounts: the group's members, in order of place; with `recover` those who have delivered.
            points: the commitments of their uploads, 128 bytes each, upload by upload, and of a correction.
        """

    def add_sums(self, sender: Address, accounts: Sequence[Address], points: bytes) -> Receipt:
        """Anyone adds the uploads of the next live groups, by their commitments; in stage Aggregate.

        Args:
            sender: anybody.
            accounts: the members of one group or more, in order of seat; with `recover` those who have delivered.
            points: the commitments of their uploads, 128 bytes each, of each group its correction's next.
        """

    def select_proven(self, sender: Address, products: Sequence[int], evidence: bytes) -> Receipt:
        """Anyone applies the rule to proven norms, or with `krum` products, modulo q; blobs only, in stage Select.

        `evidence` is the sums of all live groups, 128 bytes each, and the proof (docs/BLOBS.md B6).
        """

    def select_packed(self, sender: Address, products: Sequence[int], evidence: bytes) -> Receipt:
        """`select_proven` where values are packed: `evidence` has the lanes of all sums too (docs/BLOBS.md B14)."""

    def continue_packed(self, sender: Address, begun: PartialPacked, evidence: bytes) -> Receipt:
        """`continue_proof` where values are packed.

        Args:
            sender: whose proof it is.
            begun: what its last call has left; `PartialPacked.beginning` in the first one.
            evidence: lanes, of all groups one behind the other, an even number unless they are the last ones; their
                helpers, 128 bytes each, their openings.
        """

    def finish_packed(self, sender: Address, begun: PartialPacked, products: Sequence[int], evidence: bytes) -> Receipt:
        """`select_packed` of a proof that is in but for what is left of it; its calls are paid now."""

    def continue_proof(self, sender: Address, begun: PartialProof, evidence: bytes) -> Receipt:
        """Anyone sends the next sums of a proof that is too long for a call; a beginning replaces what it had begun.

        Args:
            sender: whose proof it is.
            begun: what its last call has left; `PartialProof.beginning` in the first one.
            evidence: sums, 128 bytes each, then their openings, with `krum` all c, 32 bytes each.
        """

    def finish_proof(self, sender: Address, begun: PartialProof, products: Sequence[int], evidence: bytes) -> Receipt:
        """`select_proven` of a proof that is in but for what is left of it; its calls are paid now."""

    def reveal(self, sender: Address, secret: int, addresses: bytes, openings: Sequence[Opening]) -> Receipt:
        """A member that has delivered reveals its self mask, and its shares of the keys of all who haven't.

        Args:
            sender: the member; in stage Reveal, once.
            secret: b.
            addresses: its own (E32).
            openings: of all who have shared and not delivered, in order of place.
        """

    def reveal_shares(self, sender: Address, openings: Sequence[Opening]) -> Receipt:
        """A member that has revealed lends its shares of the self masks that aren't known, in order of place.

        In the third quarter of stage Reveal, once.
        """

    def rebuild(
        self, sender: Address, dealer: Address, addresses: bytes, holders: int, shares: Sequence[int]
    ) -> Receipt:
        """Anyone has the contract rebuild a secret from T revealed shares, or name the dealer whose shares are bad.

        Args:
            sender: anybody, in stage Reveal.
            dealer: whose secret.
            addresses: of the dealer (E32).
            holders: bitmap over places, of T.
            shares: theirs, in order of place.
        """

    def disclose(self, sender: Address, group: int, disclosures: Sequence[Disclosure]) -> Receipt:
        """Anyone has the contract derive the seeds of an open group's masks; of all who have shared, in order."""

    def unmask(
        self,
        sender: Address,
        group: int,
        chunk: int,
        words: Sequence[bytes],
        minus: Sequence[bytes],
        plus: Sequence[bytes],
    ) -> Receipt:
        """Anyone has the contract add the uploads of a chunk and take their masks off (E36).

        Args:
            sender: anybody, in stage Aggregate.
            group: one that has been disclosed.
            chunk: the next one.
            words: the uploads of that chunk of all who have delivered, in order of place; the call carries them joined.
            minus: seeds of the group's `Disclosed`, 32 bytes each.
            plus: likewise.
        """

    def aggregate(self, sender: Address, group: int, chunk: int, words: Sequence[bytes]) -> Receipt:
        """`words`: the uploads of that chunk in the order in which they were uploaded; the call carries them joined."""

    def gram(self, sender: Address, chunk: int, words: Sequence[bytes], products: Sequence[int]) -> Receipt:
        """`words`: the aggregates of that chunk of all groups of P in order of id, joined likewise."""

    def select(self, sender: Address, products: Sequence[int]) -> Receipt:
        """Anyone applies the session's rule; `products` are the last `GramAdded`'s, empty but with rule `krum`."""

    def vote(self, sender: Address, commitment: bytes) -> Receipt:
        """A member of U commits to its vote on the groups (E38, 32 bytes), rule `norm+vote`.

        In stage Vote, before `VotingClosed`, once.
        """

    def open_vote(self, sender: Address, bits: int, salt: bytes) -> Receipt:
        """A member that has voted opens its vote, after `VotingClosed`, once.

        Args:
            sender: the member.
            bits: bitmap over group ids: the live groups that it is against.
            salt: 32 bytes, of the commitment.
        """

    def settle(self, sender: Address, group: int, members: Sequence[Address]) -> Receipt:
        """Anyone credits the members of a decided group, given in order of place, and changes their records."""

    def withdraw(self, sender: Address) -> Receipt:
        """Pays the sender its credit."""

    def withdraw_for(self, sender: Address, account: Address) -> Receipt:
        """Pays an account its credit, whoever sends this."""

    def exit(self, sender: Address) -> Receipt:
        """The owner ends the session; only before registration is closed."""

    def advance(self, sender: Address) -> Receipt:
        """Anyone moves the session over a deadline that has passed."""

    def owner(self) -> Address: ...
    def market(self) -> Address: ...
    def stage(self) -> Stage: ...
    def deadline(self) -> int:
        """Unix time after which `advance` moves the stage, seconds; 0 when it has none."""

    def params(self) -> SessionParams:
        """What `start` was given."""

    def published_hash(self) -> bytes:
        """E7, 32 bytes; zero before the first chunk."""

    def model_hash(self) -> bytes:
        """E1, 32 bytes."""

    def capacity(self) -> int:
        """How many may register."""

    def whitelist_root(self) -> bytes:
        """The Merkle root, 32 bytes; zero with a list."""

    def reserve(self) -> int:
        """Wei that are left for fees."""

    def registered_count(self) -> int: ...
    def draw_block(self) -> int:
        """The block whose hash seeds the next draw; 0 before registration is closed and with `greedy`."""

    def seed(self) -> bytes:
        """The draw's seed, 32 bytes; zero before the draw and with `greedy`."""

    def second_seed(self) -> bytes:
        """The second draw's seed, 32 bytes; zero without one and with `greedy`."""

    def first_groups(self) -> int:
        """Groups of the first commitment round; 0 while it isn't over."""

    def alumnus(self, account: Address) -> Alumnus:
        """What a later session asks about an account of this one."""

    def group_count(self) -> int: ...
    def member(self, account: Address) -> MemberView: ...
    def group(self, group_id: int) -> GroupView: ...
    def ballot(self, account: Address) -> VoteView:
        """An account's vote."""

    def votes_cast(self) -> int:
        """Votes that were opened."""

    def votes_against(self, group_id: int) -> int:
        """Opened votes against a group."""

    def sums_root(self) -> bytes:
        """With blobs, the root of the sums so far (docs/BLOBS.md B2), 32 bytes; else zero."""

    def correction(self, group_id: int) -> bytes:
        """With blobs and `recover`, the fold of the versioned hashes of a group's correction, 32 bytes; else zero."""

    def accusation(self, account: Address) -> bytes:
        """What an account has accused by and not opened, 32 bytes; zero: nothing."""

    def refuted_count(self) -> int:
        """Groups whose sums were refuted."""

    def accepted(self) -> int:
        """Bitmap over group ids; 0 before `select`."""

    def unselected(self) -> bool:
        """Whether all delivered groups are paid because no rule chose among them."""

    def credit_of(self, account: Address) -> int:
        """Wei that `withdraw` would pay the account now."""

    def money(self) -> Money: ...


class ChainPort(Protocol):
    """A chain: time, balances, deployment, logs."""

    @property
    def chain_id(self) -> int: ...

    @property
    def simulated(self) -> bool:
        """Whether nobody but this process is on it; only then may a seed drive keys, masks and rounding."""

    def steady(self) -> AbstractContextManager[None]:
        """Within it, all that this thread is told is as of one block, until it sends or waits."""

    def block_number(self) -> int: ...
    def timestamp(self) -> int:
        """Unix time of the newest block, in seconds."""

    def wait_until(self, timestamp: int) -> None:
        """Returns once a block with at least this timestamp exists."""

    def wait_blocks(self, count: int) -> None:
        """Returns once `count` more blocks exist."""

    @property
    def blobs(self) -> Blobs:
        """Where the blobs are that this client has sent or got: a chain names them, and doesn't keep them."""

    def balance(self, account: Address) -> int:
        """Wei."""

    def deploy_market(self, sender: Address, min_window_secs: int) -> MarketPort:
        """Deploys the contracts and a market over them, whose sessions keep windows of at least `min_window_secs`."""

    def market(self, address: Address) -> MarketPort: ...
    def session(self, address: Address) -> SessionPort: ...
    def logs(self, address: Address, from_block: int = 0) -> list[tuple[int, Log]]:
        """(block number, log) of that contract, oldest first."""
