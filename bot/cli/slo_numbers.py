"""Numbers of a file → how objectives stand, as ``lockgate slo check`` and ``report`` tell it."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from bot.cli.errors import CommandError
from bot.core.render.escape import visible
from bot.core.slo.budget import burn_down, evaluate_series, failed, returns_at
from bot.core.slo.chart import render_chart
from bot.core.slo.model import BudgetState, Ratio, Slo, State, length_text, window_text
from bot.core.slo.windows import (
    Reading,
    SampleError,
    Series,
    read_counters,
    read_samples,
    series_of,
)
from bot.core.slo.words import say_percent

_MOST = 256 * 1024 * 1024
"""Bytes: a year of minutes of ten objectives is about half of it."""
_REMEDY = 'write lines of {"slo", "at", "good", "total"}'


@dataclass(frozen=True, slots=True)
class Told:
    slo: Slo
    state: BudgetState
    series: Series


def told_of(slos: Sequence[Slo], file: str, at: str | None) -> list[Told]:
    """Raises CommandError where the file or the time cannot be read. Numbers that cannot be are
    an objective's error, as a source's would be."""
    now = _moment(at) if at else datetime.now(UTC)
    readings: dict[str, list[Reading]] = {slo.name: [] for slo in slos}
    for name, reading in _readings(file):
        # Asked how it stood at an earlier time, what came after it is nobody's fault.
        if name in readings and not (at and reading.at.tzinfo and reading.at > now):
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


def exit_status(told: Sequence[Told]) -> int:
    """4 where something is not known, 1 where a budget is spent or burning, 0 where all is well;
    of nothing, nothing is known."""
    states = {one.state.state for one in told}
    if states & {State.EXHAUSTED, State.BURNING}:
        return 1
    return 4 if states & {State.NO_DATA, State.ERROR} or not states else 0


def status_lines(told: Told) -> list[str]:
    """One objective for people."""
    slo, state = told.slo, told.state
    over = window_text(slo.window)
    out = [f"{slo.name}: {state.state}", f"  {visible(slo.title)}"]
    if state.reason:
        out.append(f"  {visible(state.reason)}")
    if state.ratio is not None:
        out.append(
            f"  {float(state.ratio * 100):.6g} % good over {over}, of "
            f"{float(slo.objective * 100):.6g} % that are to be"
        )
    if state.budget_remaining is not None:
        out.append(f"  {say_percent(state.budget_remaining)} of the budget is left")
    for alert in state.firing:
        out.append(
            f"  fires: {alert.severity}, burning {_rate(alert.long_burn)} over "
            f"{length_text(alert.long)}, and {_rate(alert.short_burn)} over "
            f"{length_text(alert.short)}"
        )
    if back := returns_at(slo, told.series, state.at):
        out.append(f"  budget returns about {back:%Y-%m-%d %H:%M UTC}, if nothing more goes wrong")
    elif state.exhausted_at:
        out.append(f"  at this rate it ends about {state.exhausted_at:%Y-%m-%d %H:%M UTC}")
    return out


def chart_of(told: Told) -> str:
    title = f"{told.slo.title} over {window_text(told.slo.window)}"
    return render_chart(title, burn_down(told.slo, told.series, told.state.at))


def _rate(rate: Fraction | None) -> str:
    return "unknown" if rate is None else f"{float(rate):.3g}×"


def _readings(file: str) -> Iterator[tuple[str, Reading]]:
    name = "standard input" if file == "-" else visible(file)
    for number, line in enumerate(_text(file, name).split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            moment = datetime.fromisoformat(found["at"])
            yield (
                str(found["slo"]),
                Reading(moment, _number(found["good"]), _number(found["total"])),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else "it is no reading"
            raise CommandError(f"{name}, line {number}: {visible(what)}", _REMEDY) from None


def _number(value: object) -> float | Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise TypeError
    return Fraction(value) if isinstance(value, int) else value


def _text(file: str, name: str) -> str:
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(_MOST + 1)
        else:
            with Path(file).open("rb") as stream:
                raw = stream.read(_MOST + 1)
        if len(raw) > _MOST:
            raise CommandError(f"{name} is larger than {_MOST >> 20} MB", "give fewer lines")
        return raw.decode("utf-8")
    except OSError as error:
        raise CommandError(
            f"{name} cannot be read: {error.strerror}", "name a readable file"
        ) from None
    except UnicodeDecodeError:
        raise CommandError(f"{name} is not UTF-8 text", "save the file as UTF-8") from None


def _moment(text: str) -> datetime:
    moment = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
    if moment is None or moment.tzinfo is None:
        raise CommandError(
            f"{visible(text)} is no time with its zone", "write one such as 2026-12-01T12:00Z"
        )
    return moment.astimezone(UTC)
