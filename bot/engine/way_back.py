"""Which build goes back: by the ledger, by what the host can still put back, and by the schema."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.core.commands.requests import RollbackTo
from bot.core.hosting import Build, BuildState, HostTarget, LedgerEntry
from bot.core.model import RepoRef
from bot.core.operations.rollback_target import Choice, Chosen, choose_target
from bot.core.policy.migrations import MigrationsPolicy
from bot.engine.schema_fit import SchemaFit
from bot.ports.host import Host, HostError, HostUnavailable


@dataclass(frozen=True, slots=True)
class WayBack:
    hosts: Mapping[str, Host]
    fit: SchemaFit

    async def choose(
        self,
        repo: RepoRef,
        environment: str,
        target: HostTarget,
        migrations: MigrationsPolicy,
        ledger: Sequence[LedgerEntry],
        wanted: RollbackTo | None = None,
        doubtful: Build | None = None,
        under_way: Collection[Build] = (),
        passed_over: Collection[str] = (),
    ) -> Choice:
        """``ledger`` is of the environment, newest first. ``doubtful`` is what may be live in place
        of what it says is; ``under_way`` is what is being put back just now. ``passed_over`` are
        ids of deployments that are no good.

        Raises:
            HostUnavailable, StoreUnavailable: not known now.
        """
        recorded = ledger[0].build if ledger and ledger[0].live_until is None else None
        candidates = frozenset(entry.build.deployment_id for entry in ledger)
        incompatible = await self.fit.incompatible(
            repo, environment, migrations, [entry.build for entry in ledger]
        )
        while True:
            choice = choose_target(
                ledger,
                environment,
                wanted,
                doubtful or recorded,
                candidates,
                incompatible,
                passed_over,
            )
            if not isinstance(choice, Chosen):
                return choice
            # Only the one that was chosen is asked about: a rollback is to be quick.
            back_to_recorded = bool(doubtful) and choice.build == recorded
            live_maybe = back_to_recorded or choice.build in under_way
            if await self._can_be_put_back(choice, repo, target, live_maybe=live_maybe):
                return choice
            candidates -= {choice.build.deployment_id}

    async def _can_be_put_back(
        self, choice: Chosen, repo: RepoRef, target: HostTarget, *, live_maybe: bool
    ) -> bool:
        """``live_maybe``: it may be live still, and hosts put back only what is not."""
        host = self.hosts[target.host]
        try:
            build = await host.fetch_build(repo, target, choice.build.deployment_id)
        except HostUnavailable:
            raise
        except HostError:
            return False
        return build.rollback_candidate or (live_maybe and build.state is BuildState.READY)
