"""The REST API, one file per resource."""

from bot.sandbox.http import Routes
from bot.sandbox.rest import (
    app,
    branches,
    checks,
    commits,
    contents,
    deployments,
    git_data,
    issues,
    pulls,
    releases,
    repositories,
    reviews,
    teams,
    users,
)

ROUTES = Routes()
for _module in (
    app, branches, checks, commits, contents, deployments, git_data, issues, pulls, releases,
    repositories, reviews, teams, users,
):  # fmt: skip
    ROUTES.include(_module.routes)
