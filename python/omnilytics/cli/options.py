"""The options of `omnilytics demo` as typer wants them; what they mean and allow is in `config.DemoOptions`.

From `Picture` on they are those of other commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Seed = Annotated[int | None, typer.Option(help="Drives everything random. [default: 7]")]
Sessions = Annotated[int | None, typer.Option(help="Model updates. [default: the data set's recipe]")]
Members = Annotated[int | None, typer.Option(help="Data owners. [default: the recipe]")]
Rounds = Annotated[int | None, typer.Option(help="Groups a session, R. [default: the recipe]")]
GroupSize = Annotated[int | None, typer.Option(help="Data owners a group, N. [default: the recipe]")]
Mode = Annotated[
    Literal["calldata", "blob"] | None,
    typer.Option(help="How vectors travel; gas of blobs hardly grows with the model. [default: calldata]"),
]
Packed = Annotated[
    bool | None,
    typer.Option("--packed/--no-packed", help="Put 21 values in an element; --mode blob. [default: no-packed]"),
]
BlobsFolder = Annotated[
    Path | None, typer.Option("--blobs", metavar="DIR", help="Keep all uploads here; --mode blob. [default: in memory]")
]
Policy = Annotated[
    Literal["abort", "recover"] | None,
    typer.Option(help="Who drops out costs its group its work, or the others recover it. [default: abort]"),
]
Threshold = Annotated[
    int | None, typer.Option(help="Data owners that recover a group, T. [default: more than two thirds]")
]
Dropouts = Annotated[
    int | None, typer.Option(help="Data owners gone at random steps of each session; --policy recover. [default: 0]")
]
RewardWei = Annotated[int | None, typer.Option(help="Paid by the owner in each session. [default: the recipe]")]
Attackers = Annotated[int | None, typer.Option(help="Data owners that attack, drawn by the seed. [default: 0]")]
Attack = Annotated[
    Literal["garbage", "scaled"] | None,
    typer.Option(help="Uniform 256-bit words, or the own step times 100, clipped. [default: garbage]"),
]
Dataset = Annotated[
    Literal["digits", "mnist"] | None,
    typer.Option(help="scikit-learn's digits, or MNIST from --data-dir. [default: digits]"),
]
DataDir = Annotated[Path | None, typer.Option(help="The folder of the MNIST idx files.")]
OwnerSamples = Annotated[int | None, typer.Option(help="Samples of the owner. [default: the recipe]")]
Samples = Annotated[int | None, typer.Option(help="Samples of each data owner. [default: the recipe]")]
Partition = Annotated[Literal["iid", "dirichlet"] | None, typer.Option(help="How samples are dealt. [default: iid]")]
Alpha = Annotated[float | None, typer.Option(help="Dirichlet concentration; small: few classes each.")]
Split = Annotated[
    Literal["side", "layers"] | None,
    typer.Option(help="Public: a side network, or layers of the model (the paper). [default: side]"),
]
StandIn = Annotated[
    Literal["own-common", "own", "shared"] | None,
    typer.Option(help="Private layers at a data owner, with --split layers. [default: own-common]"),
]
Encoding = Annotated[
    Literal["delta", "weights"] | None,
    typer.Option(help="Upload clipped differences, or weights (the paper; needs --select krum). [default: delta]"),
]
Bound = Annotated[int | None, typer.Option(help="Q, largest integer of a difference. [default: 7]")]
Suite = Annotated[Literal["aes", "keccak"] | None, typer.Option(help="Expands masks. [default: the policy's]")]
Assignment = Annotated[
    Literal["shuffled", "greedy"] | None, typer.Option(help="How seats are given. [default: shuffled]")
]
Select = Annotated[
    Literal["norm", "norm+vote", "krum"] | None,
    typer.Option(help="The outlier rule: lengths, those and a vote, or Krum. [default: norm+vote]"),
]
KrumMu = Annotated[float | None, typer.Option(help="Share of bad groups assumed. [default: the recipe]")]
KrumM = Annotated[int | None, typer.Option(help="Groups that Krum picks. [default: the recipe]")]
KrumPicks = Annotated[
    Literal["strict", "paper"] | None,
    typer.Option(help="Keep the proven bound on --krum-m, or pick as the paper did. [default: strict]"),
]
VoteFlip = Annotated[
    bool | None,
    typer.Option("--vote-flip/--no-vote-flip", help="Flip each bit of a vote with chance 1/8. [default: no-vote-flip]"),
]
FeeCap = Annotated[float | None, typer.Option(help="Most that is paid back for a gas; 0: nothing is. [default: 2]")]
Records = Annotated[
    bool | None, typer.Option("--records/--no-records", help="Let the market remember who did well. [default: records]")
]
Epochs = Annotated[int | None, typer.Option(help="E, at each data owner. [default: the recipe]")]
BatchSize = Annotated[int | None, typer.Option(help="B, at each data owner. [default: the recipe]")]
LearningRate = Annotated[float | None, typer.Option(help="At each data owner. [default: the recipe]")]
Augment = Annotated[
    bool | None, typer.Option("--augment/--no-augment", help="Shift and turn images. [default: the recipe]")
]
Patience = Annotated[
    int | None, typer.Option(help="Stop after so many updates without a gain on the owner's samples. [default: never]")
]
ServerMomentum = Annotated[float | None, typer.Option(help="At the owner. [default: the recipe]")]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the result, and FILE.record.jsonl.gz; - prints it."),
]
Report = Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write one self-contained page with pictures.")]
Dashboard = Annotated[
    bool, typer.Option("--dashboard/--no-dashboard", help="Live pictures on a terminal, or log lines.")
]
Picture = Annotated[
    bool, typer.Option("--dashboard/--no-dashboard", help="Show the whole session: live pictures on a terminal.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
RecordFile = Annotated[
    Path | None,
    typer.Option("--record", metavar="FILE", help="Keep what is read, for `verify` and `observe --replay`."),
]
ResultFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result; - prints it.")]
