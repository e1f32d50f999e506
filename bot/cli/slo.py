"""``lockgate slo``: the files of service level objectives, and what follows from them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.errors import CommandError
from bot.core.render.escape import visible

if TYPE_CHECKING:  # reading the files takes long to import, and --help needs none of it
    from bot.core.slo.files import SloProblem
    from bot.core.slo.model import Slo
    from bot.core.slo.openslo import SloFiles

_FOLDER = "slo"
_MOST = 8 * 1024 * 1024
"""Bytes read at most of one file: the parser refuses far shorter ones, and says so."""

_environment = click.option(
    "--environment", metavar="NAME", help="Only objectives for this environment."
)
_path = click.argument("path", default=_FOLDER)
_format = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the result.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def slo() -> None:
    """Check objectives and their error budgets, and make Prometheus' rules of them."""


@slo.command()
@_format
@_path
def validate(format_: str, path: str) -> None:
    """Check OpenSLO files: a folder (default: slo) or one file.

    Everything that is wrong is told at once, with file, line and column, and an alert that could
    never fire is wrong too.
    Exit status: 0 if all is valid, 1 if not, 2 if it cannot be read.

    \b
    Examples:
      lockgate slo validate
      lockgate slo validate slo/api-latency.yml --format json
    """
    files = _files(path)
    if format_ == "json":
        report = {
            "valid": not files.problems,
            "objectives": [one.name for one in files.slos],
            "problems": [_record(problem) for problem in files.problems],
        }
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print_problems(files)
        if not files.problems:
            count = len(files.slos)
            click.echo(f"{count} objective{'' if count == 1 else 's'} in order")
    sys.exit(1 if files.problems else 0)


@slo.command(name="list")
@_environment
@_format
@_path
def list_(environment: str | None, format_: str, path: str) -> None:
    """List objectives, what may go wrong of each, and when its alerts fire.

    Exit status: 0, or 2 if a file cannot be read or is wrong.

    \b
    Example:
      lockgate slo list --environment production
    """
    slos = _valid(path, environment)
    if format_ == "json":
        for one in slos:
            click.echo(json.dumps(_told(one), ensure_ascii=False))
        return
    for one in slos:
        click.echo("\n".join(_lines(one)) + "\n")
    if not slos:
        where = f" for {visible(environment)}" if environment else ""
        click.echo(f"no objectives{where}")


@slo.command()
@click.option("--dashboard", is_flag=True, help="Print a Grafana dashboard in place of the rules.")
@_path
def rules(dashboard: bool, path: str) -> None:
    """Print Prometheus' recording and alerting rules of the objectives.

    They are JSON, which is YAML too. Objectives whose numbers do not come from Prometheus are
    named on standard error and left out.
    Exit status: 0, or 2 if a file cannot be read or is wrong, or no objective is suited.

    \b
    Examples:
      lockgate slo rules > slo-rules.yml
      lockgate slo rules --dashboard > error-budgets.json
    """
    from bot.core.slo.rules import render_dashboard, render_rules, unsuited

    slos = _valid(path, None)
    for one in slos:
        if reason := unsuited(one):
            click.echo(f"left out: {one.name}: {reason}", err=True)
    suited = [one for one in slos if not unsuited(one)]
    if not suited:
        raise CommandError(
            "no objective has numbers that Prometheus could be asked for",
            "give one an indicator with `ratioMetric` of a prometheus data source",
        )
    click.echo(render_dashboard(suited) if dashboard else render_rules(suited), nl=False)


_samples = click.option(
    "--samples",
    metavar="FILE",
    required=True,
    help="What was counted, one JSON object a line; - is standard input.",
)
_at = click.option(
    "--at", metavar="TIME", help="How it stood then, such as 2026-12-01T12:00Z. Default: now."
)


@slo.command()
@_samples
@_at
@_environment
@_format
@_path
def check(samples: str, at: str | None, environment: str | None, format_: str, path: str) -> None:
    """Tell how each objective stands, from numbers in a file.

    A line of FILE is {"slo", "at", "good", "total"}: what was counted since the line before, or,
    for an indicator with `counter: true`, the counters as they stood. null is missing.
    Exit status: 0 all in budget, 1 some not, 2 it could not be checked, 4 some without data.

    \b
    Example:
      lockgate slo check --samples counted.jsonl --environment production --format json
    """
    from bot.cli.slo_numbers import exit_status, status_lines, told_of
    from bot.core.slo.model import record

    told = told_of(_valid(path, environment), samples, at)
    for one in told:
        if format_ == "json":
            click.echo(json.dumps(record(one.state), ensure_ascii=False))
        else:
            click.echo("\n".join(status_lines(one)) + "\n")
    if not told:
        click.echo("no objectives", err=True)
    sys.exit(exit_status(told))


