"""What ``lockgate release pr`` and ``lockgate release publish`` do and say."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.cli.names import repository_or_exit
from bot.core.model import RepoRef
from bot.core.phrases import listed
from bot.core.render.escape import plain
from bot.engine.publishing import Completed
from bot.engine.release_outcomes import Outcome, Renewed
from bot.engine.release_runs import NotReleasing, ReleaseRuns, Renewals
from bot.logs import configure_logging
from bot.ports import HubError, HubGone, StoreUnavailable
from bot.ports.release_ledger import ReleaseState
from bot.settings import Settings
from bot.wiring.bot import open_bot
from bot.wiring.store import AuditKeyError, EmbeddedError

T = TypeVar("T")

_NOTHING = 3
_SAID = {
    Outcome.OPENED: ("opened", "would be opened"),
    Outcome.RENEWED: ("renewed", "would be renewed"),
    Outcome.UNCHANGED: ("says what it should already", "says what it should already"),
    Outcome.HELD: ("is held", "would be held"),
    Outcome.PUT_OFF: (
        "stays closed, as somebody left it, until something new lands",
        "stays closed, as somebody left it, until something new lands",
    ),
    Outcome.CLOSED: ("closed: nothing is left to release", "would be closed"),
    Outcome.NOTHING: ("", ""),
}
"""Of a release pull request, by what became of it; and in a dry run."""


def run_pr(repository: str, *, dry: bool, as_json: bool) -> int:
    """The exit code."""

    async def renew(runs: ReleaseRuns, repo: RepoRef) -> Renewals:
        return await runs.renew(repo, dry=dry)

    site, found = _with_runs(repository, renew)
    pulls = found.pulls
    for pull in pulls:
        url = f"{site}/pull/{pull.pull.number}" if pull.pull else ""
        if as_json:
            click.echo(json.dumps(_pull_json(pull, url, dry=dry), ensure_ascii=False))
        else:
            click.echo("\n".join(_pull_lines(pull, url, dry=dry)))
    if found.merged:
        raise CommandError(
            f"{listed(found.merged, 12)} was merged and has no tag yet",
            f"`lockgate release publish {repository}` completes it; then plan anew",
            exit_code=1,
        )
    if any(pull.outcome is Outcome.HELD for pull in pulls):
        return 1
    nothing = (Outcome.NOTHING, Outcome.CLOSED)
    return _NOTHING if all(pull.outcome in nothing for pull in pulls) else 0


def run_publish(repository: str, *, dry: bool, as_json: bool) -> int:
    """The exit code."""

    async def publish(runs: ReleaseRuns, repo: RepoRef) -> Sequence[Completed]:
        return await runs.publish(repo, dry=dry)

    _, found = _with_runs(repository, publish)
    for one in found:
        if as_json:
            click.echo(json.dumps(_release_json(one, dry=dry), ensure_ascii=False))
        else:
            click.echo("\n".join(_release_lines(one, dry=dry)))
    if not found and not as_json:
        click.echo("No release pull request was merged that is not released.")
    return 1 if any(one.refused for one in found) else 0


def _with_runs(
    repository: str, act: Callable[[ReleaseRuns, RepoRef], Awaitable[T]]
) -> tuple[str, T]:
    """What ``act`` gives, with the address of the repository's page before it."""
    configure_logging(level="error", json=False)
    owner, name = repository_or_exit(repository)
    try:
        return asyncio.run(_run(settings_or_exit(), owner, name, act))
    except NotReleasing as error:
        raise CommandError(plain(str(error), 500), error.remedy, exit_code=1) from error
    except HubGone as error:
        raise CommandError(
            plain(str(error), 500),
            "check the name, and that the App is installed there; `lockgate doctor` checks it",
            exit_code=1,
        ) from error
    except HubError as error:
        raise CommandError(
            plain(str(error), 500), "run it again: what was begun is gone on with", exit_code=1
        ) from error
    except (EmbeddedError, StoreUnavailable, AuditKeyError) as error:
        raise CommandError(
            str(error), "`lockgate doctor` says what is wrong with the database", exit_code=1
        ) from error


async def _run(
    settings: Settings,
    owner: str,
    name: str,
    act: Callable[[ReleaseRuns, RepoRef], Awaitable[T]],
) -> tuple[str, T]:
    async with open_bot(settings) as bot:
        repo = await bot.engine.hub.fetch_repository(owner, name)
        releases = bot.engine.shipping.releases
        found = await act(ReleaseRuns(releases), repo)
        return f"{releases.lines.site}/{repo.full_name}", found


def _pull_json(pull: Renewed, url: str, *, dry: bool) -> dict[str, Any]:
    """The keys and their order are fixed: others read them."""
    return {
        "branch": pull.branch,
        "base": pull.base,
        "outcome": pull.outcome.value,
        "dry_run": dry,
        "pull": pull.pull.number if pull.pull else None,
        "url": url or None,
        "title": pull.title or None,
        "tags": list(pull.tags),
        "files": list(pull.files),
        "problems": list(pull.problems),
        "reason": " ".join(pull.reasons),
    }


def _pull_lines(pull: Renewed, url: str, *, dry: bool) -> list[str]:
    why = [f"  {plain(reason, 1_000)}" for reason in pull.reasons]
    if pull.outcome is Outcome.NOTHING:
        return ["Nothing to release", *why]
    number = f"#{pull.pull.number}" if pull.pull else f"A pull request into {plain(pull.base, 100)}"
    lines = [f"{number} {_SAID[pull.outcome][dry]}", *why]
    if pull.title:
        lines.append(f"  {plain(pull.title, 200)}")
    lines += [f"  in the way: {plain(problem, 1_000)}" for problem in pull.problems]
    lines += [f"  {plain(path, 300)}" for path in pull.files]
    return [*lines, f"  {url}"] if url else lines


def _release_json(one: Completed, *, dry: bool) -> dict[str, Any]:
    """The keys and their order are fixed: others read them."""
    made = one.made
    return {
        "tag": made.tag,
        "package": made.package,
        "version": made.version,
        "sha": made.sha,
        "pull": made.pull_number,
        "outcome": "refused" if one.refused else made.state.value,
        "dry_run": dry,
        "url": made.url or None,
        "reason": one.refused,
    }


def _release_lines(one: Completed, *, dry: bool) -> list[str]:
    made = one.made
    where = f"{plain(made.tag, 200)} on {made.sha[:7]}, merged as #{made.pull_number},"
    if one.refused:
        return [f"{where} is not released", f"  {plain(one.refused, 1_000)}"]
    url = [f"  {made.url}"] if made.url else []
    if made.state is ReleaseState.TOLD:
        return [f"{where} is released", *url]
    if made.state is ReleaseState.RELEASED:
        return [f"{where} is released; pull requests are told once it is no draft", *url]
    left = {
        ReleaseState.MERGED: "its tag, its release and a comment on each pull request in it",
        ReleaseState.TAGGED: "its release and a comment on each pull request in it",
    }[made.state]
    return [f"{where} would get {left}" if dry else f"{where} still wants {left}"]
