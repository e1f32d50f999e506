"""Tells the team when an objective's alert fires and when it is over, and when its budget comes
down to a step of the policy: once each.

A change is stored before it is told, and that it was told after. A crash between the two tells it
again under the same key, of which the outbox takes one.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from bot.core.hosting import LedgerEntry
from bot.core.model import RepoRef
from bot.core.policy.slo import BudgetStep, SloPolicy
from bot.core.render.alerts import alert_text, alert_title, step_text, step_title
from bot.core.slo.alerts import (
    PAGE,
    AlertState,
    News,
    Phase,
    Rule,
    Step,
    advance,
    content_of,
    restored,
    rules_of,
)
from bot.core.slo.cause import likely_cause
from bot.core.slo.kept import KeptState
from bot.core.slo.model import Slo
from bot.core.slo.steps import crossed
from bot.core.work.promotions import ReconcilePromotion
from bot.engine.links import Links
from bot.engine.remembered import parse_remembered
from bot.metrics import SLO_ALERTS
from bot.ports import Store
from bot.ports.operations import Notice, OperationStore, Outbox
from bot.ports.slo import KeptAlert, SloStore

Compose: TypeAlias = Callable[[AlertState, News], Awaitable[Notice | None]]
"""What people are told of a change; None where they are not to be told of it."""

_BUDGET = "budget/"
"""How the names of steps begin, among those of an objective's alerts."""
_READ = 20
"""Entries of an environment's ledger looked through, newest first."""
_UNKNOWN_WITHIN = timedelta(hours=1)
"""How long before an objective became unknown a move may have led to that."""


