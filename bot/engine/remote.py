"""Types a command into a pull request for a person, and looks at what becomes of it.

GitHub itself says what the person's token may do, and the bot treats the comment as any other: no
second door, and nothing that is not written where the team looks.
docs/decisions/0008-terminal-types-for-the-person.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.core.commands.following import (
    BotApp,
    Look,
    apps_of_checks,
    apps_of_remarks,
    pick_app,
)
from bot.core.commands.line import Typable
from bot.core.commands.requests import (
    Named,
    PromoteRequest,
    RollbackRequest,
    ShaPrefix,
    TagName,
)
from bot.core.model import PullRef, RepoRef
from bot.core.policy import PolicyInForce, resolve_policy
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.render.check import COMMITS_CHECK
from bot.engine.operate import ROLLBACK_WITHIN, WAITS_FOR
from bot.ports import HubError, HubRefused, HubUnavailable
from bot.ports.operations import CommandHub, PullFacts
from bot.ports.person import PersonHub, Posted

_ANSWERED_WITHIN = timedelta(minutes=2)
"""For what leads to no operation."""
_MARGIN = timedelta(minutes=1)
"""Beyond an operation's own time, to be told of its end."""
FOLLOWED_BACK = ROLLBACK_WITHIN
"""Beyond that, where the bot takes the promotion back."""
_DEFAULT = EnvironmentPolicy()


class NowhereToType(Exception):
    """It is not known where to type, or who would answer. ``remedy`` is the next step."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Remote:
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    person: PersonHub
    commands: CommandHub
    """Asked with the person's token, as ``person`` is."""

    async def find_pull(
        self, owner: str, name: str, *, number: int, named: Named | None
    ) -> PullFacts:
        """The pull request of that number; without one, that which brought the named commit to
        the trunk, or its newest.

        Raises:
            NowhereToType: none did.
        """
        repo = await self.person.fetch_repository(owner, name)
        if number:
            return await self.commands.fetch_pull(PullRef(repo, number))
        trunk, head = await self.commands.fetch_trunk(repo)
        match named:
            case ShaPrefix(wanted) | TagName(wanted):
                what = f"`{wanted}`"
            case None:
                wanted, what = head, f"the newest commit of `{trunk}`, `{head[:7]}`"
        commit = await self.commands.fetch_commit(repo, wanted, trunk=trunk)
        if not commit.pull_number:
            raise NowhereToType(
                f"no pull request of {repo.full_name} was merged as {what}",
                "name the one to type it on: --pull N",
            )
        return await self.commands.fetch_pull(PullRef(repo, commit.pull_number))

    async def fetch_environments(self, repo: RepoRef) -> Mapping[str, EnvironmentPolicy]:
        """Those of the policy on the default branch; empty where they are not known: the
        bot may be able to read what the person is not."""
        try:
            files = await self.commands.fetch_trunk_policy(repo)
        except HubUnavailable:
            raise
        except HubError:
            return {}
        outcome = resolve_policy(files)
        return outcome.policy.environments if isinstance(outcome, PolicyInForce) else {}

    async def find_app(self, pull: PullFacts) -> BotApp:
        """The App that has checked the pull request's head, or the commit that it was merged as.
        Where none has, or GitHub shows the token no checks, as it does with fine-grained ones in
        private repositories, the App that has written the summary comment.

        Raises:
            NowhereToType: no App has, or more than one.
        """
        seen: list[BotApp] = []
        try:
            for sha in (pull.head_sha, pull.merge_sha):
                if sha and not seen:
                    seen = apps_of_checks(await self.commands.fetch_checks(pull.ref.repo, sha))
        except HubRefused:
            pass
        seen = seen or apps_of_remarks(await self.person.fetch_remarks(pull.ref))
        app = pick_app(seen)
        if app is None:
            what = "more than one App has written there as Lockgate does"
            if not seen:
                what = f"there is neither a check {COMMITS_CHECK} nor a comment of Lockgate's"
            raise NowhereToType(
                f"whose answer to wait for on {pull.ref} is not known: {what}",
                "is the App installed? Then name it, as in github.com/apps/SLUG: --app SLUG",
            )
        return app

    async def post(self, pull: PullFacts, line: str) -> Posted:
        return await self.person.post_comment(pull.ref, line)

    async def look(self, pull: PullFacts, posted: Posted) -> Look:
        return await self.person.fetch_look(pull.ref, posted)


def patience(request: Typable, environments: Mapping[str, EnvironmentPolicy]) -> timedelta:
    """How long to wait for the end of what is asked for."""
    match request:
        case PromoteRequest(when_ready=True, dry_run=False):
            return WAITS_FOR + _MARGIN
        case PromoteRequest(environment, dry_run=False):
            return environments.get(environment, _DEFAULT).timeout + _MARGIN
        case RollbackRequest(dry_run=False):
            return ROLLBACK_WITHIN + _MARGIN
        case _:
            return _ANSWERED_WITHIN


def hears_bots(request: Typable, environments: Mapping[str, EnvironmentPolicy]) -> bool:
    """Whether an App may be answered at all, by what is known of the policy. Which one it is that
    the token belongs to is for the bot to say."""
    if not environments:
        return True
    policy = environments.get(request.environment)
    return policy is not None and bool(policy.bots)
