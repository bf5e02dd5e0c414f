"""What `omnilytics market deploy` does: says where the market comes and what it costs, asks, deploys what lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omnilytics.chain.rpc.deployment import Piece
    from omnilytics.cli.connection import Signer

SCHEMA = "omnilytics/market/1"

QUESTION = "Deploy it?"


def deployed(own: Signer, min_window_secs: int, salt: int, say: Callable[[str], None], *, yes: bool) -> dict[str, Any]:
    """The object that `market deploy --json` writes, of a market that stands.

    Raises:
        InputError, typer.Abort: not agreed to.
        ChainError: the account can't pay, something else is at one of the addresses, or a transaction failed.
        Reverted: a constructor refused.
    """
    from omnilytics.chain.rpc import deployment
    from omnilytics.cli import preflight

    plan = deployment.survey(own.chain, deployment.pieces(min_window_secs, salt))
    missing = [piece for piece in plan if not piece.there]
    if not missing:
        say(f"the market is there already, on chain {own.chain.chain_id}")
        return _to_json(own, plan, (), deterministic=True)
    why = deployment.obstacle(own.chain)
    made = plan if why else missing
    gas, fee = sum(piece.gas for piece in made), own.chain.base_fee_wei()
    proxy = 0 if why else deployment.proxy_wei(own.chain)
    lines = [_place(plan, why), *_cost(own, made, gas, fee, proxy)]
    preflight.check_balance(own.account, own.chain.balance(own.account), proxy, gas * fee)
    preflight.agree(lines, QUESTION, say, yes=yes)
    if why:
        plan = deployment.deploy_plainly(own.chain, own.account, min_window_secs)
        return _to_json(own, plan, plan, deterministic=False)
    for piece in deployment.deploy(own.chain, own.account, plan):
        say(f"{piece.contract:<16} {piece.address}" + (", was there" if piece.there else ""))
    return _to_json(own, plan, missing, deterministic=True)


def _place(plan: Sequence[Piece], why: str | None) -> str:
    if why is None:
        return f"market     {plan[-1].address}"
    return f"market     at an address of the account's next transactions: no deployment proxy here, since {why}"


def _cost(own: Signer, made: Sequence[Piece], gas: int, fee_wei: int, proxy_wei: int) -> list[str]:
    from omnilytics.dashboard.words import ether

    count = "1 contract" if len(made) == 1 else f"{len(made)} contracts"
    what = f"{count} on chain {own.chain.chain_id} from {own.account}"
    lines = [f"deploys    {what}: some {gas / 1e6:.1f} M gas, {ether(gas * fee_wei)} at {ether(fee_wei)} a gas"]
    return [*lines, f"and before the deployment proxy, for {ether(proxy_wei)}"] if proxy_wei else lines


def _to_json(own: Signer, plan: Sequence[Piece], made: Sequence[Piece], *, deterministic: bool) -> dict[str, Any]:
    new = {piece.address for piece in made}
    market = own.chain.market(plan[-1].address)
    return {
        "schema": SCHEMA,
        "chain_id": own.chain.chain_id,
        "market": market.address,
        "min_window_secs": market.min_window_secs(),
        "deterministic": deterministic,
        "contracts": [
            {"contract": piece.contract, "address": piece.address, "deployed": piece.address in new} for piece in plan
        ],
    }
