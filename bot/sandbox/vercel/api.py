"""The API's operations: https://vercel.com/docs/rest-api"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.datastructures import QueryParams

from bot.sandbox.http import Reply
from bot.sandbox.vercel import shapes
from bot.sandbox.vercel.errors import VercelError, not_found
from bot.sandbox.vercel.model import Deployment, Json, Project, Team, Token

if TYPE_CHECKING:
    from bot.sandbox.vercel.server import SandboxVercel

_DEFAULT_PAGE: Final = 20
_LARGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Call:
    vercel: "SandboxVercel"
    params: Mapping[str, str]
    query: QueryParams
    body: Json
    team: Team

    def project(self, name: str) -> Project:
        found = self.vercel.find_project(name)
        if found is None or found.team is not self.team:
            raise not_found("Project")
        return found

    def deployment(self, identifier: str) -> Deployment:
        found = self.vercel.deployments.get(identifier) or next(
            (each for each in self.vercel.deployments.values() if each.url == identifier), None
        )
        if found is None or found.project.team is not self.team:
            raise not_found("Deployment")
        return found

    def number(self, name: str) -> int | None:
        text = self.query.get(name)
        if text is None:
            return None
        if not text.isdigit():
            raise VercelError(400, "bad_request", f"Invalid request: `{name}` should be number.")
        return int(text)


def identify(vercel: "SandboxVercel", authorization: str, query: QueryParams) -> Team:
    """The team that is asked for, or the token's own. Raises VercelError."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() != "bearer" or not value:
        raise VercelError(401, "unauthorized", "The request is missing an authentication token")
    token: Token | None = vercel.tokens.get(value)
    if token is None or (token.expires_at is not None and token.expires_at <= vercel.clock()):
        raise VercelError(403, "forbidden", "Not authorized", invalidToken=True)
    wanted = query.get("teamId") or query.get("slug")
    for team in vercel.teams.values():
        if wanted in (team.id, team.slug):
            if team.id not in token.teams:
                break
            return team
    if wanted:
        raise VercelError(403, "forbidden", "Not authorized: the token does not cover this team")
    return vercel.teams[min(token.teams, key=list(vercel.teams).index)]


def get_project(call: Call) -> Reply:
    return Reply(shapes.project(call.project(call.params["idOrName"])))


def update_project(call: Call) -> Reply:
    project = call.project(call.params["idOrName"])
    if isinstance(call.body.get("autoAssignCustomDomains"), bool):
        project.auto_assign = call.body["autoAssignCustomDomains"]
    call.vercel.on_change()
    return Reply(shapes.project(project))


def list_deployments(call: Call) -> Reply:
    query = call.query
    found = [
        each
        for project in call.vercel.projects.values()
        if project.team is call.team
        for each in project.deployments
    ]
    if "projectId" in query:
        wanted = call.vercel.find_project(query["projectId"])
        found = [each for each in found if each.project is wanted]
    if "target" in query:
        found = [each for each in found if each.target == query["target"]]
    if "state" in query:
        states = query["state"].split(",")
        found = [each for each in found if each.state in states]
    if "sha" in query:
        found = [each for each in found if each.sha == query["sha"]]
    if "branch" in query:
        found = [each for each in found if each.branch == query["branch"]]
    if query.get("rollbackCandidate") == "true":
        found = [each for each in found if call.vercel.is_candidate(each)]
    since, until = call.number("since"), call.number("until")
    made = {each.id: shapes.milliseconds(each.created_at) for each in found}
    found = [
        each
        for each in found
        if (since is None or made[each.id] > since) and (until is None or made[each.id] < until)
    ]
    found.sort(key=lambda each: each.created_at, reverse=True)
    limit = min(max(call.number("limit") or _DEFAULT_PAGE, 1), _LARGEST_PAGE)
    page, rest = found[:limit], found[limit:]
    return Reply(
        shapes.page(
            "deployments",
            [
                shapes.listed_deployment(each, candidate=call.vercel.is_candidate(each))
                for each in page
            ],
            next_until=made[page[-1].id] if rest else None,
        )
    )


