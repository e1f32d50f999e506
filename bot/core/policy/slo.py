"""The policy's section on service level objectives: which ones hold a promotion, and when."""

import re
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from bot.core.policy.values import wrong

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

    @property
    def least(self) -> Fraction:
        """``minimum_budget`` as a part of the whole budget."""
        return Fraction(self.minimum_budget.removesuffix("%")) / 100
