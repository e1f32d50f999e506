"""``lockgate promote``, ``rollback``, ``status``, ``gates``, ``lock`` and ``unlock``: the commands
of a pull request's comments, typed from a terminal with one's own token."""

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.cli.following import End, Errand, JsonTeller, TextTeller
from bot.cli.names import repository_or_exit
from bot.cli.running import until_signalled
from bot.core.commands.command import MAX_REASON, read_count, read_named
from bot.core.commands.line import Typable
from bot.core.commands.requests import (
    GatesRequest,
    LockRequest,
    Named,
    PromoteRequest,
    RollbackRequest,
    RollbackTo,
    StatusRequest,
    StepsBack,
    UnlockRequest,
)
from bot.core.durations import parse_duration
from bot.core.render.plain import shown
from bot.logs import configure_logging
from bot.settings import Secret, Settings, is_token
from bot.wiring.github import open_remote

_SLUG = re.compile(r"[A-Za-z0-9-]{1,100}")
_TOKEN_BYTES = 10_000
_OF_AN_APP = "ghs_"
"""What GitHub's tokens of installations begin with; a workflow's own is one.
https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats"""
_EXITS = """\
\b
Exit codes:
  0  done
  1  refused, by the bot or by GitHub, or failed
  2  usage, or nothing is known to type it on
  3  no answer or no end in time, or what became of it is not known
"""


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            span = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not span:
            self.fail("must be longer than nothing", param, ctx)
        return span


@dataclass(frozen=True, slots=True)
class _How:
    """What all of them take."""

    repository: str
    pull: int
    app: str
    timeout: timedelta | None
    output: str
    token_file: str
    no_color: str | None


_Decorator = Callable[[Callable[..., None]], Callable[..., None]]
_NAME: _Decorator = click.argument("repository", metavar="OWNER/REPO")
_OPTIONS: tuple[_Decorator, ...] = (
    click.option("--environment", default="", metavar="NAME", help="Which environment."),
    click.option(
        "--pull",
        type=click.IntRange(min=1),
        default=None,
        metavar="N",
        help="The pull request to type it on. Without it the one that the trunk's newest commit, "
        "or the named one, was merged by.",
    ),
    click.option(
        "--timeout",
        type=_Duration(),
        metavar="DURATION",
        help="How long to follow it, e.g. 90s or 10m. Without it as long as it may take.",
    ),
    click.option(
        "--format",
        "output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Text for people, or one JSON object a line; the last one is the summary.",
    ),
    click.option(
        "--token-file",
        default="",
        metavar="FILE|-",
        help="A file with your token, or - for standard input, in place of GITHUB_TOKEN.",
    ),
    click.option(
        "--app",
        default="",
        metavar="SLUG",
        help="The App that answers, as in github.com/apps/SLUG. Without it the one that has "
        "checked the pull request.",
    ),
    click.option("--no-color", envvar="NO_COLOR", hidden=True, help="Any text: no colour."),
)


_PLAN: _Decorator = click.option(
    "--plan",
    default="",
    metavar="DIGEST",
    help="Only if the plan is still the one that a dry run showed.",
)


def _typed(*own: _Decorator) -> Callable[[Callable[..., Typable]], click.Command]:
    """A subcommand of what turns its ``own`` arguments and the environment into a request."""

    def decorate(command: Callable[..., Typable]) -> click.Command:
        @wraps(command)
        def run(
            repository: str,
            pull: int | None,
            timeout: timedelta | None,
            output: str,
            token_file: str,
            app: str,
            no_color: str | None,
            **words: Any,
        ) -> None:
            how = _How(repository, pull or 0, app, timeout, output, token_file, no_color)
            _run(command(**words), how)

        decorated: Callable[..., None] = run
        for option in reversed((_NAME, *own, *_OPTIONS)):
            decorated = option(decorated)
        return click.command(epilog=_EXITS)(decorated)

    return decorate


@_typed(
    click.argument("target", metavar="[SHA|TAG]", default=""),
    click.option("--dry-run", is_flag=True, help="Only show what would be done."),
    click.option("--when-ready", is_flag=True, help="Wait for gates that may yet pass."),
    _PLAN,
)
def promote(target: str, environment: str, dry_run: bool, when_ready: bool, plan: str) -> Typable:
    """Put a build live, once every gate of the environment passes.

    Types `/promote` on a pull request of OWNER/REPO for you and follows it to its end. Without a
    target it is the commit that the pull request was merged as.

    \b
    Examples:
      lockgate promote octo/shop
      lockgate promote octo/shop v1.5.0 --environment staging --dry-run
      lockgate promote octo/shop 3f2c1aa --when-ready --timeout 2h
    """
    return PromoteRequest(environment, _read_named(target), dry_run, when_ready, plan)


