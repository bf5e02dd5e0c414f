"""A vault in memory."""

from __future__ import annotations


class Kept(dict[str, bytes]):
    """What `AccountJournal.put` and `kept` do; fails to take what it is told to while it is `full`."""

    full = False

    def put(self, name: str, content: bytes) -> None:
        if self.full:
            raise OSError("no room")
        self[name] = content

    def kept(self, name: str) -> bytes | None:
        return self.get(name)

    def keep(self, name: str, content: bytes) -> bytes:
        raise AssertionError

    def secret(self, name: str) -> bytes:
        raise AssertionError
