"""Suite `gas` with `--mode blob`: blob gas is counted at the reserve price, and formulas say what sessions cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.bench import blob_gas, gas
from omnilytics.bench.baseline import Shape
from omnilytics.bench.report import Report
from omnilytics.bench.session import Sent, play, reach
from omnilytics.chain.embedded import GAS_PRICE_WEI
from omnilytics.errors import VerificationError
from omnilytics.types import ZERO_ADDRESS

SMALL = Shape(parameters=300, rounds=2, members=3)
RESERVE_WEI = GAS_PRICE_WEI // 16


@pytest.fixture(scope="module")
def report() -> Report:
    """The suite on one small shape, with 1, 2 and 7 blobs a member."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blob_gas, "PAPER", SMALL)
        patch.setattr(blob_gas, "FORKS", ("osaka",))
        return blob_gas.run(lambda line: None, {"norm": blob_gas.NORM}, (40, 5_000, 25_000), (90_000,))


def test_every_bound_has_its_ratio(report: Report) -> None:
    assert blob_gas.BOUNDS.keys() == report.ratios.keys()
    rows = {row.name: row for row in report.rows}
    name = "osaka, R=2, N=3, d=300, norm"
    assert report.ratios == {"gas_blob": rows[f"{name}: total"].ratio, "gas_blob_data": rows[f"{name}: data"].ratio}


def test_phases_add_up_with_and_without_set_up(report: Report) -> None:
    rows = {row.name: row.value for row in report.rows}
    name = "osaka, R=2, N=3, d=300, norm"
    phases = {phase: rows[f"{name}: {phase}"] for phase in gas.PHASES}
    assert rows[f"{name}: total with set-up"] == sum(phases.values())
    assert rows[f"{name}: total"] == sum(phases.values()) - phases["set up"]
    assert rows[f"{name}: data"] == phases["upload"] + phases["aggregate"] + phases["select"]


def test_what_is_beyond_the_sessions_is_said_to_be(report: Report) -> None:
    names = {row.name for row in report.rows if "extrapolated" in row.name}
    assert names == {f"data, d = {d:,}, extrapolated" for d in blob_gas.LARGER}
    assert any(note.startswith("d = 2,500,000 is the formula alone") for note in report.notes)
    assert any("no crossing at the reserve price" in note for note in report.notes)


def test_packed_sessions_have_a_table_and_a_formula_of_their_own(report: Report) -> None:
    rows = {row.name: row.value for row in report.rows}
    for d in (40, 5_000, 25_000, 90_000):
        measured = rows[f"data, packed, d = {d:,}"]
        assert rows[f"data, packed, d = {d:,}: by the formula"] == pytest.approx(measured, rel=0.05)
        assert 0 < rows[f"data, packed, d = {d:,}: without blob gas"] < measured
    assert rows["data, packed, d = 25,000"] < rows["data, d = 25,000"]
    assert 10_000 < rows["formula, select_packed: a lane"] < 30_000
    assert any("packed blobs is at most" in note for note in report.notes)


def test_a_blob_gas_is_a_sixteenth_of_a_gas() -> None:
    (priced,) = blob_gas.priced([sent(gas=50_000, blobs=2)])
    assert priced.gas == 50_000 + 2 * 131_072 // 16
    terms = replace(blob_gas.NORM, rounds=2, group_size=3)
    session = play(terms, 40)
    played = session.sent
    posts = [one for one in played if one.blob_gas]
    assert [one.call for one in posts] == ["post"] * 6
    assert sum(one.gas for one in blob_gas.priced(played)) == sum(one.gas for one in played) + 6 * 131_072 // 16
    assert len(blob_gas.prices(played)) == 6
    with pytest.raises(VerificationError, match="post: expected a transaction without blobs"):
        reach(session.chain, posts[0])


@pytest.mark.parametrize("price", [RESERVE_WEI * 8 // 10, RESERVE_WEI * 11 // 10])
def test_another_price_than_the_reserve_price_is_no_result(price: int) -> None:
    with pytest.raises(VerificationError, match="of the reserve price, got"):
        blob_gas.prices([sent(gas=50_000, blobs=1, price=price)])


def test_the_formula_finds_the_prices_that_it_was_fitted_to() -> None:
    terms = replace(blob_gas.NORM, rounds=2, group_size=3)
    prices = {"post": (40_000, 30_000, 9_000), "add_sums": (200_000, 4_000), "select_proven": (300_000, 11_000)}
    played = {}
    for d in (40, 5_000, 28_672, 65_536, 500_000):
        counts = blob_gas.things(terms, d)
        gas = {call: sum(p * n for p, n in zip(prices[call], counts[call].values(), strict=True)) for call in counts}
        played[d] = [sent(call=call, gas=used) for call, used in gas.items()]
    formula = blob_gas.Formula.fitted(terms, played)
    for call, found in formula.prices.items():
        assert found == pytest.approx(prices[call])
    assert formula(100_000) == pytest.approx(6 * 40_000 + 24 * 30_000 + 150 * 13_000 + 200_000 + 300_000 + 50 * 11_000)


@pytest.mark.parametrize(
    ("blobs", "words"),
    [
        ({10: 5, 20: 6}, "no crossing at the reserve price: blobs are cheaper at every d played, from d = 10 on"),
        ({10: 9, 20: 6}, "between d = 10 and d = 20 blobs get cheaper"),
        ({10: 9, 20: 19}, "calldata is cheaper at every d played, up to d = 20"),
    ],
)
def test_the_crossing_is_said(blobs: dict[int, int], words: str) -> None:
    assert words in blob_gas.crossing(blobs, {10: 8, 20: 18})


def sent(*, gas: int, blobs: int = 0, price: int = RESERVE_WEI, call: str = "post") -> Sent:
    return Sent(call=call, sender=ZERO_ADDRESS, gas=gas, blob_gas=131_072 * blobs, blob_gas_price_wei=price)
