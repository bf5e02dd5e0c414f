"""What people type, validated: the options of a run as a frozen pydantic model. `None` means the recipe's own value.

`options_from` turns plain values into a model and pydantic's complaints into one `InputError` that names the option,
what was expected and what was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from omnilytics.errors import InputError
from omnilytics.types import MAX_PACKED_SUM

MAX_WEI = 2**127 - 1
"""The largest amount of money a run takes, in wei: more than all the ether there is."""

Count = Annotated[int, Field(ge=1, le=2**20)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Options = TypeVar("Options", bound=BaseModel)

MIN_ROUNDS = 3
"""Groups without which a session isn't worth its while: fewer, and everybody has their money back."""


class ShapeOptions(BaseModel):
    """What a session looks like: its groups, its vectors, its rule, its reward.

    Attributes:
        dataset: `digits` (comes with scikit-learn) or `mnist`.
        split: what is public: a side network of its own, or named layers of the one model (the paper's).
        members: data owners that exist.
        rounds: groups a session wants, R.
        group_size: data owners in a group, N; at least 3, or one colluder would see the other's upload.
        mode: whether vectors travel in calldata, or in blobs, whose gas hardly grows with the model.
        packed: whether 21 values share an element of a blob; mode `blob` only.
        policy: what happens when data owners drop out: their group is lost, or recovered by the others.
        threshold: data owners of a group, T, that recover it; `recover` only.
        reward_wei: paid by the owner in each session.
        encoding: upload the clipped difference, or the weights at scale 10^8 (the paper's).
        bound: Q, the largest integer that a difference is rounded to; `delta` only.
        assignment: how data owners get their seats.
        select: the rule that finds outliers among groups.
        krum_mu: assumed share of bad groups, 0 to 0.5; `krum` only.
        krum_m: groups that Krum picks; `krum` only.
        krum_picks: keep the proven bound on `krum_m`, or pick as the paper did; `krum` only.
        fee_cap_gwei: the most that is paid back for a gas; 0: nothing is.
        records: whether the session reads and writes the market's records of members.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Literal["digits", "mnist"] = "digits"
    split: Literal["side", "layers"] = "side"
    members: Count | None = None
    rounds: Annotated[int, Field(ge=1, le=64)] | None = None
    group_size: Annotated[int, Field(ge=3, le=16)] | None = None
    mode: Literal["calldata", "blob"] = "calldata"
    packed: bool = False
    policy: Literal["abort", "recover"] = "abort"
    threshold: Annotated[int, Field(ge=3, le=16)] | None = None
    reward_wei: Annotated[int, Field(ge=1, le=MAX_WEI)] | None = None
    encoding: Literal["delta", "weights"] = "delta"
    bound: Annotated[int, Field(ge=1, le=2**31 - 1)] = 7
    assignment: Literal["shuffled", "greedy"] = "shuffled"
    select: Literal["norm", "norm+vote", "krum"] = "norm+vote"
    krum_mu: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] | None = None
    krum_m: Count | None = None
    krum_picks: Literal["strict", "paper"] = "strict"
    fee_cap_gwei: Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)] = 2.0
    records: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuses combinations that can't work, whatever the recipe fills in."""
        self._check_encoding()
        self._check_packing()
        self._check_krum()
        self._check_members()
        self._check_policy()
        return self

    def _check_encoding(self) -> None:
        if self.encoding == "weights" and self.select != "krum":
            raise ValueError(
                f"encoding: expected delta with --select {self.select}, whose limit is set for clipped differences, "
                "got weights. Add --select krum"
            )
        if self.encoding == "weights" and "bound" in self.model_fields_set:
            raise ValueError(f"bound: expected none with --encoding weights, which sets its own, got {self.bound}")
        if self.encoding == "delta" and (self.group_size or 2) * self.bound >= 2**31:
            raise ValueError(
                f"bound: expected group size x bound below 2^31, or no lane holds the sum, got "
                f"{self.group_size or 2} x {self.bound}"
            )

    def _check_packing(self) -> None:
        if not self.packed:
            return
        if self.mode == "calldata":
            raise ValueError("packed: expected none without --mode blob, got packed values")
        if self.encoding == "weights":
            raise ValueError("packed: expected none with --encoding weights, whose sums no 12 bits hold")
        if (self.group_size or 2) * self.bound > MAX_PACKED_SUM:
            raise ValueError(
                f"bound: expected group size x bound of at most {MAX_PACKED_SUM} with --packed, got "
                f"{self.group_size or 2} x {self.bound}"
            )

    def _check_members(self) -> None:
        if self.members is None or self.group_size is None:
            return
        groups = 1 if self.rounds is None else min(MIN_ROUNDS, self.rounds)
        if self.members < groups * self.group_size:
            raise ValueError(
                f"members: expected at least {groups * self.group_size}, {groups} x {self.group_size} of --group-size, "
                f"got {self.members}"
            )

    def _check_policy(self) -> None:
        if self.policy == "abort" and self.threshold is not None:
            raise ValueError(f"threshold: expected none without --policy recover, got {self.threshold}")
        if self.threshold is not None and self.group_size is not None and self.threshold > self.group_size:
            raise ValueError(
                f"threshold: expected at most the {self.group_size} data owners of --group-size, got {self.threshold}"
            )

    def _check_krum(self) -> None:
        given = self.model_fields_set
        if self.select != "krum":
            for name in ("krum_mu", "krum_m", "krum_picks"):
                if name in given and getattr(self, name) is not None:
                    raise ValueError(f"{name}: expected none without --select krum, got {getattr(self, name)}")
            return
        if self.rounds is None:
            return
        if not 3 <= self.rounds <= 16:
            raise ValueError(f"rounds: expected 3 to 16 groups with --select krum, got {self.rounds}")
        if self.krum_m is not None and self.krum_m > self.rounds:
            raise ValueError(f"krum_m: expected at most the {self.rounds} groups of --rounds, got {self.krum_m}")
        if self.krum_picks == "strict" and self.krum_mu is not None:
            self._check_strict(self.rounds, self.krum_mu)

    def _check_strict(self, rounds: int, mu: float) -> None:
        """`strict` needs a number of picks m with 1 <= m < (1 - 2 mu) R - 2 (E16)."""
        limit = (1 - 2 * Fraction(round(mu * 10_000), 10_000)) * rounds - 2
        if limit <= 1:
            raise ValueError(
                "krum_mu: expected (1 - 2 mu) R - 2 above 1, so that a number of picks below it exists, got mu "
                f"{mu:g} and {rounds} groups, where it is {float(limit):g}. "
                "Lower --krum-mu, raise --rounds, or take --krum-picks paper"
            )
        if self.krum_m is not None and self.krum_m >= limit:
            raise ValueError(
                f"krum_m: expected less than (1 - 2 mu) R - 2 = {float(limit):g} picks, got {self.krum_m}. "
                "Lower --krum-m or take --krum-picks paper"
            )


