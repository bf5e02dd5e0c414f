"""What was found to work on the data sets, and how a run's model and data are made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from torch import nn

from omnilytics.config import DemoOptions
from omnilytics.errors import DataError, InputError
from omnilytics.experiments import shapes
from omnilytics.experiments.trial import Trial
from omnilytics.model.nets import DigitsNet, DigitsPrivate, DigitsSide, FeatureNet, LeNet, SideConv, initialise
from omnilytics.model.split import PRETRAINING, LayersSplit, SideSplit, Split, StandIn, common_start
from omnilytics.protocol.pipeline import IMAGE_MOMENTUM, Plan
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset, load_digits, load_mnist, partition_dirichlet, partition_iid

DIGITS_TEST = 597
"""Digits that nobody trains on; the other 1,200 are dealt to the owners."""

OWN = "file"
"""The name of a data set of one's own."""

ALPHA = 0.5
"""The Dirichlet concentration, unless told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything about a run that the data set and the split decide.

    Attributes:
        dataset: digits | mnist | shapes.
        split: side | layers.
        members: data owners that exist; rounds * group_size of them sit in a session.
        rounds: R.
        group_size: N.
        samples_per_member: M0.
        owner_samples: what the model owner has.
        sessions: model updates.
        train: how a data owner trains.
        owner_train: how the model owner trains its own part.
        pretraining: epochs before the first session (`layers` alone).
        server_momentum: beta (`train.server`).
        bound: Q.
        public_net: makes W^p (`side` alone).
        private_net: makes W^s, or with `layers` the whole model.
        public_layers: what `layers` publishes.
    """

    dataset: str
    split: str
    members: int
    rounds: int = 8
    group_size: int = 4
    samples_per_member: int = 20
    owner_samples: int = 40
    sessions: int
    train: TrainConfig
    owner_train: TrainConfig
    pretraining: int = PRETRAINING
    server_momentum: float
    bound: int = 7
    public_net: Callable[[], nn.Module] | None = None
    private_net: Callable[[], nn.Module]
    public_layers: tuple[str, ...] = ()

    def offered(self, terms: Terms) -> Terms:
        """The terms with what a member trains with."""
        train = self.train
        return replace(terms, samples=self.samples_per_member, epochs=train.epochs, batch_size=train.batch_size)

    def plan(self, terms: Terms, *, patience: int | None = None, fit_rounds: bool = False) -> Plan:
        """Its sessions, under these terms with what a member trains with."""
        return Plan(
            sessions=self.sessions,
            terms=self.offered(terms),
            training=self.train,
            owner_training=self.owner_train,
            server_momentum=self.server_momentum,
            patience=patience,
            fit_rounds=fit_rounds,
        )


LAYERS = ("conv2", "linear2", "linear3")
"""What the paper publishes of its network (Table 3, PL = 3)."""

MNIST_SIDE = Recipe(
    dataset="mnist",
    split="side",
    members=64,
    sessions=24,
    train=TrainConfig(epochs=4, batch_size=5, learning_rate=0.08, momentum=0.5, augment=True, distortion=1.5),
    owner_train=TrainConfig(epochs=60, batch_size=5, learning_rate=0.05, momentum=0.5, augment=True),
    server_momentum=0.8,
    public_net=SideConv,
    private_net=LeNet,
)

MNIST_LAYERS = Recipe(
    dataset="mnist",
    split="layers",
    members=64,
    sessions=24,
    train=TrainConfig(epochs=2, batch_size=10, learning_rate=0.05, momentum=0.5, augment=False, warm_up=()),
    owner_train=TrainConfig(epochs=2, batch_size=10, learning_rate=0.05, momentum=0.5, augment=False),
    pretraining=40,
    server_momentum=0.0,
    private_net=LeNet,
    public_layers=LAYERS,
)

DIGITS_SIDE = Recipe(
    dataset="digits",
    split="side",
    members=32,
    sessions=8,
    train=TrainConfig(epochs=8, batch_size=5, learning_rate=0.1, momentum=0.5, augment=True, warm_up=()),
    owner_train=TrainConfig(epochs=60, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False),
    server_momentum=0.8,
    public_net=DigitsSide,
    private_net=DigitsPrivate,
)

