"""Reviews of pull requests. https://docs.github.com/rest/pulls/reviews"""

from bot.sandbox.errors import ApiError, not_found, schema_invalid
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Review
from bot.sandbox.shapes_shipping import review
from bot.sandbox.shipping import REVIEW_STATES

routes = Routes()
_ALL = "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"
_ONE = f"{_ALL}/{{review_id}}"
_EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


@routes.add("GET", _ALL, "pull_requests:read")
def list_reviews(call: Call) -> Reply:
    return Reply([review(call.sandbox.shapes, item) for item in call.page(call.pull.reviews)])


@routes.add("POST", _ALL, "pull_requests:write")
def create_review(call: Call) -> Reply:
    writer = call.principal.writes_as
    if writer is None:
        raise ApiError(401, "Requires authentication")
    state = _EVENTS.get(call.text("event"), "")
    if state not in REVIEW_STATES:
        raise schema_invalid(f"{call.body.get('event')!r} is not a possible value of event.")
    made = call.sandbox.review(
        call.pull, state, by=writer, body=call.text("body"), sha=call.text("commit_id")
    )
    return Reply(review(call.sandbox.shapes, made))


@routes.add("GET", _ONE, "pull_requests:read")
def get_review(call: Call) -> Reply:
    return Reply(review(call.sandbox.shapes, _review(call)))


@routes.add("PUT", f"{_ONE}/dismissals", "pull_requests:write")
def dismiss_review(call: Call) -> Reply:
    found = _review(call)
    if not call.text("message"):
        raise schema_invalid('"message" wasn\'t supplied.')
    call.sandbox.dismiss_review(found, by=call.principal.writes_as)
    return Reply(review(call.sandbox.shapes, found))


def _review(call: Call) -> Review:
    wanted = int(call.params["review_id"])
    for found in call.pull.reviews:
        if found.id == wanted:
            return found
    raise not_found()
