"""A data owner that posts an element far out of range, and accuses nobody: `python -m tests.node.lying do run ...`."""

from __future__ import annotations

from functools import partial

from omnilytics.cli import main
from omnilytics.protocol import member, member_role
from omnilytics.protocol.member_role import MemberRole
from tests.e2e.test_blob_session import Beyond

INDEX = 17
"""Of the element."""


class Liar(MemberRole):
    """It doesn't tell on itself."""

    def _accuse(self) -> None:
        return None


if __name__ == "__main__":
    vars(member)["DataOwner"] = partial(member.DataOwner, behaviour=Beyond(INDEX))
    vars(member_role)["MemberRole"] = Liar
    main()
