"""The argument of `start`, and legal ones for small sessions."""

from __future__ import annotations

from typing import NamedTuple

from . import economy
from . import reference as ref

DAY = 86_400
MILLIETHER = 10**15


class Params(NamedTuple):
    """The argument of `start` (docs/PROTOCOL.md section 2)."""

    parameter_count: int
    samples: int
    epochs: int
    batch_size: int
    rounds: int
    min_rounds: int
    members: int
    threshold: int
    colluders: int
    encoding: int
    clip: int
    bound: int
    lane_bits: int
    chunk_words: int
    suite: int
    assignment: int
    rule: int
    krum_mu_bps: int
    krum_m: int
    krum_m_rule: int
    policy: int
    register_secs: int
    commit_secs: int
    upload_secs: int
    aggregate_secs: int
    select_secs: int
    reveal_secs: int
    vote_secs: int
    reward_wei: int
    bond_wei: int
    fee_cap_wei: int
    fee_table: int
    record_constants: int
    unsafe_small: int
    mode: int


def make_params(**given: int) -> Params:
    """Legal parameters of a small session: two groups of three, norm, 6-bit lanes; `given` overrides fields.

    What depends on another field (lane width, threshold, suite, bond, Krum's numbers) follows it unless it is given;
    with `mode` 1 there are neither lanes nor words.
    """
    f: dict[str, int] = {
        "parameter_count": 40, "samples": 20, "epochs": 1, "batch_size": 10, "rounds": 2, "members": 3,
        "colluders": 1, "encoding": 0, "chunk_words": 8, "assignment": 0, "rule": 0, "krum_m_rule": 0,
        "policy": 0, "register_secs": DAY, "commit_secs": DAY, "upload_secs": DAY, "aggregate_secs": DAY,
        "select_secs": DAY, "fee_cap_wei": 0, "fee_table": 0, "record_constants": 0,
        "mode": 0,
    } | given  # fmt: skip
    weights, krum, recover, blobs = f["encoding"] == 1, f["rule"] == 1, f["policy"] == 1, f["mode"] == 1
    least_shares = min(f["members"], f["colluders"] + 2)
    follow = {
        "min_rounds": 1,
        "threshold": least_shares if recover else f["members"],
        "suite": int(recover or blobs),
        "reveal_secs": DAY if recover or blobs else 0,
        "vote_secs": DAY if f["rule"] == 2 else 0,
        "clip": 0 if weights else 0x3D4CCCCD,
        "bound": (2**31 - 1) // f["members"] if weights else 7,
        "krum_mu_bps": 2_500 if krum else 0,
        "krum_m": 1 if krum else 0,
        "reward_wei": 12 * f["rounds"] * f["members"] * MILLIETHER + 1,
    }
    f = follow | f
    if blobs:
        f = f | {"chunk_words": 0, "lane_bits": 0} | given
    if "unsafe_small" not in f:
        f["unsafe_small"] = int(f["threshold"] < f["colluders"] + 2)
    if "lane_bits" not in f:
        f["lane_bits"] = 32 if weights else ref.smallest_lane(f["members"], f["bound"])
    least = economy.least_bond(f["reward_wei"], f["rounds"], f["members"])
    made = Params(**{"bond_wei": 0} | f)
    return made if "bond_wei" in f else made._replace(bond_wei=least + fees_of(made))


def fees_of(p: Params) -> int:
    """F, wei; 0 where nothing makes sense of the sizes, which `start` refuses."""
    sized = p.mode == 1 or (p.chunk_words and p.lane_bits)
    return economy.member_fees(p) if p.fee_table and sized else 0
