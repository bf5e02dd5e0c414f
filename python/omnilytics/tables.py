"""The two tables that a session's parameters hold as one number each: what calls are paid, how records change.

PROTOCOL.md sections 9 and 10. `types` has their names too.
"""

from __future__ import annotations

from dataclasses import dataclass

from omnilytics.errors import InputError

HUNDRED = 100
"""Limits of calls are packed in units of so much gas."""

_TABLE = {
    "token_gas": (8, 1),
    "floor_gas": (8, 1),
    "base_gas": (24, 1),
    "register": (16, HUNDRED),
    "commit": (16, HUNDRED),
    "select": (16, HUNDRED),
    "settle": (16, HUNDRED),
    "move": (16, HUNDRED),
    "upload": (16, HUNDRED),
    "upload_word": (16, 1),
    "aggregate": (16, HUNDRED),
    "aggregate_word": (16, 1),
    "gram": (16, HUNDRED),
    "gram_word": (16, 1),
}
"""Fields of the fee table from the lowest bit: bits, and gas a unit (E17)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTable:
    """What each call is paid back at most (E17); every field in gas, whatever unit it is packed in.

    The first three are the fork's prices of a token of calldata, of a token at the floor (EIP-7623), of a transaction.
    The others limit a call: 0 to 6,553,500 in hundreds, `*_word` 0 to 65,535 for each word of vectors in it.

    Attributes:
        token_gas: 0..255.
        floor_gas: 0..255.
        base_gas: 0..2^24-1.
        move: of a change of stage, on top of the limit of the call that caused it.

    Raises:
        InputError: a field out of its range, or a limit that isn't whole hundreds.
    """

    token_gas: int = 4
    floor_gas: int = 10
    base_gas: int = 21_000
    register: int
    commit: int
    select: int
    settle: int
    move: int
    upload: int
    upload_word: int
    aggregate: int
    aggregate_word: int
    gram: int
    gram_word: int

    def __post_init__(self) -> None:
        for name, (bits, unit) in _TABLE.items():
            value, most = getattr(self, name), (2**bits - 1) * unit
            if not 0 <= value <= most:
                raise InputError(f"fee table, {name}: expected 0..{most} gas, got {value}")
            if value % unit:
                raise InputError(f"fee table, {name}: expected a multiple of {unit} gas, got {value}")

    def pack(self) -> int:
        """The table as one number, below 2^216 (E17)."""
        packed = place = 0
        for name, (bits, unit) in _TABLE.items():
            packed |= getattr(self, name) // unit << place
            place += bits
        return packed

    @classmethod
    def unpack(cls, packed: int) -> FeeTable:
        """The table that `pack` made a number of.

        Raises:
            InputError: not within 0..2^216-1.
        """
        fields: dict[str, int] = {}
        left = packed
        for name, (bits, unit) in _TABLE.items():
            fields[name] = (left & ((1 << bits) - 1)) * unit
            left >>= bits
        if left:
            raise InputError(f"fee table: expected 0..2^216-1, got {packed}")
        return cls(**fields)

    def an_upload(self, words: int, chunks: int) -> int:
        """Most gas that one member's upload is paid, all its chunks."""
        return chunks * self.upload + self.upload_word * words

    def an_aggregation(self, words: int, chunks: int, members: int) -> int:
        """Most gas that aggregating one group is paid, all its chunks."""
        return chunks * self.aggregate + self.aggregate_word * members * words

    def the_products(self, words: int, chunks: int, groups: int) -> int:
        """Most gas that the Gram matrix of so many groups is paid, all its chunks."""
        return chunks * self.gram + self.gram_word * groups * words


GWEI_WEI = 10**9
"""Fees are whole gwei (E25)."""

SUSPICION_ONE = 2**16
"""The largest suspicion: a member that is always blamed comes near it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConstants:
    """How a session reads and writes members' records (PROTOCOL.md section 10).

    Attributes:
        decay: D, 0..2^16-1: an existing suspicion loses its D-th part at each registration; 0: nothing.
        weight: 2..255: the past counts weight - 1 times what the newest session says.
        newcomer: 0..2^16, the suspicion of who has no record.
        threshold: 1..2^16: from here on a member is suspect.

    Raises:
        InputError: a field out of its range.
    """

    decay: int = 50
    weight: int = 4
    newcomer: int = 2**14
    threshold: int = 2**15

    def __post_init__(self) -> None:
        for name, (least, most) in _CONSTANTS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"record constants, {name}: expected {least}..{most}, got {value}")

    def pack(self) -> int:
        """The constants as one number, below 2^58 and never 0 (PROTOCOL.md section 10)."""
        return self.decay | self.weight << 16 | self.newcomer << 24 | self.threshold << 41

    @classmethod
    def unpack(cls, packed: int) -> RecordConstants:
        """The constants that `pack` made a number of.

        Raises:
            InputError: not within 0..2^58-1, or a field out of its range.
        """
        if not 0 <= packed < 2**58:
            raise InputError(f"record constants: expected 0..2^58-1, got {packed}")
        return cls(
            decay=packed & 0xFFFF,
            weight=packed >> 16 & 0xFF,
            newcomer=packed >> 24 & 0x1FFFF,
            threshold=packed >> 41 & 0x1FFFF,
        )

    def decayed(self, suspicion: int | None) -> int:
        """What a member registers with: its suspicion after decay (E26), or a newcomer's; 0..2^16."""
        if suspicion is None:
            return self.newcomer
        return suspicion - (suspicion // self.decay if self.decay else 0)

    def after(self, suspicion: int | None, blamed: bool) -> int:
        """A member's suspicion once a session has said its word about it (E27); 0..2^16."""
        past = self.newcomer if suspicion is None else suspicion
        return (past * (self.weight - 1) + SUSPICION_ONE * blamed) // self.weight


_CONSTANTS = {
    "decay": (0, 2**16 - 1),
    "weight": (2, 2**8 - 1),
    "newcomer": (0, SUSPICION_ONE),
    "threshold": (1, SUSPICION_ONE),
}
"""Fields of the record constants from the lowest bit: least and largest value."""
