"""The GraphQL fields of refs, commits, trees and blobs."""

import re
from typing import Any, Final

from bot.sandbox.graphql_nodes import (
    MOST_NODES,
    Entry,
    GitNode,
    Info,
    QueryError,
    RefNode,
    connect,
    field,
    viewer_of,
)
from bot.sandbox.model import Account, Json
from bot.sandbox.objects import Signature
from bot.sandbox.shapes import git_stamp, node_id, object_id, read_object_id

_TEXT_BYTES: Final = 512_000
_CO_AUTHOR: Final = re.compile(r"^Co-authored-by: ?(.+) <(.+)>$", re.IGNORECASE | re.MULTILINE)

field("Ref", "id")(lambda n, _: node_id("REF", f"{n.repository.id}:{n.ref}"))
field("Ref", "name")(lambda n, _: n.ref.split("/", 2)[2])
field("Ref", "prefix")(lambda n, _: "/".join(n.ref.split("/", 2)[:2]) + "/")


@field("Ref", "target")
def _target(node: RefNode, _: Any) -> GitNode | None:
    found = node.repository.git.store.read(node.repository.git.refs.get(node.ref, ""))
    return GitNode(node.repository, found[0], found[1]) if found else None


for _kind in ("Commit", "Blob", "Tree", "Tag"):
    field(_kind, "id")(lambda n, _: object_id(n.repository, n.kind, n.oid))
    field(_kind, "abbreviatedOid")(lambda n, _: n.oid[:7])
    field(_kind, "commitUrl")(
        lambda n, info: f"{viewer_of(info).sandbox.url}/{n.repository.full_name}/commit/{n.oid}"
    )
field("Commit", "url")(
    lambda n, info: f"{viewer_of(info).sandbox.url}/{n.repository.full_name}/commit/{n.oid}"
)
field("Blob", "byteSize")(lambda n, _: len(n.content))
field("Blob", "isBinary")(lambda n, _: _binary(n.content))
field("Blob", "isTruncated")(lambda n, _: len(n.content) > _TEXT_BYTES)


@field("Blob", "text")
def _text(node: GitNode, _: Any) -> str | None:
    content = node.content
    return None if _binary(content) else content[:_TEXT_BYTES].decode("utf-8", errors="replace")


def _binary(content: bytes) -> bool:
    return b"\0" in content[:8000]


@field("Tree", "entries")
def _entries(node: GitNode, _: Any) -> list[Entry]:
    items = node.repository.git.store.tree(node.oid)
    return [Entry(node.repository, item, item.name) for item in items]


field("TreeEntry", "name")(lambda e, _: e.item.name)
field("TreeEntry", "path")(lambda e, _: e.path)
field("TreeEntry", "mode")(lambda e, _: int(e.item.mode, 8))
field("TreeEntry", "type")(lambda e, _: e.item.kind)
field("TreeEntry", "oid")(lambda e, _: e.item.oid)
field("TreeEntry", "size")(lambda e, _: len(GitNode(e.repository, e.item.oid, "blob").content))
field("TreeEntry", "object")(lambda e, _: GitNode(e.repository, e.item.oid, e.item.kind))
field("TreeEntry", "extension")(
    lambda e, _: f".{e.item.name.rpartition('.')[2]}" if "." in e.item.name else ""
)


@field("Commit", "file")
def _file(node: GitNode, info: Info, path: str) -> Entry | None:
    viewer_of(info).need("contents:read")
    store = node.repository.git.store
    folder, _, name = path.rpartition("/")
    tree = store.at_path(node.oid, folder)
    if tree is None or tree[1] != "tree":
        return None
    for item in store.tree(tree[0]):
        if item.name == name:
            return Entry(node.repository, item, path)
    return None


field("Commit", "message")(lambda n, _: n.commit.message.rstrip("\n"))
field("Commit", "messageHeadline")(lambda n, _: n.commit.message.partition("\n")[0])
field("Commit", "messageBody")(lambda n, _: n.commit.message.partition("\n")[2].strip("\n"))
field("Commit", "author")(lambda n, _: n.commit.author)
field("Commit", "committer")(lambda n, _: n.commit.committer)
field("Commit", "tree")(lambda n, _: GitNode(n.repository, n.commit.tree, "tree"))
field("Commit", "committedDate")(lambda n, _: git_stamp(n.commit.committer))
field("Commit", "authoredDate")(lambda n, _: git_stamp(n.commit.author))
field("GitActor", "date")(lambda s, _: git_stamp(s))


@field("GitActor", "user")
def _git_user(signature: Signature, info: Info) -> Account | None:
    account = viewer_of(info).sandbox.account_of_email(signature.email)
    return account if account is not None and account.kind == "User" else None


@field("Commit", "authors")
def _authors(node: GitNode, _: Any, **args: Any) -> Json:
    author = node.commit.author
    others = [
        Signature(name, email, author.seconds, author.zone)
        for name, email in _CO_AUTHOR.findall(node.commit.message)
    ]
    return connect("authors", [author, *others], args)


@field("Commit", "parents")
def _parents(node: GitNode, _: Any, **args: Any) -> Json:
    parents = [GitNode(node.repository, oid, "commit") for oid in node.commit.parents]
    return connect("parents", parents, args)


@field("Commit", "history")
def _history(node: GitNode, _: Any, **args: Any) -> Json:
    oids = reversed(node.repository.git.store.graph.history(node.oid))
    return connect("history", [GitNode(node.repository, oid, "commit") for oid in oids], args)


for _name, _count in (
    ("additions", lambda files: sum(file.additions for file in files)),
    ("deletions", lambda files: sum(file.deletions for file in files)),
    ("changedFilesIfAvailable", len),
):
    field("Commit", _name)(
        lambda n, info, count=_count: count(viewer_of(info).sandbox.files_of(n.repository, n.oid))
    )


@field("Query", "nodes")
def _nodes(_: None, info: Info, ids: list[str]) -> list[GitNode]:
    """Git objects by their node ids; nothing else has such an address here."""
    viewer = viewer_of(info)
    if len(ids) > MOST_NODES:
        raise QueryError("ARGUMENT_LIMIT", f"You may not provide more than {MOST_NODES} node ids.")
    found = []
    for given in ids:
        named = read_object_id(given)
        repository = viewer.sandbox.repositories.get(named[0]) if named else None
        known = repository.git.store.read(named[1]) if repository and named else None
        if repository is None or known is None or not viewer.sees(repository):
            raise QueryError("NOT_FOUND", f"Could not resolve to a node with the global id {given}")
        viewer.need("contents:read")
        found.append(GitNode(repository, known[0], known[1]))
    return found


@field("Commit", "associatedPullRequests")
def _associated(node: GitNode, info: Info, **args: Any) -> Json:
    world = viewer_of(info).sandbox
    pulls = [
        pull
        for pull in node.repository.pulls.values()
        if node.oid in (pull.merge_commit_sha, *pull.landed) or node.oid in world.commits_of(pull)
    ]
    return connect("associatedPullRequests", pulls, args)
