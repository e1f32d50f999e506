"""Near misses: what somebody who mistyped a known word had in mind."""

from collections.abc import Iterable
from functools import lru_cache

_LONGEST = 24


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word nearest to a mistyped one, empty if none is near.

    One slip is allowed in a short word, two in a longer one, and none in its first letter but
    that it changed places with the second: other bots have their own commands.
    """
    word = word.lower()
    best, least = "", 3
    for name in known:
        slips = _slips(word, name.lower())
        if slips < least:
            best, least = name, slips
    return best


@lru_cache(maxsize=4_096)
def _slips(word: str, name: str) -> int:
    """How many letters are wrong, missing, too many or swapped with their neighbour; 3 for more
    than are allowed."""
    allowed = 1 if len(name) <= 5 else 2
    if word == name:
        return 0
    if not word or len(word) > _LONGEST or abs(len(word) - len(name)) > allowed:
        return 3
    if word[0] != name[0] and word[:2] != name[1::-1]:
        return 3
    distance = _distance(word, name)
    return distance if distance <= allowed else 3


def _distance(one: str, other: str) -> int:
    """Optimal string alignment distance."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, char in enumerate(one, start=1):
        before, last = row, before
        row = [i]
        for j, against in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != against))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == against:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
