"""Deployments and their statuses. https://docs.github.com/rest/deployments"""

from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import App, Deployment
from bot.sandbox.shapes_shipping import deployment, deployment_status

routes = Routes()
_ALL = "/repos/{owner}/{repo}/deployments"
_ONE = f"{_ALL}/{{deployment_id}}"
_FILTERS = ("sha", "ref", "task", "environment")


@routes.add("GET", _ALL, "deployments:read")
def list_deployments(call: Call) -> Reply:
    found = [
        item
        for item in reversed(call.repository.deployments.values())
        if all(call.query.get(name) in (None, getattr(item, name)) for name in _FILTERS)
    ]
    return Reply([deployment(call.sandbox.shapes, item) for item in call.page(found)])


@routes.add("POST", _ALL, "deployments:write")
def create_deployment(call: Call) -> Reply:
    """Unless told otherwise, GitHub first merges the default branch where the ref is behind it,
    and refuses while a status of the commit is not a success."""
    if not call.text("ref"):
        raise schema_invalid('"ref" wasn\'t supplied.')
    repository = call.repository
    sha = repository.git.resolve(call.text("ref"))
    if sha is None:
        raise ApiError(422, f"No ref found for: {call.text('ref')}")
    tip = repository.branch(repository.default_branch) or sha
    if call.body.get("auto_merge", True) and repository.git.store.ahead(tip, sha):
        return Reply({"message": f"Auto-merged {repository.default_branch} into {sha}"}, 202)
    _refuse_unmet(call, sha)
    made = call.sandbox.create_deployment(
        repository,
        call.text("ref"),
        environment=call.text("environment", "production"),
        task=call.text("task", "deploy"),
        payload=call.body.get("payload", ""),
        description=call.body.get("description"),
        transient=bool(call.body.get("transient_environment", False)),
        production=call.body.get("production_environment"),
        by=call.principal.writes_as,
        app=_app(call),
    )
    shown = deployment(call.sandbox.shapes, made)
    return Reply(shown, 201, {"location": shown["url"]})


def _refuse_unmet(call: Call, sha: str) -> None:
    states = {
        status.context: status.state
        for status in call.sandbox.latest_statuses(call.repository, sha)
    }
    wanted = call.body.get("required_contexts")
    contexts = list(states) if wanted is None else wanted
    if any(states.get(context) != "success" for context in contexts):
        raise ApiError(409, f"Conflict: Commit status checks failed for {sha}.")


@routes.add("GET", _ONE, "deployments:read")
def get_deployment(call: Call) -> Reply:
    return Reply(deployment(call.sandbox.shapes, _deployment(call)))


@routes.add("GET", f"{_ONE}/statuses", "deployments:read")
def list_deployment_statuses(call: Call) -> Reply:
    found = _deployment(call)
    newest_first = list(reversed(found.statuses))
    shapes = call.sandbox.shapes
    return Reply([deployment_status(shapes, found, item) for item in call.page(newest_first)])


@routes.add("POST", f"{_ONE}/statuses", "deployments:write")
def create_deployment_status(call: Call) -> Reply:
    found = _deployment(call)
    made = call.sandbox.set_deployment_status(
        found,
        call.text("state"),
        description=call.text("description"),
        environment=call.text("environment"),
        environment_url=call.text("environment_url"),
        log_url=call.text("log_url") or call.text("target_url"),
        auto_inactive=bool(call.body.get("auto_inactive", True)),
        by=call.principal.writes_as,
        app=_app(call),
    )
    shown = deployment_status(call.sandbox.shapes, found, made)
    return Reply(shown, 201, {"location": shown["url"]})


def _deployment(call: Call) -> Deployment:
    found = call.repository.deployments.get(int(call.params["deployment_id"]))
    if found is None:
        raise not_found()
    return found


def _app(call: Call) -> App | None:
    return call.principal.app if call.principal.kind == "installation" else None
