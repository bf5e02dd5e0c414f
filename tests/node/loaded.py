"""What roles need, loaded once for all that are forked from a server which has it; they train in their own process."""

from __future__ import annotations

from importlib import import_module

from omnilytics.blobs import setup
from omnilytics.blobs.blob import BLOB_BYTES
from omnilytics.experiments import apart, parts

LAZY = """
chain.journal chain.keystore chain.rpc chain.rpc.deployment cli cli.connect cli.connection cli.deploying
cli.following cli.logfile cli.metrics cli.preflight cli.progress cli.settings cli.show cli.tensorboard
dashboard.live experiments.owned protocol.owner_role protocol.past protocol.releases protocol.spectator
protocol.verify
"""
"""Modules that the command line imports where it needs them."""

for name in LAZY.split():
    import_module(f"omnilytics.{name}")

for part in range(2):
    parts.part_of("digits", None, part, 2)

setup.commitment(bytes(BLOB_BYTES))  # c-kzg's setup takes three seconds

vars(apart)["Workshop"]._ask = lambda _, job: apart.trained(job)
