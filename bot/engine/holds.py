"""Commands that hold an environment, or let it go: lock and unlock, freeze and thaw."""

from dataclasses import dataclass

from bot.core.commands.requests import FreezeRequest, LockRequest, ThawRequest, UnlockRequest
from bot.core.hosting import Freeze, Lock
from bot.core.render.command import render_frozen, render_locked, render_thawed, render_unlocked
from bot.core.work.promotions import ReconcilePromotion
from bot.engine.asked import Answer, Asked
from bot.ports import Store
from bot.ports.operations import OperationStore


@dataclass(frozen=True, slots=True)
class Holds:
    operations: OperationStore
    store: Store

    async def hold(
        self, request: LockRequest | UnlockRequest | FreezeRequest | ThawRequest, asked: Asked
    ) -> Answer:
        answer = await self._hold(request, asked)
        # No event tells of it, and what was held may go on.
        repo = asked.ref.repo
        await self.store.enqueue(
            ReconcilePromotion(repo.installation_id, repo.id, repo.owner, repo.name)
        )
        return answer

    async def _hold(
        self, request: LockRequest | UnlockRequest | FreezeRequest | ThawRequest, asked: Asked
    ) -> Answer:
        repository_id, environment = asked.ref.repo.id, request.environment
        login = asked.actor.login
        match request:
            case LockRequest(reason=reason):
                before = await self.operations.fetch_lock(repository_id, environment)
                lock = Lock(environment, login, reason, asked.now)
                await self.operations.set_lock(repository_id, lock)
                return Answer(render_locked(lock, before))
            case UnlockRequest():
                held = await self.operations.fetch_lock(repository_id, environment)
                await self.operations.clear_lock(repository_id, environment)
                return Answer(render_unlocked(environment, held, login, asked.now))
            case FreezeRequest(until=until, reason=reason):
                freeze = Freeze(environment, login, reason, asked.now, until)
                await self.operations.add_freeze(repository_id, freeze)
                return Answer(render_frozen(freeze))
            case ThawRequest():
                ended = await self.operations.end_freezes(repository_id, environment)
                return Answer(render_thawed(environment, ended, login))
