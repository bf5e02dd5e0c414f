"""Blobs from peers and beacon nodes that may lie, stall, or not know what is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from omnilytics.blobs import fetch as module
from omnilytics.blobs.archive import Archive
from omnilytics.blobs.fetch import Source, fetch, from_beacon
from omnilytics.blobs.server import serving
from omnilytics.errors import DataError, InputError
from tests.blobs.test_archive import blob

NAMES = [blob(n).versioned_hash for n in (1, 2)]
Answers = dict[str, Any]


def spelt(data: bytes) -> str:
    return "0x" + data.hex()


def sidecar(number: int, **changes: Any) -> dict[str, Any]:
    one = {"index": "0", "blob": spelt(blob(number).data), "kzg_commitment": spelt(blob(number).commitment)}
    return one | changes


@contextmanager
def answering(answers: Answers) -> Iterator[tuple[str, list[str]]]:
    """A server that gives to each path, queries apart, a status or a body; 404 else. Its URL, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = answers.get(self.path.partition("?")[0], 404)
            status = answer if isinstance(answer, int) else 200
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Location", "/eth/v1/beacon/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


BLOBS, SIDECARS = "/eth/v1/beacon/blobs/7", "/eth/v1/beacon/blob_sidecars/7"


def asked_of(answers: Answers, names: list[bytes] = NAMES) -> list[bytes]:
    with answering(answers) as (url, _):
        return [one.versioned_hash for one in from_beacon(Source.of(url), "7", names)]


def test_the_blobs_of_a_block() -> None:
    with answering({BLOBS: {"data": [spelt(blob(n).data) for n in (1, 2)]}}) as (url, asked):
        found = from_beacon(Source.of(url), "7", NAMES)
    assert found == [blob(1), blob(2)]
    assert asked == [f"{BLOBS}?versioned_hashes={spelt(NAMES[0])},{spelt(NAMES[1])}"]


def test_a_node_that_gives_all_of_the_block() -> None:
    assert asked_of({BLOBS: {"data": [spelt(blob(n).data) for n in (3, 2, 1)]}}, NAMES[:1]) == NAMES[:1]


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_the_sidecars_of_a_block_where_its_blobs_arent_served(status: int) -> None:
    answers = {BLOBS: status, SIDECARS: {"data": [sidecar(3), sidecar(2)]}}
    assert asked_of(answers) == NAMES[1:]


ZEROS = "0x" + "00" * 131_072
BROKEN: dict[str, tuple[Any, str]] = {
    "a part of them": (b'{"data": [', "expected JSON, got 10 bytes of something else"),
    "no object": ([1], "data: expected a list of at most 128, got NoneType"),
    "no list": ({"data": "0x"}, "data: expected a list of at most 128, got str"),
    "too many": ({"data": ["0x"] * 129}, "data: expected a list of at most 128, got 129"),
    "a short one": ({"data": ["0x00"]}, "blob: expected 0x and 262144 hexadecimal digits, got 4 characters"),
    "a number": ({"data": [7]}, "blob: expected 0x and 262144 hexadecimal digits, got int"),
    "no digits": ({"data": ["0x" + "gg" * 131_072]}, "blob: expected 0x and 262144 hexadecimal digits, got 262146"),
    "blanks": ({"data": ["0x" + "0 " * 131_072]}, "blob: expected 0x and 262144 hexadecimal digits, got 262146"),
    "elements too large": ({"data": ["0x" + "ff" * 131_072]}, "below the order of the scalars, element 0 isn't"),
    "another one": ({"data": [ZEROS]}, "expected 2 blobs of block 7, it has none of them"),
    "none": ({"data": []}, "expected 2 blobs of block 7, it has none of them"),
    "trouble": (500, "expected an answer, got HTTP 500"),
    "another place": (302, "expected an answer, got HTTP 302"),
    "deep": (b"[" * 200_000, "expected JSON, got 200000 bytes"),
}


