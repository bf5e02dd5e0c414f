"""`omnilytics blobs`: keep blobs when nodes no longer do, and give them to others."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet, ResultFile
from omnilytics.cli.sources import AnyConfig, ChainId, FirstBlock, Market, Rpc, Session, read_settings
from omnilytics.errors import DataError, InputError

if TYPE_CHECKING:
    from omnilytics.blobs.archive import Archive
    from omnilytics.blobs.fetch import Fetched
    from omnilytics.chain.rpc import RpcChain
    from omnilytics.types import Address

SCHEMA = "omnilytics/blobs/1"

EXAMPLE = "Example: omnilytics blobs fetch 0x01HASH --archive blobs --beacon http://127.0.0.1:5052 --block-id SLOT"

COLLECT_EXAMPLE = (
    "Example: omnilytics blobs collect --config data-owner.toml --archive blobs --beacon http://127.0.0.1:5052"
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Folder = Annotated[Path, typer.Option("--archive", metavar="DIR", help="The folder of the blobs.")]
Peers = Annotated[list[str] | None, typer.Option("--peer", metavar="URL", help="Who serves an archive.")]
Beacons = Annotated[list[str] | None, typer.Option("--beacon", metavar="URL", help="A beacon node's API.")]
Names = Annotated[list[str], typer.Argument(metavar="HASH...", help="Versioned hashes, 0x01 and 62 digits more.")]


@app.callback(epilog=EXAMPLE)
def blobs() -> None:
    """Keep blobs, which nodes forget after 18 days."""


@app.command(epilog="Example: omnilytics blobs keep upload-0.blob --archive blobs")
def keep(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Blobs, 131,072 bytes each.")],
    archive: Folder,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Commit to blobs and keep them under their hashes."""
    from omnilytics.blobs.blob import BLOB_BYTES, Blob

    kept = _archive(archive)
    entries = []
    for path in files:
        try:
            with path.open("rb") as file:
                data = file.read(BLOB_BYTES + 1)
        except OSError as error:
            raise DataError(f"{path}: expected a blob to read, got: {error.strerror}") from None
        try:
            blob = Blob.of(data)
        except InputError as error:
            raise DataError(f"{path}: {error}") from None
        entries.append(_entry(blob.versioned_hash, "kept" if kept.keep(blob) else "there"))
    _tell(archive, entries, json_file, quiet)


@app.command(epilog=EXAMPLE)
def fetch(
    names: Names,
    archive: Folder,
    peers: Peers = None,
    beacons: Beacons = None,
    block_id: Annotated[
        str, typer.Option(metavar="ID", help="With --beacon: slot or root of the block that carries them.")
    ] = "",
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Get blobs from peers, then from beacon nodes; each is checked against its hash. Exit code 3: some are missing."""
    from omnilytics.blobs.blob import hash_of
    from omnilytics.blobs.fetch import fetch as fetch_all

    if not peers and not beacons:
        raise InputError("blobs fetch: expected --peer or --beacon, got neither")
    fetched = fetch_all(_archive(archive), [hash_of(name) for name in names], peers or [], beacons or [], block_id)
    _tell(archive, [_fetched(one) for one in fetched], json_file, quiet)


@app.command(epilog=COLLECT_EXAMPLE)
def collect(
    archive: Folder,
    config: AnyConfig = None,
    session: Session = None,
    rpc: Rpc = None,
    market: Market = None,
    chain_id: ChainId = None,
    first_block: FirstBlock = None,
    peers: Peers = None,
    beacons: Beacons = None,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Get all blobs that a session has so far, from peers, then from beacon nodes. Exit code 3: some are missing."""
    from omnilytics.blobs.fetch import fetch as fetch_all
    from omnilytics.cli import connection

    if not peers and not beacons:
        raise InputError("blobs collect: expected --peer or --beacon, got neither")
    settings = read_settings(config, rpc, market, chain_id, first_block)
    chain, kept = connection.reader(settings), _archive(archive)
    there, here, entries = connection.session_of(settings, chain, session), set(kept.names()), []
    for block, names in _posted(chain, there.address).items():
        left = bool(beacons) and not here.issuperset(names)
        root = f"0x{chain.beacon_root(block).hex()}" if left else ""
        found = fetch_all(kept, names, peers or [], beacons or [] if left else [], root)
        entries += [_fetched(one) for one in found]
    _tell(archive, entries, json_file, quiet)


def _posted(chain: RpcChain, session: Address) -> dict[int, list[bytes]]:
    """The names of a session's blobs by the block that they came with."""
    from omnilytics.chain.abi import decode_log

    names: dict[int, list[bytes]] = {}
    for block, log in chain.logs(session):
        name, values = decode_log(log) or ("", {})
        if name in ("Posted", "Corrected"):
            names.setdefault(block, []).extend(values["hashes"])
    return names


@app.command(epilog="Example: omnilytics blobs show --archive blobs --json -")
def show(archive: Folder, json_file: ResultFile = None, quiet: Quiet = False) -> None:
    """List what is kept, each checked against its hash again. Exit code 3: some are damaged."""
    kept = _archive(archive)
    entries = []
    for name in kept.names():
        try:
            kept.get(name)
            entries.append(_entry(name, "there"))
        except InputError as error:
            entries.append(_entry(name, "damaged", (str(error),)))
    _tell(archive, entries, json_file, quiet)


@app.command(epilog="Example: omnilytics blobs serve --archive blobs --listen 0.0.0.0:8550")
def serve(
    archive: Folder,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where; port 0: any.")] = "127.0.0.1:8550",
    quiet: Quiet = False,
) -> None:
    """Give blobs to whoever asks for one by its hash, until interrupted. Read only."""
    from omnilytics.blobs.server import serving
    from omnilytics.cli.show import printer

    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) >= 1 << 16:
        raise InputError(f"--listen: expected HOST:PORT, got {listen!r}")
    ends = {signal.SIGINT, signal.SIGTERM}
    old = signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # in the threads of the server, too, which begin after this
    try:
        with serving(_archive(archive), host, int(port)) as bound:
            printer(quiet=quiet, stderr=False)(f"serving {archive} on http://{host}:{bound}; Ctrl-C ends it")
            signal.sigwait(ends)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def _archive(folder: Path) -> Archive:
    from omnilytics.blobs.archive import Archive

    return Archive(folder)


def _fetched(one: Fetched) -> dict[str, Any]:
    return _entry(one.name, "kept" if one.kept else "there" if one.there else "missing", one.problems)


def _entry(name: bytes, state: str, problems: Iterable[str] = ()) -> dict[str, Any]:
    return {"versioned_hash": f"0x{name.hex()}", "state": state, "problems": list(problems)}


def _tell(archive: Path, entries: list[dict[str, Any]], json_file: Path | None, quiet: bool) -> None:
    """Says what became of each.

    Raises:
        DataError: not all are there and good.
    """
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        files.json(json_file, {"schema": SCHEMA, "archive": str(archive), "blobs": entries})
    for entry in entries:
        say(f"{entry['versioned_hash']} {entry['state']}")
    bad = [entry for entry in entries if entry["state"] in ("missing", "damaged")]
    if bad:
        error = DataError(f"blobs: expected all {len(entries)}, {len(bad)} are missing or damaged")
        for problem in [p for entry in bad for p in entry["problems"]][:3]:
            error.add_note(problem)
        raise error
