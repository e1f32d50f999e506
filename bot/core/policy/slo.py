"""The policy's section on service level objectives: which ones hold a promotion, and when, and how
they are watched after one."""

import re
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from bot.core.policy.values import Duration, wrong
from bot.core.slo.alerts import STEPS, Step
from bot.core.slo.watch import Compare, FailOn

_FROZEN = ConfigDict(extra="forbid", frozen=True)

_PERCENT = r"^(?:100|[0-9]{1,2}(?:\.[0-9]{1,4})?)%$"


def _percent(value: object) -> str:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    text = str(value) if numeric or isinstance(value, str) else ""
    if numeric or not re.fullmatch(_PERCENT, text, re.ASCII):
        meant = f"{text.removesuffix('%').rstrip()}%"
        raise wrong(
            "must be a part such as `10%` or `2.5%`, at most `100%`",
            meant if re.fullmatch(_PERCENT, meant, re.ASCII) else "",
        )
    return text


SloName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
]
Percent: TypeAlias = Annotated[
    str,
    BeforeValidator(_percent),
    WithJsonSchema({"type": "string", "pattern": _PERCENT, "examples": ["10%", "2.5%"]}),
]


class NoData(StrEnum):
    BLOCK = "block"
    ALLOW = "allow"


class OnFail(StrEnum):
    ROLLBACK = "rollback"
    NOTIFY = "notify"


class WatchPolicy(BaseModel):
    model_config = _FROZEN

    lasts: Duration = Field(
        default=timedelta(minutes=15),
        alias="for",
        description="For how long a promoted build is watched: at least `1m`, at most `6h`.",
    )
    every: Duration = Field(
        default=timedelta(seconds=15),
        description="How often it is looked at, and the endpoints of its probes are asked: at "
        "least `1s`, and at most 1,000 times in all.",
    )
    compare: Compare = Field(
        default=Compare.BEFORE,
        description="What the build is held against: the hour `before` it went live and the "
        "budget, or the `budget` alone.",
    )
    fail_on: FailOn = Field(
        default=FailOn.REGRESSION,
        description="With `compare: before`, when it is worse than before: as soon as it spends "
        "more than its budget (`regression`), or when it spends it as fast as would page somebody "
        "(`burn`).",
    )
    on_fail: OnFail = Field(
        default=OnFail.ROLLBACK,
        description="What follows when it is worse: the build before is put back (`rollback`), or "
        "people are told alone (`notify`).",
    )
    false_rollbacks: Percent = Field(
        default="1%",
        description="The part of watches, at most, that may take a build for worse that is not.",
    )

    @property
    def doubt(self) -> Fraction:
        """``false_rollbacks`` as a part of all watches."""
        return Fraction(self.false_rollbacks.removesuffix("%")) / 100


class BudgetStep(BaseModel):
    model_config = _FROZEN

    at: Percent = Field(description="What is left of the budget, at most, e.g. `25%`.")
    do: Literal[Step.NOTIFY, Step.SECOND_APPROVAL, Step.FREEZE] = Field(
        description="What follows: the team is told (`notify`), a promotion takes one more "
        "approval, by somebody else than the author (`approve`), or nothing is promoted "
        "(`freeze`). A rollback is never held."
    )

    @property
    def part(self) -> Fraction:
        """``at`` as a part of the whole budget."""
        return Fraction(self.at.removesuffix("%")) / 100


_DEFAULT = "default"
_DEFAULT_STEPS = tuple(
    {"at": f"{float(part * 100):g}%", "do": step.value} for part, step in reversed(STEPS)
)


def _steps(value: object) -> object:
    if value == _DEFAULT:
        return _DEFAULT_STEPS
    if isinstance(value, str):
        raise wrong("must be `default` or a list of steps", _DEFAULT)
    # Behind a validator pydantic reads no JSON any more, in which a list is a tuple's strict form.
    return tuple(value) if isinstance(value, list) else value


def _steps_schema(schema: dict[str, Any]) -> None:
    """The list, or the word for the usual one."""
    rows = {key: schema.pop(key) for key in ("type", "items", "maxItems") if key in schema}
    schema["anyOf"] = [{"const": _DEFAULT}, rows]


class SloPolicy(BaseModel):
    model_config = _FROZEN

    require: tuple[SloName, ...] = Field(
        default=(),
        max_length=100,
        description="The objectives, by name, that must be in budget. Left empty: all that "
        "`slo/*.yml` defines for the environment.",
    )
    no_data: NoData = Field(
        default=NoData.BLOCK,
        description="Whether an objective that nothing was counted for holds a promotion. One "
        "whose source cannot be read always does.",
    )
    minimum_budget: Percent = Field(
        default="0%",
        description="Less than this part of the budget left holds a promotion; none left always "
        "does.",
    )
    steps: Annotated[tuple[BudgetStep, ...], BeforeValidator(_steps)] = Field(
        default=(),
        max_length=10,
        json_schema_extra=_steps_schema,
        description="What follows as the budget of an objective of `require`, or else of any, goes "
        "down. `default` stands for `notify` at 50%, `approve` at 25% and `freeze` at 0%. Left "
        "out: nothing.",
    )
    watch: WatchPolicy | None = Field(
        default=None,
        description="How the objectives of `require`, or else all, are watched after each "
        "promotion. Without it nothing is watched.",
    )

    def judges(self, objective: str) -> bool:
        return not self.require or objective in self.require

    def asks(self, step: Step) -> bool:
        return any(one.do is step for one in self.steps)

    @property
    def least(self) -> Fraction:
        """``minimum_budget`` as a part of the whole budget."""
        return Fraction(self.minimum_budget.removesuffix("%")) / 100