@pytest.mark.parametrize("answer", BROKEN)
def test_a_beacon_node_that_breaks_its_word(answer: str) -> None:
    what, message = BROKEN[answer]
    with pytest.raises(DataError, match=message):
        asked_of({BLOBS: what})


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("x", "sidecar: expected an object, got str"),
        (sidecar(1, kzg_commitment="0x00"), "kzg_commitment: expected 0x and 96 hexadecimal digits, got 4 characters"),
        (sidecar(1, blob=spelt(blob(2).data)), f"expected blob {spelt(NAMES[0])}, got {spelt(NAMES[1])}"),
        (sidecar(1, blob=None), "blob: expected 0x and 262144 hexadecimal digits, got NoneType"),
    ],
)
def test_a_sidecar_that_isnt_one(item: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        asked_of({SIDECARS: {"data": [item]}})


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JSON_BYTES", 1_000)
    with pytest.raises(DataError, match="expected an answer of at most 1000 bytes, got more"):
        asked_of({BLOBS: {"data": [ZEROS]}})


def test_an_answer_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECS", -1.0)
    with pytest.raises(DataError, match="expected an answer in -1 s, got a part of it"):
        asked_of({BLOBS: {"data": [ZEROS]}})


def test_a_peer_that_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import socket

    monkeypatch.setattr(module, "SILENCE_SECS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (one,) = fetch(Archive(tmp_path), NAMES[:1], [url])
    assert not one.kept
    assert one.problems[0].startswith(f"{url}: expected an answer, got none: ")


def test_peers_first_then_beacon_nodes(tmp_path: Path) -> None:
    """One has the first, a liar gives the first for all, a beacon node has the second; a third is nowhere."""
    peer, own = Archive(tmp_path / "peer"), Archive(tmp_path / "own")
    peer.keep(blob(1))
    own.keep(blob(4))
    names = [*NAMES, blob(3).versioned_hash, blob(4).versioned_hash, NAMES[0]]
    lies: Answers = {f"/blobs/{spelt(name)}": blob(1).data for name in names}
    beacon: Answers = {BLOBS: {"data": [spelt(blob(2).data)]}}
    with (
        serving(peer, "127.0.0.1", 0) as port,
        answering(lies) as (liar, _),
        answering(beacon) as (node, asked),
    ):
        peers = [f"http://127.0.0.1:{port}", liar]
        found = {one.name: one for one in fetch(own, names, peers, [node], "7")}
        assert len(asked) == 1
    assert own.names() == sorted(set(names) - {blob(3).versioned_hash})
    assert [found[name].kept for name in names[:4]] == [True, True, False, False]
    assert [found[name].there for name in names[:4]] == [False, False, False, True]
    assert found[names[2]].problems == (
        f"{peers[0]}: expected the blob, got HTTP 404",
        f"{liar}: expected blob {spelt(names[2])}, got {spelt(NAMES[0])}",
        "not in that block",
    )
    assert all(found[name].problems == () for name in (*NAMES, names[3]))


URLS: dict[str, str] = {
    "ftp://host": "with a host alone, got one of 'ftp'",
    "file:///etc/passwd": "with a host alone, got one of 'file'",
    "host:80": "with a host alone, got one of 'host'",
    "http://": "with a host alone, got one of 'http'",
    "http://user:secret@host": "with a host alone, got one of 'http'",
    "http://host/a b": "with a host alone, got one of 'http'",
    "http://host/\r\nX: y": "with a host alone, got one of 'http'",
    "http://host?key=secret": "without query and fragment, got one at host",
    "http://host:99999": "got a malformed one",
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_wont_do(url: str) -> None:
    with pytest.raises(InputError, match=URLS[url]) as caught:
        Source.of(url)
    assert "secret" not in str(caught.value)


def test_the_secrets_of_a_url_stay_out_of_errors() -> None:
    with answering({}) as (url, asked):
        with pytest.raises(DataError) as caught:
            from_beacon(Source.of(f"{url}/v1/secret/"), "7", NAMES)
        assert asked[-1] == f"/v1/secret{SIDECARS}"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("block_id", ["", "latest", "-1", "0x12", "7/../8", "7?x", "\u0667", "1" * 21])
def test_a_block_that_isnt_one(tmp_path: Path, block_id: str) -> None:
    with pytest.raises(InputError, match="block id: expected a slot, a root, head, finalized, justified or genesis"):
        fetch(Archive(tmp_path), NAMES, [], ["http://127.0.0.1:1"], block_id)


def test_blocks_by_slot_root_and_name() -> None:
    check: Callable[[str], None] = module.check_block_id
    for block_id in ("0", "7", "head", "finalized", "justified", "genesis", "0x" + "aB" * 32):
        check(block_id)
