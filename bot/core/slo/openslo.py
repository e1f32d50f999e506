"""``slo/*.yml``, OpenSLO v1 documents → objectives, or everything that is wrong with them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from bot.core.durations import parse_duration
from bot.core.policy.problems import nearest
from bot.core.slo.burn import SHORT, pairs_of, unreachable
from bot.core.slo.documents import (
    AlertCondition,
    AlertPolicy,
    ConditionRef,
    ConditionSpec,
    DataSource,
    InlinePolicy,
    ObjectiveSpec,
    PolicyRef,
    PolicySpec,
    Sli,
    SloDocument,
    TimeWindow,
)
from bot.core.slo.files import Known, Read, SloProblem, Steps, read_documents, told
from bot.core.slo.indicators import IndicatorReader, exact, source_of
from bot.core.slo.model import (
    Indicator,
    Method,
    Pair,
    Slo,
    Source,
    Unit,
    Window,
    length_text,
)

_ANNOTATIONS = ("lockgate/environments", "lockgate/minimum-events", "lockgate/stale-after")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,40}")
_UNITS = {"m": 1, "h": 60, "d": 1_440, "w": 10_080}
_LONGEST_DAYS = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 31, Unit.QUARTER: 92, Unit.YEAR: 366}
_LONGEST = timedelta(days=366)
_SHORTEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SloFiles:
    """What all files hold together. Where anything is wrong no objective is to be relied on."""

    slos: tuple[Slo, ...] = ()
    """In the order of their names."""
    sources: tuple[Source, ...] = ()
    problems: tuple[SloProblem, ...] = ()
    """In the order of files and lines."""


def parse_slos(files: Iterable[tuple[str, str]]) -> SloFiles:
    """Read (path, text) pairs. Never raises, whatever the texts."""
    listed = list(files)
    known = read_documents(listed)
    sources = {
        read.name: source
        for read in known.all("DataSource")
        if isinstance(read.document, DataSource)
        and (source := source_of(read, read.document, known))
    }
    # Read for their faults, whether an objective names them or not.
    for read in known.all("SLI"):
        if isinstance(read.document, Sli):
            IndicatorReader(read, known, sources, ("spec",)).read(read.document.spec, None)
    slos = [
        slo
        for read in known.all("SLO")
        if isinstance(read.document, SloDocument)
        and (slo := _slo(read, read.document, known, sources))
    ]
    return SloFiles(
        tuple(sorted(slos, key=lambda slo: slo.name)),
        tuple(sources[name] for name in sorted(sources)),
        told(known, listed),
    )


def _slo(
    read: Read, document: SloDocument, known: Known, sources: Mapping[str, Source]
) -> Slo | None:
    before = len(known.problems)
    spec, objective = document.spec, document.spec.objectives[0]
    indicator = _indicator(read, document, known, sources)
    window = _window(read, spec.windows[0], known)
    target = _target(read, objective, known)
    _check_slices(read, spec.method, objective, known)
    pairs = tuple(
        pair
        for index, policy in enumerate(spec.policies)
        for pair in _pairs(read, policy, ("spec", "alertPolicies", index), known)
    )
    facts = _annotations(read, document, known)
    if len(known.problems) > before or not (indicator and window and target):
        return None
    slo = Slo(
        name=read.name,
        service=spec.service,
        objective=target,
        window=window,
        indicator=indicator,
        method=spec.method,
        slice_length=_fixed(objective.slice_window or "1m") or timedelta(minutes=1),
        slice_target=exact(objective.slice_target or 1),
        environments=facts.environments,
        minimum_events=facts.minimum_events,
        stale_after=min(facts.stale_after, window.length),
        pairs=pairs,
        display_name=document.metadata.display_name,
        description=spec.description,
        path=read.file,
        line=read.line,
    )
    _check_alerts(read, slo, known)
    return slo if len(known.problems) == before else None


def _indicator(
    read: Read, document: SloDocument, known: Known, sources: Mapping[str, Source]
) -> Indicator | None:
    spec, objective = document.spec, document.spec.objectives[0]
    if (spec.indicator is None) == (spec.indicator_ref is None):
        known.fault(read, ("spec",), "{} has one of `indicator` and `indicatorRef`", key=True)
        return None
    where, shape = read, None
    at: Steps = ("spec", "indicator", "spec")
    if spec.indicator is not None:
        shape = spec.indicator.spec
    elif sli := known.of(Sli, spec.indicator_ref or "", read, ("spec", "indicatorRef")):
        shape, at = sli.spec, ("spec",)
        where = known.documents["SLI"][sli.metadata.name]
    if shape is None:
        return None
    threshold = shape.threshold is not None
    if threshold != (objective.op is not None) or threshold != (objective.value is not None):
        message = (
            "{} needs `op` and `value`, because its indicator measures a value"
            if threshold
            else "{} has `op` or `value`, and its indicator counts events: those are for values"
        )
        known.fault(read, ("spec", "objectives", 0), message)
        return None
    return IndicatorReader(where, known, sources, at).read(shape, objective)


def _window(read: Read, given: TimeWindow, known: Known) -> Window | None:
    at = ("spec", "timeWindow", 0)
    length = _fixed(given.duration)
    if given.rolling == (given.calendar is not None):
        message = "{} rolls (`isRolling: true`), or has a `calendar`; one of them"
        known.fault(read, at, message)
        return None
    if given.calendar is None:
        if length is None:
            message = "{}: a window that rolls has a fixed length; write it in days"
            known.fault(read, (*at, "duration"), message, "30d")
        elif not _SHORTEST <= length <= _LONGEST:
            known.fault(read, (*at, "duration"), "{} must be from an hour to 366 days")
        else:
            return Window(length)
        return None
    if given.duration[-1] in "mh":
        message = "{}: a window of the calendar is of days, weeks, months, quarters or years"
        known.fault(read, (*at, "duration"), message, "1M")
        return None
    unit, count = Unit(given.duration[-1]), int(given.duration[:-1])
    longest = timedelta(days=_LONGEST_DAYS[unit] * count)
    if longest > _LONGEST:
        known.fault(read, (*at, "duration"), "{} must be at most a year")
        return None
    return Window(longest, unit, count, given.calendar.moment, given.calendar.zone)


def _target(read: Read, objective: ObjectiveSpec, known: Known) -> Fraction | None:
    if (objective.target is None) == (objective.target_percent is None):
        message = "{} has one of `target` and `targetPercent`"
        known.fault(read, ("spec", "objectives", 0), message)
        return None
    if objective.target is not None:
        return exact(objective.target)
    return exact(objective.target_percent or 0) / 100


def _check_slices(read: Read, method: Method, objective: ObjectiveSpec, known: Known) -> None:
    at = ("spec", "objectives", 0)
    if method is Method.OCCURRENCES:
        if objective.slice_target is not None or objective.slice_window is not None:
            message = "{} has time slices, and `budgetingMethod` is Occurrences: write Timeslices"
            known.fault(read, at, message)
        return
    if objective.slice_target is None or objective.slice_window is None:
        message = "{} needs `timeSliceTarget` and `timeSliceWindow`: its budget is of time slices"
        known.fault(read, at, message)
    elif (_fixed(objective.slice_window) or _LONGEST) > timedelta(minutes=5):
        # The shortest window of the default alerts holds at least one of them.
        known.fault(read, (*at, "timeSliceWindow"), "{} must be at most 5 minutes", "1m")


def _pairs(
    read: Read, given: str | PolicyRef | InlinePolicy, at: Steps, known: Known
) -> tuple[Pair, ...]:
    if isinstance(given, InlinePolicy):
        return _of_policy(read, given.metadata.name, given.spec, (*at, "spec"), known)
    name = given if isinstance(given, str) else given.name
    where = at if isinstance(given, str) else (*at, "alertPolicyRef")
    policy = known.of(AlertPolicy, name, read, where)
    if policy is None:
        return ()
    return _of_policy(known.documents["AlertPolicy"][name], name, policy.spec, ("spec",), known)


def _of_policy(
    read: Read, name: str, spec: PolicySpec, at: Steps, known: Known
) -> tuple[Pair, ...]:
    given = spec.conditions[0]
    where: Steps = (*at, "conditions", 0)
    condition: ConditionSpec | None
    if isinstance(given, ConditionRef):
        found = known.of(AlertCondition, given.name, read, (*where, "conditionRef"))
        if found is None:
            return ()
        condition, read = found.spec, known.documents["AlertCondition"][given.name]
        where = ()
    else:
        condition = given.spec
    rate = condition.condition
    within = (*where, "spec", "condition")
    long = _fixed(rate.lookback)
    if long is None or long > timedelta(days=30):
        known.fault(read, (*within, "lookbackWindow"), "{} must be at most 30 days")
        return ()
    # Zero stands for "at once", which a duration of a minute or more cannot say.
    after = _fixed(rate.after) if rate.after else timedelta(0)
    if after is None or after > timedelta(days=1):
        known.fault(read, (*within, "alertAfter"), "{} must be at most a day")
        return ()
    short = max(long / SHORT, timedelta(minutes=1))
    return (
        Pair(
            condition.severity,
            long,
            short,
            factor=exact(rate.threshold),
            inclusive=rate.op == "gte",
            after=after,
            policy=name,
            when_firing=spec.when_breaching,
            when_resolved=spec.when_resolved,
            when_unknown=spec.when_no_data,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Annotated:
    environments: tuple[str, ...] = ()
    minimum_events: int = 1
    stale_after: timedelta = timedelta(hours=6)


def _annotations(read: Read, document: SloDocument, known: Known) -> _Annotated:
    """What OpenSLO has no key for."""
    given = document.metadata.annotations
    at = ("metadata", "annotations")
    for key in given:
        if key.startswith("lockgate/") and key not in _ANNOTATIONS:
            message = f"{{}} means nothing here: there are {', '.join(_ANNOTATIONS)}"
            known.fault(read, (*at, key), message, nearest(key, _ANNOTATIONS), key=True)
    environments = tuple(
        name.strip() for name in given.get(_ANNOTATIONS[0], "").split(",") if name.strip()
    )
    if not all(_ENVIRONMENT.fullmatch(name) for name in environments):
        message = "{} must be names of environments with commas between, such as `production`"
        known.fault(read, (*at, _ANNOTATIONS[0]), message)
    least = given.get(_ANNOTATIONS[1], "1")
    if not re.fullmatch("[1-9][0-9]{0,8}", least):
        known.fault(read, (*at, _ANNOTATIONS[1]), "{} must be a number from 1, in quotes", '"100"')
        least = "1"
    stale = timedelta(hours=6)
    if (text := given.get(_ANNOTATIONS[2])) is not None:
        try:
            stale = parse_duration(text)
        except ValueError as error:
            known.fault(read, (*at, _ANNOTATIONS[2]), f"{{}} {error}")
        if not timedelta(minutes=5) <= stale <= _LONGEST:
            known.fault(read, (*at, _ANNOTATIONS[2]), "{} must be from 5 minutes to 366 days")
    return _Annotated(environments, int(least), stale)


def _check_alerts(read: Read, slo: Slo, known: Known) -> None:
    for pair in pairs_of(slo):
        at: Steps = ("spec", "alertPolicies") if slo.pairs else ("spec", "objectives", 0)
        if reason := unreachable(slo, pair):
            remedy = (
                "lower its threshold" if slo.pairs else "name alertPolicies with lower thresholds"
            )
            known.fault(read, at, f"{{}}: {reason}. Raise the target, or {remedy}", key=True)
        elif pair.long > slo.window.length:
            message = (
                f"{{}}: an alert looks back {length_text(pair.long)}, and the window is shorter"
            )
            known.fault(read, at, message, key=True)


def _fixed(text: str) -> timedelta | None:
    """A duration of minutes to weeks; None for one whose length depends on the calendar."""
    minutes = _UNITS.get(text[-1])
    return timedelta(minutes=int(text[:-1]) * minutes) if minutes else None
