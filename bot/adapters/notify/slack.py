"""Slack, by an incoming webhook. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""

from typing import Any

import httpx

from bot.adapters.notify.post import post_json
from bot.ports.operations import Notice

_COLORS = {"critical": "#cf222e", "warning": "#cf222e", "info": "#1a7f37"}
"""A warning is red too: it says that a gate was set aside, or that one holds."""
_LONGEST_HEADER = 150
_LONGEST_SECTION = 3000
_LONGEST_URL = 3000


class Slack:
    """``url`` is the webhook's address, and a secret."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url

    async def send(self, notice: Notice) -> None:
        await post_json(self._http, self._url, slack_message(notice), channel="Slack")


def slack_message(notice: Notice) -> dict[str, Any]:
    """Block Kit. The colour makes it an attachment; ``text`` is what a notification shows."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(notice.title)}}
    ]
    if notice.text:
        blocks.append({"type": "section", "text": _mrkdwn(notice.text)})
    place = " · ".join(part for part in (notice.repository, notice.environment) if part)
    if place:
        blocks.append({"type": "context", "elements": [_mrkdwn(place)]})
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": label}, "url": url}
        for label, url in (("Show", notice.url), ("Show its likely cause", notice.cause_url))
        if url.startswith(("https://", "http://")) and len(url) <= _LONGEST_URL
    ]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return {
        "text": escape(notice.title)[:_LONGEST_SECTION],
        "attachments": [{"color": _COLORS.get(notice.severity, "#57606a"), "blocks": blocks}],
    }


def escape(text: str) -> str:
    """Slack's three control characters: without them there is no link, mention or channel.
    https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mrkdwn(text: str) -> dict[str, Any]:
    escaped = escape(text)
    while len(escaped) > _LONGEST_SECTION:  # cut before escaping, so as to cut no entity in two
        text = text[: len(text) - max(1, (len(escaped) - _LONGEST_SECTION) // 5)]
        escaped = escape(text + "…")
    return {"type": "mrkdwn", "text": escaped, "verbatim": True}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_HEADER else text[: _LONGEST_HEADER - 1] + "…"
