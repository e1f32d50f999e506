"""How the terminal types a command for somebody and follows it: the waiting and the telling."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from typing import Protocol

import click

from bot.cli.errors import CommandError
from bot.core.commands.command import Misuse
from bot.core.commands.following import (
    BotApp,
    Ended,
    News,
    Noticed,
    Stepped,
    StepState,
    TakenBack,
    Told,
    UnderWay,
    decide_news,
    next_wait,
)
from bot.core.commands.line import Typable, plan_line
from bot.core.commands.requests import Named, PromoteRequest
from bot.core.phrases import say_duration
from bot.core.render.plain import shown
from bot.engine.remote import FOLLOWED_BACK, NowhereToType, Remote, hears_bots, patience
from bot.ports import HubError, HubGone, HubUnavailable
from bot.ports.operations import PullFacts
from bot.ports.person import Posted

_DONE, _REFUSED, _USAGE, _UNKNOWN = 0, 1, 2, 3
"""Exit codes."""
_OUTCOMES = {_DONE: "done", _REFUSED: "refused", _USAGE: "usage", _UNKNOWN: "unknown"}
_STEPS = {
    StepState.DONE: ("✅", "green"),
    StepState.FAILED: ("❌", "red"),
    StepState.WAITING: ("⏳", "yellow"),
    StepState.UNKNOWN: ("⚠️", "yellow"),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that stands in a comment now."""

    line: str
    pull: PullFacts
    posted: Posted
    app: BotApp

    @property
    def goes_on(self) -> str:
        return f"it goes on all the same, and {shown(self.posted.url)} shows how"


@dataclass(frozen=True, slots=True)
class End:
    """``exit_code`` is one of those above; ``lines`` begin with a sentence that says all."""

    exit_code: int
    lines: tuple[str, ...]


class Teller(Protocol):
    def typed(self, typed: Typed) -> None: ...

    def news(self, news: News, app: BotApp) -> None: ...

    def end(self, end: End, typed: Typed | None, seconds: float) -> None: ...


@dataclass(slots=True)
class Errand:
    """One command from the arguments to its end. ``number`` is the pull request's, 0 for the one
    that the trunk's newest commit, or the named one, came by; ``as_app`` says that the token is no
    person's."""

    owner: str
    name: str
    request: Typable
    teller: Teller
    number: int = 0
    slug: str = ""
    within: timedelta | None = None
    as_app: bool = False
    started: float = field(default_factory=time.monotonic)
    posting: bool = False
    typed: Typed | None = None
    ended: End | None = None

    async def run(self, remote: Remote) -> None:
        """
        Raises:
            CommandError: it was not typed, or GitHub does not say whether it was.
        """
        try:
            within = await self._type(remote)
        except Misuse as misuse:
            raise CommandError(shown(misuse.problem), "--help says what it takes") from misuse
        except NowhereToType as error:
            raise CommandError(shown(str(error)), error.remedy) from error
        except HubError as error:
            raise self._failed(error) from error
        assert self.typed is not None  # noqa: S101 (set above)
        self.teller.typed(self.typed)
        self.end(await self._follow(remote, self.typed, self.within or within))

    def end(self, end: End) -> None:
        self.ended = end
        self.teller.end(end, self.typed, time.monotonic() - self.started)

    def stopped(self) -> End:
        """For a signal in between."""
        if self.typed is not None:
            said = f"No longer followed: {self.typed.goes_on}."
        elif self.posting:
            said = "Stopped while the command was posted: look at the pull request whether it was."
        else:
            said = "Stopped, and nothing was typed."
        return End(_UNKNOWN, (said,))

    async def _type(self, remote: Remote) -> timedelta:
        """Post the comment; how long its end may take."""
        pull = await remote.find_pull(self.owner, self.name, number=self.number, named=self._named)
        environments = await remote.fetch_environments(pull.ref.repo)
        line = plan_line(self.request, environments, datetime.now(UTC))
        if self.as_app and not hears_bots(line.request, environments):
            raise CommandError(
                "the token is an App's, and the policy names no bot that is heard there",
                "use a person's (a workflow's own GITHUB_TOKEN is none), or name the App's account "
                "under `bots` of the environment",
            )
        app = BotApp(self.slug) if self.slug else await remote.find_app(pull)
        self.posting = True
        self.typed = Typed(line.text, pull, await remote.post(pull, line.text), app)
        return patience(line.request, environments)

    @property
    def _named(self) -> Named | None:
        return self.request.target if isinstance(self.request, PromoteRequest) else None

    def _failed(self, error: HubError) -> CommandError:
        """Whatever GitHub did not do before there was anything to follow."""
        said = shown(str(error))
        if isinstance(error, HubUnavailable):
            remedy = (
                "try again in a minute; should it last, look at the network and at GITHUB_API_URL"
            )
            if self.posting:
                remedy = (
                    "look at the pull request whether the comment is there before you try again"
                )
            return CommandError(said, remedy, exit_code=_UNKNOWN)
        if self.posting:
            return CommandError(
                said,
                "the token has to be allowed to comment: Pull requests, Read and write, for a "
                "fine-grained one; repo or public_repo for a classic one",
                exit_code=_REFUSED,
            )
        remedy = "check the name, and that the token is good and may read the repository"
        return CommandError(
            said, remedy, exit_code=_USAGE if isinstance(error, HubGone) else _REFUSED
        )

    async def _follow(self, remote: Remote, typed: Typed, within: timedelta) -> End:
        told: Told = frozenset()
        wait: timedelta | None = None
        try:
            async with asyncio.timeout(within.total_seconds()) as limit:
                while True:
                    told, news, pause = await self._look(remote, typed, told)
                    if self.within is None and any(isinstance(each, TakenBack) for each in news):
                        within += FOLLOWED_BACK
                        limit.reschedule((limit.when() or 0) + FOLLOWED_BACK.total_seconds())
                    if news and isinstance(news[-1], Ended):
                        return End(_DONE if news[-1].good else _REFUSED, news[-1].lines)
                    wait = next_wait(wait, news=bool(news))
                    await asyncio.sleep(max(wait, pause).total_seconds())
        except TimeoutError:
            span = say_duration(within)
        except HubError as error:
            found, url = shown(str(error)), shown(typed.posted.url)
            said = f"No longer followed: {found}. What becomes of it should stand at {url}."
            return End(_UNKNOWN, (said,))
        if Noticed() in told:
            said = f"Not ended within {span}: {typed.goes_on}."
        else:
            said = (
                f"No answer from {shown(typed.app.login)} within {span}: it may not be running. "
                f"Should it come back, it answers at {shown(typed.posted.url)}."
            )
        return End(_UNKNOWN, (said,))

    async def _look(
        self, remote: Remote, typed: Typed, told: Told
    ) -> tuple[Told, Sequence[News], timedelta]:
        """What is new, and how long GitHub asks to be left alone."""
        try:
            look = await remote.look(typed.pull, typed.posted)
        except HubUnavailable as error:
            return told, (), error.retry_after or timedelta()
        told, news = decide_news(typed.posted.id, typed.app, told, look)
        for each in news:
            self.teller.news(each, typed.app)
        return told, news, timedelta()


