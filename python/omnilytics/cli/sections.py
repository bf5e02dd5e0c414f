"""The sections of a role's file: what each key may be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from omnilytics.cli.networks import Network, networks
from omnilytics.cli.places import blobs_folder, keys_folder, state_folder
from omnilytics.config import MAX_WEI
from omnilytics.types import Address

if TYPE_CHECKING:
    pass

GWEI_WEI = 10**9


def _url(text: str) -> str:
    """A node's URL, or a variable's where it is `$NAME`; errors show no more of it than scheme and host."""
    if text.startswith("$"):
        name, text = text, os.environ.get(text[1:], "")
        if not text:
            raise ValueError(f"expected {name} to be a variable that is set, got none")
    parts = urlsplit(text)
    if not ((parts.scheme in ("http", "https", "ws", "wss") and parts.hostname) or text.endswith(".ipc")):
        raise ValueError(
            "expected http, https, ws or wss with a host, or a path that ends in .ipc, got "
            f"scheme {parts.scheme!r}, host {parts.hostname or ''!r}"
        )
    return text


def _account(text: str) -> Address:
    from omnilytics.protocol.merkle import parse_account

    return parse_account(text)


def _path(path: Path, info: ValidationInfo) -> Path:
    """Relative to the folder of the file that it stands in."""
    return Path((info.context or {}).get("folder", "")) / path.expanduser()


def network_in(chain: Any) -> Network | None:
    """The network that a file's `[chain]` names; None: none that is known."""
    name = chain.get("network") if isinstance(chain, dict) else None
    return networks().get(name) if isinstance(name, str) else None


def same(known: Network, key: str, given: Any, fact: int) -> None:
    """Raises ValueError where a file contradicts a fact of its network."""
    if given is not None and given != fact:
        raise ValueError(f"{key}: expected the {fact} of {known.name}, got {given}")


def _known_name(name: str) -> str:
    if name not in networks():
        raise ValueError(f"expected one of {', '.join(networks())}, got {name!r}")
    return name


NetworkName = Annotated[str, AfterValidator(_known_name)]
Url = Annotated[str, AfterValidator(_url)]
Account = Annotated[str, AfterValidator(_account)]
File = Annotated[Path, Field(strict=False), AfterValidator(_path)]
Secs = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
ChainId = Annotated[int, Field(ge=1, lt=2**64)]
WindowSecs = Annotated[int, Field(ge=1, le=31_536_000)]
Gwei = Annotated[float, Field(gt=0, le=10**6, allow_inf_nan=False)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class NodeSettings(Section):
    """Where a chain is, and how patient to be with it.

    Attributes:
        rpc: URLs of nodes, asked in turn; `$NAME` takes a variable's, so that no secret stands in the file.
        network: one that is known (`cli.networks`), which gives chain_id, market and confirmations where they are left
            out; None: another one.
        chain_id: EIP-155; a node of another chain is refused. None: that of the first node that answers.
        market: the market's address; None: none is known.
        confirmations: blocks on top of a transaction's own before it counts as done.
        answer_secs: how long one request may take.
        patience_secs: how long a request is repeated, over all nodes, before it fails.
        poll_secs: longest pause between two looks at the chain.
        receipt_secs: how long a transaction may take until it is done.
        stuck_secs: after how long without a block it is sent again with a higher fee.
        check_secs: how often several nodes are compared.
        lag_blocks: how many blocks a node may be behind another one.
        log_blocks: most blocks in one request for logs.
        first_block: no event of interest is older.
    """

    rpc: Annotated[tuple[Url, ...], Field(strict=False, min_length=1, max_length=16, repr=False)]
    network: Annotated[NetworkName | None, Field(exclude=True)] = None
    chain_id: ChainId | None = None
    market: Account | None = None
    confirmations: Annotated[int, Field(ge=0, le=10_000)] = 2
    answer_secs: Secs = 20.0
    patience_secs: Secs = 180.0
    poll_secs: Secs = 2.0
    receipt_secs: Secs = 900.0
    stuck_secs: Secs = 60.0
    check_secs: Secs = 30.0
    lag_blocks: Annotated[int, Field(ge=0, le=10_000)] = 3
    log_blocks: Annotated[int, Field(ge=1, le=10**6)] = 10_000
    first_block: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="before")
    @classmethod
    def _of_network(cls, given: Any) -> Any:
        """What the role's file leaves out the network's says; what is a fact must be the same in both."""
        if (known := network_in(given)) is None:
            return given
        same(known, "chain_id", given.get("chain_id"), known.chain_id)
        market = {"market": known.market} if known.market else {}
        return {"chain_id": known.chain_id, "confirmations": known.confirmations} | market | given


