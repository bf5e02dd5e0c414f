"""Policy `recover` in a field so small that what colluders learn can be computed exactly.

Words and shares are numbers modulo a prime. The mask of two members is a number of its own, as if the hash of their
common point were drawn at random; a mask key is the list of its masks with all others, shared one by one. Points and
ciphertexts are left out: they hide what is in them as long as discrete logarithms and HPKE do. What is left is linear
in all that is secret, so that linear algebra says what follows from a view, and what doesn't.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PRIME = 101

Name = tuple[Any, ...]
Secrets = dict[Name, int]
Matrix = NDArray[np.int64]


class Group(NamedTuple):
    """Who does what; everybody has shared."""

    members: int
    threshold: int
    colluders: frozenset[int]
    uploaded: frozenset[int]
    """Whose words are public."""
    delivered: frozenset[int]
    """U; whose upload is there, but not the whole of it, isn't in it."""
    away: frozenset[int] = frozenset()
    """Those of U that reveal nothing."""
    stops: bool = False
    """Whether nobody reveals anything: the group has failed at the upload."""

    @property
    def present(self) -> list[int]:
        """Who reveals, in order."""
        return sorted(self.delivered - self.away) if not self.stops else []


@functools.cache
def names(group: Group) -> list[Name]:
    """Everything that somebody keeps secret."""
    everybody, degrees = range(group.members), range(1, group.threshold)
    found: list[Name] = [("x", i) for i in everybody] + [("b", i) for i in everybody]
    for i in everybody:
        found += [("pair", i, j) for j in everybody if j > i]
        found += [("f", i, j, d) for j in everybody if j != i for d in degrees]
        found += [("g", i, d) for d in degrees]
    return found


def owners(name: Name) -> set[int]:
    """Who knows a secret from the beginning."""
    return set(name[1:] if name[0] == "pair" else name[1:2])


def pair(i: int, j: int) -> Name:
    return "pair", min(i, j), max(i, j)


def share_of_key(group: Group, secrets: Mapping[Name, int], dealer: int, peer: int, holder: int) -> int:
    """Of the dealer's mask with a peer (E31)."""
    terms = [secrets["f", dealer, peer, d] * pow(holder + 1, d, PRIME) for d in range(1, group.threshold)]
    return (secrets[pair(dealer, peer)] + sum(terms)) % PRIME


def share_of_mask(group: Group, secrets: Mapping[Name, int], dealer: int, holder: int) -> int:
    """Of the dealer's self mask (E31)."""
    terms = [secrets["g", dealer, d] * pow(holder + 1, d, PRIME) for d in range(1, group.threshold)]
    return (secrets["b", dealer] + sum(terms)) % PRIME


def word(group: Group, secrets: Mapping[Name, int], i: int) -> int:
    """What a member uploads (E35)."""
    masks = [(1 if j > i else -1) * secrets[pair(i, j)] for j in range(group.members) if j != i]
    return (secrets["x", i] + sum(masks) + secrets["b", i]) % PRIME


def view(group: Group, secrets: Mapping[Name, int]) -> list[int]:
    """All that the colluders see: their own secrets, the shares that they hold, what is on chain."""
    others = [i for i in range(group.members) if i not in group.colluders]
    seen = [secrets[name] for name in names(group) if group.colluders & owners(name)]
    for dealer in others:
        for holder in sorted(group.colluders):
            seen += [share_of_key(group, secrets, dealer, j, holder) for j in range(group.members) if j != dealer]
            seen.append(share_of_mask(group, secrets, dealer, holder))
    seen += [word(group, secrets, i) for i in sorted(group.uploaded)]
    for holder in group.present:
        seen.append(secrets["b", holder])
        for dealer in set(range(group.members)) - group.delivered:
            seen += [share_of_key(group, secrets, dealer, j, holder) for j in range(group.members) if j != dealer]
        seen += [share_of_mask(group, secrets, dealer, holder) for dealer in sorted(group.away)]
    return seen


def matrix(group: Group) -> Matrix:
    """The view as rows of coefficients of the secrets, shape (numbers seen, secrets)."""
    order = names(group)
    columns = [view(group, dict.fromkeys(order, 0) | {name: 1}) for name in order]
    return np.array(columns, dtype=np.int64).T


def reduced(rows: Matrix) -> Matrix:
    """Rows in echelon form, leading entries 1 and alone in their columns; none is zero."""
    rest, row = rows % PRIME, 0
    for column in range(rest.shape[1]):
        found = row + np.flatnonzero(rest[row:, column])
        if not found.size:
            continue
        rest[[row, found[0]]] = rest[[found[0], row]]
        rest[row] = rest[row] * pow(int(rest[row, column]), -1, PRIME) % PRIME
        factors = rest[:, column].copy()
        factors[row] = 0
        rest = (rest - np.outer(factors, rest[row])) % PRIME
        row += 1
    return rest[:row]


@functools.cache
def echelon_of(group: Group) -> Matrix:
    """What the view says, reduced."""
    return reduced(matrix(group))


def without(rows: Matrix, echelon: Matrix) -> Matrix:
    """What is left of rows when an echelon form has been taken off them."""
    leads = (echelon != 0).argmax(axis=1)
    return (rows - rows[:, leads] @ echelon) % PRIME


def words_of(group: Group, members: Iterable[int]) -> Matrix:
    """The coefficients of the sum of these members' words, one row."""
    inside = set(members)
    return np.array([[int(name[0] == "x" and name[1] in inside) for name in names(group)]], dtype=np.int64)


def told(group: Group, members: Iterable[int]) -> bool:
    """Whether the sum of these members' words follows from the view."""
    return not without(words_of(group, members), echelon_of(group)).any()


def told_dimension(group: Group) -> int:
    """How many independent combinations of honest members' words follow from the view."""
    honest = [i for i in range(group.members) if i not in group.colluders]
    units = np.concatenate([words_of(group, [i]) for i in honest])
    return len(honest) - len(reduced(without(units, echelon_of(group))))


def alternative(group: Group, secrets: Secrets, words: Mapping[int, int]) -> Secrets | None:
    """Other secrets, with these words of some members and the others' as they are, that give the same view.

    None: there are none.
    """
    order, everybody = names(group), range(group.members)
    seen = matrix(group)
    changes = [(words.get(i, secrets["x", i]) - secrets["x", i]) % PRIME for i in everybody]
    right = np.array([0] * len(seen) + changes, dtype=np.int64)[:, None]
    left = np.concatenate([seen, *(words_of(group, [i]) for i in everybody)])
    change = dict.fromkeys(order, 0)
    for row in reduced(np.concatenate([left, right], axis=1)):
        lead = int((row != 0).argmax())
        if lead == len(order):
            return None
        change[order[lead]] = int(row[-1])
    return {name: (secrets[name] + change[name]) % PRIME for name in order}
