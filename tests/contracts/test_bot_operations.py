"""What the bot declares to ask of GitHub stands so in GitHub's own description.

That all of it is exercised, and that each request fits, is held where the client is tested: the
kit there feeds every exchange to a ``Contract``.
"""

import pytest
from openapi import described, needs_description, operations

from bot.adapters.github.operations import OPERATIONS, Auth, Operation
from bot.sandbox.rest import ROUTES

pytestmark = needs_description


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.route)
def test_a_declared_operation_is_githubs(operation: Operation) -> None:
    assert operation.route in operations()
    assert described(operation.route)["operationId"] == operation.id


def test_the_sandbox_answers_each() -> None:
    routes = {f"{route.method} {route.template}" for route in ROUTES}
    assert {operation.route for operation in OPERATIONS} - routes == set()


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation.auth is Auth.INSTALLATION],
    ids=lambda operation: operation.route,
)
def test_it_is_open_to_apps(operation: Operation) -> None:
    """GitHub marks what an installation's token may be used for."""
    assert described(operation.route)["x-github"]["enabledForGitHubApps"] is True