class ChainSettings(NodeSettings):
    """`[chain]` of a role, which never sends to a chain that it doesn't name."""

    chain_id: ChainId


class FeeSettings(Section):
    """`[fees]`, in gwei a gas or blob gas: the most that is ever bid, and the tip; None: what the node suggests."""

    ceiling_gwei: Gwei = 500.0
    blob_ceiling_gwei: Gwei = 100.0
    tip_gwei: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tip_gwei is not None and self.tip_gwei > self.ceiling_gwei:
            raise ValueError(
                f"tip_gwei: expected at most the {self.ceiling_gwei:g} of ceiling_gwei, got {self.tip_gwei:g}"
            )
        return self

    @property
    def ceiling_wei(self) -> int:
        """Wei a gas."""
        return round(self.ceiling_gwei * GWEI_WEI)

    @property
    def blob_ceiling_wei(self) -> int:
        """Wei a blob gas."""
        return round(self.blob_ceiling_gwei * GWEI_WEI)

    @property
    def tip_wei(self) -> int | None:
        """Wei a gas."""
        return None if self.tip_gwei is None else round(self.tip_gwei * GWEI_WEI)


class KeySettings(Section):
    """`[keys]`: who sends, and what opens its key; without a password's place it is asked for on the terminal.

    Attributes:
        account: the address.
        folder: of the keystore.
        password_file: its first line is the password.
        password_env: the variable that the password is in.
    """

    account: Account
    folder: File = Field(default_factory=keys_folder)
    password_file: File | None = None
    password_env: Annotated[str, Field(pattern=r"^\w+$")] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.password_file is not None and self.password_env is not None:
            raise ValueError("password_env: expected none beside password_file, got both")
        return self


class StateSettings(Section):
    """`[state]`: the folder of what must survive a crash: journal, secrets, releases. One for all accounts will do."""

    folder: File = Field(default_factory=state_folder)


class LogSettings(Section):
    """`[log]`: a file of what the role does, one JSON object a line, for its owner's eyes alone; off without `file`.

    Attributes:
        file: the newest lines; older ones are in `file.1`, `file.2`, ...
        level: no line is below it.
        megabytes: a file is no longer than that.
        keep: how many older files are kept.
    """

    file: File | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
    megabytes: Annotated[int, Field(ge=1, le=1_024)] = 10
    keep: Annotated[int, Field(ge=1, le=100)] = 5


class MetricsSettings(Section):
    """`[metrics]`: a page for Prometheus, for whoever reaches it; off without `port`.

    Attributes:
        port: of TCP.
        host: the address that it is served at: of this machine's own unless told.
    """

    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    host: Annotated[str, Field(pattern=r"^[0-9A-Za-z.:-]+$")] = "127.0.0.1"


class BlobSettings(Section):
    """`[blobs]`: uploads of sessions in blobs, the account's own and others', which nodes forget after 18 days.

    Attributes:
        folder: of the archive; all roles of one machine may share one.
        peers: URLs of others' archives (`omnilytics blobs serve`), asked for what isn't here.
    """

    folder: File = Field(default_factory=blobs_folder)
    peers: Annotated[tuple[Url, ...], Field(strict=False, max_length=16, repr=False)] = ()


class TensorBoardSettings(Section):
    """`[tensorboard]` of a model owner: the folder of files for TensorBoard, a point for each session; None: none."""

    folder: File | None = None


