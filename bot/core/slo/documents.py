"""OpenSLO v1's documents, key by key, each with the words for its faults.

https://github.com/OpenSLO/OpenSLO/blob/main/README.md. What the product cannot do is refused here
rather than passed over: an objective that is read otherwise than it was meant is worse than none.
"""

import re
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from bot.core.policy.values import TimeZoneName, wrong
from bot.core.slo.model import Method, Operator, SourceKind

_FROZEN = ConfigDict(extra="forbid", frozen=True)
_DURATION = re.compile(r"[1-9][0-9]{0,3}[mhdwMQY]")
_START = "%Y-%m-%d %H:%M:%S"


def _duration(text: str) -> str:
    if not _DURATION.fullmatch(text):
        raise wrong("must be a duration such as `5m`, `1h`, `30d`, or `1M` of the calendar")
    return text


def _part(value: float) -> float:
    if not 0 < value < 1:
        why = (
            "at 1 there is no budget, and any failure is too many"
            if value == 1
            else "it is the part of events that must be good"
        )
        near = f"{Fraction(str(value)) / 100}" if 1 < value < 100 else ""
        raise wrong(f"must be above 0 and below 1: {why}", _decimal(near))
    return value


def _percent(value: float) -> float:
    if not 0 < value < 100:
        raise wrong("must be above 0 and below 100: at 100 there is no budget")
    return value


def _start(text: str) -> str:
    try:
        datetime.strptime(text, _START)
    except ValueError:
        raise wrong("must be a time such as `2026-01-01 00:00:00`") from None
    return text


def _decimal(fraction: str) -> str:
    return f"{float(Fraction(fraction)):.10g}" if fraction else ""


Name: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
]
Text: TypeAlias = Annotated[str, StringConstraints(max_length=1050)]
Duration: TypeAlias = Annotated[str, AfterValidator(_duration)]
Value: TypeAlias = Annotated[str, StringConstraints(max_length=8_000)] | int | float | bool


class Metadata(BaseModel):
    model_config = _FROZEN

    name: Name
    display_name: Text = Field(default="", alias="displayName")
    labels: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class _Document(BaseModel):
    model_config = _FROZEN

    api_version: Literal["openslo/v1"] = Field(alias="apiVersion")
    metadata: Metadata


class DataSourceSpec(BaseModel):
    model_config = _FROZEN

    description: Text = ""
    type: SourceKind
    details: dict[str, Value] = Field(default_factory=dict, alias="connectionDetails")


class DataSource(_Document):
    kind: Literal["DataSource"]
    spec: DataSourceSpec


class MetricSource(BaseModel):
    model_config = _FROZEN

    source: Name = Field(alias="metricSourceRef")
    type: SourceKind | None = None
    spec: dict[str, Value]


class MetricHolder(BaseModel):
    model_config = _FROZEN

    source: MetricSource = Field(alias="metricSource")


class RatioMetric(BaseModel):
    model_config = _FROZEN

    counter: bool = False
    good: MetricHolder | None = None
    bad: MetricHolder | None = None
    total: MetricHolder


class IndicatorSpec(BaseModel):
    model_config = _FROZEN

    description: Text = ""
    threshold: MetricHolder | None = Field(default=None, alias="thresholdMetric")
    ratio: RatioMetric | None = Field(default=None, alias="ratioMetric")


class Sli(_Document):
    kind: Literal["SLI"]
    spec: IndicatorSpec


class InlineIndicator(BaseModel):
    model_config = _FROZEN

    metadata: Metadata | None = None
    spec: IndicatorSpec


class Calendar(BaseModel):
    model_config = _FROZEN

    start: Annotated[str, AfterValidator(_start)] = Field(alias="startTime")
    zone: TimeZoneName = Field(alias="timeZone")

    @property
    def moment(self) -> datetime:
        return datetime.strptime(self.start, _START)


class TimeWindow(BaseModel):
    model_config = _FROZEN

    duration: Duration
    rolling: bool = Field(default=False, alias="isRolling")
    calendar: Calendar | None = None