class DemoOptions(ShapeOptions):
    """The main job: an owner, its data owners, and the sessions between them.

    Attributes:
        seed: drives data, keys, masks, rounding and attackers, 0 to 2^63 - 1.
        sessions: model updates to run, at most.
        patience: stop after so many updates in a row without a gain on the owner's own samples.
        data_dir: the folder of the idx files of `mnist`.
        owner_samples: samples that the model owner has.
        samples: samples that each data owner has, M0.
        partition: how samples are dealt to the data owners: evenly mixed, or by Dirichlet shares of each class.
        alpha: the Dirichlet concentration; small means few classes each.
        stand_in: what plays the private layers at a data owner; `layers` only.
        suite: the generator that expands masks; `recover` takes `keccak` alone.
        blobs: the folder that all uploads are kept in, with `blob`; None: in memory.
        vote_flip: whether each bit of a vote is flipped with probability 1/8; `norm+vote` only.
        dropouts: data owners with a seat that are gone from some step on, others in each session; `recover` only.
        attackers: data owners that attack in every session, drawn by the seed.
        attack: upload uniform 256-bit words, or the own step times 100, clipped.
        epochs: E, passes of a data owner over its samples.
        batch_size: B.
        learning_rate: of the data owners' training.
        augment: random shifts, rotations and scales at the data owners.
        server_momentum: of the model owner's updates, 0 to below 1.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 7
    sessions: Annotated[int, Field(ge=1, le=10_000)] | None = None
    patience: Annotated[int, Field(ge=1, le=10_000)] | None = None
    data_dir: Path | None = None
    owner_samples: Count | None = None
    samples: Count | None = None
    partition: Literal["iid", "dirichlet"] = "iid"
    alpha: Positive | None = None
    stand_in: Literal["own-common", "own", "shared"] = "own-common"
    suite: Literal["aes", "keccak"] | None = None
    blobs: Path | None = None
    vote_flip: bool = False
    dropouts: Annotated[int, Field(ge=0, le=2**20)] = 0
    attackers: Annotated[int, Field(ge=0, le=2**20)] = 0
    attack: Literal["garbage", "scaled"] = "garbage"
    epochs: Annotated[int, Field(ge=1, le=1000)] | None = None
    batch_size: Count | None = None
    learning_rate: Positive | None = None
    augment: bool | None = None
    server_momentum: Share | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        """Refuses combinations that can't work, whatever the recipe fills in."""
        self._check_switches()
        self._check_recovery()
        if self.members is not None and self.attackers > self.members:
            raise ValueError(
                f"attackers: expected at most the {self.members} data owners of --members, got {self.attackers}"
            )
        return self

    def _check_recovery(self) -> None:
        if self.mode == "blob" and self.suite == "aes":
            raise ValueError("suite: expected keccak with --mode blob, whose masks are of another kind, got aes")
        if self.blobs is not None and self.mode == "calldata":
            raise ValueError("blobs: expected none without --mode blob, got a folder")
        if self.policy == "recover" and self.suite == "aes":
            raise ValueError("suite: expected keccak with --policy recover, which contracts can expand, got aes")
        if self.policy == "abort" and self.dropouts:
            raise ValueError(f"dropouts: expected none without --policy recover, got {self.dropouts}")

    def _check_switches(self) -> None:
        given = self.model_fields_set
        if self.split == "side" and "stand_in" in given:
            raise ValueError(
                f"stand_in: expected none with --split side, where no private layer needs one, got {self.stand_in}"
            )
        _check_data_dir(self.dataset, self.data_dir)
        if self.partition == "iid" and self.alpha is not None:
            raise ValueError(f"alpha: expected none with --partition iid, got {self.alpha:g}")
        if self.vote_flip and self.select != "norm+vote":
            raise ValueError(f"vote_flip: expected --select norm+vote with it, got {self.select}")
        if self.attackers == 0 and "attack" in given:
            raise ValueError(f"attack: expected --attackers of at least 1 with it, got 0 attackers for {self.attack}")


