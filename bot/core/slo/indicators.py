"""Data sources and indicators of OpenSLO's documents, held to what each kind of source takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from bot.core.policy.problems import nearest
from bot.core.slo.documents import (
    DataSource,
    IndicatorSpec,
    MetricHolder,
    ObjectiveSpec,
    Value,
)
from bot.core.slo.files import Known, Read, Steps
from bot.core.slo.model import Indicator, Metric, Ratio, Source, SourceKind, Threshold
from bot.core.slo.probes import ProbeFault, counted_bound, probe_of, web_address
from bot.core.slo.reading import ReadingFault, check_path

_DETAILS: dict[SourceKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    SourceKind.PROMETHEUS: (("url",), ("credential",)),
    SourceKind.HTTP_JSON: (("url",), ("credential",)),
    SourceKind.SQL: (("database",), ()),
    SourceKind.PROBE: (("url",), ("interval", "timeout", "redirects", "statuses")),
}
"""By kind of source the keys that ``connectionDetails`` must have, and those that it may."""
_SPEC = {
    SourceKind.PROMETHEUS: ("query",),
    SourceKind.HTTP_JSON: ("path", "value"),
    SourceKind.SQL: ("query",),
    SourceKind.PROBE: ("measure",),
}
"""By kind of source the keys that a metric's ``spec`` must have, and no other."""
_WITHIN = {
    SourceKind.PROMETHEUS: ("{{.window}}",),
    SourceKind.SQL: (":start", ":end"),
    SourceKind.HTTP_JSON: ("{start}", "{end}"),
}
"""What a query must hold, in its first key: else it would say the same of every window."""
_CREDENTIAL = re.compile(r"[a-z][a-z0-9-]{0,40}")


def source_of(read: Read, document: DataSource, known: Known) -> Source | None:
    kind, given = document.spec.type, document.spec.details
    before = len(known.problems)
    at = ("spec", "connectionDetails")
    required, optional = _DETAILS[kind]
    for key in required:
        if key not in given:
            known.fault(read, at, f"the key `{key}` is missing in {{}}: {kind} needs it")
    for key in given:
        if key not in (*required, *optional):
            near = nearest(key, (*required, *optional))
            known.fault(
                read,
                (*at, key),
                f"{{}} is no key of {kind}: it takes {', '.join((*required, *optional))}. What is "
                "secret stands in the server's environment, never here",
                near,
                key=True,
            )
    details = {key: _text(value) for key, value in given.items()}
    if "url" in details and web_address(details["url"]) is None:
        message = "{} must be an address of http or https, with no user or password in it"
        known.fault(read, (*at, "url"), message)
    for key in ("credential", "database"):
        if key in details and not _CREDENTIAL.fullmatch(details[key]):
            message = (
                "{} must be a name with small letters, digits and hyphens, of the server's own"
            )
            known.fault(read, (*at, key), message)
    if kind is SourceKind.PROBE and len(known.problems) == before:
        try:
            probe_of(read.name, details)
        except ProbeFault as fault:
            known.fault(read, at, f"{{}}: {fault}")
    return Source(read.name, kind, details) if len(known.problems) == before else None


@dataclass(frozen=True, slots=True)
class IndicatorReader:
    """Reads an indicator that stands at ``at`` in a document."""

    file: Read
    known: Known
    sources: Mapping[str, Source]
    at: Steps

    def read(self, spec: IndicatorSpec, objective: ObjectiveSpec | None) -> Indicator | None:
        """None where it has a fault, which is then told; or with a threshold and no objective."""
        if (spec.ratio is None) == (spec.threshold is None):
            message = "{} has one of `ratioMetric` and `thresholdMetric`"
            self.known.fault(self.file, self.at, message, key=True)
            return None
        found = self._ratio(spec) if spec.ratio else self._threshold(spec, objective)
        if found is not None:
            metric = found.total if isinstance(found, Ratio) else found.metric
            if metric.source.kind is SourceKind.PROBE:
                try:
                    counted_bound(found)
                except ProbeFault as fault:
                    self.known.fault(self.file, self.at, f"{{}}: {fault}", key=True)
                    return None
        return found

    def _ratio(self, spec: IndicatorSpec) -> Ratio | None:
        ratio = spec.ratio
        assert ratio is not None  # noqa: S101 (the caller has looked)
        at = (*self.at, "ratioMetric")
        if (ratio.good is None) == (ratio.bad is None):
            self.known.fault(self.file, at, "{} has one of `good` and `bad`", key=True)
            return None
        total = self._metric(ratio.total, (*at, "total"))
        word, holder = ("good", ratio.good) if ratio.good else ("bad", ratio.bad)
        part = self._metric(holder, (*at, word)) if holder else None
        if total is None or part is None:
            return None
        if total.source != part.source:
            message = f"{{}} is of `{part.source.name}` and `total` of `{total.source.name}`: both "
            self.known.fault(self.file, (*at, word), message + "must be of one source", key=True)
            return None
        if ratio.counter and total.source.kind in (SourceKind.SQL, SourceKind.HTTP_JSON):
            message = "{}: a query between two times says itself what was counted; write `false`"
            self.known.fault(self.file, (*at, "counter"), message, "false")
            return None
        good, bad = (part, None) if word == "good" else (None, part)
        return Ratio(total, good, bad, ratio.counter)

    def _threshold(self, spec: IndicatorSpec, objective: ObjectiveSpec | None) -> Threshold | None:
        assert spec.threshold is not None  # noqa: S101 (the caller has looked)
        metric = self._metric(spec.threshold, (*self.at, "thresholdMetric"), value=True)
        if metric is None or objective is None or objective.op is None or objective.value is None:
            return None
        return Threshold(metric, objective.op, exact(objective.value))

    def _metric(self, holder: MetricHolder, at: Steps, *, value: bool = False) -> Metric | None:
        at = (*at, "metricSource")
        given = holder.source
        source = self.sources.get(given.source)
        if source is None:
            self.known.of(DataSource, given.source, self.file, (*at, "metricSourceRef"))
            return None
        if given.type not in (None, source.kind):
            message = f"{{}}: `{source.name}` is of the type {source.kind}"
            self.known.fault(self.file, (*at, "type"), message, source.kind)
            return None
        spec = {key: _text(value) for key, value in given.spec.items()}
        wanted = _SPEC[source.kind]
        if set(spec) != set(wanted):
            message = (
                f"{{}} must have {' and '.join(f'`{key}`' for key in wanted)} for a source of "
            )
            message += f"the type {source.kind}, and nothing else"
            self.known.fault(self.file, (*at, "spec"), message, key=True)
            return None
        marks = _WITHIN.get(source.kind, ())
        if value and source.kind is SourceKind.PROMETHEUS:
            marks = ()  # a gauge's value is of a moment: the window is put about it
        missing = [mark for mark in marks if mark not in spec[wanted[0]]]
        if missing:
            message = f"{{}} must hold `{missing[0]}`, or it would say the same of every window"
            self.known.fault(self.file, (*at, "spec", wanted[0]), message)
            return None
        if source.kind is SourceKind.HTTP_JSON:
            try:
                check_path(spec["value"])
            except ReadingFault as fault:
                self.known.fault(self.file, (*at, "spec", "value"), f"{{}}: {fault}")
                return None
        return Metric(source, spec)


def exact(value: float) -> Fraction:
    """The decimal that was written: a float's shortest text is that, up to 15 digits."""
    return Fraction(repr(value))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
