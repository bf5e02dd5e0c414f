"""Whose models can be told from what a group has made public and what colluders know.

Every two members of S share a mask that whoever knows the mask key of one of them can make; each has a self mask of its
own on top. An upload whose self mask isn't known tells nothing. Of the others, the sums can be told over sets that no
unknown mask connects with anybody else: what is left of the graph of unknown masks, piece by piece.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from tests.contracts.harness import RecoverDriver
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import mask, others, places, rebuilt


def learned(
    sharers: Collection[int], uploaded: Collection[int], mask_keys: Collection[int], self_masks: Collection[int]
) -> list[set[int]]:
    """The sets of places whose sums can be told, from the places whose mask keys and whose self masks are known."""
    pieces: list[set[int]] = []
    for place in uploaded:
        linked = [piece for piece in pieces if any(not {place, other} & set(mask_keys) for other in piece)]
        pieces = [piece for piece in pieces if piece not in linked] + [{place}.union(*linked)]
    hidden = (set(sharers) - set(uploaded)) - set(mask_keys)
    return [piece for piece in pieces if piece <= set(self_masks) and (piece <= set(mask_keys) or not hidden)]


def open_secrets(session: RecoverDriver, group: int, colluders: Iterable[int] = ()) -> tuple[set[int], set[int]]:
    """Places whose mask keys, places whose self masks can be computed: own, revealed, rebuilt, or from T shares."""
    view, members, inside = session.group(group), session.members_of(group), set(colluders)
    found: tuple[set[int], set[int]] = (set(inside), set(inside))
    for (of_group, place), secret in session.secrets.items():
        if of_group == group:
            is_mask = secret == session.self_secret(members[place])
            assert is_mask or secret == session.secret(members[place]), "a secret that is none of the member's"
            found[is_mask].add(place)
    for dealer in places(view.committed):
        dealt = session.dealing(members[dealer]).shares
        for self_mask in (False, True):
            held = {
                holder
                for holder in others(dealer, session.params.members)
                if holder in inside or session.known.get((group, dealer, holder)) == dealt[holder][self_mask]
            }
            if len(held) >= session.params.threshold:
                found[self_mask].add(dealer)
    return found


def told_sums(session: RecoverDriver, group: int, colluders: Collection[int] = (), chunk: int = 0) -> list[set[int]]:
    """The sets of honest places whose sums of that chunk colluders can compute by now; without any, everybody."""
    view, members = session.group(group), session.members_of(group)
    uploaded = [i for i in places(view.committed) if session.member(members[i]).chunks_delivered > chunk]
    keys, masks = open_secrets(session, group, colluders)
    found = learned(places(view.committed), uploaded, keys, masks)
    return [piece - set(colluders) for piece in found if piece - set(colluders)]


def read(session: RecoverDriver, colluders: Sequence[int], victim: int) -> list[int]:
    """The victim's integers in group 0 from what these places have: their shares, their keys and what is public.

    With fewer than T shares, what a polynomial of lower degree through them gives.
    """
    members = session.members_of(0)
    dealing, holders = session.dealing(members[victim]), colluders[: session.params.threshold]
    bitmap = sum(1 << j for j in holders)
    sk, b = (rebuilt(bitmap, [dealing.shares[j][kind] for j in holders]) for kind in (0, 1))
    # pair masks from the victim's key and the others' public ones
    secrets = {j: session.secret(a) for j, a in enumerate(members)} | {victim: sk}
    own = mask(session.scope(0), victim, secrets, b, session.word_count)
    words = ref.from_bytes(b"".join(session.uploads[0, c, victim] for c in range(session.chunk_count)))
    plain = [(w - m) % ref.WORD for w, m in zip(words, own, strict=True)]
    return ref.unpack(plain, session.params.lane_bits, session.params.parameter_count)
