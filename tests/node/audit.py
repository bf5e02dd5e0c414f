"""What a session of processes has left behind: money, events, an account's transactions beside its journal."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from omnilytics.blobs.archive import Archive
from omnilytics.chain.abi import interface
from omnilytics.chain.journal import Entry, FileJournal
from omnilytics.protocol.history import History
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Address, Stage
from tests.node.chains import NodeChain
from tests.node.processes import Village

REPEATED = {f"0x{interface('SecModelUpdate').calldata(call).hex()}" for call in ("advance", "draw")}
"""Calls without arguments, which a session needs several times."""


def check_session(
    village: Village, session: Address, gone: Collection[str] = (), refuted: Collection[int] = ()
) -> None:
    """All but who is gone have their money, and every number that the session came to follows from its logs.

    `refuted`: the groups that aren't accepted.
    """
    there = village.chain.session(session)
    assert there.stage() is Stage.FINISHED
    assert there.accepted() == sum(1 << group for group in range(there.group_count()) if group not in refuted)
    accounts = {name: village.address(name) for name in village.accounts}
    owed = {name: credit for name, account in accounts.items() if (credit := there.credit_of(account))}
    assert set(owed) <= set(gone)
    for name, account in accounts.items():
        assert name in ("mo", *gone) or there.member(account).withdrawn, name
    logs = tuple(village.chain.logs(session))
    selected, money = Ledger.read(log for _, log in logs).selected, there.money()
    assert selected is not None
    assert money.deposited == money.withdrawn + sum(owed.values()) + selected.burnt_wei
    assert gone or bool(selected.burnt_wei) == bool(refuted)
    record = SessionRecord(1, village.chain.chain_id, session, village.address("mo"), logs)
    blobs = Archive(village.home / "east") if village.archives else None
    checks = verify_session(record, History(), blobs=blobs).checks
    assert checks["squared norms" if blobs is None else "proven norms"] == 1
    assert checks["registrations within the capacity"] == village.members


def check_sent(village: Village, name: str) -> None:
    """A role's account has sent what its journal says was done, and nothing else; and all that once."""
    sent, entries = check_once(village, name)
    done = [entry.tx_hash for entry in entries if entry.outcome == "done"]
    assert [one["hash"] for one in sent if succeeded(village.chain, one)] == [f"0x{(one or b'').hex()}" for one in done]


def check_once(village: Village, name: str, *, forgetful: bool = False) -> tuple[list[dict[str, Any]], list[Entry]]:
    """The chain has each call of a role's account once, under nonces without gaps; gives them and the journal's.

    `forgetful`: the node has lost blocks whose receipts were seen, or has shown receipts of blocks that never were.
    What was in them is sent again, and where the first one is mined after all the contract refuses the second: each
    call has succeeded once.
    """
    sender, chain_id = village.address(name), village.chain.chain_id
    sent = transactions(village.chain, sender)
    assert [int(one["nonce"], 16) for one in sent] == list(range(len(sent)))
    with FileJournal(village.home / name / "state" / "journal", chain_id, [village.accounts[name]]) as journal:
        assert journal.pending(chain_id, sender) == []
        entries = journal.of(sender).entries()
    counted = [one for one in sent if succeeded(village.chain, one)] if forgetful else sent
    calls = Counter((one["to"], one["input"]) for one in counted if one["input"] not in REPEATED)
    assert max(calls.values()) == 1, calls.most_common(1)
    return sent, entries


def succeeded(chain: NodeChain, transaction: Mapping[str, Any]) -> bool:
    """Whether a mined transaction did what it was sent for."""
    return bool(int(chain.node.ask("eth_getTransactionReceipt", transaction["hash"])["status"], 16))


def check_released(village: Village, name: str, session: Address) -> None:
    """A data owner has released its secrets once, for those who delivered."""
    folder = village.home / name / "state" / str(village.chain.chain_id)
    with sqlite3.connect(folder / f"{village.address(name)}.releases.sqlite") as database:
        rows = database.execute("SELECT session, group_id, account, delivered FROM released").fetchall()
    database.close()
    assert rows == [(session, 0, village.address(name), village.chain.session(session).group(0).delivered)]


def transactions(chain: NodeChain, sender: Address) -> list[dict[str, Any]]:
    """All of an account, in order."""
    blocks = (chain.node.ask("eth_getBlockByNumber", hex(number), True) for number in range(chain.block_number() + 1))
    return [one for block in blocks for one in block["transactions"] if one["from"].lower() == sender]
