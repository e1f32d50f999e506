"""Comments and reactions on pull requests, which are issues too.

https://docs.github.com/rest/issues/comments
"""

from datetime import datetime

from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Account, Comment, Pull, Reaction

routes = Routes()
_READ = "issues:read|pull_requests:read"
_WRITE = "issues:write|pull_requests:write"
_ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}"
_COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"


@routes.add("GET", _ISSUE, _READ)
def get_issue(call: Call) -> Reply:
    return Reply(call.sandbox.shapes.pull_issue(call.pull) | {"closed_by": None})


@routes.add("PATCH", _ISSUE, _WRITE)
def update_issue(call: Call) -> Reply:
    pull, by = call.pull, _writer(call)
    call.sandbox.edit_pull(pull, title=call.body.get("title"), body=call.body.get("body"), by=by)
    match call.body.get("state"):
        case "closed":
            call.sandbox.close(pull, by=by)
        case "open":
            call.sandbox.reopen(pull, by=by)
    return get_issue(call)


@routes.add("GET", f"{_ISSUE}/comments", _READ)
def list_comments(call: Call) -> Reply:
    comments = _since(call, call.sandbox.comments_of(call.pull))
    return Reply([call.sandbox.shapes.comment(comment) for comment in call.page(comments)])


@routes.add("GET", "/repos/{owner}/{repo}/issues/comments", _READ)
def list_repository_comments(call: Call) -> Reply:
    comments = _since(call, list(call.repository.comments.values()))
    return Reply([call.sandbox.shapes.comment(comment) for comment in call.page(comments)])


def _since(call: Call, comments: list[Comment]) -> list[Comment]:
    if "since" not in call.query:
        return comments
    try:
        since = datetime.fromisoformat(call.query["since"])
    except ValueError:
        raise schema_invalid("since is not a timestamp.") from None
    return [comment for comment in comments if comment.updated_at >= since]


@routes.add("POST", f"{_ISSUE}/comments", _WRITE)
def create_comment(call: Call) -> Reply:
    principal = call.principal
    _refuse_locked(call, call.pull, "create comment")
    comment = call.sandbox.comment(
        call.pull,
        call.text("body"),
        by=_writer(call),
        app=principal.app if principal.kind == "installation" else None,
    )
    shown = call.sandbox.shapes.comment(comment)
    return Reply(shown, 201, {"location": shown["url"]})


@routes.add("GET", _COMMENT, _READ)
def get_comment(call: Call) -> Reply:
    return Reply(call.sandbox.shapes.comment(_comment(call)))


@routes.add("PATCH", _COMMENT, _WRITE)
def update_comment(call: Call) -> Reply:
    comment = _comment(call)
    _refuse_foreign(call, comment)
    _refuse_locked(call, comment.pull, "update comment")
    call.sandbox.edit_comment(comment, call.text("body"), by=_writer(call))
    return Reply(call.sandbox.shapes.comment(comment))


@routes.add("DELETE", _COMMENT, _WRITE)
def delete_comment(call: Call) -> Reply:
    comment = _comment(call)
    _refuse_foreign(call, comment)
    call.sandbox.delete_comment(comment, by=_writer(call))
    return Reply(status=204)


def _refuse_foreign(call: Call, comment: Comment) -> None:
    if comment.author is _writer(call) or call.principal.kind == "installation":
        return
    if not _may_write(call):
        raise ApiError(403, "You cannot edit this comment.")


def _refuse_locked(call: Call, pull: Pull, what: str) -> None:
    """People who may write go on in a locked conversation, Apps do not.

    https://docs.github.com/communities/moderating-comments-and-conversations/locking-conversations
    """
    if pull.locked and (call.principal.kind == "installation" or not _may_write(call)):
        raise ApiError(403, f"Unable to {what} because issue is locked.")


def _may_write(call: Call) -> bool:
    role = call.sandbox.role_of(call.repository, _writer(call))
    return role.base in ("write", "maintain", "admin")


def _comment(call: Call) -> Comment:
    comment = call.repository.comments.get(int(call.params["comment_id"]))
    if comment is None:
        raise not_found()
    return comment


def _writer(call: Call) -> Account:
    writer = call.principal.writes_as
    if writer is None:
        raise ApiError(401, "Requires authentication")
    return writer


@routes.add("GET", f"{_COMMENT}/reactions", _READ)
def list_comment_reactions(call: Call) -> Reply:
    return _listed(call, _comment(call).reactions)


@routes.add("POST", f"{_COMMENT}/reactions", _WRITE)
def create_comment_reaction(call: Call) -> Reply:
    comment = _comment(call)
    _refuse_locked(call, comment.pull, "create reaction")
    return _reacted(call, comment.reactions)


@routes.add("DELETE", f"{_COMMENT}/reactions/{{reaction_id}}", _WRITE)
def delete_comment_reaction(call: Call) -> Reply:
    return _removed(call, _comment(call).reactions)


@routes.add("GET", f"{_ISSUE}/reactions", _READ)
def list_issue_reactions(call: Call) -> Reply:
    return _listed(call, call.pull.reactions)


@routes.add("POST", f"{_ISSUE}/reactions", _WRITE)
def create_issue_reaction(call: Call) -> Reply:
    return _reacted(call, call.pull.reactions)


def _listed(call: Call, reactions: list[Reaction]) -> Reply:
    wanted = call.query.get("content")
    found = [reaction for reaction in reactions if wanted in (None, reaction.content)]
    return Reply([call.sandbox.shapes.reaction(reaction) for reaction in call.page(found)])


def _reacted(call: Call, reactions: list[Reaction]) -> Reply:
    reaction, new = call.sandbox.react(reactions, call.text("content"), _writer(call))
    return Reply(call.sandbox.shapes.reaction(reaction), 201 if new else 200)


def _removed(call: Call, reactions: list[Reaction]) -> Reply:
    for reaction in reactions:
        if reaction.id == int(call.params["reaction_id"]):
            reactions.remove(reaction)
            return Reply(status=204)
    raise not_found()
