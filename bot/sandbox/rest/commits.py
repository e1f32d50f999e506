"""Commits, comparisons and commit statuses.

https://docs.github.com/rest/commits
"""

from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Json, Repository
from bot.sandbox.objects import EMPTY_TREE

routes = Routes()
_COMPARED_COMMITS = 250
_COMPARED_FILES = 300
_LISTED_COMMITS = 10_000
_COMMIT_FILES = 3000
_STATES = ("error", "failure", "pending", "success")


@routes.add("GET", "/repos/{owner}/{repo}/commits", "contents:read")
def list_commits(call: Call) -> Reply:
    repository = call.repository
    name = call.query.get("sha") or repository.default_branch
    tip = repository.git.resolve(name)
    if tip is None:
        raise not_found()
    oids = list(reversed(repository.git.store.graph.history(tip)))
    store = repository.git.store
    return Reply([call.sandbox.shapes.commit(repository, store.commit(o)) for o in call.page(oids)])


@routes.add("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", "checks:read")
def list_check_runs_for_ref(call: Call) -> Reply:
    sha = call.commit_of(call.params["ref"])
    query = call.query
    app_id = int(query["app_id"]) if "app_id" in query else None
    listed = call.sandbox.checks_of if query.get("filter") == "all" else call.sandbox.latest_checks
    runs = [
        run
        for run in listed(call.repository, sha, name=query.get("check_name", ""), app_id=app_id)
        if query.get("status") in (None, run.status)
    ]
    shown = [call.sandbox.shapes.check_run(run) for run in call.page(runs)]
    return Reply({"total_count": len(runs), "check_runs": shown})


@routes.add("GET", "/repos/{owner}/{repo}/commits/{ref}/check-suites", "checks:read")
def list_check_suites_for_ref(call: Call) -> Reply:
    sha = call.commit_of(call.params["ref"])
    query = call.query
    suites = [
        suite
        for suite in call.repository.suites.get(sha, ())
        if query.get("app_id") in (None, str(suite.app.id))
        and (
            "check_name" not in query or any(run.name == query["check_name"] for run in suite.runs)
        )
    ]
    shown = [call.sandbox.shapes.check_suite(suite) for suite in call.page(suites)]
    return Reply({"total_count": len(suites), "check_suites": shown})


@routes.add("GET", "/repos/{owner}/{repo}/commits/{ref}/statuses", "statuses:read")
def list_statuses(call: Call) -> Reply:
    sha = call.commit_of(call.params["ref"])
    statuses = list(reversed(call.repository.statuses.get(sha, [])))
    return Reply(
        [call.sandbox.shapes.status(call.repository, status) for status in call.page(statuses)]
    )


@routes.add("GET", "/repos/{owner}/{repo}/commits/{ref}/status", "statuses:read")
def get_combined_status(call: Call) -> Reply:
    sha = call.commit_of(call.params["ref"])
    statuses = call.sandbox.latest_statuses(call.repository, sha)
    states = {status.state for status in statuses}
    state = "success"
    if states & {"error", "failure"}:
        state = "failure"
    elif "pending" in states or not states:
        state = "pending"
    url = call.sandbox.shapes.repository_url(call.repository)
    simple = [call.sandbox.shapes.status(call.repository, s) for s in call.page(statuses)]
    for item in simple:
        del item["creator"]
    return Reply(
        {
            "state": state,
            "statuses": simple,
            "sha": sha,
            "total_count": len(statuses),
            "repository": call.sandbox.shapes.minimal_repository(call.repository),
            "commit_url": f"{url}/commits/{sha}",
            "url": f"{url}/commits/{sha}/status",
        }
    )


