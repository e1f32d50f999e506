"""The second part of the story: production is moved from pull requests, and taken back."""

from bot.core.model import Sha
from bot.demo.stage import Stage
from bot.demo.watching import NotTrue, Step, until
from bot.sandbox.model import Comment, Pull
from bot.sandbox.vercel.model import Deployment


class Production:
    """Two pull requests are merged; the second one is bad."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sandbox = stage.sandbox
        self._ada = stage.sandbox.user("ada")
        self._mona = stage.sandbox.user("mona")
        self._good: Pull | None = None
        self._bad: Pull | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            Step("/promote is refused while a check is red", self.promote_red),
            Step("the check turns green: /promote goes live", self.promote_green),
            Step("a bad build goes live", self.promote_bad),
            Step("/rollback puts the build before it back", self.roll_back),
            Step("/status says what is live", self.ask_status),
        )

    async def promote_red(self) -> str:
        self._good = self._merged("feat: gift cards")
        self._check(self._good, "failure")
        answer = await self._say(self._good, "/promote", "refused")
        if self._live is not None:
            raise NotTrue("it went live all the same")
        return answer

    async def promote_green(self) -> str:
        pull = _there(self._good)
        self._check(pull, "success")
        answer = await self._say(pull, "/promote", "**Live:")
        self._must_serve(pull)
        return answer

    async def promote_bad(self) -> str:
        self._bad = self._merged("feat: prices in clams")
        self._check(self._bad, "success")
        answer = await self._say(self._bad, "/promote", "**Live:")
        self._must_serve(self._bad)
        return answer

    async def roll_back(self) -> str:
        answer = await self._say(_there(self._bad), "/rollback", "**Rolled back:")
        self._must_serve(_there(self._good))
        return answer

    async def ask_status(self) -> str:
        sha = _there(self._good).merge_commit_sha or ""
        return await self._say(_there(self._bad), "/status", sha[:7])

    def _merged(self, title: str) -> Pull:
        pull = self._sandbox.open_pull(self._stage.repository, title, by=self._mona)
        self._sandbox.merge(pull, "squash", by=self._ada)
        return pull

    def _check(self, pull: Pull, conclusion: str) -> None:
        """What the shop's own tests say of the commit that landed."""
        sha = Sha(pull.merge_commit_sha or "")
        self._sandbox.create_check(
            self._stage.repository, self._stage.ci, sha, "test", conclusion=conclusion
        )

    async def _say(self, pull: Pull, line: str, wanted: str) -> str:
        """Type a command; the first line of the bot's answer that says what is wanted."""
        typed = self._sandbox.comment(pull, line, by=self._ada)

        def look() -> Comment | None:
            answers = [
                comment
                for comment in self._sandbox.comments_of(pull)
                if comment.app is self._sandbox.app and comment.id > typed.id
            ]
            return next((comment for comment in answers if wanted in comment.body), None)

        answer = await until(look, f"no answer to {line} says “{wanted}”")
        said = next(one for one in answer.body.splitlines() if one and not one.startswith("<!--"))
        return f"{line}: {said}"

    @property
    def _live(self) -> Deployment | None:
        return self._stage.vercel.live(self._stage.project)

    def _must_serve(self, pull: Pull) -> None:
        live = self._live
        if live is None or live.sha != pull.merge_commit_sha:
            raise NotTrue("the production domain serves another build")


def _there(pull: Pull | None) -> Pull:
    assert pull is not None  # noqa: S101 (an earlier step has opened it)
    return pull
