"""``lockgate release``: what the next release would be, told from a local clone; and by hand what
the bot does about releases."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from bot.cli.groups import Group

if TYPE_CHECKING:  # --help needs none of it
    from bot.core.release.config import ReleaseConfig
    from bot.core.release.model import Change, NothingToRelease, ReleasePlan

_NOTHING = 3
_SHOWN = 30
"""Rows of a table. JSON has them all."""
_DESCRIPTION = 72
_NAME = 16
"""Characters of a type, a scope or a package in a table."""


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def release() -> None:
    """Plan releases from Conventional Commits, and make them."""


@release.command()
@click.option("--repo", metavar="PATH", default=".", help="A clone. [default: the one around]")
@click.option(
    "--from",
    "base",
    metavar="TAG|SHA",
    help="Plan as if this were the last release. [default: the last release's tag]",
)
@click.option("--to", "head", metavar="REF", help="What is to be released. [default: HEAD]")
@click.option("--package", metavar="NAME", help="This one of the policy's packages alone.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line, one line a package.",
)
@click.option("--no-color", envvar="NO_COLOR", hidden=True, help="Any text: no colour.")
def plan(
    repo: str,
    base: str | None,
    head: str | None,
    package: str | None,
    format_: str,
    no_color: str | None,
) -> None:
    """Say which version comes next, why, and what it changes.

    The clone alone is read: its tags, its commits since the last release, and the section
    `release` of .github/lockgate.yml, from the files, or with --to from REF if it is there. Without
    that section the defaults hold.

    \b
    Examples:
      lockgate release plan
      lockgate release plan --repo ../shop --format json
      lockgate release plan --from v1.4.0 --to main

    \b
    Exit codes:
      0  there is something to release
      2  the clone or its policy cannot be read, or usage
      3  there is nothing to release
    """
    from bot.cli.history import LocalHistory, reading

    with reading():
        history = LocalHistory(repo, base, head)
        packages = history.config.packages if package is None else [history.package(package)]
        plans = list(history.plan(packages).values())
    if format_ == "json":
        import json

        for one in plans:
            click.echo(json.dumps(_as_json(one, history.config)))
    else:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        # What click would take away again where it is no terminal, or not wanted.
        colour = False if no_color else None
        click.echo("\n\n".join("\n".join(_as_text(one)) for one in plans), color=colour)
    sys.exit(0 if any(_following(one) for one in plans) else _NOTHING)


@release.command()
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line, one line a pull request.",
)
def pr(repository: str, dry_run: bool, format_: str) -> None:
    """Open or renew the release pull request now, as the bot does by itself.

    It is for when no worker runs, or nobody wants to wait for one. The server's environment is
    needed: the App's credentials and the database. A worker that runs meanwhile does no harm.

    \b
    Examples:
      lockgate release pr octo/shop
      lockgate release pr octo/shop --dry-run
      lockgate release pr octo/shop --format json

    \b
    Exit codes:
      0  it says what would be released next, or somebody closed it for now
      1  something is in the way, or GitHub or the database refused
      2  usage or configuration
      3  there is nothing to release
    """
    from bot.cli.release_runs import run_pr

    sys.exit(run_pr(repository, dry=dry_run, as_json=format_ == "json"))


@release.command()
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line, one line a release.",
)
def publish(repository: str, dry_run: bool, format_: str) -> None:
    """Complete what was merged to be released: tag, release, and a word to whoever is in it.

    The bot does so by itself when a release pull request is merged. What it was kept from, by a
    ruleset say, this does at once. The server's environment is needed: the App's credentials and
    the database. What is released already stays as it is.

    \b
    Examples:
      lockgate release publish octo/shop
      lockgate release publish octo/shop --dry-run
      lockgate release publish octo/shop --format json

    \b
    Exit codes:
      0  all that was merged is released, also where nothing was left to do
      1  something could not be released, or GitHub or the database refused
      2  usage or configuration
    """
    from bot.cli.release_runs import run_publish

    sys.exit(run_publish(repository, dry=dry_run, as_json=format_ == "json"))


def _following(plan: "ReleasePlan | NothingToRelease") -> "ReleasePlan | None":
    from bot.core.release.model import ReleasePlan

    return plan if isinstance(plan, ReleasePlan) else None


def _as_json(plan: "ReleasePlan | NothingToRelease", config: "ReleaseConfig") -> dict[str, Any]:
    """The keys and their order are fixed: others read them."""
    from bot.core.release.counts import count_commits

    counts = count_commits(config, plan)
    following = _following(plan)
    return {
        "package": plan.package,
        "current": str(plan.current) if plan.current else None,
        "next": str(following.next) if following else None,
        "bump": following.bump.value if following else "none",
        "reason": plan.reason,
        "commits": [
            {
                "sha": change.sha,
                "type": change.type or None,
                "scope": change.scope or None,
                "breaking": bool(change.breaking),
                "description": change.description,
                "pr": change.pull,
                "reverted_by": change.reverted_by,
            }
            for change in plan.changes
        ],
        "changelog": following.changelog if following else "",
        "counts": {
            "commits": counts.commits,
            "released": counts.released,
            "hidden": counts.hidden,
            "reverted": counts.reverted,
            "not_conventional": counts.not_conventional,
        },
    }


def _as_text(plan: "ReleasePlan | NothingToRelease") -> list[str]:
    from bot.core.render.escape import plain

    following = _following(plan)
    if following is None:
        title = click.style("Nothing to release", bold=True)
        after = f" after {plan.current}" if plan.current else ""
    else:
        title = click.style(following.tag, bold=True, fg="green")
        kind = (
            f"a {following.bump.value} release" if following.bump.value != "none" else "a release"
        )
        after = (
            f", {kind} after {following.current_tag}"
            if following.current
            else ", the first release"
        )
    package = f" of {plan.package}" if plan.package and following is None else ""
    lines = [f"{title}{package}{after}", plain(plan.reason, 1_000)]
    return [*lines, "", *_table(plan.changes)] if plan.changes else lines


def _table(changes: Sequence["Change"]) -> list[str]:
    from bot.core.render.escape import plain

    shown = changes[:_SHOWN]
    types = [plain(change.type, _NAME) or "–" for change in shown]
    scopes = [plain(change.scope, _NAME) for change in shown]
    type_width, scope_width = max(map(len, types)), max(map(len, scopes))
    lines = []
    for change, type_, scope in zip(shown, types, scopes, strict=True):
        text = f"{type_:<{type_width}}  "
        text += f"{scope:<{scope_width}}  " if scope_width else ""
        text += plain(change.description, _DESCRIPTION)
        text += f" (#{change.pull})" if change.pull is not None else ""
        if change.reverted_by:
            text = click.style(f"{text}, reverted by {change.reverted_by[:7]}", dim=True)
        elif not change.counts:
            text = click.style(f"{text}, counts for nothing", dim=True)
        elif change.breaking:
            text = click.style(f"{text}, breaking", fg="red")
        lines.append(f"  {click.style(change.sha[:7], fg='yellow')}  {text}")
    if more := len(changes) - len(shown):
        lines.append(f"  … and {more:,} more, which --format json tells.")
    return lines
