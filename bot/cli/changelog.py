"""``lockgate changelog``: what changed, in Markdown, from a local clone alone."""

import sys
from pathlib import Path

import click

from bot.cli.errors import CommandError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--repo", metavar="PATH", default=".", help="A clone. [default: the one around]")
@click.option(
    "--from",
    "base",
    metavar="TAG|SHA",
    help="All that was released since this, and what would be next.",
)
@click.option("--to", "head", metavar="REF", help="The end of it. [default: HEAD]")
@click.option("--package", metavar="NAME", help="Which of the policy's packages.")
@click.option("--all", "whole", is_flag=True, help="The whole file: a section for each release.")
@click.option(
    "--output",
    metavar="FILE",
    help="Write this file, in place of what is in it; standard output for -.",
)
def changelog(
    repo: str,
    base: str | None,
    head: str | None,
    package: str | None,
    whole: bool,
    output: str | None,
) -> None:
    """Write the changelog of the release that HEAD is, or else would be.

    The same history gives the same bytes: dates are those of tags and commits. With --from, and
    with --all, each release since then has a section, and what follows the last one stands under
    Unreleased. Where there is nothing to write, nothing is written, and standard error says why.

    \b
    Examples:
      lockgate changelog
      lockgate changelog --from v1.2.0 --to v1.4.0
      lockgate changelog --all --output CHANGELOG.md

    \b
    Exit codes:
      0  written, also where there is nothing to write
      2  the clone or its policy cannot be read, the file cannot be written, or usage
    """
    from bot.cli.history import LocalHistory, reading
    from bot.core.release.model import NothingToRelease
    from bot.core.render.escape import plain, visible

    if output == "":
        raise CommandError("--output names no file", "name one, or leave it out")
    if whole and base is not None:
        raise CommandError("--all begins at the first commit", "leave out --all or --from")
    with reading():
        history = LocalHistory(repo, base, head)
        one = history.package(package)
        text = history.whole_changelog(one) if whole else history.changelog(one)
    if isinstance(text, NothingToRelease):
        click.echo(plain(text.reason, 1_000), err=True)
        return
    if output is None or output == "-":
        sys.stdout.flush()
        click.echo(text.encode(), nl=False)
        return
    try:
        Path(output).write_bytes(text.encode())
    except OSError as error:
        raise CommandError(
            f"{visible(output)} cannot be written: {error.strerror}", "name a file that can be"
        ) from error
