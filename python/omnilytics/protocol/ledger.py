"""What the logs of a session say: the contract stores hashes, its events carry the vectors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from omnilytics.chain.abi import decode_log
from omnilytics.types import Address, Log


@dataclass(frozen=True, slots=True)
class Selection:
    """What `select` decided: bitmaps over group ids, and wei to each member of a paid group."""

    accepted: int
    paid: int
    unselected: bool
    share_wei: int


@dataclass(slots=True)
class Ledger:
    """A session's vectors and keys, gathered from its logs.

    `keys` is in order of registration; `uploads[group, chunk]` is in order of upload, as `aggregate` wants them.
    """

    published: list[bytes] = field(default_factory=list)
    keys: dict[Address, tuple[int, int]] = field(default_factory=dict)
    uploads: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    aggregates: dict[tuple[int, int], bytes] = field(default_factory=dict)
    products: list[int] = field(default_factory=list)
    selected: Selection | None = None

    @classmethod
    def read(cls, logs: Iterable[Log]) -> Ledger:
        """Builds the ledger from raw logs, oldest first; logs of other events are passed over."""
        ledger = cls()
        ledger.extend(logs)
        return ledger

    def extend(self, logs: Iterable[Log]) -> None:
        """Takes in later logs."""
        for log in logs:
            decoded = decode_log(log)
            if decoded is not None:
                self._add(*decoded)

    def _add(self, name: str, values: dict[str, object]) -> None:
        match name:
            case "Published":
                self.published.append(_bytes(values["words"]))
            case "Registered":
                self.keys[Address(str(values["member"]))] = (_int(values["x"]), _int(values["parity"]))
            case "Uploaded":
                self.uploads.setdefault((_int(values["group"]), _int(values["chunk"])), []).append(
                    _bytes(values["words"])
                )
            case "Aggregated":
                self.aggregates[_int(values["group"]), _int(values["chunk"])] = _bytes(values["words"])
            case "GramAdded":
                products = values["products"]
                assert isinstance(products, list | tuple)
                self.products = [_int(p) for p in products]
            case "Selected":
                self.selected = Selection(
                    accepted=_int(values["accepted"]),
                    paid=_int(values["paid"]),
                    unselected=bool(values["unselected"]),
                    share_wei=_int(values["share_wei"]),
                )
            case _:
                pass

    def aggregate(self, group: int, chunks: int) -> bytes:
        """The whole aggregate A_r of a group, as words."""
        return b"".join(self.aggregates[group, chunk] for chunk in range(chunks))


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
