"""The mutation that moves refs, all of those asked for or none.

https://docs.github.com/graphql/reference/mutations#updaterefs
"""

from typing import Final

from bot.sandbox.errors import ApiError
from bot.sandbox.git import GitError
from bot.sandbox.graphql_nodes import Info, QueryError, field, viewer_of
from bot.sandbox.model import Json, Repository
from bot.sandbox.objects import ZERO
from bot.sandbox.rules import refuse_ruled
from bot.sandbox.shapes import node_id

_REFUSED: Final = "UNPROCESSABLE"
"""GitHub does not say which type and words such a refusal has: none may be relied on."""


@field("Mutation", "updateRefs")
def _update_refs(_: None, info: Info, input: Json) -> Json:  # noqa: A002 (the schema's own name)
    viewer = viewer_of(info)
    world = viewer.sandbox
    given = input["repositoryId"]
    known = (r for r in world.repositories.values() if node_id("R", r.id) == given)
    repository = next(known, None)
    if repository is None or not viewer.sees(repository):
        raise QueryError("NOT_FOUND", f"Could not resolve to a node with the global id {given}")
    viewer.need_writing(repository)
    moves: dict[str, str | None] = {}
    for update in input["refUpdates"]:
        name, after = update["name"], update["afterOid"]
        target = None if after == ZERO else after
        _refuse_unfit(repository, name, target, update)
        try:
            refuse_ruled(repository, name, target, viewer.principal.ruled_as)
        except ApiError as error:
            raise QueryError(_REFUSED, str(error)) from None
        moves[name] = target
    try:
        world.move_refs(repository, moves, by=viewer.principal.writes_as)
    except GitError as error:
        raise QueryError(_REFUSED, f"The refs could not be updated: {error}") from None
    return {"clientMutationId": input.get("clientMutationId")}


def _refuse_unfit(repository: Repository, name: str, target: str | None, update: Json) -> None:
    store, old = repository.git.store, repository.git.refs.get(name)
    before = update.get("beforeOid")
    if before is not None and (None if before == ZERO else before) != old:
        raise QueryError(_REFUSED, f"The ref {name} is not at {before}.")
    if target is not None and not store.has_commit(target):
        raise QueryError(_REFUSED, f"There is no commit {target}.")
    forward = old is None or target is None or store.graph.is_ancestor(old, target)
    if not forward and not update.get("force"):
        raise QueryError(_REFUSED, f"Updating {name} is not a fast forward.")
