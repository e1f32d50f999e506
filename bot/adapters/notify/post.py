"""One POST of JSON to a channel, and what its answer means."""

from datetime import timedelta
from typing import Any

import httpx

from bot.core.redaction import redact
from bot.ports import RetryLater
from bot.ports.operations import NotDelivered

_LONGEST_ANSWER = 200
_LONGEST_WAIT = timedelta(hours=1)
_WAIT = timedelta(seconds=30)


async def post_json(
    http: httpx.AsyncClient, url: str, body: dict[str, Any], *, channel: str
) -> None:
    """
    Raises:
        NotDelivered: it was not taken. The text holds neither the address nor the body: both hold
            secrets.
        RetryLater: the channel is busy (429) and says when to come back.
    """
    try:
        response = await http.post(url, json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Without its text and without its cause, which carry the address along.
        raise NotDelivered(f"{channel} could not be reached: {type(error).__name__}") from None
    if response.status_code == 429:
        raise RetryLater(_wait(response), f"{channel} asks to wait")
    if not response.is_success:
        said = "".join(c if c.isprintable() else " " for c in response.text[:_LONGEST_ANSWER])
        raise NotDelivered(f"{channel} answered {response.status_code}: {redact(said).strip()}")


def _wait(response: httpx.Response) -> timedelta:
    seconds = response.headers.get("retry-after", "")
    if seconds.isascii() and seconds.isdigit():
        return min(timedelta(seconds=int(seconds[:6])), _LONGEST_WAIT)
    return _WAIT
