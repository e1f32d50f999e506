"""Asks whether anything still needs what a contract drops: what is live, and what could be put
back."""

from dataclasses import dataclass

from bot.core.migrations.builds import DatabaseState, InUse, Window, rollback_window
from bot.core.migrations.compatibility import may_contract
from bot.core.migrations.judgement import Judgement
from bot.core.migrations.model import Migration
from bot.core.model import RepoRef
from bot.core.policy.migrations import MigrationsPolicy
from bot.engine.schemas import Schemas
from bot.ports import Clock
from bot.ports.operations import OperationStore

_LEDGER = 200
"""Entries of the ledger that are looked through for the window: more than a policy may ask for."""


@dataclass(frozen=True, slots=True)
class Contracts:
    schemas: Schemas
    operations: OperationStore
    clock: Clock

    async def judge(
        self, repo: RepoRef, contract: Migration, state: DatabaseState, policy: MigrationsPolicy
    ) -> Judgement:
        """Whether the contract may be applied to the environment that ``state`` is of.

        Raises:
            StoreUnavailable: nobody knows what is live.
        """
        ledger = await self.operations.fetch_ledger(repo.id, state.environment, limit=_LEDGER)
        window = Window(policy.rollback_window.builds, policy.rollback_window.age)
        entries = rollback_window(ledger, window, self.clock.now())
        commits = [contract.requires_build] if contract.requires_build else []
        builds = await self.schemas.builds(
            repo, [entry.entry.build for entry in entries], policy, state, commits
        )
        in_use: list[InUse] = [
            entry.with_facts(build) for entry, build in zip(entries, builds, strict=True)
        ]
        return may_contract(contract, in_use, state, {})
