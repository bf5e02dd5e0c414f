"""An existing Flower app as a data owner (extra `flower`): its training gives the vector, our member does the rest.

Flower's server, its messages and its network are not used: the app is called in this process with one `train` message
for each session, and what it answers goes through the market as any data owner's vector does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, Metadata, RecordDict
from flwr.clientapp import ClientApp
from numpy.typing import NDArray

from omnilytics.errors import EncodingError, InputError
from omnilytics.model.vector import check_finite
from omnilytics.types import FloatVec

Value = bool | int | float | str | bytes


TTL_SECS = 43_200.0
"""How long an app may answer, Flower's own default."""


class FlowerTrainer:
    """Training by a Flower `ClientApp`, for `simulate(trainers=...)` and `MemberRole` (`TrainAlone`).

    Both kinds of app work: functions registered with `@app.train()`, and a `client_fn` that gives a `NumPyClient` or a
    `Client`. The app's state (`Context.state`) lasts from session to session.

    Args:
        app: the app.
        shapes: of the parameters that are in W^p, by name, in W^p's order (`model.vector.parameter_names`). An app with
            a `client_fn` gets and returns arrays in that order, any other one by these names.
        node_config: what the app reads from `Context.node_config`: `partition-id`, `num-partitions`, ....
        run_config: what it reads from `Context.run_config`.
        config: what a server would send along: the `config` of `fit`.

    Raises:
        InputError: no parameters.
    """

    def __init__(
        self,
        app: ClientApp,
        shapes: Mapping[str, Sequence[int]],
        *,
        node_config: Mapping[str, Value] | None = None,
        run_config: Mapping[str, Value] | None = None,
        config: Mapping[str, Value] | None = None,
    ) -> None:
        if not shapes:
            raise InputError("flower: expected at least one parameter, got none")
        self._app = app
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._context = Context(
            run_id=0,
            node_id=0,
            node_config=dict(node_config or {}),
            state=RecordDict(),
            run_config=dict(run_config or {}),
        )
        self._config = dict(config or {})

    def __call__(self, published: FloatVec) -> FloatVec:
        """W^p, shape (d,), to what the app makes of it.

        Raises:
            InputError: `published` doesn't have the parameters' size, or the app failed, or answers other shapes.
            EncodingError: a value is NaN or infinite.
        """
        sizes = [math.prod(shape) for shape in self._shapes.values()]
        if published.shape != (sum(sizes),):
            raise InputError(f"flower: expected W^p of shape ({sum(sizes)},), got {published.shape}")
        parts = np.split(np.asarray(published, dtype=np.float32), np.cumsum(sizes)[:-1])
        arrays = {n: part.reshape(s) for (n, s), part in zip(self._shapes.items(), parts, strict=True)}
        answer = self._app(Message(content=self._content(arrays), metadata=_metadata()), self._context)
        if answer.has_error():
            raise InputError(f"flower: expected trained parameters, got an error: {answer.error.reason}")
        vector = self._vector(answer.content)
        check_finite(vector)
        return vector

    def _content(self, arrays: Mapping[str, NDArray[np.float32]]) -> RecordDict:
        """What a `train` message holds, under the names of both kinds of app."""
        records = ArrayRecord({name: Array(array) for name, array in arrays.items()})
        ordered = ArrayRecord(list(arrays.values()))
        config = ConfigRecord(self._config)
        return RecordDict({"arrays": records, "config": config, "fitins.parameters": ordered, "fitins.config": config})

    def _vector(self, content: Any) -> FloatVec:
        found = list(content.array_records.values())
        if len(found) != 1:
            raise InputError(f"flower: expected one record of arrays in the answer, got {len(found)}")
        record = found[0]
        by_name = record.keys() >= self._shapes.keys()
        arrays = [record[name].numpy() for name in self._shapes] if by_name else record.to_numpy_ndarrays()
        given, wanted = [array.shape for array in arrays], list(self._shapes.values())
        if given != wanted:
            raise InputError(f"flower: expected arrays of shapes {wanted}, got {given}")
        try:
            return np.concatenate([np.asarray(array, dtype=np.float32).ravel() for array in arrays])
        except (TypeError, ValueError):
            raise EncodingError("flower: expected arrays of numbers, got others") from None


def _metadata() -> Metadata:
    """Of a message that nobody has sent: it takes no node and no run."""
    return Metadata(
        run_id=0,
        message_id="",
        src_node_id=0,
        dst_node_id=0,
        reply_to_message_id="",
        group_id="",
        created_at=time.time(),
        ttl=TTL_SECS,
        message_type="train",
    )
