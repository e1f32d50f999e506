"""What moods the day before a promotion had, hour by hour. Pure.

The hour before is what a build is compared with; whether that hour was a calm one, only other hours
can tell.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from bot.core.slo.model import Sample
from bot.core.slo.wander import RARE_CHANCE, mood, ratio_mood, usual_mood
from bot.core.slo.watch import Reading, by_minute

DAY = timedelta(days=1)
"""How far it is looked back: every hour of a day has its own rush or quiet."""
_HOUR = timedelta(hours=1)
_FEWEST = 20
"""Readings of an hour, of fewer of which nothing is known of that hour."""

_Told = TypeVar("_Told", Sample, Reading)


def usual_latency(readings: Sequence[Reading], until: datetime) -> float:
    """The mood of a latency (see ``wander``) in the day up to ``until``."""
    hours = _hours([one for one in readings if one.value < math.inf], until)
    return usual_mood([mood(by_minute(hour), RARE_CHANCE) for hour in hours])


def usual_ratio(samples: Sequence[Sample], until: datetime) -> float:
    """The same of the ratio of bad events."""
    sound = [one for one in samples if 0 <= one.good <= one.total]
    return usual_mood(
        [
            ratio_mood(
                [(float(one.total - one.good), float(one.total)) for one in hour], RARE_CHANCE
            )
            for hour in _hours(sound, until)
        ]
    )


def _hours(told: Sequence[_Told], until: datetime) -> list[list[_Told]]:
    """Those of the day in order, by hours before ``until``; without hours of which too little is
    known."""
    hours: dict[int, list[_Told]] = {}
    for one in sorted(told, key=lambda one: one.at):
        if until - DAY < one.at <= until:
            hours.setdefault((until - one.at) // _HOUR, []).append(one)
    return [hour for hour in hours.values() if len(hour) >= _FEWEST]