@slo.command()
@_samples
@_at
@_environment
@click.option(
    "--format",
    "format_",
    type=click.Choice(["markdown", "html", "svg"]),
    default="markdown",
    show_default=True,
    help="A table, a page with charts, or one objective's chart.",
)
@click.option("--name", metavar="NAME", help="Of svg: the objective.")
@_path
def report(
    samples: str,
    at: str | None,
    environment: str | None,
    format_: str,
    name: str | None,
    path: str,
) -> None:
    """Write a report of all budgets, from numbers in a file as `check` reads it.

    \b
    Examples:
      lockgate slo report --samples counted.jsonl > budgets.md
      lockgate slo report --samples counted.jsonl --format html > budgets.html
      lockgate slo report --samples counted.jsonl --format svg --name api-latency > latency.svg
    """
    from bot.cli.slo_numbers import chart_of, told_of
    from bot.core.slo.report import render_html, render_markdown

    slos = _valid(path, environment)
    if format_ == "svg":
        slos = [one for one in slos if one.name == name]
        if not slos:
            raise CommandError(
                f"there is no objective {visible(name or '')}".rstrip(),
                "name one with --name: `lockgate slo list` has them all",
            )
    told = told_of(slos, samples, at)
    pairs = [(one.slo, one.state) for one in told]
    if format_ == "svg":
        click.echo(chart_of(told[0]), nl=False)
    elif format_ == "html":
        click.echo(render_html(pairs, {one.slo.name: chart_of(one) for one in told}), nl=False)
    else:
        click.echo(render_markdown(pairs), nl=False)


def _valid(path: str, environment: str | None) -> "list[Slo]":
    """Those for an environment, or all. Raises CommandError where anything is wrong."""
    files = _files(path)
    if files.problems:
        _print_problems(files, err=True)
        raise CommandError("the objectives are not in order", "mend what is told above")
    return [
        one
        for one in files.slos
        if environment is None or not one.environments or environment in one.environments
    ]


def _files(path: str) -> "SloFiles":
    from bot.core.slo.openslo import parse_slos

    place = Path(path)
    if place.is_dir():
        found = sorted(one for one in place.iterdir() if one.suffix in (".yml", ".yaml"))
    else:
        found = [place]
    if not found:
        raise CommandError(
            f"there is no .yml file in {visible(path)}", "name the folder of the objectives"
        )
    return parse_slos([(one.as_posix(), _read(one)) for one in found])


def _read(place: Path) -> str:
    name = visible(str(place))
    try:
        with place.open("rb") as stream:
            return stream.read(_MOST).decode("utf-8")
    except FileNotFoundError:
        raise CommandError(
            f"{name} is not there", "name a folder of objectives, or one of its files"
        ) from None
    except OSError as error:
        raise CommandError(
            f"{name} cannot be read: {error.strerror}", "name a readable file"
        ) from None
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{name} is not UTF-8 text: byte {error.start + 1} does not fit",
            "save the file as UTF-8",
        ) from None


def _record(problem: "SloProblem") -> dict[str, object]:
    """The keys and their order are fixed: others read them."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def _print_problems(files: "SloFiles", *, err: bool = False) -> None:
    for one in files.problems:
        out = [f"{visible(one.file)}:{one.line}:{one.column}: {visible(one.message)}"]
        if one.excerpt.strip():
            out.append(f"  {one.line} | {visible(one.excerpt)}")
        if one.suggestion:
            out.append(f"  did you mean: {visible(one.suggestion)}")
        click.echo("\n".join(out) + "\n", err=err)
    if count := len(files.problems):
        click.echo(f"{count} problem{'' if count == 1 else 's'}", err=err)


def _told(slo: "Slo") -> dict[str, object]:
    from bot.core.slo.burn import factor_of, pairs_of
    from bot.core.slo.model import length_text, window_text

    return {
        "name": slo.name,
        "title": slo.title,
        "service": slo.service,
        "objective": float(slo.objective),
        "window": window_text(slo.window),
        "method": slo.method.value,
        "environments": list(slo.environments),
        "minimum_events": slo.minimum_events,
        "alerts": [
            {
                "severity": pair.severity,
                "long": length_text(pair.long),
                "short": length_text(pair.short),
                "factor": float(factor_of(pair, slo.window.length)),
            }
            for pair in pairs_of(slo)
        ],
        "file": slo.path,
        "line": slo.line,
    }


def _lines(slo: "Slo") -> "list[str]":
    from bot.core.slo.burn import factor_of, pairs_of
    from bot.core.slo.model import Method, length_text, window_text

    what = "events" if slo.method is Method.OCCURRENCES else "time slices"
    rolls = "rolling" if slo.window.rolling else f"of the calendar in {slo.window.zone}"
    good, bad = (f"{float(part * 100):.6g} %" for part in (slo.objective, slo.budget))
    where = f" ({', '.join(slo.environments)})" if slo.environments else ""
    out = [
        f"{slo.name}{where}: {visible(slo.title)}",
        f"  {good} of {what} good over {window_text(slo.window)}, {rolls}; {bad} may fail",
    ]
    for pair in pairs_of(slo):
        factor = float(factor_of(pair, slo.window.length))
        out.append(
            f"  {pair.severity}: burning above {factor:.4g} times over {length_text(pair.long)} "
            f"and {length_text(pair.short)}"
        )
    return out
