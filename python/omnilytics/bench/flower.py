"""Flower's SecAgg+ with a clock on it: a program for a Python that has flwr; it doesn't import OmniLytics.

It reads one request a line and answers each, so that Flower and whoever asks can take turns:

    {"step": "round", "members": 64, "threshold": 43, "size": 10000000}   ->   {"seconds": 6.1}

`seconds` is processor time of all threads. A client's stages are Flower's own functions on their own messages; what its
peers send is made outside of the clock. Step `about` tells versions and Flower's own parameters.
"""

from __future__ import annotations

import functools
import inspect
import json
import logging
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from time import process_time
from typing import Any

import numpy as np
from flwr.client.mod.secure_aggregation.secaggplus_mod import (
    SecAggPlusState,
    _collect_masked_vectors,
    _setup,
    _share_keys,
)
from flwr.common import ndarrays_to_parameters
from flwr.common.secure_aggregation.crypto.shamir import combine_shares, create_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import decrypt, encrypt, generate_shared_key
from flwr.common.secure_aggregation.ndarrays_arithmetic import parameters_addition
from flwr.common.secure_aggregation.quantization import quantize
from flwr.common.secure_aggregation.secaggplus_constants import Key
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen, share_keys_plaintext_concat
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.supercore.primitives.asymmetric import bytes_to_private_key, bytes_to_public_key, generate_key_pairs

EXAMPLES = 1_000
"""Of the client's data: as many as Flower's `max_weight`, so that its parameters stay as they are."""

Work = Callable[[], object]


@dataclass(frozen=True)
class Asked:
    """One request: N clients, each a neighbour of each, T, and d."""

    step: str
    members: int = 0
    threshold: int = 0
    size: int = 0


@functools.cache
def defaults() -> dict[str, Any]:
    """Flower's own parameters: clipping and quantisation range, modulus, largest weight."""
    parameters = inspect.signature(SecAggPlusWorkflow.__init__).parameters
    names = ("clipping_range", "quantization_range", "modulus_range", "max_weight")
    return {name: parameters[name].default for name in names}


def set_up(nid: int, members: int, threshold: int) -> SecAggPlusState:
    """A client after its first stage."""
    state, own = SecAggPlusState(), defaults()
    state.nid = nid
    terms = {
        Key.SAMPLE_NUMBER: members,
        Key.SHARE_NUMBER: members,
        Key.THRESHOLD: threshold,
        Key.CLIPPING_RANGE: own["clipping_range"],
        Key.TARGET_RANGE: own["quantization_range"],
        Key.MOD_RANGE: own["modulus_range"],
        Key.MAX_WEIGHT: own["max_weight"],
    }
    _setup(state, terms)
    return state


@dataclass(frozen=True)
class Group:
    """Client 1 with all shares of its peers on the way to it."""

    state: SecAggPlusState
    keys: dict[str, list[bytes]]
    arriving: dict[str, list[Any]]


@functools.cache
def group(members: int, threshold: int) -> Group:
    """A group of which client 1 has shared its secrets."""
    states = [set_up(nid, members, threshold) for nid in range(1, members + 1)]
    keys = {str(state.nid): [state.pk1, state.pk2] for state in states}
    own, peers = states[0], states[1:]
    _share_keys(own, keys)
    seed, key = (create_shares(secret, threshold, members)[0] for secret in (os.urandom(32), peers[0].sk1))
    sealed = [
        encrypt(own.ss2_dict[peer.nid], share_keys_plaintext_concat(peer.nid, own.nid, seed, key)) for peer in peers
    ]
    return Group(own, keys, {Key.SOURCE_LIST: [peer.nid for peer in peers], Key.CIPHERTEXT_LIST: sealed})


@functools.cache
def vector(size: int) -> Any:
    """Trained parameters, shape (`size`,), float32."""
    return np.random.default_rng(0).standard_normal(size, dtype=np.float32)


def setup(asked: Asked) -> Work:
    """A client's first two stages: keys, shares of both secrets, key agreement and encryption for each peer."""
    keys = dict(group(asked.members, asked.threshold).keys)

    def work() -> None:
        state = set_up(1, asked.members, asked.threshold)
        keys["1"] = [state.pk1, state.pk2]
        _share_keys(state, keys)

    return work


def whole_round(asked: Asked) -> Work:
    """A client's third stage: shares opened, parameters quantised, own mask, key agreement and mask for each peer."""
    of = group(asked.members, asked.threshold)
    trained = ndarrays_to_parameters([vector(asked.size)])
    return lambda: _collect_masked_vectors(of.state, of.arriving, EXAMPLES, trained)


def combine(asked: Asked, *, key: bool) -> Work:
    """The server's: one secret from T shares; of a client's mask seed, or of its private key in PEM."""
    secret = group(asked.members, asked.threshold).state.sk1 if key else os.urandom(32)
    shares = create_shares(secret, asked.threshold, asked.members)[: asked.threshold]
    return lambda: combine_shares(shares)


def agree(asked: Asked) -> Work:
    """One shared key."""
    of = group(asked.members, asked.threshold)
    return lambda: generate_shared_key(bytes_to_private_key(of.state.sk1), bytes_to_public_key(of.keys["2"][0]))


def opened(asked: Asked) -> Work:
    """One peer's pair of shares."""
    of = group(asked.members, asked.threshold)
    return lambda: decrypt(of.state.ss2_dict[2], of.arriving[Key.CIPHERTEXT_LIST][0])


def mask(asked: Asked) -> Work:
    """One mask, expanded."""
    modulus = defaults()["modulus_range"]
    return lambda: pseudo_rand_gen(os.urandom(32), modulus, [(asked.size,)])


def added(asked: Asked) -> Work:
    """One mask, added."""
    words = [np.arange(asked.size)]
    return lambda: parameters_addition(words, words)


def quantized(asked: Asked) -> Work:
    """Parameters as integers."""
    own, parameters = defaults(), [vector(asked.size)]
    return lambda: quantize(parameters, own["clipping_range"], own["quantization_range"])


STEPS: dict[str, Callable[[Asked], Work]] = {
    "setup": setup,
    "round": whole_round,
    "key pair": lambda asked: generate_key_pairs,
    "shared key": agree,
    "split": lambda asked: lambda: create_shares(bytes(32), asked.threshold, asked.members),
    "split key": lambda asked: functools.partial(
        create_shares, group(asked.members, asked.threshold).state.sk1, asked.threshold, asked.members
    ),
    "open": opened,
    "combine": lambda asked: combine(asked, key=False),
    "combine key": lambda asked: combine(asked, key=True),
    "mask": mask,
    "add": added,
    "quantize": quantized,
}


def about() -> dict[str, Any]:
    """Versions and parameters."""
    versions = {name: version(name) for name in ("flwr", "numpy", "cryptography", "pycryptodome")}
    return {"python": platform.python_version(), "versions": versions, "parameters": defaults()}


def answer(line: str) -> dict[str, Any]:
    """What one request gets."""
    asked = Asked(**json.loads(line))
    if asked.step == "about":
        return about()
    work = STEPS[asked.step](asked)
    begin = process_time()
    work()
    return {"seconds": process_time() - begin}


def main() -> None:
    """Answers until the last request."""
    logging.disable()
    for line in sys.stdin:
        print(json.dumps(answer(line)), flush=True)


if __name__ == "__main__":
    main()
