"""What a session delegates: SecModelUpdate to SessionDesk, then SessionRecovery, SessionSetup, SessionViews, and so on.

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
from tests.contracts.harness.blobs import Begun
from tests.contracts.harness.contract import FACETS
from tests.contracts.harness.decoys import DECOY
from tests.contracts.harness.fixtures import Factory
from tests.contracts.harness.packed import Begun as PackedBegun

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
        names = ("ISecModelUpdate", "ISessionBlobs", "ISessionRecovery", "ISessionVote")
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


Calls = dict[str, tuple[object, ...]]
"""Names and arguments."""

OWNERS: Calls = {
    "whitelist": (["0x" + "01" * 20],),
    "set_whitelist_root": (b"\1" * 32, 6),
    "publish": (0, bytes(32)),
    "exit": (),
}
MEMBERS: Calls = {
    "draw": (),
    "commit": (b"\1" * 32,),
    "upload": (0, bytes(32), []),
    "aggregate": (0, 0, bytes(32)),
    "gram": (0, b"", []),
    "select": ([],),
    "decline": (),
    "settle": (0, []),
    "withdraw": (),
    "withdraw_for": ("0x" + "01" * 20,),
    "share": (b"\1" * 32, bytes(192), bytes(112)),
    "object": (0,),
    "reveal": (1, b"", []),
    "reveal_shares": ([],),
    "rebuild": ("0x" + "01" * 20, b"", 3, [1, 2]),
    "disclose": (0, []),
    "unmask": (0, 0, b"", [], []),
    "vote": (b"\1" * 32,),
    "open_vote": (1, b"\1" * 32),
    "post": (),
    "correct": (),
    "refute_correction": (0, 0, 0, bytes(48), bytes(48), [], [], []),
    "accuse": (b"\1" * 32,),
    "refute": (0, 0, b"\1" * 32, bytes(48), ["0x" + "01" * 20], bytes(128)),
    "add_sums": (["0x" + "01" * 20], bytes(128)),
    "select_proven": ([1], bytes(128)),
    "continue_proof": (Begun([bytes(32)] * 3), bytes(128)),
    "finish_proof": (Begun([bytes(32)] * 3), [1], bytes(128)),
    "select_packed": ([1], bytes(128)),
    "continue_packed": (PackedBegun([bytes(32)] * 5), bytes(128)),
    "finish_packed": (PackedBegun([bytes(32)] * 5), [1], bytes(128)),
}
REASONS = {
    "draw": "session: nothing to draw",
    "aggregate": "aggregate: wrong stage",
    "settle": "session: no such group",
    "withdraw": "session: nothing to withdraw",
    "withdraw_for": "session: nothing to withdraw",
}
"""Why a session that nobody has started refuses them; all others for the stage."""


def home(call: str) -> int:
    """The number of the part that has a function; those before it delegate."""
    return next(i for i, name in enumerate(PARTS) if call in part(name).abi.functions)


class TestByItself:
    """A part, whatever is behind it, is a session that nobody can initialise."""

    @pytest.mark.parametrize("name", PARTS[: home("initialize") + 1])
    def test_nobody_initialises_it(self, parts: dict[str, Contract], accounts: Accounts, name: str) -> None:
        with reverts("session: already initialised"):
            parts[name].initialize(accounts.stranger, sender=accounts.stranger)

    @pytest.mark.parametrize(
        ("name", "call"), [(name, call) for call in OWNERS for name in PARTS[: home(call) + 1]], ids=str
    )
    def test_nobody_owns_it(self, parts: dict[str, Contract], accounts: Accounts, name: str, call: str) -> None:
        with reverts("session: only the owner"):
            getattr(parts[name], call)(*OWNERS[call], sender=accounts.stranger)

    @pytest.mark.parametrize("name", PARTS[: home("start") + 1])
    def test_nobody_starts_it(
        self, parts: dict[str, Contract], accounts: Accounts, new_session: Factory, name: str
    ) -> None:
        params = new_session().params
        with reverts("session: only the owner"):
            parts[name].start(params, sender=accounts.stranger, value=params.reward_wei)

    @pytest.mark.parametrize("name", PARTS[: home("register") + 1])
    def test_it_takes_no_money(
        self, parts: dict[str, Contract], accounts: Accounts, new_session: Factory, name: str
    ) -> None:
        session, account = new_session(), accounts.alice
        with reverts("session: wrong stage"):
            parts[name].register(session.keys(account), [], 0, sender=account, value=session.params.bond_wei)

    @pytest.mark.parametrize(
        ("name", "call"), [(name, call) for call in MEMBERS for name in PARTS[: home(call) + 1]], ids=str
    )
    def test_it_takes_nothing_else(self, parts: dict[str, Contract], accounts: Accounts, name: str, call: str) -> None:
        with reverts(REASONS.get(call, "session: wrong stage")):
            getattr(parts[name], call)(*MEMBERS[call], sender=accounts.alice)

    def test_these_are_all_calls(self) -> None:
        writes = [e for name in PARTS for e in part(name).abi.entries if e["type"] == "function"]
        calls = {e["name"] for e in writes if e["stateMutability"] not in ("view", "pure")}
        assert calls == {*OWNERS, *MEMBERS, "initialize", "start", "register", "advance"}

    def test_time_ends_it(self, parts: dict[str, Contract], accounts: Accounts) -> None:
        """As every session that is never started; nobody has anything in it."""
        session = parts["SecModelUpdate"]
        session.advance(sender=accounts.alice).only("Cancelled")
        assert (session.stage(), session.money()) == (Stage.FINISHED, (0, 0, 0, 0))

    @pytest.mark.parametrize("policy", [0, 1])
    def test_a_session_leaves_its_parts_as_they_are(self, market: Contract, new_session: Factory, policy: int) -> None:
        """What it delegates changes its own storage alone. Each part has the address of the next in its code."""
        named: list[str] = [market.IMPLEMENTATION().lower()]
        for address in named:
            code = boa.env.get_code(address)
            found = sorted({"0x" + code[i : i + 20].hex() for i in range(len(code) - 19)})
            named += [other for other in found if other not in named and boa.env.get_code(other)]

        def storage() -> list[list[int]]:
            return [[boa.env.get_storage(address, slot) for slot in range(40)] for address in named]

        before = storage()
        new_session(policy=policy).to(Stage.FINISHED)
        assert storage() == before
        assert sum(any(slots) for slots in before) == len(PARTS) - 1, "all parts that write are locked"

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