DIGITS_LAYERS = Recipe(
    dataset="digits",
    split="layers",
    members=32,
    sessions=8,
    train=TrainConfig(epochs=4, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False, warm_up=()),
    owner_train=TrainConfig(epochs=2, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False),
    pretraining=60,
    server_momentum=0.0,
    private_net=DigitsNet,
    public_layers=LAYERS,
)

SHAPES_SIDE = Recipe(
    dataset="shapes",
    split="side",
    members=32,
    sessions=8,
    train=TrainConfig(epochs=2, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False, warm_up=()),
    owner_train=TrainConfig(epochs=20, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False),
    server_momentum=0.8,
    public_net=shapes.adapters,
    private_net=shapes.adapters,
)

RECIPES = {(r.dataset, r.split): r for r in (MNIST_SIDE, MNIST_LAYERS, DIGITS_SIDE, DIGITS_LAYERS, SHAPES_SIDE)}


def given(**values: Any) -> dict[str, Any]:
    """Those that aren't None: what is changed in a recipe."""
    return {name: value for name, value in values.items() if value is not None}


def chosen_recipe(choice: DemoOptions | Trial) -> Recipe:
    """The recipe of its data set and split, with what it says otherwise.

    Raises:
        InputError: there is none.
    """
    recipe = recipe_for(choice.dataset, choice.split)
    train = given(
        epochs=choice.epochs, batch_size=choice.batch_size, learning_rate=choice.learning_rate, augment=choice.augment
    )
    changes = given(
        members=choice.members,
        rounds=choice.rounds,
        group_size=choice.group_size,
        samples_per_member=choice.samples,
        owner_samples=choice.owner_samples,
        sessions=choice.sessions,
        server_momentum=choice.server_momentum,
    )
    return replace(recipe, train=replace(recipe.train, **train), **changes)


def recipe_for(dataset: str, split: str) -> Recipe:
    """The recipe of a data set and a split.

    Raises:
        InputError: there is none.
    """
    if (dataset, split) not in RECIPES:
        known = ", ".join(f"{d} with {s}" for d, s in RECIPES)
        raise InputError(f"recipe: expected one of {known}; got {dataset} with {split}")
    return RECIPES[dataset, split]


PRIVATE_UNITS = 64
"""Hidden units of the private model for features."""


def own_recipe(shape: Sequence[int], classes: int, width: int) -> Recipe:
    """The recipe for samples of one's own: that of the digits, with networks of that size.

    Args:
        shape: of one sample: (f,) or (c, h, w) with h and w of at least 2.
        classes: how many there are.
        width: of the public network: hidden units, or channels.

    Raises:
        InputError: another shape, fewer than 2 classes, or no width.
    """
    if classes < 2 or width < 1:
        raise InputError(f"model: expected at least 2 classes and a width of 1, got {classes} and {width}")
    public: Callable[[], nn.Module]
    private: Callable[[], nn.Module]
    match tuple(shape):
        case (int(f),):
            public, private = partial(FeatureNet, f, width, classes), partial(FeatureNet, f, PRIVATE_UNITS, classes)
        case (int(c), int(h), int(w)) if min(h, w) >= 2:
            public, private = partial(DigitsSide, width, (c, h, w), classes), partial(DigitsPrivate, (c, h, w), classes)
        case other:
            raise InputError(f"samples: expected features (f,) or images (c, h, w) of 2x2 or more, got {other}")
    return replace(
        DIGITS_SIDE,
        dataset=OWN,
        train=replace(DIGITS_SIDE.train, augment=None),
        owner_train=replace(DIGITS_SIDE.owner_train, augment=False),
        server_momentum=IMAGE_MOMENTUM if len(shape) == 3 else 0.0,
        public_net=public,
        private_net=private,
    )