class QuoteOptions(ShapeOptions):
    """What a session would cost.

    Attributes:
        parameters: d, public parameters; None: those of the data set and the split.
        capacity: how many may register; None: the members.
        leaves: accounts under a Merkle root; None: the owner lists as many as the capacity.
        gas_price_gwei: the base fee that senders pay for a gas; tips are their own.
        blob_gas_price_gwei: what is paid for a blob gas; None: the least that it ever is, a sixteenth of the base fee.
        blob_ceiling_gwei: the most that a data owner bids for one, as `[fees]` has it.
    """

    parameters: Count | None = None
    capacity: Annotated[int, Field(ge=1, le=4_096)] | None = None
    leaves: Annotated[int, Field(ge=1, le=2**32)] | None = None
    gas_price_gwei: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] = 1.0
    blob_gas_price_gwei: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] | None = None
    blob_ceiling_gwei: Annotated[float, Field(gt=0, le=10**6, allow_inf_nan=False)] = 100.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("blob_gas_price_gwei", "blob_ceiling_gwei"):
            if self.mode == "calldata" and name in self.model_fields_set:
                raise ValueError(f"{name}: expected none without --mode blob, got {getattr(self, name):g}")
        if (self.blob_gas_price_gwei or 0) > self.blob_ceiling_gwei:
            raise ValueError(
                f"blob_ceiling_gwei: expected at least the {self.blob_gas_price_gwei:g} of --blob-gas-price-gwei, or "
                f"nobody posts, got {self.blob_ceiling_gwei:g}"
            )
        return self


