"""The last part of the story: a build that passes every gate and does not work is watched, and the
bot takes it back before anybody has read an alert."""

import re

from bot.demo.hands import Hands
from bot.demo.stage import Stage, watched_files
from bot.demo.watching import Step, until
from bot.sandbox.model import Pull
from bot.sandbox.vercel.model import Deployment

_TAKEN_BACK = re.compile(
    r"\*\*Rolled back after (?P<after>[^:]+):\*\* (?P<found>[^.]*error ratio.*)"
)


class BadBuild:
    """The policy comes to have a watch; then a bad build goes live."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._hands = Hands(stage)
        self._good: Pull | None = None
        self._bad: Pull | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            Step("what goes live is watched from now on", self.promote_good),
            Step("a bad build passes every gate, and is watched", self.promote_bad),
            Step("the watch takes it back by itself", self.taken_back),
        )

    async def promote_good(self) -> str:
        files = watched_files(self._stage.vercel)
        self._good = self._hands.merged("chore: watch what is promoted", files)
        self._hands.check(self._good, "success")
        await self._hands.say(self._good, "/promote", "**Watching for ")
        self._hands.must_serve(self._good)
        return await until(lambda: self._line(self._good, "Watching for "), "nothing is watched")

    async def promote_bad(self) -> str:
        self._bad = self._hands.merged("feat: a faster basket")
        self._hands.check(self._bad, "success")
        (await until(self._build, "the bad build is not there")).broken = True
        answer = await self._hands.say(self._bad, "/promote", "**Watching for ")
        self._hands.must_serve(self._bad)
        return f"{answer} Its pages answer 500."

    async def taken_back(self) -> str:
        told = await until(self._told, "it was not taken back")
        assert self._good is not None  # noqa: S101 (an earlier step has merged it)
        self._hands.must_serve(self._good)
        return told

    def _build(self) -> Deployment | None:
        sha = self._bad.merge_commit_sha if self._bad else None
        return next((one for one in self._stage.project.deployments if one.sha == sha), None)

    def _told(self) -> str | None:
        found = _TAKEN_BACK.search(self._line(self._bad, "**Rolled back after ") or "")
        return f"rolled back after {found['after']}: {found['found']}" if found else None

    def _line(self, pull: Pull | None, words: str) -> str | None:
        """The line of a comment that has these words."""
        comments = self._stage.sandbox.comments_of(pull) if pull else []
        lines = (line for one in comments for line in one.body.splitlines())
        return next((line for line in lines if words in line), None)
