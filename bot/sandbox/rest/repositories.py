"""Repositories, branches and collaborators. https://docs.github.com/rest/repos"""

from dataclasses import fields

from bot.sandbox.errors import ApiError, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import RepositorySettings
from bot.sandbox.shapes import folded, permissions_of

routes = Routes()
_SETTINGS = {field.name: type(field.default) for field in fields(RepositorySettings)}
_CHOICES = {
    "squash_merge_commit_title": ("PR_TITLE", "COMMIT_OR_PR_TITLE"),
    "squash_merge_commit_message": ("PR_BODY", "COMMIT_MESSAGES", "BLANK"),
    "merge_commit_title": ("PR_TITLE", "MERGE_MESSAGE"),
    "merge_commit_message": ("PR_BODY", "PR_TITLE", "BLANK"),
}


@routes.add("GET", "/repos/{owner}/{repo}", "metadata:read")
def get_repository(call: Call) -> Reply:
    account = call.principal.account
    role = call.sandbox.role_of(call.repository, account).base if account else "read"
    pushes = role in ("write", "maintain", "admin") or call.principal.may("contents:write")
    return Reply(call.sandbox.shapes.full_repository(call.repository, role, full=pushes))


@routes.add("PATCH", "/repos/{owner}/{repo}", "administration:write")
def update_repository(call: Call) -> Reply:
    repository = call.repository
    for name, kind in _SETTINGS.items():
        value = call.body.get(name, getattr(repository.settings, name))
        if not isinstance(value, kind) or value not in _CHOICES.get(name, (value,)):
            raise schema_invalid(f"{value!r} is not a possible value of {name}.")
        setattr(repository.settings, name, value)
    repository.description = call.body.get("description", repository.description)
    repository.archived = bool(call.body.get("archived", repository.archived))
    branch = call.text("default_branch", repository.default_branch)
    if repository.branch(branch) is None:
        raise ApiError(422, f"The branch {branch} was not found.")
    repository.default_branch = branch
    if "private" in call.body:
        call.sandbox.set_private(repository, bool(call.body["private"]))
    if call.text("name", repository.name) != repository.name:
        call.sandbox.rename(repository, call.text("name"))
    return Reply(call.sandbox.shapes.full_repository(repository, "admin", full=True))


@routes.add("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", "metadata:read")
def get_collaborator_permission(call: Call) -> Reply:
    account = call.sandbox.find_account(call.params["username"])
    if account is None:
        raise ApiError(404, f"{call.params['username']} is not a user")
    role = call.sandbox.role_of(call.repository, account)
    permission = folded(role.base)
    user = call.sandbox.shapes.account(account) | {
        "permissions": permissions_of(role.base),
        "role_name": role.name,
    }
    return Reply({"permission": permission, "user": user, "role_name": role.name})


@routes.add("GET", "/repos/{owner}/{repo}/collaborators", "metadata:read")
def list_collaborators(call: Call) -> Reply:
    accounts = [call.sandbox.accounts[known] for known in call.repository.roles]
    return Reply(
        [
            call.sandbox.shapes.account(account)
            | {"permissions": permissions_of(role.base), "role_name": role.name}
            for account in call.page(accounts)
            for role in [call.sandbox.role_of(call.repository, account)]
        ]
    )
