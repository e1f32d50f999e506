"""What ``lockgate emc`` says of migrations and backfills: lines, JSON, and a bar on terminals."""

import json
import sys
import time
from datetime import timedelta
from types import TracebackType
from typing import Any, TypeAlias

import click

from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.agenda import Item, counted_rows, describe_status
from bot.core.migrations.builds import BackfillState
from bot.core.phrases import counted, listed, say_duration
from bot.core.render.escape import visible
from bot.ports.database import Applied

Json: TypeAlias = dict[str, Any]

_BAR = 24
_REDRAW = 0.1
"""Seconds between two looks of the bar."""
_LINE_EVERY = 1.0
"""Seconds between two lines of JSON."""


class BackfillBar:
    """A line on standard error that is drawn anew, on terminals; or lines of JSON."""

    def __init__(self, *, as_lines: bool) -> None:
        self._as_lines = as_lines
        self._on_terminal = sys.stderr.isatty() and not as_lines
        self._told = 0.0
        self._why = ""

    def __enter__(self) -> "BackfillBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._on_terminal:
            click.echo("\r\033[K", nl=False, err=True)

    def __call__(self, status: BackfillStatus) -> None:
        now = time.monotonic()
        every = _LINE_EVERY if self._as_lines else _REDRAW
        if now - self._told < every and status.why == self._why:
            return
        self._told, self._why = now, status.why
        if self._as_lines:
            fields = {"event": "progress", **as_json(status)}
            click.echo(json.dumps(fields, ensure_ascii=False))
        elif self._on_terminal:
            click.echo(f"\r\033[K{bar_line(status)}", nl=False, err=True)


def bar_line(status: BackfillStatus) -> str:
    """``title_norm ████░░ 83 %  41,500 of 50,000 rows  210,000 rows/s  40 s left  batch 5,000``"""
    done = status.done or 0.0
    filled = int(_BAR * done)
    bar = "█" * filled + "░" * (_BAR - filled)
    total = counted_rows(max(status.total, status.visited))
    parts = [f"{visible(status.name)} {bar} {int(done * 100)} %", f"{status.visited:,} of {total}"]
    if status.rate:
        parts.append(f"{status.rate:,.0f} rows/s")
    left = status.time_left
    if left is not None:
        parts.append(f"{say_duration(left)} left")
    if status.batch_size:
        parts.append(f"batch {status.batch_size:,}")
    if status.state is BackfillState.PAUSED:
        parts.append(f"paused: {visible(status.why)}")
    elif status.why:
        parts.append(visible(status.why))
    return "  ".join(parts)


def say_item(item: Item) -> str:
    line = f"{item.version}  {item.kind.value:<8}  {visible(item.name)}"
    if item.status is not None and item.status.batches:
        line += f"  ({describe_status(item.status)})"
    if item.waits:
        line += f"\n                waits for {visible(listed(item.waits))}"
    return line


def say_backfill(status: BackfillStatus) -> str:
    line = f"{status.version}  {visible(status.name)}: {describe_status(status)}"
    if status.rate and status.state is not BackfillState.WAITING:
        line += f", {status.rate:,.0f} rows/s"
    left = status.time_left
    if status.state is BackfillState.RUNNING and left is not None:
        line += f", {say_duration(left)} left"
    if status.paused_by:
        line += f"\n                paused by {visible(status.paused_by)}"
    go_on = f"`lockgate emc resume {status.version}` "
    if status.paused_by:
        go_on += "lets it go on"
    elif status.state is BackfillState.CANCELED:
        go_on += "begins it from the start"
    else:
        go_on = ""
    for words in (status.why, status.remedy, go_on):
        if words:
            line += f"\n                {visible(words)}"
    return line


def say_waiting(item: Item, tries: int) -> str:
    return (
        f"{item.version}  {visible(item.name)}: others hold what it needs; it gave way "
        f"{counted(tries, 'time')}, and tries again …"
    )


def say_steps(item: Item, applied: Applied) -> str:
    name = f"{item.version}  {item.kind.value:<8}  {visible(item.name)}"
    if not applied.applied and not applied.tries:
        how = "in one transaction" if applied.steps.in_transaction else "without a transaction"
        lines = [line for step in applied.steps.steps for line in f"{step.text};".split("\n")]
        statements = "\n".join(f"    {_printable(line)}" for line in lines)
        return f"{name}  {how}\n{statements}"
    tries = "" if applied.tries == 1 else f", after {applied.tries} tries"
    cleaned = f"; dropped the invalid {listed(applied.cleaned)}" if applied.cleaned else ""
    return f"{name}  applied in {_seconds(applied.took)}{tries}{cleaned}"


def _printable(line: str) -> str:
    """With its indentation, and nothing that steers a terminal."""
    return "".join(c if c.isprintable() else " " for c in line).rstrip()


def as_json(value: Item | BackfillStatus | Applied) -> Json:
    """The names are stable: others read them."""
    match value:
        case Item():
            return {
                "version": value.version,
                "kind": value.kind.value,
                "name": value.name,
                "path": value.path,
                "waits": list(value.waits),
                "state": value.status.state.value if value.status else None,
            }
        case BackfillStatus():
            return _status_json(value)
        case Applied():
            return {
                "version": value.version,
                "applied": value.applied,
                "in_transaction": value.steps.in_transaction,
                "statements": [step.text for step in value.steps.steps],
                "tries": value.tries,
                "seconds": round(value.took.total_seconds(), 3),
                "schema_before": value.schema_before or None,
                "schema_after": value.schema_after or None,
                "cleaned": list(value.cleaned),
            }


def _status_json(status: BackfillStatus) -> Json:
    left = status.time_left
    return {
        "version": status.version,
        "name": status.name,
        "table": status.table,
        "state": status.state.value,
        "proven": status.proven,
        "done": status.done,
        "visited": status.visited,
        "changed": status.changed,
        "total": status.total,
        "rows_a_second": round(status.rate, 1),
        "seconds_left": round(left.total_seconds(), 1) if left is not None else None,
        "batches": status.batches,
        "batch_size": status.batch_size,
        "left": status.left,
        "proof": status.proof,
        "why": status.why,
        "remedy": status.remedy,
        "poison": list(status.poison.key) if status.poison else None,
        "paused_by": status.paused_by,
        "holder": status.holder,
    }


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.2f} s"
