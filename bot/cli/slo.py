"""``lockgate slo``: the files of service level objectives, and what follows from them."""

import json
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.errors import CommandError
from bot.cli.groups import Group
from bot.cli.slo_check import check, environment_option, format_option, path_argument, report
from bot.cli.slo_files import print_problems, read_files, valid_slos
from bot.core.render.escape import visible

if TYPE_CHECKING:  # reading the files takes long to import, and --help needs none of it
    from bot.core.slo.files import SloProblem
    from bot.core.slo.model import Slo


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def slo() -> None:
    """Check objectives and their error budgets, and make Prometheus' rules of them."""


@slo.command()
@format_option
@path_argument
def validate(format_: str, path: str) -> None:
    """Check OpenSLO files: a folder (default: slo) or one file.

    Everything that is wrong is told at once, with file, line and column, and an alert that could
    never fire is wrong too.

    \b
    Examples:
      lockgate slo validate
      lockgate slo validate slo/api-latency.yml --format json

    \b
    Exit codes:
      0  all is valid
      1  something is not
      2  it cannot be read, or usage
    """
    files = read_files(path)
    if format_ == "json":
        report = {
            "valid": not files.problems,
            "objectives": [one.name for one in files.slos],
            "problems": [_record(problem) for problem in files.problems],
        }
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        print_problems(files)
        if not files.problems:
            count = len(files.slos)
            click.echo(f"{count} objective{'' if count == 1 else 's'} in order")
    sys.exit(1 if files.problems else 0)


@slo.command(name="list")
@environment_option
@format_option
@path_argument
def list_(environment: str | None, format_: str, path: str) -> None:
    """List objectives, what may go wrong of each, and when its alerts fire.

    \b
    Examples:
      lockgate slo list --environment production

    \b
    Exit codes:
      0  listed
      2  a file cannot be read or is wrong, or usage
    """
    slos = valid_slos(path, environment)
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
@path_argument
def rules(dashboard: bool, path: str) -> None:
    """Print Prometheus' recording and alerting rules of the objectives.

    They are JSON, which is YAML too. What has no rules is named on standard error with the reason:
    objectives whose numbers do not come from Prometheus, and what is left of a calendar window.

    \b
    Examples:
      lockgate slo rules > slo-rules.yml
      lockgate slo rules --dashboard > error-budgets.json

    \b
    Exit codes:
      0  printed
      2  a file cannot be read or is wrong, no objective is suited, or usage
    """
    from bot.core.slo.rules import render_dashboard, render_rules, unsuited, without_budget

    slos = valid_slos(path, None)
    for one in slos:
        if reason := unsuited(one):
            click.echo(f"left out: {one.name}: {reason}", err=True)
        elif reason := without_budget(one):
            click.echo(f"without what is left of its budget: {one.name}: {reason}", err=True)
    suited = [one for one in slos if not unsuited(one)]
    if not suited:
        raise CommandError(
            "no objective has numbers that Prometheus could be asked for",
            "give one an indicator of a data source of the type prometheus",
        )
    click.echo(render_dashboard(suited) if dashboard else render_rules(suited), nl=False)


def _record(problem: "SloProblem") -> dict[str, object]:
    """The keys and their order are fixed: others read them."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


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
            f"  {pair.severity}: burning above {factor:.4g}× over {length_text(pair.long)} "
            f"and {length_text(pair.short)}"
        )
    return out


slo.add_command(check)
slo.add_command(report)
