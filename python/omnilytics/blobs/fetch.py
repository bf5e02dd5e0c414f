"""Blobs from who still has them: peers' archives, and the API of beacon nodes for 18 days. Both may lie, and stall."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic_core import from_json

from omnilytics.blobs.archive import Archive
from omnilytics.blobs.blob import BLOB_BYTES, COMMITMENT_BYTES, Blob, versioned_hash
from omnilytics.blobs.server import PREFIX
from omnilytics.errors import DataError, InputError

ANSWER_SECS = 60.0
"""How long one answer may take in all."""

SILENCE_SECS = 10.0
"""How long its next bytes may."""

MOST_IN_BLOCK = 128
"""Blobs of one beacon block that are looked at; forks allow fewer."""

MOST_JSON_BYTES = MOST_IN_BLOCK * (2 * BLOB_BYTES + 4096)

BLOCK_ID = re.compile(r"head|genesis|justified|finalized|[0-9]{1,20}|0x[0-9a-fA-F]{64}")

_PART = 1 << 16


@dataclass(frozen=True, slots=True)
class Source:
    """Where blobs may be had; `name` is what errors say of it: paths and queries of URLs may be secrets."""

    url: str
    name: str

    @classmethod
    def of(cls, url: str) -> Source:
        """Of an http or https URL.

        Raises:
            InputError: another one.
        """
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise InputError("blobs: expected an http or https URL with a host, got a malformed one") from None
        plain = url.isascii() and url.isprintable() and " " not in url
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not plain:
            raise InputError(f"blobs: expected an http or https URL with a host alone, got one of {parts.scheme!r}")
        if parts.query or parts.fragment:
            raise InputError(f"blobs: expected a URL without query and fragment, got one at {parts.hostname}")
        return cls(url.rstrip("/"), f"{parts.scheme}://{parts.hostname}{port}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one name: whether it was kept, or there already, and else what each source said."""

    name: bytes
    kept: bool
    there: bool
    problems: tuple[str, ...]


def fetch(
    archive: Archive, names: Sequence[bytes], peers: Sequence[str], beacons: Sequence[str] = (), block_id: str = ""
) -> list[Fetched]:
    """Keeps what is missing of some blobs, from the first source that has each.

    Args:
        archive: where they are kept.
        names: versioned hashes.
        peers: URLs of archives.
        beacons: URLs of beacon nodes, asked for what no peer has.
        block_id: of the block that carries them: a slot, a root, `head`, `finalized`, `justified` or `genesis`.

    Raises:
        InputError: a URL or block that isn't one; a beacon node and no block.
        DataError: the archive is full, or can't be written.
    """
    from_peers, from_beacons = [Source.of(url) for url in peers], [Source.of(url) for url in beacons]
    if from_beacons:
        check_block_id(block_id)
    have, asked = set(archive.names()), list(dict.fromkeys(names))
    wanted = [name for name in asked if name not in have]
    problems: dict[bytes, list[str]] = {name: [] for name in wanted}
    kept: set[bytes] = set()
    for source in from_peers:
        for name in [one for one in wanted if one not in kept]:
            for blob in _tried(problems, [name], partial(_alone, source, name)):
                kept |= {name} if archive.keep(blob) else set()
    for source in from_beacons:
        left = [one for one in wanted if one not in kept]
        if left:
            for blob in _tried(problems, left, partial(from_beacon, source, block_id, left)):
                kept |= {blob.versioned_hash} if archive.keep(blob) else set()
    return [Fetched(n, n in kept, n in have, tuple(problems.get(n, ())) if n not in kept else ()) for n in asked]


class Fetching:
    """An archive that asks peers for what it hasn't got; what they give is checked and kept.

    Args:
        archive: where blobs are kept.
        peers: URLs of others' archives.

    Raises:
        InputError: a URL that isn't one.
    """

    def __init__(self, archive: Archive, peers: Sequence[str] = ()) -> None:
        self._archive = archive
        self._peers = list(peers)
        for url in peers:
            Source.of(url)

    def keep(self, blob: Blob) -> bool:
        """As `Blobs.keep`."""
        return self._archive.keep(blob)

    def find(self, name: bytes) -> Blob | None:
        """As `Blobs.find`."""
        found = self._archive.find(name)
        if found is None and self._peers:
            fetch(self._archive, [name], self._peers)
            found = self._archive.find(name)
        return found


def _alone(source: Source, name: bytes) -> list[Blob]:
    return [from_peer(source, name)]


def from_peer(source: Source, name: bytes) -> Blob:
    """One blob from a peer's archive, checked.

    Raises:
        DataError: it has none, stalls, or gives another one.
    """
    data = _get(source, f"{PREFIX}0x{name.hex()}", BLOB_BYTES, "application/octet-stream")
    return Blob.named(data, name, source.name)


