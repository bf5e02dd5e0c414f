"""`omnilytics data fetch`: arguments reach the fetcher, progress is told by quarters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnilytics.cli.data import Quarters
from omnilytics.errors import DataError
from omnilytics.train.fetch import MIRROR_VARIABLE, Progress
from tests.cli.conftest import Call, valid

Seen = list[tuple[Path, str | None]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What the fetcher, which has its own tests, was asked."""
    asked: Seen = []

    def fetch(directory: Path, mirror: str | None, progress: Progress) -> list[Path]:
        asked.append((directory, mirror))
        for done in (10, 25, 30, 100):
            progress("images.gz", done, 100)
        return [directory / "images.gz"]

    monkeypatch.setattr("omnilytics.train.fetch.fetch_mnist", fetch)
    return asked


def test_it_fetches(call: Call, seen: Seen) -> None:
    result = call("data", "fetch", "mnist", "--data-dir", "data", "--mirror", "http://host/mnist")
    assert result.exit_code == 0
    assert seen == [(Path("data"), "http://host/mnist")]
    assert result.stdout.splitlines() == [
        "images.gz: 25 of 100 bytes",
        "images.gz: 100 of 100 bytes",
        "mnist: 1 files in data, checked",
    ]


def test_json(call: Call, seen: Seen) -> None:
    value = valid(json.loads(call("data", "fetch", "mnist", "--data-dir", "data", "--json", "-").stdout), "fetch-1")
    assert value["files"] == ["images.gz"]


def test_a_file_is_no_folder(call: Call, seen: Seen, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    result = call("data", "fetch", "mnist", "--data-dir", "data")
    assert result.exit_code == 2
    assert "--data-dir: expected a folder, got the file data" in result.stderr
    assert seen == []


@pytest.mark.parametrize("arguments", [["cifar", "--data-dir", "data"], ["mnist"], []])
def test_what_is_missing_or_unknown_exits_2(call: Call, seen: Seen, arguments: list[str]) -> None:
    assert call("data", "fetch", *arguments).exit_code == 2
    assert seen == []


def test_no_mirror_exits_2(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    result = call("data", "fetch", "mnist", "--data-dir", "data")
    assert result.exit_code == 2
    assert "mirror: expected the address" in result.stderr


def test_a_mirror_that_fails_exits_3(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> list[Path]:
        raise DataError("http://host/images.gz: expected an answer, got none")

    monkeypatch.setattr("omnilytics.train.fetch.fetch_mnist", fails)
    assert call("data", "fetch", "mnist", "--data-dir", "data").exit_code == 3


def test_quarters_say_nothing_of_unknown_sizes() -> None:
    told: list[str] = []
    quarters = Quarters(told.append)
    quarters("a", 5, None)
    quarters("a", 5, 0)
    assert told == []