class ObjectiveSpec(BaseModel):
    model_config = _FROZEN

    display_name: Text = Field(default="", alias="displayName")
    op: Operator | None = None
    value: float | None = None
    target: Annotated[float, AfterValidator(_part)] | None = None
    target_percent: Annotated[float, AfterValidator(_percent)] | None = Field(
        default=None, alias="targetPercent"
    )
    slice_target: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, alias="timeSliceTarget"
    )
    slice_window: Duration | None = Field(default=None, alias="timeSliceWindow")


class BurnRate(BaseModel):
    model_config = _FROZEN

    kind: Literal["burnrate"]
    op: Literal["gt", "gte"]
    threshold: Annotated[float, Field(gt=0)]
    lookback: Duration = Field(alias="lookbackWindow")
    after: Annotated[str, AfterValidator(_duration)] | None = Field(
        default=None, alias="alertAfter"
    )


class ConditionSpec(BaseModel):
    model_config = _FROZEN

    description: Text = ""
    severity: Literal["page", "ticket"]
    condition: BurnRate


class AlertCondition(_Document):
    kind: Literal["AlertCondition"]
    spec: ConditionSpec


class InlineCondition(BaseModel):
    model_config = _FROZEN

    kind: Literal["AlertCondition"]
    metadata: Metadata | None = None
    spec: ConditionSpec


class ConditionRef(BaseModel):
    model_config = _FROZEN

    name: Name = Field(alias="conditionRef")


class PolicySpec(BaseModel):
    """Whom it tells is the server's configuration: targets are read and passed over."""

    model_config = _FROZEN

    description: Text = ""
    when_no_data: bool = Field(default=False, alias="alertWhenNoData")
    when_resolved: bool = Field(default=True, alias="alertWhenResolved")
    when_breaching: bool = Field(default=True, alias="alertWhenBreaching")
    conditions: tuple[ConditionRef | InlineCondition, ...] = Field(min_length=1, max_length=1)
    targets: tuple[dict[str, JsonValue], ...] = Field(default=(), alias="notificationTargets")


class AlertPolicy(_Document):
    kind: Literal["AlertPolicy"]
    spec: PolicySpec


class PolicyRef(BaseModel):
    model_config = _FROZEN

    name: Name = Field(alias="alertPolicyRef")


class InlinePolicy(BaseModel):
    model_config = _FROZEN

    kind: Literal["AlertPolicy"]
    metadata: Metadata
    spec: PolicySpec


class SloSpec(BaseModel):
    model_config = _FROZEN

    description: Text = ""
    service: Name
    indicator: InlineIndicator | None = None
    indicator_ref: Name | None = Field(default=None, alias="indicatorRef")
    windows: tuple[TimeWindow, ...] = Field(min_length=1, max_length=1, alias="timeWindow")
    method: Method = Field(alias="budgetingMethod")
    objectives: tuple[ObjectiveSpec, ...] = Field(min_length=1, max_length=1)
    policies: tuple[Name | PolicyRef | InlinePolicy, ...] = Field(
        default=(), max_length=20, alias="alertPolicies"
    )


class SloDocument(_Document):
    kind: Literal["SLO"]
    spec: SloSpec


class ServiceSpec(BaseModel):
    model_config = _FROZEN

    description: Text = ""


class Service(_Document):
    kind: Literal["Service"]
    spec: ServiceSpec = ServiceSpec()


class TargetSpec(BaseModel):
    model_config = _FROZEN

    description: Text = ""
    target: Text = ""


class AlertNotificationTarget(_Document):
    kind: Literal["AlertNotificationTarget"]
    spec: TargetSpec


Document: TypeAlias = (
    DataSource
    | Sli
    | SloDocument
    | AlertPolicy
    | AlertCondition
    | AlertNotificationTarget
    | Service
)

KINDS: dict[str, type[Document]] = {
    "SLO": SloDocument,
    "SLI": Sli,
    "DataSource": DataSource,
    "AlertPolicy": AlertPolicy,
    "AlertCondition": AlertCondition,
    "AlertNotificationTarget": AlertNotificationTarget,
    "Service": Service,
}
