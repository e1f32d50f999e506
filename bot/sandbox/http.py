"""From a request to an answer, the way GitHub's API does it for every route: who asks, what they
may, limits, redirects, conditional requests, pages."""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import Headers, QueryParams

from bot.sandbox.auth import Principal
from bot.sandbox.errors import (
    ApiError,
    bad_credentials,
    not_accessible,
    not_found,
    schema_invalid,
)
from bot.sandbox.limits import headers_of
from bot.sandbox.model import Json, Pull, Repository

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

_T = TypeVar("_T")
_READS: Final = frozenset({"GET", "HEAD"})
_ROLE_LEVELS: Final = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}


@dataclass(slots=True)
class Reply:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    media_type: str = "application/json; charset=utf-8"

    def content(self) -> bytes:
        if self.raw is not None:
            return self.raw
        if self.status in (204, 304):
            return b""
        return json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, for whoever watches: contract tests, the page, benches."""

    method: str
    path: str
    """Without the prefix of a GHES address."""
    query: str
    request: Any
    """The JSON body, None without one."""
    status: int
    headers: Mapping[str, str]
    response: Any
    template: str
    """The route, empty for one that the sandbox does not know."""
    principal: str
    fault: bool
    """Whether the answer was made up by a planned fault."""
    agent: str = ""
    """The asker's User-Agent."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    """As GitHub's OpenAPI description writes it."""
    needs: str
    pattern: re.Pattern[str]
    handler: "Callable[[Call], Reply]"
    for_app: bool = False

    @property
    def of_repository(self) -> bool:
        return self.template.startswith("/repos/{owner}/{repo}")


class Routes:
    def __init__(self) -> None:
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def include(self, others: "Routes") -> None:
        self._routes.extend(others)

    def add(
        self, method: str, template: str, needs: str = "", *, for_app: bool = False
    ) -> "Callable[[Callable[[Call], Reply]], Callable[[Call], Reply]]":
        """``needs`` as in ``Principal.may``; ``for_app`` routes want the App's JWT."""

        def register(handler: "Callable[[Call], Reply]") -> "Callable[[Call], Reply]":
            pattern = re.compile(_pattern(template))
            self._routes.append(Route(method, template, needs, pattern, handler, for_app))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        wanted = "GET" if method == "HEAD" else method
        for route in self._routes:
            if route.method == wanted and (match := route.pattern.fullmatch(path)):
                return route, match.groupdict()
        return None


def _pattern(template: str) -> str:
    # GitHub lets these span several path segments (x-multi-segment in its description)
    spanning = {"path", "ref", "basehead", "branch", "tag"}

    def group(match: "re.Match[str]") -> str:
        name = match[1]
        if name.endswith(("_id", "_number")):
            return rf"(?P<{name}>\d+)"
        return rf"(?P<{name}>.+)" if name in spanning else rf"(?P<{name}>[^/]+)"

    return re.sub(r"\{(\w+)\}", group, template)


