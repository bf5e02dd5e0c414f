"""Keys at rest: a file for each, encrypted (Web3 Secret Storage, version 3), in a folder for its owner's eyes alone.

A key leaves this module as an `eth_account` account, which signs and doesn't show it. No error says anything of a key
or a password.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from eth_account import Account
from eth_account.signers.local import LocalAccount
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from omnilytics.errors import DataError, InputError
from omnilytics.private import check_mode, make_folder, read_private, write_private
from omnilytics.types import Address

WORK_FACTOR = 2**18
"""N of scrypt for new files: about a second and 256 MiB for each guess at a password."""

MIN_PASSWORD = 8
"""Characters of a password for a new file."""

MAX_SCRYPT_BYTES = 1 << 30
"""Memory, 128 N r, that a file may ask for to be decrypted: a hostile one could ask for all there is."""

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""n of secp256k1: keys are 1..n - 1."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Scrypt(_Part):
    n: Annotated[int, Field(ge=2, le=2**24)]
    r: Annotated[int, Field(ge=1, le=64)]
    p: Annotated[int, Field(ge=1, le=16)]
    dklen: Literal[32]
    salt: Annotated[str, Field(pattern=r"^(0x)?([0-9a-fA-F]{2}){1,64}$")]

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        limit = MAX_SCRYPT_BYTES // (128 * self.r)
        if self.n & (self.n - 1) or self.n > limit:
            raise ValueError(f"expected n to be a power of two of at most {limit:,} with r = {self.r}, got {self.n:,}")
        return self


class _Pbkdf2(_Part):
    c: Annotated[int, Field(ge=1, le=10**8)]
    prf: Literal["hmac-sha256"]
    dklen: Literal[32]
    salt: Annotated[str, Field(pattern=r"^(0x)?([0-9a-fA-F]{2}){1,64}$")]


class _Iv(_Part):
    iv: Annotated[str, Field(pattern=r"^(0x)?[0-9a-fA-F]{32}$")]


class _Crypto(_Part):
    cipher: Literal["aes-128-ctr"]
    cipherparams: _Iv
    ciphertext: Annotated[str, Field(pattern=r"^(0x)?[0-9a-fA-F]{64}$")]
    mac: Annotated[str, Field(pattern=r"^(0x)?[0-9a-fA-F]{64}$")]
    kdf: Literal["scrypt", "pbkdf2"]
    kdfparams: _Scrypt | _Pbkdf2

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        expected = _Scrypt if self.kdf == "scrypt" else _Pbkdf2
        if not isinstance(self.kdfparams, expected):
            raise ValueError(f"expected the kdfparams of {self.kdf}, got others")
        return self


class _KeyFile(_Part):
    version: Literal[3]
    address: Annotated[str, Field(pattern=r"^(0x)?[0-9a-fA-F]{40}$")] | None = None
    crypto: Annotated[_Crypto, Field(validation_alias=AliasChoices("crypto", "Crypto"))]


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A file of a keystore; `problem` says why it can't be used, None where nothing is known against it."""

    address: Address
    path: Path
    problem: str | None = None