@routes.add("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses:write")
def create_status(call: Call) -> Reply:
    sha = call.params["sha"]
    if len(sha) != 40 or not call.repository.git.store.has_commit(sha):
        raise ApiError(422, f"No commit found for SHA: {sha}")
    state = call.text("state")
    if state not in _STATES:
        raise schema_invalid(f"{state!r} is not a possible value of state.")
    status = call.sandbox.set_status(
        call.repository,
        sha,
        call.text("context", "default"),
        state,
        description=call.body.get("description"),
        target_url=call.body.get("target_url"),
        by=call.principal.writes_as,
    )
    return Reply(call.sandbox.shapes.status(call.repository, status), 201)


@routes.add("GET", "/repos/{owner}/{repo}/commits/{ref}", "contents:read")
def get_commit(call: Call) -> Reply:
    """Without paging the first 300 files; never more than 3,000 of them.
    https://docs.github.com/rest/commits/commits#get-a-commit"""
    repository = call.repository
    oid = call.commit_of(call.params["ref"])
    store = repository.git.store
    commit = store.commit(oid)
    old = store.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
    accept = call.headers.get("accept", "")
    if "diff" in accept or "patch" in accept:
        patch = store.patch(old, commit.tree).encode()
        return Reply(raw=patch, media_type="application/vnd.github.diff; charset=utf-8")
    files = call.sandbox.files_of(repository, oid)
    paged = "page" in call.query or "per_page" in call.query
    shown = call.page(files[:_COMMIT_FILES]) if paged else files[:_COMPARED_FILES]
    return Reply(
        call.sandbox.shapes.commit(repository, commit)
        | {
            "stats": {
                "total": sum(file.additions + file.deletions for file in files),
                "additions": sum(file.additions for file in files),
                "deletions": sum(file.deletions for file in files),
            },
            "files": [call.sandbox.shapes.file(repository, oid, file) for file in shown],
        }
    )


@routes.add("GET", "/repos/{owner}/{repo}/compare/{basehead}", "contents:read")
def compare(call: Call) -> Reply:
    """Without paging the last 250 commits, with it the first 10,000; files only on the first page.
    https://docs.github.com/rest/commits/commits#compare-two-commits"""
    base_name, separator, head_name = call.params["basehead"].partition("...")
    if not separator:
        raise not_found()
    repository = call.repository
    base, head = _side(call, base_name), _side(call, head_name)
    store = repository.git.store
    fork_point = store.merge_base(base, head)
    if fork_point is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead, behind = store.ahead(head, base), store.ahead(base, head)
    paged = "page" in call.query or "per_page" in call.query
    shown = call.page(ahead[:_LISTED_COMMITS]) if paged else ahead[-_COMPARED_COMMITS:]
    first = call.query.get("page", "1") == "1"
    files = store.diff(store.commit(fork_point).tree, store.commit(head).tree)
    shapes = call.sandbox.shapes
    url = f"{shapes.repository_url(repository)}/compare/{call.params['basehead']}"
    web = f"{shapes.base}/{repository.full_name}/compare"
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind"
    answer: Json = {
        "url": url,
        "html_url": f"{web}/{call.params['basehead']}",
        "permalink_url": f"{web}/{base}...{head}",
        "diff_url": f"{web}/{call.params['basehead']}.diff",
        "patch_url": f"{web}/{call.params['basehead']}.patch",
        "base_commit": shapes.commit(repository, store.commit(base)),
        "merge_base_commit": shapes.commit(repository, store.commit(fork_point)),
        "status": status if ahead or behind else "identical",
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [shapes.commit(repository, store.commit(oid)) for oid in shown],
    }
    if first:
        answer["files"] = [shapes.file(repository, head, file) for file in files[:_COMPARED_FILES]]
    return Reply(answer)


def _side(call: Call, name: str) -> str:
    """``branch``, a commit, or ``owner:branch`` of a repository of the same network."""
    owner, separator, ref = name.partition(":")
    place: Repository = call.repository
    if separator:
        found = call.sandbox.find_repository(f"{owner}/{call.repository.name}")
        if found is None or found.git.store is not call.repository.git.store:
            raise not_found()
        place = found
    oid = place.git.resolve(ref if separator else name)
    if oid is None:
        raise not_found()
    return oid
