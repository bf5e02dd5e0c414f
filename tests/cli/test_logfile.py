"""The log file of a role: what is in it, who may read it, and that it doesn't grow for ever."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Literal

import pytest

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.cli.following import Follower
from omnilytics.cli.logfile import MEGABYTE, logged
from omnilytics.cli.sections import LogSettings
from omnilytics.errors import ChainError, DataError
from omnilytics.protocol.steps import Decision, Done
from tests.cli.conftest import valid


class Ready:
    def decide(self) -> Decision:
        return Done("all is over — for now")


def lines(file: Path) -> list[dict[str, str]]:
    return [valid(json.loads(line), "log-1") for line in file.read_text(encoding="utf-8").splitlines()]


def test_what_a_role_says_and_why_it_ends_is_written(tmp_path: Path) -> None:
    file = tmp_path / "role.log"
    with logged(LogSettings(file=file)):
        Follower(EmbeddedChain(), lambda _: None).follow(Ready())
        logging.getLogger("omnilytics.anything").debug("too low")
        logging.getLogger("web3").error("somebody else's")
    with pytest.raises(ChainError), logged(LogSettings(file=file)):
        raise ChainError("no node answers")
    logging.getLogger("omnilytics.anything").error("too late")
    assert [(one["level"], one["module"], one["message"]) for one in lines(file)] == [
        ("info", "omnilytics.cli.following", "all is over — for now"),
        ("error", "omnilytics.cli.logfile", "no node answers"),
    ]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_level_of_ones_own(tmp_path: Path) -> None:
    with logged(LogSettings(file=tmp_path / "role.log", level="warning")):
        logging.getLogger("omnilytics").info("too low")
        logging.getLogger("omnilytics").warning("high enough")
    assert [one["message"] for one in lines(tmp_path / "role.log")] == ["high enough"]
    assert not logging.getLogger("omnilytics").handlers


def test_roles_that_share_a_process_have_a_file_each(tmp_path: Path) -> None:
    together = Barrier(2)

    def play(name: Literal["info", "warning"]) -> None:
        with logged(LogSettings(file=tmp_path / name, level=name)):
            together.wait(10)
            for level in (logging.INFO, logging.WARNING):
                logging.getLogger("omnilytics").log(level, name)
            together.wait(10)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(play, ("info", "warning")))
    assert [one["message"] for one in lines(tmp_path / "info")] == ["info", "info"]
    assert [one["message"] for one in lines(tmp_path / "warning")] == ["warning"]
    assert logging.getLogger("omnilytics").level == logging.NOTSET


def test_a_full_file_gives_way_to_a_new_one(tmp_path: Path) -> None:
    with logged(LogSettings(file=tmp_path / "role.log", megabytes=1, keep=1)):
        for _ in range(25):
            logging.getLogger("omnilytics").info("x" * 100_000)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["role.log", "role.log.1"]
    for file in files:
        assert file.stat().st_size <= MEGABYTE
        assert file.stat().st_mode & 0o777 == 0o600
        assert lines(file)


def test_a_second_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for words in ("one", "two"):
        with logged(LogSettings(file=tmp_path / "role.log")):
            logging.getLogger("omnilytics").info(words)
    assert [one["message"] for one in lines(tmp_path / "role.log")] == ["one", "two"]


def test_a_folder_that_isn_t_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "role.log"
    with pytest.raises(DataError, match=f"{file}: expected room and leave"), logged(LogSettings(file=file)):
        pass


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with logged(LogSettings()):
        logging.getLogger("omnilytics").error("into the air")
    assert list(tmp_path.iterdir()) == []
