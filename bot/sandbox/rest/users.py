"""Who asks, what they may see, and how much they have left.

https://docs.github.com/rest/users, https://docs.github.com/rest/rate-limit
"""

from dataclasses import asdict

from bot.sandbox.errors import ApiError, not_accessible, not_found
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.limits import RESOURCES
from bot.sandbox.model import Account, Installation, Repository
from bot.sandbox.shapes import permissions_of

routes = Routes()


@routes.add("GET", "/user")
def get_authenticated_user(call: Call) -> Reply:
    return Reply(call.sandbox.shapes.own_account(_user(call)))


@routes.add("GET", "/users/{username}")
def get_user(call: Call) -> Reply:
    account = call.sandbox.find_account(call.params["username"])
    if account is None:
        raise not_found()
    return Reply(call.sandbox.shapes.own_account(account))


@routes.add("GET", "/user/installations")
def list_user_installations(call: Call) -> Reply:
    """Those of the App that the token was made for, on what its owner can read."""
    user, app = _user(call), call.principal.app
    found = [
        known
        for known in call.sandbox.installations.values()
        if known.app is app and any(_readable(call, known, user))
    ]
    shown = [call.sandbox.shapes.installation(known) for known in call.page(found)]
    return Reply({"total_count": len(found), "installations": shown})


@routes.add("GET", "/user/installations/{installation_id}/repositories")
def list_user_installation_repositories(call: Call) -> Reply:
    user = _user(call)
    known = call.sandbox.installations.get(int(call.params["installation_id"]))
    if known is None or known.app is not call.principal.app:
        raise not_found()
    found = list(_readable(call, known, user))
    shown = [
        call.sandbox.shapes.repository(repository)
        | {"permissions": permissions_of(call.sandbox.role_of(repository, user).base)}
        for repository in call.page(found)
    ]
    return Reply({"total_count": len(found), "repositories": shown})


def _readable(call: Call, installation: Installation, user: Account) -> list[Repository]:
    return [
        repository
        for repository in call.sandbox.repositories_of(installation)
        if call.sandbox.role_of(repository, user).base != "none"
    ]


def _user(call: Call) -> Account:
    if call.principal.kind == "anonymous":
        raise ApiError(401, "Requires authentication")
    if call.principal.kind != "user" or call.principal.account is None:
        raise not_accessible()
    return call.principal.account


@routes.add("GET", "/rate_limit")
def get_rate_limit(call: Call) -> Reply:
    resources = {
        name: asdict(window) | {"remaining": window.remaining}
        for name in RESOURCES
        for window in [call.sandbox.limits.window(call.principal.limit_key, name)]
    }
    return Reply({"resources": resources, "rate": resources["core"]})


@routes.add("GET", "/meta")
def get_meta(call: Call) -> Reply:
    return Reply({"verifiable_password_authentication": False, "hooks": ["127.0.0.0/8"]})
