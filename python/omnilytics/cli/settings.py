"""One TOML file for each role: which chain, whose key, whose data, what is offered or accepted, how long steps take.

`owner_settings` and `member_settings` read one. What is wrong is named by file, key, what was expected and what was
given, all of it at once; what could be a secret, the rest of a node's URL behind its host, is never shown.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from omnilytics.cli.faults import plain
from omnilytics.cli.sections import (
    GWEI_WEI,
    Account,
    BlobSettings,
    ChainSettings,
    DataSettings,
    FeeSettings,
    FinalitySettings,
    KeySettings,
    LogSettings,
    MarginSettings,
    MetricsSettings,
    NodeSettings,
    PolicySettings,
    Section,
    StateSettings,
    TensorBoardSettings,
    WindowSettings,
    network_in,
    same,
)
from omnilytics.config import ShapeOptions
from omnilytics.errors import DataError, InputError
from omnilytics.types import Address

if TYPE_CHECKING:
    from omnilytics.cli.networks import Network
    from omnilytics.protocol.member import Policy
    from omnilytics.protocol.terms import Terms

Settings = TypeVar("Settings", bound=BaseModel)


class TypedSettings(Section):
    """What was typed in place of a file, to read from a chain. `account`: whose view it is, if anybody's."""

    chain: NodeSettings
    fees: FeeSettings = FeeSettings()
    account: Account | None = None


class RoleSettings(Section):
    """What every role needs to know."""

    chain: ChainSettings
    fees: FeeSettings = FeeSettings()
    keys: KeySettings
    state: StateSettings = Field(default_factory=StateSettings)
    data: DataSettings = DataSettings()
    blobs: BlobSettings = Field(default_factory=BlobSettings)
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    policy: FinalitySettings = FinalitySettings()

    @model_validator(mode="before")
    @classmethod
    def _of_network(cls, given: Any) -> Any:
        """The network's file says what `[policy]` leaves out."""
        known, policy = network_in(given.get("chain")), given.get("policy", {})
        if known is None or not isinstance(policy, dict):
            return given
        return given | {"policy": cls._facts(known, policy) | policy}

    @classmethod
    def _facts(cls, known: Network, policy: Mapping[str, Any]) -> dict[str, Any]:
        """When blocks are final; `[policy]` may say later."""
        least, blocks = known.finality_blocks, policy.get("finality_blocks")
        if isinstance(blocks, int) and blocks < least:
            raise ValueError(f"policy.finality_blocks: expected at least the {least} of {known.name}, got {blocks}")
        return {"finality_blocks": least}

    @property
    def account(self) -> Address:
        """Whose role it is."""
        return Address(self.keys.account)


ReadSettings = TypedSettings | RoleSettings
"""What is enough to read with."""


class OwnerSettings(RoleSettings):
    """A model owner's file. `[session]` is the shape of what it offers, as `omnilytics demo` has it."""

    session: ShapeOptions
    deadlines: WindowSettings = WindowSettings()
    tensorboard: TensorBoardSettings = TensorBoardSettings()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("rounds", "group_size", "reward_wei"):
            if getattr(self.session, name) is None:
                raise ValueError(f"session.{name}: expected a number, which nothing stands in for here, got none")
        if self.data.dataset == "file":
            if "dataset" in self.session.model_fields_set:
                raise ValueError(f"session.dataset: expected none with data.file, got {self.session.dataset}")
            if self.session.split != "side":
                raise ValueError(f"session.split: expected side with data.file, got {self.session.split}")
        elif self.session.dataset != self.data.dataset:
            raise ValueError(
                f"data.dataset: expected the {self.session.dataset} of session.dataset, got {self.data.dataset}"
            )
        return self

    def terms(self) -> Terms:
        """The offer that follows.

        Raises:
            InputError: one that can't be made.
        """
        from omnilytics.protocol.terms import offer

        assert self.session.rounds is not None
        assert self.session.group_size is not None
        assert self.session.reward_wei is not None
        terms = offer(self.session, self.session.rounds, self.session.group_size)
        return replace(terms, reward_wei=self.session.reward_wei, **self.deadlines.model_dump())


class MemberSettings(RoleSettings):
    """A data owner's file."""

    policy: PolicySettings = PolicySettings()
    deadlines: MarginSettings = MarginSettings()

    @classmethod
    def _facts(cls, known: Network, policy: Mapping[str, Any]) -> dict[str, Any]:
        """How long blocks take, too."""
        same(known, "policy.block_secs", policy.get("block_secs"), known.block_secs)
        return super()._facts(known, policy) | {"block_secs": known.block_secs}

    def accepts(self) -> Policy:
        """The policy that follows."""
        from omnilytics.protocol.member import Policy

        fields = self.policy.model_dump(exclude={"least_fee_cap_gwei", "known_accounts"})
        cap = self.policy.least_fee_cap_gwei
        return Policy(
            **fields,
            known_accounts=frozenset(map(Address, self.policy.known_accounts)),
            least_fee_cap_wei=None if cap is None else round(cap * GWEI_WEI),
            shortest_window_secs=self.deadlines.shortest_window_secs,
        )


def owner_settings(file: Path, rpc: Sequence[str] = ()) -> OwnerSettings:
    """The settings of a model owner's file.

    Args:
        file: TOML.
        rpc: goes before the nodes of the file, if there are any.

    Raises:
        DataError: it can't be read, or isn't TOML.
        InputError: a key or value that can't work: names file, key, what was expected and given.
    """
    return _read(file, OwnerSettings, rpc)


def member_settings(file: Path, rpc: Sequence[str] = ()) -> MemberSettings:
    """The settings of a data owner's file; `rpc` as `owner_settings` has it.

    Raises:
        DataError, InputError: as `owner_settings`.
    """
    return _read(file, MemberSettings, rpc)


def any_settings(file: Path, rpc: Sequence[str] = ()) -> RoleSettings:
    """The settings of whichever role: a file with `[session]` is a model owner's; `rpc` as `owner_settings` has it.

    Raises:
        DataError, InputError: as `owner_settings`.
    """
    return _read(file, OwnerSettings if "session" in _values(file) else MemberSettings, rpc)


def typed_settings(account: str | None, **chain: Any) -> TypedSettings:
    """Settings of what was typed.

    Args:
        account: whose view it is, if anybody's.
        chain: fields of `NodeSettings`, which the options are named by; None: not given.

    Raises:
        InputError: an option or value that can't work.
    """
    given = {name: value for name, value in chain.items() if value is not None}
    try:
        return TypedSettings.model_validate({"chain": given, "account": account})
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        raise InputError("; ".join(_option(plain(TypedSettings, one)) for one in wrong)) from None


def _option(line: str) -> str:
    """An error as of an option instead of a key."""
    key, rest = line.split(": ", 1)
    name = key.removeprefix("chain.").split(".")[0]
    return f"--{name.replace('_', '-')}: {rest}"


def _values(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{file}: expected a configuration to read, got: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: expected TOML, got bytes that are no text") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{file}: expected TOML, got: {error}") from None


def _read(file: Path, kind: type[Settings], rpc: Sequence[str]) -> Settings:
    values = _values(file)
    if rpc and isinstance(values.get("chain"), dict):
        values["chain"]["rpc"] = list(typed_settings(None, rpc=list(rpc)).chain.rpc)
    try:
        return kind.model_validate(values, context={"folder": file.absolute().parent})
    except ValidationError as error:
        raise InputError("; ".join(f"{file}: {plain(kind, e)}" for e in error.errors(include_url=False))) from None
