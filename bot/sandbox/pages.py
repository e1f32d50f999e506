"""The pages of the sandbox: repositories, and a pull request that one can work on and watch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.sandbox import code_pages, control, login
from bot.sandbox.browser import SameSite, headers, viewer_of
from bot.sandbox.markdown import to_html
from bot.sandbox.model import Account, CheckRun, Comment, Happening, Pull, Repository
from bot.sandbox.objects import CommitObject
from bot.sandbox.shapes import avatar, stamp

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

_HERE: Final = Path(__file__).parent
_WORDS: Final = {
    "success": ("pass", "passed"),
    "failure": ("fail", "failed"),
    "neutral": ("skip", "neutral"),
    "skipped": ("skip", "skipped"),
    "cancelled": ("skip", "cancelled"),
    "timed_out": ("fail", "timed out"),
    "action_required": ("fail", "needs action"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the conversation: a comment, or something that happened."""

    key: str
    what: Happening
    comment: Comment | None
    commits: Sequence[CommitObject]


def pages(sandbox: "Sandbox") -> Starlette:
    async def index(request: Request) -> Response:
        return _page(request, "index.html", repositories=list(sandbox.repositories.values()))

    async def repository_page(request: Request) -> Response:
        repository = control.repository_of(sandbox, request)
        pulls = sorted(repository.pulls.values(), key=lambda pull: pull.number, reverse=True)
        return _page(request, "repository.html", repository=repository, pulls=pulls[:200])

    async def pull_page(request: Request) -> Response:
        pull = control.pull_of(sandbox, request)
        return _page(request, "pull.html", **_pull(sandbox, pull))

    async def live(request: Request) -> Response:
        """The parts of a pull request's page that change by themselves."""
        pull = control.pull_of(sandbox, request)
        values = _pull(sandbox, pull)
        parts = {
            name: _templates().get_template(f"{name}.html").render(values)
            for name in ("heading", "conversation", "checks", "merging")
        }
        return JSONResponse(parts, headers=headers())

    async def picture(request: Request) -> Response:
        return Response(avatar(int(request.path_params["account_id"])), media_type="image/svg+xml")

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 422
        text = error.detail if isinstance(error, HTTPException) else control.words_of(error)
        if text == HTTPStatus.NOT_FOUND.phrase:  # the router's own word, for no route
            text = "The sandbox has no such page."
        if "json" in request.headers.get("content-type", ""):
            return JSONResponse({"message": text}, status, headers=headers())
        return _page(request, "refused.html", status, text=text)

    def _page(request: Request, name: str, status: int = 200, **values: Any) -> Response:
        values.setdefault("repository", None)
        text = _templates().get_template(name).render(
            **values, me=viewer_of(sandbox, request), people=_people(sandbox, values["repository"]),
            here=request.url.path, role_of=sandbox.role_of,
        )  # fmt: skip
        return HTMLResponse(text, status, headers=headers())

    return Starlette(
        routes=[
            Route("/", index),
            Mount("/_sandbox/static", StaticFiles(directory=_HERE / "static")),
            Route("/_sandbox/avatars/{account_id:int}", picture),
            *control.routes(sandbox),
            *login.routes(sandbox, _page),
            Route("/{owner}/{repo}", repository_page),
            Route("/{owner}/{repo}/pull/{number:int}", pull_page),
            Route("/{owner}/{repo}/pull/{number:int}/live", live),
            *code_pages.routes(sandbox, _page),
        ],
        middleware=[Middleware(SameSite)],
        exception_handlers={HTTPException: refused, **dict.fromkeys(control.REFUSALS, refused)},
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["markdown"] = lambda text: Markup(to_html(text))  # noqa: S704
    templates.filters["stamp"] = stamp
    templates.filters["clock"] = _clock
    templates.filters["count"] = lambda n, one: f"{n} {one}" if n == 1 else f"{n} {one}s"
    return templates


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S UTC")


def _people(sandbox: "Sandbox", repository: Repository | None) -> list[Account]:
    """Whom the visitor may act as: those with a role first."""
    people = [account for account in sandbox.accounts.values() if account.kind == "User"]
    if repository is None:
        return people[:50]
    return sorted(people, key=lambda account: account.id not in repository.roles)[:50]


def _pull(sandbox: "Sandbox", pull: Pull) -> dict[str, Any]:
    repository = pull.repository
    runs = sandbox.latest_checks(repository, pull.head_sha)
    state = "merged" if pull.merged_at else pull.state
    if state == "open" and pull.draft:
        state = "draft"
    methods = {
        "squash": repository.settings.allow_squash_merge,
        "merge": repository.settings.allow_merge_commit,
        "rebase": repository.settings.allow_rebase_merge,
    }
    return {
        "repository": repository,
        "pull": pull,
        "state": state,
        "commits": sandbox.commits_of(pull),
        "lines": _lines(repository, pull),
        "runs": sorted(runs, key=lambda run: run.name),
        "verdicts": {run.id: _verdict(run) for run in runs},
        "summary": _summary(runs, state),
        "mergeable": state == "open" and sandbox.mergeable(pull),
        "methods": [name for name, allowed in methods.items() if allowed],
        "at": f"/_sandbox/{repository.full_name}/pulls/{pull.number}",
    }


def _lines(repository: Repository, pull: Pull) -> list[Line]:
    lines = []
    for index, what in enumerate(pull.happened):
        comment = None
        commits: list[CommitObject] = []
        if what.kind == "commented":
            comment = repository.comments.get(int(what.detail[0]))
            if comment is None:
                continue
        elif what.kind in ("opened", "pushed"):
            commits = [repository.git.store.commit(oid) for oid in what.detail]
        lines.append(Line(f"line-{index}", what, comment, commits))
    return lines


def _verdict(run: CheckRun) -> tuple[str, str]:
    if run.status != "completed":
        return "wait", run.status.replace("_", " ")
    return _WORDS.get(run.conclusion or "", ("skip", run.conclusion or ""))


def _summary(runs: Sequence[CheckRun], state: str) -> tuple[str, str]:
    kinds = [_verdict(run)[0] for run in runs]
    if not kinds and state in ("merged", "closed"):
        return "skip", "No check has reported"
    if not kinds:
        return "wait", "No check has reported yet"
    if "fail" in kinds:
        count = kinds.count("fail")
        return "fail", f"{count} check has failed" if count == 1 else f"{count} checks have failed"
    if "wait" in kinds:
        return "wait", "Some checks have not finished yet"
    return "pass", "All checks have passed"
