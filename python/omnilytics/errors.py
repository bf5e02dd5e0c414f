"""Every exception that OmniLytics raises, in one tree; the command line turns the class into its exit code.

OmniLyticsError                  1
├── InputError                   2   a value that the caller gave can't work
│   ├── DataError                3   a data set or file is missing or corrupt
│   └── EncodingError            4   a vector can't be encoded or decoded
│       └── NotFiniteError       4   ... for it holds NaN or infinity: training diverged
├── ProtocolError                5   the session doesn't allow this now
├── ChainError                   6   a transaction was refused
│   └── Reverted                 6   ... by the contract, with a reason
├── VerificationError            7   a record contradicts itself or the chain
└── JournalError                 8   what is sent can't be written down, so nothing is
"""


class OmniLyticsError(Exception):
    """Base class. `exit_code` is what the command line exits with."""

    exit_code = 1


class InputError(OmniLyticsError, ValueError):
    """A value that the caller gave can't work; the message has what was expected and what was given."""

    exit_code = 2


class DataError(InputError):
    """A data set or file is missing, incomplete or corrupt."""

    exit_code = 3


class EncodingError(InputError):
    """A vector can't be encoded or decoded: not finite, wrong length, a lane that can't hold the sum."""

    exit_code = 4


class NotFiniteError(EncodingError):
    """A vector holds NaN or infinity, as training leaves it that has diverged."""


class ProtocolError(OmniLyticsError):
    """The session doesn't allow this now: wrong state, missed deadline, unacceptable parameters."""

    exit_code = 5


class ChainError(OmniLyticsError):
    """A transaction was refused by the chain before it ran: balance, nonce, gas, size."""

    exit_code = 6


class Reverted(ChainError):
    """The contract refused the call. `reason` is its error string, `call` the function's name."""

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(f"{call} reverted: {reason}")
        self.call = call
        self.reason = reason


class VerificationError(OmniLyticsError):
    """A record contradicts itself, the chain or the protocol."""

    exit_code = 7


class JournalError(OmniLyticsError):
    """What is sent can't be written down, so nothing is sent: the journal is another process's, damaged, or full."""

    exit_code = 8
