"""Rulesets that keep a branch or tag from being made, moved or deleted.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
"""

from fnmatch import fnmatchcase
from typing import Final

from bot.sandbox.errors import ApiError
from bot.sandbox.model import App, RefRule, Repository

RULES: Final = ("creation", "update", "deletion", "non_fast_forward")
"""As the REST API names them."""
FORWARD: Final = "forward"
"""In place of an id: a commit that is still to be made on top of what a ref is on."""
_WORDS: Final = {
    "creation": "Cannot create ref due to creations being restricted.",
    "update": "Cannot update this protected ref.",
    "deletion": "Cannot delete this protected ref.",
    "non_fast_forward": "Cannot force-push to this branch",
}


def refuse_ruled(repository: Repository, ref: str, new: str | None, app: App | None) -> None:
    """Raises ApiError (422) if a rule is against moving a ref there, for all but the Apps that may
    bypass it. ``new`` is None to delete it, or FORWARD."""
    broken = violations(repository, ref, new, app)
    if broken:
        raise ApiError(422, broken)


def violations(repository: Repository, ref: str, new: str | None, app: App | None) -> str:
    """What GitHub says of the rules that a move would break; empty if it breaks none."""
    asked = _rules_of_move(repository, ref, new)
    broken = [
        _WORDS[rule]
        for known in rules_on(repository, ref)
        if app is None or app.id not in known.bypass
        for rule in known.forbids
        if rule in asked
    ]
    if not broken:
        return ""
    listed = "\n".join(dict.fromkeys(broken))
    return f"Repository rule violations found\n\n{listed}\n\n"


def rules_on(repository: Repository, ref: str) -> list[RefRule]:
    return [rule for rule in repository.ref_rules if fnmatchcase(ref, rule.pattern)]


def _rules_of_move(repository: Repository, ref: str, new: str | None) -> set[str]:
    old = repository.git.refs.get(ref)
    if new == FORWARD:
        return {"update"}
    if old == new:
        return set()
    if old is None:
        return {"creation"}
    if new is None:
        return {"deletion"}
    store = repository.git.store
    commits = store.has_commit(old) and store.has_commit(new)
    forward = commits and store.graph.is_ancestor(old, new)
    return {"update"} if forward else {"update", "non_fast_forward"}
