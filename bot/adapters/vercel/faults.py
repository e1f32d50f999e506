"""What Vercel's refusals say, as errors that may be shown to anybody."""

from typing import Any, Final, NoReturn

from bot.adapters.vercel.operations import Operation
from bot.core.redaction import redact
from bot.ports.host import HostGone, HostRefused, HostUnavailable

_LONGEST_MESSAGE: Final = 200
_NEW_TOKEN: Final = (
    "make a new token at vercel.com/account/tokens, scoped to the team, and set VERCEL_TOKEN"
)
_REMEDIES: Final = {
    400: "look at the deployment on Vercel: it may be of another project or not of production",
    401: _NEW_TOKEN,
    402: "Vercel's Hobby plan goes back to the immediately previous production deployment only: "
    "choose that one, or upgrade the plan",
    403: "give the token the team that owns the project, and name it in VERCEL_TEAM_ID",
    409: "wait until the promotion or rollback under way at Vercel has ended, then /retry",
    422: "look at the deployment on Vercel: it must be ready, of production, and not live already",
}
_OTHER: Final = "look at the project on Vercel, then /retry"
_GONE: Final = {
    404: "it is not there, or VERCEL_TOKEN and VERCEL_TEAM_ID do not reach it",
    410: "it was deleted",
}


def message_of(data: Any) -> str:
    """Vercel's message: one line, cut, and with nothing in it that looks like a credential."""
    error = data.get("error") if isinstance(data, dict) else None
    text = error.get("message") if isinstance(error, dict) else None
    if not isinstance(text, str):
        return ""
    text = "".join(char if char.isprintable() else " " for char in text)
    return redact(text)[:_LONGEST_MESSAGE]


def raise_refusal(operation: Operation, about: str, status: int, data: Any) -> NoReturn:
    """For an answer that asking again will not change."""
    found = f"could not {operation.task}{_of(about)}: Vercel answered {status}"
    message = message_of(data)
    if message:
        found += f": {message}"
    if 300 <= status < 400:
        # The token stays with the host that it was given for.
        raise HostUnavailable(f"{found}, a redirect, which is not followed")
    if status in _GONE:
        raise HostGone(f"{found}; {_GONE[status]}")
    remedy = _NEW_TOKEN if _names_token(status, data) else _REMEDIES.get(status, _OTHER)
    raise HostRefused(found, remedy, busy=status == 409)


def raise_unknown(operation: Operation, about: str, found: str, **kwargs: Any) -> NoReturn:
    """For what nobody knows the end of."""
    text = f"could not {operation.task}{_of(about)}: {found}"
    if operation.moves:
        text += "; whether it was done is read from the project"
    raise HostUnavailable(text, **kwargs)


def _names_token(status: int, data: Any) -> bool:
    """Vercel answers 403 for a token that is unknown or has expired, and marks it."""
    error = data.get("error") if isinstance(data, dict) else None
    return status == 403 and isinstance(error, dict) and error.get("invalidToken") is True


def _of(about: str) -> str:
    return f" {about}" if about else ""
