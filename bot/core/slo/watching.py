"""A watch as it is kept: what it was begun with, what was seen, how it ended. Pure.

``watch`` decides; this holds what it decides on, so that whoever was killed goes on with it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from bot.core.hosting import Build
from bot.core.model import RepoRef
from bot.core.operations.machine import Kind, Operation, State, StepName
from bot.core.policy.slo import OnFail, SloPolicy, WatchPolicy
from bot.core.slo.burn import factor_of, pairs_of
from bot.core.slo.model import Method, Sample, Slo, Threshold
from bot.core.slo.probes import BOUNDS_MS, ProbeAnswer, counted_bound
from bot.core.slo.probes import Outcome as ProbeOutcome
from bot.core.slo.usual import DAY, usual_latency
from bot.core.slo.watch import (
    Compare,
    FailOn,
    Judged,
    Latency,
    Outcome,
    Reading,
    Rules,
    WatchDecision,
    Watched,
)

BEFORE = timedelta(hours=1)
"""The time before the promotion that it is compared with: up to when the host was asked to move."""
STEP = timedelta(minutes=1)
"""In which other sources than probes are read: shorter ones would hold no scrape of theirs."""
GRACE = timedelta(minutes=2)
"""How long a source that cannot be read at the end is waited for."""
_PAGE = "page"


class WatchState(StrEnum):
    WATCHING = "watching"
    HEALTHY = "healthy"
    WORSE = "worse"
    UNKNOWN = "unknown"
    ENDED = "ended"
    """Before it could say anything: by a person, or since something else is live."""


_STATES = {
    Outcome.HEALTHY: WatchState.HEALTHY,
    Outcome.WORSE: WatchState.WORSE,
    Outcome.UNKNOWN: WatchState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Series:
    """What was read of an objective's source. What probes found is kept with the probes."""

    objective: str
    before: tuple[Sample, ...] = ()
    before_known: bool = False
    after: tuple[Sample, ...] = ()
    until: datetime | None = None
    """Up to when ``after`` was read; None for not at all."""
    usual: float | None = None
    """The mood of the day before the time before (see ``wander``); None until it is asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """After ``since``, up to ``until``."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """The watch over what one promotion put in place. ``id`` and ``revision`` are the store's."""

    id: int
    repo: RepoRef
    environment: str
    operation_id: int
    build: Build
    pull_number: int
    moved_at: datetime
    """When the host was asked to move the domains: the time before ends there."""
    begun: datetime
    """When the build was seen to be live."""
    policy_lasts: timedelta
    every: timedelta
    compare: Compare
    fail_on: FailOn
    on_fail: OnFail
    doubt: Fraction
    apart: tuple[Span, ...] = ()
    """When builds were live that were rolled back, or looked worse when they were replaced: no part
    of the time before, nor of the day before that."""
    require: tuple[str, ...] = ()
    """Objectives by name; none for all of the environment."""
    files: dict[str, str] | None = None
    """What defines them, by path; None while that could not be read."""
    series: tuple[Series, ...] = ()
    unread: str = ""
    """Why nothing can be watched, in plain words."""
    left_out: int = 0
    """Looks that count as nothing, since the bot's own network was away."""
    state: WatchState = WatchState.WATCHING
    took: timedelta | None = None
    """From its beginning to what decided."""
    judged: tuple[Judged, ...] = ()
    """The evidence, those first that were worse."""
    ended_by: str = ""
    """A sentence, where it was ended."""
    back_to: Build | None = None
    """What is put back where the build is worse."""
    refused: str = ""
    """Why nothing is, though the policy asks for it; a sentence."""
    remedy: str = ""
    rollback_id: int = 0
    concluded: bool = False
    """Whether what follows from its end has been done."""
    revision: int = 0

    @property
    def ends(self) -> datetime:
        return self.begun + self.policy_lasts

    @property
    def rules(self) -> Rules:
        return Rules(self.policy_lasts, self.doubt, self.compare, self.fail_on)

    @property
    def rolls_back(self) -> bool:
        return self.state is WatchState.WORSE and self.on_fail is OnFail.ROLLBACK

    @property
    def worst(self) -> Judged | None:
        """What was sure first that the build is worse."""
        return next((one for one in self.judged if one.outcome is Outcome.WORSE), None)

    def read_of(self, objective: str) -> Series:
        found = (one for one in self.series if one.objective == objective)
        return next(found, Series(objective))


