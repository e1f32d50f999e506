"""Releases and dispatched events. https://docs.github.com/rest/releases"""

from bot.sandbox.errors import ApiError, invalid, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Release
from bot.sandbox.rules import violations
from bot.sandbox.shapes_shipping import release

routes = Routes()
_ALL = "/repos/{owner}/{repo}/releases"
_LATEST = ("true", "false", "legacy")


@routes.add("GET", _ALL, "contents:read")
def list_releases(call: Call) -> Reply:
    found = [item for item in reversed(call.repository.releases.values()) if _seen(call, item)]
    return Reply([release(call.sandbox.shapes, item) for item in call.page(found)])


@routes.add("POST", _ALL, "contents:write")
def create_release(call: Call) -> Reply:
    if not call.text("tag_name"):
        raise schema_invalid('"tag_name" wasn\'t supplied.')
    draft, prerelease = (bool(call.body.get(key, False)) for key in ("draft", "prerelease"))
    make_latest = _make_latest(call, draft or prerelease)
    if not draft:
        _refuse_ruled(call, call.text("tag_name"), call.text("target_commitish"))
    made = call.sandbox.create_release(
        call.repository,
        call.text("tag_name"),
        target=call.text("target_commitish"),
        name=call.text("name") or None,
        body=call.text("body") or None,
        draft=draft,
        prerelease=prerelease,
        make_latest=make_latest,
        by=call.principal.writes_as,
    )
    shown = release(call.sandbox.shapes, made)
    return Reply(shown, 201, {"location": shown["url"]})


@routes.add("GET", f"{_ALL}/latest", "contents:read")
def get_latest_release(call: Call) -> Reply:
    latest = call.sandbox.latest_release(call.repository)
    if latest is None:
        raise not_found()
    return Reply(release(call.sandbox.shapes, latest))


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
    draft = bool(call.body.get("draft", found.draft))
    prerelease = bool(call.body.get("prerelease", found.prerelease))
    make_latest = _make_latest(call, draft or prerelease)
    if found.draft:
        found.tag_name = call.text("tag_name", found.tag_name)
        found.target = call.text("target_commitish", found.target)
    publishes = found.draft and not draft
    if publishes:
        _refuse_ruled(call, found.tag_name, found.target)
    call.sandbox.edit_release(
        found, body=call.body.get("body"), name=call.body.get("name"), prerelease=prerelease, by=by
    )
    if publishes:
        call.sandbox.publish_release(found, make_latest=make_latest, by=by)
    elif "make_latest" in call.body:
        call.sandbox.set_latest(found, make_latest)
    return Reply(release(call.sandbox.shapes, found))


@routes.add("DELETE", f"{_ALL}/{{release_id}}", "contents:write")
def delete_release(call: Call) -> Reply:
    call.sandbox.delete_release(_release(call), by=call.principal.writes_as)
    return Reply(status=204)


def _make_latest(call: Call, unfit: bool) -> str:
    wanted = call.text("make_latest", "true")
    if wanted not in _LATEST:
        raise schema_invalid(f"{wanted!r} is not a possible value of make_latest.")
    if unfit and call.body.get("make_latest") == "true":
        told = "make_latest is not valid for drafts and prereleases"
        raise invalid("Release", "make_latest", "custom", told)
    return wanted


def _refuse_ruled(call: Call, tag: str, target: str) -> None:
    """GitHub tells of a ruleset against the tag twice, once by the name of its hook."""
    repository, ref = call.repository, f"refs/tags/{tag}"
    oid = repository.git.resolve(target or repository.default_branch)
    if ref in repository.git.refs or oid is None:
        return
    broken = violations(repository, ref, oid, call.principal.ruled_as)
    if broken:
        told = {"resource": "Release", "code": "custom"}
        errors = [
            told | {"field": "pre_receive", "message": f"pre_receive {broken}"},
            told | {"message": "Published releases must have a valid tag"},
        ]
        raise ApiError(422, "Validation Failed", errors=errors)


def _release(call: Call) -> Release:
    found = call.repository.releases.get(int(call.params["release_id"]))
    if found is None or not _seen(call, found):
        raise not_found()
    return found


def _seen(call: Call, item: Release) -> bool:
    """Drafts are shown to those who may write only."""
    return not item.draft or call.principal.may("contents:write")


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
