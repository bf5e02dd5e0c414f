"""A role that is watched while it runs: its metrics are asked for, its log is read."""

from __future__ import annotations

import json
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from omnilytics.types import Address
from tests.cli.conftest import valid
from tests.node.audit import check_session
from tests.node.conftest import Settle, until
from tests.node.launch import free_ports

pytestmark = pytest.mark.node


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """The page of a role, read as Prometheus reads it: a number by name and labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        page = answer.read().decode()
    families = text_string_to_metric_families(page)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_a_data_owner_tells_how_it_is_while_it_runs(settle: Settle) -> None:
    village = settle("anvil", "abort")
    session = Address(village.open()["session"])
    (port,) = free_ports(1)
    with (village.home / "do0" / "role.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[metrics]\nport = {port}\n[log]\nfile = "lines.log"\n')
    watched = village.start("do0", "do", "run", "--yes")
    watched.await_words("waits for")
    account = village.address("do0")
    until(lambda: ("omnilytics_balance_wei", account) in scrape(port))
    until(lambda: scrape(port)["omnilytics_waiting",] == 1)
    seen = scrape(port)
    assert seen["omnilytics_calls_total", "register"] == 1
    assert seen["omnilytics_fees_wei_total",] > seen["omnilytics_gas_total", "register"] > 21_000
    assert seen["omnilytics_node_up", village.chain.node.url] == 1
    assert seen["omnilytics_balance_wei", account] > 0
    assert seen["omnilytics_trouble",] == 0

    others = [village.start(f"do{index}", "do", "run", "--yes") for index in range(1, village.members)]
    for role in (village.start("mo", "mo", "run"), *others, watched):
        role.await_end()
    check_session(village, session)
    text = (village.home / "do0" / "lines.log").read_text(encoding="utf-8")
    messages = [valid(json.loads(line), "log-1")["message"] for line in text.splitlines()]
    said = [line for line in watched.said().splitlines() if line in messages]
    assert any(line.startswith("registers, with its bond: block") for line in said)
    assert any(line.startswith("uploads chunk 0 of 1: block") for line in said)
    password = (village.home / "do0" / "password.txt").read_text(encoding="utf-8")
    assert password
    assert password not in text
