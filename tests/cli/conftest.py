"""A command line to call in this process, and a demo that takes no time: a fake run and its result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from omnilytics.cli import app
from omnilytics.config import DemoOptions
from omnilytics.protocol.events import Sink
from omnilytics.protocol.record import RecordWriter
from tests.dashboard import fake

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls `omnilytics` with arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
    return lambda *arguments: runner.invoke(app, [str(a) for a in arguments], prog_name="omnilytics")


@dataclass
class FakeDemo:
    """Stands for `run_demo`: plays the fake run, then raises `failure` or gives a result."""

    failure: BaseException | None = None
    seen: list[DemoOptions] = field(default_factory=list)

    def __call__(self, options: DemoOptions, sink: Sink, record: RecordWriter | None) -> FakeResult:
        self.seen.append(options)
        for event in fake.run(seed=options.seed):
            if record is not None:
                record.event(event)
            sink(event)
        if self.failure is not None:
            raise self.failure
        return FakeResult(None if record is None else record.path.name)


@dataclass
class FakeResult:
    """Stands for `DemoResult`."""

    record: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "omnilytics/demo/1",
            "options": {},
            "record": self.record,
            "accuracy": {"alone": 71.0, "start": 10.5, "public": 90.0, "final": 93.0, "by_session": [], "weight": 0.5},
            "reveals": "the public model, whole; nothing of the private one",
            "parameter_count": 2410,
            "groups": {"accepted": 21, "rejected": 3, "failed": 0, "unselected_sessions": 0},
            "attackers": {
                "members": ["0x01"],
                "warm_up_sessions": 2,
                "groups": {"accepted": 0, "rejected": 3, "failed": 0, "paid": 0},
            },
            "dropouts": {
                "members": 4,
                "by_step": {"share": 1, "upload": 3, "reveal": 0, "lend": 0},
                "groups": {"survived": 3, "failed": 0},
            },
            "sessions": [
                {
                    "accepted": [0],
                    "rejected": [],
                    "failed": [],
                    "unselected": False,
                    "counts": [3],
                    "attacked": [],
                    "dropped": [{"account": "0x02", "step": "upload", "groups": [0]}],
                }
            ],
            "money": {
                "deposited_wei": 10**18 + 10**16,
                "reserve_wei": 10**16,
                "bonds_wei": 10**17,
                "paid_wei": 10**18,
                "fees_wei": 4 * 10**15,
                "refunded_wei": 10**17 + 6 * 10**15,
                "burnt_wei": 0,
                "left_wei": 0,
            },
            "records": [{"account": "0x01", "suspicion": 2**16, "suspect": True}],
            "gas": {"total": 5, "by_phase": {"upload": 5}, "calls": {"upload": 1}},
            "seconds": {"chain": 0.1, "training": 0.2, "total": 0.3},
            "versions": {"omnilytics": "0.1.0"},
        }


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> FakeDemo:
    """Puts the fake demo in the place of the real one."""
    stand_in = FakeDemo()
    monkeypatch.setattr("omnilytics.cli.demo.load_runner", lambda: stand_in)
    return stand_in


def valid(value: Any, name: str) -> Any:
    """`value`, found to fit the published schema `name`."""
    schema = json.loads((files("omnilytics.cli.schemas") / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(value, schema)
    return value


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The record of the fake run."""
    path = tmp_path / "run.record.jsonl.gz"
    with RecordWriter(path) as writer:
        for event in fake.run():
            writer.event(event)
    return path
