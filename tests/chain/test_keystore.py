"""Keys at rest: only the right password opens a file, nothing shows a key, nothing is lost, what is odd is refused."""

from __future__ import annotations

import json
import logging
import os
import pickle
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from omnilytics import private
from omnilytics.chain.keystore import ORDER, Keystore, StoredKey, read_key
from omnilytics.errors import DataError, InputError, OmniLyticsError
from omnilytics.private import MAX_FILE_BYTES
from omnilytics.types import Address

PASSWORD = "a long way to go"
KEY = bytes(range(1, 33))
ACCOUNT = Account.from_key(KEY)
ADDRESS = Address(ACCOUNT.address.lower())
STRANGER = Address("0x" + "11" * 20)

# both test vectors of the Web3 Secret Storage Definition
VECTOR_KEY = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
VECTORS: dict[str, dict[str, Any]] = {
    "pbkdf2": {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144,
                "dklen": 32,
                "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    },
    "scrypt": {
        "Crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 262144,
                "p": 8,
                "r": 1,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    },
}


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "home" / "keys", work_factor=2)


@pytest.fixture
def stored(keystore: Keystore) -> StoredKey:
    return keystore.add(ACCOUNT, PASSWORD)


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edits the JSON of a file."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_what_is_put_in_comes_out(keystore: Keystore, stored: StoredKey) -> None:
    assert stored.address == ADDRESS
    assert keystore.stored() == [stored]
    assert bytes(keystore.unlock(ADDRESS, PASSWORD).key) == KEY


def test_modes_are_the_owners_alone(keystore: Keystore, stored: StoredKey) -> None:
    assert stat.S_IMODE(stored.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keystore.folder.stat().st_mode) == 0o700
    assert os.listdir(keystore.folder) == [stored.path.name]


def test_new_keys_differ_and_open(keystore: Keystore) -> None:
    first, second = keystore.new(PASSWORD), keystore.new(PASSWORD)
    assert first.address != second.address
    assert keystore.stored() == sorted([first, second], key=lambda key: key.address)
    assert keystore.unlock(first.address, PASSWORD).address.lower() == first.address


def test_the_same_key_twice_is_refused(keystore: Keystore, stored: StoredKey) -> None:
    before = stored.path.read_bytes()
    with pytest.raises(InputError, match="isn't in"):
        keystore.add(ACCOUNT, "another password")
    assert stored.path.read_bytes() == before