@dataclass(frozen=True, slots=True)
class Alerting:
    slos: SloStore
    operations: OperationStore
    store: Store
    outbox: Outbox
    links: Links

    async def tell(
        self, repo: RepoRef, found: Sequence[tuple[Slo, KeptState]], now: datetime
    ) -> None:
        """Take every alert of a repository's objectives one look further. ``found`` are all of
        them; alerts of others end."""
        known = {(one.objective, one.alert): one for one in await self.slos.fetch_alerts(repo.id)}
        for slo, state in found:
            for rule in rules_of(slo):
                alert = known.pop((slo.name, rule.name), None) or KeptAlert(slo.name, rule.name, {})
                compose = self._composer(repo, state, rule)
                await self._look(repo, alert, rule.burning(state.state), now, rule.after, compose)
        environments = await self._environments(repo)
        for _, state in found:
            for environment, policy in environments.items():
                if policy.steps and state.concerns(environment) and policy.judges(state.name):
                    await self._steps(repo, state, environment, policy, known, now)
        for gone in known.values():
            await self._end(repo, gone)

    async def _environments(self, repo: RepoRef) -> dict[str, SloPolicy]:
        """Of the last policy that could be used."""
        remembered = await self.operations.fetch_policy(repo.id)
        policy = parse_remembered(remembered[0]) if remembered else None
        if policy is None:
            return {}
        return {name: environment.slo for name, environment in policy.environments.items()}

    async def _steps(
        self,
        repo: RepoRef,
        kept: KeptState,
        environment: str,
        policy: SloPolicy,
        known: dict[tuple[str, str], KeptAlert],
        now: datetime,
    ) -> None:
        left = kept.state.budget_remaining
        # The strictest alone is told of what is crossed at once: it says all that the others do.
        lowest = min((one.part for one in policy.steps if crossed(left, one.part)), default=None)
        for step in policy.steps:
            name = f"{_BUDGET}{environment}/{step.do.value}/{step.at}"
            alert = known.pop((kept.name, name), None) or KeptAlert(kept.name, name, {})
            told = lowest is None or step.part == lowest
            compose = self._step_composer(repo, kept, environment, step, name, told)
            await self._look(repo, alert, crossed(left, step.part), now, timedelta(0), compose)

    def _step_composer(
        self,
        repo: RepoRef,
        kept: KeptState,
        environment: str,
        step: BudgetStep,
        name: str,
        told: bool,
    ) -> Compose:
        async def compose(state: AlertState, news: News) -> Notice | None:
            if step.do is not Step.NOTIFY:
                # What gates say of it has changed, and a promotion may wait for it.
                await self.store.enqueue(
                    ReconcilePromotion(repo.installation_id, repo.id, repo.owner, repo.name)
                )
            # That a step is left is news where it held something.
            if not told if news is News.FIRING else step.do is Step.NOTIFY:
                return None
            return Notice(
                key=_key(repo, kept.name, name, news, state),
                severity="warning" if news is News.FIRING else "info",
                title=step_title(repo, kept, environment, step, news),
                text=step_text(kept, step, news),
                url=self.links.objective(repo, kept.name),
                repository=repo.full_name,
                environment=environment,
                incident=_incident(kept.name, name),
            )

        return compose

    async def _look(
        self,
        repo: RepoRef,
        alert: KeptAlert,
        burning: bool | None,
        now: datetime,
        after: timedelta,
        compose: Compose,
    ) -> None:
        before = restored(alert.content) if alert.content else AlertState()
        if before.untold:  # the process ended before it was
            alert, before = await self._told(repo, alert, before, compose)
        state, _ = advance(before, burning, now, after)
        if replace(state, at=before.at) == before:
            return
        alert = await self._saved(repo, alert, state)
        if state.untold:
            await self._told(repo, alert, state, compose)

    async def _told(
        self, repo: RepoRef, alert: KeptAlert, state: AlertState, compose: Compose
    ) -> tuple[KeptAlert, AlertState]:
        news = state.untold
        if news is not None and (notice := await compose(state, news)) is not None:
            await self.outbox.post(notice)
            SLO_ALERTS.labels(news.value).inc()
        state = replace(state, told=state.since)
        return await self._saved(repo, alert, state), state

    async def _saved(self, repo: RepoRef, alert: KeptAlert, state: AlertState) -> KeptAlert:
        alert = replace(alert, content=content_of(state))
        if not await self.slos.save_alert(repo.id, alert):
            # Two workers at one alert, after the heart of the first stopped: the other goes on.
            raise AlertMoved(f"{alert.objective} {alert.alert} was looked at by another")
        return replace(alert, revision=alert.revision + 1)

    async def _end(self, repo: RepoRef, alert: KeptAlert) -> None:
        """Its objective, or the policy that asked for it, is no more."""
        state = restored(alert.content)
        if state.phase is Phase.FIRING and not alert.alert.startswith(_BUDGET):
            await self.outbox.post(
                Notice(
                    key=_key(repo, alert.objective, alert.alert, News.RESOLVED, state),
                    severity="info",
                    title=f"{repo.full_name}: {alert.objective} is no longer watched",
                    text="Its file does not ask for this alert any more.",
                    url=self.links.objectives(repo),
                    repository=repo.full_name,
                    environment="",
                    resolves=True,
                    incident=_incident(alert.objective, alert.alert),
                )
            )
        await self.slos.forget_alert(repo.id, alert)

    def _composer(self, repo: RepoRef, kept: KeptState, rule: Rule) -> Compose:
        async def compose(state: AlertState, news: News) -> Notice | None:
            if not (rule.when_firing if news is News.FIRING else rule.when_resolved):
                return None
            pages = rule.severity == PAGE
            cause = await self._cause(repo, kept, rule, state) if news is News.FIRING else None
            return Notice(
                key=_key(repo, kept.name, rule.name, news, state),
                severity="info" if news is News.RESOLVED else "critical" if pages else "warning",
                title=alert_title(repo, kept, rule, news),
                text=alert_text(kept, rule, state, cause),
                url=self.links.objective(repo, kept.name),
                repository=repo.full_name,
                environment=", ".join(kept.environments),
                resolves=pages and news is News.RESOLVED,
                incident=_incident(kept.name, rule.name),
                cause_url=self._move(repo, cause) if cause else "",
            )

        return compose

    async def _cause(
        self, repo: RepoRef, kept: KeptState, rule: Rule, state: AlertState
    ) -> LedgerEntry | None:
        """The newest move of an environment that the objective concerns, within the window that
        fires before it did."""
        longs = [alert.long for alert in rule.pairs(kept.state) if alert.firing]
        within = _UNKNOWN_WITHIN if rule.unknown else max(longs, default=_UNKNOWN_WITHIN)
        entries: list[LedgerEntry] = []
        for environment in await self.operations.fetch_live(repo.id):
            if kept.concerns(environment):
                entries += await self.operations.fetch_ledger(repo.id, environment, limit=_READ)
        return likely_cause(entries, (state.since or kept.evaluated_at) - rule.after, within)

    def _move(self, repo: RepoRef, entry: LedgerEntry) -> str:
        if entry.operation_id is None:
            return self.links.environment(repo, entry.environment)
        return self.links.operation(entry.operation_id)


class AlertMoved(Exception):
    """An alert was saved by another worker meanwhile; what it found stands."""


def _incident(objective: str, alert: str) -> str:
    return f"slo:{objective}:{alert}"


def _key(repo: RepoRef, objective: str, alert: str, news: News, state: AlertState) -> str:
    since = state.since.isoformat() if state.since else ""
    return f"slo-{repo.id}-{objective}-{alert}-{news.value}-{since}"
