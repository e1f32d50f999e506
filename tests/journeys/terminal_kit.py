"""The command line as somebody with a token of their own, beside a shop's production."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from processes import environment
from production import Production

from bot.cli.errors import CommandError
from bot.cli.following import Errand, JsonTeller
from bot.core.commands.line import Typable
from bot.settings import Secret
from bot.wiring.github import open_remote


def token_of(production: Production, login: str, **bounds: object) -> str:
    github = production.github
    return github.tokens.for_user(github.user(login), **bounds).value


def own_environment(production: Production, login: str = "ada") -> dict[str, str]:
    """The environment of a person who has a token, and nothing of the bot's."""
    home = production.journey.bot.settings.home / "nobody"
    return environment(
        home,
        GITHUB_TOKEN=token_of(production, login),
        GITHUB_API_URL=production.github.url,
        LC_ALL="C.UTF-8",
    )


@dataclass
class Run:
    code: int
    events: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""

    @property
    def summary(self) -> dict[str, Any]:
        assert self.events[-1]["event"] == "summary"
        return self.events[-1]

    def told(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == event]


async def follow(
    production: Production, request: Typable, token: str = "", api_url: str = "", **how: Any
) -> Run:
    """Type a command within this process and follow it; ``how`` as Errand has it."""
    settings = production.journey.bot.settings
    settings = replace(settings, github_api_url=api_url or settings.github_api_url)
    lines: list[str] = []
    errand = Errand("octo", "shop", request, JsonTeller(lines.append), **how)
    error, code = "", 0
    async with open_remote(settings, Secret(token or token_of(production, "ada"))) as remote:
        try:
            await errand.run(remote)
        except CommandError as refused:
            error, code = f"{refused.message}: {refused.help_text}", refused.exit_code
    code = errand.ended.exit_code if errand.ended else code
    return Run(code, [json.loads(line) for line in lines], error)
