"""The sandbox's pages of commits, comparisons, releases and files, to which others link."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox import control
from bot.sandbox.model import Repository
from bot.sandbox.objects import EMPTY_TREE, FileDiff

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

_MOST = 100_000
"""Characters of a patch or a file that are shown."""


class Render(Protocol):
    def __call__(self, request: Request, name: str, **values: Any) -> Response: ...


def routes(sandbox: "Sandbox", page: Render) -> list[Route]:
    async def commit(request: Request) -> Response:
        repository = control.repository_of(sandbox, request)
        store = repository.git.store
        one = store.commit(_named(repository, request.path_params["sha"]))
        old = store.commit(one.parents[0]).tree if one.parents else EMPTY_TREE
        return page(
            request, "commit.html", repository=repository, commit=one,
            **_changed(sandbox.files_of(repository, one.oid), store.patch(old, one.tree)),
        )  # fmt: skip

    async def comparison(request: Request) -> Response:
        repository = control.repository_of(sandbox, request)
        base, separator, head = request.path_params["basehead"].partition("...")
        if not separator:
            raise HTTPException(404, "A comparison is of two commits: BASE...HEAD.")
        store = repository.git.store
        old, new = _named(repository, base), _named(repository, head)
        start = store.commit(store.merge_base(old, new) or old).tree
        end = store.commit(new).tree
        return page(
            request, "compare.html", repository=repository, base=base, head=head,
            commits=[store.commit(oid) for oid in store.ahead(new, old)],
            **_changed(store.diff(start, end), store.patch(start, end)),
        )  # fmt: skip

    async def release(request: Request) -> Response:
        repository = control.repository_of(sandbox, request)
        tag = request.path_params["tag"]
        found = sandbox.release_of(repository, tag)
        if found is None or found.draft:
            raise HTTPException(404, f"{repository.full_name} has no release {tag}.")
        sha = repository.git.resolve(f"tags/{tag}")
        return page(request, "release.html", repository=repository, release=found, sha=sha)

    async def file(request: Request) -> Response:
        repository = control.repository_of(sandbox, request)
        ref, path = request.path_params["ref"], request.path_params["path"]
        oid = _named(repository, repository.default_branch if ref == "HEAD" else ref)
        found = repository.git.store.at_path(oid, path)
        if found is None or found[1] != "blob":
            raise HTTPException(404, f"{repository.full_name} has no file {path} at {ref}.")
        text = found[2].decode(errors="replace")[:_MOST]
        return page(
            request, "file.html", repository=repository, path=path, ref=ref, lines=text.split("\n")
        )

    return [
        Route("/{owner}/{repo}/commit/{sha}", commit),
        Route("/{owner}/{repo}/compare/{basehead:path}", comparison),
        Route("/{owner}/{repo}/releases/tag/{tag:path}", release),
        Route("/{owner}/{repo}/blob/{ref}/{path:path}", file),
    ]


def _named(repository: Repository, name: str) -> str:
    oid = repository.git.resolve(name)
    if oid is None:
        raise HTTPException(404, f"{repository.full_name} has no commit {name}.")
    return oid


def _changed(files: Sequence[FileDiff], patch: str) -> dict[str, Any]:
    return {"files": files, "patch": patch[:_MOST], "cut": len(patch) > _MOST}
