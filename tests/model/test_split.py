"""What each split publishes, keeps and says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from omnilytics.errors import EncodingError, InputError
from omnilytics.model.nets import DigitsNet, DigitsPrivate, DigitsSide, initialise
from omnilytics.model.split import LayersSplit, SideSplit, Split, StandIn, common_start
from omnilytics.model.vector import to_vector
from omnilytics.seeds import Seeds
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset
from omnilytics.train.evaluate import accuracy
from omnilytics.train.local import train_local

LAYERS = ("conv2", "linear3")
SEEDS = Seeds(3)
CONFIG = TrainConfig(epochs=2, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False)


def side() -> SideSplit:
    return SideSplit(
        initialise(DigitsPrivate(), SEEDS.torch("private")), initialise(DigitsSide(), SEEDS.torch("public"))
    )


def layers(stand_in: StandIn) -> LayersSplit:
    return LayersSplit(initialise(DigitsNet(), SEEDS.torch("model")), LAYERS, stand_in)


def every_split() -> list[Split]:
    return [side(), *(layers(s) for s in StandIn)]


def private_values(split: Split) -> NDArray[np.float32]:
    if isinstance(split, SideSplit):
        return to_vector(split.private)
    assert isinstance(split, LayersSplit)
    return to_vector(split.model, split.private_names)


def neighbours(array: NDArray[np.float32]) -> set[tuple[float, float]]:
    """Pairs of adjacent values: single float32 values coincide by chance, pairs don't."""
    flat = array.ravel().tolist()
    return set(pairwise(flat))


@pytest.mark.parametrize("split", every_split(), ids=lambda s: f"{s.name}-{getattr(s, 'stand_in', '')}")
def test_nothing_private_leaves_but_where_it_says_so(split: Split, digits: Dataset) -> None:
    """Watches all that leaves the owner over a session: the vector, what it declares, and what members compute with."""
    split.adapt(digits.take(np.arange(20)), CONFIG, SEEDS.numpy("owner"))
    secret = neighbours(private_values(split))
    sent = [split.public_vector(), *split.outgoing().values(), to_vector(split.member_model(0, SEEDS).module)]
    common = secret & set().union(*(neighbours(array) for array in sent))
    if "everything" in split.reveals:
        assert len(common) > 0.99 * len(secret)
    else:
        assert common == set()


@pytest.mark.parametrize("split", every_split(), ids=lambda s: f"{s.name}-{getattr(s, 'stand_in', '')}")
def test_the_public_part_goes_out_and_in(split: Split, digits: Dataset) -> None:
    vector = split.public_vector()
    assert vector.shape == (split.parameter_count,)
    split.load_public(vector + np.float32(1))
    assert np.array_equal(split.public_vector(), vector + np.float32(1))
    with pytest.raises(EncodingError, match="expected shape"):
        split.load_public(vector[1:])
    assert split.logits(digits.x).shape == split.public_logits(digits.x).shape == (len(digits), 10)
    assert np.array_equal(split.predict(digits.x), split.logits(digits.x).argmax(axis=1))


@pytest.mark.parametrize("index", range(4), ids=["side", *StandIn])
def test_what_was_kept_goes_on_as_if_it_had_never_been_away(index: int, digits: Dataset) -> None:
    """Adapted twice, and kept in between: the same model."""
    data = digits.take(np.arange(20))
    undisturbed, first, second = (every_split()[index] for _ in range(3))
    for split in (undisturbed, first):
        split.adapt(data, CONFIG, SEEDS.numpy("owner", 0))
    second.restore(first.state())
    for split in (undisturbed, second):
        split.load_public(split.public_vector() + np.float32(0.01))
        split.adapt(data, CONFIG, SEEDS.numpy("owner", 1))
    assert np.array_equal(second.logits(digits.x), undisturbed.logits(digits.x))
    assert second.weight == undisturbed.weight
    left = {name: array.tobytes() for name, array in second.state().items()}
    assert left == {name: array.tobytes() for name, array in undisturbed.state().items()}


@pytest.mark.parametrize("part", ["public", "private"])
def test_what_isn_t_its_state_is_refused(part: str) -> None:
    for split in (side(), layers(StandIn.OWN)):
        state = split.state()
        name = next(name for name in state if name.startswith(f"{part}."))
        for wrong in (state[name].astype(np.float64), state[name][..., None], np.full_like(state[name], np.nan)):
            with pytest.raises(EncodingError, match="expected f"):
                split.restore(state | {name: wrong})
        del state[name]
        with pytest.raises(EncodingError, match="got none"):
            split.restore(state)


