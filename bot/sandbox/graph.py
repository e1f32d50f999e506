"""Which commits one tip has and another has not, without starting a process for each question."""

import heapq
from collections.abc import Callable, Iterable

_HEAD = 1
_BASE = 2
_BOTH = _HEAD | _BASE


class CommitGraph:
    """Answers are those of ``git rev-list base..head`` and ``git merge-base``; where several
    merge bases are equally good, one of them is given, as git does."""

    def __init__(self, parents: Callable[[str], tuple[str, ...]]) -> None:
        self._parents = parents
        self._generation: dict[str, int] = {}
        self._walks: dict[tuple[str, str], tuple[list[str], str | None]] = {}

    def generation(self, oid: str) -> int:
        """1 for a root commit, else one more than the greatest of the parents'."""
        waiting = [oid]
        while waiting:
            tip = waiting[-1]
            if tip in self._generation:
                waiting.pop()
                continue
            parents = self._parents(tip)
            unknown = [parent for parent in parents if parent not in self._generation]
            if unknown:
                waiting.extend(unknown)
            else:
                self._generation[tip] = 1 + max((self._generation[p] for p in parents), default=0)
                waiting.pop()
        return self._generation[oid]

    def ahead(self, head: str, base: str) -> list[str]:
        """Commits of ``head`` that ``base`` does not have, oldest first."""
        return list(self._walk(head, base)[0])

    def history(self, tip: str) -> list[str]:
        """All commits that lead to one, oldest first."""
        seen = {tip}
        waiting = [tip]
        while waiting:
            fresh = [oid for oid in self._parents(waiting.pop()) if oid not in seen]
            seen.update(fresh)
            waiting += fresh
        return sorted(seen, key=lambda oid: (self.generation(oid), oid))

    def merge_base(self, one: str, other: str) -> str | None:
        return self._walk(one, other)[1]

    def is_ancestor(self, old: str, new: str) -> bool:
        return self.merge_base(old, new) == old

    def _walk(self, head: str, base: str) -> tuple[list[str], str | None]:
        key = (head, base)
        if key not in self._walks:
            self._walks[key] = self._paint(head, base)
        return self._walks[key]

    def _paint(self, head: str, base: str) -> tuple[list[str], str | None]:
        # A parent's generation is lower than each child's, so that a commit's colour is final
        # when its turn comes.
        colour: dict[str, int] = {}
        queue: list[tuple[int, int, str]] = []
        only_head = 0
        ahead: list[str] = []
        merge_base: str | None = None

        def paint(oids: Iterable[str], with_colour: int) -> None:
            nonlocal only_head
            for oid in oids:
                before = colour.get(oid, 0)
                after = colour[oid] = before | with_colour
                if before == 0:
                    heapq.heappush(queue, (-self.generation(oid), len(colour), oid))
                only_head += (after == _HEAD) - (before == _HEAD)

        paint([head], _HEAD)
        paint([base], _BASE)
        while queue and (only_head or merge_base is None):
            _, _, oid = heapq.heappop(queue)
            mine = colour[oid]
            if mine == _HEAD:
                only_head -= 1
                ahead.append(oid)
            elif mine == _BOTH and merge_base is None:
                merge_base = oid
            paint(self._parents(oid), mine)
        ahead.reverse()
        return ahead, merge_base
