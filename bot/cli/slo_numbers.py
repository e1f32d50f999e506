"""Numbers of a file → how objectives stand, for ``lockgate slo check`` and ``report``."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction

from bot.cli.errors import CommandError
from bot.cli.slo_telling import Told
from bot.cli.text_files import read_text
from bot.core.render.escape import visible
from bot.core.slo.budget import evaluate_series, failed
from bot.core.slo.model import Ratio, Slo
from bot.core.slo.windows import (
    Reading,
    SampleError,
    Series,
    read_counters,
    read_samples,
    series_of,
)

_MOST = 256 * 1024 * 1024
"""Bytes: a year of minutes of ten objectives is about half of it."""
_REMEDY = 'write lines of {"slo", "at", "good", "total"}'


def told_of(slos: Sequence[Slo], file: str, now: datetime, *, past: bool) -> list[Told]:
    """``past`` says that ``now`` was asked for: what came after it is then nobody's fault.

    Raises CommandError where the file cannot be read. Numbers that cannot be are an objective's
    error, as a source's would be."""
    readings: dict[str, list[Reading]] = {slo.name: [] for slo in slos}
    for name, reading in _readings(file):
        if name in readings and not (past and reading.at.tzinfo and reading.at > now):
            readings[name].append(reading)
    return [_told(slo, readings[slo.name], now) for slo in slos]


def _told(slo: Slo, readings: list[Reading], now: datetime) -> Told:
    counter = isinstance(slo.indicator, Ratio) and slo.indicator.counter
    read = read_counters if counter else read_samples
    try:
        series = series_of(slo, read(readings, now))
    except SampleError as error:
        return Told(slo, failed(slo, str(error), now), Series(()))
    return Told(slo, evaluate_series(slo, series, now), series)


def _readings(file: str) -> Iterator[tuple[str, Reading]]:
    name = "standard input" if file == "-" else visible(file)
    for number, line in enumerate(read_text(file, _MOST).split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            moment = datetime.fromisoformat(found["at"])
            moment.astimezone(UTC)  # at the ends of time not every zone has it
            yield (
                str(found["slo"]),
                Reading(moment, _number(found["good"]), _number(found["total"])),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else "it is no reading"
            raise CommandError(f"{name}, line {number}: {visible(what)}", _REMEDY) from None


def _number(value: object) -> float | Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise TypeError
    return Fraction(value) if isinstance(value, int) else value
