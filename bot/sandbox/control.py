"""What the pages' buttons do, and the same for programs: forms or JSON under ``/_sandbox/``."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.sandbox.browser import ME, headers, viewer_of
from bot.sandbox.code import CommitSpec
from bot.sandbox.errors import ApiError
from bot.sandbox.git import GitError
from bot.sandbox.model import CheckRun, Json, MergeMethod, Pull, Repository

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

REFUSALS: Final = (ApiError, GitError, KeyError, ValueError)
_FAULTS: Final = frozenset({"answer", "primary_limit", "secondary_limit", "slow", "cut"})
_EVENT_FAULTS: Final = frozenset({"drop", "double", "late", "reorder"})

Action = Callable[[Request, Json], Json | None]


def words_of(error: Exception) -> str:
    if isinstance(error, ApiError) and error.errors:
        return "; ".join(
            item if isinstance(item, str) else str(item.get("message") or item)
            for item in error.errors
        )
    return f"missing: {error}" if isinstance(error, KeyError) else str(error)


def repository_of(sandbox: "Sandbox", request: Request) -> Repository:
    name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    repository = sandbox.find_repository(name, follow=True)
    if repository is None:
        raise HTTPException(404, f"There is no repository {name} here.")
    return repository


def pull_of(sandbox: "Sandbox", request: Request) -> Pull:
    repository = repository_of(sandbox, request)
    pull = repository.pulls.get(int(request.path_params["number"]))
    if pull is None:
        raise HTTPException(404, f"{repository.full_name} has no such pull request.")
    return pull


def routes(sandbox: "Sandbox") -> list[Route]:
    """``POST``; a form leads back to where it came from, JSON is answered with JSON."""

    def open_pull(request: Request, given: Json) -> Json:
        repository = repository_of(sandbox, request)
        messages = _lines(given.get("commits", "")) or [given["title"]]
        pull = sandbox.open_pull(
            repository,
            given["title"].strip(),
            *messages,
            head=given.get("head", "") or f"change-{repository.last_number + 1}",
            body=given.get("body") or None,
            by=viewer_of(sandbox, request),
            draft=bool(given.get("draft")),
        )
        return _seen(pull)

    def edit(request: Request, given: Json) -> Json:
        pull = pull_of(sandbox, request)
        title = given["title"].strip() if "title" in given else None
        if title == "":
            raise ApiError(422, "A pull request needs a title.")
        sandbox.edit_pull(pull, title=title, body=given.get("body"), by=viewer_of(sandbox, request))
        return _seen(pull)

    def push(request: Request, given: Json) -> Json:
        pull = pull_of(sandbox, request)
        source = pull.head_repository
        if source is None:
            raise ApiError(422, "The fork that this pull request came from was deleted.")
        messages = [given["message"].replace("\r\n", "\n").strip()] if given.get("message") else []
        commits = [CommitSpec(message) for message in messages] or [CommitSpec("change")]
        onto = pull.base_ref if given.get("force") else None
        sandbox.push(source, pull.head_ref, *commits, by=viewer_of(sandbox, request), onto=onto)
        return _seen(pull)

    def comment(request: Request, given: Json) -> Json:
        pull = pull_of(sandbox, request)
        body = given["body"].replace("\r\n", "\n")
        made = sandbox.comment(pull, body, by=viewer_of(sandbox, request))
        return {"id": made.id} | _seen(pull)

    def merge(request: Request, given: Json) -> Json:
        pull = pull_of(sandbox, request)
        method = cast("MergeMethod", given.get("method", "squash"))
        sandbox.merge(pull, method, by=viewer_of(sandbox, request))
        return _seen(pull)

    def set_state(request: Request, given: Json) -> Json:
        pull, by = pull_of(sandbox, request), viewer_of(sandbox, request)
        match given["state"]:
            case "closed":
                sandbox.close(pull, by=by)
            case "open":
                sandbox.reopen(pull, by=by)
            case "draft" | "ready":
                sandbox.set_draft(pull, given["state"] == "draft", by=by)
        return _seen(pull)

    def press(request: Request, given: Json) -> Json:
        run = check_of(request)
        sandbox.press(run, given["identifier"], by=viewer_of(sandbox, request))
        return {"id": run.id}

    def rerequest(request: Request, _: Json) -> Json:
        run = check_of(request)
        sandbox.rerequest_check(run, by=viewer_of(sandbox, request))
        return {"id": run.id}

    def check_of(request: Request) -> CheckRun:
        run = repository_of(sandbox, request).runs.get(int(request.path_params["run"]))
        if run is None:
            raise HTTPException(404, "There is no such check run.")
        return run

    def create_repository(_: Request, given: Json) -> Json:
        repository = sandbox.create_repository(given["name"], files=given.get("files"))
        return {"id": repository.id, "full_name": repository.full_name}

    def change_repository(request: Request, given: Json) -> Json:
        """``name`` renames, ``owner/name`` transfers; ``private`` is ``true`` or ``false``."""
        repository = repository_of(sandbox, request)
        if given.get("name"):
            sandbox.rename(repository, given["name"])
        if "private" in given:
            sandbox.set_private(repository, given["private"] in (True, "true"))
        page = f"/{repository.full_name}"
        return {"id": repository.id, "full_name": repository.full_name, "page": page}

    def plan_fault(_: Request, given: Json) -> Json:
        """``{"kind": "answer", "route": "POST *", "status": 502}``, as in ``Faults``."""
        kind = given.pop("kind")
        if kind in _FAULTS:
            getattr(sandbox.faults, kind)(**given)
        elif kind in _EVENT_FAULTS:
            getattr(sandbox.hooks.faults, kind)(**given)
        else:
            raise ValueError(f"no such kind of fault: {kind}")
        return {"planned": len(sandbox.faults.planned) + len(sandbox.hooks.faults.planned)}

    def clear_faults(_: Request, __: Json) -> Json:
        sandbox.faults.clear()
        sandbox.hooks.faults.clear()
        return {"planned": 0}

    def set_webhook(_: Request, given: Json) -> Json:
        sandbox.send_events_to(given["url"], given["secret"])
        return {"url": given["url"]}

    pull = "/_sandbox/{owner}/{repo}/pulls/{number:int}"
    run = "/_sandbox/{owner}/{repo}/check-runs/{run:int}"
    return [
        Route("/_sandbox/me", _choose, methods=["POST"]),
        _route("/_sandbox/repositories", create_repository),
        _route("/_sandbox/faults", plan_fault),
        _route("/_sandbox/faults/clear", clear_faults),
        _route("/_sandbox/webhook", set_webhook),
        _route("/_sandbox/{owner}/{repo}/edit", change_repository),
        _route("/_sandbox/{owner}/{repo}/pulls", open_pull),
        _route(f"{pull}/edit", edit),
        _route(f"{pull}/push", push),
        _route(f"{pull}/comments", comment),
        _route(f"{pull}/merge", merge),
        _route(f"{pull}/state", set_state),
        _route(f"{run}/press", press),
        _route(f"{run}/rerequest", rerequest),
    ]


def _route(path: str, action: Action) -> Route:
    async def endpoint(request: Request) -> Response:
        as_json = "json" in request.headers.get("content-type", "")
        given: Json = await _body(request) if as_json else dict(await request.form())
        done = action(request, given) or {}
        if as_json:
            return JSONResponse(done, headers=headers())
        return RedirectResponse(done.get("page") or _back(request), 303, headers=headers())

    return Route(path, endpoint, methods=["POST"])


async def _body(request: Request) -> Json:
    loaded: Any = json.loads(await request.body() or b"{}")
    if not isinstance(loaded, dict):
        raise ApiError(400, "Body should be a JSON object")
    return loaded


def _back(request: Request) -> str:
    """The page that a form stood on; only its path is followed."""
    given = request.query_params.get("back", "/")
    path = urlsplit(given).path
    return path if path.startswith("/") and not path.startswith("//") else "/"


async def _choose(request: Request) -> Response:
    form = await request.form()
    answer = RedirectResponse(_back(request), 303, headers=headers())
    answer.set_cookie(ME, str(form.get("login", "")), httponly=True, samesite="strict")
    return answer


def _seen(pull: Pull) -> Json:
    return {
        "number": pull.number,
        "head_sha": pull.head_sha,
        "page": f"/{pull.repository.full_name}/pull/{pull.number}",
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
