"""The codec agrees with the plain-Python protocol, byte for byte."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from omnilytics import codec
from omnilytics.codec import Codec, GroupContext, MaskKey
from omnilytics.errors import InputError
from omnilytics.types import Address, Encoding, KrumPicks, Rule, Suite
from tests.golden import VECTORS, cases, unhex, vectors

from .support import floats, group, krum, params

BOUNDS = {6: 15, 8: 63, 10: 255, 12: 1023, 16: 16383, 32: 2**30 - 1}
SUITES = {"aes": Suite.AES, "keccak": Suite.KECCAK}

Case = dict[str, Any]


def lane_codec(lane_bits: int, parameter_count: int, **changes: Any) -> Codec:
    return Codec(params(members=2, bound=BOUNDS[lane_bits], parameter_count=parameter_count, **changes))


def test_the_files_are_current() -> None:
    command = [sys.executable, str(VECTORS / "generate.py"), "--check"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("case", cases("encoding"))
def test_encoding(case: Case) -> None:
    weights, published = floats(case["weights"]), floats(case["published"])
    rule = krum() if case["rule"] == 1 else {}
    coder = Codec(
        params(
            parameter_count=len(weights),
            members=case["members"],
            bound=case["bound"],
            lane_bits=case["lane_bits"],
            encoding=case["encoding"],
            clip=int(case["clip"], 16),
            **rule,
        )
    )
    result = coder.encode_plain(weights, published, unhex(case["rounding_seed"]), case["shrink"])
    assert result.words == unhex(case["words"])
    assert case["values"] == coder.decode(result.words).tolist()
    assert result.clipped == case["clipped"]
    assert result.scale == struct.unpack(">d", unhex(case["scale"]))[0]


@pytest.mark.parametrize("case", cases("lanes", "decoding"))
def test_decoding(case: Case) -> None:
    coder = lane_codec(case["lane_bits"], case["parameter_count"])
    assert case["values"] == coder.decode(unhex(case["words"])).tolist()


@pytest.mark.parametrize("case", cases("lanes", "packing"))
def test_packed_words_decode(case: Case) -> None:
    coder = lane_codec(case["lane_bits"], len(case["values"]))
    assert case["values"] == coder.decode(unhex(case["words"])).tolist()


@pytest.mark.parametrize("case", cases("lanes", "floats"))
def test_published_words(case: Case) -> None:
    vector = floats(case["vector"])
    assert codec.float_words(vector) == unhex(case["words"])
    np.testing.assert_array_equal(codec.from_float_words(unhex(case["words"]), len(vector)), vector)


@pytest.mark.parametrize("case", cases("keys"))
def test_keys(case: Case) -> None:
    key = MaskKey.from_seed(unhex(case["seed"]))
    assert (key.x, key.parity) == (int(case["x"], 16), case["parity"])
    assert key.address == case["address"]
    keys = key.sign(case["chain_id"], Address(case["session"]), Address(case["sender"]))
    assert (keys.x, keys.parity) == (key.x, key.parity)
    assert (keys.v, keys.r, keys.s) == (case["v"], int(case["r"], 16), int(case["s"], 16))


@pytest.mark.parametrize("x", vectors("keys")["bad_x"])
def test_keys_off_the_curve_are_refused(x: str) -> None:
    keys, contexts = group(2)
    own = contexts[0].peers[0]
    context = GroupContext(1, contexts[0].session, 0, 0, bytes(32), (own, (int(x, 16), 0)))
    coder = Codec(params(members=2))
    with pytest.raises(InputError, match="place 1: expected x of a point on secp256k1"):
        coder.mask(bytes(32 * coder.words), keys[0], context)


@pytest.mark.parametrize("case", cases("masks"))
def test_masks(case: Case) -> None:
    coder = Codec(
        params(parameter_count=case["parameter_count"], members=4, bound=case["bound"], suite=SUITES[case["suite"]])
    )
    peers = tuple((int(peer["x"], 16), peer["parity"]) for peer in case["peers"])
    assert codec.set_hash(peers) == unhex(case["set_hash"])
    masked = []
    for place, (seed, plain) in enumerate(zip(case["key_seeds"], case["plain"], strict=True)):
        key = MaskKey.from_seed(unhex(seed))
        session, model_hash = Address(case["session"]), unhex(case["model_hash"])
        context = GroupContext(case["chain_id"], session, case["group"], place, model_hash, peers)
        masked.append(coder.mask(unhex(plain), key, context).words)
    assert masked == [unhex(words) for words in case["masked"]]
    assert coder.sum(masked) == unhex(case["sum"])
    assert case["values"] == coder.decode(unhex(case["sum"])).tolist()


@pytest.mark.parametrize("case", cases("digests", "keccak256"))
def test_keccak(case: Case) -> None:
    assert codec.keccak256(unhex(case["data"])) == unhex(case["hash"])


@pytest.mark.parametrize("case", cases("digests", "commitments"))
def test_commitments(case: Case) -> None:
    words = unhex(case["words"])
    coder = lane_codec(32, 8 * len(words) // 32, chunk_words=case["chunk_words"])
    split = coder.split(words)
    assert b"".join(split.chunks) == words
    assert len(split.chunks) == coder.chunks
    assert split.chunk_hashes == [unhex(item) for item in case["chunk_hashes"]]
    assert split.root == unhex(case["root"]) == codec.commitment_root(split.chunk_hashes)


@pytest.mark.parametrize("case", cases("digests", "published"))
def test_published_hash(case: Case) -> None:
    assert codec.published_hash([unhex(chunk) for chunk in case["chunks"]]) == unhex(case["hash"])


@pytest.mark.parametrize("case", cases("digests", "votes"))
def test_vote_commitments(case: Case) -> None:
    bits, salt = int.from_bytes(unhex(case["bits"]), "big"), unhex(case["salt"])
    found = codec.vote_commitment(case["chain_id"], case["session"], case["member"], bits, salt)
    assert found == unhex(case["commitment"])


def test_model_hash() -> None:
    case = vectors("digests")["model"]
    names = list(params().__dataclass_fields__)
    fields = dict(zip(names, (int(field) for field in case["fields"]), strict=True))
    session = params(**fields)
    assert codec.model_hash(session, unhex(case["published_hash"])) == unhex(case["hash"])


@pytest.mark.parametrize("case", cases("draw", "permutations"))
def test_permutations(case: Case) -> None:
    drawn = vectors("draw")
    seed = codec.draw_seed(unhex(drawn["block_hash"]), Address(drawn["session"]))
    assert seed == unhex(drawn["seed"])
    assert [codec.permutation(seed, case["count"], index) for index in range(case["count"])] == case["places"]
    assert sorted(case["places"]) == list(range(case["count"]))


@pytest.mark.parametrize("case", cases("selection", "gram"))
def test_gram(case: Case) -> None:
    coder = lane_codec(case["lane_bits"], case["parameter_count"])
    aggregates = [unhex(words) for words in case["aggregates"]]
    assert [str(coder.squared_norm(words)) for words in aggregates] == case["norms"]
    assert [str(product) for product in coder.products(aggregates)] == case["products"]


@pytest.mark.parametrize("case", cases("selection", "norm"))
def test_norm(case: Case) -> None:
    names = ("members", "parameter_count", "bound")
    coder = Codec(params(**{name: case[name] for name in names}, chunk_words=720))
    assert [str(coder.norm_limit(count)) for count in case["counts"]] == case["limits"]
    assert coder.select_norm([int(norm) for norm in case["norms"]], case["counts"]) == case["accepted"]


@pytest.mark.parametrize("case", cases("selection", "norm_vote"))
def test_norm_vote(case: Case) -> None:
    names = ("members", "parameter_count", "bound")
    coder = Codec(params(**{name: case[name] for name in names}, chunk_words=720, rule=Rule.NORM_VOTE))
    norms = [int(norm) for norm in case["norms"]]
    found = coder.select_norm_vote(norms, case["counts"], case["against"], case["cast"])
    assert found == case["accepted"]


@pytest.mark.parametrize("case", cases("selection", "krum"))
def test_krum(case: Case) -> None:
    coder = Codec(params(**krum(case["mu_bps"], case["m"], KrumPicks(case["m_rule"]))))
    norms, products = ([int(entry) for entry in case[key]] for key in ("norms", "products"))
    assert coder.select_krum(norms, products) == case["accepted"]
    scores = coder.krum_scores(norms, products)
    assert [str(score) for _, score in sorted(scores)] == case["scores"]
    assert [score for _, score in scores] == sorted(score for _, score in scores)


@pytest.mark.parametrize("case", cases("selection", "krum_counts"))
def test_krum_of_means(case: Case) -> None:
    coder = Codec(params(members=case["members"], **krum(case["mu_bps"], case["m"], KrumPicks(case["m_rule"]))))
    norms, products = ([int(entry) for entry in case[key]] for key in ("norms", "products"))
    assert coder.select_krum(norms, products, case["counts"]) == case["accepted"]
    scores = coder.krum_scores(norms, products, case["counts"])
    assert [str(score) for _, score in sorted(scores)] == case["scores"]


@pytest.mark.parametrize("case", cases("selection", "mean"))
def test_means(case: Case) -> None:
    rule = krum() if case["encoding"] == Encoding.WEIGHTS else {}
    names = ("members", "encoding", "bound", "lane_bits", "parameter_count")
    coder = Codec(params(**{name: case[name] for name in names}, clip=int(case["clip"], 16), **rule))
    aggregates, expected = [unhex(words) for words in case["aggregates"]], floats(case["mean"])
    np.testing.assert_array_equal(coder.mean_update(aggregates, case["counts"]), expected)
    if len(set(case["counts"])) == 1:
        np.testing.assert_array_equal(coder.mean_update(aggregates, case["counts"][0]), expected)
