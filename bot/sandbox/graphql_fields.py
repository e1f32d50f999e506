"""The fields of the GraphQL schema that are more than a record's value of the same name."""

from datetime import UTC, datetime
from typing import Any

from bot.sandbox.graphql_nodes import (
    GitNode,
    Info,
    PullCommit,
    QueryError,
    RefNode,
    Viewer,
    branch_ref,
    connect,
    field,
    viewer_of,
)
from bot.sandbox.model import Account, CheckRun, CheckSuite, Json, Pull, Repository, Status
from bot.sandbox.shapes import maybe_stamp, node_id, stamp

# Query


@field("Query", "repository")
def _repository(_: None, info: Info, owner: str, name: str, **args: Any) -> Repository:
    viewer = viewer_of(info)
    world = viewer.sandbox
    follow = args.get("followRenames") is not False
    found = world.find_repository(f"{owner}/{name}", follow=follow)
    if found is None or not viewer.sees(found):
        raise QueryError(
            "NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'."
        )
    return found


@field("Query", "viewer")
def _viewed_by(_: None, info: Info) -> Account:
    account = viewer_of(info).principal.account
    if account is None:
        raise QueryError("FORBIDDEN", "Resource not accessible by integration")
    return account


@field("Query", "rateLimit")
def _rate_limit(_: None, info: Info, **__: Any) -> Json:
    viewer = viewer_of(info)
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
    field(kind, "url")(lambda a, info: viewer_of(info).sandbox.shapes.account(a)["html_url"])
    field(kind, "avatarUrl")(
        lambda a, info, **_: viewer_of(info).sandbox.shapes.account(a)["avatar_url"]
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
field("Repository", "url")(lambda r, info: f"{viewer_of(info).sandbox.url}/{r.full_name}")
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
    viewer = viewer_of(info)
    account = viewer.principal.account
    if account is None:
        return "READ"
    base = viewer.sandbox.role_of(repository, account).base
    return None if base == "none" else base.upper()


field("Repository", "defaultBranchRef")(lambda r, _: branch_ref(r, r.default_branch))


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
    prefix, query = args["refPrefix"], args.get("query") or ""
    refs = sorted(
        ref
        for ref in repository.git.refs
        if ref.startswith(prefix) and query in ref.removeprefix(prefix)
    )
    order = args.get("orderBy")
    if order:
        if order["field"] == "TAG_COMMIT_DATE":
            refs.sort(key=lambda ref: _committed(repository, ref))
        if order["direction"] == "DESC":
            refs.reverse()
    return connect("refs", [RefNode(repository, ref) for ref in refs], args)


def _committed(repository: Repository, ref: str) -> int:
    oid = repository.git.resolve(ref)
    return repository.git.store.commit(oid).committer.seconds if oid else 0


@field("Repository", "object")
def _object(
    repository: Repository,
    info: Info,
    expression: str | None = None,
    oid: str | None = None,
) -> GitNode | None:
    viewer_of(info).need("contents:read")
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
    viewer_of(info).need("pull_requests:read")
    pull = repository.pulls.get(number)
    if pull is None:
        raise QueryError(
            "NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}."
        )
    return pull


@field("Repository", "pullRequests")
def _pulls(repository: Repository, info: Info, **args: Any) -> Json:
    viewer_of(info).need("pull_requests:read")
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
        lambda p, info: f"{viewer_of(info).sandbox.url}/{p.repository.full_name}/pull/{p.number}"
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
    lambda p, info: viewer_of(info).sandbox.shapes.association(p.repository, p.author)
)
field("PullRequest", "viewerDidAuthor")(
    lambda p, info: p.author is not None and p.author is viewer_of(info).principal.writes_as
)


field("PullRequest", "baseRef")(lambda p, _: branch_ref(p.repository, p.base_ref))
field("PullRequest", "headRef")(
    lambda p, _: branch_ref(p.head_repository, p.head_ref) if p.head_repository else None
)