def build_split(recipe: Recipe, seeds: Seeds, stand_in: StandIn = StandIn.OWN_COMMON) -> Split:
    """The recipe's model, untrained, in its two parts; `stand_in` matters to `layers` alone."""
    if recipe.public_net is not None:
        private = initialise(recipe.private_net(), seeds.torch("model", "private"))
        return SideSplit(private, initialise(recipe.public_net(), seeds.torch("model", "public")))
    model = recipe.private_net()
    if stand_in is StandIn.OWN_COMMON:
        common_start(model, seeds)
    else:
        initialise(model, seeds.torch("model", "private"))
    return LayersSplit(model, recipe.public_layers, stand_in, recipe.pretraining)


@dataclass(frozen=True, slots=True)
class Material:
    """The data of a run, disjoint: the model owner's, each data owner's, and what accuracy is measured on."""

    owner: Dataset
    members: list[Dataset]
    test: Dataset

    def standardised(self) -> Material:
        """All features less the mean over the owner's, divided by their standard deviation: two numbers for all."""
        mean, spread = self.owner.x.mean(), self.owner.x.std()

        def of(data: Dataset) -> Dataset:
            return replace(data, x=(data.x - mean) / spread)

        return Material(of(self.owner), [of(member) for member in self.members], of(self.test))


HELD_OUT = 5_000
"""Most samples that are kept from everybody to tune on."""


def build_data(
    recipe: Recipe,
    seeds: Seeds,
    directory: Path | None = None,
    partition: str = "iid",
    alpha: float = ALPHA,
    final_test: bool = True,
) -> Material:
    """Deal the recipe's data set to its owners by the seed; the model owner's samples are always drawn evenly.

    Args:
        recipe: data set and sizes.
        seeds: the run's.
        directory: the MNIST files.
        partition: iid | dirichlet, for the data owners.
        alpha: the Dirichlet concentration.
        final_test: measure on the data set's test samples; else on samples that could have been dealt and weren't, so
            that what is tuned has never seen the test.

    Raises:
        DataError: files missing or corrupt.
        InputError: not enough samples, or an unknown partition.
    """
    rng = seeds.numpy("data")
    pool, test = load_pool(recipe, directory, keep=True)
    order = rng.permutation(len(pool))
    if not final_test:
        spare = min(HELD_OUT, len(pool) - recipe.owner_samples - recipe.members * recipe.samples_per_member)
        if spare < 1:
            raise InputError(f"{pool.name}: expected samples that nobody has to tune on, got none of {len(pool)}")
        order, test = order[:-spare], pool.take(order[-spare:])
    owner, rest = pool.take(order[: recipe.owner_samples]), order[recipe.owner_samples :]
    if len(owner) < recipe.owner_samples:
        raise InputError(f"{pool.name}: expected {recipe.owner_samples} samples for the owner, got {len(owner)}")
    match partition:
        case "iid":
            members = partition_iid(pool, recipe.members, recipe.samples_per_member, rng, rest)
        case "dirichlet":
            members = partition_dirichlet(pool, recipe.members, recipe.samples_per_member, alpha, rng, rest)
        case _:
            raise InputError(f"partition: expected iid or dirichlet, got {partition!r}")
    return Material(owner, members, test)


def load_pool(recipe: Recipe, directory: Path | None, keep: bool = False) -> tuple[Dataset, Dataset]:
    """What is dealt, and what is tested on.

    Args:
        recipe: names the data set.
        directory: the MNIST files.
        keep: MNIST (220 MB) is read once a process, and its arrays can't be written to.

    Raises:
        DataError: files missing or corrupt.
    """
    if recipe.dataset == "mnist":
        if directory is None:
            raise DataError("mnist: expected the folder of its files (--data-dir), got none")
        return _kept_mnist(directory) if keep else load_mnist(directory)
    if recipe.dataset == "shapes":
        return shapes.pool()
    digits = load_digits()
    order = Seeds(0).numpy("digits", "test").permutation(len(digits))
    return digits.take(order[DIGITS_TEST:]), digits.take(order[:DIGITS_TEST])


@lru_cache(maxsize=1)
def _kept_mnist(directory: Path) -> tuple[Dataset, Dataset]:
    """What the folder holds can't be anything else later: `load_mnist` takes the original files alone."""
    halves = load_mnist(directory)
    for half in halves:
        half.x.flags.writeable = half.y.flags.writeable = False
    return halves
