"""tests/vectors against the contracts: the same numbers as Rust and Python, borders and ties included."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import (
    CONTRACTS,
    ROOT,
    Accounts,
    Chain,
    Contract,
    SessionDriver,
    Stage,
    compiled,
    economy,
    make_params,
    reverts,
)
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory
from tests.contracts.harness.keys import CURVE_ORDER, key_digest, public, sign
from tests.golden import unhex, vectors


@pytest.fixture(scope="module")
def math(accounts: Accounts) -> Contract:
    return compiled(CONTRACTS / "VectorMath.vy").deploy(sender=accounts.deployer)


@pytest.fixture(scope="module")
def rules(accounts: Accounts) -> Contract:
    return compiled(CONTRACTS / "SessionRules.vy").deploy(sender=accounts.deployer)


def shape(rules: Contract, **fields: int) -> list[int]:
    """The session's terms as `accepted` takes them; fields that no rule reads are zero."""
    struct = next(i for i in rules.abi.functions["accepted"]["inputs"] if i["type"] == "tuple")
    return [fields.get(c["name"], 0) for c in struct["components"]]


def krum_accepts(rules: Contract, case: dict[str, Any], counts: list[int] | None = None) -> int:
    """Krum's bitmap over the positions in P; the groups are every other id, so that ids and positions differ.

    With `counts` the policy is `recover`; they are the numbers of members that delivered.
    """
    norms, products = [int(n) for n in case["norms"]], [int(p) for p in case["products"]]
    numbers = {"krum_mu_bps": case["mu_bps"], "krum_m": case["m"], "krum_m_rule": case["m_rule"]}
    terms = shape(rules, rule=1, policy=int(counts is not None), **numbers)
    live = sum(1 << (2 * i + 1) for i in range(len(norms)))
    accepted = rules.accepted(terms, live, norms, counts or [1] * len(norms), products, 0, [])
    assert accepted & ~live == 0
    return sum((accepted >> (2 * i + 1) & 1) << i for i in range(len(norms)))


def last_lanes(parameters: int, bits: int) -> int:
    """Lanes of the last word that hold a parameter."""
    return (parameters - 1) % ref.lanes(bits) + 1


class TestLanes:
    @pytest.mark.parametrize("case", vectors("lanes")["packing"], ids=lambda c: c["name"])
    def test_packed_integers_keep_their_length(self, math: Contract, case: dict[str, Any]) -> None:
        words, values = ref.from_bytes(unhex(case["words"])), case["values"]
        assert ref.pack(values, case["lane_bits"]) == words
        reach = min(len(values), len(words) * ref.lanes(case["lane_bits"]))
        used = last_lanes(reach, case["lane_bits"])
        assert math.squared_norm(words, case["lane_bits"], used) == ref.dot(values, values)

    @pytest.mark.parametrize("case", vectors("lanes")["decoding"], ids=lambda c: c["name"])
    def test_any_sum_is_decoded(self, math: Contract, case: dict[str, Any]) -> None:
        bits, count = case["lane_bits"], case["parameter_count"]
        words = ref.from_bytes(unhex(case["words"]))
        assert ref.unpack(words, bits, count) == case["values"]
        assert math.squared_norm(words, bits, last_lanes(count, bits)) == ref.dot(case["values"], case["values"])

    @pytest.mark.parametrize("bits", ref.LANE_BITS)
    def test_every_lane_of_a_sum_is_read(self, math: Contract, bits: int) -> None:
        """The inner product with a unit vector is one decoded lane."""
        word = int.from_bytes(keccak(text=f"garbage of {bits} bits"), "big")
        values = ref.unpack([word], bits, ref.lanes(bits))
        for first in range(0, len(values), 15):
            lanes = range(first, min(first + 15, len(values)))
            rows = [word, *(ref.pack([0] * lane + [1], bits)[0] for lane in lanes)]
            products = math.products(ref.to_bytes(rows), len(rows), bits, ref.lanes(bits))
            assert products[: len(lanes)] == [values[lane] for lane in lanes]

    @settings(max_examples=40)
    @given(bits=st.sampled_from(ref.LANE_BITS), draw=st.data())
    def test_garbage_sums(self, math: Contract, bits: int, draw: st.DataObject) -> None:
        """Any 256 bits, any number of words and used lanes: the exact norm and products of what E6 reads."""
        count = draw.draw(st.integers(1, 9))
        used = draw.draw(st.integers(1, ref.lanes(bits)))
        edge = st.sampled_from(
            [0, 1, 2**256 - 1, 2**255, int("01" * 128, 2), ref.pack([-(1 << (bits - 1))] * ref.lanes(bits), bits)[0]]
        )
        word = st.one_of(st.integers(0, 2**256 - 1), edge)
        rows = [draw.draw(st.lists(word, min_size=count, max_size=count)) for _ in range(draw.draw(st.integers(1, 4)))]
        parameters = (count - 1) * ref.lanes(bits) + used
        values = [ref.unpack(row, bits, parameters) for row in rows]
        matrix = ref.gram(values)
        assert math.squared_norm(rows[0], bits, used) == matrix[0][0]
        assert math.products(b"".join(map(ref.to_bytes, rows)), len(rows), bits, used) == ref.upper(matrix)

    @pytest.mark.parametrize("bits", ref.LANE_BITS)
    @pytest.mark.parametrize("sign", [-1, 1])
    def test_the_longest_chunk_of_extremes(self, math: Contract, bits: int, sign: int) -> None:
        """720 words with every lane at its border: nothing carries over."""
        border = -(1 << (bits - 1)) if sign < 0 else (1 << (bits - 1)) - 1
        words = ref.pack([border] * ref.lanes(bits), bits) * 720
        assert math.squared_norm(words, bits, ref.lanes(bits)) == border**2 * ref.lanes(bits) * 720


