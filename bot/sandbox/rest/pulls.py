"""Pull requests. https://docs.github.com/rest/pulls/pulls"""

from typing import cast

from bot.sandbox.errors import ApiError, invalid, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Json, MergeMethod, Pull
from bot.sandbox.world import COMMENT_CHARACTERS

routes = Routes()
_LISTED_COMMITS = 250
_SORTS = {
    "created": lambda pull: pull.number,
    "updated": lambda pull: (pull.updated_at, pull.number),
    "popularity": lambda pull: (len(pull.comment_ids), pull.number),
}


@routes.add("GET", "/repos/{owner}/{repo}/pulls", "pull_requests:read")
def list_pulls(call: Call) -> Reply:
    query = call.query
    state, base, head = query.get("state", "open"), query.get("base"), query.get("head")
    found = [
        pull
        for pull in call.repository.pulls.values()
        if state in ("all", pull.state)
        and base in (None, "", pull.base_ref)
        and head in (None, "", _label(pull))
    ]
    sort = query.get("sort", "created")
    direction = query.get("direction", "desc" if sort == "created" else "asc")
    found.sort(key=_SORTS.get(sort, _SORTS["created"]), reverse=direction == "desc")
    return Reply([call.sandbox.shapes.pull(pull) for pull in call.page(found)])


def _label(pull: Pull) -> str:
    return f"{pull.head_owner.login if pull.head_owner else ''}:{pull.head_ref}"


@routes.add("POST", "/repos/{owner}/{repo}/pulls", "pull_requests:write")
def create_pull(call: Call) -> Reply:
    repository = call.repository
    owner, separator, branch = call.text("head").partition(":")
    fork = None
    if separator:
        name = call.text("head_repo", repository.name).rpartition("/")[2]
        fork = call.sandbox.find_repository(f"{owner}/{name}")
        if fork is None or fork.git.store is not repository.git.store:
            raise invalid("PullRequest", "head", "invalid")
    else:
        branch = owner
    if not call.text("title"):
        raise invalid("PullRequest", "title", "missing_field")
    _refuse_long(call)
    if not branch:
        raise schema_invalid('"head" wasn\'t supplied.')
    if repository.branch(call.text("base")) is None:
        raise invalid("PullRequest", "base", "invalid")
    pull = call.sandbox.open_pull(
        repository,
        call.text("title"),
        head=branch,
        base=call.text("base"),
        body=call.body.get("body"),
        by=call.principal.writes_as,
        draft=bool(call.body.get("draft", False)),
        fork=fork,
    )
    return Reply(_shown(call, pull), 201)


def _refuse_long(call: Call) -> None:
    if len(call.body.get("body") or "") > COMMENT_CHARACTERS:
        told = f"body is too long (maximum is {COMMENT_CHARACTERS} characters)"
        raise invalid("PullRequest", "body", "custom", told)


def _shown(call: Call, pull: Pull) -> Json:
    return call.sandbox.shapes.pull(pull, detail=call.sandbox.pull_detail(pull))


@routes.add("GET", "/repos/{owner}/{repo}/pulls/{pull_number}", "pull_requests:read")
def get_pull(call: Call) -> Reply:
    accept = call.headers.get("accept", "")
    if "diff" in accept:
        store = call.repository.git.store
        fork_point = store.merge_base(call.pull.base_sha, call.pull.head_sha)
        old = store.commit(fork_point or call.pull.base_sha).tree
        patch = store.patch(old, store.commit(call.pull.head_sha).tree).encode()
        return Reply(raw=patch, media_type="application/vnd.github.diff; charset=utf-8")
    return Reply(_shown(call, call.pull))


@routes.add("PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}", "pull_requests:write")
def update_pull(call: Call) -> Reply:
    pull, by = call.pull, call.principal.writes_as
    title = call.text("title", pull.title)
    if not title.strip():
        raise invalid("PullRequest", "title", "missing_field")
    if len(title) > 256:
        too_long = "title is too long (maximum is 256 characters)"
        raise invalid("PullRequest", "title", "custom", too_long)
    _refuse_long(call)
    call.sandbox.edit_pull(
        pull,
        title=title,
        body=call.body.get("body"),
        base=call.body.get("base"),
        by=by,
    )
    match call.body.get("state"):
        case "closed":
            call.sandbox.close(pull, by=by)
        case "open":
            call.sandbox.reopen(pull, by=by)
    return Reply(_shown(call, pull))


@routes.add("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", "pull_requests:read")
def list_pull_commits(call: Call) -> Reply:
    """At most 250, however the pages are asked for."""
    store = call.repository.git.store
    oids = call.sandbox.commits_of(call.pull)[:_LISTED_COMMITS]
    commits = [store.commit(oid) for oid in call.page(oids)]
    return Reply([call.sandbox.shapes.commit(call.repository, commit) for commit in commits])


@routes.add("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", "pull_requests:read")
def list_pull_files(call: Call) -> Reply:
    pull, store = call.pull, call.repository.git.store
    fork_point = store.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    files = store.diff(store.commit(fork_point).tree, store.commit(pull.head_sha).tree)
    shapes = call.sandbox.shapes
    return Reply(
        [shapes.file(call.repository, pull.head_sha, file) for file in call.page(files[:3000])]
    )


@routes.add("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "contents:read")
def check_merged(call: Call) -> Reply:
    if call.pull.merged_at is None:
        raise ApiError(404, "Not Found")
    return Reply(status=204)


@routes.add("PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "contents:write")
def merge_pull(call: Call) -> Reply:
    pull = call.pull
    method = call.text("merge_method", "merge")
    if method not in ("merge", "squash", "rebase"):
        raise schema_invalid(f"{method!r} is not a possible value of merge_method.")
    wanted = call.text("sha", pull.head_sha)
    if wanted != pull.head_sha:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    sha = call.sandbox.merge(
        pull,
        cast("MergeMethod", method),
        by=call.principal.writes_as,
        title=call.body.get("commit_title"),
        message=call.body.get("commit_message"),
    )
    return Reply({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})
