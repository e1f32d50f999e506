"""Who may run which command, and whether what a person saw still stands.

Everything here is asked anew when a command is carried out; what could not be read is a refusal.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.commands.command import Command, Permission, listed
from bot.core.commands.requests import Named, Refusal, ShaPrefix
from bot.core.model import Actor, ActorKind, Role, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import Read, Unread

RELEASE_ROLES = ("maintain", "admin")
"""Who may say what is released."""


@dataclass(frozen=True, slots=True)
class Commented:
    """The comment that a command came by, as it stands now."""

    author: Actor
    edited: bool
    from_fork: bool
    """Whether the pull request comes from another repository."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``comment`` is None where that is no question (any more)."""

    actor: Actor
    role: Read[Role]
    teams: Read[frozenset[str]]
    """Those of the policy's teams that the caller is in."""
    comment: Commented | None = None
    spoken_of: bool = False
    """Whether it is others who are told: the caller is then called by name."""

    @property
    def has(self) -> str:
        return f"{self.actor.login} has" if self.spoken_of else "you have"

    @property
    def whose(self) -> str:
        return f"{self.actor.login}'s" if self.spoken_of else "your"


def authorise(
    command: Command, environment: str, policy: EnvironmentPolicy | None, caller: Caller
) -> Refusal | None:
    """Why the caller may not; None if allowed.

    ``policy`` is the environment's; None for a command that is about no single one, and then only
    commands that need no more than reading are allowed, to people, and those on releases to people
    of ``RELEASE_ROLES``.
    """
    if command.permission is Permission.RELEASE:
        environment, policy = "", None
    asked = f"`/{command.name}`" + (f" on {environment}" if environment else "")
    against = _machine(caller.actor, policy)
    if against:
        return Refusal(asked, against, answered=False)
    return (
        _comment(asked, command, policy, caller)
        or _reading(asked, caller)
        or _acting(asked, command, environment, policy, caller)
    )


def is_heard(author: Actor, *, own: bool, policies: Iterable[EnvironmentPolicy]) -> bool:
    """Whether a comment's author is answered at all. People are. A bot is where a policy names its
    account, and the bot itself never (``own``): it would talk to itself."""
    return not own and any(not _machine(author, policy) for policy in (None, *policies))


def _machine(actor: Actor, policy: EnvironmentPolicy | None) -> str:
    match actor.kind:
        case ActorKind.BOT if policy and actor.id in policy.bots:
            return ""
        case ActorKind.BOT:
            return "Commands of bots are carried out where the policy names their account."
        case ActorKind.GHOST:
            return "The account that commented no longer exists."
        case ActorKind.USER:
            return ""


def _comment(
    asked: str, command: Command, policy: EnvironmentPolicy | None, caller: Caller
) -> Refusal | None:
    comment = caller.comment
    if comment is None:
        return None
    if comment.author.id != caller.actor.id:
        return Refusal(
            asked,
            "The comment was written by one account and sent by another.",
            "Whoever wants it done writes a comment of their own.",
        )
    if comment.edited:
        return Refusal(
            asked,
            "The comment was edited since, and others than its author may edit it.",
            "Type the command in a new comment.",
        )
    if comment.from_fork and command.permission is Permission.RELEASE:
        return Refusal(
            asked,
            "This pull request comes from a fork.",
            "Type it on the release pull request, which comes from this repository.",
        )
    if comment.from_fork and command.changes and not (policy and policy.allow_forks):
        return Refusal(
            asked,
            "This pull request comes from a fork, on which the policy allows no command that "
            "changes anything.",
            "Type it on a pull request of this repository, or set `allow_forks: true` for the "
            "environment.",
        )
    return None


def _reading(asked: str, caller: Caller) -> Refusal | None:
    if isinstance(caller.role, Unread):
        return Refusal(
            asked,
            f"What role {caller.has} could not be read from GitHub: {caller.role.reason}.",
            "Try again in a minute.",
        )
    if caller.role.permission == "none":
        who = caller.actor.login if caller.spoken_of else "You"
        return Refusal(asked, f"{who} cannot read this repository.", answered=False)
    return None


def _acting(
    asked: str,
    command: Command,
    environment: str,
    policy: EnvironmentPolicy | None,
    caller: Caller,
) -> Refusal | None:
    if command.permission is Permission.READ:
        return None
    role = caller.role.name if isinstance(caller.role, Role) else ""
    having = f"{caller.has} the role `{role}`" + (" now" if caller.spoken_of else "")
    if command.permission is Permission.RELEASE:
        if role in RELEASE_ROLES:
            return None
        against = f"It takes {_needed(RELEASE_ROLES, ())}; {having}."
        return Refusal(asked, against, "Ask somebody who has it.")
    if policy is None:
        return Refusal(asked, "The policy has no such environment, so it allows nobody to.")
    override = command.permission is Permission.OVERRIDE
    roles = policy.override_roles if override else policy.roles
    teams = () if override else policy.teams
    if role in roles:
        return None
    if teams and isinstance(caller.teams, frozenset) and caller.teams & set(teams):
        return None
    none = f" and {'is' if caller.spoken_of else 'are'} in none of these teams"
    against = f"It takes {_needed(roles, teams)}; {having}{none if teams else ''}."
    if teams and isinstance(caller.teams, Unread):
        against = (
            f"It takes {_needed(roles, teams)}; {having}, and {caller.whose} teams could "
            f"not be read from GitHub: {caller.teams.reason}."
        )
    key = "override_roles" if override else "roles"
    return Refusal(
        asked,
        against,
        f"Ask somebody who has it, or have `environments.{environment}.{key}` changed.",
    )


def _needed(roles: Iterable[str], teams: Iterable[str]) -> str:
    roles, teams = tuple(roles), tuple(teams)
    named = []
    if roles:
        named.append(f"the role {listed(roles).replace(' and ', ' or ')}")
    if teams:
        named.append(f"the team {listed(teams).replace(' and ', ' or ')}")
    return " or ".join(named) or "a role, of which the policy names none"


def head_moved(
    asked: str, seen: Sha | None, now: Sha, typed: Named | None = None
) -> Refusal | None:
    """Whether an open pull request's head is another one than the person who commented could see.

    ``seen`` is the head when the comment was made, by our own webhooks, None if they had told none
    by then. Who types the commit's id has said which one: that cannot have moved, unless the ids
    of both heads begin so. A tag says nothing of the head.
    """
    sha = typed.text if isinstance(typed, ShaPrefix) else ""
    if typed is not None and not sha:
        return None
    if sha:
        both = seen is not None and seen != now and seen.startswith(sha) and now.startswith(sha)
        if not both:
            return None
        return Refusal(
            asked,
            f"A commit was pushed after the comment whose id begins with `{sha}` too.",
            "Look at both, and type all 40 characters of the one you mean.",
        )
    if seen == now:
        return None
    against = (
        f"The head was `{seen[:7]}` when the comment was made, and is `{now[:7]}` now."
        if seen
        else "Which commit was the head when the comment was made is not known."
    )
    return Refusal(asked, against, f"Look at `{now[:7]}`, and name it: `/promote {now[:12]}`.")
