"""Releases, annotated tags and dispatched events.

https://docs.github.com/rest/releases, https://docs.github.com/rest/git/tags
"""

from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Release
from bot.sandbox.shapes_shipping import release, tag_object

routes = Routes()
_ALL = "/repos/{owner}/{repo}/releases"


@routes.add("GET", _ALL, "contents:read")
def list_releases(call: Call) -> Reply:
    found = [item for item in reversed(call.repository.releases.values()) if _seen(call, item)]
    return Reply([release(call.sandbox.shapes, item) for item in call.page(found)])


@routes.add("POST", _ALL, "contents:write")
def create_release(call: Call) -> Reply:
    if not call.text("tag_name"):
        raise schema_invalid('"tag_name" wasn\'t supplied.')
    made = call.sandbox.create_release(
        call.repository,
        call.text("tag_name"),
        target=call.text("target_commitish"),
        name=call.text("name") or None,
        body=call.text("body") or None,
        draft=bool(call.body.get("draft", False)),
        prerelease=bool(call.body.get("prerelease", False)),
        by=call.principal.writes_as,
    )
    shown = release(call.sandbox.shapes, made)
    return Reply(shown, 201, {"location": shown["url"]})


@routes.add("GET", f"{_ALL}/latest", "contents:read")
def get_latest_release(call: Call) -> Reply:
    full = [r for r in call.repository.releases.values() if not r.draft and not r.prerelease]
    if not full:
        raise not_found()
    return Reply(release(call.sandbox.shapes, full[-1]))


@routes.add("GET", f"{_ALL}/tags/{{tag}}", "contents:read")
def get_release_by_tag(call: Call) -> Reply:
    found = call.sandbox.release_of(call.repository, call.params["tag"])
    if found is None or found.draft:
        raise not_found()
    return Reply(release(call.sandbox.shapes, found))


@routes.add("GET", f"{_ALL}/{{release_id}}", "contents:read")
def get_release(call: Call) -> Reply:
    return Reply(release(call.sandbox.shapes, _release(call)))


@routes.add("PATCH", f"{_ALL}/{{release_id}}", "contents:write")
def update_release(call: Call) -> Reply:
    found, by = _release(call), call.principal.writes_as
    if "body" in call.body:
        call.sandbox.edit_release(found, body=call.text("body"), by=by)
    if found.draft and call.body.get("draft") is False:
        call.sandbox.publish_release(found, by=by)
    return Reply(release(call.sandbox.shapes, found))


def _release(call: Call) -> Release:
    found = call.repository.releases.get(int(call.params["release_id"]))
    if found is None or not _seen(call, found):
        raise not_found()
    return found


def _seen(call: Call, item: Release) -> bool:
    """Drafts are shown to those who may write only."""
    return not item.draft or call.principal.may("contents:write")


@routes.add("GET", "/repos/{owner}/{repo}/git/tags/{tag_sha}", "contents:read")
def get_tag(call: Call) -> Reply:
    oid = call.params["tag_sha"]
    content = call.repository.git.store.read_kind(oid, "tag")
    if content is None:
        raise not_found()
    return Reply(tag_object(call.sandbox.shapes, call.repository, oid, content))


@routes.add("POST", "/repos/{owner}/{repo}/dispatches", "contents:write")
def create_dispatch_event(call: Call) -> Reply:
    kind = call.text("event_type")
    if not 0 < len(kind) <= 100:
        raise schema_invalid("event_type must have 1 to 100 characters.")
    given = call.body.get("client_payload", {})
    if not isinstance(given, dict) or len(given) > 10:
        raise ApiError(422, "No more than 10 properties are allowed.")
    call.sandbox.dispatch(call.repository, kind, given, by=call.principal.writes_as)
    return Reply(status=204)