def plan_watch(
    operation: Operation, slo: SloPolicy, watch: WatchPolicy, earlier: Sequence[Operation] = ()
) -> Watch:
    """The watch over what a promotion that was verified has put in place, after ``earlier``
    operations of the environment."""
    seen, asked = operation.step(StepName.VERIFY), operation.step(StepName.SWITCH)
    begun = seen.ended_at or operation.requested_at
    return Watch(
        id=0,
        repo=operation.repo,
        environment=operation.plan.environment,
        operation_id=operation.id,
        build=operation.plan.build,
        pull_number=operation.pull_number,
        moved_at=asked.started_at or begun,
        begun=begun,
        policy_lasts=watch.lasts,
        every=watch.every,
        compare=watch.compare,
        fail_on=watch.fail_on,
        on_fail=watch.on_fail,
        doubt=watch.doubt,
        apart=_rolled_back(earlier, (asked.started_at or begun) - BEFORE - DAY),
        require=slo.require,
    )


def _rolled_back(operations: Sequence[Operation], since: datetime) -> tuple[Span, ...]:
    """When what a rollback replaced was live, as far as that ended after ``since``."""
    spans = []
    for rollback in operations:
        replaced = rollback.plan.replaces
        if rollback.plan.kind is not Kind.ROLLBACK or rollback.state is not State.SUCCEEDED:
            continue
        moved = [
            one.step(StepName.SWITCH).started_at
            for one in operations
            if one.id < rollback.id
            and one.plan.kind is Kind.PROMOTE
            and replaced is not None
            and one.plan.build.deployment_id == replaced.deployment_id
        ]
        first = max((at for at in moved if at), default=None)
        last = rollback.step(StepName.SWITCH).ended_at
        if first and last and last > since:
            spans.append(Span(first, last))
    return tuple(spans)


def set_apart(watch: Watch, spans: Sequence[Span]) -> Watch:
    """With when builds were live that looked worse; those that were rolled back are apart."""
    more = [
        span
        for span in spans
        if span.until > watch.moved_at - BEFORE - DAY
        and not any(known.since <= span.since <= known.until for known in watch.apart)
    ]
    return replace(watch, apart=(*watch.apart, *more))


def objectives_of(watch: Watch, defined: Sequence[Slo]) -> list[Slo]:
    return [
        slo
        for slo in defined
        if (not slo.environments or watch.environment in slo.environments)
        and (not watch.require or slo.name in watch.require)
    ]


def undefined(watch: Watch, found: Sequence[Slo]) -> list[Watched]:
    """Those that the policy asks for and no file defines: never healthy."""
    names = {slo.name for slo in found}
    missing = [name for name in watch.require if name not in names]
    why = f"no file in slo/ defines it for {watch.environment}"
    return [Watched(name, Fraction(1), Fraction(1), unread=why) for name in missing]


def watched(slo: Slo, series: Series, latency: Latency | None = None, unread: str = "") -> Watched:
    """An objective with what was read of it, as ``decide_watch`` takes it."""
    budget, page = _allowed(slo)
    return Watched(
        slo.name,
        budget,
        page,
        series.before,
        series.after,
        latency,
        unread,
        usual=series.usual or 0.0,
    )


