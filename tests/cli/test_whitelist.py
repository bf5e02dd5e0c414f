"""`omnilytics whitelist`: a file of addresses gives a root and proofs; what is wrong with it is named by its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnilytics.protocol.merkle import MerkleTree, verify
from tests.cli.conftest import Call, valid

FIRST = "0xd8da6bf26964af9d7eed9e03e53415d37aa96045"
ACCOUNTS = [FIRST, "0x" + "22" * 20, "0x" + "33" * 20]
TEXT = f"""# who may register
{ACCOUNTS[0]}  # the first

  {ACCOUNTS[1]}
{ACCOUNTS[2]}
"""


@pytest.fixture
def members(tmp_path: Path) -> Path:
    path = tmp_path / "members.txt"
    path.write_text(TEXT, encoding="utf-8")
    return Path("members.txt")


def test_the_root(call: Call, members: Path) -> None:
    result = call("whitelist", "root", members)
    assert result.exit_code == 0
    assert result.stdout == f"0x{MerkleTree(ACCOUNTS).root.hex()}  3 accounts\n"


def test_the_root_as_json(call: Call, members: Path, tmp_path: Path) -> None:
    assert call("whitelist", "root", members, "--json", "root.json", "--quiet").stdout == ""
    value = valid(json.loads((tmp_path / "root.json").read_text()), "whitelist-root-1")
    assert value["root"] == f"0x{MerkleTree(ACCOUNTS).root.hex()}"
    assert value["accounts"] == 3
    valid(json.loads(call("whitelist", "root", members, "--json", "-").stdout), "whitelist-root-1")


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_proof(call: Call, members: Path, account: str) -> None:
    lines = call("whitelist", "proof", members, account).stdout.splitlines()
    assert verify(MerkleTree(ACCOUNTS).root, account, [bytes.fromhex(line[2:]) for line in lines])


def test_a_proof_as_json(call: Call, members: Path, tmp_path: Path) -> None:
    assert call("whitelist", "proof", members, FIRST.upper().replace("0X", "0x"), "--json", "p.json").exit_code == 0
    value = valid(json.loads((tmp_path / "p.json").read_text()), "whitelist-proof-1")
    assert value["account"] == FIRST
    assert verify(bytes.fromhex(value["root"][2:]), FIRST, [bytes.fromhex(h[2:]) for h in value["proof"]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0x1234", "error: members.txt, line 6: expected 0x and 40 hexadecimal digits, got '0x1234'"),
        (f"{FIRST} {FIRST}", "error: members.txt, line 6: expected 0x and 40 hexadecimal digits"),
        ("0x" + "00" * 20, "error: members.txt, line 6: expected an account, got the zero address"),
        (
            FIRST,
            f"error: members.txt, line 6: expected every account once, got {FIRST}, which is members.txt, line 2 too",
        ),
    ],
)
def test_a_line_that_cannot_work(call: Call, members: Path, tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / members).write_text(TEXT + line + "\n", encoding="utf-8")
    for result in (call("whitelist", "root", members, "--json", "r.json"), call("whitelist", "proof", members, FIRST)):
        assert result.exit_code == 2
        assert result.stderr.startswith(message)
    assert not (tmp_path / "r.json").exists()


@pytest.mark.parametrize("text", ["", "# nobody yet\n\n"])
def test_an_empty_list_exits_2(call: Call, members: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / members).write_text(text, encoding="utf-8")
    result = call("whitelist", "root", members)
    assert (result.exit_code, result.stderr) == (2, "error: members.txt: expected at least 1 address, got 0\n")


def test_a_file_that_cannot_be_read_exits_3(call: Call, members: Path, tmp_path: Path) -> None:
    assert call("whitelist", "root", "none.txt").exit_code == 3
    (tmp_path / members).write_bytes(b"\xff\xfe")
    result = call("whitelist", "root", members)
    assert result.exit_code == 3
    assert "members.txt: expected a file of addresses, one a line" in result.stderr


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ("0x" + "44" * 20, f"error: ADDRESS: expected one of the 3 addresses of members.txt, got 0x{'44' * 20}"),
        ("0x44", "error: ADDRESS: expected 0x and 40 hexadecimal digits, got '0x44'"),
    ],
)
def test_a_stranger_exits_2(call: Call, members: Path, account: str, message: str) -> None:
    result = call("whitelist", "proof", members, account)
    assert (result.exit_code, result.stderr) == (2, message + "\n")


@pytest.mark.parametrize("arguments", [["root"], ["proof", "members.txt"], ["prove", "members.txt"], []])
def test_what_is_missing_or_unknown_exits_2(call: Call, members: Path, arguments: list[str]) -> None:
    assert call("whitelist", *arguments).exit_code == 2