@field("PullRequest", "mergeable")
def _mergeable(pull: Pull, info: Info) -> str:
    if pull.closed_at is not None:
        return "UNKNOWN"
    return "MERGEABLE" if viewer_of(info).sandbox.mergeable(pull) else "CONFLICTING"


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
        lambda p, info, key=_key: viewer_of(info).sandbox.pull_detail(p, computed=False)[key]
    )


@field("PullRequest", "commits")
def _pull_commits(pull: Pull, info: Info, **args: Any) -> Json:
    oids = viewer_of(info).sandbox.commits_of(pull)
    return connect("commits", [PullCommit(pull, oid) for oid in oids], args)


field("PullRequestCommit", "id")(lambda c, _: node_id("PURC", f"{c.pull.id}:{c.oid}"))
field("PullRequestCommit", "pullRequest")(lambda c, _: c.pull)
field("PullRequestCommit", "commit")(lambda c, _: GitNode(c.pull.repository, c.oid, "commit"))
field("PullRequestCommit", "url")(
    lambda c, info: (
        f"{viewer_of(info).sandbox.url}/{c.pull.repository.full_name}"
        f"/pull/{c.pull.number}/commits/{c.oid}"
    )
)


@field("PullRequest", "comments")
def _comments(pull: Pull, info: Info, **args: Any) -> Json:
    return connect("comments", viewer_of(info).sandbox.comments_of(pull), args)


field("IssueComment", "id")(lambda c, _: node_id("IC", c.id))
field("IssueComment", "databaseId")(lambda c, _: c.id)
field("IssueComment", "fullDatabaseId")(lambda c, _: str(c.id))
field("IssueComment", "isMinimized")(lambda _c, _: False)
field("IssueComment", "createdAt")(lambda c, _: stamp(c.created_at))
field("IssueComment", "updatedAt")(lambda c, _: stamp(c.updated_at))
field("IssueComment", "lastEditedAt")(lambda c, _: maybe_stamp(c.edited_at))
field("IssueComment", "url")(lambda c, info: viewer_of(info).sandbox.shapes.comment(c)["html_url"])
field("IssueComment", "authorAssociation")(
    lambda c, info: viewer_of(info).sandbox.shapes.association(c.pull.repository, c.author)
)
field("IssueComment", "viewerDidAuthor")(
    lambda c, info: c.author is not None and c.author is viewer_of(info).principal.writes_as
)


# checks and statuses


@field("Commit", "checkSuites")
def _suites(node: GitNode, info: Info, **args: Any) -> Json:
    viewer_of(info).need("checks:read")
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


field("CheckSuite", "branch")(lambda s, _: branch_ref(s.repository, s.head_branch))


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
    field("CheckRun", _name)(
        lambda r, info: viewer_of(info).sandbox.shapes.check_run(r)["html_url"]
    )


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


def _rollup(repository: Repository, oid: str, viewer: Viewer) -> Json | None:
    viewer.need("checks:read")
    viewer.need("statuses:read")
    runs = viewer.sandbox.latest_checks(repository, oid)
    statuses = list(viewer.sandbox.latest_statuses(repository, oid))
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


field("Commit", "statusCheckRollup")(lambda n, info: _rollup(n.repository, n.oid, viewer_of(info)))
field("PullRequest", "statusCheckRollup")(
    lambda p, info: _rollup(p.repository, p.head_sha, viewer_of(info))
)
field("StatusCheckRollup", "contexts")(
    lambda rollup, _, **args: connect("contexts", rollup["found"], args)
)
field("StatusContext", "id")(lambda s, _: node_id("SC", s.id))
field("StatusContext", "state")(lambda s, _: s.state.upper())
field("StatusContext", "createdAt")(lambda s, _: stamp(s.created_at))


@field("Commit", "status")
def _status(node: GitNode, info: Info) -> Json | None:
    rollup = _rollup(node.repository, node.oid, viewer_of(info))
    statuses = [item for item in (rollup or {}).get("found", ()) if isinstance(item, Status)]
    if rollup is None or not statuses:
        return None
    return {"id": node_id("S", node.oid), "state": rollup["state"], "contexts": statuses}
