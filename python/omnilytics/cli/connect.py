"""From a role's settings to its chain: the key unlocked, the journal open, the nodes asked for their chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omnilytics.cli.extras import needing_rpc
from omnilytics.cli.passwords import read_password
from omnilytics.types import Address

if TYPE_CHECKING:
    from omnilytics.chain.journal import FileJournal
    from omnilytics.chain.rpc import RpcChain, Settings
    from omnilytics.cli.settings import ReadSettings, RoleSettings


@contextmanager
def connected(settings: RoleSettings) -> Iterator[tuple[RpcChain, FileJournal]]:
    """The chain of a role, which sends for its account, and its journal; what an earlier run has sent is at its end.

    Raises:
        InputError: no such key, a wrong password, a URL that is none; a package of the extra `rpc` is missing.
        DataError: files that are damaged, or open to others.
        JournalError: another process sends for the account; the journal is damaged or can't be written.
        ChainError: no node answers, none is on that chain, its rules aren't those of Osaka, or what was sent isn't done
            in time.
    """
    with needing_rpc("chain"):
        from omnilytics.blobs.archive import Archive
        from omnilytics.blobs.fetch import Fetching
        from omnilytics.chain.journal import FileJournal
        from omnilytics.chain.keystore import Keystore
        from omnilytics.chain.rpc import RpcChain

    keys, chain = settings.keys, settings.chain
    sender = Address(keys.account)
    password = read_password(keys.password_file, keys.password_env, sender)
    account = Keystore(keys.folder).unlock(sender, password)
    with FileJournal(settings.state.folder / "journal", chain.chain_id, [account]) as journal:
        rpc = RpcChain(
            chain.rpc,
            [account],
            chain_id=chain.chain_id,
            journal=journal,
            settings=patience(settings),
            blobs=Fetching(Archive(settings.blobs.folder), settings.blobs.peers),
        )
        try:
            rpc.check_rules()
            rpc.resume(sender)
            yield rpc, journal
        finally:
            rpc.close()


def patience(settings: ReadSettings) -> Settings:
    """How patient and how generous to be."""
    from omnilytics.chain.rpc import Settings

    chosen = settings.chain.model_dump(exclude={"rpc", "chain_id", "market"})
    fees = settings.fees
    ceilings = {"fee_ceiling_wei": fees.ceiling_wei, "blob_fee_ceiling_wei": fees.blob_ceiling_wei}
    return Settings(**chosen, **ceilings, tip_wei=fees.tip_wei)
