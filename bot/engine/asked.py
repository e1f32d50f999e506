"""A command that somebody may give, with what surrounds it, and what is answered to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.core.commands.authority import Caller
from bot.core.commands.requests import Refusal
from bot.core.commits.config import CommitsConfig
from bot.core.model import Actor, PullRef, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.policy.migrations import MigrationsPolicy
from bot.core.policy.release import ReleasePolicy
from bot.core.render.command import render_refusal
from bot.ports.operations import PullFacts


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and what surrounds it. ``policy_fault`` is why the policy in force cannot be used:
    ``environments`` are then those of the last good one."""

    ref: PullRef
    pull: PullFacts
    comment_id: int
    caller: Caller
    seen_head: Sha | None
    environments: Mapping[str, EnvironmentPolicy]
    commits: CommitsConfig
    release: ReleasePolicy | None
    """None where the policy says that there are no releases."""
    migrations: MigrationsPolicy
    policy_fault: str
    typed_at: datetime
    """By when it was typed, as far as is known: what came later nobody could have meant."""
    now: datetime

    @property
    def actor(self) -> Actor:
        return self.caller.actor


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is Markdown; empty where the operation's own comment is the answer."""

    text: str
    refused: bool = False
    why: str = ""
    """What stands against it and what can be done, in plain text, where it was refused."""


def refuse(refusal: Refusal) -> Answer:
    text = render_refusal(refusal) if refusal.answered else ""
    return Answer(text, refused=True, why=f"{refusal.against} {refusal.remedy}".strip())
