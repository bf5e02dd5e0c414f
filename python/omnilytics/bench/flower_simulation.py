"""Rounds of Flower's simulation engine with a clock on them: a program for a Python that has flwr, ray and torch.

It reads one request and prints what each round took, by the clock, and the first of them apart:

    {"members": 32, "samples": 20, "epochs": 4, "batch": 10, "rounds": 3}   ->   {"seconds": [0.61, 0.6], "first": 7.9}

A client is what Flower's users write: a network of its own, `torch.optim.SGD`, samples that are there already. A round
is FedAvg over all clients, as Flower's own strategy does it, on Ray's processes, one processor a client.
"""

from __future__ import annotations

import json
import logging
import sys
from importlib.metadata import version
from time import perf_counter
from typing import Any


def samples(number: int) -> tuple[Any, Any]:
    """A client's samples, noise: (n, 1, 28, 28) and labels (n,)."""
    import torch

    generator = torch.Generator().manual_seed(0)
    images = torch.rand(number, 1, 28, 28, generator=generator)
    return images, torch.randint(10, (number,), generator=generator)


def train(message: Any, context: Any) -> Any:
    """One client's part in a round."""
    import torch
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict

    from omnilytics.model.nets import SideConv

    torch.set_num_threads(1)
    network, config = SideConv(), message.content["config"]
    network.load_state_dict(message.content["arrays"].to_torch_state_dict())
    x, y = samples(config["samples"])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.08, momentum=0.5)
    for _ in range(config["epochs"]):
        order = torch.randperm(len(y))
        for batch in torch.split(order, config["batch"]):
            optimizer.zero_grad()
            torch.autograd.backward(torch.nn.functional.cross_entropy(network(x[batch]), y[batch]))
            optimizer.step()
    answer = {
        "arrays": ArrayRecord(network.state_dict()),
        "metrics": MetricRecord({"num-examples": len(y)}),
    }
    return Message(RecordDict(answer), reply_to=message)


def rounds(asked: dict[str, int]) -> list[float]:
    """Seconds of each round; the first has the start of Ray in it."""
    from flwr.app import ArrayRecord, ConfigRecord
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.serverapp.strategy import FedAvg
    from flwr.simulation import run_simulation

    from omnilytics.model.nets import SideConv

    client, server = ClientApp(), ServerApp()
    client.train()(train)
    seconds: list[float] = []
    begin = perf_counter()

    class Strict(FedAvg):  # type: ignore[misc]
        """A round counts if all clients have trained."""

        def aggregate_train(self, server_round: int, replies: Any) -> Any:
            trained = [reply for reply in replies if not reply.has_error()]
            if len(trained) != asked["members"]:
                raise RuntimeError(f"expected {asked['members']} clients to train, got {len(trained)}")
            return super().aggregate_train(server_round, trained)

    @server.main()  # type: ignore[untyped-decorator]
    def main(grid: Any, context: Any) -> None:
        nonlocal begin
        members = asked["members"]
        strategy = Strict(fraction_evaluate=0.0, min_train_nodes=members, min_available_nodes=members)
        arrays = ArrayRecord(SideConv().state_dict())
        config = ConfigRecord({name: asked[name] for name in ("samples", "epochs", "batch")})
        for _ in range(asked["rounds"]):
            arrays = strategy.start(grid, arrays, num_rounds=1, train_config=config).arrays
            now = perf_counter()
            seconds.append(now - begin)
            begin = now

    resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
    run_simulation(server, client, num_supernodes=asked["members"], backend_config=resources)
    return seconds


def main() -> None:
    """Answers one request."""
    logging.disable()
    first, *rest = rounds(json.loads(sys.stdin.readline()))
    versions = {name: version(name) for name in ("flwr", "ray", "torch")}
    print(json.dumps({"seconds": rest, "first": first, "versions": versions}))


if __name__ == "__main__":
    main()
