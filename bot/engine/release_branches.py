"""The branch of a release as it stands. What people committed to it stays, and what its line has
lost does not come back by it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.model import PullState, Sha
from bot.core.release.pull_request import parse_pull
from bot.engine.publishing import Trunk
from bot.ports.releases import (
    BranchApart,
    RefProtected,
    ReleaseBranch,
    ReleaseHub,
    ReleasePull,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """``branch`` with what counts of it. With a ``problem``, in plain sentences, it is to be left
    as it is; ``made_from`` is then the line's former head that it goes on from, if that is why."""

    branch: ReleaseBranch | None
    problem: str = ""
    made_from: Sha | None = None


async def fetch_standing(
    hub: ReleaseHub,
    trunk: Trunk,
    name: str,
    pulls: Sequence[ReleasePull],
    newest: ReleasePull | None,
) -> Standing:
    """``newest`` is the pull request that the branch was written for last. What is left of a branch
    that was merged counts for nothing: nobody waits for it."""
    said = parse_pull(trunk.config, newest.title, newest.body) if newest else None
    made_from = said.head if said else None
    try:
        branch = await hub.fetch_branch(trunk.repo, name, line=trunk.line.head)
    except BranchApart as error:
        return await _after_rewriting(hub, trunk, name, made_from, f"{error}.")
    if branch is None:
        return Standing(None)
    merged = {pull.head_sha for pull in pulls if pull.state is PullState.MERGED}
    if branch.head in merged and (newest is None or newest.state is not PullState.OPEN):
        return Standing(replace(branch, commits=()))
    if made_from in {commit.sha for commit in branch.commits}:
        return await _after_rewriting(hub, trunk, name, made_from, "")
    return Standing(branch)


async def merge_line(hub: ReleaseHub, trunk: Trunk, branch: ReleaseBranch) -> Standing:
    """The branch with the line merged in, so that what people committed to it stays."""
    line = trunk.line.branch
    try:
        head = await hub.merge_into(
            trunk.repo, branch.name, trunk.line.head, message=f"chore(release): merge {line}"
        )
    except RefProtected as error:
        return Standing(branch, f"{error}. {error.remedy}")
    if head is not None:
        return Standing(replace(branch, head=head))
    return Standing(
        branch,
        f"{line} conflicts with what people committed to {branch.name} ({_named(branch)}). Nothing "
        f"of it was overwritten: merge {line} into the branch by hand, or delete the branch to "
        "have it made anew.",
    )


async def _after_rewriting(
    hub: ReleaseHub, trunk: Trunk, name: str, made_from: Sha | None, apart: str
) -> Standing:
    """The line was written anew since the branch was: what the line had then is no work of
    people's on the branch. ``apart`` says that the two have nothing in common any more."""
    try:
        branch = made_from and await hub.fetch_branch(trunk.repo, name, line=made_from)
    except BranchApart:
        branch = None
    if not branch:
        return Standing(None, apart)
    if not branch.foreign:
        return Standing(replace(branch, commits=()))
    line = trunk.line.branch
    return Standing(
        branch,
        f"the history of {line} was written anew, and {name} goes on from the former one, with "
        f"what people committed to it ({_named(branch)}). Nothing of it was overwritten: delete "
        f"the branch to have it made anew from {line}, and commit that to it again.",
        made_from,
    )


def _named(branch: ReleaseBranch) -> str:
    return ", ".join(f"{one.sha[:7]} of {one.author}" for one in branch.foreign[:5])
