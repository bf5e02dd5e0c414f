"""Where sessions and their groups stand (PROTOCOL.md section 6). `types` has the names too."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """The paper's six states (Fig. 2)."""

    SETUP = 0
    REGISTER = 1
    MODEL_AGGREGATE = 2
    OUTLIER_SUPPRESSION = 3
    PAYMENT = 4
    FINISHED = 5


class Stage(IntEnum):
    """Where a session stands, finer than `State` (PROTOCOL.md section 6)."""

    SETUP = 0
    REGISTER = 1
    DRAW = 2
    COMMIT = 3
    SHARE = 4
    UPLOAD = 5
    REVEAL = 6
    AGGREGATE = 7
    SELECT = 8
    VOTE = 9
    PAYMENT = 10
    FINISHED = 11
    ACCUSE = 12
    CORRECT = 13


class GroupStatus(IntEnum):
    """Where a group stands (PROTOCOL.md section 6)."""

    NONE = 0
    FORMING = 1
    COMMIT = 2
    UPLOAD = 4
    REVEAL = 5
    DELIVERED = 6
    AGGREGATED = 7
    FAILED = 8
