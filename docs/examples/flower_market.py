"""A Flower app sells what it learns: every second data owner of a market is an existing `ClientApp`.

pip install 'omnilytics[flower]'
python docs/examples/flower_market.py
"""

from __future__ import annotations

import torch
from flwr.client import ClientApp, NumPyClient

from omnilytics.experiments.flower import FlowerTrainer
from omnilytics.experiments.recipes import build_data, build_split, recipe_for
from omnilytics.experiments.simulate import simulate
from omnilytics.protocol.pipeline import Plan
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds

MEMBERS, SESSIONS = 16, 4

recipe = recipe_for("digits", "side")
seeds = Seeds(0)
split = build_split(recipe, seeds)
data = build_data(recipe, seeds)


class Client(NumPyClient):
    """What a Flower user has already: a network, its own samples, and `fit`."""

    def __init__(self, partition: int) -> None:
        self.net = recipe.public_net()
        self.x = torch.from_numpy(data.members[partition].x)
        self.y = torch.from_numpy(data.members[partition].y)

    def fit(self, parameters, config):
        with torch.no_grad():
            for own, given in zip(self.net.parameters(), parameters, strict=True):
                own.copy_(torch.from_numpy(given.copy()))
        optimizer = torch.optim.SGD(self.net.parameters(), lr=config["lr"], momentum=0.5)
        for _ in range(8):
            for x, y in zip(self.x.split(5), self.y.split(5), strict=True):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(self.net(x), y).backward()
                optimizer.step()
        return [p.detach().numpy() for p in self.net.parameters()], len(self.y), {}


app = ClientApp(client_fn=lambda context: Client(int(context.node_config["partition-id"])).to_client())

shapes = {name: parameter.shape for name, parameter in recipe.public_net().named_parameters()}
trainers = {
    index: FlowerTrainer(app, shapes, node_config={"partition-id": index}, config={"lr": 0.1})
    for index in range(0, MEMBERS)
}

result = simulate(
    split,
    Plan(
        sessions=SESSIONS,
        terms=Terms(reward_wei=10**18, rounds=4, group_size=4),
        training=recipe.train,
        owner_training=recipe.owner_train,
    ),
    owner_data=data.owner,
    member_data=data.members[:MEMBERS],
    test_data=data.test,
    trainers=trainers,
)
for number, outcome in enumerate(result.outcomes, 1):
    print(f"session {number}: groups {list(outcome.accepted)} accepted, {outcome.paid_wei / 1e18:.2f} ETH paid")
print(f"accuracy: {result.alone:.1f} % alone, {result.final:.1f} % after {SESSIONS} sessions")
