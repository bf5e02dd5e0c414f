"""`omnilytics blobs`: keep, fetch, collect, show and serve, each with its result and exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omnilytics.blobs.archive import Archive
from omnilytics.blobs.fetch import Source, from_peer
from omnilytics.blobs.server import serving
from tests.blobs.test_archive import blob, file_of
from tests.blobs.test_fetch import answering
from tests.cli.conftest import Call, valid


def name(number: int) -> str:
    return "0x" + blob(number).versioned_hash.hex()


def states(text: str) -> dict[str, str]:
    value: dict[str, Any] = valid(json.loads(text), "blobs-1")
    return {one["versioned_hash"]: one["state"] for one in value["blobs"]}


def test_keep_and_show(call: Call, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.bin").write_bytes(blob(number).data)
    assert states(call("blobs", "keep", "1.bin", "--archive", "kept", "--json", "-").stdout) == {name(1): "kept"}
    result = call("blobs", "keep", "1.bin", "2.bin", "--archive", "kept")
    assert result.stdout.splitlines() == [f"{name(1)} there", f"{name(2)} kept"]
    file_of(Archive(tmp_path / "kept"), 2).write_bytes(blob(1).data)
    result = call("blobs", "show", "--archive", "kept", "--json", "-")
    assert result.exit_code == 3
    assert states(result.stdout) == {name(1): "there", name(2): "damaged"}
    assert "error: blobs: expected all 2, 1 are missing or damaged" in result.stderr


def test_a_file_that_is_no_blob(call: Call, tmp_path: Path) -> None:
    (tmp_path / "odd.bin").write_bytes(b"odd")
    result = call("blobs", "keep", "odd.bin", "--archive", "kept")
    assert (result.exit_code, result.stderr) == (3, "error: odd.bin: blob: expected 131072 bytes, got 3\n")
    assert call("blobs", "keep", "none.bin", "--archive", "kept").exit_code == 3
    assert not (tmp_path / "kept").exists()


def test_fetch_from_a_peer(call: Call, tmp_path: Path) -> None:
    peer = Archive(tmp_path / "peer")
    peer.keep(blob(1))
    with serving(peer, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        result = call("blobs", "fetch", name(1), name(2), "--archive", "own", "--peer", url, "--json", "-")
    assert result.exit_code == 3
    assert states(result.stdout) == {name(1): "kept", name(2): "missing"}
    assert f"next: {url}: expected the blob, got HTTP 404" in result.stderr
    assert call("blobs", "fetch", name(1), "--archive", "own", "--peer", url, "--quiet").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["0x01"], "versioned hash: expected 0x01 and 62 hexadecimal digits more, got '0x01'"),
        ([], "blobs fetch: expected --peer or --beacon, got neither"),
        (["--beacon", "http://127.0.0.1:1"], "block id: expected a slot, a root"),
    ],
)
def test_what_fetch_refuses(call: Call, arguments: list[str], message: str) -> None:
    names = [name(1), *(["--peer", "http://127.0.0.1:1"] if arguments == ["0x01"] else [])]
    result = call("blobs", "fetch", *names, *arguments, "--archive", "own")
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("listen", ["", "8550", ":8550", "host:", "host:x", "host:65536", "host:-1"])
def test_what_serve_refuses(call: Call, listen: str) -> None:
    result = call("blobs", "serve", "--archive", "own", "--listen", listen)
    assert (result.exit_code, result.stderr) == (2, f"error: --listen: expected HOST:PORT, got {listen!r}\n")


def test_serve_until_interrupted(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "kept")
    archive.keep(blob(1))
    words = ["blobs", "serve", "--archive", str(archive.folder), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [sys.executable, "-m", "omnilytics.cli", *words], stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        url = served.stdout.readline().split(" on ")[1].split(";")[0]
        assert from_peer(Source.of(url), blob(1).versioned_hash) == blob(1)
        served.send_signal(signal.SIGINT)
        assert served.wait(60) == 0


MARKET, SESSION = "0x" + "aa" * 20, "0x" + "bb" * 20


class Posted:
    """A chain with a session: uploads in blobs 1 and 2 of block 7, a correction in 3 of block 9, each with its root."""

    def logs(self, address: str) -> list[tuple[int, Any]]:
        assert address == SESSION
        return [(5, "Committed"), (7, [1]), (7, [2]), (9, [3])]

    def beacon_root(self, number: int) -> bytes:
        return bytes([number]) * 32


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(log: Any) -> tuple[str, dict[str, Any]]:
        if log == "Committed":
            return log, {}
        return "Corrected" if log == [3] else "Posted", {"hashes": [blob(n).versioned_hash for n in log]}

    monkeypatch.setattr("omnilytics.cli.connection.reader", lambda _: Posted())
    monkeypatch.setattr("omnilytics.cli.connection.session_of", lambda *_: SimpleNamespace(address=SESSION))
    monkeypatch.setattr("omnilytics.chain.abi.decode_log", decoded)


COLLECT = ("blobs", "collect", "--rpc", "http://127.0.0.1:1", "--market", MARKET, "--archive", "own")


@pytest.mark.usefixtures("posted")
def test_collect_from_a_peer_and_by_the_beacon_blocks(call: Call, tmp_path: Path) -> None:
    """The peer has blob 1 alone; the beacon node has the others in the blocks that carry them."""
    peer = Archive(tmp_path / "peer")
    peer.keep(blob(1))
    paths = [f"/eth/v1/beacon/blobs/0x{bytes([number]).hex() * 32}" for number in (7, 9)]
    blocks = {path: {"data": ["0x" + blob(n).data.hex()]} for path, n in zip(paths, (2, 3), strict=True)}
    with serving(peer, "127.0.0.1", 0) as port, answering(blocks) as (url, asked):
        result = call(*COLLECT, "--peer", f"http://127.0.0.1:{port}", "--beacon", url, "--json", "-")
        again = call(*COLLECT, "--peer", f"http://127.0.0.1:{port}", "--beacon", url, "--json", "-")
    assert states(result.stdout) == {name(n): "kept" for n in (1, 2, 3)}
    assert [path.partition("?")[0] for path in asked] == paths
    assert states(again.stdout) == {name(n): "there" for n in (1, 2, 3)}


@pytest.mark.usefixtures("posted")
def test_collect_says_what_nobody_has(call: Call, tmp_path: Path) -> None:
    peer = Archive(tmp_path / "peer")
    peer.keep(blob(2))
    with serving(peer, "127.0.0.1", 0) as port:
        result = call(*COLLECT, "--peer", f"http://127.0.0.1:{port}", "--json", "-")
    assert result.exit_code == 3
    assert states(result.stdout) == {name(1): "missing", name(2): "kept", name(3): "missing"}


def test_collect_needs_somebody_to_ask(call: Call) -> None:
    result = call(*COLLECT)
    assert (result.exit_code, result.stderr) == (2, "error: blobs collect: expected --peer or --beacon, got neither\n")
