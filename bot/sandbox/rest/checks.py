"""Check runs and suites. https://docs.github.com/rest/checks"""

from datetime import datetime
from typing import Any, Final

from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import App, CheckRun, CheckSuite, Json

routes = Routes()
_OUTPUT_CHARACTERS: Final = 65_535
_ANNOTATIONS: Final = 50
_ACTION_CHARACTERS: Final = {"label": 20, "description": 40, "identifier": 20}
_STATUSES: Final = ("queued", "in_progress", "completed")
_CONCLUSIONS: Final = (
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out",
)  # fmt: skip
_LEVELS: Final = ("notice", "warning", "failure")


@routes.add("POST", "/repos/{owner}/{repo}/check-runs", "checks:write")
def create_check_run(call: Call) -> Reply:
    app = _writing_app(call)
    name, sha = call.text("name"), call.text("head_sha")
    for field, value in (("name", name), ("head_sha", sha)):
        if not value:
            raise schema_invalid(f'"{field}" wasn\'t supplied.')
    store = call.repository.git.store
    if len(sha) != 40 or not store.has_commit(sha):
        raise ApiError(422, f"No commit found for SHA: {sha}")
    fields, annotations = _fields(call)
    run = call.sandbox.create_check(
        call.repository, app, sha, name, annotations=annotations, **fields
    )
    shown = call.sandbox.shapes.check_run(run)
    return Reply(shown, 201, {"location": shown["url"]})


@routes.add("PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks:write")
def update_check_run(call: Call) -> Reply:
    run, app = _run(call), _writing_app(call)
    if run.suite.app is not app:
        raise ApiError(
            403, f"Invalid app_id `{app.id}` - check run can only be modified by the GitHub App "
            "that created it.",
        )  # fmt: skip
    fields, annotations = _fields(call)
    if "name" in call.body:
        fields["name"] = call.text("name")
    call.sandbox.update_check(run, annotations=run.annotations + annotations, **fields)
    return Reply(call.sandbox.shapes.check_run(run))


def _writing_app(call: Call) -> App:
    if call.principal.kind != "installation" or call.principal.app is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    return call.principal.app


def _fields(call: Call) -> tuple[Json, list[Json]]:
    """The fields of a run that a body sets, and the annotations that it adds."""
    body = call.body
    fields: Json = {}
    for name in ("details_url", "external_id"):
        if name in body:
            fields[name] = call.text(name)
    if not fields.get("details_url", "http").startswith("http"):
        raise schema_invalid("details_url must use the http or https scheme.")
    for name, choices in (("status", _STATUSES), ("conclusion", _CONCLUSIONS)):
        if name in body:
            if body[name] not in choices:
                raise schema_invalid(f"{body[name]!r} is not a possible value of {name}.")
            fields[name] = body[name]
    if fields.get("status") == "completed" and "conclusion" not in fields:
        raise schema_invalid('"conclusion" wasn\'t supplied for a completed check run.')
    for name in ("started_at", "completed_at"):
        if name in body:
            fields[name] = _moment(call.text(name))
    if "actions" in body:
        fields["actions"] = _actions(body["actions"])
    output = body.get("output")
    if output is None:
        return fields, []
    for name in ("title", "summary", "text"):
        if name in output:
            fields[name] = _within(output[name], _OUTPUT_CHARACTERS)
    if not output.get("summary") and call.method == "POST":
        raise schema_invalid('"summary" wasn\'t supplied.')
    return fields, _annotations(output.get("annotations", []))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise schema_invalid(f"{text!r} is not a valid date-time.") from None


def _within(text: Any, most: int) -> str:
    if not isinstance(text, str):
        raise schema_invalid(f"{text!r} is not a string.")
    if len(text) > most:
        raise schema_invalid(f"Only {most} characters are allowed; {len(text)} were supplied.")
    return text


def _actions(actions: list[Json]) -> list[Json]:
    if len(actions) > 3:
        raise schema_invalid(f"No more than 3 items are allowed; {len(actions)} were supplied.")
    for action in actions:
        for name, most in _ACTION_CHARACTERS.items():
            if name not in action:
                raise schema_invalid(f'"{name}" wasn\'t supplied.')
            _within(action[name], most)
    return actions


def _annotations(annotations: list[Json]) -> list[Json]:
    if len(annotations) > _ANNOTATIONS:
        raise schema_invalid(
            f"No more than {_ANNOTATIONS} items are allowed; {len(annotations)} were supplied."
        )
    for annotation in annotations:
        for name in ("path", "start_line", "end_line", "annotation_level", "message"):
            if name not in annotation:
                raise schema_invalid(f'"{name}" wasn\'t supplied.')
        if annotation["annotation_level"] not in _LEVELS:
            raise schema_invalid("annotation_level is not a possible value.")
        _within(annotation.get("title") or "", 255)
        if len(annotation["message"].encode()) > 64 * 1024:
            raise schema_invalid("message may hold no more than 64 KB.")
        columns = "start_column" in annotation or "end_column" in annotation
        if columns and annotation["start_line"] != annotation["end_line"]:
            raise schema_invalid("columns are allowed only within one line.")
    return annotations


@routes.add("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks:read")
def get_check_run(call: Call) -> Reply:
    return Reply(call.sandbox.shapes.check_run(_run(call)))


@routes.add("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", "checks:read")
def list_annotations(call: Call) -> Reply:
    run = _run(call)
    shown = [call.sandbox.shapes.annotation(run, item) for item in call.page(run.annotations)]
    return Reply(shown)


@routes.add("POST", "/repos/{owner}/{repo}/check-runs/{check_run_id}/rerequest", "checks:write")
def rerequest_check_run(call: Call) -> Reply:
    call.sandbox.rerequest_check(_run(call), by=call.principal.writes_as)
    return Reply({}, 201)


def _run(call: Call) -> CheckRun:
    run = call.repository.runs.get(int(call.params["check_run_id"]))
    if run is None:
        raise not_found()
    return run


@routes.add("POST", "/repos/{owner}/{repo}/check-suites", "checks:write")
def create_check_suite(call: Call) -> Reply:
    sha = call.text("head_sha")
    if len(sha) != 40 or not call.repository.git.store.has_commit(sha):
        raise ApiError(422, f"No commit found for SHA: {sha}")
    app = _writing_app(call)
    known = any(suite.app is app for suite in call.repository.suites.get(sha, ()))
    suite = call.sandbox.suite_of(call.repository, app, sha)
    return Reply(call.sandbox.shapes.check_suite(suite), 200 if known else 201)


@routes.add("GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}", "checks:read")
def get_check_suite(call: Call) -> Reply:
    return Reply(call.sandbox.shapes.check_suite(_suite(call)))


@routes.add("GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs", "checks:read")
def list_check_runs_for_suite(call: Call) -> Reply:
    runs = list(reversed(_suite(call).runs))
    shown = [call.sandbox.shapes.check_run(run) for run in call.page(runs)]
    return Reply({"total_count": len(runs), "check_runs": shown})


@routes.add("POST", "/repos/{owner}/{repo}/check-suites/{check_suite_id}/rerequest", "checks:write")
def rerequest_check_suite(call: Call) -> Reply:
    call.sandbox.rerequest_suite(_suite(call), by=call.principal.writes_as)
    return Reply({}, 201)


def _suite(call: Call) -> CheckSuite:
    wanted = int(call.params["check_suite_id"])
    for suites in call.repository.suites.values():
        for suite in suites:
            if suite.id == wanted:
                return suite
    raise not_found()
