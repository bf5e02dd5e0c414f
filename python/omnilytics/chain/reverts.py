"""Why contracts refuse: from the bytes of a revert to its reason, and from a reason to the next legal action."""

from __future__ import annotations

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

REASONS: dict[str, str] = {}
"""Every reason of contracts/**/*.vy, `module: reason`, with what to do instead."""

_ERROR = bytes.fromhex("08c379a0")  # Error(string)
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)
_PANICS = {
    0x01: "an assertion that can't fail",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "a value outside its enumeration",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
}

NO_REASON = "no reason given"
"""What the compiler's own checks say: nothing."""


def reason_of(output: bytes, halt: str | None = None) -> str:
    """The reason of a failed call in words.

    Args:
        output: what the call returned: the ABI encoding of an error, or nothing.
        halt: why the machine stopped, if it did not revert.
    """
    if halt is not None:
        return f"the machine halted: {halt}"
    if not output:
        return NO_REASON
    selector, data = output[:4], output[4:]
    try:
        if selector == _ERROR:
            return str(decode(["string"], data)[0])
        if selector == _PANIC:
            code = int(decode(["uint256"], data)[0])
            return f"panic 0x{code:02x}: {_PANICS.get(code, 'unknown code')}"
    except (DecodingError, UnicodeDecodeError):
        pass
    return f"unknown error 0x{output[:32].hex()}"


def explain(reason: str) -> str:
    """What to do instead, for a reason of our contracts; for any other what the reason itself can tell."""
    if reason in REASONS:
        return REASONS[reason]
    if reason == NO_REASON:
        return "a check of the compiler failed: an argument out of range, an overflow, or ether where none is taken"
    if reason.startswith("the machine halted"):
        return (
            "the call ran out of its 2^24 gas or met an instruction that no contract of ours has; send smaller chunks"
        )
    return "not a refusal that these contracts know: check that the address is a session of this market"
