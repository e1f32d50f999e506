"""Files and folders of a repository. https://docs.github.com/rest/repos/contents"""

import base64
import binascii
from urllib.parse import quote

from bot.sandbox.code import CommitSpec
from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Account, Json
from bot.sandbox.rules import FORWARD, refuse_ruled

routes = Routes()
_INLINE_BYTES = 1024 * 1024
"""Larger files come without their content, unless the raw form is asked for."""


@routes.add("GET", "/repos/{owner}/{repo}/contents/{path}", "contents:read")
def get_content(call: Call) -> Reply:
    repository = call.repository
    ref = call.query.get("ref") or repository.default_branch
    commit = repository.git.resolve(ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    path = call.params["path"].strip("/")
    found = repository.git.store.at_path(commit, path)
    if found is None:
        raise not_found()
    oid, kind, content = found
    if kind == "tree":
        items = repository.git.store.tree(oid)
        return Reply(
            [
                _entry(call, ref, f"{path}/{item.name}".strip("/"), item.oid, item.kind)
                for item in items
            ]
        )
    if "raw" in call.headers.get("accept", ""):
        media_type = "application/vnd.github.raw+json; charset=utf-8"
        return Reply(raw=content, media_type=media_type)
    shown = _entry(call, ref, path, oid, "blob")
    inline = len(content) <= _INLINE_BYTES
    encoded = base64.encodebytes(content).decode() if inline else ""
    return Reply(shown | {"content": encoded, "encoding": "base64" if inline else "none"})


@routes.add("GET", "/repos/{owner}/{repo}/contents/", "contents:read")
def get_root(call: Call) -> Reply:
    call.params["path"] = ""
    return get_content(call)


def _entry(call: Call, ref: str, path: str, oid: str, kind: str) -> Json:
    shapes, repository = call.sandbox.shapes, call.repository
    url = f"{shapes.repository_url(repository)}/contents/{quote(path)}?ref={quote(ref)}"
    folder = kind == "tree"
    web = f"{shapes.base}/{repository.full_name}"
    html = f"{web}/{'tree' if folder else 'blob'}/{quote(ref)}/{quote(path)}"
    git = f"{shapes.repository_url(repository)}/git/{'trees' if folder else 'blobs'}/{oid}"
    found = None if folder else repository.git.store.read(oid)
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": oid,
        "size": len(found[2]) if found else 0,
        "url": url,
        "html_url": html,
        "git_url": git,
        "download_url": None if folder else f"{web}/raw/{quote(ref)}/{quote(path)}",
        "type": {"tree": "dir", "commit": "submodule"}.get(kind, "file"),
        "_links": {"self": url, "git": git, "html": html},
    }


@routes.add("PUT", "/repos/{owner}/{repo}/contents/{path}", "contents:write")
def put_content(call: Call) -> Reply:
    try:
        content = base64.b64decode(call.text("content"), validate=False)
    except binascii.Error:
        raise ApiError(422, "content is not valid Base64") from None
    existed = _replace(call, content)
    path = call.params["path"]
    commit = call.repository.branch(_branch_of(call)) or ""
    found = call.repository.git.store.at_path(commit, path)
    shown = _entry(call, _branch_of(call), path, found[0] if found else "", "blob")
    return Reply({"content": shown, "commit": _git_commit(call, commit)}, 200 if existed else 201)


@routes.add("DELETE", "/repos/{owner}/{repo}/contents/{path}", "contents:write")
def delete_content(call: Call) -> Reply:
    if not _replace(call, None):
        raise not_found()
    commit = call.repository.branch(_branch_of(call)) or ""
    return Reply({"content": None, "commit": _git_commit(call, commit)})


def _git_commit(call: Call, oid: str) -> Json:
    return call.sandbox.shapes.git_commit(call.repository, call.repository.git.store.commit(oid))


def _branch_of(call: Call) -> str:
    return call.text("branch", call.repository.default_branch).removeprefix("refs/heads/")


def _replace(call: Call, content: bytes | None) -> bool:
    """Commit the change; True if the file was there before."""
    message, path = call.text("message"), call.params["path"]
    if not message:
        raise schema_invalid('"message" wasn\'t supplied.')
    branch = _branch_of(call)
    tip = call.repository.branch(branch)
    if tip is None:
        raise ApiError(404, f"Branch {branch} not found")
    found = call.repository.git.store.at_path(tip, path)
    sha = call.text("sha")
    if found is not None and not sha:
        raise schema_invalid('"sha" wasn\'t supplied.')
    if (found[0] if found else "") != sha:
        raise ApiError(409, f"{path} does not match {sha}")
    if content is None and found is None:
        return False
    refuse_ruled(call.repository, f"refs/heads/{branch}", FORWARD, call.principal.ruled_as)
    by = call.principal.writes_as
    author: Account | None = by
    call.sandbox.push(call.repository, branch, CommitSpec(message, {path: content}, author), by=by)
    return found is not None
