"""Where a repository is by now. It is known by its id: its name, its owner and with the owner the
App's installation may change while the bot is at work on it."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.core.model import RepoRef
from bot.core.work.operations import AdvanceEnvironment, TellOperation
from bot.core.work.repositories import LocateRepository
from bot.ports import Clock, Hub, HubGone, Store
from bot.ports.operations import OperationStore
from bot.ports.repositories import RepositoryStore

log = structlog.get_logger()

_TOLD_FOR = timedelta(days=1)
"""The comments of operations that ended within it are brought up to date after a move."""


@dataclass(frozen=True, slots=True)
class Locator:
    hub: Hub
    repositories: RepositoryStore
    operations: OperationStore
    store: Store
    clock: Clock

    async def locate_repository(self, work: LocateRepository, cause: str) -> None:
        """An event came from another place than is known, or tells of a change of sight."""
        if await self.repositories.fetch_repository(work.repository_id) is None:
            await self.repositories.note_hint(work.repo)  # a name is not yet a move
            return
        try:
            await self.find(work.repo)
        except HubGone as error:
            log.info("repository_gone", repository=work.repo.full_name, error=str(error))

    async def find(self, repo: RepoRef) -> RepoRef:
        """Ask GitHub where it is, and write that down.

        Raises:
            HubGone: it is nowhere where the App is installed.
            HubSuspended: it is, and is suspended.
            HubUnavailable, HubRefused: GitHub did not say.
        """
        before = await self.repositories.fetch_repository(repo.id)
        names = [(place.owner, place.name) for place in (repo, before) if place is not None]
        for owner, name in dict.fromkeys(names):
            asked_at = self.clock.now()
            try:
                found = await self.hub.fetch_known(owner, name)
            except HubGone:
                continue
            if found.repo.id != repo.id:
                continue  # another has taken the name
            await self.repositories.note_repository(found, asked_at)
            if found.repo != before or found.repo != repo:
                log.info("repository_moved", repository=repo.full_name, to=found.repo.full_name)
                await self._go_on(found.repo)
            return found.repo
        raise HubGone(f"the App is not installed on {repo.full_name} any more, or it was deleted")

    async def is_elsewhere(self, repo: RepoRef) -> bool:
        """Whether the App has nothing to do any more with a repository at this place.

        Raises:
            HubUnavailable, HubRefused: GitHub did not say.
        """
        try:
            return (await self.find(repo)).installation_id != repo.installation_id
        except HubGone:
            return True

    async def _go_on(self, repo: RepoRef) -> None:
        now = self.clock.now()
        for operation in await self.operations.fetch_operations(repo.id):
            if not operation.concluded:
                work = AdvanceEnvironment(repo.id, operation.plan.environment)
                await self.store.enqueue(work)
            if not operation.concluded or now - operation.requested_at < _TOLD_FOR:
                await self.store.enqueue(TellOperation(operation.id))
