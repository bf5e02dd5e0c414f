"""`omnilytics keys`: what is printed, where passwords come from, what is refused, and that no key is ever shown."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account

from omnilytics.chain import keystore
from omnilytics.chain.keystore import Keystore
from omnilytics.types import Address
from tests.cli.conftest import Call, valid

PASSWORD = "a long way to go"
KEY = "0x" + "5a" * 32
ADDRESS = Address(Account.from_key(KEY).address.lower())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are decrypted in no time."""
    monkeypatch.setattr(keystore.Keystore.__init__, "__defaults__", (2,))


@pytest.fixture
def password(tmp_path: Path) -> Path:
    return write(tmp_path / "password.txt", f"{PASSWORD}\nwhat follows doesn't count\n")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write(tmp_path / "key.txt", KEY)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return Path(path.name)


@pytest.mark.parametrize("command", [["keys"], ["keys", "new"], ["keys", "import"], ["keys", "list"]], ids=" ".join)
def test_help_has_an_example(call: Call, command: list[str]) -> None:
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert "Example: omnilytics keys" in result.stdout
    assert len(command) == 1 or "--json FILE" in result.stdout


def test_a_new_key(call: Call, password: Path) -> None:
    result = call("keys", "new", "--keys", "k", "--password-file", password, "--json", "key.json")
    assert (result.exit_code, result.stderr) == (0, "")
    value = valid(json.loads(Path("key.json").read_text()), "key-1")
    assert result.stdout == f"{value['address']}  {value['file']}\n"
    assert Keystore(Path("k")).unlock(value["address"], PASSWORD).address.lower() == value["address"]


def test_a_key_that_is_taken_over(call: Call, key: Path, password: Path) -> None:
    result = call("keys", "import", key, "--keys", "k", "--password-file", password, "--json", "-")
    assert result.exit_code == 0
    assert valid(json.loads(result.stdout), "key-1")["address"] == ADDRESS
    assert result.stderr == f"{ADDRESS}  k/{ADDRESS}.json\n"
    assert bytes(Keystore(Path("k")).unlock(ADDRESS, PASSWORD).key).hex() == KEY[2:]


def test_another_wallets_file_keeps_its_password(call: Call, tmp_path: Path, password: Path) -> None:
    wallet = write(tmp_path / "wallet.json", json.dumps(Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=1)))
    assert call("keys", "import", wallet, "--keys", "k", "--password-file", password).exit_code == 0
    assert Keystore(Path("k")).unlock(ADDRESS, PASSWORD).address.lower() == ADDRESS


def test_the_list(call: Call, key: Path, password: Path) -> None:
    call("keys", "import", key, "--keys", "k", "--password-file", password)
    (other := Path("k") / f"0x{'ee' * 20}.json").write_text("{}")
    other.chmod(0o600)
    result = call("keys", "list", "--keys", "k", "--json", "list.json")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == ADDRESS
    assert second.startswith(f"0x{'ee' * 20}  can't be used: {other}: expected an encrypted key")
    value = valid(json.loads(Path("list.json").read_text()), "keys-1")
    assert [entry["problem"] is None for entry in value["keys"]] == [True, False]


def test_an_empty_list(call: Call) -> None:
    result = call("keys", "list", "--keys", "none", "--json", "-")
    assert (result.exit_code, result.stderr) == (0, "no keys in none\n")
    assert valid(json.loads(result.stdout), "keys-1")["keys"] == []


