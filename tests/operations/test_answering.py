"""Whose permission is read again before production is moved."""

from dataclasses import replace

import operation_cases as cases
import pytest

from bot.core.model import Actor
from bot.core.operations.answering import answering
from bot.core.operations.machine import Kind, Operation

TYPED = cases.operation()


@pytest.mark.parametrize(
    ("operation", "people"),
    [
        (TYPED, [("promote", cases.OCTO)]),
        (
            cases.overriding(TYPED, checks="ada: the runner: down", freeze="ada: again"),
            [("promote", cases.OCTO), ("override", Actor(0, "ada"))],
        ),
        # Begun by an override, which takes another role than a promotion.
        (cases.overriding(TYPED, checks="octo: flaky"), [("override", cases.OCTO)]),
        (
            cases.overriding(TYPED, checks="octo: flaky", lock="ada: now"),
            [("override", Actor(0, "ada")), ("override", cases.OCTO)],
        ),
        (replace(TYPED, comment_id=0), []),
        (cases.operation(Kind.ROLLBACK), []),
        (replace(cases.operation(Kind.ROLLBACK), comment_id=-7, follows=7), []),
    ],
    ids=["typed", "set_aside", "by_override", "both", "release", "rollback", "by_itself"],
)
def test_who_answers_for_an_operation(
    operation: Operation, people: list[tuple[str, Actor]]
) -> None:
    assert [(command.name, actor) for command, actor in answering(operation)] == people
