"""Tells the team when an objective's alert fires and when it is over, and when its budget comes
down to a step of the policy: once each.

A change is stored before it is told, and that it was told after; each for all alerts of a
repository at once. A crash between the two tells them again under the same keys, of which the
outbox takes one.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from bot.core.hosting import LedgerEntry
from bot.core.model import RepoRef
from bot.core.policy.environments import EnvironmentPolicy
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
from bot.core.slo.steps import crossed, made_of
from bot.core.work.promotions import ReconcilePromotion
from bot.engine.links import Links
from bot.engine.remembered import parse_remembered
from bot.metrics import SLO_ALERTS
from bot.ports import Store
from bot.ports.operations import Notice, OperationStore, Outbox
from bot.ports.slo import KeptAlert, SloStore

Compose: TypeAlias = Callable[[AlertState, News], Awaitable[Notice | None]]
"""What people are told of a change; None where they are not to be told of it."""

_Key: TypeAlias = tuple[str, str]
"""An objective's name, and its alert's."""
_BUDGET = "budget/"
"""How the names of steps begin, among those of an objective's alerts."""
_GATE = "slo"
_READ = 20
"""Entries of an environment's ledger looked through, newest first."""
_UNKNOWN_WITHIN = timedelta(hours=1)
"""How long before an objective became unknown a move may have led to that."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One alert, and what is seen of it now."""

    alert: KeptAlert
    burning: bool | None
    after: timedelta
    compose: Compose

    @property
    def key(self) -> _Key:
        return self.alert.objective, self.alert.alert

    @property
    def before(self) -> AlertState:
        return restored(self.alert.content) if self.alert.content else AlertState()


@dataclass(slots=True)
class _Moves:
    """What went live in a repository's environments, read once for all alerts of a look."""

    operations: OperationStore
    repo: RepoRef
    _ledgers: Mapping[str, Sequence[LedgerEntry]] | None = None

    async def cause(self, kept: KeptState, rule: Rule, state: AlertState) -> LedgerEntry | None:
        """The newest move of an environment that the objective concerns, within the window that
        fires before it did."""
        longs = [alert.long for alert in rule.pairs(kept.state) if alert.firing]
        within = _UNKNOWN_WITHIN if rule.unknown else max(longs, default=_UNKNOWN_WITHIN)
        if self._ledgers is None:
            fetch = self.operations.fetch_ledger
            self._ledgers = {
                name: await fetch(self.repo.id, name, limit=_READ)
                for name in await self.operations.fetch_live(self.repo.id)
            }
        entries = [
            entry
            for name, ledger in self._ledgers.items()
            if kept.concerns(name)
            for entry in ledger
        ]
        return likely_cause(entries, (state.since or kept.evaluated_at) - rule.after, within)


