"""What a result file gathers from the event stream."""

from __future__ import annotations

from omnilytics.experiments.results import GasMeter, RecordKeeper
from omnilytics.protocol import events


def test_the_newest_record_of_each_member() -> None:
    keeper = RecordKeeper()
    for session, member, suspicion in ((1, "0xb", 28_672), (1, "0xa", 12_288), (2, "0xb", 37_888)):
        keeper(events.RecordChanged(session, member, suspicion, suspicion >= 2**15))
    keeper(events.Note(2, "nothing"))
    assert keeper.to_json() == [
        {"account": "0xa", "suspicion": 12_288, "suspect": False},
        {"account": "0xb", "suspicion": 37_888, "suspect": True},
    ]
    assert RecordKeeper().to_json() == []


def test_gas_by_call() -> None:
    meter = GasMeter()
    for gas in (5, 7):
        meter(events.GasUsed(1, "upload", gas, 4))
    meter(events.FeesCredited(1, "0xa", 9, 0))
    assert (meter.by_phase["upload"], meter.calls["upload"]) == (12, 2)
