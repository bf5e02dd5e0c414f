"""The archive on the disk and over HTTP: what goes in comes out, and nothing else comes out."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from omnilytics.blobs import BLOB_BYTES, Blob
from omnilytics.blobs.archive import Archive
from omnilytics.blobs.fetch import Source, from_peer
from omnilytics.blobs.server import serving
from omnilytics.errors import DataError, InputError


@cache
def blob(number: int) -> Blob:
    return Blob.of(number.to_bytes(32, "big") + bytes(BLOB_BYTES - 32))


def file_of(archive: Archive, number: int) -> Path:
    return archive.folder / f"{blob(number).versioned_hash.hex()}.blob"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "blobs")
    assert archive.keep(blob(1))
    return archive


@pytest.fixture
def port(archive: Archive) -> Iterator[int]:
    with serving(archive, "127.0.0.1", 0, connections=2, connection_secs=0.5) as port:
        yield port


ELSEWHERE = (
    *("/", "/blobs", "/blobs/", "/blobs/../secret", "/blobs/..%2fsecret", "/blobs/0x01", "//etc/passwd"),
    *("/blobs/0x01" + "zz" * 31, "/blobs/0x01" + "ab" * 31 + "/../../secret", "/blobs/" + "a" * 9_000),
)


def spoken(port: int, request: bytes) -> bytes:
    """What a server says to bytes."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


class TestOnTheDisk:
    def test_what_is_kept_is_there_once(self, archive: Archive) -> None:
        assert not archive.keep(blob(1))
        assert archive.keep(blob(2))
        again = Archive(archive.folder)
        assert again.names() == sorted(blob(n).versioned_hash for n in (1, 2))
        assert again.get(blob(2).versioned_hash) == blob(2)
        assert {path.suffix for path in archive.folder.iterdir()} == {".blob"}

    def test_what_isnt_there(self, archive: Archive) -> None:
        assert archive.read(blob(2).versioned_hash) is None
        with pytest.raises(InputError, match=f"expected blob 0x{blob(2).versioned_hash.hex()}, it isn't here"):
            archive.get(blob(2).versioned_hash)

    def test_an_archive_that_nobody_has_written_to(self, tmp_path: Path) -> None:
        empty = Archive(tmp_path / "none")
        assert (empty.names(), empty.read(blob(1).versioned_hash)) == ([], None)
        assert not empty.folder.exists()

    def test_damage_is_found(self, archive: Archive) -> None:
        file_of(archive, 1).write_bytes(blob(2).data)
        with pytest.raises(DataError, match=f"expected blob 0x{blob(1).versioned_hash.hex()}, got 0x01"):
            archive.get(blob(1).versioned_hash)
        file_of(archive, 1).write_bytes(blob(1).data[:-1])
        assert archive.read(blob(1).versioned_hash) is None

    def test_other_files_are_no_blobs(self, archive: Archive) -> None:
        for name in ("readme.blob", "00" * 32 + ".blob", file_of(archive, 2).name.upper(), ".x.partial"):
            (archive.folder / name).write_bytes(b"")
        assert archive.names() == [blob(1).versioned_hash]

    def test_it_has_an_end(self, archive: Archive) -> None:
        full = Archive(archive.folder, most=1)
        assert not full.keep(blob(1))
        with pytest.raises(DataError, match="expected at most 1 blobs, it is full"):
            full.keep(blob(2))
        assert full.names() == [blob(1).versioned_hash]

    def test_a_disk_that_fails_leaves_nothing(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(file: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", fails)
        with pytest.raises(DataError, match="expected room and leave to write it, got: No space left"):
            archive.keep(blob(2))
        assert [path.name for path in archive.folder.iterdir()] == [file_of(archive, 1).name]

    def test_a_file_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(InputError, match="archive: expected a folder, got the file"):
            Archive(tmp_path / "file")


class TestServed:
    def test_a_peer_gets_a_blob(self, port: int) -> None:
        source = Source.of(f"http://127.0.0.1:{port}/")
        assert from_peer(source, blob(1).versioned_hash) == blob(1)
        with pytest.raises(DataError, match=f"http://127.0.0.1:{port}: expected the blob, got HTTP 404"):
            from_peer(source, blob(2).versioned_hash)

    def test_a_peer_finds_out_that_a_blob_is_another(self, archive: Archive, port: int) -> None:
        file_of(archive, 1).write_bytes(blob(2).data)
        with pytest.raises(DataError, match=f"expected blob 0x{blob(1).versioned_hash.hex()}, got 0x01"):
            from_peer(Source.of(f"http://127.0.0.1:{port}"), blob(1).versioned_hash)

    @pytest.mark.parametrize("path", ELSEWHERE)
    def test_no_path_leads_elsewhere(self, archive: Archive, port: int, path: str) -> None:
        (archive.folder.parent / "secret").write_bytes(blob(1).data)
        answer = spoken(port, f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert answer.split(b" ")[1] == b"404"
        assert len(answer) < 1_000

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
    def test_it_only_gives(self, archive: Archive, port: int, method: str) -> None:
        name = f"/blobs/0x{blob(1).versioned_hash.hex()}"
        assert b" 501 " in spoken(port, f"{method} {name} HTTP/1.0\r\nContent-Length: 1\r\n\r\nx".encode())
        assert archive.get(blob(1).versioned_hash) == blob(1)

    def test_who_stalls_loses_its_place(self, port: int) -> None:
        """Two have all the places; a third is let go; after half a second the places are free."""
        stalled = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(2)]
        for one in stalled:
            one.sendall(b"GET /blobs/")
        name = f"GET /blobs/0x{blob(1).versioned_hash.hex()} HTTP/1.0\r\n\r\n".encode()
        for one in stalled:
            assert one.recv(1) == b""
            one.close()
        answer = b""
        while not answer:
            with suppress(OSError):  # for which there is no place yet, and which is let go
                answer = spoken(port, name)
        assert answer.endswith(blob(1).data)

    def test_more_than_there_are_places_are_let_go(self, archive: Archive) -> None:
        with serving(archive, "127.0.0.1", 0, connections=2, connection_secs=600) as port:
            stalled = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3)]
            try:
                assert stalled[2].recv(1) == b""
            finally:
                for one in stalled:
                    one.close()

    def test_a_port_that_is_taken(self, archive: Archive, port: int) -> None:
        with (
            pytest.raises(InputError, match=f"blobs: expected 127.0.0.1:{port} to be free"),
            serving(archive, "127.0.0.1", port),
        ):
            pass

    def test_what_is_kept_stays_the_users(self, archive: Archive) -> None:
        assert not stat.S_IMODE(file_of(archive, 1).stat().st_mode) & 0o022
