"""`omnilytics quote`: what a session would cost its owner and its members, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from omnilytics.cli import options
from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.tables import GWEI_WEI

if TYPE_CHECKING:
    from omnilytics.config import QuoteOptions
    from omnilytics.protocol.fees import Quote, Step

EXAMPLE = "Example: omnilytics quote --dataset mnist --capacity 64 --gas-price-gwei 0.5 --json quote.json"

SCHEMA = "omnilytics/quote/1"


class Recipe(NamedTuple):
    """What the recipes of `experiments.recipes` decide; here too, since those take torch along."""

    parameters: int
    members: int
    rounds: int = 8
    group_size: int = 4


RECIPES = {
    ("digits", "side"): Recipe(1_370, 32),
    ("digits", "layers"): Recipe(2_594, 32),
    ("mnist", "side"): Recipe(5_386, 64),
    ("mnist", "layers"): Recipe(5_705, 64),
}
"""By data set and split."""

Dataset = Annotated[
    Literal["digits", "mnist"] | None, typer.Option(help="Whose recipe is quoted; no data are read. [default: digits]")
]
Parameters = Annotated[
    int | None, typer.Option(help="Public parameters, d. [default: those of the data set and the split]")
]
Capacity = Annotated[int | None, typer.Option(help="How many may register. [default: --members]")]
Leaves = Annotated[
    int | None, typer.Option(help="Accounts under a Merkle root. [default: a list, if 256 or fewer may register]")
]
GasPrice = Annotated[float | None, typer.Option(help="The base fee that senders pay for a gas. [default: 1]")]
BlobGasPrice = Annotated[
    float | None, typer.Option(help="What is paid for a blob gas; --mode blob. [default: a sixteenth of the base fee]")
]
BlobCeiling = Annotated[
    float | None, typer.Option(help="The most that a data owner bids for one; --mode blob. [default: 100]")
]


def quote(
    dataset: Dataset = None,
    split: options.Split = None,
    parameters: Parameters = None,
    members: options.Members = None,
    capacity: Capacity = None,
    leaves: Leaves = None,
    rounds: options.Rounds = None,
    group_size: options.GroupSize = None,
    mode: options.Mode = None,
    packed: options.Packed = None,
    policy: options.Policy = None,
    threshold: options.Threshold = None,
    reward_wei: options.RewardWei = None,
    encoding: options.Encoding = None,
    bound: options.Bound = None,
    assignment: options.Assignment = None,
    select: options.Select = None,
    krum_mu: options.KrumMu = None,
    krum_m: options.KrumM = None,
    krum_picks: options.KrumPicks = None,
    records: options.Records = None,
    gas_price_gwei: GasPrice = None,
    blob_gas_price_gwei: BlobGasPrice = None,
    blob_ceiling_gwei: BlobCeiling = None,
    fee_cap_gwei: options.FeeCap = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the quote; - prints it.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Say what a session would cost: what is deposited, what is paid for gas, what comes back. Sends nothing."""
    given = dict(locals())
    outputs = {name: given.pop(name) for name in ("json_file", "quiet")}
    from omnilytics.config import quote_options_from

    run(quote_options_from({name: value for name, value in given.items() if value is not None}), **outputs)


def run(chosen: QuoteOptions, *, json_file: Path | None, quiet: bool) -> None:
    """Makes the quote, and prints and writes it."""
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        made = make(chosen)
        files.json(json_file, to_json(chosen, made))
    for line in table(chosen, made):
        say(line)


def make(chosen: QuoteOptions) -> Quote:
    """The quote for what was typed.

    Raises:
        InputError: a session that `start` would refuse.
    """
    from omnilytics.protocol import fees
    from omnilytics.protocol.terms import check_params, offer

    recipe = RECIPES[chosen.dataset, chosen.split]
    terms = offer(chosen, chosen.rounds or recipe.rounds, chosen.group_size or recipe.group_size)
    members = chosen.members
    if members is None:
        members = chosen.capacity or max(recipe.members, terms.rounds * terms.group_size)
    capacity = chosen.capacity or members
    params = terms.params(chosen.parameters or recipe.parameters, 1.0)
    check_params(params, capacity, 0)
    leaves = chosen.leaves
    if leaves is None and capacity > fees.LISTED:
        leaves = max(members, capacity)
    price, blob_gas = chosen.gas_price_gwei, chosen.blob_gas_price_gwei
    return fees.quote(
        params,
        capacity,
        round(price * GWEI_WEI),
        registered=min(members, capacity),
        leaves=leaves,
        blob_gas_price_wei=None if blob_gas is None else round(blob_gas * GWEI_WEI),
    )


def to_json(chosen: QuoteOptions, made: Quote) -> dict[str, Any]:
    """The object that `quote --json` writes."""
    params = made.params
    return {
        "schema": SCHEMA,
        "options": chosen.model_dump(mode="json"),
        "session": {
            "parameter_count": params.parameter_count,
            "lane_bits": params.lane_bits,
            "words": params.words,
            "chunks": params.chunks,
            "rounds": params.rounds,
            "group_size": params.members,
            "threshold": params.threshold,
            "capacity": made.capacity,
            "registered": made.registered,
            "groups": made.groups,
        },
        "gas_price_wei": made.gas_price_wei,
        "fee_cap_wei": params.fee_cap_wei,
        "fee_table": None if params.fees is None else asdict(params.fees),
        "deposit": {"reward_wei": made.reward_wei, "reserve_wei": made.reserve_wei, "total_wei": made.deposit_wei},
        "steps": [
            _step(s, made.gas_price_wei)
            | {"fees_wei": made.paid_price_wei * s.gas, "limit_wei": params.fee_cap_wei * s.limit_gas}
            for s in made.steps
        ],
        "fees": {"expected_wei": made.fees_wei, "limit_wei": made.worst_fees_wei},
        "returned": {
            "reward_wei": made.returned_reward_wei,
            "expected_wei": made.returned_wei,
            "least_wei": made.worst_returned_wei,
        },
        "owner": {
            "steps": [_step(s, made.gas_price_wei) for s in made.owner_steps],
            "gas_wei": made.owner_gas_wei,
        },
        "member": {
            "bond_wei": params.bond_wei,
            "steps": [_step(s, made.gas_price_wei) for s in made.member_steps],
            "gas_wei": made.member_gas_wei,
            "fees_wei": made.member_fees_wei,
            "reward_wei": made.member_reward_wei,
        },
        "blobs": _blobs(chosen, made) if made.member_blobs else None,
    }


