"""Channels on loopback that take what the real ones take, and refuse what those refuse."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.ports.operations import Notice

NOTICE = Notice(
    key="operation-5-failed",
    severity="critical",
    title="promote of octo/shop production: failed",
    text="The domain still serves <the old> build & the new one is ready.",
    url="https://bot.example/operations/5",
    repository="octo/shop",
    environment="production",
)
ROUTING_KEY = "a" * 32


@dataclass
class Channel:
    """``answers`` are given before any judging, one for each request."""

    judge: Callable[[str, dict[str, Any]], tuple[int, str]]
    url: str = ""
    answers: list[tuple[int, str]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            found = re.search(r"(?i)content-length: (\d+)", head)
            body = await reader.readexactly(int(found[1]) if found else 0)
            self.asked += 1
            extra = ""
            if self.answers:
                status, said = self.answers.pop(0)
                if status == 429:
                    extra = f"Retry-After: {said}\r\n"
            else:
                content = json.loads(body)
                status, said = self.judge(head, content)
                if status < 300:
                    self.taken.append(content)
            answer = f"HTTP/1.1 {status} x\r\n{extra}Connection: close\r\n"
            writer.write(f"{answer}Content-Length: {len(said)}\r\n\r\n{said}".encode())
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def served(judge: Callable[[str, dict[str, Any]], tuple[int, str]]) -> AsyncIterator[Channel]:
    channel = Channel(judge)
    server = await asyncio.start_server(channel.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channel.url = f"http://127.0.0.1:{port}/services/T0/B0/secretsecret"
    async with server:
        yield channel


TEXT_TYPES = ("plain_text", "mrkdwn")


def judge_slack(head: str, message: dict[str, Any]) -> tuple[int, str]:
    """https://docs.slack.dev/reference/block-kit/blocks: the limits and required parts."""
    if not head.startswith("POST /services/T0/B0/secretsecret ") or "application/json" not in head:
        return 404, "no_team"
    if not message.get("text") or set(message) - {"text", "blocks", "attachments"}:
        return 400, "no_text"
    (attachment,) = message["attachments"]
    assert re.fullmatch(r"#[0-9a-f]{6}", attachment["color"])
    for block in attachment["blocks"]:
        try:
            _judge_block(block)
        except AssertionError:
            return 400, "invalid_blocks"
    return 200, "ok"


def _judge_block(block: dict[str, Any]) -> None:
    match block:
        case {"type": "header", "text": text}:
            assert text["type"] == "plain_text"
            assert 0 < len(text["text"]) <= 150
        case {"type": "section", "text": text}:
            _judge_text(text, 3000)
        case {"type": "context", "elements": elements}:
            assert 0 < len(elements) <= 10
            for element in elements:
                _judge_text(element, 3000)
        case {"type": "actions", "elements": elements}:
            assert 0 < len(elements) <= 25
            for button in elements:
                assert button["type"] == "button"
                assert button["text"]["type"] == "plain_text"
                assert len(button["text"]["text"]) <= 75
                assert button["url"].startswith("http")
                assert len(button["url"]) <= 3000
        case _:
            raise AssertionError


def _judge_text(text: dict[str, Any], longest: int) -> None:
    assert text["type"] in TEXT_TYPES
    assert 0 < len(text["text"]) <= longest
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text["text"]), "unescaped"


def judge_pagerduty(head: str, event: dict[str, Any]) -> tuple[int, str]:
    """https://developer.pagerduty.com/docs/send-alert-event: the limits and required parts."""
    problems = []
    if event.get("routing_key") != ROUTING_KEY:
        problems.append("Invalid routing key")
    if event.get("event_action") not in ("trigger", "resolve", "acknowledge"):
        problems.append("Invalid event action")
    if not 0 < len(event.get("dedup_key", "")) <= 255:
        problems.append("Invalid dedup key")
    if event.get("event_action") == "trigger":
        payload = event.get("payload", {})
        if not 0 < len(payload.get("summary", "")) <= 1024 or not payload.get("source"):
            problems.append("Invalid payload")
        if payload.get("severity") not in ("critical", "error", "warning", "info"):
            problems.append("Invalid severity")
    if problems:
        return 400, json.dumps({"status": "invalid event", "errors": problems})
    return 202, json.dumps({"status": "success", "dedup_key": event["dedup_key"]})
