"""What counts in a release once its reverts are settled.

From the newest commit to the oldest: a revert that nothing newer took back takes back what it
names, and then counts for nothing itself. A revert that was taken back has never been. What is
named and not of the release stands in an earlier one, and the revert of it counts.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.core.release.bump import AskedVersion
from bot.core.release.changes import Revert, Statement, comparable
from bot.core.release.model import Change
from bot.core.sha import Sha

_Line: TypeAlias = deque[tuple[int, Statement]]
_SHORT = 7


@dataclass(frozen=True, slots=True)
class Settled:
    """The changes of a release, the newest first, and the versions that its commits ask for."""

    changes: tuple[Change, ...]
    asked: tuple[AskedVersion, ...]

    @property
    def counting(self) -> list[Change]:
        return [change for change in self.changes if change.counts]


def settle(statements: Sequence[Statement], skipped: Collection[Sha] = ()) -> Settled:
    """``skipped`` are commits that somebody asked to leave out: they count for nothing and take
    back nothing."""
    taken_back: dict[Sha, Sha] = {}
    spent: set[tuple[Sha, int]] = set()
    if any(statement.reverts for statement in statements):
        index = _Index(statements, taken_back)
        for place, statement in enumerate(statements):
            sha = statement.commit.sha
            if sha in taken_back or sha in skipped:
                continue
            for revert in statement.reverts:
                found, complete = index.find(revert, place)
                if complete:
                    spent.add((sha, revert.place))
                for target in found:
                    for member in (target, *target.members):
                        taken_back.setdefault(member.commit.sha, sha)
    changes: list[Change] = []
    asked: list[AskedVersion] = []
    for statement in statements:
        sha = statement.commit.sha
        by = taken_back.get(sha)
        if by is None and sha not in skipped and not spent:
            changes += statement.changes
            asked += statement.asked
            continue
        gone = by is not None or sha in skipped
        for place, change in enumerate(statement.changes):
            counts = not gone and (sha, place) not in spent
            changes.append(change if counts else replace(change, reverted_by=by, counts=False))
        if not gone:
            asked += statement.asked
    return Settled(tuple(changes), tuple(asked))


class _Index:
    """Finds what a revert names among the commits older than it.

    It is asked from the newest commit to the oldest: what lies behind, and what was found by its
    pull request or header, is dropped for good, so that all finding takes linear time together.
    """

    def __init__(self, statements: Sequence[Statement], taken_back: Mapping[Sha, Sha]) -> None:
        self._taken_back = taken_back
        self._by_id: dict[str, list[Statement]] = defaultdict(list)
        self._by_pull: dict[int, _Line] = defaultdict(deque)
        self._by_header: dict[tuple[str, bool], _Line] = defaultdict(deque)
        self._found_pulls: set[int] = set()
        for entry in enumerate(statements):
            _, statement = entry
            self._by_id[statement.commit.sha[:_SHORT]].append(statement)
            if statement.pull is not None:
                self._by_pull[statement.pull].append(entry)
            numbered = statement.pull is not None
            self._by_header[comparable(statement.header), numbered].append(entry)

    def find(self, revert: Revert, place: int) -> tuple[list[Statement], bool]:
        """The commits that are meant, without those that were found before, and whether all that
        is named is of this release."""
        by_id = [self._with_id(id_) for id_ in revert.ids]
        if found := [statement for statement in by_id if statement]:
            return found, len(found) == len(by_id)
        # A rewritten or squashed history does not have the id any more.
        for number in revert.pulls:
            if number in self._found_pulls:
                return [], True
            if found := [statement for at, statement in self._by_pull[number] if at > place]:
                self._found_pulls.add(number)
                return found, True
        newest = self._with_header(revert, place)
        return ([newest], True) if newest else ([], False)

    def _with_id(self, id_: str) -> Statement | None:
        nearby = self._by_id.get(id_[:_SHORT], ())
        return next((entry for entry in nearby if entry.commit.sha.startswith(id_)), None)

    def _with_header(self, revert: Revert, place: int) -> Statement | None:
        """The newest with that header that is still in; with another pull request's number than
        the one that is named it is another."""
        lines = [self._by_header[revert.header, False]] if revert.header else []
        if revert.header and not revert.pulls:
            lines.append(self._by_header[revert.header, True])
        fronts: list[tuple[int, Statement]] = []
        for line in lines:
            while line and (line[0][0] <= place or line[0][1].commit.sha in self._taken_back):
                line.popleft()
            fronts += [line[0]] if line else []
        return min(fronts, key=_place)[1] if fronts else None


def _place(entry: tuple[int, Statement]) -> int:
    return entry[0]
