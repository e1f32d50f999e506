"""What GitHub's refusals say, as errors that may be shown to anybody."""

import json
import re
from typing import Any, NoReturn

from bot.adapters.github.retry import GiveUp, Reason
from bot.core.redaction import redact
from bot.ports import HubClosed, HubGone, HubRefused, HubSuspended, HubUnavailable

_LONGEST_MESSAGE = 200
_CLOSED = re.compile(r"issue is locked|(?:repository|it) (?:was|is) archived", re.IGNORECASE)
"""What GitHub says of a locked conversation, and of an archived repository."""
_SUSPENDED = re.compile(r"installation has been suspended", re.IGNORECASE)


def message_of(answer: bytes | Any) -> str:
    """GitHub's message: one line, cut, and with nothing in it that looks like a credential."""
    if isinstance(answer, bytes):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            return ""
    if not isinstance(answer, dict):
        return ""
    parts = [answer.get("message")]
    errors = answer.get("errors")
    if isinstance(errors, list):
        for error in errors[:3]:
            if isinstance(error, dict):
                named = error.get("message") or " ".join(
                    str(error[key]) for key in ("resource", "field", "code") if key in error
                )
                parts.append(named)
            else:
                parts.append(error)
    text = "; ".join(part for part in parts if isinstance(part, str) and part)
    text = "".join(char if char.isprintable() else " " for char in text)
    return redact(text)[:_LONGEST_MESSAGE]


def graphql_status(payload: Any) -> int | None:
    """The HTTP status that REST would have given for a GraphQL answer that is a failure as a
    whole; GraphQL says it within a 200. None for data, with or without errors beside it."""
    if not isinstance(payload, dict):
        return 502
    errors = [error for error in payload.get("errors") or () if isinstance(error, dict)]
    if any(error.get("type") == "RATE_LIMITED" for error in errors):
        return 429
    if any("secondary rate limit" in str(error.get("message", "")).lower() for error in errors):
        return 429
    if isinstance(payload.get("data"), dict):
        return None
    # An error of a kind is about the question. One of no kind is about the server: it timed out.
    return None if any(e.get("type") or e.get("extensions") for e in errors) else 502


def raise_for(
    decision: GiveUp, *, what: str, status: int, message: str, error: str, as_app: bool
) -> NoReturn:
    """Turn the end of a request into the port's error.

    ``what`` is the sentence's beginning: "could not create a check run octo/shop".
    """
    if decision.reason is Reason.LIMITED:
        raise HubUnavailable(f"{what}: GitHub's rate limit is reached", decision.retry_after)
    said = f"GitHub answered {status}" + (f": {message}" if message else "")
    if decision.reason is Reason.UNAVAILABLE:
        found = said if status else f"GitHub gave no answer ({error})"
        raise HubUnavailable(f"{what}: {found}", decision.retry_after)
    if decision.reason is Reason.GONE:
        raise HubGone(f"{what}: {said}")
    if status == 403 and _CLOSED.search(message):
        raise HubClosed(f"{what}: {said}")
    if status == 403 and _SUSPENDED.search(message):
        raise HubSuspended(f"{what}: {said}")
    if status == 401 and as_app:
        said += "; the App's id, its key or this machine's clock is wrong: run `lockgate doctor`"
    raise HubRefused(f"{what}: {said}")
