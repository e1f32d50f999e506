"""What GraphQL resolvers work with: the registry of fields, nodes, connections and errors."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from graphql import GraphQLResolveInfo

from bot.sandbox.auth import Principal
from bot.sandbox.model import (
    Account,
    CheckRun,
    Json,
    Pull,
    Repository,
    Status,
)
from bot.sandbox.objects import CommitObject, TreeItem

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

MOST_NODES: Final = 100
_PUSHERS: Final = frozenset({"write", "maintain", "admin"})

Info: TypeAlias = GraphQLResolveInfo["Viewer"]
Resolver: TypeAlias = Callable[..., Any]
FIELDS: dict[str, dict[str, Resolver]] = {}


class QueryError(Exception):
    """An error with the ``type`` that GitHub gives it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Viewer:
    """The context of a query: the records, and who asks."""

    sandbox: "Sandbox"
    principal: Principal

    def need(self, needs: str) -> None:
        """Raises QueryError when an App, or a fine-grained token, lacks the permission. GitHub
        lets the latter read more of public repositories."""
        if self.principal.is_bounded and not self.principal.may(needs):
            app = self.principal.kind == "installation"
            asker = "integration" if app else "personal access token"
            raise QueryError("FORBIDDEN", f"Resource not accessible by {asker}")

    def sees(self, repository: Repository) -> bool:
        return not repository.private or self._reaches(repository, "read")

    def need_writing(self, repository: Repository) -> None:
        """Raises QueryError for who may not push to a repository."""
        self.need("contents:write")
        if not self._reaches(repository, "write"):
            raise QueryError("FORBIDDEN", "Resource not accessible by integration")

    def _reaches(self, repository: Repository, role: str) -> bool:
        world, principal = self.sandbox, self.principal
        if principal.installation is not None:
            bound = principal.repository_ids
            covered = world.covers(principal.installation, repository)
            return covered and (bound is None or repository.id in bound)
        if principal.account is None:
            return False
        base = world.role_of(repository, principal.account).base
        return base in _PUSHERS if role == "write" else base != "none"


@dataclass(frozen=True, slots=True)
class GitNode:
    """A git object as seen in a repository."""

    repository: Repository
    oid: str
    kind: str

    @property
    def commit(self) -> CommitObject:
        return self.repository.git.store.commit(self.oid)

    @property
    def content(self) -> bytes:
        return self.repository.git.store.read_kind(self.oid, self.kind) or b""


@dataclass(frozen=True, slots=True)
class RefNode:
    repository: Repository
    ref: str


@dataclass(frozen=True, slots=True)
class Entry:
    repository: Repository
    item: TreeItem
    path: str


@dataclass(frozen=True, slots=True)
class PullCommit:
    pull: Pull
    oid: str


def type_of(value: Any) -> str:
    if isinstance(value, Account):
        return value.kind
    if isinstance(value, GitNode):
        return value.kind.capitalize()
    return {CheckRun: "CheckRun", Status: "StatusContext"}[type(value)]


def field(kind: str, name: str) -> Callable[[Resolver], Resolver]:
    def register(resolver: Resolver) -> Resolver:
        FIELDS.setdefault(kind, {})[name] = resolver
        return resolver

    return register


def viewer_of(info: Info) -> Viewer:
    return info.context


def connect(name: str, items: Sequence[Any], args: Json) -> Json:
    """A page of a connection. Raises QueryError for a page without bounds or beyond 100."""
    first, last = args.get("first"), args.get("last")
    if first is None and last is None:
        raise QueryError(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}` "
            "connection.",
        )
    for bound, size in (("first", first), ("last", last)):
        if size is not None and size > MOST_NODES:
            raise QueryError(
                "EXCESSIVE_PAGINATION",
                f"Requesting {size} records on the `{name}` connection exceeds the `{bound}` "
                f"limit of {MOST_NODES} records.",
            )
    start = _index(args["after"]) if args.get("after") else 0
    end = min(_index(args["before"]) - 1, len(items)) if args.get("before") else len(items)
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    shown = list(items[start:end])
    return {
        "totalCount": len(items),
        "nodes": shown,
        "edges": [
            {"cursor": _cursor(start + index + 1), "node": node} for index, node in enumerate(shown)
        ],
        "pageInfo": {
            "startCursor": _cursor(start + 1) if shown else None,
            "endCursor": _cursor(start + len(shown)) if shown else None,
            "hasNextPage": start + len(shown) < len(items),
            "hasPreviousPage": start > 0,
        },
    }


def _cursor(index: int) -> str:
    return base64.b64encode(f"cursor:{index}".encode()).decode()


def _index(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("cursor:"))
    except ValueError:
        raise QueryError(
            "INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor."
        ) from None


def branch_ref(repository: Repository, branch: str | None) -> RefNode | None:
    ref = f"refs/heads/{branch}"
    return RefNode(repository, ref) if ref in repository.git.refs else None