class TestSelection:
    @pytest.mark.parametrize("case", vectors("selection")["gram"], ids=lambda c: c["name"])
    def test_gram(self, math: Contract, case: dict[str, Any]) -> None:
        bits, count, rows = case["lane_bits"], case["parameter_count"], [unhex(a) for a in case["aggregates"]]
        used = last_lanes(count, bits)
        assert [math.squared_norm(ref.from_bytes(row), bits, used) for row in rows] == [int(n) for n in case["norms"]]
        assert math.products(b"".join(rows), len(rows), bits, used) == [int(p) for p in case["products"]]

    @pytest.mark.parametrize("case", vectors("selection")["norm"], ids=lambda c: c["name"])
    @pytest.mark.parametrize("policy", [0, 1])
    def test_norm(self, rules: Contract, case: dict[str, Any], policy: int) -> None:
        fields = {name: case[name] for name in ("members", "parameter_count", "bound")}
        norms, count = [int(n) for n in case["norms"]], len(case["norms"])
        live = (1 << count) - 1
        accepted = rules.accepted(shape(rules, policy=policy, **fields), live, norms, case["counts"], [], 0, [])
        assert accepted == sum(a << i for i, a in enumerate(case["accepted"]))
        by_page = [ref.norm_accepts(n, *fields.values(), u) for n, u in zip(norms, case["counts"], strict=True)]
        assert by_page == case["accepted"]

    @pytest.mark.parametrize("case", vectors("selection")["norm_vote"], ids=lambda c: c["name"])
    @pytest.mark.parametrize("gap", [1, 2])
    def test_norm_vote(self, rules: Contract, case: dict[str, Any], gap: int) -> None:
        """`gap` 2: every other group has failed, so that ids aren't positions in P."""
        fields = {name: case[name] for name in ("members", "parameter_count", "bound")}
        norms, ids = [int(n) for n in case["norms"]], [gap * r for r in range(len(case["norms"]))]
        tallies = [0] * 9
        for group, votes in zip(ids, case["against"], strict=True):
            tallies[group // 15] |= votes << 16 * (group % 15)
        live = sum(1 << group for group in ids)
        accepted = rules.accepted(
            shape(rules, rule=2, **fields), live, norms, case["counts"], [], case["cast"], tallies
        )
        assert accepted == sum(a << group for group, a in zip(ids, case["accepted"], strict=True))
        by_page = [
            ref.norm_accepts(n, *fields.values(), u) and not ref.voted_out(v, case["cast"], sum(case["counts"]))
            for n, u, v in zip(norms, case["counts"], case["against"], strict=True)
        ]
        assert by_page == case["accepted"]

    @pytest.mark.parametrize("case", vectors("selection")["krum"], ids=lambda c: c["name"])
    def test_krum(self, rules: Contract, case: dict[str, Any]) -> None:
        expected = sum(a << i for i, a in enumerate(case["accepted"] or []))
        assert krum_accepts(rules, case) == expected
        for same in (1, 7, 16):
            assert krum_accepts(rules, case, [same] * len(case["norms"])) == expected, "groups of one size"

    @pytest.mark.parametrize("case", vectors("selection")["krum_counts"], ids=lambda c: c["name"])
    def test_krum_of_means(self, rules: Contract, case: dict[str, Any]) -> None:
        expected = sum(a << i for i, a in enumerate(case["accepted"] or []))
        assert krum_accepts(rules, case, case["counts"]) == expected

    @settings(max_examples=20)
    @given(draw=st.data(), recover=st.booleans())
    def test_krum_on_small_integers(self, rules: Contract, draw: st.DataObject, recover: bool) -> None:
        """Few values, so that ties are common; with `recover` of groups of any sizes."""
        count = draw.draw(st.integers(1, 16))
        values = [draw.draw(st.lists(st.integers(-2, 2), min_size=2, max_size=2)) for _ in range(count)]
        mu, m, m_rule = (
            draw.draw(st.sampled_from([0, 1, 999, 2_500, 5_000])),
            draw.draw(st.integers(1, 16)),
            draw.draw(st.integers(0, 1)),
        )
        matrix = ref.gram(values)
        case = {"norms": [matrix[i][i] for i in range(count)], "products": ref.upper(matrix)}
        counts = draw.draw(st.lists(st.integers(1, 16), min_size=count, max_size=count)) if recover else None
        chosen = krum_accepts(rules, case | {"mu_bps": mu, "m": m, "m_rule": m_rule}, counts)
        compared = ref.gram(ref.means(values, counts)) if counts else matrix
        assert chosen == sum(1 << r for r in ref.krum(compared, mu, m, m_rule == 0))

    @pytest.mark.parametrize("sign", [-1, 1])
    def test_the_largest_means(self, rules: Contract, sign: int) -> None:
        """2^20 lanes of 2^31 of groups of one member: 2^122 when scaled. The smallest mean is the nearest to all."""
        count, top = 16, 2**82
        case = {"norms": [top] * count, "products": [sign * top // 2] * 120, "mu_bps": 0, "m": 1, "m_rule": 1}
        for counts, nearest in (([1] * 16, 0), ([1] + [16] * 15, 1), ([16] + [1] * 15, 0), ([1] * 15 + [16], 15)):
            assert krum_accepts(rules, case, counts) == 1 << nearest


class TestDigests:
    @pytest.mark.parametrize("case", vectors("digests")["commitments"])
    def test_commitments(self, case: dict[str, Any]) -> None:
        """The harness's root, which the contract checks with every upload."""
        hashes = ref.chunk_hashes(ref.from_bytes(unhex(case["words"])), case["chunk_words"])
        assert hashes == [unhex(h) for h in case["chunk_hashes"]]
        assert ref.upload_hash(hashes) == unhex(case["root"])

    @pytest.mark.parametrize("case", vectors("digests")["published"])
    def test_published(self, new_session: Factory, case: dict[str, Any]) -> None:
        session = new_session()
        for number, chunk in enumerate(case["chunks"]):
            session.contract.publish(number, unhex(chunk), sender=session.owner)
        assert session.published_hash() == unhex(case["hash"])

    def test_model(self) -> None:
        """E1 by the harness, which test_start.py compares with the contract's."""
        case = vectors("digests")["model"]
        assert ref.model_hash([int(f) for f in case["fields"]], unhex(case["published_hash"])) == unhex(case["hash"])


class TestKeys:
    @pytest.mark.parametrize("case", vectors("keys")["cases"], ids=lambda c: c["sender"][:6])
    def test_digest_and_address(self, case: dict[str, Any]) -> None:
        secret = int(case["secret"], 16)
        assert public(secret) == (int(case["x"], 16), case["parity"], case["address"])
        digest = key_digest(case["chain_id"], case["session"], case["sender"])
        assert digest == unhex(case["digest"])
        assert sign(secret, digest) == (case["v"], int(case["r"], 16), int(case["s"], 16))

    @pytest.mark.parametrize("x", vectors("keys")["bad_x"])
    def test_coordinates_that_are_refused(self, joining: SessionDriver, x: str) -> None:
        keys = joining.keys(joining.listed[0])._replace(x=int(x, 16))
        reason = "x isn't on the curve" if 0 < keys.x < CURVE_ORDER else "x out of range"
        with reverts(f"register: {reason}"):
            joining.contract.register(keys, [], 0, sender=joining.listed[0], value=joining.params.bond_wei)


@pytest.fixture(scope="module")
def joining(new_session: Factory) -> SessionDriver:
    return new_session().to(Stage.REGISTER)


@pytest.fixture(scope="module")
def draw(accounts: Accounts) -> Contract:
    return compiled(ROOT / "tests" / "contracts" / "mocks" / "DrawProbe.vy").deploy(sender=accounts.deployer)


class TestDraw:
    def test_seed(self) -> None:
        case = vectors("draw")
        assert ref.draw_seed(unhex(case["block_hash"]), case["session"]) == unhex(case["seed"])

    @pytest.mark.parametrize("case", vectors("draw")["permutations"], ids=lambda c: str(c["count"]))
    def test_places(self, draw: Contract, case: dict[str, Any]) -> None:
        seed, count = unhex(vectors("draw")["seed"]), case["count"]
        sample = range(count) if count <= 64 else [0, 1, 63, 64, count // 2, count - 2, count - 1]
        assert [draw.permuted(seed, i, count) for i in sample] == [case["places"][i] for i in sample]

    @pytest.mark.parametrize("case", vectors("draw")["seats"], ids=lambda c: c["name"])
    def test_seats(self, rules: Contract, case: dict[str, Any]) -> None:
        """The harness's draw, and for a sample of the members the contract's."""
        seed, size, registered = unhex(case["seed"]), case["members"], case["registered"]
        joined = [
            ref.Joined(str(i), pool, cohort + 1 if pool == ref.Pool.COHORT else 0, place)
            for i, (pool, cohort, place) in enumerate(registered)
        ]
        draw = ref.Draw(joined, case["rounds"], size)
        expected = {str(i): (g, p) for g, members in enumerate(case["groups"]) for p, i in enumerate(members)}
        assert draw.seats(seed) == expected
        complete, clear = len(draw.complete), len(draw.pools[ref.Pool.CLEAR])
        kept = rules.cohort_groups(seed, case["rounds"], complete, draw.loose // size)
        terms = (draw.groups, kept, size, complete, draw.loose, clear)
        for number, cohort in enumerate(draw.complete[:40]):
            for account, place in cohort.items():
                seat = rules.cohort_seat(seed, terms, number, place)
                assert (divmod(seat - 1, size) if seat else None) == expected.get(account)
        for pool in (ref.Pool.CLEAR, ref.Pool.SUSPECT):
            for rank, account in list(enumerate(draw.pools[pool]))[-40:]:
                seat = rules.loose_seat(seed, terms, pool == ref.Pool.SUSPECT, rank)
                assert (divmod(seat - 1, size) if seat else None) == expected.get(account)

    @pytest.mark.parametrize("case", vectors("draw")["greedy"])
    def test_greedy(self, case: dict[str, Any]) -> None:
        accounts = [str(i) for i in range(case["registered"])]
        seats = ref.greedy_seats(accounts, len(case["groups"]), case["members"])
        assert seats == {str(i): (g, p) for g, members in enumerate(case["groups"]) for p, i in enumerate(members)}

    @pytest.mark.parametrize("case", [*vectors("draw")["redraws"], *vectors("draw")["greedy_redraws"]])
    def test_redraws(self, draw: Contract, case: dict[str, Any]) -> None:
        count, size, seed = case["survivors"], case["members"], unhex(case["seed"]) if "seed" in case else None
        expected = {str(i): (7 + g, p) for g, members in enumerate(case["groups"]) for p, i in enumerate(members)}
        assert ref.second_seats(seed, [str(i) for i in range(count)], 7, size) == expected
        if seed is not None:
            lines = {i: draw.permuted(seed, i, count) for i in range(count)}
            assert {str(i): (7 + q // size, q % size) for i, q in lines.items() if str(i) in expected} == expected


class TestFees:
    @pytest.mark.parametrize("case", vectors("fees")["tables"])
    def test_tables(self, case: dict[str, Any]) -> None:
        table = economy.FeeTable(**case["fields"])
        assert table.packed() == int(case["packed"])
        assert economy.FeeTable.unpacked(table.packed()) == table

    @pytest.mark.parametrize(
        ("policy", "case"), [(p, c) for p, name in enumerate(("sessions", "recover")) for c in vectors("fees")[name]]
    )
    def test_member_fees_and_reserves(self, policy: int, case: dict[str, Any]) -> None:
        """The harness's, which test_start.py compares with the contract's."""
        names = ("rounds", "members", "parameter_count", "lane_bits", "chunk_words", "rule", "fee_cap_wei")
        table = int(vectors("fees")["tables"][case["table"]]["packed"])
        given = {n: case[n] for n in names} | {"policy": policy}
        params = make_params(**given, fee_table=table, bound=1, bond_wei=0)
        assert economy.member_fees(params) == int(case["member_fees"])
        assert economy.reserve(params, case["capacity"]) == int(case["reserve"])

    @pytest.mark.parametrize("case", vectors("fees")["rewards"])
    def test_rewards(self, case: dict[str, Any]) -> None:
        """The harness's, which test_recover_money.py compares with the contract's."""
        names = {n: case[n] for n in ("rounds", "members", "rule")}
        params = make_params(**names, reward_wei=int(case["reward"]), bound=1, bond_wei=0)
        paid = sum(u for u, is_paid in zip(case["counts"], case["paid"], strict=True) if is_paid)
        expected = tuple(int(case[n]) for n in ("each", "burnt", "owner"))
        assert economy.rewards(params, sum(case["counts"]), paid) == expected

    @pytest.mark.parametrize("case", vectors("fees")["bonds"], ids=lambda c: c["name"])
    def test_bonds(self, case: dict[str, Any]) -> None:
        back = economy.bonds_back(int(case["bond"]), case["members"], case["did"])
        assert back == [int(b) for b in case["back"]]


ANYBODY = "0x" + "07" * 20


class TestRecords:
    """Through the market, by a session of the test's own."""

    @pytest.fixture(scope="class")
    def owner(self, accounts: Accounts) -> str:
        return accounts.owner

    @pytest.fixture(scope="class")
    def session(self, market: Contract, owner: str) -> str:
        return str(market.create_session(sender=owner).value)

    @pytest.mark.parametrize("case", vectors("records")["constants"])
    def test_constants(self, case: dict[str, Any]) -> None:
        fields = {name: case[name] for name in economy.RecordConstants._fields}
        assert economy.record_constants(**fields) == int(case["packed"])

    @pytest.mark.parametrize("case", vectors("records")["settle"])
    def test_settle(self, chain: Chain, market: Contract, owner: str, session: str, case: dict[str, Any]) -> None:
        """A newcomer counts as what the constants say, so its first record is the vector's."""
        for before, after in zip(case["before"], case["after"], strict=True):
            assert economy.recorded(before, case["weight"], case["blamed"]) == after
            with chain.anchor():
                constants = economy.record_constants(weight=case["weight"], newcomer=before)
                market.record([ANYBODY], int(case["blamed"]), constants, sender=session)
                assert tuple(market.suspicion(owner, ANYBODY)) == (True, after)

    @pytest.mark.parametrize("case", vectors("records")["decay"])
    def test_decay(self, chain: Chain, market: Contract, owner: str, session: str, case: dict[str, Any]) -> None:
        """From every number that one settlement of a newcomer gives."""
        for before, after in zip(case["before"], case["after"], strict=True):
            assert economy.decayed(before, case["decay"]) == after
        for newcomer in case["before"]:
            with chain.anchor():
                constants = economy.record_constants(decay=case["decay"], weight=2, newcomer=newcomer)
                market.record([ANYBODY], 0, constants, sender=session)
                market.decay(ANYBODY, constants, sender=session)
                expected = economy.decayed(newcomer // 2, case["decay"])
                assert tuple(market.suspicion(owner, ANYBODY)) == (True, expected)


class TestMerkle:
    @pytest.mark.parametrize("case", vectors("merkle")["cases"], ids=lambda c: c["name"])
    def test_trees(self, case: dict[str, Any]) -> None:
        assert economy.merkle_root(case["accounts"]) == unhex(case["root"])
        for account, proof in case["proofs"].items():
            assert economy.merkle_proof(case["accounts"], account) == [unhex(h) for h in proof]

    @pytest.mark.parametrize("case", vectors("merkle")["cases"], ids=lambda c: c["name"])
    def test_the_contract_takes_the_proofs(self, new_session: Factory, chain: Chain, case: dict[str, Any]) -> None:
        session = new_session(case["accounts"], rooted=True, capacity=64, rounds=1).to(Stage.REGISTER)
        for account in [*list(case["proofs"])[:2], case["stranger"]]:
            chain.set_balance(account, session.params.bond_wei)
        for account in list(case["proofs"])[:2]:
            session.register(account)
            assert session.member(account).registered
        keys, proof = session.keys(case["stranger"]), [unhex(h) for h in next(iter(case["proofs"].values()))]
        with reverts("session: not on the whitelist"):
            session.contract.register(keys, proof, 0, sender=case["stranger"], value=session.params.bond_wei)
