"""``lockgate policy``: check a policy file before it is pushed, or print its JSON Schema."""

import json

import click

from bot.cli.groups import Group
from bot.cli.text_files import read_text
from bot.core.policy import (
    DEFAULT_POLICY,
    POLICY_PATH,
    PolicyProblem,
    PolicyProblems,
    parse_policy,
    policy_schema,
)
from bot.core.render.escape import visible

_MOST = 2 * 1024 * 1024
"""Bytes: the parser refuses far shorter files, and says so with the place."""
_ABSENT = "name the file, or create it: without one the built-in defaults hold"


@click.group(cls=Group)
def policy() -> None:
    """Check a policy file, or print its JSON Schema."""


@policy.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the result.",
)
@click.argument("file", default=POLICY_PATH, metavar="[FILE|-]")
def check(format_: str, file: str) -> None:
    """Check a policy file (default: .github/lockgate.yml; - is standard input).

    \b
    With --format json one object is printed:
      {"file", "valid", "empty", "problems":
        [{"path", "line", "column", "message", "suggestion"}]}

    \b
    Examples:
      lockgate policy check
      lockgate policy check --format json - < lockgate.yml

    \b
    Exit codes:
      0  it is valid
      1  it is not
      2  it cannot be read, or usage
    """
    name = "standard input" if file == "-" else file
    result = parse_policy(read_text(file, _MOST, absent=_ABSENT))
    problems = result.problems if isinstance(result, PolicyProblems) else ()
    empty = result is DEFAULT_POLICY
    if format_ == "json":
        _print_json(name, problems, empty=empty)
    else:
        _print_text(name, problems, empty=empty)
    if problems:
        raise click.exceptions.Exit(1)


@policy.command()
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of the policy file, for editors.

    \b
    Examples:
      lockgate policy schema > lockgate.schema.json

    \b
    Exit codes:
      0  printed
      2  usage
    """
    click.echo(json.dumps(policy_schema(), indent=2, ensure_ascii=False))


def _print_json(name: str, problems: tuple[PolicyProblem, ...], *, empty: bool) -> None:
    report = {
        "file": name,
        "valid": not problems,
        "empty": empty,
        "problems": [
            {
                "path": problem.path,
                "line": problem.line,
                "column": problem.column,
                "message": problem.message,
                "suggestion": problem.suggestion,
            }
            for problem in problems
        ],
    }
    click.echo(json.dumps(report, ensure_ascii=False))


def _print_text(name: str, problems: tuple[PolicyProblem, ...], *, empty: bool) -> None:
    for problem in problems:
        click.echo(f"{name}:{problem.line}:{problem.column}: {visible(problem.message)}")
        if problem.excerpt:
            number = f"{problem.line}"
            click.echo(f"  {number} | {_one_to_one(problem.excerpt)}")
            if problem.column <= len(problem.excerpt) + 1:
                click.echo(f"  {' ' * len(number)} | {' ' * (problem.column - 1)}^")
        if problem.suggestion:
            click.echo(f"  did you mean: {visible(problem.suggestion)}")
        click.echo()
    if problems:
        count = len(problems)
        click.echo(f"{name} has {count} problem{'s' if count > 1 else ''}.")
    elif empty:
        click.echo(f"{name} is empty, so the built-in defaults hold.")
    else:
        click.echo(f"{name} is valid.")


def _one_to_one(line: str) -> str:
    """The line as wide as it is, so that the caret meets its column."""
    return "".join(char if len(visible(f"x{char}x")) == 3 else "·" for char in line)
