"""Whose permission an operation rests on, to be read again before production is moved."""

from collections.abc import Iterator

from bot.core.commands.command import Command
from bot.core.commands.override import OVERRIDE
from bot.core.commands.promote import PROMOTE
from bot.core.model import Actor
from bot.core.operations.machine import Kind, Operation


def answering(operation: Operation) -> Iterator[tuple[Command, Actor]]:
    """Who answers for a promotion that was typed, with the command that they must still be allowed:
    whoever asked for it, and whoever set a gate aside, by name alone if that is somebody else.

    Nobody for what nobody typed, which goes by the policy; nor for a rollback: it leads back to
    what was live and seen to work, and must be possible while GitHub cannot say who may what.
    """
    if operation.plan.kind is not Kind.PROMOTE or operation.comment_id <= 0:
        return
    overriding = {text.partition(": ")[0] for text in operation.overrides.values()}
    if operation.actor.login not in overriding:
        yield PROMOTE, operation.actor
    for login in sorted(overriding):
        known = login == operation.actor.login
        yield OVERRIDE, operation.actor if known else Actor(0, login)
