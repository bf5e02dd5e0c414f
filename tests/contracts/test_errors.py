"""Every reason that the contracts can give is a test's, and no two are told apart by luck."""

from __future__ import annotations

import re
from collections import Counter

from tests.contracts.harness import CONTRACTS, ROOT

REASON = re.compile(r'(?<!")"([a-z_]+: [^"]+)"')
TOLD = "self._told(reason, "
"""In the helpers that add the two numbers to the reason that they are given."""

NUMBERS_TOLD = re.compile(r": expected .+, given .+$")
EXPECTED = re.compile(r'"([a-z_]+: [^"]+)"')
FORM = re.compile(r"[a-z_]+: .+")


def reasons() -> Counter[str]:
    """Reasons in the contracts' sources, with how often each is written."""
    sources = [p for p in CONTRACTS.rglob("*.vy") if "mocks" not in p.parts and "baseline" not in p.parts]
    return Counter(reason for path in sources for reason in REASON.findall(path.read_text(encoding="utf-8")))


def expected() -> set[str]:
    """What the tests hand to `reverts`, as a literal or from a table of cases."""
    files = [*(ROOT / "tests" / "contracts").rglob("test_*.py"), *(ROOT / "tests" / "attacks").glob("test_*.py")]
    found = {text for path in files for text in EXPECTED.findall(path.read_text(encoding="utf-8"))}
    return {NUMBERS_TOLD.sub("", text) for text in found}


def test_every_reason_has_its_test() -> None:
    assert sorted(set(reasons()) - expected()) == []


def test_every_assertion_has_a_reason_or_is_marked_as_impossible() -> None:
    bare = [
        f"{path.name}: {line.strip()}"
        for path in CONTRACTS.rglob("*.vy")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(assert|raise)\b", line)
        and not REASON.search(line)
        and not any(mark in line for mark in (TOLD, "# dev: "))
    ]
    assert bare == []


def test_reasons_say_where_and_what() -> None:
    assert [r for r in reasons() if not FORM.fullmatch(r)] == []