@dataclass(frozen=True, slots=True)
class Alerting:
    slos: SloStore
    operations: OperationStore
    store: Store
    outbox: Outbox
    links: Links

    async def tell(
        self,
        repo: RepoRef,
        found: Sequence[tuple[Slo, KeptState]],
        before: Mapping[str, KeptState],
        now: datetime,
    ) -> None:
        """Take every alert of a repository's objectives one look further. ``found`` are all of
        them; alerts of others end. ``before`` is how they stood, by name.

        Raises:
            AlertMoved: another worker is at it, and goes on.
        """
        known = {(one.objective, one.alert): one for one in await self.slos.fetch_alerts(repo.id)}
        moves = _Moves(self.operations, repo)
        looks = [
            _Look(
                _taken(known, slo.name, rule.name),
                rule.burning(state.state),
                rule.after,
                self._composer(repo, state, rule, moves),
            )
            for slo, state in found
            for rule in rules_of(slo)
        ]
        environments = await self._environments(repo)
        for _, state in found:
            for environment, policy in environments.items():
                slo = policy.slo
                if slo.steps and state.concerns(environment) and slo.judges(state.name):
                    looks += self._steps(repo, state, environment, slo, known)
        after = {state.name: state for _, state in found}
        if any(
            _made_of(name, policy, before) != _made_of(name, policy, after)
            for name, policy in environments.items()
        ):
            # What gates say has changed, and a promotion may wait for it.
            await self.store.enqueue(
                ReconcilePromotion(repo.installation_id, repo.id, repo.owner, repo.name)
            )
        await self._look(repo, looks, now)
        await self._end(repo, list(known.values()))

    async def _environments(self, repo: RepoRef) -> Mapping[str, EnvironmentPolicy]:
        """Of the last policy that could be used."""
        remembered = await self.operations.fetch_policy(repo.id)
        policy = parse_remembered(remembered[0]) if remembered else None
        return policy.environments if policy else {}

    def _steps(
        self,
        repo: RepoRef,
        kept: KeptState,
        environment: str,
        policy: SloPolicy,
        known: dict[_Key, KeptAlert],
    ) -> list[_Look]:
        left = kept.state.budget_remaining
        # The strictest alone is told of what is crossed at once: it says all that the others do.
        lowest = min((one.part for one in policy.steps if crossed(left, one.part)), default=None)
        looks = []
        for step in policy.steps:
            name = f"{_BUDGET}{environment}/{step.do.value}/{step.at}"
            told = lowest is None or step.part == lowest
            compose = self._step_composer(repo, kept, environment, step, name, told)
            alert = _taken(known, kept.name, name)
            looks.append(_Look(alert, crossed(left, step.part), timedelta(0), compose))
        return looks

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

    async def _look(self, repo: RepoRef, looks: Sequence[_Look], now: datetime) -> None:
        """All of them together: a thousand alerts that begin at once are as few statements as
        one."""
        before = {look.key: look.before for look in looks}
        # What a process that ended before it was told left behind comes first.
        before |= await self._told(repo, [one for one in looks if one.before.untold], before)
        after = {
            look.key: advance(before[look.key], look.burning, now, look.after)[0] for look in looks
        }
        changed = [one for one in looks if replace(after[one.key], at=one.before.at) != one.before]
        saved = await self._saved(repo, changed, after)
        untold = [one for one in saved if after[one.key].untold]
        await self._saved(repo, untold, await self._told(repo, untold, after))

    async def _told(
        self, repo: RepoRef, looks: Sequence[_Look], states: Mapping[_Key, AlertState]
    ) -> dict[_Key, AlertState]:
        """Tell the news of each; how they stand now that people are told."""
        notices = []
        for look in looks:
            news = states[look.key].untold
            if news is not None and (notice := await look.compose(states[look.key], news)):
                notices.append(notice)
                SLO_ALERTS.labels(news.value).inc()
        await self.outbox.post(*notices)
        told = {look.key: states[look.key] for look in looks}
        return {key: replace(state, told=state.since) for key, state in told.items()}

    async def _saved(
        self, repo: RepoRef, looks: Sequence[_Look], states: Mapping[_Key, AlertState]
    ) -> list[_Look]:
        alerts = [replace(one.alert, content=content_of(states[one.key])) for one in looks]
        if not await self.slos.save_alerts(repo.id, alerts):
            # Two workers at one alert, after the heart of the first stopped: the other goes on.
            raise AlertMoved(f"alerts of {repo.full_name} were looked at by another")
        return [
            replace(look, alert=replace(alert, revision=alert.revision + 1))
            for look, alert in zip(looks, alerts, strict=True)
        ]

    async def _end(self, repo: RepoRef, alerts: Sequence[KeptAlert]) -> None:
        """Their objectives, or the policy that asked for them, are no more."""
        notices = []
        for alert in alerts:
            state = restored(alert.content)
            if state.phase is Phase.FIRING and not alert.alert.startswith(_BUDGET):
                notices.append(self._ended(repo, alert, state))
        await self.outbox.post(*notices)
        await self.slos.forget_alerts(repo.id, alerts)

    def _ended(self, repo: RepoRef, alert: KeptAlert, state: AlertState) -> Notice:
        return Notice(
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

    def _composer(self, repo: RepoRef, kept: KeptState, rule: Rule, moves: _Moves) -> Compose:
        async def compose(state: AlertState, news: News) -> Notice | None:
            if not (rule.when_firing if news is News.FIRING else rule.when_resolved):
                return None
            pages = rule.severity == PAGE
            cause = await moves.cause(kept, rule, state) if news is News.FIRING else None
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

    def _move(self, repo: RepoRef, entry: LedgerEntry) -> str:
        if entry.operation_id is None:
            return self.links.environment(repo, entry.environment)
        return self.links.operation(entry.operation_id)


class AlertMoved(Exception):
    """An alert was saved by another worker meanwhile; what it found stands."""


def _made_of(
    environment: str, policy: EnvironmentPolicy, states: Mapping[str, KeptState]
) -> dict[str, tuple[bool | None, ...]]:
    """What the gates of an environment make of each objective that they look at, by name."""
    gated = _GATE in policy.gates
    if not gated and not policy.slo.steps:
        return {}
    return {
        name: made_of(policy.slo, kept.state, gated=gated)
        for name, kept in states.items()
        if kept.concerns(environment) and policy.slo.judges(name)
    }


def _taken(known: dict[_Key, KeptAlert], objective: str, alert: str) -> KeptAlert:
    """The alert as it is kept, or a new one; what is left in the end is asked for by nobody."""
    return known.pop((objective, alert), None) or KeptAlert(objective, alert, {})


def _incident(objective: str, alert: str) -> str:
    return f"slo:{objective}:{alert}"


def _key(repo: RepoRef, objective: str, alert: str, news: News, state: AlertState) -> str:
    since = state.since.isoformat() if state.since else ""
    return f"slo-{repo.id}-{objective}-{alert}-{news.value}-{since}"