class DataSettings(Section):
    """`[data]`: what this role trains or judges with.

    Attributes:
        dataset: `digits` (comes with scikit-learn), `mnist`, or `file`: samples of one's own.
        folder: of the idx files; `mnist` only, which needs it.
        file: of the arrays `x` and `y` (`train.data.load_samples`); `file` only, which needs it.
        classes: of these samples, the same for all roles.
        width: of the public model for them, which the owner decides: channels, or hidden units.
        part: which part of the data is this role's, from 0.
        parts: parts that the data are cut into, so that several roles can share one copy without a sample in common.
    """

    dataset: Literal["digits", "mnist", "file"] = "digits"
    folder: File | None = None
    file: File | None = None
    classes: Annotated[int, Field(ge=2, le=1_000)] | None = None
    width: Annotated[int, Field(ge=1, le=1_024)] = 8
    part: Annotated[int, Field(ge=0, lt=2**20)] = 0
    parts: Annotated[int, Field(ge=1, le=2**20)] = 1

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.dataset == "mnist") != (self.folder is not None):
            expected = "the folder of the four idx files" if self.folder is None else "none"
            raise ValueError(f"folder: expected {expected} with {self.dataset}, got {self.folder or 'none'}")
        for name, given in (("file", self.file), ("classes", self.classes)):
            if (self.dataset == "file") != (given is not None):
                expected = "one" if given is None else "none"
                raise ValueError(f"{name}: expected {expected} with dataset {self.dataset}, got {given or 'none'}")
        if self.part >= self.parts:
            raise ValueError(f"part: expected 0..{self.parts - 1} of {self.parts} parts, got {self.part}")
        return self

    @property
    def place(self) -> Path | None:
        """Where the samples are; None: in a package."""
        return self.folder or self.file


class WindowSettings(Section):
    """`[deadlines]` of a model owner: how long each step of its sessions may take, seconds."""

    register_secs: WindowSecs = 3_600
    commit_secs: WindowSecs = 3_600
    upload_secs: WindowSecs = 3_600
    reveal_secs: WindowSecs = 7_200
    accuse_secs: WindowSecs = 3_600
    aggregate_secs: WindowSecs = 3_600
    vote_secs: WindowSecs = 3_600
    select_secs: WindowSecs = 3_600


class MarginSettings(Section):
    """`[deadlines]` of a data owner: the shortest window that it accepts, and how long before its end it has acted.

    A role that would act later than that says so instead; a transaction needs a block, and blocks can be full.
    """

    shortest_window_secs: WindowSecs = 600
    margin_secs: Annotated[int, Field(ge=0, le=86_400)] = 120

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.margin_secs >= self.shortest_window_secs:
            raise ValueError(
                f"margin_secs: expected less than the {self.shortest_window_secs} of shortest_window_secs, "
                f"got {self.margin_secs}"
            )
        return self


class FinalitySettings(Section):
    """`[policy]` of a model owner: how deep a session's end must be before it is taken in."""

    finality_blocks: Annotated[int, Field(ge=0, le=10_000)] | None = None


class PolicySettings(FinalitySettings):
    """`[policy]` of a data owner: which offers and groups it accepts; the fields are those of `member.Policy`."""

    largest_bond_wei: Annotated[int, Field(ge=0, le=MAX_WEI)] | None = None
    largest_clip: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    block_secs: Annotated[int, Field(ge=1, le=3_600)] = 12
    least_fee_cap_gwei: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] | None = None
    accept_unsafe_small: bool = False
    honest_block_hashes: bool | None = None
    known_accounts: Annotated[frozenset[Account], Field(strict=False)] = frozenset()
    min_known_peers: Annotated[int, Field(ge=0, le=15)] = 0
    accept_near_repeats: bool = False
    vote_flip: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_known_peers > len(self.known_accounts):
            raise ValueError(
                f"min_known_peers: expected at most the {len(self.known_accounts)} of known_accounts, "
                f"got {self.min_known_peers}"
            )
        return self
