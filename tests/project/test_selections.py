"""Where make looks for tests."""

from __future__ import annotations

import re

from tests.project.checkout import ROOT, relative, tracked_files


def test_tests_on_nodes_are_in_the_folders_of_make_test_node() -> None:
    """It loads no others."""
    given = re.search(r"^NODE_TESTS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert given is not None
    tests = [relative(path) for path in tracked_files(".py") if relative(path).startswith("tests/")]
    marked = [path for path in tests if re.search(r"\bmark\.node\b", (ROOT / path).read_text(encoding="utf-8"))]
    folders = {"/".join(path.split("/")[:2]) for path in marked}
    assert folders == set(given[1].split())
