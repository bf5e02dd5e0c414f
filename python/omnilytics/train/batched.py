"""Local training of all data owners that one process simulates, as one batch."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence

import torch

from omnilytics.errors import InputError
from omnilytics.model.fitting import can_batch, fit_many, passes, state_of, training_device
from omnilytics.model.split import Split
from omnilytics.model.vector import check_finite, load_vector
from omnilytics.seeds import Seeds
from omnilytics.train.config import TrainConfig, session_learning_rate
from omnilytics.train.data import Dataset
from omnilytics.train.local import train_local
from omnilytics.types import FloatVec

AT_ONCE_VARIABLE = "OMNILYTICS_BATCH_MEMBERS"

AT_ONCE = {"cpu": 64, "cuda": 1024}
"""By device. With MNIST's `side` network, 20 samples and 4 epochs, a member takes 0.3 MB of memory on a processor, and
2 MB of a GPU's."""


def members_at_once() -> int:
    """`OMNILYTICS_BATCH_MEMBERS`: how many data owners are trained together, which bounds the memory it takes.

    Raises:
        InputError: it isn't a positive integer.
    """
    text = os.environ.get(AT_ONCE_VARIABLE) or str(AT_ONCE[training_device().type])
    if not (text.isdecimal() and int(text)):
        raise InputError(f"{AT_ONCE_VARIABLE}: expected a positive integer, got {text!r}")
    return int(text)


def train_batched(
    split: Split,
    member_indices: Sequence[int],
    datasets: Sequence[Dataset],
    published: FloatVec,
    config: TrainConfig,
    seeds: Seeds,
    session: int,
) -> list[FloatVec]:
    """`train_local` for each of the members, equal to it but for the order of float additions, several times faster.

    Members with the same number of samples are trained together, `members_at_once` of them; networks that draw random
    numbers or keep statistics (dropout, batch normalisation) one by one. CUDA is used when there is one.

    Args:
        split: as in `train_local`.
        member_indices: the data owners, each once.
        datasets: their data, in the same order.
        published: W^p that all start from, shape (d,).
        config: E, B, learning rate, momentum, augmentation.
        seeds: the run's.
        session: 1, 2, ... within the run.

    Returns:
        Each member's new W^p, shape (d,), in the order of `member_indices`.

    Raises:
        InputError: lists of different length, a member twice, a member without samples, or what
            `members_at_once` refuses.
        EncodingError: `published` has the wrong shape or isn't finite, or a member's training diverged.
    """
    if len(member_indices) != len(datasets):
        raise InputError(f"training: expected one data set a member, got {len(datasets)} for {len(member_indices)}")
    if len(set(member_indices)) != len(member_indices):
        raise InputError(f"training: expected each member once, got {list(member_indices)}")
    sizes: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place, data in enumerate(datasets):
        sizes[data.x.shape].append(place)
    result: dict[int, FloatVec] = {}
    most = members_at_once()
    for places in (alike[i : i + most] for alike in sizes.values() for i in range(0, len(alike), most)):
        members = [member_indices[p] for p in places]
        weights = _train_together(split, members, [datasets[p] for p in places], published, config, seeds, session)
        result.update(zip(places, weights, strict=True))
    return [result[place] for place in range(len(datasets))]


def _train_together(
    split: Split,
    members: Sequence[int],
    datasets: Sequence[Dataset],
    published: FloatVec,
    config: TrainConfig,
    seeds: Seeds,
    session: int,
) -> list[FloatVec]:
    model = split.member_model(members[0], seeds)
    if len(members) == 1 or not can_batch(model.module):
        return [
            train_local(split, m, data, published, config, seeds, session)
            for m, data in zip(members, datasets, strict=True)
        ]
    load_vector(model.module, published, model.public_names)
    start = state_of(model.module, model.public_names)
    states = [start | split.private_state(m, seeds) for m in members]
    x, y = passes(datasets, config, [seeds.numpy("train", m, session) for m in members])
    trained = fit_many(model.module, states, x, y, config, session_learning_rate(config, session))
    weights = torch.cat([trained[name].flatten(1) for name in model.public_names], 1).numpy()
    for place, member in enumerate(members):
        check_finite(weights[place])
        split.keep(member, {name: trained[name][place].clone() for name in model.private_names})
    return list(weights)
