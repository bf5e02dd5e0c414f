"""What a session delegates: SecModelUpdate to SessionDesk, then SessionRecovery, SessionSetup, SessionViews.

All of them run on the storage of the clone.
"""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from tests.contracts.harness import (
    CONTRACTS,
    Accounts,
    Compiled,
    Contract,
    SessionDriver,
    Stage,
    compiled,
    reverts,
    session_type,
)
from tests.contracts.harness.contract import FACETS
from tests.contracts.harness.decoys import DECOY
from tests.contracts.harness.fixtures import Factory

PARTS = ("SecModelUpdate", *FACETS)
LIBRARIES = ("SessionRules", "SessionTerms", "VectorMath", "Meter")


def part(name: str) -> Compiled:
    return compiled(CONTRACTS / f"{name}.vy")


def slots(name: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Slot and length of each variable in storage."""
    found: dict[tuple[str, ...], tuple[int, int]] = {}

    def walk(tree: dict[str, object], path: tuple[str, ...]) -> None:
        for key, value in tree.items():
            assert isinstance(value, dict)
            if "slot" in value:
                found[*path, key] = (value["slot"], value["n_slots"])
            else:
                walk(value, (*path, key))

    walk(part(name).layout["storage_layout"], ())
    return found


class TestLayout:
    def test_every_part_has_the_same_storage(self) -> None:
        expected = slots("SecModelUpdate")
        assert len(expected) > 10
        for facet in FACETS:
            assert slots(facet) == expected, facet

    def test_transient_storage_too(self) -> None:
        """The lock against re-entry is one."""
        layouts = [part(name).layout.get("transient_storage_layout") for name in PARTS]
        assert layouts == [layouts[0]] * len(PARTS)

    def test_no_function_is_in_two_parts(self) -> None:
        names = [[e["name"] for e in part(name).abi.entries if e["type"] == "function"] for name in PARTS]
        together = [name for some in names for name in some]
        assert len(together) == len(set(together))

    def test_every_function_of_the_interface_is_in_one(self) -> None:
        names = ("ISecModelUpdate", "ISessionRecovery")
        text = "".join((CONTRACTS / "interfaces" / f"{name}.vyi").read_text(encoding="utf-8") for name in names)
        wanted = {line[4 : line.index("(")] for line in text.splitlines() if line.startswith("def ")}
        assert wanted == {name for some in PARTS for name in part(some).abi.functions}


@pytest.fixture(scope="module")
def libraries(accounts: Accounts) -> list[str]:
    return [part(name).deploy(sender=accounts.deployer).address for name in LIBRARIES]


@pytest.fixture(scope="module")
def parts(accounts: Accounts, libraries: list[str]) -> dict[str, Contract]:
    """Each part by its name, with all others behind it: their functions are its own."""
    found: dict[str, Contract] = {}
    behind: list[str] = []
    for name in reversed(PARTS):
        math = [part("SecretMath").deploy(sender=accounts.deployer).address] if name == "SessionRecovery" else []
        contract = part(name).deploy(*libraries, *math, *behind, sender=accounts.deployer)
        behind = [contract.address]
        found[name] = session_type().at(contract.address)
    return found


FRONT = ("SecModelUpdate", "SessionDesk", "SessionRecovery", "SessionSetup")
"""Those through which the owner's calls go."""


class TestByItself:
    """A part is a session that nobody can initialise."""

    @pytest.mark.parametrize("name", FRONT)
    def test_nobody_initialises_it(self, parts: dict[str, Contract], accounts: Accounts, name: str) -> None:
        with reverts("session: already initialised"):
            parts[name].initialize(accounts.stranger, sender=accounts.stranger)

    @pytest.mark.parametrize("name", FRONT)
    def test_nobody_owns_it(self, parts: dict[str, Contract], accounts: Accounts, name: str) -> None:
        calls: list[tuple[str, tuple[object, ...]]] = [
            ("whitelist", ([accounts.alice],)),
            ("set_whitelist_root", (b"\1" * 32, 6)),
            ("publish", (0, bytes(32))),
            ("exit", ()),
        ]
        for call, args in calls if name in FRONT[:2] else calls[:3]:
            with reverts("session: only the owner"):
                getattr(parts[name], call)(*args, sender=accounts.stranger)

    @pytest.mark.parametrize("name", FRONT)
    def test_nobody_starts_it(
        self, parts: dict[str, Contract], accounts: Accounts, new_session: Factory, name: str
    ) -> None:
        params = new_session().params
        with reverts("session: only the owner"):
            parts[name].start(params, sender=accounts.stranger, value=params.reward_wei)

    @pytest.mark.parametrize("name", FRONT[:2])
    def test_it_takes_no_money(
        self, parts: dict[str, Contract], accounts: Accounts, new_session: Factory, name: str
    ) -> None:
        session, desk = new_session(), parts[name]
        with reverts("session: wrong stage"):
            desk.register(session.keys(accounts.alice), [], 0, sender=accounts.alice, value=session.params.bond_wei)
        for call, args in (("withdraw", ()), ("withdraw_for", (accounts.alice,))):
            with reverts("session: nothing to withdraw"):
                getattr(desk, call)(*args, sender=accounts.alice)
        with reverts("session: wrong stage"):
            desk.decline(sender=accounts.alice)
        with reverts("session: no such group"):
            desk.settle(0, [], sender=accounts.alice)

    @pytest.mark.parametrize("name", FRONT[:3])
    def test_it_takes_no_secrets(self, parts: dict[str, Contract], accounts: Accounts, name: str) -> None:
        calls: list[tuple[str, tuple[object, ...]]] = [
            ("share", (b"\1" * 32, bytes(192), bytes(112))),
            ("object", (0,)),
            ("reveal", (1, b"", [])),
            ("reveal_shares", ([],)),
            ("rebuild", (accounts.alice, b"", 3, [1, 2])),
            ("disclose", (0, [])),
            ("unmask", (0, 0, b"", [], [])),
        ]
        for call, args in calls:
            with reverts("session: wrong stage"):
                getattr(parts[name], call)(*args, sender=accounts.alice)

    def test_a_session_leaves_its_facets_as_they_are(self, market: Contract, new_session: Factory) -> None:
        """What it delegates changes its own storage alone."""
        code = boa.env.get_code(market.IMPLEMENTATION())
        found = {"0x" + code[i : i + 20].hex() for i in range(len(code) - 19)} | {market.IMPLEMENTATION().lower()}
        named = [address for address in sorted(found) if boa.env.get_code(address)]

        def storage() -> list[list[int]]:
            return [[boa.env.get_storage(address, slot) for slot in range(40)] for address in named]

        before = storage()
        new_session().to(Stage.FINISHED)
        assert storage() == before
        assert sum(any(slots) for slots in before) >= 2, "implementation and desk are locked"

    @pytest.mark.parametrize(
        ("name", "which"), [(name, i) for name in PARTS for i in range(len(part(name).abi.constructor))]
    )
    def test_its_libraries_have_code(self, accounts: Accounts, libraries: list[str], name: str, which: int) -> None:
        args = (libraries * 2)[: len(part(name).abi.constructor)]
        part(name).deploy(*args, sender=accounts.deployer)
        args[which] = accounts.stranger
        with reverts("libraries: no code"):
            part(name).deploy(*args, sender=accounts.deployer)


class TestThroughASession:
    @pytest.fixture(scope="class")
    def session(self, new_session: Factory) -> SessionDriver:
        return new_session().to(Stage.COMMIT)

    @pytest.mark.parametrize(
        "signature", ["nothing()", "transfer(address,uint256)", "__init__()", "is_session(address)"]
    )
    def test_unknown_selectors_revert(self, session: SessionDriver, signature: str) -> None:
        for data in (keccak(text=signature)[:4], keccak(text=signature)[:4] + bytes(64)):
            with reverts():
                session.contract.send(data, sender=session.stranger)

    @pytest.mark.parametrize("data", [b"", b"\0", b"\1\2\3"])
    @pytest.mark.parametrize("value", [0, 1])
    def test_calls_without_a_selector_revert(self, session: SessionDriver, data: bytes, value: int) -> None:
        """Nobody pays by mistake."""
        with reverts():
            session.contract.send(data, sender=session.stranger, value=value)

    @pytest.mark.parametrize("call", ["stage", "owner", "params", "money", "reserve"])
    def test_reads_take_no_ether(self, session: SessionDriver, call: str) -> None:
        with reverts():
            session.contract.send(session.abi.calldata(call, ()), sender=session.stranger, value=1)

    def test_a_contract_can_read_it(self, session: SessionDriver, accounts: Accounts) -> None:
        """By a static call: no lock is written."""
        decoy = compiled(DECOY).deploy(sender=accounts.deployer)
        for call, args in (
            ("params", ()),
            ("member", (accounts.alice,)),
            ("alumnus", (accounts.alice,)),
            ("money", ()),
        ):
            answer = decoy.look(session.address, session.abi.calldata(call, args))
            assert session.abi.result(call, answer) == getattr(session.contract, call)(*args)

    def test_reasons_come_through_all_facets(self, session: SessionDriver) -> None:
        """The owner's calls are in the third."""
        assert "whitelist" in part("SessionSetup").abi.functions
        with reverts("session: wrong stage"):
            session.contract.whitelist([session.stranger], sender=session.owner)

    def test_long_lists_come_through(self, new_session: Factory, accounts: Accounts) -> None:
        session = new_session()
        session.contract.whitelist([f"0x{i:040x}" for i in range(1, 257)], sender=session.owner)
        session.contract.publish(0, bytes(720 * 32), sender=session.owner)
        assert (session.contract.capacity(), session.published_words()) == (256, 720)
