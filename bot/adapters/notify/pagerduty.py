"""PagerDuty, by its Events API v2. https://developer.pagerduty.com/docs/events-api-v2-overview

A critical notice triggers an incident and one that ``resolves`` ends it: an environment has one at
most, and so has each alert, since its dedup key is the same for both. Other notices page nobody.
"""

from hashlib import sha256
from typing import Any

import httpx

from bot.adapters.notify.post import post_json
from bot.ports.operations import Notice

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255
_LONGEST_DETAIL = 4000


class PagerDuty:
    """``routing_key`` is the integration's, and a secret."""

    def __init__(self, http: httpx.AsyncClient, routing_key: str, *, url: str = EVENTS_URL) -> None:
        self._http = http
        self._routing_key = routing_key
        self._url = url

    async def send(self, notice: Notice) -> None:
        event = pagerduty_event(notice)
        if event is not None:
            await post_json(
                self._http,
                self._url,
                {"routing_key": self._routing_key, **event},
                channel="PagerDuty",
            )


def pagerduty_event(notice: Notice) -> dict[str, Any] | None:
    """Without the routing key; None for what nobody is to be called for."""
    key = dedup_key(notice)
    if notice.resolves:
        return {"event_action": "resolve", "dedup_key": key}
    if notice.severity != "critical":
        return None
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {
            "summary": notice.title[:_LONGEST_SUMMARY],
            "source": notice.repository or "lockgate",
            "severity": "critical",
            "component": notice.environment,
            "custom_details": {"text": notice.text[:_LONGEST_DETAIL], "notice": notice.key},
        },
        "client": "Lockgate",
    }
    if notice.url:
        event["client_url"] = notice.url
        about = "Show the objective" if notice.incident else "Show the operation"
        event["links"] = [{"href": notice.url, "text": about}]
    if notice.cause_url:
        cause = {"href": notice.cause_url, "text": "Show its most likely cause"}
        event["links"] = [*event.get("links", ()), cause]
    return event


def dedup_key(notice: Notice) -> str:
    key = f"lockgate:{notice.repository}:{notice.incident or notice.environment}"
    if len(key) <= _LONGEST_KEY:
        return key
    return f"lockgate:{sha256(key.encode()).hexdigest()}"
