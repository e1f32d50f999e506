"""The releases of one commit: they are promoted together, by one operation that names them all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.core.hosting import Build, join_tags
from bot.core.model import RepoRef, Sha
from bot.core.operations.machine import Kind, Operation
from bot.core.work.operations import TellOperation
from bot.ports import Store
from bot.ports.operations import CommitFacts, OperationStore
from bot.ports.release_ledger import MadeRelease, ReleaseLedger, ReleaseState
from bot.ports.releases import ReleaseHub

_COMING = {ReleaseState.MERGED, ReleaseState.TAGGED}
_PATIENCE = timedelta(seconds=10)
"""One that is refused does not come at all."""


@dataclass(frozen=True, slots=True)
class Released:
    releases: ReleaseHub
    ledger: ReleaseLedger
    operations: OperationStore
    store: Store

    async def wait(self, repo: RepoRef, commit: CommitFacts, tag: str) -> timedelta:
        """How long what the same merge releases is waited for, besides the tag: whichever comes out
        last does not wait, nor do then those that did."""
        made = await self._made_with(repo, commit)
        late = any(one.state in _COMING and one.tag != tag for one in made)
        return _PATIENCE if late else timedelta()

    async def fetch_tags(self, repo: RepoRef, commit: CommitFacts, tag: str) -> Sequence[str]:
        """The tag, and what was released by the same merge: what is neither a draft nor a
        prerelease."""
        made = await self._made_with(repo, commit)
        return [
            name
            for name in sorted({tag, *(one.tag for one in made)})
            if await self._is_out(repo, name, otherwise=name == tag)
        ]

    async def _is_out(self, repo: RepoRef, tag: str, *, otherwise: bool) -> bool:
        """``otherwise``: what holds of one that there is no release of any more."""
        found = await self.releases.find_release(repo, tag)
        return not (found.draft or found.prerelease) if found else otherwise

    async def _made_with(self, repo: RepoRef, commit: CommitFacts) -> Sequence[MadeRelease]:
        if not commit.pull_number:
            return ()
        made = await self.ledger.fetch_releases(repo.id, [commit.pull_number])
        return [one for one in made if one.sha == commit.commit.sha]

    async def join(self, operations: Sequence[Operation], sha: Sha, tags: Sequence[str]) -> bool:
        """Whether one of the operations, of an environment, promotes a release of this commit
        already; it then names these too."""
        for operation in operations:
            if not operation.ended and _promotes_release(operation, sha):
                await self._name(operation, tags)
                return True
        return False

    async def _name(self, operation: Operation, tags: Sequence[str]) -> None:
        found: Operation | None = operation
        while found is not None and not found.ended:
            build = found.plan.build
            every = join_tags({*build.tags, *tags})
            if every == build.tag:
                return
            plan = replace(found.plan, build=replace(build, tag=every))
            if await self.operations.save_operation(replace(found, plan=plan)):
                await self.store.enqueue(TellOperation(found.id))
                return
            # Somebody has changed it meanwhile.
            found = await self.operations.fetch_operation(operation.id)


def _promotes_release(operation: Operation, sha: Sha) -> bool:
    """Nobody typed a command for it."""
    build: Build = operation.plan.build
    own = not operation.comment_id and bool(build.tag)
    return own and operation.plan.kind is Kind.PROMOTE and build.sha == sha
