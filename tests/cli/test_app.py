"""The command tree: help, version, exit codes by class of error, and a quick start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from omnilytics import errors
from tests.cli.conftest import Call, FakeDemo

COMMANDS = (["demo"], ["observe"], ["verify"], ["data"], ["data", "fetch"])


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_has_an_example(call: Call, command: list[str]) -> None:
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert "Example: omnilytics " in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("command", [["demo"], ["observe"], ["verify"], ["data", "fetch"]], ids=" ".join)
def test_every_command_writes_json(call: Call, command: list[str]) -> None:
    assert "--json FILE" in call(*command, "--help").stdout


def test_version(call: Call) -> None:
    result = call("--version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "omnilytics")


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["demo", "--nothing"], ["whitelist", "root"], ["keys", "import"], ["demo", "--seed", "x"]],
)
def test_what_cannot_be_parsed_exits_2(call: Call, arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr


CODES = {
    errors.OmniLyticsError("odd"): 1,
    errors.InputError("odd"): 2,
    errors.DataError("odd"): 3,
    errors.EncodingError("odd"): 4,
    errors.ProtocolError("odd"): 5,
    errors.ChainError("odd"): 6,
    errors.Reverted("upload", "odd"): 6,
    errors.VerificationError("odd"): 7,
    errors.JournalError("odd"): 8,
    KeyboardInterrupt(): 130,
    ZeroDivisionError("division\nby zero"): 1,
    MemoryError(): 1,
}


@pytest.mark.parametrize(("failure", "code"), CODES.items(), ids=lambda v: type(v).__name__)
def test_the_class_of_an_error_is_the_exit_code(call: Call, demo: FakeDemo, failure: BaseException, code: int) -> None:
    demo.failure = failure
    result = call("demo", "--quiet")
    assert result.exit_code == code
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("stopped: " if code == 130 else "error: ")
    assert "Traceback" not in result.stderr


def test_notes_say_what_to_do_next(call: Call, demo: FakeDemo) -> None:
    demo.failure = errors.Reverted("start", "start: krum has no legal m")
    demo.failure.add_note("take more rounds")
    assert call("demo", "-q").stderr.splitlines() == [
        "error: start reverted: start: krum has no legal m",
        "next: take more rounds",
    ]


def test_debug_lets_the_unforeseen_through(call: Call, demo: FakeDemo) -> None:
    demo.failure = ZeroDivisionError("by zero")
    assert isinstance(call("--debug", "demo", "--quiet").exception, ZeroDivisionError)


def test_the_unforeseen_names_the_next_step(call: Call, demo: FakeDemo) -> None:
    demo.failure = ZeroDivisionError("by zero")
    assert "unexpected ZeroDivisionError: by zero. Run again with `omnilytics --debug" in call("demo", "-q").stderr


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["--version"]], ids=" ".join)
def test_help_is_quick(arguments: list[str]) -> None:
    script = (
        "import json, sys\nfrom omnilytics.cli import app\n"
        f"try: app({arguments!r}, prog_name='omnilytics')\nexcept SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert loaded.isdisjoint({"torch", "sklearn", "numpy"})


def test_the_module_runs() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "omnilytics.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("omnilytics ")


def test_a_reader_that_goes_away_hears_nothing() -> None:
    """`omnilytics quote | head -1`."""
    command = [sys.executable, "-m", "omnilytics.cli", "quote"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
