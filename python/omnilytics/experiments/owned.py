"""A model owner's model on a network: kept in its journal from session to session, improved by each once.

What a session brought is read off the chain. So a crash between its end and the writing of the model loses nothing, and
an owner that has lost its state gets W^p and momentum back from its sessions, one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
from omnilytics.errors import DataError, EncodingError, InputError, ProtocolError
from omnilytics.experiments.parts import COMMON
from omnilytics.experiments.recipes import OWN, Recipe, build_split, own_recipe, recipe_for
from omnilytics.model.packing import pack, unpack
from omnilytics.model.split import Split
from omnilytics.protocol.finality import end_left
from omnilytics.protocol.member import check_published
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.owner_model import OwnerModel
from omnilytics.protocol.progress import Progress
from omnilytics.protocol.randomness import Vault
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.watch import Watch
from omnilytics.seeds import Seeds
from omnilytics.train.data import Dataset
from omnilytics.train.server import ServerMomentum
from omnilytics.types import Address, FloatVec, SessionParams, Stage

LEAST_EPOCHS = 20
"""Passes over the owner's samples however many it has (docs/EXPERIMENTS.md)."""

NEVER_LEAVES = ("adapted", "fitted_to", "held_out", "velocity", "progress")
"""What of the state is of no use to whoever only predicts."""


class OwnedModel:
    """The model of one owner on one chain, as it stands after all that was taken in.

    Args:
        recipe: of its data set and its split.
        data: the owner's samples.
        test: samples that nobody trains on.
        seeds: its own.
        vault: where it is kept; nothing of the private part is anywhere else.

    Raises:
        DataError: what is kept isn't this model's.
    """

    def __init__(self, recipe: Recipe, data: Dataset, test: Dataset, seeds: Seeds, vault: Vault) -> None:
        self._recipe = for_owner(recipe, len(data))
        self._model = OwnerModel(
            split=build_split(self._recipe, COMMON),
            data=data,
            training=self._recipe.train,
            owner_training=self._recipe.owner_train,
            momentum=ServerMomentum(self._recipe.server_momentum),
            seeds=seeds,
        )
        self._test, self._vault, self._name = test, vault, f"model/{recipe.dataset}/{recipe.split}"
        self.progress: list[Progress] = []
        kept = vault.kept(self._name)
        if kept is None:
            self._model.adapt(0)
            self._keep()
        else:
            self._restore(kept)

    @property
    def split(self) -> Split:
        """The model."""
        return self._model.split

    @property
    def published(self) -> FloatVec:
        """W^p, with which the next session begins, shape (d,)."""
        return self._model.split.public_vector()

    def params(self, terms: Terms, number: int) -> SessionParams:
        """The argument of `start`, with how members train and C as announced for session 1, 2, ....

        Raises:
            InputError: terms that can't work.
        """
        return self._model.params(self._recipe.offered(terms), number)

    def catch_up(
        self, chain: ChainPort, market: MarketPort, account: Address, finality_blocks: int | None = None
    ) -> list[Progress]:
        """Takes in the finished sessions of that owner, oldest first, each once; returns what the new ones came to.

        Args:
            chain: where they are.
            market: theirs.
            account: the owner's.
            finality_blocks: how deep the end of a session must be; None: 96, where the chain is simulated 0.

        Raises:
            ProtocolError: the end of one isn't that deep: what it brought might yet become something else. Those before
                it are taken in.
        """
        known = {one.session for one in self.progress}
        own = [session for session, owner in market.opened() if owner == account]
        before = len(self.progress)
        for session in (chain.session(address) for address in own if address not in known):
            if session.stage() is Stage.FINISHED:
                if left := end_left(chain, session, finality_blocks):
                    raise ProtocolError(
                        f"session {session.address}: expected its end to be final, which takes {left} more blocks"
                    )
                self._take(chain, session, ModelOwner(chain, market, account))
        return self.progress[before:]

    def exported(self) -> bytes:
        """The whole model in numpy's format `.npz`, for `load_model`; it has the private part."""
        state = {name: array for name, array in self._state().items() if name not in NEVER_LEAVES}
        return pack(state | {"dataset": np.array(self._recipe.dataset), "split": np.array(self._recipe.split)})

    def _take(self, chain: ChainPort, session: SessionPort, owner: ModelOwner) -> None:
        before = after = self._model.measure(self._test)
        watch, update = Watch(chain, session), None
        if watch.params.parameter_count == self._model.split.parameter_count:
            update = owner.mean_update(session, self._model.fits(watch.params, len(self.progress) + 1))
        if update is not None:
            published = check_published(session, watch.ledger(), watch.params)
            self._model.take(published, update, watch.params.encoding)
            self._model.adapt(len(self.progress) + 1)
            after = self._model.measure(self._test)
        weight = self._model.split.weight
        self.progress.append(Progress(session.address, len(self._test), before, after, weight))
        self._keep()

    def _state(self) -> dict[str, NDArray[Any]]:
        progress = json.dumps([one.to_json() for one in self.progress])
        return self._model.state() | {"progress": np.array(progress)}

    def _keep(self) -> None:
        self._vault.put(self._name, pack(self._state()))

    def _restore(self, kept: bytes) -> None:
        try:
            state = unpack(kept)
            self._model.restore(state)
            self.progress = [Progress.from_json(one) for one in json.loads(str(state["progress"]))]
        except (EncodingError, InputError, KeyError, ValueError) as error:
            raise DataError(f"{self._name}: expected the model that was kept there, got: {error}") from None


def load_model(content: bytes) -> Split:
    """The model that `omnilytics mo export` has written, to predict with.

    Raises:
        DataError: it isn't one.
    """
    try:
        state = unpack(content)
        split = build_split(_recipe_of(state), COMMON)
        split.restore(state)
    except (EncodingError, InputError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"model: expected one that `omnilytics mo export` has written, got: {error}") from None
    return split


def _recipe_of(state: Mapping[str, NDArray[Any]]) -> Recipe:
    """The recipe of an exported model; one for samples of somebody's own has the sizes of its arrays."""
    dataset, split = str(state["dataset"]), str(state["split"])
    if dataset != OWN:
        return recipe_for(dataset, split)
    if "public.conv.weight" in state:
        first, last = state["public.conv.weight"], state["public.linear.weight"]
        cells = last.shape[1] // max(1, len(first))
        return own_recipe(
            (first.shape[1], 2 * cells, 2), len(last), len(first)
        )  # networks see height times width alone
    first, last = state["public.linear1.weight"], state["public.linear2.weight"]
    return own_recipe(first.shape[1:], len(last), len(first))


def for_owner(recipe: Recipe, samples: int) -> Recipe:
    """The recipe for an owner with so many samples: where it has more, as many steps in fewer passes."""

    def passes(epochs: int) -> int:
        return min(epochs, max(LEAST_EPOCHS, epochs * recipe.owner_samples // max(samples, 1)))

    return replace(
        recipe,
        owner_train=replace(recipe.owner_train, epochs=passes(recipe.owner_train.epochs)),
        pretraining=passes(recipe.pretraining),
    )
