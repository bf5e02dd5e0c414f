"""The golden vectors of seats, fees, records and whitelists: those of `generate.py` that hold no model."""

from __future__ import annotations

import random

from tests.vectors.notation import SESSION, Json, hexadecimal
from tests.vectors.reference import codec, economy
from tests.vectors.reference import draw as drawing
from tests.vectors.reference.draw import CLEAR, COHORT, SUSPECT, Registered
from tests.vectors.reference.keccak import keccak256

SEED = keccak256(keccak256(b"block") + SESSION.rjust(32, b"\0"))


# ---- draw.json ----


def crowd(label: str, clear: int, suspect: int, cohorts: list[int], members: int) -> list[Registered]:
    """So many of each pool, mixed; `cohorts` says how many members of each cohort came."""
    source = random.Random(label)
    registered = [Registered(CLEAR)] * clear + [Registered(SUSPECT)] * suspect
    for number, came in enumerate(cohorts):
        places = source.sample(range(members), came)
        registered += [Registered(COHORT, number, place) for place in places]
    source.shuffle(registered)
    return registered


def seats_case(name: str, clear: int, suspect: int, cohorts: list[int], members: int, rounds: int) -> Json:
    registered = crowd(name, clear, suspect, cohorts, members)
    seed = keccak256(name.encode())
    return {
        "name": name,
        "seed": hexadecimal(seed),
        "members": members,
        "rounds": rounds,
        "registered": [list(one) for one in registered],
        "groups": drawing.seats(registered, members, rounds, seed),
    }


def draw() -> Json:
    counts = (1, 2, 3, 4, 5, 16, 17, 32, 64, 65, 256)
    return {
        "block_hash": hexadecimal(keccak256(b"block")),
        "session": hexadecimal(SESSION),
        "seed": hexadecimal(SEED),
        "permutations": [
            {"count": count, "places": [codec.permutation(SEED, count, index) for index in range(count)]}
            for count in counts
        ],
        "seats": [
            seats_case("all clear, all seated", 12, 0, [], 3, 4),
            seats_case("all clear, some without a seat", 14, 0, [], 3, 4),
            seats_case("one group of two", 2, 0, [], 2, 1),
            seats_case("few suspects: one class", 20, 5, [], 3, 8),
            seats_case("few clear: one class", 5, 20, [], 3, 6),
            seats_case("suspects as many as two groups: two classes", 6, 6, [], 3, 3),
            seats_case("clear ones for all seats", 13, 8, [], 4, 3),
            seats_case("clear ones for some seats", 8, 17, [], 4, 5),
            seats_case("only suspects", 0, 9, [], 3, 3),
            seats_case("cohorts beside loose members, all seated", 6, 1, [3, 3], 3, 5),
            seats_case("cohorts, one of them incomplete", 9, 0, [3, 2, 3], 3, 4),
            seats_case("more cohorts than groups", 2, 0, [2, 2, 2, 2], 2, 3),
            seats_case("nothing but cohorts", 0, 0, [4, 4, 4], 4, 2),
            seats_case("nothing but incomplete cohorts, and one group", 3, 0, [2, 1], 3, 2),
            seats_case("cohorts and both classes", 12, 11, [4, 4, 3, 4], 4, 5),
            seats_case("the largest", 640, 200, [16] * 12 + [9], 16, 40),
            *(seats_case(f"one cohort of three units, draw {i}", 6, 0, [3], 3, 2) for i in range(6)),
        ],
        "greedy": [
            {"registered": n, "members": m, "rounds": r, "groups": drawing.greedy(n, m, r)}
            for n, m, r in ((6, 3, 4), (8, 3, 2), (5, 2, 64))
        ],
        "redraws": [
            {"survivors": n, "members": m, "seed": hexadecimal(SEED), "groups": drawing.second(n, m, SEED)}
            for n, m in ((3, 3), (4, 3), (11, 4), (30, 2), (75, 16))
        ],
        "greedy_redraws": [
            {"survivors": n, "members": m, "groups": drawing.second(n, m, None)} for n, m in ((3, 3), (11, 4))
        ],
    }


