"""Blobs, trees, commits, tags and refs. https://docs.github.com/rest/git"""

import base64
import binascii
import re
from datetime import UTC, datetime

from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.git import GitError
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Json
from bot.sandbox.objects import EMPTY_TREE, Change, NewCommit, Signature
from bot.sandbox.rules import refuse_ruled
from bot.sandbox.shapes import object_id
from bot.sandbox.shapes_shipping import tag_object

routes = Routes()
_REF = re.compile(r"refs(/[^/\s~^:?*\[\\]+){2,}")
_REPO = "/repos/{owner}/{repo}/git"


@routes.add("GET", f"{_REPO}/blobs/{{file_sha}}", "contents:read")
def get_blob(call: Call) -> Reply:
    sha = call.params["file_sha"]
    content = call.repository.git.store.read_kind(sha, "blob")
    if content is None:
        raise not_found()
    if "raw" in call.headers.get("accept", ""):
        return Reply(raw=content, media_type="application/vnd.github.raw+json; charset=utf-8")
    return Reply(
        _made(call, "blobs", sha)
        | {
            "node_id": object_id(call.repository, "blob", sha),
            "size": len(content),
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        }
    )


@routes.add("POST", f"{_REPO}/blobs", "contents:write")
def create_blob(call: Call) -> Reply:
    _refuse_empty(call)
    content = call.text("content").encode()
    if call.text("encoding", "utf-8") == "base64":
        try:
            content = base64.b64decode(content)
        except binascii.Error:
            raise ApiError(422, "content is not valid Base64") from None
    sha = call.repository.git.store.write_object("blob", content)
    made = _made(call, "blobs", sha)
    return Reply(made, 201, {"location": made["url"]})


def _made(call: Call, kind: str, sha: str) -> Json:
    url = call.sandbox.shapes.repository_url(call.repository)
    return {"sha": sha, "url": f"{url}/git/{kind}/{sha}"}


@routes.add("GET", f"{_REPO}/trees/{{tree_sha}}", "contents:read")
def get_tree(call: Call) -> Reply:
    name = call.params["tree_sha"]
    store = call.repository.git.store
    commit = call.repository.git.resolve(name)
    if commit is not None:
        name = store.commit(commit).tree
    if store.read_kind(name, "tree") is None and name != EMPTY_TREE:
        raise not_found()
    return Reply(_tree(call, name, recursive="recursive" in call.query))


def _tree(call: Call, oid: str, *, recursive: bool) -> Json:
    store = call.repository.git.store
    entries: list[Json] = []

    def add(tree: str, prefix: str) -> None:
        for item in store.tree(tree):
            shown: Json = {
                "path": prefix + item.name,
                "mode": item.mode,
                "type": item.kind,
                **_made(call, f"{item.kind}s", item.oid),
            }
            if item.kind == "blob":
                shown["size"] = len(store.read_kind(item.oid, "blob") or b"")
            entries.append(shown)
            if recursive and item.kind == "tree":
                add(item.oid, f"{prefix}{item.name}/")

    add(oid, "")
    return _made(call, "trees", oid) | {"tree": entries, "truncated": False}


@routes.add("POST", f"{_REPO}/trees", "contents:write")
def create_tree(call: Call) -> Reply:
    _refuse_empty(call)
    store = call.repository.git.store
    base = call.text("base_tree", EMPTY_TREE)
    commit = call.repository.git.resolve(base)
    if commit is not None:
        base = store.commit(commit).tree
    changes = []
    for entry in call.body.get("tree", []):
        mode = entry.get("mode", "100644")
        if "content" in entry:
            changes.append(Change(entry["path"], entry["content"].encode(), mode))
        elif entry.get("sha") is None:
            changes.append(Change(entry["path"], None, mode))
        elif store.read(entry["sha"]) is None:
            raise ApiError(422, f"tree.sha {entry['sha']} is not a valid {entry.get('type')}")
        else:
            changes.append(Change(entry["path"], None, mode, entry["sha"]))
    if not changes:
        raise ApiError(422, "Invalid tree info")
    nobody = Signature("tree", "tree@example.invalid", 0)
    kept = None if base == EMPTY_TREE else base
    scratch = NewCommit("tree\n", nobody, nobody, (), tuple(changes), kept)
    try:
        [oid] = call.repository.git.write([scratch])
    except GitError:
        raise ApiError(422, "Invalid tree info") from None
    return Reply(_tree(call, store.commit(oid).tree, recursive=False), 201)


@routes.add("GET", f"{_REPO}/commits/{{commit_sha}}", "contents:read")
def get_git_commit(call: Call) -> Reply:
    store, sha = call.repository.git.store, call.params["commit_sha"]
    if not store.has_commit(sha):
        raise not_found()
    return Reply(call.sandbox.shapes.git_commit(call.repository, store.commit(sha)))


@routes.add("POST", f"{_REPO}/commits", "contents:write")
def create_git_commit(call: Call) -> Reply:
    store = call.repository.git.store
    tree, parents = call.text("tree"), call.body.get("parents", [])
    if not call.text("message"):
        raise schema_invalid('"message" wasn\'t supplied.')
    if tree != EMPTY_TREE and store.read_kind(tree, "tree") is None:
        raise ApiError(422, "Tree SHA does not exist")
    if not all(store.has_commit(parent) for parent in parents):
        raise ApiError(422, "Parent SHA does not exist or is not a commit object")
    author = _signature(call, "author", None)
    committer = _signature(call, "committer", author)
    if call.principal.kind == "installation" and not call.body.keys() & {"author", "committer"}:
        # GitHub signs what an App commits in its own name, and is the committer then:
        # https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
        web = call.sandbox.user("web-flow", name="GitHub", email="noreply@github.com")
        committer = call.sandbox.signature(web)
    commit = NewCommit(call.text("message"), author, committer, tuple(parents), tree=tree)
    [oid] = call.repository.git.write([commit])
    shown = call.sandbox.shapes.git_commit(call.repository, store.commit(oid))
    return Reply(shown, 201, {"location": shown["url"]})


