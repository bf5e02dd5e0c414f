"""Where keys and rounding get their randomness: the operating system, or, in simulations alone, a seed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from omnilytics.codec import MaskKey, MemberSecrets
from omnilytics.seeds import Seeds
from omnilytics.types import Address


class Randomness(Protocol):
    """The secrets of one member in one session."""

    @property
    def seeded(self) -> bool:
        """Whether a seed stands behind it; only simulated chains accept that."""

    def mask_key(self) -> MaskKey:
        """Of a member of a session with policy `abort`."""

    def member_secrets(self) -> MemberSecrets:
        """Of a member of a session with policy `recover`."""

    def sharing_seed(self, group: int, members: Sequence[Address]) -> bytes | None:
        """What its polynomials in a group of these members are drawn from, 32 bytes, another for each group.

        None: the operating system's randomness, which can't be had again after a crash.
        """

    def rounding_seed(self) -> bytes:
        """32 bytes, the same for all that the member masks in the session."""

    def vote_seed(self) -> bytes:
        """32 bytes that the member's vote is hidden by until it is opened, the same for the session."""


class SystemRandomness:
    """The operating system's randomness: the only kind for a chain with other people on it."""

    seeded = False

    def mask_key(self) -> MaskKey:
        return MaskKey.generate()

    def member_secrets(self) -> MemberSecrets:
        return MemberSecrets.generate()

    def sharing_seed(self, group: int, members: Sequence[Address]) -> bytes | None:
        return None

    def rounding_seed(self) -> bytes:
        return secrets.token_bytes(32)

    def vote_seed(self) -> bytes:
        return secrets.token_bytes(32)


class Vault(Protocol):
    """What keeps secrets over a crash: `chain.journal.AccountJournal`."""

    def secret(self, name: str) -> bytes:
        """32 bytes of the operating system's randomness of that name: the same again and again."""

    def keep(self, name: str, content: bytes) -> bytes:
        """What was first kept under that name."""

    def put(self, name: str, content: bytes) -> None:
        """Keeps it in place of what was kept under that name."""

    def kept(self, name: str) -> bytes | None:
        """What is kept under that name; None: nothing."""


class DurableRandomness:
    """The operating system's randomness, drawn once for a session and kept: after a crash a member has the same keys.

    Without it a member that registered and crashed couldn't lift its own masks. Polynomials are bound to the members of
    the group: dealt to others, as after a chain that went back, the same ones would let colluders of both groups pool
    their shares.

    Args:
        vault: of the member's account.
        session: whose secrets.
    """

    seeded = False

    def __init__(self, vault: Vault, session: Address) -> None:
        self._vault = vault
        self._session = session

    def mask_key(self) -> MaskKey:
        return MaskKey.from_seed(self._secret("mask-key"))

    def member_secrets(self) -> MemberSecrets:
        return MemberSecrets.from_seed(self._secret("member-secrets"))

    def sharing_seed(self, group: int, members: Sequence[Address]) -> bytes | None:
        return self._secret(f"sharing/{group}/{'/'.join(members)}")

    def rounding_seed(self) -> bytes:
        return self._secret("rounding")

    def vote_seed(self) -> bytes:
        return self._secret("vote")

    def _secret(self, name: str) -> bytes:
        return self._vault.secret(f"{self._session}/{name}")


@dataclass(frozen=True, slots=True, repr=False)
class SeededRandomness:
    """Repeatable secrets for simulations: whoever knows the seed can lift every mask."""

    seeds: Seeds
    member: int
    session: int

    @property
    def seeded(self) -> bool:
        return True

    def mask_key(self) -> MaskKey:
        return MaskKey.from_seed(self.seeds.bytes("mask-key", self.member, self.session))

    def member_secrets(self) -> MemberSecrets:
        return MemberSecrets.from_seed(self.seeds.bytes("member-secrets", self.member, self.session))

    def sharing_seed(self, group: int, members: Sequence[Address]) -> bytes | None:
        return self.seeds.bytes("sharing", self.member, self.session, group)

    def rounding_seed(self) -> bytes:
        return self.seeds.bytes("rounding", self.member, self.session)

    def vote_seed(self) -> bytes:
        return self.seeds.bytes("vote", self.member, self.session)
