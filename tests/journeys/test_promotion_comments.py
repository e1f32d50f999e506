"""What people read, word for word: ids, times and addresses are made the same each time.

``UPDATE_EXPECTED=1 pytest tests/journeys/test_promotion_comments.py`` writes it anew.
"""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from production import Production

from bot.sandbox.model import Pull

SAME = (
    (re.compile(r"dpl_\w+"), "dpl_1"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "https://bot"),
    (re.compile(r"(?i)(plan `|plan is `|--plan=|not `)[0-9a-f]{12}"), r"\1digest"),
    (re.compile(r"lockgate:(answer|asked) comment=\d+"), r"lockgate:\1 comment=1"),
    (re.compile(r" · \d+\.\d s"), ""),
    (re.compile(r"in \d+\.\d s"), "in N s"),
    (re.compile(r"\b\d+ (s|min)\b( \d+ s\b)?"), "N s"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "YYYY-MM-DD"),
    (re.compile(r"YYYY-MM-DD \d\d:\d\d UTC"), "YYYY-MM-DD HH:MM UTC"),
    (re.compile(r"until \d\d:\d\d UTC"), "until HH:MM UTC"),
    (re.compile(r"\b29 d( \d+ h)?\b"), "29 d"),
)


def same(said: str, **pulls: Pull) -> str:
    """``pulls`` by the name that their commits get."""
    for name, pull in pulls.items():
        said = said.replace(pull.merge_commit_sha, name).replace(pull.merge_commit_sha[:7], name)
    for pattern, text in SAME:
        said = pattern.sub(text, said)
    return said


def holds(name: str, told: Sequence[str]) -> None:
    expected = Path(__file__).with_name(name)
    text = "\n=====\n".join(told)
    if os.environ.get("UPDATE_EXPECTED") == "1":
        expected.write_text(text)
    assert text == expected.read_text()


async def test_the_story(production: Production):
    told = []
    good = production.merged("feat: add search")
    told.append(await production.say(good, "/promote"))
    bad = production.merged("feat: break everything")
    production.green(bad, "failure")
    told.append(await production.say(bad, "/promote"))
    production.green(bad)
    told.append(await production.say(bad, "/promote"))
    told.append(await production.say(bad, "/promote"))
    told.append(await production.say(bad, "/rollback"))
    told.append(await production.say(bad, "/rollback", by="mona"))
    production.vercel.plan_job(production.project, "failed")
    await production.say(bad, "/promote")
    told += [comment.body for comment in production.journey.comments_of(bad)[-2:]]
    holds("promotion_story.md", [same(each, GOOD=good, BAD=bad) for each in told])


@pytest.mark.slow
async def test_every_command_and_its_refusals(production: Production):
    """Each line as it was typed, and all that was said to it, in the order in which it came."""
    pulls: dict[str, Pull] = {}
    told: list[str] = []

    async def say(line: str, *, by: str = "ada") -> None:
        comment = production.comment(pull, line, by=by)
        await production.journey.rest()
        answers = [c.body for c in production.journey.comments_of(pull) if c.id > comment.id]
        heading = f"{by}: {line}" if by != "ada" else line
        told.append("\n\n".join(same(each, **pulls) for each in (heading, *answers)))

    pull = pulls["GOOD"] = production.merged("feat: add search")
    for line in ("/status", "/gates", "/rollback", "/retry", "/cancel", "/override checks late"):
        await say(line)
    for line in ("/help", "/help lock", "/promote --dry-run", "/promote"):
        await say(line)
    for line in ("/lock moving the database", "/lock once more", "/status", "/gates"):
        await say(line)
    pull = pulls["NEXT"] = production.merged("feat: sort by price")
    for line in ("/promote", "/override lock it is moved", "/unlock", "/unlock"):
        await say(line)
    until = datetime.now(UTC).date() + timedelta(days=30)
    for line in (f"/freeze until {until} nobody is here", "/gates", "/thaw", "/thaw", "/freeze"):
        await say(line)
    for line in (
        "/rollback --dry-run",
        "/rollback 1",
        "/rollback 7",
        "/rollback 1234567",
        "/status",
    ):
        await say(line)
    for line in ("/rollback ../../v1/user", "/promote staging", "/promote 7654321", "/promote v9"):
        await say(line)
    for line in ("/promte", "/promote --dryrun", "/promote --plan=ABCDEFABCDEF", "/gates nowhere"):
        await say(line)
    for line in ("/lock a\n\n/unlock", "/status\n\n/gates", "/release as 2.0.0", "/watch cancel"):
        await say(line)
    for line in ("/promote", "/rollback", "/lock mine", "/thaw", "/override lock now"):
        await say(line, by="mona")
    await production.nothing_left()
    holds("commands_story.md", told)
