"""Which reviews count for a candidate."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.model import Actor, ActorKind
from bot.core.phrases import quoted
from bot.core.promotion import Approval, Candidate


@dataclass(frozen=True, slots=True)
class Reviews:
    approving: tuple[str, ...]
    """Logins, in alphabetical order."""
    refusing: tuple[str, ...]
    not_counted: tuple[tuple[str, str], ...]
    """Login and why the approval counts for nothing."""


def count_reviews(
    approvals: Iterable[Approval], candidate: Candidate, *, not_author: bool
) -> Reviews:
    """What people with write access say of the candidate as it stands. Of two reviews by one
    person the one that approves less counts."""
    approving: set[str] = set()
    refusing: set[str] = set()
    not_counted: set[tuple[str, str]] = set()
    reviews = list(approvals)
    for review in reviews:
        login = review.actor.login
        if review.state == "changes_requested" and review.role_may_write:
            refusing.add(login)
        elif review.state == "approved":
            why = _why_not(review, candidate, not_author=not_author)
            if why:
                not_counted.add((login, why))
            else:
                approving.add(login)
    taken_back = {review.actor.login for review in reviews if review.state != "approved"}
    return Reviews(
        tuple(sorted(approving - taken_back)), tuple(sorted(refusing)), tuple(sorted(not_counted))
    )


def _why_not(review: Approval, candidate: Candidate, *, not_author: bool) -> str:
    if review.actor.kind is not ActorKind.USER:
        return "is no person's account"
    if not review.role_may_write:
        return "may not write to the repository"
    if not_author and _same(review.actor, candidate.author):
        return "is the author"
    reviewed = candidate.head_sha if candidate.merged else candidate.build.sha
    if reviewed is not None and review.sha != reviewed:
        return f"approved {quoted(review.sha[:7])}, and the head is {quoted(reviewed[:7])}"
    return ""


def _same(one: Actor, other: Actor) -> bool:
    return one.id == other.id or one.login.casefold() == other.login.casefold()
