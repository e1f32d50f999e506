"""``lockgate explain``: what the bot would do on a pull request now, and why, without doing it."""

import asyncio
import json
import re
from datetime import UTC, datetime

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.core.decision import Verdict
from bot.core.model import PullRef
from bot.core.render.explain import render_explanation
from bot.core.render.json import to_json
from bot.engine.links import Links
from bot.engine.review import Review, review_pull_request
from bot.logs import configure_logging
from bot.ports import HubError
from bot.settings import Settings
from bot.wiring.github import open_hub

_PULL = re.compile(r"(?P<owner>[A-Za-z0-9._-]+)/(?P<name>[A-Za-z0-9._-]+)#(?P<number>\d{1,9})")


@click.command()
@click.argument("pull", metavar="OWNER/REPO#N")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people, or one JSON object.",
)
def explain(pull: str, output: str) -> None:
    """Say what the bot would do on a pull request now, and why, without doing it.

    \b
    Examples:
      lockgate explain octo/shop#12
      lockgate explain --format json octo/shop#12

    \b
    Exit codes:
      0  nothing holds the pull request
      1  a gate holds it
      2  usage or configuration
      3  the pull request could not be read
    """
    configure_logging(level="error", json=False)
    match = _PULL.fullmatch(pull)
    if match is None:
        raise CommandError(
            f"“{pull}” names no pull request", "write it as OWNER/REPO#N, e.g. octo/shop#12"
        )
    review = asyncio.run(
        _review(settings_or_exit(), match["owner"], match["name"], int(match["number"]))
    )
    decision = review.decided.decision
    writes = [effect.kind.replace("_", " ") for effect in review.effects]
    if output == "json":
        answer = {"pull": str(review.pull.ref), "decision": to_json(decision), "writes": writes}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        click.echo(render_explanation(decision, review.pull, writes))
    raise SystemExit(0 if decision.verdict in (Verdict.PASS, Verdict.SKIP) else 1)


async def _review(settings: Settings, owner: str, name: str, number: int) -> Review:
    async with open_hub(settings) as hub:
        try:
            repo = await hub.fetch_repository(owner, name)
            snapshot = await hub.fetch_pull_request(PullRef(repo, number))
        except HubError as error:
            raise CommandError(
                str(error),
                "check the name, and that the App is installed there; `lockgate doctor` checks it",
                exit_code=3,
            ) from error
    details_url = Links(settings.public_url).pull(snapshot.pull.ref)
    return review_pull_request(snapshot, details_url=details_url, now=datetime.now(UTC))
