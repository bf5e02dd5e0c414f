"""What the documents say is so: the example runs, commands and targets exist, links lead somewhere, tables are current.

A console block of README.md below the line `<!-- run -->` is run as written, line by line, in an empty folder.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from omnilytics.experiments.spec import spec_names
from tests.project.checkout import ROOT, relative, tracked_files

README = ROOT / "README.md"
BIN = Path(sys.executable).parent
DOCUMENTS = tracked_files(".md")
BLOCK = re.compile(r"(?P<mark><!-- run -->\n+)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = ("bash", "console", "sh")


def blocks(path: Path, *languages: str, marked: bool = False) -> list[str]:
    """The fenced blocks of a document in one of `languages`, only those to be run if `marked`."""
    found = BLOCK.finditer(path.read_text(encoding="utf-8"))
    return [m["body"] for m in found if m["language"] in languages and (m["mark"] or not marked)]


def commands(path: Path, program: str, *, marked: bool = False) -> list[list[str]]:
    """The calls of `program` in a document's shell blocks, as words; `$ ` and a path before the program are dropped."""
    text = "\n".join(blocks(path, *SHELLS, marked=marked)).replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True) if f"{program} " in line else []
        if words and Path(words[0]).name == program:
            found.append(words[1:])
    return found


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs one command in `folder`, with this environment's programs first, as wide as its help needs."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "240", "TERM": "dumb", "NO_COLOR": "1"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@functools.cache
def help_of(*command: str) -> str:
    """The help text of one `omnilytics` command."""
    answer = run(["omnilytics", *command, "--help"], ROOT)
    assert answer.returncode == 0, f"omnilytics {' '.join(command)} --help: {answer.stderr}"
    return answer.stdout


def command_of(words: list[str]) -> list[str]:
    """The words of a call that name a command, and a command of a group."""
    named = [word for word in words if not word.startswith("-")][:2]
    is_group = len(named) == 2 and re.search(rf"^  {re.escape(named[1])}\s", help_of(named[0]), re.MULTILINE)
    return named if is_group else named[:1]


@pytest.mark.slow
def test_the_example_runs(tmp_path: Path) -> None:
    examples = blocks(README, "python")
    assert len(examples) == 1
    (tmp_path / "example.py").write_text(examples[0], encoding="utf-8")
    answer = run([sys.executable, "example.py"], tmp_path)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.slow
def test_marked_commands_run(tmp_path: Path) -> None:
    marked = commands(README, "omnilytics", marked=True)
    assert marked
    for words in marked:
        answer = run(["omnilytics", *words], tmp_path)
        assert answer.returncode == 0, f"{shlex.join(words)}: {answer.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_and_their_options_exist(document: Path) -> None:
    for words in commands(document, "omnilytics"):
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        text = help_of(*command_of(words))
        assert [option for option in options if option not in text] == [], shlex.join(words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_targets_of_make_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)\b", document.read_text(encoding="utf-8")))
    named |= {word for words in commands(document, "make") for word in words if word.isalpha()}
    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(document: Path) -> None:
    text = BLOCK.sub("", document.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)|<img[^>]* src=\"([^\"]+)\"", text)
    local = [link for pair in links for link in pair if link and "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_every_question_has_a_place() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS if document.parent.name == "docs")
    assert [name for name in spec_names() if f"<!-- begin:experiment-{name} -->" not in text] == []


def test_tables_are_current() -> None:
    answer = run([sys.executable, str(ROOT / "tools" / "readme.py"), "--check"], ROOT)
    assert answer.returncode == 0, answer.stderr
