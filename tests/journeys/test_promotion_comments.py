"""What people read, word for word: ids, times and addresses are made the same each time."""

import re
from pathlib import Path

from production import Production

from bot.sandbox.model import Pull

SAME = (
    (re.compile(r"dpl_\w+"), "dpl_1"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "https://bot"),
    (re.compile(r"plan `[0-9a-f]{12}`"), "plan `digest`"),
    (re.compile(r"lockgate:(answer|asked) comment=\d+"), r"lockgate:\1 comment=1"),
    (re.compile(r" · \d+\.\d s"), ""),
    (re.compile(r"in \d+\.\d s"), "in N s"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "YYYY-MM-DD HH:MM UTC"),
)


def same(said: str, **pulls: Pull) -> str:
    """``pulls`` by the name that their commits get."""
    for name, pull in pulls.items():
        said = said.replace(pull.merge_commit_sha, name).replace(pull.merge_commit_sha[:7], name)
    for pattern, text in SAME:
        said = pattern.sub(text, said)
    return said


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
    wanted = Path(__file__).with_name("promotion_story.md").read_text()
    assert "\n=====\n".join(same(each, GOOD=good, BAD=bad) for each in told) == wanted
