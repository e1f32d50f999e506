"""``lockgate doctor``: what is wrong with an installation, and the one thing to do for each."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict

import click

from bot.core.decision import Verdict
from bot.engine.doctor import examine
from bot.engine.examined import Check
from bot.logs import configure_logging
from bot.settings import SettingsError, read_settings
from bot.wiring.doctor import open_doctor

_WORDS = {
    Verdict.PASS: ("ok", "green"),
    Verdict.FAIL: ("fail", "red"),
    Verdict.WAIT: ("wait", "yellow"),
    Verdict.SKIP: ("skipped", "yellow"),
    Verdict.ERROR: ("unread", "red"),
}
"""The verdict's word, and its colour on a terminal."""


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people, or one JSON object a check and line.",
)
@click.option("--no-color", envvar="NO_COLOR", hidden=True, help="Any text: no colour.")
def doctor(form: str, no_color: str | None) -> None:
    """Check an installation and name the one thing to do for each fault.

    Looks at the settings, the clock, the App's key, the address, permissions, events, the
    webhook, installations, failed deliveries, the database and the queue, the audit log, where
    environments live, their databases and objectives' sources. Writes nothing to GitHub.

    \b
    Examples:
      lockgate doctor
      lockgate doctor --format json

    \b
    Exit codes:
      0  all is well
      1  something is to be done
      2  usage
    """
    configure_logging(level="error", json=False)
    coloured = sys.stdout.isatty() and not no_color
    checks = asyncio.run(_examine(form, coloured=coloured))
    well = all(check.verdict is Verdict.PASS for check in checks)
    if form == "text":
        to_do = sum(check.verdict in (Verdict.FAIL, Verdict.ERROR) for check in checks)
        summary = "All is well." if well else f"{to_do} of {len(checks)} checks ask for something."
        click.echo(f"\n{summary}")
    sys.exit(0 if well else 1)


async def _examine(form: str, *, coloured: bool) -> list[Check]:
    checks = []
    async for check in _checks():
        _show(check, form, coloured=coloured)
        checks.append(check)
    return checks


async def _checks() -> AsyncIterator[Check]:
    try:
        settings = read_settings()
    except SettingsError as error:
        for problem in error.problems:
            found, _, remedy = problem.partition(". ")
            yield Check("settings", Verdict.FAIL, found, remedy)
        return
    async with open_doctor(settings) as subject:
        async for check in examine(subject):
            yield check


def _show(check: Check, form: str, *, coloured: bool) -> None:
    if form == "json":
        click.echo(json.dumps(asdict(check)))
        return
    word, colour = _WORDS[check.verdict]
    shown = click.style(f"{word:8}", fg=colour) if coloured else f"{word:8}"
    click.echo(f"{shown} {check.name:14} {check.found}")
    if check.remedy:
        click.echo(f"{'':8} {'':14} → {check.remedy}")