def without_apart(watch: Watch, samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Without the steps that a build which was rolled back had any part in."""
    return tuple(
        sample
        for sample in samples
        if not any(sample.at > span.since and sample.at - STEP < span.until for span in watch.apart)
    )


def _allowed(slo: Slo) -> tuple[Fraction, Fraction]:
    """The part of events that may be bad, and how many times as many page somebody. A slice of
    time has a part of its own, above which all of it is lost."""
    if slo.method is Method.TIMESLICES and slo.slice_target < 1:
        return 1 - slo.slice_target, Fraction(1)
    factors = [
        (pair.severity == _PAGE, factor_of(pair, slo.window.length)) for pair in pairs_of(slo)
    ]
    paging = [factor for pages, factor in factors if pages] or [factor for _, factor in factors]
    return slo.budget, max(paging)


def from_answers(watch: Watch, slo: Slo, answers: Sequence[ProbeAnswer]) -> Watched:
    """What a probe answered, one by one. A threshold's answers have their latency told too; one
    that failed is slower than any. One that was not sent, since where it leads to is not public,
    says nothing of the build.

    Raises:
        ProbeFault: the objective asks for what a probe does not count.
    """
    bound = counted_bound(slo.indicator)
    limit = BOUNDS_MS[bound - 1] if bound else math.inf
    answers = [one for one in answers if one.outcome is not ProbeOutcome.PRIVATE]
    fit = [one for one in answers if not _is_apart(watch, one)]
    before = [one for one in fit if _within(one.at, watch.moved_at - BEFORE, watch.moved_at)]
    after = [one for one in answers if _within(one.at, watch.begun, watch.ends)]

    def samples(some: Sequence[ProbeAnswer]) -> tuple[Sample, ...]:
        return tuple(
            Sample(one.at, int(one.good and one.milliseconds <= limit), 1) for one in some if one.at
        )

    series = Series(slo.name, samples(before), before_known=True, after=samples(after))
    if not bound:
        return watched(slo, series)
    usual = usual_latency(_readings(fit), watch.moved_at - BEFORE)
    return watched(slo, series, _latency(slo, before, after, limit, usual))


def _is_apart(watch: Watch, answer: ProbeAnswer) -> bool:
    return any(_within(answer.at, span.since, span.until) for span in watch.apart)


def _within(at: datetime | None, since: datetime, until: datetime) -> bool:
    return at is not None and since < at <= until


def _latency(
    slo: Slo,
    before: Sequence[ProbeAnswer],
    after: Sequence[ProbeAnswer],
    limit: float,
    usual: float,
) -> Latency:
    target = slo.indicator.value if isinstance(slo.indicator, Threshold) else Fraction(0)
    name = quantile_name(slo)
    return Latency(name, float(target), _readings(before), _readings(after), limit, usual)


def _readings(some: Sequence[ProbeAnswer]) -> tuple[Reading, ...]:
    return tuple(
        Reading(one.at, one.milliseconds if one.good else math.inf) for one in some if one.at
    )


def quantile_name(slo: Slo) -> str:
    """``p95`` for an objective of which 95 % must be good."""
    return f"p{float(slo.objective * 100):g}"


def looked(
    watch: Watch, decision: WatchDecision, observed: Sequence[Watched], objectives: Sequence[Slo]
) -> Watch:
    """With the evidence so far, that against the build first. Latencies are told by the
    objective's own quantile."""
    parts = {slo.name: slo.objective for slo in objectives}
    latencies = {one.name: one.latency for one in observed}
    worse = decision.worse
    told = [*worse, *(one for one in decision.judged if one not in worse)]
    evidence = tuple(_told(one, latencies.get(one.name), parts.get(one.name)) for one in told)
    return replace(watch, judged=evidence)


def decided(watch: Watch, decision: WatchDecision) -> Watch:
    """With how it ended."""
    return replace(watch, state=_STATES[decision.outcome], took=decision.took)


def looked_worse(watch: Watch, left: datetime) -> bool:
    """Whether a build that was live until ``left`` is none to go back to: it was worse, or it was
    replaced before its watch could tell, while more was bad than it may have."""
    if watch.state in (WatchState.WATCHING, WatchState.ENDED) and left < watch.ends:
        return any(one.after is not None and one.after > one.tolerated for one in watch.judged)
    return watch.state is WatchState.WORSE


def _told(judged: Judged, latency: Latency | None, part: Fraction | None) -> Judged:
    if latency is None or part is None:
        return judged
    seen = [one for one in latency.after if judged.at is None or one.at <= judged.at]
    return replace(
        judged,
        quantile_before=_quantile(latency.before, part),
        quantile_after=_quantile(seen, part),
    )


def _quantile(readings: Sequence[Reading], part: Fraction) -> float | None:
    """By the nearest rank: a value that was measured."""
    ranked = sorted(one.value for one in readings if one.value < math.inf)
    return ranked[max(math.ceil(len(ranked) * part) - 1, 0)] if ranked else None


def ended(watch: Watch, by: str, now: datetime) -> Watch:
    """Ended before it could say anything; one that has ended stays as it is."""
    if watch.state is not WatchState.WATCHING:
        return watch
    return replace(
        watch, state=WatchState.ENDED, ended_by=by, took=max(now - watch.begun, timedelta(0))
    )