@_typed(
    click.argument("target", metavar="[TAG|SHA|COUNT]", default=""),
    click.option("--dry-run", is_flag=True, help="Only show what would be done."),
    _PLAN,
)
def rollback(target: str, environment: str, dry_run: bool, plan: str) -> Typable:
    """Put a build back that was live before and was seen to work.

    Types `/rollback` on a pull request of OWNER/REPO for you and follows it to its end. Without a
    target it is the good build before what is live; COUNT is how many builds to go back.

    \b
    Examples:
      lockgate rollback octo/shop
      lockgate rollback octo/shop v1.4.0
      lockgate rollback octo/shop 2 --environment staging --dry-run
    """
    return RollbackRequest(environment, _read_rollback(target), dry_run, plan)


@_typed()
def status(environment: str) -> Typable:
    """Tell what is live where, since when and by whom, and what is locked.

    Types `/status` on a pull request of OWNER/REPO for you and shows the answer.

    \b
    Examples:
      lockgate status octo/shop
      lockgate status octo/shop --environment staging
    """
    return StatusRequest(environment)


@_typed()
def gates(environment: str) -> Typable:
    """Ask every gate now whether a pull request could be promoted.

    Types `/gates` on a pull request of OWNER/REPO for you and shows the answer.

    \b
    Examples:
      lockgate gates octo/shop
      lockgate gates octo/shop --pull 12 --environment staging
    """
    return GatesRequest(environment)


@_typed(
    click.option(
        "--reason", required=True, metavar="TEXT", help="Why: it is shown to whoever is held by it."
    )
)
def lock(environment: str, reason: str) -> Typable:
    """Hold every promotion to an environment until it is unlocked.

    Types `/lock` on a pull request of OWNER/REPO for you. A rollback still works.

    \b
    Examples:
      lockgate lock octo/shop --reason "checking a slow query"
      lockgate lock octo/shop --environment staging --reason "load test"
    """
    if not reason.strip():
        raise CommandError("the reason is empty", "it is shown to whoever is held by the lock")
    if len(reason) > MAX_REASON:
        raise CommandError(
            f"the reason has {len(reason)} characters, {MAX_REASON} are allowed", "shorten it"
        )
    return LockRequest(environment, reason)


@_typed()
def unlock(environment: str) -> Typable:
    """Take an environment's lock away, whoever set it.

    Types `/unlock` on a pull request of OWNER/REPO for you.

    \b
    Examples:
      lockgate unlock octo/shop
      lockgate unlock octo/shop --environment staging
    """
    return UnlockRequest(environment)


def _read_named(word: str) -> Named | None:
    named = read_named(word) if word else None
    if word and named is None:
        raise CommandError(
            f"“{shown(word)}” is no tag and no commit's id of 7 to 40 hexadecimal digits",
            "name the build by one of the two, or leave it out",
        )
    return named


def _read_rollback(word: str) -> RollbackTo | None:
    count = read_count(word)
    return _read_named(word) if count is None else StepsBack(count)


def _run(request: Typable, how: _How) -> None:
    configure_logging(level="error", json=False)
    teller = JsonTeller() if how.output == "json" else TextTeller(plain=bool(how.no_color))
    errand = Errand(
        *repository_or_exit(how.repository),
        request,
        teller,
        number=how.pull,
        slug=_slug(how.app),
        within=how.timeout,
    )
    settings = settings_or_exit(app_needed=False)
    token = _token(settings, how.token_file)
    errand.as_app = token.reveal().startswith(_OF_AN_APP)
    try:
        asyncio.run(until_signalled(_errand(errand, settings, token)))
    except CommandError as error:
        if how.output == "json":
            errand.end(End(error.exit_code, (error.message,)))
        raise
    if errand.ended is None:
        errand.end(errand.stopped())
    sys.exit(errand.ended.exit_code if errand.ended else 0)


async def _errand(errand: Errand, settings: Settings, token: Secret) -> None:
    async with open_remote(settings, token) as remote:
        await errand.run(remote)


def _slug(text: str) -> str:
    slug = text.removesuffix("[bot]")
    if slug and not _SLUG.fullmatch(slug):
        raise CommandError(
            f"“{shown(text)}” is no App's slug", "it is the last part of github.com/apps/SLUG"
        )
    return slug


def _token(settings: Settings, file: str) -> Secret:
    token = settings.github_token
    if file:
        text = _read(file)
        if not is_token(text):
            raise CommandError("the token file holds what no token holds", "copy it whole")
        token = Secret(text)
    if not token:
        raise CommandError(
            "there is no token to type with",
            "set GITHUB_TOKEN to one of your own, or name a --token-file",
        )
    return token


def _read(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.buffer.read(_TOKEN_BYTES).decode("ascii").strip()
        with Path(file).open("rb") as stream:
            return stream.read(_TOKEN_BYTES).decode("ascii").strip()
    except OSError as error:
        raise CommandError(
            f"the token file cannot be read: {error.strerror}", "name a readable file"
        ) from None
    except UnicodeDecodeError:
        return ""
