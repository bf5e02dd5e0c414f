"""Which rebuilder a session's logs are given to."""

from __future__ import annotations

from omnilytics.blobs.blob import Blobs
from omnilytics.chain.abi import decode_log
from omnilytics.protocol.blob_replay import BlobReplay
from omnilytics.protocol.correction_replay import CorrectionReplay
from omnilytics.protocol.history import History
from omnilytics.protocol.ledger import PlaceOf
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.recovery_replay import RecoveryReplay
from omnilytics.protocol.replay import Replay
from omnilytics.types import DropoutPolicy, Mode, SessionParams


def replay_of(
    record: SessionRecord, history: History, place_of: PlaceOf | None = None, blobs: Blobs | None = None
) -> Replay:
    """The rebuilder of a session, by mode and policy that it was started with.

    Args:
        record: of the session.
        history: of those before it.
        place_of: as `Replay` has it.
        blobs: as `BlobReplay` has it.
    """
    for _, log in record.logs:
        decoded = decode_log(log)
        if decoded is not None and decoded[0] == "Started":
            params = SessionParams.from_tuple(list(decoded[1]["params"].values()))
            if params.has_corrections:
                return CorrectionReplay(record, history, place_of=place_of, blobs=blobs)
            if params.mode is Mode.BLOB:
                return BlobReplay(record, history, place_of=place_of, blobs=blobs)
            kind = RecoveryReplay if params.policy is DropoutPolicy.RECOVER else Replay
            return kind(record, history, place_of=place_of)
    return Replay(record, history, place_of=place_of)