class LocalnetOptions(ShapeOptions):
    """A market of processes on a chain of one's own.

    Attributes:
        data_dir: the folder of the idx files of `mnist`.
        window_secs: how long each step may take; all but `share_secs` end as soon as everybody has acted.
        share_secs: how long sharing may take, which policy `recover` waits out; None: half a minute, and longer with
            more members.
        accuse_secs: how long sums may be accused, which mode `blob` waits out; with `recover` two minutes at least.
        per_process: data owners that share a process.
        port: of the node; None: a free one.
    """

    members: Count = 32
    rounds: Annotated[int, Field(ge=1, le=64)] = 8
    group_size: Annotated[int, Field(ge=3, le=16)] = 4
    reward_wei: Annotated[int, Field(ge=1, le=MAX_WEI)] = 10**18
    data_dir: Path | None = None
    window_secs: Annotated[int, Field(ge=30, le=86_400)] = 900
    share_secs: Annotated[int, Field(ge=30, le=86_400)] | None = None
    accuse_secs: Annotated[int, Field(ge=10, le=86_400)] = 30
    per_process: Annotated[int, Field(ge=1, le=256)] = 1
    port: Annotated[int, Field(ge=1_024, le=65_535)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check_data_dir(self.dataset, self.data_dir)
        if self.policy == "abort" and self.share_secs is not None:
            raise ValueError(f"share_secs: expected none without --policy recover, got {self.share_secs}")
        if self.mode == "calldata" and "accuse_secs" in self.model_fields_set:
            raise ValueError(f"accuse_secs: expected none without --mode blob, got {self.accuse_secs}")
        return self

    @property
    def commit_secs(self) -> int:
        """How long committing, or sharing, may take."""
        if self.policy == "abort":
            return self.window_secs
        return self.share_secs or 30 + 2 * self.members

    @property
    def reveal_secs(self) -> int:
        """How long revealing may take; in blobs with `recover` that is how long sums may be accused, too."""
        both = self.mode == "blob" and self.policy == "recover"
        return max(120, self.accuse_secs) if both else self.window_secs


def options_from(values: Mapping[str, Any]) -> DemoOptions:
    """The options of a run that `values` spell, unset ones left to their defaults.

    Raises:
        InputError: a value or a combination that can't work: names each option, what was expected and given.
    """
    return _checked(DemoOptions, values)


def quote_options_from(values: Mapping[str, Any]) -> QuoteOptions:
    """The options of a quote that `values` spell, unset ones left to their defaults.

    Raises:
        InputError: as `options_from`.
    """
    return _checked(QuoteOptions, values)


def localnet_options_from(values: Mapping[str, Any]) -> LocalnetOptions:
    """The options of a market of processes that `values` spell, unset ones left to their defaults.

    Raises:
        InputError: as `options_from`.
    """
    return _checked(LocalnetOptions, values)


def _checked(kind: type[Options], values: Mapping[str, Any]) -> Options:
    try:
        return kind(**values)
    except ValidationError as error:
        raise InputError("; ".join(_plain(e) for e in error.errors(include_url=False))) from None


def _check_data_dir(dataset: str, data_dir: Path | None) -> None:
    if dataset == "mnist" and data_dir is None:
        raise ValueError(
            "data_dir: expected the folder of the four MNIST idx files with --dataset mnist, got none. "
            "`omnilytics data fetch mnist --data-dir DIR --mirror URL` downloads them"
        )
    if dataset == "digits" and data_dir is not None:
        raise ValueError(
            f"data_dir: expected none with --dataset digits, which comes with scikit-learn, got {data_dir}"
        )


def _plain(error: Any) -> str:
    """One pydantic error in plain words, options as they are typed."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "value_error":
        name, _, rest = message.partition(": ")
        return f"{_flag(name)}: {rest}"
    place = _flag(".".join(str(part) for part in error["loc"][:1]))
    if error["type"] == "extra_forbidden":
        return f"{place}: expected one of the documented options, got an unknown one"
    return f"{place}: expected {expected_by(error)}, got {error['input']!r}"


def expected_by(error: Any) -> str:
    """What one pydantic error says should have been there."""
    if error["type"] == "path_type":
        return "a path"
    if error["type"] == "literal_error":
        return str(error["ctx"]["expected"])
    expected = str(error["msg"]).removeprefix("Input should be ").removeprefix("a valid ").partition(",")[0]
    return f"a number {expected}" if expected.startswith(("greater", "less")) else expected


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")
