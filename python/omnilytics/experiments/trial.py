"""One trial: everything that decides a run of an experiment, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from omnilytics.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is run: equal trials give equal results. None means the recipe's own value.

    Attributes:
        dataset: a data set of `experiments.recipes`.
        split: side | layers.
        seed: of everything drawn.
        on_chain: whether the contract decides, on an embedded chain, or the same protocol without one.
        final_test: whether the test images judge; else images that no party has and no final figure is made with, for
            tuning.
        rule: a built-in rule's name, an entry point, or `module:Class`.
        rule_options: what its class is made with.
        attack: likewise; None: nobody attacks.
        attack_options: likewise.
        attackers: persistent attackers among the members, 0 <= attackers < 1, rounded half up.
        members: data owners that exist.
        rounds: R.
        group_size: N.
        sessions: model updates.
        samples: M0 of each member.
        owner_samples: what the model owner has.
        partition: iid | dirichlet.
        alpha: concentration, > 0, with `dirichlet`.
        standardised: whether features have mean 0 and standard deviation 1 over the owner's samples; else they are
            within 0..1.
        encoding: delta | weights.
        bound: Q, with `delta`.
        policy: abort | recover.
        records: whether suspicion decides who is seated.
        fit_rounds: whether the owner offers no more groups than members fill who aren't suspect.
        record_options: what the market's record is weighed with, fields of `tables.RecordConstants`.
        epochs: E of a member.
        owner_epochs: passes of the owner over its samples a session.
        pretraining: passes of the owner before the first session, `layers` alone.
        batch_size: B.
        learning_rate: of a member.
        augment: whether members distort their images.
        server_momentum: beta.
        public_layers: what `layers` publishes; None: the recipe's.
        stand_in: what plays the private part at a member, `layers` alone: shared | own | own-common.
        curve: whether accuracy is measured after every session, or after the last alone.
        run: `module:function` that runs the trial, (trial, folder of the data files or None) -> `TrialResult`; None:
            the market does.
    """

    dataset: str = "mnist"
    split: str = "side"
    seed: int = 0
    on_chain: bool = True
    final_test: bool = True
    rule: str = "norm"
    rule_options: Mapping[str, float | int | str] = field(default_factory=dict)
    attack: str | None = None
    attack_options: Mapping[str, float | int | str] = field(default_factory=dict)
    attackers: float = 0.0
    members: int | None = None
    rounds: int | None = None
    group_size: int | None = None
    sessions: int | None = None
    samples: int | None = None
    owner_samples: int | None = None
    partition: str = "iid"
    alpha: float | None = None
    standardised: bool = False
    encoding: str = "delta"
    bound: int = 7
    policy: str = "abort"
    records: bool = True
    fit_rounds: bool = True
    record_options: Mapping[str, int] = field(default_factory=dict)
    epochs: int | None = None
    owner_epochs: int | None = None
    pretraining: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    augment: bool | None = None
    server_momentum: float | None = None
    public_layers: tuple[str, ...] | None = None
    stand_in: str = "own-common"
    curve: bool = False
    run: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.attackers < 1:
            raise InputError(f"attackers: expected a share of the members, 0 <= share < 1, got {self.attackers}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """How groups fared over the sessions after the warm-up; `dirty` ones have an attacker in them.

    Attributes:
        dirty_paid: of them accepted, or paid in a session that selected nothing.
        dirty: all that were judged.
        clean_refused: of the others those that weren't paid.
        clean: all others that were judged.
        failed: those that nobody judged.
        dirty_unselected: of `dirty_paid` those in a session that selected nothing, whose groups are all paid (no
            evasion); None: nobody counted.
    """

    dirty_paid: int
    dirty: int
    clean_refused: int
    clean: int
    failed: int
    dirty_unselected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What came of a trial. Accuracies in per cent of the test samples.

    Attributes:
        start: the owner's model as it enters the market.
        alone: after as many adaptations as the run has, without the market.
        public: of W^p alone.
        final: of the owner's model.
        by_session: public and final after each session, or after the last alone without `Trial.curve`.
        weight: of the private model in the end.
        parameter_count: d.
        groups: how they fared, all sessions but the warm-up.
        groups_all: the same with the warm-up.
        attacker_share: of all rewards paid, what attackers got: 0 to 1; 0 where nothing was paid.
        diverged: whether it ended early for training that gave no finite numbers.
        gas: by phase; empty without a chain.
        calls: transactions by phase; empty without a chain.
        call_seconds: of a processor, that the chain took to execute the transactions, by phase; empty without a chain.
        seconds: by part (chain, training, evaluation, other); of no two runs equal.
        extra: what an attack or a rule measured besides (a backdoor's success rate, clipped values).
    """

    start: float
    alone: float
    public: float
    final: float
    by_session: tuple[tuple[float, float], ...]
    weight: float
    parameter_count: int
    groups: Groups
    groups_all: Groups
    attacker_share: float
    diverged: bool = False
    gas: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    call_seconds: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