def _blobs(chosen: QuoteOptions, made: Quote) -> dict[str, Any]:
    ceiling = round(chosen.blob_ceiling_gwei * GWEI_WEI)
    return {
        "due": made.blobs,
        "member": made.member_blobs,
        "gas_price_wei": made.blob_gas_price_wei,
        "ceiling_wei": ceiling,
        "member_gas": made.member_blob_gas,
        "member_wei": made.member_blobs_wei,
        "member_limit_wei": made.blobs_wei(ceiling),
    }


def _step(step: Step, gas_price_wei: int) -> dict[str, Any]:
    return {"call": step.call, "calls": step.calls, "gas": step.gas, "gas_wei": gas_price_wei * step.gas}


def table(chosen: QuoteOptions, made: Quote) -> list[str]:
    """The quote as lines of text."""
    from omnilytics.dashboard.words import count, ether

    params = made.params
    seat = params.reward_wei // (params.rounds * params.members)
    words = f"{count(params.words, 'word')} of {params.lane_bits}-bit lanes"
    vector = count(made.member_blobs, "packed blob" if params.packed else "blob") if made.member_blobs else words
    price, cap = ether(made.gas_price_wei), ether(params.fee_cap_wei)
    lines = [
        f"{count(params.rounds, 'group')} of {params.members}, {count(params.parameter_count, 'parameter')} in "
        f"{vector}, rule {chosen.select}, "
        + (f"{params.threshold} of a group recover it, " if chosen.policy == "recover" else "")
        + f"records {'on' if chosen.records else 'off'}; {made.capacity:,} may register, {made.registered:,} expected"
        + ("" if made.groups else ": too few, everybody has the money back"),
        "",
        "the owner deposits",
        _amount("reward", made.reward_wei, f"{ether(seat)} a seat: groups without members or words come back"),
        _amount("reserve", made.reserve_wei, f"pays gas back, at most {cap} a gas" if params.fee_cap_wei else ""),
        _amount("in all", made.deposit_wei),
        "",
        f"gas at {price}" + (", paid back out of the reserve" if params.fee_cap_wei else ", not paid back"),
        *_rows(made.steps, made.paid_price_wei or made.gas_price_wei, params.fee_cap_wei),
        "",
    ]
    back = [_amount("reward", made.returned_reward_wei, "of groups that nobody fills")] * bool(made.returned_reward_wei)
    if params.fee_cap_wei:
        back += [
            _amount("reserve", made.returned_wei, "expected"),
            _amount("reserve", made.worst_returned_wei, "at worst: every call at its limit, every group drawn twice"),
        ]
    if back:
        lines += ["to the owner comes back", *back, ""]
    lines += [
        f"the owner's own gas, not paid back: {ether(made.owner_gas_wei)}",
        *_rows(made.owner_steps, made.gas_price_wei, 0),
        "",
        "a data owner",
        _amount("bond", params.bond_wei, "comes back if it does its part"),
        _amount("gas", made.member_gas_wei, "its own calls"),
        _amount("fees", made.member_fees_wei, "paid back of that"),
        *_blob_rows(chosen, made),
        _amount("reward", made.member_reward_wei, "if its group is accepted"),
    ]
    return lines


def _blob_rows(chosen: QuoteOptions, made: Quote) -> list[str]:
    """What a data owner pays for its blobs, and what it may come to."""
    from omnilytics.dashboard.words import count, ether

    if not made.member_blobs:
        return []
    ceiling = round(chosen.blob_ceiling_gwei * GWEI_WEI)
    blobs = f"{count(made.member_blobs, 'blob')} of {made.blobs:,}, {made.member_blob_gas:,} blob gas"
    return [
        _amount("blobs", made.member_blobs_wei, f"{blobs} at {ether(made.blob_gas_price_wei)}, not paid back"),
        _amount("", made.blobs_wei(ceiling), f"at most, at its ceiling of {ether(ceiling)} a blob gas"),
    ]


def _amount(name: str, wei: int, what: str = "") -> str:
    from omnilytics.dashboard.words import ether

    return f"  {name:<14} {ether(wei):>16}  {what}".rstrip()


def _rows(steps: Iterable[Step], price_wei: int, cap_wei: int) -> list[str]:
    """One line for each function, one for their sum."""
    from omnilytics.dashboard.words import ether

    shown = list(steps)
    most = " " * 3 + f"{'at most':>16}" if cap_wei else ""
    rows = [f"  {'':<18} {'calls':>6} {'gas':>12} {'expected':>16}{most}"]
    total = [(s.call, f"{s.calls:,}", s.gas, s.limit_gas) for s in shown]
    total.append(("in all", "", sum(s.gas for s in shown), sum(s.limit_gas for s in shown)))
    for name, calls, gas, limit in total:
        last = f"   {ether(cap_wei * limit):>16}" if cap_wei else ""
        rows.append(f"  {name:<18} {calls:>6} {gas:>12,} {ether(price_wei * gas):>16}{last}")
    return rows
