"""The fields of the GraphQL schema that are more than a record's value of the same name."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from graphql import GraphQLResolveInfo

from bot.sandbox.auth import Principal
from bot.sandbox.git import CommitObject, Signature, TreeItem
from bot.sandbox.model import (
    Account,
    CheckRun,
    CheckSuite,
    Json,
    Pull,
    Repository,
    Status,
)
from bot.sandbox.shapes import git_stamp, maybe_stamp, node_id, stamp

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

_MOST_NODES: Final = 100
_TEXT_BYTES: Final = 512_000
_CO_AUTHOR: Final = re.compile(r"^Co-authored-by: ?(.+) <(.+)>$", re.IGNORECASE | re.MULTILINE)

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
        """Raises QueryError when an App lacks the permission."""
        if self.principal.kind == "installation" and not self.principal.may(needs):
            raise QueryError("FORBIDDEN", "Resource not accessible by integration")


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


def _viewer(info: Info) -> Viewer:
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
        if size is not None and size > _MOST_NODES:
            raise QueryError(
                "EXCESSIVE_PAGINATION",
                f"Requesting {size} records on the `{name}` connection exceeds the `{bound}` "
                f"limit of {_MOST_NODES} records.",
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


# Query


@field("Query", "repository")
def _repository(_: None, info: Info, owner: str, name: str, **args: Any) -> Repository:
    viewer = _viewer(info)
    world, principal = viewer.sandbox, viewer.principal
    follow = args.get("followRenames") is not False
    found = world.find_repository(f"{owner}/{name}", follow=follow)
    if found is not None and found.private:
        installation, account = principal.installation, principal.account
        if installation is not None:
            bound = principal.repository_ids
            seen = world.covers(installation, found) and (bound is None or found.id in bound)
        else:
            seen = account is not None and world.role_of(found, account).base != "none"
        found = found if seen else None
    if found is None:
        raise QueryError(
            "NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'."
        )
    return found


@field("Query", "viewer")
def _viewed_by(_: None, info: Info) -> Account:
    account = _viewer(info).principal.account
    if account is None:
        raise QueryError("FORBIDDEN", "Resource not accessible by integration")
    return account


@field("Query", "rateLimit")
def _rate_limit(_: None, info: Info, **__: Any) -> Json:
    viewer = _viewer(info)
    window = viewer.sandbox.limits.window(viewer.principal.limit_key, "graphql")
    return {
        "cost": 1,
        "limit": window.limit,
        "nodeCount": 0,
        "remaining": max(0, window.remaining - 1),
        "used": window.used + 1,
        "resetAt": stamp(datetime.fromtimestamp(window.reset, UTC)),
    }


# accounts and Apps


def _simple(kind: str, prefix: str) -> None:
    field(kind, "id")(lambda account, _: node_id(prefix, account.id))
    field(kind, "databaseId")(lambda account, _: account.id)
    field(kind, "url")(lambda a, info: _viewer(info).sandbox.shapes.account(a)["html_url"])
    field(kind, "avatarUrl")(
        lambda a, info, **_: _viewer(info).sandbox.shapes.account(a)["avatar_url"]
    )
    # REST calls a bot "name[bot]", GraphQL "name"
    field(kind, "login")(lambda account, _: account.login.removesuffix("[bot]"))


for _kind, _prefix in (("User", "U"), ("Bot", "BOT"), ("Organization", "O")):
    _simple(_kind, _prefix)
field("App", "id")(lambda app, _: node_id("A", app.id))
field("App", "databaseId")(lambda app, _: app.id)


# repositories


@field("Repository", "id")
def _repository_id(repository: Repository, _: Any) -> str:
    return node_id("R", repository.id)


def _setting(name: str, attribute: str) -> None:
    field("Repository", name)(lambda r, _: getattr(r.settings, attribute))


for _name, _setting_name in (
    ("squashMergeAllowed", "allow_squash_merge"),
    ("mergeCommitAllowed", "allow_merge_commit"),
    ("rebaseMergeAllowed", "allow_rebase_merge"),
    ("autoMergeAllowed", "allow_auto_merge"),
    ("deleteBranchOnMerge", "delete_branch_on_merge"),
    ("squashMergeCommitTitle", "squash_merge_commit_title"),
    ("squashMergeCommitMessage", "squash_merge_commit_message"),
    ("mergeCommitTitle", "merge_commit_title"),
    ("mergeCommitMessage", "merge_commit_message"),
):
    _setting(_name, _setting_name)
field("Repository", "databaseId")(lambda r, _: r.id)
field("Repository", "nameWithOwner")(lambda r, _: r.full_name)
field("Repository", "url")(lambda r, info: f"{_viewer(info).sandbox.url}/{r.full_name}")
field("Repository", "isPrivate")(lambda r, _: r.private)
field("Repository", "isArchived")(lambda r, _: r.archived)
field("Repository", "isDisabled")(lambda _r, _: False)
field("Repository", "isFork")(lambda r, _: r.parent is not None)
field("Repository", "visibility")(lambda r, _: "PRIVATE" if r.private else "PUBLIC")
for _name in ("createdAt", "updatedAt", "pushedAt"):
    _moment = f"{_name.removesuffix('At')}_at"
    field("Repository", _name)(lambda r, _, moment=_moment: stamp(getattr(r, moment)))


@field("Repository", "viewerPermission")
def _viewer_permission(repository: Repository, info: Info) -> str | None:
    viewer = _viewer(info)
    account = viewer.principal.account
    if account is None:
        return "READ"
    base = viewer.sandbox.role_of(repository, account).base
    return None if base == "none" else base.upper()


def _branch_ref(repository: Repository, branch: str | None) -> RefNode | None:
    ref = f"refs/heads/{branch}"
    return RefNode(repository, ref) if ref in repository.git.refs else None


field("Repository", "defaultBranchRef")(lambda r, _: _branch_ref(r, r.default_branch))


@field("Repository", "ref")
def _ref(
    repository: Repository,
    info: Info,
    qualifiedName: str,  # noqa: N803
) -> RefNode | None:
    for ref in (qualifiedName, f"refs/heads/{qualifiedName}", f"refs/tags/{qualifiedName}"):
        if ref in repository.git.refs:
            return RefNode(repository, ref)
    return None


@field("Repository", "refs")
def _refs(repository: Repository, _: Any, **args: Any) -> Json:
    refs = sorted(ref for ref in repository.git.refs if ref.startswith(args["refPrefix"]))
    return connect("refs", [RefNode(repository, ref) for ref in refs], args)


@field("Repository", "object")
def _object(
    repository: Repository,
    info: Info,
    expression: str | None = None,
    oid: str | None = None,
) -> GitNode | None:
    _viewer(info).need("contents:read")
    name = oid or expression or ""
    place, colon, path = name.partition(":")
    store = repository.git.store
    if colon or not place:
        commit = repository.git.resolve(place or "HEAD")
        commit = commit or (repository.branch(repository.default_branch) if place == "HEAD" else "")
        found = store.at_path(commit, path) if commit else None
        return GitNode(repository, found[0], found[1]) if found else None
    if place == "HEAD":
        place = repository.default_branch
    commit = repository.git.resolve(place)
    if commit is not None:
        return GitNode(repository, commit, "commit")
    known = store.read(place)
    return GitNode(repository, known[0], known[1]) if known else None


@field("Repository", "pullRequest")
def _pull(repository: Repository, info: Info, number: int) -> Pull:
    _viewer(info).need("pull_requests:read")
    pull = repository.pulls.get(number)
    if pull is None:
        raise QueryError(
            "NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}."
        )
    return pull


@field("Repository", "pullRequests")
def _pulls(repository: Repository, info: Info, **args: Any) -> Json:
    _viewer(info).need("pull_requests:read")
    states = args.get("states")
    pulls = [
        pull
        for pull in repository.pulls.values()
        if (not states or _state(pull) in states)
        and args.get("baseRefName") in (None, pull.base_ref)
        and args.get("headRefName") in (None, pull.head_ref)
    ]
    order = args.get("orderBy")
    if order:
        key = "updated_at" if order["field"] == "UPDATED_AT" else "number"
        pulls.sort(key=lambda p: getattr(p, key), reverse=order["direction"] == "DESC")
    return connect("pullRequests", pulls, args)


# git

field("Ref", "id")(lambda n, _: node_id("REF", f"{n.repository.id}:{n.ref}"))
field("Ref", "name")(lambda n, _: n.ref.split("/", 2)[2])
field("Ref", "prefix")(lambda n, _: "/".join(n.ref.split("/", 2)[:2]) + "/")


@field("Ref", "target")
def _target(node: RefNode, _: Any) -> GitNode | None:
    found = node.repository.git.store.read(node.repository.git.refs.get(node.ref, ""))
    return GitNode(node.repository, found[0], found[1]) if found else None


for _kind in ("Commit", "Blob", "Tree"):
    field(_kind, "id")(lambda n, _: node_id(n.kind[0].upper(), n.oid))
    field(_kind, "abbreviatedOid")(lambda n, _: n.oid[:7])
    field(_kind, "commitUrl")(
        lambda n, info: f"{_viewer(info).sandbox.url}/{n.repository.full_name}/commit/{n.oid}"
    )
field("Commit", "url")(
    lambda n, info: f"{_viewer(info).sandbox.url}/{n.repository.full_name}/commit/{n.oid}"
)
field("Blob", "byteSize")(lambda n, _: len(n.content))
field("Blob", "isBinary")(lambda n, _: _binary(n.content))
field("Blob", "isTruncated")(lambda n, _: len(n.content) > _TEXT_BYTES)


@field("Blob", "text")
def _text(node: GitNode, _: Any) -> str | None:
    content = node.content
    return None if _binary(content) else content[:_TEXT_BYTES].decode("utf-8", errors="replace")


def _binary(content: bytes) -> bool:
    return b"\0" in content[:8000]


@field("Tree", "entries")
def _entries(node: GitNode, _: Any) -> list[Entry]:
    items = node.repository.git.store.tree(node.oid)
    return [Entry(node.repository, item, item.name) for item in items]


field("TreeEntry", "name")(lambda e, _: e.item.name)
field("TreeEntry", "path")(lambda e, _: e.path)
field("TreeEntry", "mode")(lambda e, _: int(e.item.mode, 8))
field("TreeEntry", "type")(lambda e, _: e.item.kind)
field("TreeEntry", "oid")(lambda e, _: e.item.oid)
field("TreeEntry", "size")(lambda e, _: len(GitNode(e.repository, e.item.oid, "blob").content))
field("TreeEntry", "object")(lambda e, _: GitNode(e.repository, e.item.oid, e.item.kind))
field("TreeEntry", "extension")(
    lambda e, _: f".{e.item.name.rpartition('.')[2]}" if "." in e.item.name else ""
)


@field("Commit", "file")
def _file(node: GitNode, info: Info, path: str) -> Entry | None:
    _viewer(info).need("contents:read")
    store = node.repository.git.store
    folder, _, name = path.rpartition("/")
    tree = store.at_path(node.oid, folder)
    if tree is None or tree[1] != "tree":
        return None
    for item in store.tree(tree[0]):
        if item.name == name:
            return Entry(node.repository, item, path)
    return None


field("Commit", "message")(lambda n, _: n.commit.message.rstrip("\n"))
field("Commit", "messageHeadline")(lambda n, _: n.commit.message.partition("\n")[0])
field("Commit", "messageBody")(lambda n, _: n.commit.message.partition("\n")[2].strip("\n"))
field("Commit", "author")(lambda n, _: n.commit.author)
field("Commit", "committer")(lambda n, _: n.commit.committer)
field("Commit", "tree")(lambda n, _: GitNode(n.repository, n.commit.tree, "tree"))
field("Commit", "committedDate")(lambda n, _: git_stamp(n.commit.committer))
field("Commit", "authoredDate")(lambda n, _: git_stamp(n.commit.author))
field("GitActor", "date")(lambda s, _: git_stamp(s))


@field("GitActor", "user")
def _git_user(signature: Signature, info: Info) -> Account | None:
    account = _viewer(info).sandbox.account_of_email(signature.email)
    return account if account is not None and account.kind == "User" else None


@field("Commit", "authors")
def _authors(node: GitNode, _: Any, **args: Any) -> Json:
    author = node.commit.author
    others = [
        Signature(name, email, author.seconds, author.zone)
        for name, email in _CO_AUTHOR.findall(node.commit.message)
    ]
    return connect("authors", [author, *others], args)


@field("Commit", "parents")
def _parents(node: GitNode, _: Any, **args: Any) -> Json:
    parents = [GitNode(node.repository, oid, "commit") for oid in node.commit.parents]
    return connect("parents", parents, args)


@field("Commit", "history")
def _history(node: GitNode, _: Any, **args: Any) -> Json:
    oids = reversed(node.repository.git.store.graph.history(node.oid))
    return connect("history", [GitNode(node.repository, oid, "commit") for oid in oids], args)


for _name, _count in (
    ("additions", lambda files: sum(file.additions for file in files)),
    ("deletions", lambda files: sum(file.deletions for file in files)),
    ("changedFilesIfAvailable", len),
):
    field("Commit", _name)(
        lambda n, info, count=_count: count(_viewer(info).sandbox.files_of(n.repository, n.oid))
    )


@field("Commit", "associatedPullRequests")
def _associated(node: GitNode, _: Any, **args: Any) -> Json:
    pulls = [
        pull
        for pull in node.repository.pulls.values()
        if node.oid in (pull.head_sha, pull.merge_commit_sha)
    ]
    return connect("associatedPullRequests", pulls, args)


# pull requests


def _state(pull: Pull) -> str:
    return "MERGED" if pull.merged_at is not None else pull.state.upper()


field("PullRequest", "id")(lambda p, _: node_id("PR", p.id))
field("PullRequest", "databaseId")(lambda p, _: p.id)
field("PullRequest", "fullDatabaseId")(lambda p, _: str(p.id))
field("PullRequest", "body")(lambda p, _: p.body or "")
field("PullRequest", "state")(lambda p, _: _state(p))
field("PullRequest", "isDraft")(lambda p, _: p.draft)
field("PullRequest", "merged")(lambda p, _: p.merged_at is not None)
field("PullRequest", "closed")(lambda p, _: p.closed_at is not None)
for _name in ("createdAt", "updatedAt", "closedAt", "mergedAt"):
    _moment = f"{_name.removesuffix('At')}_at"
    field("PullRequest", _name)(lambda p, _, moment=_moment: maybe_stamp(getattr(p, moment)))
field("PullRequest", "lastEditedAt")(lambda _p, _: None)
for _name in ("url", "permalink"):
    field("PullRequest", _name)(
        lambda p, info: f"{_viewer(info).sandbox.url}/{p.repository.full_name}/pull/{p.number}"
    )
field("PullRequest", "headRefOid")(lambda p, _: p.head_sha)
field("PullRequest", "headRefName")(lambda p, _: p.head_ref)
field("PullRequest", "headRepository")(lambda p, _: p.head_repository)
field("PullRequest", "headRepositoryOwner")(lambda p, _: p.head_owner)
field("PullRequest", "isCrossRepository")(lambda p, _: p.crosses)
field("PullRequest", "baseRefName")(lambda p, _: p.base_ref)
field("PullRequest", "baseRefOid")(lambda p, _: p.base_sha)
field("PullRequest", "baseRepository")(lambda p, _: p.repository)
field("PullRequest", "authorAssociation")(
    lambda p, info: _viewer(info).sandbox.shapes.association(p.repository, p.author)
)
field("PullRequest", "viewerDidAuthor")(
    lambda p, info: p.author is not None and p.author is _viewer(info).principal.writes_as
)


field("PullRequest", "baseRef")(lambda p, _: _branch_ref(p.repository, p.base_ref))
field("PullRequest", "headRef")(
    lambda p, _: _branch_ref(p.head_repository, p.head_ref) if p.head_repository else None
)


@field("PullRequest", "mergeable")
def _mergeable(pull: Pull, info: Info) -> str:
    if pull.closed_at is not None:
        return "UNKNOWN"
    return "MERGEABLE" if _viewer(info).sandbox.mergeable(pull) else "CONFLICTING"


@field("PullRequest", "mergeCommit")
def _merge_commit(pull: Pull, _: Any) -> GitNode | None:
    sha = pull.merge_commit_sha
    return GitNode(pull.repository, sha, "commit") if sha else None


for _name, _key in (
    ("additions", "additions"),
    ("deletions", "deletions"),
    ("changedFiles", "changed_files"),
):
    field("PullRequest", _name)(
        lambda p, info, key=_key: _viewer(info).sandbox.pull_detail(p, computed=False)[key]
    )


@field("PullRequest", "commits")
def _pull_commits(pull: Pull, info: Info, **args: Any) -> Json:
    oids = _viewer(info).sandbox.commits_of(pull)
    return connect("commits", [PullCommit(pull, oid) for oid in oids], args)


field("PullRequestCommit", "id")(lambda c, _: node_id("PURC", f"{c.pull.id}:{c.oid}"))
field("PullRequestCommit", "pullRequest")(lambda c, _: c.pull)
field("PullRequestCommit", "commit")(lambda c, _: GitNode(c.pull.repository, c.oid, "commit"))
field("PullRequestCommit", "url")(
    lambda c, info: (
        f"{_viewer(info).sandbox.url}/{c.pull.repository.full_name}"
        f"/pull/{c.pull.number}/commits/{c.oid}"
    )
)


@field("PullRequest", "comments")
def _comments(pull: Pull, info: Info, **args: Any) -> Json:
    return connect("comments", _viewer(info).sandbox.comments_of(pull), args)


field("IssueComment", "id")(lambda c, _: node_id("IC", c.id))
field("IssueComment", "databaseId")(lambda c, _: c.id)
field("IssueComment", "fullDatabaseId")(lambda c, _: str(c.id))
field("IssueComment", "isMinimized")(lambda _c, _: False)
field("IssueComment", "createdAt")(lambda c, _: stamp(c.created_at))
field("IssueComment", "updatedAt")(lambda c, _: stamp(c.updated_at))
field("IssueComment", "lastEditedAt")(
    lambda c, _: stamp(c.updated_at) if c.updated_at != c.created_at else None
)
field("IssueComment", "url")(lambda c, info: _viewer(info).sandbox.shapes.comment(c)["html_url"])
field("IssueComment", "authorAssociation")(
    lambda c, info: _viewer(info).sandbox.shapes.association(c.pull.repository, c.author)
)
field("IssueComment", "viewerDidAuthor")(
    lambda c, info: c.author is not None and c.author is _viewer(info).principal.writes_as
)


# checks and statuses


@field("Commit", "checkSuites")
def _suites(node: GitNode, info: Info, **args: Any) -> Json:
    _viewer(info).need("checks:read")
    wanted = args.get("filterBy") or {}
    suites = [
        suite
        for suite in node.repository.suites.get(node.oid, ())
        if wanted.get("appId") in (None, suite.app.id)
        and (
            not wanted.get("checkName")
            or any(run.name == wanted["checkName"] for run in suite.runs)
        )
    ]
    return connect("checkSuites", suites, args)


field("CheckSuite", "id")(lambda s, _: node_id("CS", s.id))
field("CheckSuite", "databaseId")(lambda s, _: s.id)
field("CheckSuite", "status")(lambda s, _: s.status.upper())
field("CheckSuite", "conclusion")(lambda s, _: s.conclusion.upper() if s.conclusion else None)
field("CheckSuite", "commit")(lambda s, _: GitNode(s.repository, s.head_sha, "commit"))
field("CheckSuite", "createdAt")(lambda s, _: stamp(s.created_at))
field("CheckSuite", "updatedAt")(lambda s, _: stamp(s.updated_at))


field("CheckSuite", "branch")(lambda s, _: _branch_ref(s.repository, s.head_branch))


@field("CheckSuite", "checkRuns")
def _runs(suite: CheckSuite, _: Any, **args: Any) -> Json:
    wanted = args.get("filterBy") or {}
    runs = list(reversed(suite.runs))
    if wanted.get("checkType") != "ALL":
        newest: dict[str, CheckRun] = {}
        for run in runs:
            newest.setdefault(run.name, run)
        runs = list(newest.values())
    statuses = wanted.get("statuses") or ([wanted["status"]] if wanted.get("status") else None)
    conclusions = wanted.get("conclusions")
    found = [
        run
        for run in runs
        if wanted.get("checkName") in (None, run.name)
        and wanted.get("appId") in (None, run.suite.app.id)
        and (statuses is None or run.status.upper() in statuses)
        and (conclusions is None or (run.conclusion or "").upper() in conclusions)
    ]
    return connect("checkRuns", found, args)


field("CheckRun", "id")(lambda r, _: node_id("CR", r.id))
field("CheckRun", "databaseId")(lambda r, _: r.id)
field("CheckRun", "status")(lambda r, _: r.status.upper())
field("CheckRun", "conclusion")(lambda r, _: r.conclusion.upper() if r.conclusion else None)
field("CheckRun", "externalId")(lambda r, _: r.external_id)
field("CheckRun", "startedAt")(lambda r, _: maybe_stamp(r.started_at))
field("CheckRun", "completedAt")(lambda r, _: maybe_stamp(r.completed_at))
field("CheckRun", "checkSuite")(lambda r, _: r.suite)
field("CheckRun", "repository")(lambda r, _: r.suite.repository)
for _name in ("url", "permalink"):
    field("CheckRun", _name)(lambda r, info: _viewer(info).sandbox.shapes.check_run(r)["html_url"])


@field("CheckRun", "annotations")
def _annotations(run: CheckRun, _: Any, **args: Any) -> Json:
    shown = [
        {
            "annotationLevel": item["annotation_level"].upper(),
            "message": item["message"],
            "path": item["path"],
            "title": item.get("title"),
            "rawDetails": item.get("raw_details"),
        }
        for item in run.annotations
    ]
    return connect("annotations", shown, args)


def _rollup(repository: Repository, oid: str, sandbox: "Sandbox") -> Json | None:
    runs = sandbox.latest_checks(repository, oid)
    statuses = list(sandbox.latest_statuses(repository, oid))
    if not runs and not statuses:
        return None
    good = {"success", "neutral", "skipped"}
    bad = any(run.conclusion and run.conclusion not in good for run in runs) or any(
        status.state in ("failure", "error") for status in statuses
    )
    waiting = any(run.status != "completed" for run in runs) or any(
        status.state == "pending" for status in statuses
    )
    return {
        "id": node_id("SCR", oid),
        "state": "FAILURE" if bad else "PENDING" if waiting else "SUCCESS",
        "commit": GitNode(repository, oid, "commit"),
        "found": [*runs, *statuses],
    }


field("Commit", "statusCheckRollup")(
    lambda n, info: _rollup(n.repository, n.oid, _viewer(info).sandbox)
)
field("PullRequest", "statusCheckRollup")(
    lambda p, info: _rollup(p.repository, p.head_sha, _viewer(info).sandbox)
)
field("StatusCheckRollup", "contexts")(
    lambda rollup, _, **args: connect("contexts", rollup["found"], args)
)
field("StatusContext", "id")(lambda s, _: node_id("SC", s.id))
field("StatusContext", "state")(lambda s, _: s.state.upper())
field("StatusContext", "createdAt")(lambda s, _: stamp(s.created_at))


@field("Commit", "status")
def _status(node: GitNode, info: Info) -> Json | None:
    rollup = _rollup(node.repository, node.oid, _viewer(info).sandbox)
    statuses = [item for item in (rollup or {}).get("found", ()) if isinstance(item, Status)]
    if rollup is None or not statuses:
        return None
    return {"id": node_id("S", node.oid), "state": rollup["state"], "contexts": statuses}
