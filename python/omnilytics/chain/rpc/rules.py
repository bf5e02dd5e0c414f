"""Whether a chain keeps the rules that sessions count on, which a wrong hard fork or a small limit would break later.

Nodes don't name their fork alike (`eth_config`, EIP-7910, is served by few), so the machine itself is asked: with
code that only Osaka runs, with the largest contract, with the largest call.
"""

from __future__ import annotations

from omnilytics.chain.rpc.answers import code_of
from omnilytics.chain.rpc.node import NodeError
from omnilytics.chain.rpc.nodes import Nodes, quantity
from omnilytics.chain.rpc.settings import TX_GAS_CAP
from omnilytics.errors import ChainError
from omnilytics.types import ZERO_ADDRESS

CODE_BYTES = 24_576
"""Of the largest contract (EIP-170)."""

CALL_BYTES = 130_048
"""Of the largest call: 128 KiB, at which nodes refuse a transaction, less 1,024 for its envelope."""

TX_GAS, FLOOR_GAS = 21_000, 40
"""Of a transaction, and of a byte of calldata other than zero at the floor (EIP-7623); fees are metered by them."""

ESTIMATE_SLACK = 20  # a node may estimate a twentieth too much; geth does by 1.5 %

COUNT_LEADING_ZEROS = bytes.fromhex(
    "60011e5f5260205ff3"
)  # of 1, by the instruction CLZ (EIP-7939), as a contract's code
LARGEST_CODE = b"\x61" + CODE_BYTES.to_bytes(2, "big") + bytes.fromhex("5ff3")  # init code: returns so many zeros


def check(nodes: Nodes) -> None:
    """Refuses a chain that lacks something.

    Raises:
        ChainError: names all that it lacks.
    """
    lacks = [*_fork(nodes), *_code_size(nodes), *_block(nodes), *_calldata(nodes)]
    if lacks:
        error = ChainError(f"chain {nodes.chain_id} can't carry sessions: {'; '.join(lacks)}")
        error.add_note("take a network, or start a node, with the rules of Osaka: anvil --hardfork osaka")
        raise error


def is_osaka(nodes: Nodes) -> bool:
    """Whether the chain has the rules of Osaka, whatever else it lacks.

    Raises:
        ChainError: no answer.
    """
    return not _fork(nodes)


def _fork(nodes: Nodes) -> list[str]:
    expected = "hard fork: expected Osaka or a later one"
    try:
        zeros = _run(nodes, COUNT_LEADING_ZEROS)
    except NodeError as error:
        return [f"{expected}, got one without the instruction CLZ ({error.message})"]
    return [] if int.from_bytes(zeros, "big") == 255 else [f"{expected}, got one with another instruction CLZ"]


def _code_size(nodes: Nodes) -> list[str]:
    try:
        made = len(_run(nodes, LARGEST_CODE))
    except NodeError as error:
        return [f"code size: expected {CODE_BYTES} bytes to be allowed, got: {error.message}"]
    return [] if made == CODE_BYTES else [f"code size: expected {CODE_BYTES} bytes to be kept, got {made}"]


def _block(nodes: Nodes) -> list[str]:
    block = nodes.request("eth_getBlockByNumber", "latest", False)
    if not isinstance(block, dict) or "baseFeePerGas" not in block:
        return ["base fee: expected one in every block (EIP-1559), got none"]
    limit = quantity(block.get("gasLimit"))
    return [] if limit >= TX_GAS_CAP else [f"block gas limit: expected at least {TX_GAS_CAP}, got {limit}"]


def _calldata(nodes: Nodes) -> list[str]:
    question = {"from": ZERO_ADDRESS, "to": ZERO_ADDRESS, "data": "0x" + "01" * CALL_BYTES}
    try:
        gas = quantity(nodes.request("eth_estimateGas", question, "latest"))
    except NodeError as error:
        return [f"calldata: expected {CALL_BYTES} bytes to be allowed, got: {error.message}"]
    least = TX_GAS + FLOOR_GAS * CALL_BYTES
    if least <= gas <= least + least // ESTIMATE_SLACK:
        return []
    return [f"calldata: expected {CALL_BYTES} bytes to cost {least} gas as on Osaka, got {gas}"]


def _run(nodes: Nodes, code: bytes) -> bytes:
    """What code returns if it is run as a contract's init code."""
    question = {"from": ZERO_ADDRESS, "data": "0x" + code.hex(), "gas": hex(TX_GAS_CAP)}
    return code_of(nodes.request("eth_call", question, "latest"))