def test_where_keys_are(call: Call, key: Path, password: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("OMNILYTICS_HOME", str(tmp_path / "elsewhere"))
    call("keys", "import", key, "--password-file", password)
    assert (tmp_path / "elsewhere" / "keys" / f"{ADDRESS}.json").exists()
    monkeypatch.delenv("OMNILYTICS_HOME")
    call("keys", "import", key, "--password-file", password)
    assert (tmp_path / "me" / ".omnilytics" / "keys" / f"{ADDRESS}.json").exists()


def test_a_password_in_a_variable(call: Call, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", PASSWORD)
    assert call("keys", "import", key, "--keys", "k", "--password-env", "WORD").exit_code == 0
    assert Keystore(Path("k")).unlock(ADDRESS, PASSWORD).address.lower() == ADDRESS


def test_a_password_at_the_terminal(tmp_path: Path) -> None:
    """Asked for twice, not echoed."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "omnilytics.cli", "keys", "new", "--keys", str(tmp_path / "k"), "--json", "-"]
    with subprocess.Popen(
        command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True, start_new_session=True
    ) as process:
        os.close(slave)
        assert process.stdout is not None
        asked = b""
        for question in (b"password of the new key: ", b"Repeat for confirmation: "):
            while not asked.endswith(question):
                asked += os.read(master, 1024)
            os.write(master, PASSWORD.encode() + b"\n")
        value = valid(json.loads(process.stdout.read()), "key-1")
    os.close(master)
    assert process.returncode == 0
    assert PASSWORD.encode() not in asked
    assert Keystore(tmp_path / "k").unlock(value["address"], PASSWORD).address.lower() == value["address"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "expected --password-file or --password-env where there is no terminal, got neither"),
        (["--password-file", "p", "--password-env", "N"], 2, "expected one of --password-file and --password-env"),
        (["--password-env", "NOT_SET"], 2, "expected the name of a variable that is set, got NOT_SET"),
        (["--password-env", "EMPTY"], 2, "expected the name of a variable that is set, got EMPTY"),
        (["--password-env", "BYTES"], 2, "expected UTF-8 in BYTES, got bytes that are no text"),
        (["--password-env", "SHORT"], 2, "expected at least 8 characters, got 5"),
        (["--password-file", "none.txt"], 3, "none.txt: expected a file to read, got: No such file"),
        (["--password-file", "open.txt"], 3, "open.txt: expected mode 0600, for nobody but its owner, got 0644"),
        (["--password-file", "empty.txt"], 3, "empty.txt: expected a password in its first line, got an empty one"),
        (["--password-file", "bytes.txt"], 3, "bytes.txt: expected a password in UTF-8, got bytes that are no text"),
    ],
)
def test_passwords_that_cannot_work(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    for name, value in {"EMPTY": "", "BYTES": "\udcff" * 9, "SHORT": "hello"}.items():
        monkeypatch.setenv(name, value)
    write(tmp_path / "open.txt", PASSWORD)
    (tmp_path / "open.txt").chmod(0o644)
    write(tmp_path / "empty.txt", "\nsecond line\n")
    write(tmp_path / "bytes.txt", "")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\n")
    result = call("keys", "new", "--keys", "k", *arguments, "--json", "key.json")
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert not (tmp_path / "k").exists()
    assert not (tmp_path / "key.json").exists()


@pytest.mark.parametrize("option", ["--password", "--key", "--private-key"])
def test_no_secret_is_an_argument(call: Call, option: str) -> None:
    assert call("keys", "new", option, PASSWORD).exit_code == 2
    assert call("keys", "import", KEY).exit_code != 0


def test_exit_codes_and_what_to_do(call: Call, key: Path, password: Path, tmp_path: Path) -> None:
    arguments = ("keys", "import", key, "--keys", "k", "--password-file", password)
    assert call(*arguments).exit_code == 0
    assert call(*arguments).exit_code == 2
    (tmp_path / key).chmod(0o644)
    result = call(*arguments)
    assert result.exit_code == 3
    assert "next: if nobody else has read it: chmod 600" in result.stderr


@pytest.mark.parametrize("command", [["new"], ["import", "key.txt"], ["list"]], ids=" ".join)
def test_without_the_extra_it_says_how_to_get_it(
    call: Call, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "eth_account", None)
    monkeypatch.delitem(sys.modules, "omnilytics.chain.keystore")
    result = call("keys", *command)
    assert result.exit_code == 2
    assert "expected the package eth_account, which is part of the extra rpc, got none" in result.stderr
    assert "next: pip install 'omnilytics[rpc]'" in result.stderr


def test_no_output_shows_a_key(call: Call, key: Path, password: Path) -> None:
    arguments = ("--keys", "k", "--password-file", password, "--json", "-")
    results = [
        call("--debug", "keys", "import", key, *arguments),
        call("--debug", "keys", "import", key, *arguments),
        call("--debug", "keys", "new", *arguments),
        call("--debug", "keys", "list", "--keys", "k", "--json", "-"),
    ]
    shown = "".join(result.output for result in results).lower()
    assert ADDRESS in shown
    assert KEY[2:] not in shown
    assert PASSWORD not in shown
