"""The REST API, one file per resource."""

from bot.sandbox.http import Routes
from bot.sandbox.rest import (
    app,
    checks,
    commits,
    contents,
    git_data,
    issues,
    pulls,
    repositories,
    users,
)

ROUTES = Routes()
for _module in (app, checks, commits, contents, git_data, issues, pulls, repositories, users):
    ROUTES.include(_module.routes)