def test_the_owner_never_trains_the_side_model_on_its_own_samples(digits: Dataset) -> None:
    split = side()
    before, private = split.public_vector(), private_values(split)
    split.adapt(digits, CONFIG, SEEDS.numpy("owner"))
    assert np.array_equal(split.public_vector(), before)
    assert not np.array_equal(private_values(split), private)


def test_the_private_model_is_fitted_once_and_the_weight_each_time(digits: Dataset) -> None:
    split = side()
    long = TrainConfig(epochs=15, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False, warm_up=())
    split.adapt(digits, long, SEEDS.numpy("owner"))
    fitted, weight = private_values(split), split.weight
    assert weight > 0
    assert accuracy(split.logits(digits.x), digits.y) > accuracy(split.public_logits(digits.x), digits.y) + 20
    vector = split.public_vector()
    for session in range(1, 5):
        vector = train_local(split, 0, digits, vector, long, SEEDS, session)
    split.load_public(vector)
    split.adapt(digits, long, SEEDS.numpy("owner", 2))
    assert np.array_equal(private_values(split), fitted)
    assert split.weight < weight


def test_without_weight_the_side_model_speaks_alone(digits: Dataset) -> None:
    split = side()
    assert split.weight == 0
    assert np.array_equal(split.logits(digits.x), split.public_logits(digits.x))
    assert not np.array_equal(split.alone_logits(digits.x), split.public_logits(digits.x))


def test_common_stand_ins_start_alike_and_own_ones_do_not() -> None:
    alike, apart = layers(StandIn.OWN_COMMON), layers(StandIn.OWN)
    for split, equal in ((alike, True), (apart, False)):
        first, second = (to_vector(split.member_model(i, SEEDS).module, split.private_names) for i in (0, 1))
        assert np.array_equal(first, second) is equal
    start = to_vector(common_start(DigitsNet(), SEEDS), alike.private_names)
    assert np.array_equal(to_vector(alike.member_model(5, SEEDS).module, alike.private_names), start)


def test_a_member_keeps_its_stand_in(digits: Dataset) -> None:
    split = layers(StandIn.OWN)
    before = to_vector(split.member_model(0, SEEDS).module, split.private_names)
    train_local(split, 0, digits, split.public_vector(), CONFIG, SEEDS, 1)
    after = to_vector(split.member_model(0, SEEDS).module, split.private_names)
    assert not np.array_equal(before, after)
    assert not np.array_equal(after, private_values(split))


def test_the_first_adaptation_is_the_pre_training(digits: Dataset) -> None:
    short, long = (LayersSplit(common_start(DigitsNet(), SEEDS), LAYERS, StandIn.SHARED, n) for n in (1, 3))
    for split in (short, long):
        split.adapt(digits, CONFIG, SEEDS.numpy("owner"))
    assert not np.array_equal(short.public_vector(), long.public_vector())
    with pytest.raises(InputError, match="pretraining: expected at least 1 epoch, got 0"):
        LayersSplit(DigitsNet(), LAYERS, StandIn.SHARED, 0)


def test_missing_layers_are_refused_with_those_that_exist() -> None:
    message = "expected some of conv1, conv2, linear1, linear2, linear3; got 'conv3'"
    with pytest.raises(InputError, match=message):
        LayersSplit(DigitsNet(), ("conv2", "conv3"), StandIn.OWN)
    with pytest.raises(InputError, match="got none"):
        LayersSplit(DigitsNet(), (), StandIn.OWN)
    with pytest.raises(InputError, match="expected each name once"):
        LayersSplit(DigitsNet(), ("conv2", "conv2"), StandIn.OWN)


def test_running_statistics_do_not_travel() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with pytest.raises(InputError, match="public layer 1: expected one without running statistics"):
        SideSplit(nn.Linear(2, 2), net)
    assert LayersSplit(net, ("0",), StandIn.SHARED).parameter_count == 6


def test_a_model_without_parameters_is_refused() -> None:
    with pytest.raises(InputError, match="expected at least one, got none"):
        SideSplit(nn.Linear(2, 2), nn.Flatten())
    with pytest.raises(ValueError, match="is not a valid StandIn"):
        LayersSplit(DigitsNet(), LAYERS, "mine")  # type: ignore[arg-type]


def test_adapting_leaves_the_global_state_alone(digits: Dataset) -> None:
    split = side()
    before = torch.get_rng_state()
    split.adapt(digits, CONFIG, SEEDS.numpy("owner"))
    assert torch.equal(torch.get_rng_state(), before)
