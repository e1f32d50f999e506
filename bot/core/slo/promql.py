"""What Prometheus is asked for an indicator: by the bot's own source, and by the rules it writes.

https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from fractions import Fraction
from typing import Final

from bot.core.slo.model import Indicator, Metric, Operator, Ratio, Threshold

EVERY: Final = "1m"
"""How often a value that is held to a threshold is looked at: each look is an event."""
_WINDOW: Final = "{{.window}}"
_OF_A_VALUE: Final = "5m"
"""The window of a query for a single value, where it has one."""
_SIGNS: Final = {Operator.LT: "<", Operator.LTE: "<=", Operator.GT: ">", Operator.GTE: ">="}
_NOT: Final = {Operator.LT: ">=", Operator.LTE: ">", Operator.GT: "<=", Operator.GTE: "<"}


def queries(indicator: Indicator, window: str) -> tuple[str, str, bool]:
    """For the good or the bad events of a window such as ``5m``, for all, and whether the first is
    for the bad."""
    match indicator:
        case Threshold(metric=metric, operator=operator, value=value):
            query, within = f"({asked(metric, _OF_A_VALUE)})", f"[{window}:{EVERY}]"
            # NaN, a quantile of nothing, is no value: it is neither good nor counted.
            return (
                f"count_over_time(({query} {_SIGNS[operator]} ({_quotient(value)})){within})",
                f"count_over_time(({query} >= -Inf){within})",
                False,
            )
        case Ratio(total=total, good=good, bad=bad):
            part = good or bad
            assert part is not None  # noqa: S101 (the model has one of them)
            return asked(part, window), asked(total, window), good is None


def is_bad(threshold: Threshold) -> str:
    """1 while the value is not good, 0 while it is; nothing while there is none."""
    query = f"({asked(threshold.metric, _OF_A_VALUE)})"
    bound = _quotient(threshold.value)
    return f"({query} {_NOT[threshold.operator]} bool ({bound})) and ({query} >= -Inf)"


def asked(metric: Metric, window: str) -> str:
    return metric.spec["query"].strip().replace(_WINDOW, window)


def _quotient(value: Fraction) -> str:
    return f"{value.numerator} / {value.denominator}"