class TextTeller:
    """Lines for people. Colour on a terminal only."""

    def __init__(self, *, plain: bool) -> None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        self._coloured = sys.stdout.isatty() and not plain

    def typed(self, typed: Typed) -> None:
        who, url = shown(typed.posted.login), shown(typed.posted.url)
        click.echo(f"{shown(typed.line)}\ntyped by {who} on {shown(str(typed.pull.ref))}: {url}")

    def news(self, news: News, app: BotApp) -> None:
        match news:
            case Noticed():
                click.echo(f"👀 seen by {shown(app.login)}")
            case UnderWay(text):
                click.echo(f"⏩ {text}")
            case TakenBack(text):
                click.echo(f"⏪ {self._styled(text, 'red')}")
            case Stepped(state, text):
                mark, colour = _STEPS[state]
                click.echo(f"{mark} {self._styled(text, colour)}")
            case Ended():
                click.echo()

    def end(self, end: End, typed: Typed | None, seconds: float) -> None:
        first, *more = end.lines
        colour = {_DONE: "green", _REFUSED: "red"}.get(end.exit_code, "yellow")
        for line in (self._styled(first, colour), *more):
            click.echo(line)

    def _styled(self, text: str, colour: str) -> str:
        return click.style(text, fg=colour) if self._coloured else text


class JsonTeller:
    """One object a line, the last one the summary."""

    def __init__(self, write: Callable[[str], None] = click.echo) -> None:
        self._write = write

    def typed(self, typed: Typed) -> None:
        self._say(
            "typed",
            line=typed.line,
            pull=str(typed.pull.ref),
            by=typed.posted.login,
            url=typed.posted.url,
        )

    def news(self, news: News, app: BotApp) -> None:
        match news:
            case Noticed():
                self._say("seen", by=app.login)
            case UnderWay(text) | TakenBack(text):
                self._say("progress", text=text)
            case Stepped(state, text):
                self._say("step", state=state.value, text=text)
            case Ended():
                """The summary follows."""

    def end(self, end: End, typed: Typed | None, seconds: float) -> None:
        self._say(
            "summary",
            ok=end.exit_code == _DONE,
            outcome=_OUTCOMES[end.exit_code],
            text="\n".join(end.lines),
            url=typed.posted.url if typed else "",
            seconds=round(seconds, 3),
        )

    def _say(self, event: str, **fields: object) -> None:
        # In ASCII: what could steer a terminal is escaped by JSON's own means.
        self._write(json.dumps({"event": event, **fields}))
