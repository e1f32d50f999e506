"""``lockgate demo``: the whole product on this machine, with no account."""

import asyncio
import json
import shutil
import sys
import textwrap
import time
from typing import Any

import click

from bot.cli.errors import CommandError
from bot.cli.running import until_signalled
from bot.demo.stage import Stage, open_stage
from bot.demo.story import play
from bot.demo.watching import Told
from bot.logs import configure_logging
from bot.wiring.store import EmbeddedError

_NAME = 48
"""Characters for a step's name."""
_INDENT = " " * 4
_PORT = click.IntRange(0, 65_535)


@click.command()
@click.option("--once", is_flag=True, help="End after the story.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each step.")
@click.option("--port", type=_PORT, default=8000, show_default=True, help="The bot's port.")
@click.option(
    "--sandbox-port",
    type=_PORT,
    default=8001,
    show_default=True,
    help="The sandbox GitHub's port.",
)
@click.option("--no-color", envvar="NO_COLOR", hidden=True, help="Any text: no colour.")
def demo(once: bool, as_json: bool, port: int, sandbox_port: int, no_color: str | None) -> None:
    """Play the whole story on this machine, with no account.

    Starts a PostgreSQL, sandboxes of GitHub and Vercel and the bot, all on loopback, plays a pull
    request's way to production and back, and stays up so that you can go on by hand. A taken port
    gives way to a free one. Nothing is kept.

    \b
    Examples:
      lockgate demo
      lockgate demo --once --json

    \b
    Exit codes:
      0  every step came true
      1  a step did not, or the stage could not be set
      2  usage
    """
    if shutil.which("git") is None:
        raise CommandError(
            "git is not installed, and the sandbox GitHub's repositories are real ones",
            "install git (`apt-get install git`, `brew install git`) and try again",
            exit_code=1,
        )
    configure_logging(level="error", json=False)
    try:
        teller = _JsonTeller() if as_json else _TextTeller(coloured=not no_color)
        ok = asyncio.run(_demo(teller, once=once, port=port, sandbox_port=sandbox_port))
    except EmbeddedError as error:
        raise CommandError(
            f"the embedded PostgreSQL cannot be started: {error}",
            "mend that; docs/how-to/troubleshoot.md has the usual causes",
            exit_code=1,
        ) from error
    raise SystemExit(0 if ok else 1)


async def _demo(
    teller: "_TextTeller | _JsonTeller", *, once: bool, port: int, sandbox_port: int
) -> bool:
    started = time.perf_counter()
    async with open_stage(port=port, sandbox_port=sandbox_port) as stage:
        setting = Told(
            "the stage is set",
            True,
            time.perf_counter() - started,
            f"{stage.database}, sandboxes of GitHub and Vercel, and the bot are up",
        )
        steps = [setting]
        teller.step(setting)
        async for told in play(stage):
            steps.append(told)
            teller.step(told)
        ok = all(step.ok for step in steps)
        teller.end(ok, steps, time.perf_counter() - started)
        if not once:
            teller.stay(stage)
            await until_signalled(_forever())
    return ok


async def _forever() -> None:
    await asyncio.Event().wait()


def told_lines(told: Told, width: int = 0) -> tuple[str, list[str]]:
    """A step as it is told after its mark: its line, and the evidence beneath it, wrapped for a
    terminal of ``width`` characters. Without one all is the line; where a line is too narrow for
    the time, that stands beneath."""
    line = f"{told.name:<{_NAME}} {told.seconds:7.3f} s"
    evidence = told.evidence.replace("**", "")
    if not width:
        return f"{line}  {evidence}", []
    if width <= len(f"FAILED  {line}"):
        line, evidence = told.name, f"{told.seconds:.3f} s  {evidence}"
    return line, textwrap.wrap(
        evidence,
        max(width - 1, 40),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


class _TextTeller:
    def __init__(self, *, coloured: bool) -> None:
        on_terminal = sys.stdout.isatty()
        self._coloured = coloured and on_terminal
        self._width = shutil.get_terminal_size().columns if on_terminal else 0

    def step(self, told: Told) -> None:
        line, beneath = told_lines(told, self._width)
        mark = ("ok", "green") if told.ok else ("FAILED", "red")
        click.echo(f"{self._styled(mark[0], fg=mark[1])}  {line}")
        for each in beneath:
            click.echo(self._styled(each, dim=True))

    def _styled(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._coloured else text

    def end(self, ok: bool, steps: list[Told], seconds: float) -> None:
        true = sum(step.ok for step in steps)
        outcome = "The whole story came true" if ok else "The story did not come true"
        click.echo(f"\n{outcome}: {true} of {len(steps)} steps in {seconds:.1f} s.")

    def stay(self, stage: Stage) -> None:
        click.echo(
            f"\nDashboard        {stage.dashboard}/\n"
            f"Sandbox GitHub   {stage.sandbox_page}/\n"
            f"Sandbox Vercel   {stage.vercel_page}/\n\n"
            "Open the sandbox's page to open a pull request, edit its title, push commits and\n"
            "write comments such as /promote, and watch the bot answer. What to try first is\n"
            "in docs/tutorial/first-verdict.md. Ctrl-C ends it."
        )


class _JsonTeller:
    def step(self, told: Told) -> None:
        self._say(
            name=told.name, ok=told.ok, seconds=round(told.seconds, 4), evidence=told.evidence
        )

    def end(self, ok: bool, steps: list[Told], seconds: float) -> None:
        self._say(
            name="summary",
            ok=ok,
            seconds=round(seconds, 4),
            evidence=f"{sum(step.ok for step in steps)} of {len(steps)} steps came true",
        )

    def stay(self, stage: Stage) -> None:
        """Nothing: the summary is the last line."""

    def _say(self, **fields: object) -> None:
        click.echo(json.dumps(fields, ensure_ascii=False))
