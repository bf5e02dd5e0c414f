"""A data owner's part in one group with policy `recover`: it deals shares, checks those of others, reveals its secrets.

What is revealed follows from who has delivered, and is fixed for ever once the first secret is out: of a member that
has delivered its self mask, of any other its mask key, of nobody both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.codec import Recovery
from omnilytics.errors import ProtocolError
from omnilytics.protocol.finality import settled
from omnilytics.protocol.releases import Part, ReleaseLog
from omnilytics.protocol.sharing import Sharing
from omnilytics.types import Address, Opening, Receipt, Stage


@dataclass(slots=True, repr=False, kw_only=True)
class Recovering:
    """One member's steps in one group: `share`, `await_sharers`, `check`, `expect_sharers`, `reveal`, `reveal_shares`.

    Attributes:
        chain: where the session is.
        session: it.
        members: of the group, in order of place.
        place: the member's own.
        group: its id.
        recovery: the member's secrets in it.
        releases: what it has revealed, also before this process began.
        finality_blocks: how deep a block must be before the member acts on what it fixed.
        sharers: who has shared, bitmap over places, once that is final; the member checks their shares.
    """

    chain: ChainPort
    session: SessionPort
    members: tuple[Address, ...]
    place: int
    group: int
    recovery: Recovery
    releases: ReleaseLog
    finality_blocks: int
    sharers: int = 0

    @property
    def account(self) -> Address:
        """The member."""
        return self.members[self.place]

    def share(self, seed: bytes | None) -> Receipt:
        """Deals its secrets to the group; `seed` in simulations alone."""
        dealing = self.recovery.deal(seed)
        return self.session.share(self.account, dealing.root, dealing.points, dealing.sealed)

    def share_again(self, seed: bytes | None, sharing: Sharing) -> None:
        """Deals as an earlier process has, without sending anything.

        Raises:
            ProtocolError: these aren't the shares that it has sent.
        """
        if self.recovery.deal(seed).root != sharing.dealings[self.place].root:
            raise ProtocolError(
                f"group {self.group}: expected the shares that this member has dealt, got others: "
                "its state was kept in another place when it shared, or is lost"
            )

    def await_sharers(self) -> None:
        """Waits until it is final who has shared: masks are made with these, and with no others after."""
        self._expect(Stage.SHARE, Stage.UPLOAD, Stage.REVEAL)
        self.sharers = settled(self.chain, self.session, "SharingClosed", self._committed, self.finality_blocks)

    def check(self, sharing: Sharing) -> dict[int, str]:
        """What is wrong with the shares that it got, in words, by place; nothing: it goes on with who has shared.

        Raises:
            ProtocolError: these aren't the shares of those who the contract says have shared.
        """
        self._expect_sharers(sum(1 << place for place in sharing.dealings))
        return self.recovery.receive({place: one for place, one in sharing.dealings.items() if place != self.place})

    def object_to(self, place: int) -> Receipt:
        """Dissolves the group because of that place's shares."""
        return self.session.object_to(self.account, place)

    def expect_sharers(self) -> None:
        """Sees once more who has shared, before anything is uploaded under masks with them.

        Raises:
            ProtocolError: the contract names others than those whose shares this member has checked.
        """
        self._expect(Stage.UPLOAD, Stage.REVEAL)
        self._expect_sharers(self._committed())

    def reveal(self, sharing: Sharing) -> Receipt:
        """Reveals its self mask, and its shares of the mask keys of those who have shared and not delivered.

        Raises:
            ProtocolError: it hasn't delivered, the chain has gone back, or it has released secrets for another set.
        """
        self._expect(Stage.REVEAL)
        delivered = settled(self.chain, self.session, "UploadClosed", self._delivered, self.finality_blocks)
        revealed = self.recovery.reveal(delivered)
        self._release(delivered)
        openings = self._openings(revealed.shares, sharing)
        return self.session.reveal(self.account, revealed.secret, revealed.addresses, openings)

    def released_otherwise(self) -> bool:
        """Whether it has released secrets for others than those who have delivered: the chain has gone back since."""
        return self.releases.other(self._own_part(), self._delivered())

    def reveal_again(self) -> None:
        """Takes up what an earlier process has revealed, without sending anything.

        Raises:
            ProtocolError: it has released secrets for another set.
        """
        delivered = self._delivered()
        self._release(delivered)
        self.recovery.reveal(delivered)

    def reveal_shares(self, sharing: Sharing) -> Receipt:
        """Lends its shares of the self masks of those who have delivered and stay away.

        Raises:
            ProtocolError: it has revealed nothing yet, or for another set.
        """
        self._expect(Stage.REVEAL)
        view = self.session.group(self.group)
        self._release(view.delivered)
        shares = self.recovery.reveal_shares(view.opened & view.delivered)
        return self.session.reveal_shares(self.account, self._openings(shares, sharing))

    def _expect(self, *stages: Stage) -> None:
        found = self.session.stage()
        if found not in stages:
            expected = " or ".join(stage.name.lower() for stage in stages)
            raise ProtocolError(f"stage: expected {expected}, got {found.name.lower()}")

    def _expect_sharers(self, found: int) -> None:
        if found != self.sharers:
            raise ProtocolError(
                f"group {self.group}: expected shares of the members {self.sharers:#b}, got them of {found:#b}"
            )

    def _release(self, delivered: int) -> None:
        """Before anything is sent."""
        self.releases.release(self._own_part(), delivered)

    def _own_part(self) -> Part:
        return Part(self.chain.chain_id, self.session.address, self.group, self.account)

    def _openings(self, shares: Mapping[int, int], sharing: Sharing) -> list[Opening]:
        return [Opening(self.members[dealer], shares[dealer], sharing.addresses(dealer)) for dealer in sorted(shares)]

    def _committed(self) -> int:
        return self.session.group(self.group).committed

    def _delivered(self) -> int:
        return self.session.group(self.group).delivered
