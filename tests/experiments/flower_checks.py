"""What `test_flower` runs where Flower can be imported: both kinds of app, and what an app may answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, MetricRecord, RecordDict
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp

from omnilytics.errors import EncodingError, InputError
from omnilytics.experiments.flower import FlowerTrainer
from omnilytics.types import FloatVec

SHAPES = {"weight": (2, 3), "bias": (2,)}
START = np.arange(8, dtype=np.float32)


class Client(NumPyClient):
    """Adds what it is configured with."""

    def __init__(self, add: float) -> None:
        self.add = add

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[list[Any], int, dict[str, Any]]:
        assert [p.shape for p in parameters] == list(SHAPES.values())
        return [p + self.add * float(config["factor"]) for p in parameters], 20, {"loss": 1.0}


def test_a_client_function() -> None:
    app = ClientApp(client_fn=lambda context: Client(float(context.node_config["add"])).to_client())
    trainer = FlowerTrainer(app, SHAPES, node_config={"add": 2}, config={"factor": 0.5})
    trained = trainer(START)
    assert trained.dtype == np.float32
    np.testing.assert_array_equal(trained, START + 1)


def by_name(answer: Any) -> FlowerTrainer:
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        result: Message = answer(message, context)
        return result

    return FlowerTrainer(app, SHAPES, config={"lr": 0.5}, run_config={"epochs": 3})


def test_a_train_function_gets_arrays_by_name_and_keeps_its_state() -> None:
    def answer(message: Message, context: Context) -> Message:
        arrays = message.content["arrays"]
        assert isinstance(arrays, ArrayRecord)
        seen = context.state.config_records.get("seen", ConfigRecord({"times": 0}))
        times = int(str(seen["times"])) + 1
        context.state["seen"] = ConfigRecord({"times": times})
        assert message.content["config"]["lr"] == 0.5
        assert context.run_config["epochs"] == 3
        reversed_order = {name: Array(arrays[name].numpy() + times) for name in ("bias", "weight")}
        return Message(
            RecordDict({"a": ArrayRecord(reversed_order), "metrics": MetricRecord({"n": 1})}), reply_to=message
        )

    trainer = by_name(answer)
    np.testing.assert_array_equal(trainer(START), START + 1)
    np.testing.assert_array_equal(trainer(START), START + 2)


def answering(arrays: Sequence[Any]) -> Any:
    return lambda message, context: Message(RecordDict({"a": ArrayRecord(list(arrays))}), reply_to=message)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (answering([np.zeros((3, 2)), np.zeros(2)]), InputError, "shapes"),
        (answering([np.zeros((2, 3))]), InputError, "shapes"),
        (answering([np.full((2, 3), np.nan), np.zeros(2)]), EncodingError, "finite"),
        (answering([np.full((2, 3), "a"), np.zeros(2)]), EncodingError, "numbers"),
        (lambda message, context: Message(RecordDict({}), reply_to=message), InputError, "one record"),
        (lambda message, context: Message(Error(1, "no disk"), reply_to=message), InputError, "no disk"),
    ],
)
def test_what_is_no_trained_vector(answer: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        by_name(answer)(START)


@pytest.mark.parametrize("published", [START[:7], START.reshape(2, 4)])
def test_another_size_is_refused(published: FloatVec) -> None:
    with pytest.raises(InputError, match=r"expected W\^p of shape \(8,\)"):
        by_name(None)(published)


def test_no_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        FlowerTrainer(ClientApp(), {})
