"""Rounds of Flower's simulation engine with a clock on them: a program for a Python that has flwr, ray and torch.

It reads one request and prints what each round took, by the clock, by data set:

    {"datasets": ["digits"], "members": 32, "samples": 20, "epochs": 4, "batch": 10, "rounds": 3}
        ->   {"seconds": {"digits": [7.9, 0.61, 0.6]}, "versions": {"flwr": "1.41.0"}}

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


def network(dataset: str) -> Any:
    """What is trained on it, and the shape of its images."""
    from omnilytics.model.nets import DigitsSide, SideConv

    return (SideConv(), (1, 28, 28)) if dataset == "mnist" else (DigitsSide(), (1, 8, 8))


def train(message: Any, context: Any) -> Any:
    """One client's part in a round."""
    import torch
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict

    torch.set_num_threads(1)
    config = message.content["config"]
    net, shape = network(config["dataset"])
    net.load_state_dict(message.content["arrays"].to_torch_state_dict())
    x, y = torch.rand(config["samples"], *shape), torch.randint(10, (config["samples"],))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.5)
    for _ in range(config["epochs"]):
        order = torch.randperm(len(y))
        for batch in torch.split(order, config["batch"]):
            optimizer.zero_grad()
            torch.autograd.backward(torch.nn.functional.cross_entropy(net(x[batch]), y[batch]))
            optimizer.step()
    answer = {
        "arrays": ArrayRecord(net.state_dict()),
        "metrics": MetricRecord({"num-examples": len(y)}),
    }
    return Message(RecordDict(answer), reply_to=message)


def rounds(asked: dict[str, Any]) -> dict[str, list[float]]:
    """Seconds of each round, by data set; the very first has the start of Ray in it."""
    from flwr.app import ArrayRecord, ConfigRecord
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.serverapp.strategy import FedAvg
    from flwr.simulation import run_simulation

    client, server = ClientApp(), ServerApp()
    client.train()(train)
    seconds: dict[str, list[float]] = {}
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
        for dataset in asked["datasets"]:
            seconds[dataset] = []
            arrays = ArrayRecord(network(dataset)[0].state_dict())
            config = ConfigRecord({name: asked[name] for name in ("samples", "epochs", "batch")} | {"dataset": dataset})
            for _ in range(asked["rounds"]):
                arrays = strategy.start(grid, arrays, num_rounds=1, train_config=config).arrays
                now = perf_counter()
                seconds[dataset].append(now - begin)
                begin = now

    resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
    run_simulation(server, client, num_supernodes=asked["members"], backend_config=resources)
    return seconds


def main() -> None:
    """Answers one request."""
    logging.disable()
    seconds = rounds(json.loads(sys.stdin.readline()))
    versions = {name: version(name) for name in ("flwr", "ray", "torch")}
    print(json.dumps({"seconds": seconds, "versions": versions}))


if __name__ == "__main__":
    main()
