"""The sandbox's page: the projects, what is live, and buttons for what people do at Vercel."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.sandbox.browser import SameSite, headers
from bot.sandbox.vercel.errors import VercelError, not_found
from bot.sandbox.vercel.model import Json, Project

if TYPE_CHECKING:
    from bot.sandbox.vercel.server import SandboxVercel

_HERE: Final = Path(__file__).parent
_SHOWN_BUILDS: Final = 12
FAULTS: Final = {
    "500": "answer 500 to the next request",
    "429": "answer 429 to the next request",
    "cut-before": "cut the next promotion or rollback, nothing done",
    "cut-after": "cut the next promotion or rollback, done all the same",
    "failed": "let the next job fail",
    "skipped": "let the next job be skipped",
    "left-behind": "let the next job leave the last domain behind",
    "token": "take no token any more",
}


def pages(vercel: "SandboxVercel") -> Starlette:
    async def index(request: Request) -> Response:
        return _page("index.html", said="")

    async def live(request: Request) -> Response:
        text = _templates().get_template("projects.html").render(_values())
        return JSONResponse({"projects": text}, headers=headers())

    async def build(request: Request) -> Response:
        given = await _given(request)
        project = _project(request)
        target = "preview" if given.get("target") == "preview" else "production"
        made = vercel.build(
            project,
            given.get("sha", "").strip(),
            target="preview" if target == "preview" else "production",
            branch=given.get("branch", "").strip() or "main",
            message=given.get("message", "").strip(),
            fails=bool(given.get("fails")),
        )
        return _done(request, {"id": made.id, "sha": made.sha})

    async def move(request: Request) -> Response:
        given = await _given(request)
        project = _project(request)
        deployment = vercel.deployments.get(given.get("deployment", ""))
        if deployment is None:
            raise not_found("Deployment")
        rollback = request.path_params["kind"] == "rollback"
        job = (vercel.rollback if rollback else vercel.promote)(project, deployment)
        return _done(request, {"state": job.state})

    async def delete(request: Request) -> Response:
        deployment = vercel.deployments.get((await _given(request)).get("deployment", ""))
        if deployment is None:
            raise not_found("Deployment")
        vercel.delete(deployment)
        return _done(request, {"id": deployment.id})

    async def settings(request: Request) -> Response:
        given = await _given(request)
        project = _project(request)
        project.auto_assign = bool(given.get("auto_assign"))
        rolling = bool(given.get("rolling_release"))
        if project.rolling_release and not rolling:
            vercel.complete_rolling_release(project)
        project.rolling_release = rolling
        return _done(request, {"auto_assign": project.auto_assign, "rolling_release": rolling})

    async def fail(request: Request) -> Response:
        given = await _given(request)
        kind = given.get("kind", "")
        if kind not in FAULTS:
            raise VercelError(400, "bad_request", f"There is no fault “{kind}”")
        _plan(vercel, kind)
        return _done(request, {"kind": kind})

    async def clear(request: Request) -> Response:
        vercel.faults.clear()
        for project in vercel.projects.values():
            project.plans.clear()
        return _done(request, {})

    async def refused(request: Request, error: Exception) -> Response:
        status, text = 422, str(error)
        if isinstance(error, VercelError):
            status = error.status
        elif isinstance(error, HTTPException):
            status, text = error.status_code, error.detail
        if "json" in request.headers.get("content-type", ""):
            return JSONResponse({"message": text}, status, headers=headers())
        return _page("index.html", status, said=f"Not done: {text}.")

    def _project(request: Request) -> Project:
        found = vercel.find_project(request.path_params["project"])
        if found is None:
            raise not_found("Project")
        return found

    def _values() -> Json:
        return {
            "vercel": vercel,
            "projects": list(vercel.projects.values()),
            "now": vercel.clock(),
            "shown_builds": _SHOWN_BUILDS,
            "faults": FAULTS,
            "planned": len(vercel.faults.planned)
            + sum(len(project.plans) for project in vercel.projects.values()),
        }

    def _page(name: str, status: int = 200, **values: Any) -> Response:
        text = _templates().get_template(name).render(**_values(), **values)
        return HTMLResponse(text, status, headers=headers())

    at = "/_vercel/projects/{project}"
    return Starlette(
        routes=[
            Route("/", index),
            Route("/_vercel/live", live),
            Mount("/_vercel/static", StaticFiles(directory=_HERE / "static")),
            Mount("/_sandbox/static", StaticFiles(directory=_HERE.parent / "static")),
            Route(f"{at}/builds", build, methods=["POST"]),
            Route(f"{at}/{{kind:str}}/start", move, methods=["POST"]),
            Route(f"{at}/delete", delete, methods=["POST"]),
            Route(f"{at}/settings", settings, methods=["POST"]),
            Route("/_vercel/faults", fail, methods=["POST"]),
            Route("/_vercel/faults/clear", clear, methods=["POST"]),
        ],
        middleware=[Middleware(SameSite)],
        exception_handlers={HTTPException: refused, VercelError: refused},
    )


def _plan(vercel: "SandboxVercel", kind: str) -> None:
    match kind:
        case "500":
            vercel.faults.answer("* /v*", 500)
        case "429":
            vercel.faults.rate_limit("* /v*", reset_at=int(vercel.clock().timestamp()) + 2)
        case "cut-before" | "cut-after":
            vercel.faults.cut("POST /v*", after=kind == "cut-after")
        case "token":
            vercel.faults.expire_token()
        case "left-behind":
            for project in vercel.projects.values():
                vercel.plan_job(project, left_behind=list(project.domains)[-1:])
        case "failed" | "skipped":
            for project in vercel.projects.values():
                vercel.plan_job(project, "failed" if kind == "failed" else "skipped")


async def _given(request: Request) -> dict[str, str]:
    if "json" in request.headers.get("content-type", ""):
        body = await request.json()
        return {str(k): str(v) if v else "" for k, v in body.items()}
    async with request.form() as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _done(request: Request, seen: Json) -> Response:
    if "json" in request.headers.get("content-type", ""):
        return JSONResponse(seen, headers=headers())
    return RedirectResponse("/", 303, headers=headers())


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["clock"] = lambda moment: moment.strftime("%H:%M:%S UTC")
    templates.filters["exact"] = lambda moment: moment.isoformat(timespec="seconds")
    templates.globals["ago"] = _ago
    return templates


def _ago(moment: datetime, now: datetime) -> str:
    seconds = max(0, int((now - moment).total_seconds()))
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {word} ago"
    return "just now" if seconds < 10 else f"{seconds} s ago"