def test_a_race_for_one_file_has_one_winner(tmp_path: Path) -> None:
    private.write_private(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        private.write_private(tmp_path / "file", b"second")
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"first", b"second"):
        private.replace_private(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        private.replace_private(tmp_path / "file", b"third")
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"second"


def test_nothing_appears_where_writing_fails(keystore: Keystore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="expected room and leave to write it, got: No space left on device"):
        keystore.add(ACCOUNT, PASSWORD)
    assert os.listdir(keystore.folder) == []


@pytest.mark.parametrize("password", ["", "1234567"])
def test_a_short_password_is_refused(keystore: Keystore, password: str) -> None:
    with pytest.raises(InputError, match=f"at least 8 characters, got {len(password)}"):
        keystore.new(password)
    assert not keystore.folder.exists()


def test_another_password_is_refused(keystore: Keystore, stored: StoredKey) -> None:
    with pytest.raises(InputError, match="expected the password that it is encrypted with, got another one"):
        keystore.unlock(ADDRESS, PASSWORD + " ")


def test_an_unknown_address_is_refused(keystore: Keystore, stored: StoredKey) -> None:
    with pytest.raises(InputError, match=f"expected a key of {STRANGER}, got {ADDRESS}") as caught:
        keystore.unlock(STRANGER, PASSWORD)
    assert "keys new" in caught.value.__notes__[0]


def test_an_empty_keystore(keystore: Keystore) -> None:
    assert keystore.stored() == []
    with pytest.raises(InputError, match="got none"):
        keystore.unlock(ADDRESS, PASSWORD)


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no crypto": (lambda c: c.pop("crypto"), "crypto: Field required"),
    "version": (lambda c: c.update(version=1), "version: "),
    "cipher": (lambda c: c["crypto"].update(cipher="aes-128-cbc"), "crypto.cipher: "),
    "short key": (lambda c: c["crypto"].update(ciphertext="00"), "crypto.ciphertext: "),
    "mac": (lambda c: c["crypto"].update(mac="zz" * 32), "crypto.mac: "),
    "kdf": (lambda c: c["crypto"].update(kdf="pbkdf2"), "expected the kdfparams of pbkdf2, got others"),
    "memory": (lambda c: c["crypto"]["kdfparams"].update(n=2**24), "power of two of at most 1,048,576 with r = 8"),
    "odd n": (lambda c: c["crypto"]["kdfparams"].update(n=3), "power of two of at most .* got 3"),
    "address": (lambda c: c.update(address=STRANGER[2:]), f"expected a key of {ADDRESS}, got one of {STRANGER}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(keystore: Keystore, stored: StoredKey, damage: str) -> None:
    edit, message = DAMAGES[damage]
    change(stored.path, edit)
    with pytest.raises(DataError, match=message):
        keystore.unlock(ADDRESS, PASSWORD)
    assert message.split(" ")[0] in (keystore.stored()[0].problem or "") or "kdfparams" in message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null"])
def test_what_is_no_key_file_is_refused(keystore: Keystore, stored: StoredKey, content: bytes) -> None:
    stored.path.write_bytes(content)
    with pytest.raises(DataError, match="expected an encrypted key") as caught:
        keystore.unlock(ADDRESS, PASSWORD)
    assert "from a copy" in caught.value.__notes__[0]


def test_every_flipped_bit_of_what_is_encrypted_is_seen(keystore: Keystore, stored: StoredKey) -> None:
    whole = json.loads(stored.path.read_text())
    for field in ("ciphertext", "mac"):
        for byte in range(32):
            broken = json.loads(json.dumps(whole))
            data = bytearray.fromhex(whole["crypto"][field])
            data[byte] ^= 1
            broken["crypto"][field] = data.hex()
            stored.path.write_text(json.dumps(broken))
            with pytest.raises(InputError, match="or the file is damaged"):
                keystore.unlock(ADDRESS, PASSWORD)


def test_a_file_of_another_key_is_seen_after_decryption(keystore: Keystore, stored: StoredKey) -> None:
    """The initial vector isn't under the MAC: with another one the password is right and the key isn't."""
    change(stored.path, lambda c: c["crypto"]["cipherparams"].update(iv="00" * 16))
    with pytest.raises(DataError, match="has been tampered with"):
        keystore.unlock(ADDRESS, PASSWORD)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o660])
def test_a_file_open_to_others_is_refused(keystore: Keystore, stored: StoredKey, mode: int) -> None:
    stored.path.chmod(mode)
    with pytest.raises(DataError, match=f"expected mode 0600, for nobody but its owner, got {mode:04o}") as caught:
        keystore.unlock(ADDRESS, PASSWORD)
    assert f"chmod 600 {stored.path}" in caught.value.__notes__[0]
    assert "expected mode 0600" in (keystore.stored()[0].problem or "")


def test_a_folder_open_to_others_is_refused(keystore: Keystore, stored: StoredKey) -> None:
    keystore.folder.chmod(0o750)
    for act in (keystore.stored, lambda: keystore.unlock(ADDRESS, PASSWORD), lambda: keystore.new(PASSWORD)):
        with pytest.raises(DataError, match="expected mode 0700"):
            act()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(DataError, match="expected a folder of keys"):
        Keystore(tmp_path / "keys").stored()
    for folder in (tmp_path / "keys", tmp_path / "keys" / "below"):
        with pytest.raises(DataError, match=r"expected a folder of keys|expected room and leave to write it"):
            Keystore(folder).new(PASSWORD)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("name", VECTORS)
def test_files_of_other_wallets_are_read(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / "wallet.json", json.dumps(VECTORS[name]).encode())
    assert bytes(read_key(file, "testpassword").key).hex() == VECTOR_KEY
    with pytest.raises(InputError, match="got another one"):
        read_key(file, "testpasswort")
    with pytest.raises(InputError, match="got none"):
        read_key(file, None)


