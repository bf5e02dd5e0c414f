"""Reasons: their bytes, and that reverts.py knows every one of contracts/**/*.vy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode

from omnilytics.chain.reverts import NO_REASON, REASONS, explain, reason_of

CONTRACTS = Path(__file__).parents[2] / "contracts"
SHIPPED = [p for p in sorted(CONTRACTS.rglob("*.vy")) if not {"mocks", "baseline"} & set(p.parts)]


def reasons_in_the_sources() -> set[str]:
    """Every string `module: reason`; comments and docstrings hold none."""
    return {
        found for path in SHIPPED for found in re.findall(r'"([a-z_]+: [^"\n]+)"', path.read_text(encoding="utf-8"))
    }


def test_every_reason_of_the_contracts_is_explained() -> None:
    assert set(REASONS) == reasons_in_the_sources()


def test_reasons_are_told_apart_and_in_order() -> None:
    assert list(REASONS) == sorted(REASONS)
    assert all(action and not action.endswith(".") for action in REASONS.values())


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (bytes.fromhex("08c379a0") + encode(["string"], ["session: wrong stage"]), "session: wrong stage"),
        (bytes.fromhex("08c379a0") + encode(["string"], [""]), ""),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "panic 0x11: arithmetic overflow"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x99]), "panic 0x99: unknown code"),
        (b"", NO_REASON),
        (bytes.fromhex("08c379a0"), "unknown error 0x08c379a0"),
        (bytes.fromhex("08c379a0") + bytes(31) + b"\x20" + bytes(31) + b"\x01" + b"\xff" + bytes(31), None),
        (bytes.fromhex("deadbeef") + bytes(100), "unknown error 0xdeadbeef" + "00" * 28),
        (b"\x01", "unknown error 0x01"),
    ],
)
def test_reasons_from_bytes(output: bytes, reason: str | None) -> None:
    expected = f"unknown error 0x{output[:32].hex()}" if reason is None else reason
    assert reason_of(output) == expected


def test_a_halt_says_why() -> None:
    assert reason_of(b"", "out of gas: basic") == "the machine halted: out of gas: basic"


def test_the_numbers_at_the_end_of_a_refusal_are_passed_over() -> None:
    reason = "start: rounds out of 1..64"
    assert explain(f"{reason}: expected 64, given 65") == REASONS[reason]
    assert "session of this market" in explain(f"{reason}: expected 64, given many")
    assert "session of this market" in explain(f"{reason}: 65")


def test_what_to_do_instead() -> None:
    assert explain("session: wrong stage") == REASONS["session: wrong stage"]
    assert "out of range" in explain(NO_REASON)
    assert "smaller chunks" in explain("the machine halted: out of gas")
    assert "session of this market" in explain("erc20: paused")