def from_beacon(source: Source, block_id: str, names: Sequence[bytes]) -> list[Blob]:
    """Those of some blobs that a block has, from a beacon node, checked.

    `/eth/v1/beacon/blobs/{block_id}` is asked first; where it isn't known, `/eth/v1/beacon/blob_sidecars/{block_id}`,
    which nodes had before Fulu.

    Raises:
        InputError: no block id.
        DataError: it doesn't answer, has not all of them, or its answer is broken.
    """
    check_block_id(block_id)
    spelt = ",".join(f"0x{name.hex()}" for name in names)
    try:
        items = _items(source, f"/eth/v1/beacon/blobs/{block_id}?versioned_hashes={spelt}")
        found = _named(source, ((_bytes(source, "blob", item, BLOB_BYTES), None) for item in items), set(names))
    except _NotServed:
        items = _items(source, f"/eth/v1/beacon/blob_sidecars/{block_id}")
        found = _named(source, (_sidecar(source, item) for item in items), set(names))
    missing = len(set(names)) - len(found)
    if not found and missing:
        raise DataError(f"{source.name}: expected {missing} blobs of block {block_id}, it has none of them")
    return found


def check_block_id(block_id: str) -> None:
    """Refuses what no beacon node takes for a block.

    Raises:
        InputError: neither a slot, nor a root, nor one of four words.
    """
    if not BLOCK_ID.fullmatch(block_id):
        raise InputError(
            f"block id: expected a slot, a root, head, finalized, justified or genesis, got {block_id[:80]!r}"
        )


class _NotServed(DataError):
    """HTTP says that there is no such thing."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Stays where it was sent: another place would need a look at its URL first."""


_OPENER = build_opener(_NoRedirect)


def _tried(problems: dict[bytes, list[str]], names: Sequence[bytes], ask: Callable[[], list[Blob]]) -> list[Blob]:
    """What a source gives; what it doesn't is noted."""
    try:
        blobs = ask()
    except DataError as error:
        for name in names:
            problems[name].append(str(error))
        return []
    given = {blob.versioned_hash for blob in blobs}
    for name in names:
        if name not in given:
            problems[name].append("not in that block")
    return blobs


def _named(source: Source, blobs: Iterator[tuple[bytes, bytes | None]], names: set[bytes]) -> list[Blob]:
    """The blobs of these names; of one that comes with another's commitment nothing more is asked."""
    found: dict[bytes, Blob] = {}
    for data, name in blobs:
        if len(found) == len(names):
            break
        if name is not None and name not in names:
            continue
        try:
            blob = Blob.of(data) if name is None else Blob.named(data, name, source.name)
        except InputError as error:
            raise DataError(f"{source.name}: {error}") from None
        if blob.versioned_hash in names:
            found[blob.versioned_hash] = blob
    return list(found.values())


def _sidecar(source: Source, item: Any) -> tuple[bytes, bytes]:
    """Data and name of an entry of `blob_sidecars`."""
    if not isinstance(item, dict):
        raise DataError(f"{source.name}: sidecar: expected an object, got {type(item).__name__}")
    commitment = _bytes(source, "kzg_commitment", item.get("kzg_commitment"), COMMITMENT_BYTES)
    return _bytes(source, "blob", item.get("blob"), BLOB_BYTES), versioned_hash(commitment)


def _bytes(source: Source, what: str, text: Any, size: int) -> bytes:
    """Bytes as beacon nodes spell them."""
    if isinstance(text, str) and text.isascii() and text.startswith("0x") and len(text) == 2 + 2 * size:
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            pass
    shown = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
    raise DataError(f"{source.name}: {what}: expected 0x and {2 * size} hexadecimal digits, got {shown}")


def _items(source: Source, path: str) -> list[Any]:
    """The entries of an answer's `data`."""
    body = _get(source, path, MOST_JSON_BYTES, "application/json")
    try:
        answer = from_json(body)  # which bounds nesting, where Python's own parser takes all of the stack
    except ValueError:
        raise DataError(f"{source.name}: expected JSON, got {len(body)} bytes of something else") from None
    items = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(items, list) or len(items) > MOST_IN_BLOCK:
        shown = len(items) if isinstance(items, list) else type(items).__name__
        raise DataError(f"{source.name}: data: expected a list of at most {MOST_IN_BLOCK}, got {shown}")
    return items


def _get(source: Source, path: str, most: int, kind: str) -> bytes:
    """The body of an answer, so many bytes at most, in `ANSWER_SECS` at most."""
    deadline = time.monotonic() + ANSWER_SECS
    request = Request(source.url + path, headers={"Accept": kind, "User-Agent": "omnilytics"})
    body = bytearray()
    try:
        with _OPENER.open(request, timeout=SILENCE_SECS) as answer:
            while part := answer.read1(_PART):
                body += part
                if len(body) > most:
                    raise DataError(f"{source.name}: expected an answer of at most {most} bytes, got more")
                if time.monotonic() > deadline:
                    raise DataError(f"{source.name}: expected an answer in {ANSWER_SECS:g} s, got a part of it")
    except HTTPError as error:
        error.close()
        if error.code in (400, 404, 405, 501):
            raise _NotServed(f"{source.name}: expected the blob, got HTTP {error.code}") from None
        raise DataError(f"{source.name}: expected an answer, got HTTP {error.code}") from None
    except (URLError, HTTPException, OSError) as error:
        reason = error.reason if isinstance(error, URLError) else type(error).__name__
        raise DataError(f"{source.name}: expected an answer, got none: {reason}") from None
    return bytes(body)