class Keystore:
    """The keys of a folder. A key's file is `ADDRESS.json`, mode 0600; the folder is made at the first one, mode 0700.

    Args:
        folder: of the files.
        work_factor: N of scrypt for new files, a power of two.
    """

    def __init__(self, folder: Path, work_factor: int = WORK_FACTOR) -> None:
        self.folder = folder
        self._work_factor = work_factor

    def new(self, password: str) -> StoredKey:
        """A key from the operating system's randomness.

        Raises:
            InputError, DataError: as `add`.
        """
        return self.add(Account.from_key((1 + secrets.randbelow(ORDER - 1)).to_bytes(32, "big")), password)

    def add(self, account: LocalAccount, password: str) -> StoredKey:
        """Writes a key down, encrypted. When this returns it's on the disk, whole; a file that is there stays as it is.

        Raises:
            InputError: the password is too short, or the key is there already.
            DataError: the folder is open to others, or can't be written to.
        """
        if len(password) < MIN_PASSWORD:
            raise InputError(f"password: expected at least {MIN_PASSWORD} characters, got {len(password)}")
        address = Address(account.address.lower())
        path = self._path(address)
        try:
            if not self.folder.exists():
                make_folder(self.folder)
            self._check_folder()
            if path.exists():
                raise _there(path)
            content = _encrypted(account, password, self._work_factor)
            try:
                write_private(path, content)
            except FileExistsError:
                raise _there(path) from None
        except OSError as error:
            raise DataError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None
        return StoredKey(address, path)

    def stored(self) -> list[StoredKey]:
        """All keys, in the order of their addresses. What can be seen without a password is checked.

        Raises:
            DataError: the folder is open to others, or can't be read.
        """
        if not self.folder.exists():
            return []
        self._check_folder()
        try:
            names = sorted(os.listdir(self.folder))
        except OSError as error:
            raise DataError(f"{self.folder}: expected leave to read it, got: {error.strerror}") from None
        return [self._look(Address(name[:-5])) for name in names if re.fullmatch(r"0x[0-9a-f]{40}\.json", name)]

    def unlock(self, address: Address, password: str) -> LocalAccount:
        """The account of an address, which can sign.

        Raises:
            InputError: there is no such key, or the password is another one.
            DataError: folder or file is open to others, the file is damaged, or of another key.
        """
        path = self._path(address)
        if not path.exists():
            known = ", ".join(key.address for key in self.stored()) or "none"
            error = InputError(f"{self.folder}: expected a key of {address}, got {known}")
            error.add_note("`omnilytics keys new` makes a key, `omnilytics keys import FILE` takes one over")
            raise error
        self._check_folder()
        return _decrypted(path, _parsed(path, read_private(path)), password, address)

    def _path(self, address: Address) -> Path:
        return self.folder / f"{address}.json"

    def _look(self, address: Address) -> StoredKey:
        path = self._path(address)
        try:
            _check_address(path, _parsed(path, read_private(path)), address)
        except DataError as error:
            return StoredKey(address, path, str(error))
        return StoredKey(address, path)

    def _check_folder(self) -> None:
        status = self.folder.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise DataError(f"{self.folder}: expected a folder of keys, got a file")
        check_mode(self.folder, status.st_mode)


def read_key(path: Path, password: str | None) -> LocalAccount:
    """The account of a file from elsewhere: 64 hexadecimal digits, or an encrypted one of any wallet (version 3).

    Args:
        path: of the file.
        password: what an encrypted one was encrypted with; not asked for digits.

    Raises:
        InputError: the password is another one, or none is given where one is needed.
        DataError: the file is open to others, or neither.
    """
    content = read_private(path)
    digits = content.strip().removeprefix(b"0x")
    if re.fullmatch(rb"[0-9a-fA-F]{64}", digits):
        return _account(path, bytes.fromhex(digits.decode("ascii")))
    file = _parsed(path, content)
    if password is None:
        raise InputError(f"{path}: expected the password that it is encrypted with, got none")
    return _decrypted(path, file, password, None)


def _parsed(path: Path, content: bytes) -> _KeyFile:
    try:
        return _KeyFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        found = f"{place}: {first['msg']}" if place else "no JSON object"
        damaged = DataError(f"{path}: expected an encrypted key (Web3 Secret Storage, version 3), got {found}")
        damaged.add_note("take the file from a copy, or make a new key: a damaged one can't be mended")
        raise damaged from None


def _there(path: Path) -> InputError:
    return InputError(f"{path}: expected a key that isn't in {path.parent} yet, got one that is")


def _check_address(path: Path, file: _KeyFile, expected: Address) -> None:
    if file.address is not None and _address(file.address) != expected:
        raise DataError(f"{path}: expected a key of {expected}, got one of {_address(file.address)}")


def _encrypted(account: LocalAccount, password: str, work_factor: int) -> bytes:
    content = Account.encrypt(account.key, password, kdf="scrypt", iterations=work_factor)
    return json.dumps(content, indent=2).encode() + b"\n"


def _decrypted(path: Path, file: _KeyFile, password: str, expected: Address | None) -> LocalAccount:
    """The account that a file holds, if it is `expected`'s; None: the one that the file names, if it does."""
    if expected is not None:
        _check_address(path, file, expected)
    elif file.address is not None:
        expected = _address(file.address)
    try:
        key = bytes(Account.decrypt(file.model_dump(), password))
    except ValueError:
        raise InputError(
            f"{path}: expected the password that it is encrypted with, got another one, or the file is damaged"
        ) from None
    account = _account(path, key)
    address = Address(account.address.lower())
    if expected is not None and address != expected:
        raise DataError(f"{path}: expected a key of {expected}, got one of {address}: the file has been tampered with")
    return account


def _account(path: Path, key: bytes) -> LocalAccount:
    if not 0 < int.from_bytes(key, "big") < ORDER:
        raise DataError(f"{path}: expected a key of 1 to n - 1, got one outside")
    account: LocalAccount = Account.from_key(key)
    return account


def _address(digits: str) -> Address:
    return Address("0x" + digits.lower().removeprefix("0x"))
