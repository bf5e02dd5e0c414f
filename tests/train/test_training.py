"""Local training, one by one and as one batch."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from omnilytics.errors import EncodingError, InputError
from omnilytics.model.fitting import fit_many, passes
from omnilytics.model.nets import DigitsNet, DigitsSide, initialise
from omnilytics.model.split import LayersSplit, SideSplit, Split, StandIn
from omnilytics.model.stacked import State
from omnilytics.seeds import Seeds
from omnilytics.train.batched import members_at_once, train_batched
from omnilytics.train.config import TrainConfig, session_learning_rate
from omnilytics.train.data import Dataset, partition_iid
from omnilytics.train.evaluate import accuracy
from omnilytics.train.local import train_local
from omnilytics.train.pretend import SMALLEST_CLIP, announced_clip
from omnilytics.train.server import ServerMomentum
from omnilytics.types import FloatVec

SEEDS = Seeds(11)
PLAIN = TrainConfig(epochs=2, batch_size=4, learning_rate=0.1, momentum=0.5, augment=False, warm_up=())
AUGMENTED = TrainConfig(epochs=2, batch_size=4, learning_rate=0.1, momentum=0.5, augment=True)


def side() -> SideSplit:
    return SideSplit(nn.Flatten(), initialise(DigitsSide(), SEEDS.torch("public")))


def layers(stand_in: StandIn) -> LayersSplit:
    return LayersSplit(initialise(DigitsNet(), SEEDS.torch("model")), ("conv2", "linear3"), stand_in)


@pytest.fixture
def parts(digits: Dataset) -> list[Dataset]:
    """Three owners of six samples and one of ten; a batch of four leaves a rest."""
    equal = partition_iid(digits.take(np.arange(18)), 3, 6, SEEDS.numpy("parts"))
    return [equal[0], digits.take(np.arange(18, 28)), *equal[1:]]


@pytest.mark.parametrize("config", [PLAIN, AUGMENTED], ids=["plain", "augmented"])
@pytest.mark.parametrize(
    "split", [side(), *(layers(s) for s in StandIn)], ids=lambda s: f"{s.name}-{getattr(s, 'stand_in', '')}"
)
def test_a_batch_equals_one_by_one(split: Split, config: TrainConfig, parts: list[Dataset]) -> None:
    alone, together = copy.deepcopy(split), copy.deepcopy(split)
    members = [4, 0, 2, 9]
    start = split.public_vector()
    for session in (1, 2):
        expected = [
            train_local(alone, m, d, start, config, SEEDS, session) for m, d in zip(members, parts, strict=True)
        ]
        given = train_batched(together, members, parts, start, config, SEEDS, session)
        for e, g in zip(expected, given, strict=True):
            assert not np.array_equal(g, start)
            np.testing.assert_allclose(g, e, rtol=0, atol=1e-5)


def test_training_depends_on_seed_member_and_session_alone(parts: list[Dataset]) -> None:
    split, start = side(), side().public_vector()
    first = train_local(split, 1, parts[0], start, PLAIN, SEEDS, 1)
    assert np.array_equal(first, train_local(side(), 1, parts[0], start, PLAIN, Seeds(11), 1))
    for member, session, seeds in ((2, 1, SEEDS), (1, 2, SEEDS), (1, 1, Seeds(12))):
        assert not np.array_equal(first, train_local(split, member, parts[0], start, PLAIN, seeds, session))


def test_training_leaves_the_split_and_the_global_state_alone(parts: list[Dataset]) -> None:
    split = side()
    before, state = split.public_vector(), torch.get_rng_state()
    train_batched(split, [0, 1, 2, 3], parts, before, PLAIN, SEEDS, 1)
    assert np.array_equal(split.public_vector(), before)
    assert torch.equal(torch.get_rng_state(), state)


def test_training_learns(digits: Dataset) -> None:
    split = side()
    vector = split.public_vector()
    for session in range(1, 9):
        vector = train_local(split, 0, digits, vector, PLAIN, SEEDS, session)
    before = accuracy(split.logits(digits.x), digits.y)
    split.load_public(vector)
    assert accuracy(split.logits(digits.x), digits.y) > before + 30


def test_only_public_layers_change_with_a_shared_stand_in(parts: list[Dataset]) -> None:
    split = layers(StandIn.SHARED)
    train_batched(split, [0, 1, 2, 3], parts, split.public_vector(), PLAIN, SEEDS, 1)
    member = split.member_model(0, SEEDS)
    for name, parameter in split.model.named_parameters():
        assert torch.equal(dict(member.module.named_parameters())[name], parameter)


def test_networks_that_draw_random_numbers_are_trained_one_by_one(parts: list[Dataset]) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
    split = SideSplit(nn.Flatten(), initialise(net, SEEDS.torch("net")))
    start = split.public_vector()
    given = train_batched(split, [0, 1, 2, 3], parts, start, PLAIN, SEEDS, 1)
    for member, (data, weights) in enumerate(zip(parts, given, strict=True)):
        assert np.array_equal(weights, train_local(split, member, data, start, PLAIN, SEEDS, 1))


def test_what_cannot_be_trained_is_refused(parts: list[Dataset]) -> None:
    split, start = side(), side().public_vector()
    with pytest.raises(InputError, match="expected at least 1 sample, got 0"):
        train_local(split, 0, parts[0].take(np.arange(0)), start, PLAIN, SEEDS, 1)
    with pytest.raises(InputError, match="expected one data set a member, got 4 for 3"):
        train_batched(split, [0, 1, 2], parts, start, PLAIN, SEEDS, 1)
    with pytest.raises(InputError, match=r"expected each member once, got \[0, 1, 1, 2\]"):
        train_batched(split, [0, 1, 1, 2], parts, start, PLAIN, SEEDS, 1)
    with pytest.raises(InputError, match="session: expected 1 or more, got 0"):
        train_local(split, 0, parts[0], start, PLAIN, SEEDS, 0)
    with pytest.raises(EncodingError, match=r"expected shape \(1370,\), got \(1369,\)"):
        train_batched(split, [0, 1, 2, 3], parts, start[1:], PLAIN, SEEDS, 1)


def test_divergence_is_an_error(parts: list[Dataset]) -> None:
    wild = TrainConfig(epochs=8, batch_size=1, learning_rate=1e20, momentum=0.9, augment=False, warm_up=())
    with pytest.raises(EncodingError, match="expected finite values"):
        train_local(side(), 0, parts[0], side().public_vector(), wild, SEEDS, 1)


def test_the_clip_is_twice_n_times_the_largest_step(digits: Dataset) -> None:
    split = side()
    clip = announced_clip(split, digits, 4, 10, PLAIN, SEEDS, 1)
    assert clip == float(np.float32(clip)) > SMALLEST_CLIP
    assert clip == announced_clip(side(), digits, 4, 10, PLAIN, SEEDS, 1)
    assert clip != announced_clip(split, digits, 4, 10, PLAIN, SEEDS, 2)
    start = split.public_vector()
    step = train_local(split, -1, digits, start, PLAIN, SEEDS, 1) - start
    alone = announced_clip(split, digits, 1, len(digits), PLAIN, SEEDS, 1)
    assert alone == pytest.approx(2 * np.sqrt(np.mean(step**2)), rel=1e-4)


def test_an_owner_that_fitted_its_samples_still_announces_room_for_others(digits: Dataset) -> None:
    mine, theirs = digits.take(np.arange(20)), digits.take(np.arange(20, 40))
    split = layers(StandIn.SHARED)
    split.pretraining = 150
    split.adapt(mine, PLAIN, SEEDS.numpy("owner"))
    start = split.public_vector()
    naive = 8 * rms(train_local(split, 0, mine, start, PLAIN, SEEDS, 1) - start)
    needed = 2 * rms(train_local(split, 1, theirs, start, PLAIN, SEEDS, 1) - start)
    assert naive < needed < announced_clip(split, mine, 4, 20, PLAIN, SEEDS, 1)


def rms(step: FloatVec) -> float:
    return float(np.sqrt(np.mean(step.astype(np.float64) ** 2)))


def test_the_clip_is_never_zero(digits: Dataset) -> None:
    still = TrainConfig(epochs=1, batch_size=4, learning_rate=1e-30, momentum=0, augment=False)
    assert announced_clip(side(), digits, 4, 10, still, SEEDS, 1) == SMALLEST_CLIP
    with pytest.raises(InputError, match="got 0, 10 and 40"):
        announced_clip(side(), digits, 0, 10, still, SEEDS, 1)


def test_the_learning_rate_warms_up() -> None:
    rates = [session_learning_rate(AUGMENTED, session) for session in (1, 2, 3, 4)]
    assert rates == pytest.approx([0.01, 0.04, 0.1, 0.1])
    assert session_learning_rate(PLAIN, 1) == 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning rate: expected a finite number above 0"),
        ({"learning_rate": float("nan")}, "learning rate: expected a finite number above 0"),
        ({"warm_up": (0.0,)}, "learning rate: expected a finite number above 0"),
        ({"distortion": 0.0}, "distortion: expected a finite number above 0"),
        ({"momentum": 1.0}, "momentum: expected 0 <= momentum < 1, got 1.0"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    values = {"epochs": 1, "batch_size": 1, "learning_rate": 0.1, "momentum": 0.0, "augment": False, **change}
    with pytest.raises(InputError, match=message):
        TrainConfig(**values)  # type: ignore[arg-type]


def test_stronger_distortion_trains_on_other_images(digits: Dataset) -> None:
    settings = TrainConfig(epochs=1, batch_size=5, learning_rate=0.1, momentum=0, augment=True)
    images = Dataset(np.ones((4, 1, 8, 8), dtype=np.float32), np.zeros(4, dtype=np.int64), 2, "white")
    dark = [
        float((1 - passes([images], replace(settings, distortion=strength), [np.random.default_rng(3)])[0]).sum())
        for strength in (1e-6, 1.0, 3.0)
    ]
    assert dark[0] < 0.01 < dark[1] < dark[2]


def test_server_momentum() -> None:
    momentum = ServerMomentum(0.5)
    start, update = np.array([1.0, 2.0], dtype=np.float32), np.array([4.0, 0.0], dtype=np.float32)
    first = momentum.step(start, update)
    assert first.tolist() == [5, 2]
    assert momentum.step(first, np.zeros(2, dtype=np.float32)).tolist() == [7, 2]
    assert first.dtype == np.float32
    with pytest.raises(InputError, match="expected vectors of one shape"):
        momentum.step(start[:1], update[:1])
    with pytest.raises(InputError, match=r"expected 0 <= beta < 1, got 1\.0"):
        ServerMomentum(1.0)


def test_accuracy() -> None:
    logits = np.array([[1, 0], [0, 1], [2, 1]], dtype=np.float32)
    assert accuracy(logits, np.array([0, 1, 1])) == pytest.approx(200 / 3)
    with pytest.raises(InputError, match=r"got \(3, 2\) and \(2,\)"):
        accuracy(logits, np.array([0, 1]))


@pytest.mark.parametrize(
    ("shape", "augment", "distorted"),
    [
        ((6, 1, 8, 8), None, True),
        ((6, 1, 8, 8), False, False),
        ((6, 64), None, False),
    ],
)
def test_images_are_augmented_unless_told(shape: tuple[int, ...], augment: bool | None, distorted: bool) -> None:
    rng = np.random.default_rng(0)
    data = Dataset(rng.random(shape, dtype=np.float32), np.arange(6) % 2, 2, "random")
    config = TrainConfig(epochs=1, batch_size=3, learning_rate=0.1, momentum=0, augment=augment)
    seen, _ = passes([data], config, [np.random.default_rng(1)])
    known = {row.tobytes() for row in data.x}
    assert all((row.cpu().numpy().tobytes() in known) is not distorted for row in seen[0, 0])


def test_the_members_at_once_bound_the_batch_and_change_nothing_else(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []

    def spied(module: nn.Module, states: Sequence[State], *rest: Any) -> State:
        batches.append(len(states))
        return fit_many(module, states, *rest)

    monkeypatch.setattr("omnilytics.train.batched.fit_many", spied)
    parts, split = partition_iid(digits, 6, 6, SEEDS.numpy("parts")), side()
    results = []
    for most in ("2", "4", ""):
        monkeypatch.setenv("OMNILYTICS_BATCH_MEMBERS", most)
        results.append(train_batched(split, range(6), parts, split.public_vector(), AUGMENTED, SEEDS, 1))
    assert batches == [2, 2, 2, 4, 2, 6]
    for same in zip(*results, strict=True):
        np.testing.assert_allclose(same[1:], [same[0]] * 2, rtol=0, atol=1e-6)


@pytest.mark.parametrize("threads", [2, 5])
def test_the_threads_change_nothing(threads: int, parts: list[Dataset]) -> None:
    """Neither the same bits nor PyTorch's setting."""
    split, before = side(), torch.get_num_threads()
    try:
        found = []
        for count in (1, threads):
            torch.set_num_threads(count)
            found.append(train_batched(split, range(len(parts)), parts, split.public_vector(), AUGMENTED, SEEDS, 1))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_bad_number_of_members_at_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNILYTICS_BATCH_MEMBERS", text)
    with pytest.raises(InputError, match="OMNILYTICS_BATCH_MEMBERS: expected a positive integer"):
        members_at_once()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("config", [PLAIN, AUGMENTED], ids=["plain", "augmented"])
@pytest.mark.parametrize("split", [side(), layers(StandIn.OWN_COMMON)], ids=["side", "layers"])
def test_a_gpu_trains_as_a_processor_does(
    split: Split, config: TrainConfig, parts: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = split.public_vector()
    trained = []
    for device in ("cuda", "cpu"):
        for module in ("omnilytics.model.fitting", "omnilytics.train.batched"):
            monkeypatch.setattr(f"{module}.training_device", lambda device=device: torch.device(device))
        own = copy.deepcopy(split)
        trained.append(train_batched(own, range(4), parts, start, config, SEEDS, 3))
        own = copy.deepcopy(split)
        trained.append([train_local(own, m, d, start, config, SEEDS, 3) for m, d in enumerate(parts)])
    for others in trained[:3]:
        np.testing.assert_allclose(np.stack(others), np.stack(trained[3]), rtol=0, atol=1e-4)