def get_deployment(call: Call) -> Reply:
    return Reply(shapes.deployment(call.deployment(call.params["idOrUrl"])))


def delete_deployment(call: Call) -> Reply:
    deployment = call.deployment(call.params["id"])
    call.vercel.delete(deployment)
    return Reply({"uid": deployment.id, "state": "DELETED"})


def get_alias(call: Call) -> Reply:
    domain = call.params["idOrAlias"]
    project = call.vercel.project_of_domain(domain)
    if project is None or project.team is not call.team:
        raise not_found("Alias")
    return Reply(shapes.alias(domain, project))


def list_domains(call: Call) -> Reply:
    project = call.project(call.params["idOrName"])
    shown = [shapes.project_domain(domain, project) for domain in project.domains]
    return Reply(shapes.page("domains", shown, next_until=None))


def assign_alias(call: Call) -> Reply:
    deployment = call.deployment(call.params["id"])
    domain = call.body.get("alias")
    if not isinstance(domain, str) or domain not in deployment.project.domains:
        raise VercelError(403, "forbidden", "You don't have access to the domain")
    before = deployment.project.domains[domain]
    call.vercel.lead(domain, deployment)
    return Reply(shapes.assigned_alias(domain, deployment.project, before))


def promote(call: Call) -> Reply:
    project = call.project(call.params["projectId"])
    job = call.vercel.promote(project, call.deployment(call.params["deploymentId"]))
    return Reply(None, 202 if job.rolling else 201, raw=b"")


def rollback(call: Call) -> Reply:
    project = call.project(call.params["projectId"])
    call.vercel.rollback(project, call.deployment(call.params["deploymentId"]))
    return Reply(None, 201, raw=b"")


def promote_aliases(call: Call) -> Reply:
    return _aliases(call, "promote")


def rollback_aliases(call: Call) -> Reply:
    return _aliases(call, "rollback")


def _aliases(call: Call, kind: str) -> Reply:
    project = call.project(call.params["projectId"])
    job = project.job
    if job is None or job.kind != kind:
        return Reply(shapes.page("aliases", [], next_until=None))
    failed_only = call.query.get("failedOnly") == "true"
    shown = [
        shapes.moved_alias(domain, status)
        for domain, status in job.outcomes.items()
        if status == "failed" or not failed_only
    ]
    return Reply(shapes.page("aliases", shown, next_until=None))


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    act: Callable[[Call], Reply]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        if method != self.method:
            return None
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.template))
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


ROUTES: Final = (
    Route("GET", "/v9/projects/{idOrName}", get_project),
    Route("PATCH", "/v9/projects/{idOrName}", update_project),
    Route("GET", "/v7/deployments", list_deployments),
    Route("GET", "/v13/deployments/{idOrUrl}", get_deployment),
    Route("DELETE", "/v13/deployments/{id}", delete_deployment),
    Route("GET", "/v4/aliases/{idOrAlias}", get_alias),
    Route("POST", "/v10/projects/{projectId}/promote/{deploymentId}", promote),
    Route("POST", "/v1/projects/{projectId}/rollback/{deploymentId}", rollback),
    Route("GET", "/v9/projects/{idOrName}/domains", list_domains),
    Route("POST", "/v2/deployments/{id}/aliases", assign_alias),
    Route("GET", "/v1/projects/{projectId}/promote/aliases", promote_aliases),
    Route("GET", "/v9/projects/{projectId}/rollback/aliases", rollback_aliases),
)


def _no_such_page(call: Call) -> Reply:
    raise not_found("Page")


NOWHERE: Final = Route("", "", _no_such_page)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for route in ROUTES:
        params = route.match(method, path)
        if params is not None:
            return route, params
    return None