@dataclass(slots=True)
class Call:
    """A request, once it is known what it asks for and who asks."""

    sandbox: "Sandbox"
    method: str
    path: str
    root: str
    """The address of the API as the asker wrote it, without a slash at the end."""
    params: dict[str, str]
    query: QueryParams
    headers: Headers
    body: Json
    principal: Principal
    found: Repository | None = None
    link: str = ""

    @property
    def repository(self) -> Repository:
        if self.found is None:
            raise not_found()
        return self.found

    @property
    def pull(self) -> Pull:
        number = self.params.get("pull_number") or self.params["issue_number"]
        pull = self.repository.pulls.get(int(number))
        if pull is None:
            raise not_found()
        return pull

    @property
    def bound(self) -> "frozenset[int] | None":
        return self.principal.repository_ids

    def commit_of(self, name: str) -> str:
        """The commit that a ref names. Raises ApiError (422) as the commit endpoints do."""
        oid = self.repository.git.resolve(name)
        if oid is None:
            raise ApiError(422, f"No commit found for SHA: {name}")
        return oid

    def text(self, key: str, default: str = "") -> str:
        """A text of the body. Raises ApiError (422) when it is something else."""
        value = self.body.get(key, default)
        if not isinstance(value, str):
            raise schema_invalid(f"For 'properties/{key}', {json.dumps(value)} is not a string.")
        return value

    def page(self, items: Sequence[_T]) -> Sequence[_T]:
        """The part asked for; the answer gets a Link header for the others."""
        size = min(max(_number(self.query.get("per_page"), 30), 1), 100)
        page = max(_number(self.query.get("page"), 1), 1)
        last = max(1, -(-len(items) // size))
        links = []
        if page > 1:
            links += [("prev", min(page - 1, last)), ("first", 1)]
        if page < last:
            links = [*links[:1], ("next", page + 1), ("last", last), *links[1:]]
        self.link = ", ".join(f'<{self._page_url(number)}>; rel="{rel}"' for rel, number in links)
        return items[(page - 1) * size : page * size]

    def _page_url(self, page: int) -> str:
        kept = [(key, value) for key, value in self.query.multi_items() if key != "page"]
        return f"{self.root}{self.numbered_path()}?{urlencode([*kept, ('page', str(page))])}"

    def numbered_path(self) -> str:
        """The path by the repository's id, as GitHub writes it in links and redirects."""
        if self.found is None or not self.path.startswith("/repos/"):
            return self.path
        tail = self.path.split("/", 4)[4:]
        return "/".join([f"/repositories/{self.found.id}", *tail])


def answer(call: Call, route: Route) -> Reply:
    """Run a route's handler after the checks that all routes share. Raises ApiError."""
    _refuse_wrong_kind(call, route)
    if route.of_repository:
        moved = _locate(call)
        if moved is not None:
            return moved
        _authorise(call, route)
    reply = route.handler(call)
    if call.link:
        reply.headers["link"] = call.link
    return reply


def _refuse_wrong_kind(call: Call, route: Route) -> None:
    kind = call.principal.kind
    if route.for_app and kind != "app":
        raise ApiError(401, "A JSON web token could not be decoded")
    if kind == "app" and not route.for_app and route.of_repository:
        raise bad_credentials()


def _locate(call: Call) -> Reply | None:
    world = call.sandbox
    name = f"{call.params['owner']}/{call.params['repo']}"
    repository = world.find_repository(name)
    if repository is None:
        repository = world.find_repository(name, follow=True)
        if repository is None:
            raise not_found()
        call.found = repository
        url = call.root + call.numbered_path()
        if call.query:
            url = f"{url}?{call.query}"
        moved = call.method in _READS
        message = "Moved Permanently" if moved else "Temporary Redirect"
        body = {"message": message, "url": url, "documentation_url": "https://docs.github.com/rest"}
        return Reply(body, 301 if moved else 307, {"location": url})
    call.found = repository
    return None


def _authorise(call: Call, route: Route) -> None:
    repository, principal = call.repository, call.principal
    reads = call.method in _READS
    if principal.kind == "user" and principal.account is not None:
        role = call.sandbox.role_of(repository, principal.account)
        if role.base == "none":
            raise not_found()
        if not reads and _ROLE_LEVELS[role.base] < _role_needed(route.needs):
            raise ApiError(403, "Must have write access to this repository.")
        open_to_all = reads and not repository.private
        if principal.is_bounded and not open_to_all and not principal.may(route.needs):
            raise _refused(route, "personal access token")
    elif principal.kind == "installation" and principal.installation is not None:
        covered = call.sandbox.covers(principal.installation, repository) and (
            principal.repository_ids is None or repository.id in principal.repository_ids
        )
        if not covered and (repository.private or not reads):
            raise not_found() if repository.private else _refused(route)
        if covered and route.needs and not principal.may(route.needs):
            raise _refused(route)
    elif route.for_app:
        return  # it asks whether it is installed there, and is told nothing else
    elif repository.private:
        raise not_found()
    elif not reads:
        raise ApiError(401, "Requires authentication")
    if repository.archived and not reads:
        raise ApiError(403, "Repository was archived so is read-only.")


def _role_needed(needs: str) -> int:
    if "administration" in needs:
        return _ROLE_LEVELS["admin"]
    # anybody who can read may comment and open pull requests
    return _ROLE_LEVELS["read" if "issues" in needs or "pull_requests" in needs else "write"]


def _refused(route: Route, asker: str = "integration") -> ApiError:
    error = not_accessible(asker)
    accepted = route.needs.replace(":", "=").replace("|", "; ")
    error.headers["x-accepted-github-permissions"] = accepted
    return error


def limited(call_path: str) -> str:
    """The resource whose limit a path counts against; empty for none."""
    if call_path == "/rate_limit":
        return ""
    return "graphql" if call_path == "/graphql" else "core"


def finish(
    sandbox: "Sandbox",
    reply: Reply,
    *,
    method: str,
    path: str,
    request_headers: Headers,
    principal: Principal | None,
    address: str,
) -> Reply:
    """Add what every answer bears, and turn an unchanged one into 304."""
    content = reply.content()
    if method in _READS and reply.status == 200:
        accept = request_headers.get("accept", "")
        etag = f'W/"{hashlib.sha256(accept.encode() + content).hexdigest()}"'
        reply.headers["etag"] = etag
        reply.headers.setdefault("cache-control", "private, max-age=60, s-maxage=60")
        if etag in [tag.strip() for tag in request_headers.get("if-none-match", "").split(",")]:
            reply = Reply(None, 304, reply.headers)
    resource = limited(path) or "core"
    key = principal.limit_key if principal else address
    window = sandbox.limits.window(key, resource)
    if limited(path) and not (reply.status == 304 and principal and principal.kind != "anonymous"):
        window.used += 1
    reply.headers = {
        "vary": "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding",
        "x-github-media-type": "github.v3; format=json",
        "x-github-api-version-selected": "2022-11-28",
        "x-github-request-id": secrets.token_hex(10).upper(),
        **headers_of(window, resource),
        **reply.headers,
    }
    return reply


def over_limit(sandbox: "Sandbox", principal: Principal, path: str) -> Reply | None:
    """The refusal when the hourly limit is used up."""
    resource = limited(path)
    if not resource or sandbox.limits.window(principal.limit_key, resource).remaining > 0:
        return None
    message = f"API rate limit exceeded for {principal.limit_key}."
    if resource == "graphql":
        return Reply({"errors": [{"type": "RATE_LIMITED", "message": message}]})
    docs = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
    return Reply(ApiError(403, message, docs=docs).body(), 403)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default