def _signature(call: Call, role: str, fallback: Signature | None) -> Signature:
    given = call.body.get(role)
    known = fallback or call.sandbox.signature(call.principal.writes_as)
    if given is None:
        return known
    seconds = known.seconds
    if "date" in given:
        try:
            moment = datetime.fromisoformat(given["date"])
        except ValueError:
            raise schema_invalid(f"{role}.date is not a timestamp.") from None
        seconds = int(moment.astimezone(UTC).timestamp())
    return Signature(given.get("name", known.name), given.get("email", known.email), seconds)


@routes.add("GET", f"{_REPO}/tags/{{tag_sha}}", "contents:read")
def get_tag(call: Call) -> Reply:
    return Reply(_tag(call, call.params["tag_sha"]))


@routes.add("POST", f"{_REPO}/tags", "contents:write")
def create_tag(call: Call) -> Reply:
    """The object of an annotated tag; a ref puts it in its place."""
    _refuse_empty(call)
    given = {key: call.text(key) for key in ("tag", "message", "object", "type")}
    if not all(given.values()):
        raise schema_invalid("tag, message, object and type are needed.")
    found = call.repository.git.store.read(given["object"])
    if found is None or found[1] != given["type"]:
        raise ApiError(422, "Object does not exist")
    by = call.principal.writes_as
    try:
        oid = call.sandbox.tag_object(
            call.repository, given["tag"], found[0], given["message"], by=by
        )
    except GitError as error:
        raise ApiError(422, f"Tag could not be made: {error}") from None
    shown = _tag(call, oid)
    return Reply(shown, 201, {"location": shown["url"]})


def _tag(call: Call, oid: str) -> Json:
    content = call.repository.git.store.read_kind(oid, "tag")
    if content is None:
        raise not_found()
    return tag_object(call.sandbox.shapes, call.repository, oid, content)


@routes.add("GET", f"{_REPO}/ref/{{ref}}", "contents:read")
def get_ref(call: Call) -> Reply:
    return Reply(_ref(call, f"refs/{call.params['ref']}"))


def _ref(call: Call, ref: str) -> Json:
    oid = call.repository.git.refs.get(ref)
    if oid is None:
        raise not_found()
    found = call.repository.git.store.read(oid)
    kind = found[1] if found else "commit"
    return call.sandbox.shapes.reference(call.repository, ref, oid, kind)


@routes.add("GET", f"{_REPO}/matching-refs/{{ref}}", "contents:read")
def list_matching_refs(call: Call) -> Reply:
    prefix = f"refs/{call.params['ref']}"
    refs = sorted(ref for ref in call.repository.git.refs if ref.startswith(prefix))
    return Reply([_ref(call, ref) for ref in refs])


@routes.add("POST", f"{_REPO}/refs", "contents:write")
def create_ref(call: Call) -> Reply:
    _refuse_empty(call)
    ref, sha = call.text("ref"), call.text("sha")
    if not _REF.fullmatch(ref) or ".." in ref or ref.endswith(".lock"):
        raise ApiError(422, f"{ref} is not a valid ref name.")
    if ref in call.repository.git.refs:
        raise ApiError(422, "Reference already exists")
    found = call.repository.git.store.read(sha)
    if found is None or (found[1] != "commit" and not ref.startswith("refs/tags/")):
        raise ApiError(422, "Object does not exist")
    _move(call, ref, sha)
    shown = _ref(call, ref)
    return Reply(shown, 201, {"location": shown["url"]})


@routes.add("PATCH", f"{_REPO}/refs/{{ref}}", "contents:write")
def update_ref(call: Call) -> Reply:
    ref, sha = f"refs/{call.params['ref']}", call.text("sha")
    old = call.repository.git.refs.get(ref)
    if old is None:
        raise ApiError(422, "Reference does not exist")
    store = call.repository.git.store
    if not store.has_commit(sha):
        raise ApiError(422, "Object does not exist")
    forced = bool(call.body.get("force", False))
    if not forced and not store.graph.is_ancestor(old, sha):
        raise ApiError(422, "Update is not a fast forward")
    _move(call, ref, sha)
    return Reply(_ref(call, ref))


@routes.add("DELETE", f"{_REPO}/refs/{{ref}}", "contents:write")
def delete_ref(call: Call) -> Reply:
    ref = f"refs/{call.params['ref']}"
    if ref not in call.repository.git.refs:
        raise ApiError(422, "Reference does not exist")
    _move(call, ref, None)
    return Reply(status=204)


def _move(call: Call, ref: str, sha: str | None) -> None:
    repository, by = call.repository, call.principal.writes_as
    refuse_ruled(repository, ref, sha, call.principal.ruled_as)
    try:
        if sha is not None and ref.startswith("refs/tags/"):
            call.sandbox.point_tag(repository, ref.removeprefix("refs/tags/"), sha, by=by)
        else:
            call.sandbox.move_refs(repository, {ref: sha}, by=by)
    except GitError as error:
        raise ApiError(422, f"Reference update failed: {error}") from None


def _refuse_empty(call: Call) -> None:
    if not any(ref.startswith("refs/heads/") for ref in call.repository.git.refs):
        raise ApiError(409, "Git Repository is empty.")