def test_the_address_of_another_wallets_file_is_checked(tmp_path: Path) -> None:
    file = write(tmp_path / "wallet.json", json.dumps(VECTORS["pbkdf2"] | {"address": STRANGER[2:]}).encode())
    with pytest.raises(DataError, match=f"expected a key of {STRANGER}, got one of 0x"):
        read_key(file, "testpassword")


@pytest.mark.parametrize("text", [KEY.hex(), "0x" + KEY.hex().upper() + "\n"])
def test_a_plain_key_is_read(tmp_path: Path, text: str) -> None:
    assert bytes(read_key(write(tmp_path / "key", text.encode()), None).key) == KEY


@pytest.mark.parametrize("number", [0, ORDER, 2**256 - 1])
def test_a_number_that_is_no_key_is_refused(tmp_path: Path, number: int) -> None:
    with pytest.raises(DataError, match="expected a key of 1 to n - 1, got one outside"):
        read_key(write(tmp_path / "key", f"{number:064x}".encode()), None)


def test_what_is_no_private_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, message in {
        tmp_path / "none": "No such file",
        tmp_path: "expected a file",
        tmp_path / "pipe": "expected a file, got something else",
        write(tmp_path / "long", bytes(MAX_FILE_BYTES + 1)): "expected at most 65,536 bytes, got 65,537",
    }.items():
        with pytest.raises(DataError, match=message):
            private.read_private(path)


def test_neither_key_nor_password_is_shown(
    keystore: Keystore, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = []

    def note(act: Callable[[], object]) -> None:
        try:
            seen.append(f"{(result := act())!r} {result}")
        except OmniLyticsError as error:
            seen.append("".join(traceback.format_exception(error)) + repr(error))

    note(lambda: keystore.add(ACCOUNT, PASSWORD))
    path = keystore.stored()[0].path
    note(lambda: keystore.unlock(ADDRESS, PASSWORD))
    note(lambda: keystore.add(ACCOUNT, PASSWORD))
    note(lambda: keystore.unlock(ADDRESS, PASSWORD + "!"))
    change(path, lambda c: c["crypto"]["cipherparams"].update(iv="00" * 16))
    note(lambda: keystore.unlock(ADDRESS, PASSWORD))
    for text in (KEY.hex(), KEY.hex() + "0", KEY.hex()[:-1], f'"{KEY.hex()}"', f'{{"crypto": "{KEY.hex()}"}}'):
        note(lambda text=text: read_key(write(tmp_path / "key", text.encode()), PASSWORD))
    note(lambda: keystore)
    printed = capfd.readouterr()
    shown = "".join([*seen, caplog.text, printed.out, printed.err]).lower()
    assert ADDRESS in shown
    for secret in (KEY.hex()[:62], str(int.from_bytes(KEY, "big")), repr(KEY)[2:-1].lower(), PASSWORD):
        assert secret not in shown
    assert KEY.hex() not in path.read_text()


def test_a_killed_write_leaves_no_key_file(tmp_path: Path) -> None:
    """Killed at the moment before the name appears: the next one finds nothing, and writes."""
    script = (
        "import os, sys, pathlib; from omnilytics import private\n"
        "os.link = lambda *_: os._exit(9)\n"
        "private.write_private(pathlib.Path(sys.argv[1]), b'content')"
    )
    path = tmp_path / f"{ADDRESS}.json"
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 9
    assert not path.exists()
    tmp_path.chmod(0o700)
    keystore = Keystore(tmp_path, work_factor=2)
    assert keystore.stored() == []
    keystore.add(ACCOUNT, PASSWORD)
    assert bytes(keystore.unlock(ADDRESS, PASSWORD).key) == KEY


def test_what_is_listed_can_be_copied_and_has_no_secret(stored: StoredKey) -> None:
    assert pickle.loads(pickle.dumps(stored)) == stored
    assert set(StoredKey.__slots__) == {"address", "path", "problem"}
