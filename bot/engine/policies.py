"""The policy that holds for what is moved and released: that of the default branch.

It is remembered, so that a rollback works while the file is broken; and what changed in it is
written to the audit log, for whoever asks later why something was allowed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from bot.core.audit.entry import content_key
from bot.core.commits.config import CommitsConfig
from bot.core.decision import Json
from bot.core.model import PolicyFiles, RepoRef
from bot.core.policy import (
    DEFAULT_POLICY,
    Policy,
    PolicyInForce,
    PolicyInvalid,
    PolicySource,
    policy_result,
    resolve_policy,
)
from bot.core.policy.changes import changes
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.policy.migrations import DEFAULT_MIGRATIONS, MigrationsPolicy
from bot.core.policy.release import ReleasePolicy
from bot.engine.remembered import parse_remembered
from bot.ports import Clock
from bot.ports.operations import AuditEntry, AuditLog, OperationStore

_REMEMBERED_FOR = timedelta(hours=6)
"""A push that changes the policy is told of. For one that was missed, it is read again by then."""
_MOST_LISTED = 100
"""In one entry of the audit log; how many there were is said in any case."""
_Remembered: TypeAlias = tuple[str, datetime] | None


@dataclass(frozen=True, slots=True)
class Environments:
    """``fault`` is why the policy in force cannot be used: ``by_name`` is then of the last one
    that could, which is enough for a rollback."""

    by_name: Mapping[str, EnvironmentPolicy]
    commits: CommitsConfig
    release: ReleasePolicy | None = None
    fault: str = ""
    migrations: MigrationsPolicy = DEFAULT_MIGRATIONS


@dataclass(frozen=True, slots=True)
class Policies:
    operations: OperationStore
    audit: AuditLog
    clock: Clock

    async def in_force(self, repo: RepoRef, files: PolicyFiles) -> Environments:
        """The environments of the policy in force, which is remembered; else of the last good
        one."""
        outcome = resolve_policy(files)
        remembered = await self.operations.fetch_policy(repo.id)
        if isinstance(outcome, PolicyInForce):
            policy = outcome.policy
            # As it was written: what a newer release has by default an older one does not know.
            text = policy.model_dump_json(by_alias=True, exclude_unset=True)
            # Before it is saved: whoever is killed in between sees the same change once more.
            await self._note_change(repo, outcome.source, remembered, text)
            named = policy.environments
            await self.operations.save_policy(
                repo.id,
                text,
                {name: policy.target for name, policy in named.items() if policy.target},
            )
            return Environments(
                policy.environments, policy.commits, policy.release, migrations=policy.migrations
            )
        fault = policy_result(outcome).summary
        if isinstance(outcome, PolicyInvalid):
            await self._note_fault(repo, outcome, remembered)
        last = parse_remembered(remembered[0]) if remembered else None
        if last is None:
            return Environments({}, DEFAULT_POLICY.commits, fault=fault)
        return Environments(last.environments, last.commits, last.release, fault, last.migrations)

    async def recent(self, repository_id: int) -> Policy | None:
        """The policy as it was read not long ago; None if it was not."""
        remembered = await self.operations.fetch_policy(repository_id)
        if remembered is None or self.clock.now() - remembered[1] > _REMEMBERED_FOR:
            return None
        return parse_remembered(remembered[0])

    async def _note_change(
        self, repo: RepoRef, source: PolicySource, remembered: _Remembered, text: str
    ) -> None:
        before = json.loads(remembered[0]) if remembered else {}
        changed = list(changes(before, json.loads(text)))
        shown: list[Json] = [
            {"key": one.key, "before": one.before, "after": one.after}
            for one in changed[:_MOST_LISTED]
        ]
        if changed:
            detail: dict[str, Json] = {"count": len(changed), "changes": shown}
            await self._note(repo, "changed", source, remembered, text, detail)

    async def _note_fault(
        self, repo: RepoRef, outcome: PolicyInvalid, remembered: _Remembered
    ) -> None:
        told = [f"line {one.line}: {one}" for one in outcome.problems]
        detail: dict[str, Json] = {"count": len(told), "problems": [*told[:_MOST_LISTED]]}
        await self._note(repo, "broken", outcome.source, remembered, "\n".join(told), detail)

    async def _note(
        self,
        repo: RepoRef,
        what: str,
        source: PolicySource,
        remembered: _Remembered,
        now: str,
        detail: dict[str, Json],
    ) -> None:
        """Once for each time that it came to be so: what was remembered before is part of the
        key."""
        since = remembered[1].isoformat() if remembered else ""
        place = {"origin": source.origin.value, "file": source.path, "file_of": source.repo}
        await self.audit.append(
            AuditEntry(
                kind="policy",
                actor="",
                repository=repo.full_name,
                subject=f"policy {what}",
                detail={**place, **detail},
                key=content_key("policy", repo.id, what, since, now),
            )
        )
