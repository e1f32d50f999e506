"""The difference between what should stand on GitHub and what does, as effects to apply."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from bot.core.checks import CheckOutput, PresentCheck, PresentComment, digest_of
from bot.core.model import PullRef, RepoRef, Sha
from bot.core.render.comment import SummaryComment, digest_in


@dataclass(frozen=True, slots=True)
class PostCheck:
    kind: ClassVar[str] = "post_check"
    repo: RepoRef
    head_sha: Sha
    output: CheckOutput


@dataclass(frozen=True, slots=True)
class UpdateCheck:
    kind: ClassVar[str] = "update_check"
    repo: RepoRef
    head_sha: Sha
    check_id: int
    output: CheckOutput


@dataclass(frozen=True, slots=True)
class PostComment:
    kind: ClassVar[str] = "post_comment"
    ref: PullRef
    comment: SummaryComment


@dataclass(frozen=True, slots=True)
class UpdateComment:
    kind: ClassVar[str] = "update_comment"
    ref: PullRef
    comment_id: int
    comment: SummaryComment


@dataclass(frozen=True, slots=True)
class DeleteComment:
    kind: ClassVar[str] = "delete_comment"
    ref: PullRef
    comment_id: int


@dataclass(frozen=True, slots=True)
class UpdateTitle:
    kind: ClassVar[str] = "update_title"
    ref: PullRef
    title: str


@dataclass(frozen=True, slots=True)
class React:
    """``content`` is ``eyes``, ``rocket``, ``-1`` or ``confused``."""

    kind: ClassVar[str] = "react"
    ref: PullRef
    comment_id: int
    content: str


Effect: TypeAlias = (
    PostCheck | UpdateCheck | PostComment | UpdateComment | DeleteComment | UpdateTitle | React
)


def plan_checks(
    repo: RepoRef,
    head_sha: Sha,
    wanted: Sequence[CheckOutput],
    present: Sequence[PresentCheck],
    *,
    rerun: bool = False,
) -> list[Effect]:
    """The checks to write on a commit.

    GitHub appends the annotations of an update to those of before and can take none back, so a
    run that has or had any is replaced by a new one. So is a run that somebody asked to re-run:
    GitHub waits for a run that started after the button was pressed.
    """
    by_name = {check.name: check for check in present}
    effects: list[Effect] = []
    for output in wanted:
        check = by_name.get(output.name)
        if check is None or rerun:
            effects.append(PostCheck(repo, head_sha, output))
        elif check.digest == digest_of(output) and check.completed:
            continue
        elif output.annotations or check.annotated:
            effects.append(PostCheck(repo, head_sha, output))
        else:
            effects.append(UpdateCheck(repo, head_sha, check.id, output))
    return effects


def plan_summary(
    ref: PullRef, wanted: SummaryComment, present: Sequence[PresentComment]
) -> list[Effect]:
    """The one summary comment: the oldest stays and is edited; what a race left over goes."""
    if not present:
        return [PostComment(ref, wanted)]
    first, *rest = present
    effects: list[Effect] = []
    if digest_in(first.body) != wanted.digest:
        effects.append(UpdateComment(ref, first.id, wanted))
    effects.extend(DeleteComment(ref, comment.id) for comment in rest)
    return effects
