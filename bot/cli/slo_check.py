"""``lockgate slo check`` and ``report``: how objectives stand, by numbers of their sources or of a
file."""

import json
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.errors import CommandError
from bot.cli.slo_files import FOLDER, valid_slos
from bot.core.render.escape import visible

if TYPE_CHECKING:  # these take long to import, and --help needs none of them
    from collections.abc import Callable

    from bot.cli.slo_telling import Told
    from bot.core.slo.model import Slo

environment_option = click.option(
    "--environment", metavar="NAME", help="Only objectives for this environment."
)
path_argument = click.argument("path", default=FOLDER)
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the result.",
)
_samples = click.option(
    "--samples",
    metavar="FILE",
    help="What was counted, one JSON object a line, in place of asking; - is standard input.",
)
_at = click.option(
    "--at", metavar="TIME", help="How it stood then, such as 2026-12-01T12:00Z. Default: now."
)
_repository = click.option(
    "--repository",
    metavar="OWNER/REPO",
    help="Whose objectives they are. Default: that of this clone's origin.",
)


@click.command()
@environment_option
@click.option(
    "--phase",
    type=click.Choice(["pre", "post"]),
    help="Judge as before a promotion (enough budget is left), or as after one (it does not burn).",
)
@_repository
@_samples
@_at
@format_option
@path_argument
def check(
    environment: str | None,
    phase: str | None,
    repository: str | None,
    samples: str | None,
    at: str | None,
    format_: str,
    path: str,
) -> None:
    """Tell how each objective stands, as its source says, or numbers in a file.

    Sources are asked as the server would: with its environment, and for one repository. With an
    environment, its policy in .github/lockgate.yml says whether no data is in order, and for a
    phase which objectives are required, and how much of a budget must be left.
    A line of a FILE is {"slo", "at", "good", "total"}: what was counted since the line before, or,
    for an indicator with `counter: true`, the counters as they stood. null is missing.

    \b
    Examples:
      lockgate slo check --environment production --phase pre
      lockgate slo check --samples counted.jsonl --format json

    \b
    Exit codes:
      0  all are in order
      1  some are not
      2  it could not be checked, or usage
      4  some are not known: no data, or an error
    """
    from bot.cli.slo_telling import exit_status, policy_of, required, status_lines
    from bot.core.slo.model import record
    from bot.core.slo.phases import Phase

    judged = Phase(phase) if phase else Phase.ANY
    policy = policy_of(environment)
    slos = valid_slos(path, environment)
    if phase:
        slos = required(slos, policy)

    def tell(one: "Told") -> None:
        if format_ == "json":
            click.echo(json.dumps(record(one.state), ensure_ascii=False))
        else:
            click.echo("\n".join(status_lines(one, judged, policy)) + "\n")

    told = _tell(slos, repository, samples, at, tell)
    if not told:
        click.echo("no objectives", err=True)
    sys.exit(exit_status(told, judged, policy))


@click.command()
@environment_option
@_repository
@_samples
@_at
@click.option(
    "--format",
    "format_",
    type=click.Choice(["markdown", "html", "svg", "badge"]),
    default="markdown",
    show_default=True,
    help="A table, a page with charts, or one objective's chart or badge.",
)
@click.option("--name", metavar="NAME", help="Of svg and badge: the objective.")
@path_argument
def report(
    environment: str | None,
    repository: str | None,
    samples: str | None,
    at: str | None,
    format_: str,
    name: str | None,
    path: str,
) -> None:
    """Write a report of all budgets, by numbers from where `check` has them.

    \b
    Examples:
      lockgate slo report > budgets.md
      lockgate slo report --environment production --format html > budgets.html
      lockgate slo report --samples counted.jsonl --format svg --name api-latency > latency.svg
      lockgate slo report --format badge --name api-latency > badge.svg

    \b
    Exit codes:
      0  written
      2  something cannot be read or is wrong, or usage
    """
    from bot.cli.slo_telling import chart_of
    from bot.core.slo.chart import render_badge
    from bot.core.slo.report import render_html, render_markdown

    slos = valid_slos(path, environment)
    if format_ in ("svg", "badge"):
        slos = [one for one in slos if one.name == name]
        if not slos:
            raise CommandError(
                f"there is no objective {visible(name or '')}".rstrip(),
                "name one with --name: `lockgate slo list` has them all",
            )
    told = _tell(slos, repository, samples, at, drawn=format_ in ("html", "svg"))
    pairs = [(one.slo, one.state) for one in told]
    if format_ == "svg":
        click.echo(chart_of(told[0]), nl=False)
    elif format_ == "badge":
        click.echo(render_badge(told[0].state, told[0].slo.title), nl=False)
    elif format_ == "html":
        click.echo(render_html(pairs, {one.slo.name: chart_of(one) for one in told}), nl=False)
    else:
        click.echo(render_markdown(pairs), nl=False)


def _tell(
    slos: "list[Slo]",
    repository: str | None,
    samples: str | None,
    at: str | None,
    tell: "Callable[[Told], None]" = lambda one: None,
    *,
    drawn: bool = False,
) -> "list[Told]":
    """All of them, each told as soon as it is known."""
    from bot.cli.slo_telling import moment_of

    now = moment_of(at)
    told: list[Told] = []

    def each(one: "Told") -> None:
        told.append(one)
        tell(one)

    if samples is not None:
        from bot.cli.slo_numbers import told_of

        for one in told_of(slos, samples, now, past=at is not None):
            each(one)
    elif slos:
        from bot.cli.slo_live import tell_live

        tell_live(slos, repository, now, each, drawn=drawn)
    return told
