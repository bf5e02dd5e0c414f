"""Local training of one data owner."""

from __future__ import annotations

from omnilytics.model.fitting import fit, state_of
from omnilytics.model.split import Split
from omnilytics.model.vector import load_vector, to_vector
from omnilytics.seeds import Seeds
from omnilytics.train.config import TrainConfig, session_learning_rate
from omnilytics.train.data import Dataset
from omnilytics.types import FloatVec


def train_local(
    split: Split,
    member_index: int,
    data: Dataset,
    published: FloatVec,
    config: TrainConfig,
    seeds: Seeds,
    session: int,
) -> FloatVec:
    """Train W^p as FedAvg does, from the published values on one owner's data, and return the new W^p, shape (d,).

    Args:
        split: what of the model is trained, and what stands in for the rest.
        member_index: the data owner; with the seeds and the session it fixes all randomness.
        data: its M0 samples.
        published: W^p that all start from, shape (d,).
        config: E, B, learning rate, momentum, augmentation.
        seeds: the run's.
        session: 1, 2, ... within the run.

    Raises:
        InputError: no samples, or a session < 1.
        EncodingError: `published` has the wrong shape or isn't finite, or training diverged.
    """
    member = split.member_model(member_index, seeds)
    load_vector(member.module, published, member.public_names)
    rng = seeds.numpy("train", member_index, session)
    fit(member.module, data, config, rng, member.trained_names, session_learning_rate(config, session))
    weights = to_vector(member.module, member.public_names)
    split.keep(member_index, state_of(member.module, member.private_names))
    return weights
