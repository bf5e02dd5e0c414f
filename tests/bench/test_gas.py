"""Suite `gas`: every phase of both sides is counted, and a transaction that nodes refuse is no result."""

from __future__ import annotations

import pytest

from omnilytics.bench import baseline, gas
from omnilytics.bench.baseline import Shape
from omnilytics.bench.report import Report
from omnilytics.bench.session import Sent, play
from omnilytics.errors import VerificationError
from omnilytics.types import ZERO_ADDRESS, Rule

SMALL = Shape(parameters=300, rounds=4, members=3)


@pytest.fixture(scope="module")
def report() -> Report:
    """The suite on one small shape, under both forks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gas, "SHAPES", (SMALL, Shape(300, 2, 3)))
        patch.setattr(gas, "PAPER", SMALL)
        return gas.run(lambda line: None)


def test_every_bound_has_its_ratio(report: Report) -> None:
    assert gas.BOUNDS.keys() <= report.ratios.keys()
    assert all(f"{name}_amsterdam" in report.ratios for name in gas.BOUNDS)


def test_phases_add_up_to_the_total(report: Report) -> None:
    rows = {row.name: row for row in report.rows}
    for variant in gas.VARIANTS:
        name = f"osaka, R=4, N=3, {variant}"
        total = rows[f"{name}: total"]
        parts = [rows[f"{name}: {phase}"] for phase in gas.PHASES]
        assert total.value == sum(part.value for part in parts)
        assert total.anchor_value == sum(part.anchor_value or 0 for part in parts)
        assert report.ratios[f"gas_{variant}"] == total.ratio


def test_krum_is_left_out_where_it_is_not_defined(report: Report) -> None:
    shown = {row.name for row in report.rows if "R=2" in row.name and "total" in row.name}
    assert shown == {f"{fork}, R=2, N=3, {variant}: total" for fork in gas.FORKS for variant in ("norm", "4bit")}


def test_uploads_and_aggregates_stand_beside_their_calldata(report: Report) -> None:
    rows = [row for row in report.rows if row.anchor == "its calldata alone"]
    assert len(rows) == 2 * len(gas.FORKS) * len(gas.VARIANTS)
    assert all(row.ratio is not None and row.ratio <= 1 for row in rows)


@pytest.mark.parametrize(("used", "size"), [(2**24 + 1, 10), (10, 131_072)])
def test_a_transaction_that_nodes_refuse_is_no_result(used: int, size: int) -> None:
    with pytest.raises(VerificationError, match="gram: expected at most"):
        gas.Largest().check([Sent(call="gram", sender=ZERO_ADDRESS, calldata=bytes(size), gas=used)])


def test_a_function_of_no_phase_is_no_result() -> None:
    with pytest.raises(VerificationError, match="teleport"):
        gas.phases([Sent(call="teleport", sender=ZERO_ADDRESS, gas=21_000)])


def test_terms_follow_the_shape() -> None:
    krum = gas.terms_of("krum", Shape(40, 8, 4))
    assert krum is not None
    assert (krum.rule, krum.krum_m, krum.rounds, krum.group_size) == (Rule.KRUM, 4, 8, 4)
    small = gas.terms_of("norm", Shape(40, 6, 2))
    assert small is not None
    assert small.unsafe_small


def test_two_runs_cost_the_same() -> None:
    terms = gas.terms_of("norm", SMALL)
    assert terms is not None
    assert play(terms, 300).sent == play(terms, 300).sent


def test_what_repeats_in_the_paper_s_way_is_known() -> None:
    shape = Shape(300, 4, 3)
    again = baseline.repeated(shape, baseline.play(shape))
    assert len(again) == 12 + 3 * shape.picks
