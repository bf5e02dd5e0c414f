"""Fetching files from a local server that can resume, break off, refuse and lie."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from omnilytics.errors import DataError, InputError
from omnilytics.train import fetch
from omnilytics.train.fetch import MIRROR_VARIABLE, fetch_mnist

FILES = {"one": bytes(range(256)) * 1000, "two": b"labels" * 50}


class Mirror(HTTPServer):
    """Serves FILES as NAME.gz. `requests` is what was asked for; `breaks` is after how many bytes it hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {f"/mnist/{name}.gz": content for name, content in FILES.items()}
        self.requests: list[tuple[str, str | None]] = []
        self.breaks: int | None = None
        self.resumes = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mnist/"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        span = self.headers["Range"]
        self.server.requests.append((self.path, span))
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and self.server.resumes else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : self.server.breaks])

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    sums = {name: (hashlib.md5(content, usedforsecurity=False).hexdigest(), "") for name, content in FILES.items()}
    monkeypatch.setattr(fetch, "MNIST_FILES", sums)
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_files_arrive_and_progress_is_told(mirror: Mirror, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    paths = fetch_mnist(tmp_path / "new", mirror.address, lambda *what: told.append(what))
    assert [path.read_bytes() for path in paths] == list(FILES.values())
    assert told[-1] == ("two.gz", 300, 300)
    assert [name for name, _, _ in told].count("one.gz") > 1
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["one.gz", "two.gz"]


def test_whole_files_are_left_alone_and_broken_ones_replaced(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "one.gz").write_bytes(FILES["one"])
    (tmp_path / "two.gz").write_bytes(b"rubbish")
    fetch_mnist(tmp_path, mirror.address)
    assert mirror.requests == [("/mnist/two.gz", None)]
    assert (tmp_path / "two.gz").read_bytes() == FILES["two"]


def test_a_broken_transfer_is_resumed(mirror: Mirror, tmp_path: Path) -> None:
    mirror.breaks = 100_000
    with pytest.raises(DataError, match="what came is kept, try again"):
        fetch_mnist(tmp_path, mirror.address)
    assert not (tmp_path / "one.gz").exists()
    have = (tmp_path / "one.gz.part").stat().st_size
    assert 0 < have <= 100_000
    mirror.breaks = None
    fetch_mnist(tmp_path, mirror.address)
    assert ("/mnist/one.gz", f"bytes={have}-") in mirror.requests
    assert (tmp_path / "one.gz").read_bytes() == FILES["one"]


def test_a_server_that_cannot_resume_starts_over(mirror: Mirror, tmp_path: Path) -> None:
    mirror.resumes = False
    (tmp_path / "one.gz.part").write_bytes(b"something")
    fetch_mnist(tmp_path, mirror.address)
    assert (tmp_path / "one.gz").read_bytes() == FILES["one"]


def test_a_part_that_is_too_long_starts_over(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "two.gz.part").write_bytes(bytes(1000))
    fetch_mnist(tmp_path, mirror.address)
    assert (tmp_path / "two.gz").read_bytes() == FILES["two"]


def test_a_part_that_is_whole_is_not_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / f"{name}.gz.part").write_bytes(content)
    fetch_mnist(tmp_path, mirror.address)
    assert mirror.requests == []


def test_other_content_is_refused_and_not_kept(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files["/mnist/one.gz"] = b"something else"
    with pytest.raises(DataError, match=r"expected md5 \w+, got \w+ \(14 bytes\); nothing was kept"):
        fetch_mnist(tmp_path, mirror.address)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_an_error(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected the file, got HTTP 404 Not Found"):
        fetch_mnist(tmp_path, mirror.address.replace("mnist", "other"))


def test_nobody_answers(tmp_path: Path) -> None:
    with Mirror() as server:
        address = server.address
    with pytest.raises(DataError, match="expected an answer, got"):
        fetch_mnist(tmp_path, address)


def test_the_environment_may_name_the_mirror(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, mirror.address)
    assert len(fetch_mnist(tmp_path)) == 2


@pytest.mark.parametrize(
    ("given", "message"), [(None, "got none"), ("ftp://a/b", "got 'ftp://a/b'"), ("a/b", "got 'a/b'")]
)
def test_a_mirror_is_needed(given: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    with pytest.raises(InputError, match=message):
        fetch_mnist(tmp_path, given)
