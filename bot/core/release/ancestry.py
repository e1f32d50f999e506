"""Which commits a tag or a merge reaches, in time that grows with their number alone.

Where nobody asked for a commit's parents, the commit after it in the history is taken for the one
parent that it has.
"""

from collections.abc import Iterable, Sequence

from bot.core.release.model import HistoryCommit
from bot.core.sha import Sha


def claim_reached(commits: Sequence[HistoryCommit], marks: Sequence[Sha]) -> list[int | None]:
    """For each commit the first of the marks that reaches it, by the mark's place; None where none
    does. A mark that is no commit of the history reaches nothing."""
    places, parents = _graph(commits)
    owners: list[int | None] = [None] * len(commits)
    for mark, sha in enumerate(marks):
        if sha in places:
            _claim(owners, parents, [places[sha]], mark)
    return owners


def claim_merged(commits: Sequence[HistoryCommit]) -> list[int | None]:
    """For each commit that came to the trunk by a merge, the place of that merge in the history.

    The trunk is what is reached from the newest commit by first parents alone.
    """
    _, parents = _graph(commits)
    trunk, place = [], 0
    while place < len(commits):
        trunk.append(place)
        place = parents[place][0] if parents[place] else len(commits)
    owners: list[int | None] = [None] * len(commits)
    for place in trunk:
        owners[place] = place
    # The oldest first: what an older merge brought, a newer one did not.
    for place in reversed(trunk):
        if len(parents[place]) > 1:
            _claim(owners, parents, parents[place][1:], place)
    for place in trunk:
        owners[place] = None
    return owners


def _graph(commits: Sequence[HistoryCommit]) -> tuple[dict[Sha, int], list[Sequence[int]]]:
    """The place of each commit, and the places of its parents: of a merge all, where one that is
    not of the history has the place after the last."""
    places = {commit.sha: place for place, commit in enumerate(commits)}
    outside = len(commits)
    parents: list[Sequence[int]] = []
    for place, commit in enumerate(commits):
        if commit.parent_shas is None:
            parents.append((place + 1,) if place + 1 < outside else ())
        elif len(commit.parent_shas) == 1:
            parent = places.get(commit.parent_shas[0], outside)
            parents.append((parent,) if parent < outside else ())
        else:
            parents.append([places.get(sha, outside) for sha in commit.parent_shas])
    return places, parents


def _claim(
    owners: list[int | None], parents: Sequence[Sequence[int]], starts: Iterable[int], owner: int
) -> None:
    """Gives to the owner whatever is reached from the starts and is nobody's yet."""
    waiting = list(starts)
    while waiting:
        place = waiting.pop()
        while place < len(owners) and owners[place] is None:
            owners[place] = owner
            following = parents[place]
            if not following:
                break
            waiting += following[1:]
            place = following[0]
