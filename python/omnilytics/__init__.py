"""OmniLytics: a data market where a model owner pays data owners to improve its model on data that it never sees.

The names below are the public API. Importing this package imports neither torch nor a chain: each name is loaded when
it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
    from omnilytics.chain.embedded import EmbeddedChain
    from omnilytics.codec import Codec, Dealing, GroupContext, MaskedInput, MaskKey, MemberSecrets, Recovery, Reveal
    from omnilytics.errors import (
        ChainError,
        DataError,
        EncodingError,
        InputError,
        JournalError,
        OmniLyticsError,
        ProtocolError,
        Reverted,
        VerificationError,
    )
    from omnilytics.experiments.simulate import simulate
    from omnilytics.model.split import LayersSplit, SideSplit, Split, StandIn
    from omnilytics.protocol.fees import Quote, quote
    from omnilytics.protocol.member import Behaviour, DataOwner, Honest, Policy, Upload
    from omnilytics.protocol.merkle import MerkleTree
    from omnilytics.protocol.owner import ModelOwner
    from omnilytics.protocol.past import PastGroups
    from omnilytics.protocol.pipeline import Improvement, Pipeline, Plan
    from omnilytics.protocol.releases import ReleaseLog
    from omnilytics.protocol.terms import Terms, check_params
    from omnilytics.protocol.verify import VerifyReport, verify_record
    from omnilytics.seeds import Seeds
    from omnilytics.train.config import TrainConfig
    from omnilytics.train.data import Dataset
    from omnilytics.types import (
        Address,
        Assignment,
        DropoutPolicy,
        Encoding,
        FeeTable,
        KrumPicks,
        RecordConstants,
        Rule,
        SessionParams,
        Stage,
        State,
        Suite,
    )

_HOMES = {
    "omnilytics.chain.base": ("ChainPort", "MarketPort", "SessionPort"),
    "omnilytics.chain.embedded": ("EmbeddedChain",),
    "omnilytics.codec": (
        "Codec",
        "Dealing",
        "GroupContext",
        "MaskKey",
        "MaskedInput",
        "MemberSecrets",
        "Recovery",
        "Reveal",
    ),
    "omnilytics.errors": (
        "ChainError",
        "DataError",
        "EncodingError",
        "InputError",
        "JournalError",
        "OmniLyticsError",
        "ProtocolError",
        "Reverted",
        "VerificationError",
    ),
    "omnilytics.experiments.simulate": ("simulate",),
    "omnilytics.model.split": ("LayersSplit", "SideSplit", "Split", "StandIn"),
    "omnilytics.protocol.fees": ("Quote", "quote"),
    "omnilytics.protocol.member": ("Behaviour", "DataOwner", "Honest", "Policy", "Upload"),
    "omnilytics.protocol.past": ("PastGroups",),
    "omnilytics.protocol.merkle": ("MerkleTree",),
    "omnilytics.protocol.owner": ("ModelOwner",),
    "omnilytics.protocol.pipeline": ("Improvement", "Pipeline", "Plan"),
    "omnilytics.protocol.releases": ("ReleaseLog",),
    "omnilytics.protocol.terms": ("Terms", "check_params"),
    "omnilytics.protocol.verify": ("VerifyReport", "verify_record"),
    "omnilytics.seeds": ("Seeds",),
    "omnilytics.train.config": ("TrainConfig",),
    "omnilytics.train.data": ("Dataset",),
    "omnilytics.types": (
        "Address",
        "Assignment",
        "DropoutPolicy",
        "Encoding",
        "FeeTable",
        "KrumPicks",
        "RecordConstants",
        "Rule",
        "SessionParams",
        "Stage",
        "State",
        "Suite",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Address",
    "Assignment",
    "Behaviour",
    "ChainError",
    "ChainPort",
    "Codec",
    "DataError",
    "DataOwner",
    "Dataset",
    "Dealing",
    "DropoutPolicy",
    "EmbeddedChain",
    "Encoding",
    "EncodingError",
    "FeeTable",
    "GroupContext",
    "Honest",
    "Improvement",
    "InputError",
    "JournalError",
    "KrumPicks",
    "LayersSplit",
    "MarketPort",
    "MaskKey",
    "MaskedInput",
    "MemberSecrets",
    "MerkleTree",
    "ModelOwner",
    "OmniLyticsError",
    "PastGroups",
    "Pipeline",
    "Plan",
    "Policy",
    "ProtocolError",
    "Quote",
    "RecordConstants",
    "Recovery",
    "ReleaseLog",
    "Reveal",
    "Reverted",
    "Rule",
    "Seeds",
    "SessionParams",
    "SessionPort",
    "SideSplit",
    "Split",
    "Stage",
    "StandIn",
    "State",
    "Suite",
    "Terms",
    "TrainConfig",
    "Upload",
    "VerificationError",
    "VerifyReport",
    "check_params",
    "quote",
    "simulate",
    "verify_record",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