# ---- fees.json ----


def some_table(label: str, most: int) -> economy.Table:
    source = random.Random(label)
    names = [*economy.LIMITS, *(f"{name}{suffix}" for name in economy.BY_WORDS for suffix in ("", "_word"))]
    return {"token_gas": 4, "floor_gas": 10, "base_gas": 21_000, **{name: source.randint(0, most) for name in names}}


def tables() -> list[economy.Table]:
    full = dict.fromkeys(some_table("full", 1), 2**16 - 1)
    full |= {"token_gas": 255, "floor_gas": 255, "base_gas": 2**24 - 1}
    return [some_table("usual", 9_000), full, dict.fromkeys(full, 0) | {"gram_word": 1}]


def fees() -> Json:
    sessions, recover = [], []
    for i, table in enumerate(tables()):
        for rounds, members, d, bits, chunk_words, krum in (
            (8, 4, 5_705, 6, 136, False),
            (8, 4, 5_705, 6, 68, True),
            (64, 16, 2**20, 32, 254, False),
            (16, 2, 1, 6, 8, True),
        ):
            words = -(-d // (256 // bits))
            chunks = -(-words // chunk_words)
            cap, capacity = 10**9 * (i + 1) + i, rounds * members + 7
            session = {
                "table": i,
                "rounds": rounds,
                "members": members,
                "parameter_count": d,
                "lane_bits": bits,
                "chunk_words": chunk_words,
                "rule": int(krum),
                "fee_cap_wei": cap,
                "capacity": capacity,
            }
            sizes = (table, capacity, rounds, members, words, chunks, krum, cap)
            sessions.append(
                session
                | {
                    "member_fees": str(economy.member_fees(table, words, chunks, cap)),
                    "reserve": str(economy.reserve(*sizes)),
                }
            )
            recover.append(
                session
                | {
                    "member_fees": str(economy.member_fees_with_recover(table, words, chunks, cap)),
                    "reserve": str(economy.reserve_with_recover(*sizes)),
                }
            )
    packed = [{"fields": table, "packed": str(economy.pack_table(table))} for table in tables()]
    return {"tables": packed, "sessions": sessions, "recover": recover, "rewards": rewards(), "bonds": bonds()}


def rewards() -> list[Json]:
    """E30 under policy `recover`."""
    cases = []
    for reward, rounds, members, counts, paid in (
        (10**18, 4, 4, [4, 4, 4, 4], [True] * 4),
        (10**18, 4, 4, [4, 3, 4, 3], [True, True, False, True]),
        (10**18 + 7, 7, 3, [3, 2, 2], [False, True, True]),
        (10**18, 8, 6, [4, 5, 6, 4, 6], [True, False, False, False, True]),
        (10**18 + 1, 3, 16, [9, 16, 12], [False, False, True]),
        (10**18, 4, 4, [3], [True]),
        (10**18, 4, 4, [], []),
        (16, 4, 4, [3, 4, 3], [True, False, True]),
        (2**96, 64, 16, [9 + r % 8 for r in range(64)], [r % 3 != 1 for r in range(64)]),
    ):
        for krum in (False, True):
            each, burnt, left = economy.rewards_with_recover(reward, rounds, members, counts, paid, krum)
            cases.append(
                {
                    "reward": str(reward),
                    "rounds": rounds,
                    "members": members,
                    "rule": int(krum),
                    "counts": counts,
                    "paid": paid,
                    "each": str(each),
                    "burnt": str(burnt),
                    "owner": str(left),
                }
            )
    return cases


def bonds() -> list[Json]:
    """Who did its part under policy `recover`, and what each place has back of the bonds; bit i is place i."""
    cases = []
    for name, stage, members, shared, delivered, revealed, blamed in (
        ("everybody did its part", None, 4, 0b1111, 0b1111, 0b1111, 0),
        ("one never shared", None, 4, 0b1101, 0b1101, 0b1101, 0),
        ("one shared and didn't upload", None, 4, 0b1111, 0b0111, 0b0111, 0),
        ("one uploaded and didn't reveal", None, 4, 0b1111, 0b1111, 0b1110, 0),
        ("one revealed and is blamed", None, 4, 0b1111, 0b1111, 0b1111, 0b0100),
        ("one that didn't upload is blamed", None, 4, 0b1111, 0b1101, 0b1101, 0b0010),
        ("one at every step", None, 6, 0b111110, 0b111100, 0b111000, 0b100000),
        ("too few shared", economy.SHARE, 4, 0b0011, 0, 0, 0),
        ("nobody shared", economy.SHARE, 4, 0, 0, 0, 0),
        ("too few uploaded", economy.UPLOAD, 4, 0b1111, 0b1001, 0, 0),
        ("nobody uploaded", economy.UPLOAD, 6, 0b111111, 0, 0, 0),
        ("too few revealed", economy.REVEAL, 4, 0b1111, 0b1111, 0b0101, 0),
        ("nobody revealed", economy.REVEAL, 4, 0b1111, 0b0111, 0, 0),
        ("all but the blamed one revealed", economy.REVEAL, 6, 0b111111, 0b011111, 0b011110, 0b000001),
        ("the only one that revealed is blamed", economy.REVEAL, 4, 0b1111, 0b1111, 0b0001, 0b0001),
        ("seven of sixteen", None, 16, 0xFFFF, 0xFFF7, 0x0F1F, 0x0100),
    ):
        bond = 10**17 + 1
        did = economy.did_their_part(stage, shared, delivered, revealed, blamed)
        cases.append(
            {
                "name": name,
                "stage": stage,
                "members": members,
                "shared": shared,
                "delivered": delivered,
                "revealed": revealed,
                "blamed": blamed,
                "bond": str(bond),
                "did": did,
                "back": [str(back) for back in economy.bonds_back(bond, members, did)],
            }
        )
    return cases


# ---- records.json ----


def records() -> Json:
    constants = [(50, 4, 2**14, 2**15), (0, 2, 0, 1), (2**16 - 1, 255, 2**16, 2**16)]
    values = [0, 1, 2, 3, 49, 50, 51, 99, 100, 16_384, 28_672, 32_767, 32_768, 65_535, 65_536]
    return {
        "constants": [
            {
                **dict(zip(("decay", "weight", "newcomer", "threshold"), each, strict=True)),
                "packed": str(economy.pack_constants(*each)),
            }
            for each in constants
        ],
        "decay": [
            {"decay": decay, "before": values, "after": [economy.decayed(value, decay) for value in values]}
            for decay in (0, 1, 2, 50, 2**16 - 1)
        ],
        "settle": [
            {
                "weight": weight,
                "blamed": blamed,
                "before": values,
                "after": [economy.after(value, weight, blamed) for value in values],
            }
            for weight in (2, 3, 4, 255)
            for blamed in (False, True)
        ],
    }


# ---- merkle.json ----


def merkle() -> Json:
    cases = []
    for count in (1, 2, 3, 4, 5, 7, 8, 17, 300):
        accounts = [keccak256(f"account {count} {i}".encode())[-20:] for i in range(count)]
        root, proofs = economy.merkle([economy.leaf(account) for account in accounts])
        shown = range(count) if count < 20 else (0, 1, 150, 298, 299)
        stranger = keccak256(f"stranger {count}".encode())[-20:]
        cases.append(
            {
                "name": f"{count} accounts",
                "accounts": [hexadecimal(account) for account in accounts],
                "root": hexadecimal(root),
                "proofs": {hexadecimal(accounts[i]): [hexadecimal(one) for one in proofs[i]] for i in shown},
                "stranger": hexadecimal(stranger),
            }
        )
    return {"cases": cases}
