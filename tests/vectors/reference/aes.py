"""AES-128 (FIPS 197), one block at a time."""

from functools import cache


def _double(byte: int) -> int:
    return (byte << 1) ^ (0x11B if byte & 0x80 else 0)


@cache
def _times(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = _double(a), b >> 1
    return product


def _substitution() -> list[int]:
    """The S-box: the inverse in GF(2^8), then the affine map."""
    box = []
    for byte in range(256):
        inverse = next((other for other in range(256) if _times(byte, other) == 1), 0)
        bits = inverse
        for shift in range(1, 5):
            bits ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box.append(bits ^ 0x63)
    return box


BOX = _substitution()


@cache
def expand_key(key: bytes) -> list[bytes]:
    """The eleven round keys."""
    words = [key[4 * i : 4 * i + 4] for i in range(4)]
    constant = 1
    for i in range(4, 44):
        word = words[i - 1]
        if i % 4 == 0:
            word = bytes(BOX[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _double(constant)
        words.append(bytes(a ^ b for a, b in zip(words[i - 4], word, strict=True)))
    return [b"".join(words[4 * i : 4 * i + 4]) for i in range(11)]


def encrypt_block(round_keys: list[bytes], block: bytes) -> bytes:
    state = bytes(a ^ b for a, b in zip(block, round_keys[0], strict=True))
    for number in range(1, 11):
        state = bytes(BOX[byte] for byte in state)
        state = bytes(state[(i + 4 * (i % 4)) % 16] for i in range(16))
        if number < 10:
            state = b"".join(_mix(state[4 * i : 4 * i + 4]) for i in range(4))
        state = bytes(a ^ b for a, b in zip(state, round_keys[number], strict=True))
    return state


def _mix(column: bytes) -> bytes:
    a, b, c, d = column
    rows = ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
    return bytes(_times(p, 2) ^ _times(q, 3) ^ r ^ s for p, q, r, s in rows)


def keystream(key: bytes, start: int, count: int) -> bytes:
    """Blocks `start` to `start + count`: block c is AES_key(LE64(c) || 0^8) (E11)."""
    round_keys = expand_key(key)
    blocks = (c.to_bytes(8, "little") + bytes(8) for c in range(start, start + count))
    return b"".join(encrypt_block(round_keys, block) for block in blocks)
