"""The second part of the story: production is moved from pull requests, and taken back."""

from bot.demo.hands import Hands
from bot.demo.stage import Stage
from bot.demo.watching import NotTrue, Step
from bot.sandbox.model import Pull


class Production:
    """Two pull requests are merged; the second one is bad."""

    def __init__(self, stage: Stage) -> None:
        self._hands = Hands(stage)
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
        self._good = self._hands.merged("feat: gift cards")
        self._hands.check(self._good, "failure")
        answer = await self._hands.is_refused(self._good, "/promote", "`test` ended: failure")
        if self._hands.live is not None:
            raise NotTrue("it went live all the same")
        return answer

    async def promote_green(self) -> str:
        pull = _there(self._good)
        self._hands.check(pull, "success")
        answer = await self._hands.say(pull, "/promote", "**Live:")
        self._hands.must_serve(pull)
        return answer

    async def promote_bad(self) -> str:
        self._bad = self._hands.merged("feat: prices in clams")
        self._hands.check(self._bad, "success")
        answer = await self._hands.say(self._bad, "/promote", "**Live:")
        self._hands.must_serve(self._bad)
        return answer

    async def roll_back(self) -> str:
        answer = await self._hands.say(_there(self._bad), "/rollback", "**Rolled back:")
        self._hands.must_serve(_there(self._good))
        return answer

    async def ask_status(self) -> str:
        sha = _there(self._good).merge_commit_sha or ""
        return await self._hands.say(_there(self._bad), "/status", sha[:7])


def _there(pull: Pull | None) -> Pull:
    assert pull is not None  # noqa: S101 (an earlier step has opened it)
    return pull
