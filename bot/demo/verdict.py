"""The first part of the story: a pull request gets its verdict."""

from collections.abc import Callable

from bot.core.render.check import COMMITS_CHECK, FIX_TITLE
from bot.core.render.comment import digest_in
from bot.demo.stage import Stage
from bot.demo.watching import NotTrue, Step, quiet, until
from bot.sandbox.model import CheckRun, Comment, Pull


class Verdict:
    """A pull request's way to a green check."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sandbox = stage.sandbox
        self._mona = stage.sandbox.user("mona")
        self._pull: Pull | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            Step("a badly titled pull request is refused", self.open_badly_titled),
            Step("one comment says what to do", self.read_comment),
            Step("the title is edited: the check passes", self.edit_title),
            Step("more commits: the comment is updated in place", self.push_more),
            Step("an event that changes nothing writes nothing", self.send_again),
            Step("Fix title is pressed: the title is mended", self.press_fix_title),
        )

    async def open_badly_titled(self) -> str:
        self._pull = self._sandbox.open_pull(
            self._stage.repository,
            "Add search",
            "Add a search box",
            "Wire it up",
            head="search",
            body="Customers look for things.",
            by=self._mona,
        )
        check = await self._check("failure")
        if "feat: add search" not in (check.summary or ""):
            raise NotTrue("the check suggests no title")
        return f"{check.name} fails: {check.title}; paste `feat: add search`"

    async def read_comment(self) -> str:
        comment = await self._comment("feat: add search")
        return f"comment {comment.id}: {_first_line(comment)}"

    async def edit_title(self) -> str:
        before = await self._comment("")
        digest = digest_in(before.body)
        self._sandbox.edit_pull(self._opened, title="feat: add search", by=self._mona)
        check = await self._check("success")
        after = await until(
            lambda: self._only_comment(lambda c: digest_in(c.body) != digest),
            "the comment still says what it said",
        )
        if after.id != before.id:
            raise NotTrue("the comment was not edited in place")
        return f"{check.name} passes: {check.title}; comment {after.id} edited in place"

    async def push_more(self) -> str:
        before = await self._comment("")
        head = self._sandbox.push(
            self._stage.repository, "search", "Rank the results", by=self._mona
        )[-1]
        await self._check("success")
        after = await self._comment(head[:7])
        if after.id != before.id:
            raise NotTrue("the comment was not edited in place")
        return f"comment {after.id} now speaks of {head[:7]}"

    async def send_again(self) -> str:
        """The same delivery once more, and an event that changes nothing."""
        await quiet(self._stage)
        edits = self._edits()
        delivery = next(
            delivery
            for delivery in self._sandbox.hooks.newest_first(self._sandbox.app)
            if delivery.event == "pull_request"
        )
        self._sandbox.hooks.redeliver(delivery)
        self._sandbox.edit_pull(
            self._opened, body="Customers look for things, a lot.", by=self._mona
        )
        await quiet(self._stage)
        if self._edits() != edits:
            raise NotTrue("something was written though nothing had changed")
        return "a doubled delivery and an edited description: nothing written"

    async def press_fix_title(self) -> str:
        self._pull = self._sandbox.open_pull(
            self._stage.repository,
            "Fixed rounding of prices",
            "Round half up",
            head="rounding",
            by=self._mona,
        )
        check = await self._check("failure")
        self._sandbox.press(check, FIX_TITLE, by=self._mona)
        await self._check("success")
        return f"the title is now `{self._opened.title}`"

    @property
    def _opened(self) -> Pull:
        assert self._pull is not None  # noqa: S101 (the first step opens it)
        return self._pull

    async def _check(self, conclusion: str) -> CheckRun:
        def look() -> CheckRun | None:
            runs = self._sandbox.latest_checks(
                self._stage.repository, self._opened.head_sha, name=COMMITS_CHECK
            )
            return next((run for run in runs if run.conclusion == conclusion), None)

        return await until(look, f"{COMMITS_CHECK} is not at {conclusion}")

    async def _comment(self, text: str) -> Comment:
        return await until(
            lambda: self._only_comment(lambda comment: text in comment.body),
            f"there is no summary comment with “{text}”" if text else "there is no comment",
        )

    def _only_comment(self, wanted: Callable[[Comment], bool]) -> Comment | None:
        ours = [c for c in self._sandbox.comments_of(self._opened) if c.app is self._sandbox.app]
        if len(ours) > 1:
            raise NotTrue(f"there are {len(ours)} summary comments")
        return next(filter(wanted, ours), None)

    def _edits(self) -> tuple[object, ...]:
        """Everything the bot could have written."""
        runs = self._sandbox.checks_of(self._stage.repository, self._opened.head_sha)
        comments = self._sandbox.comments_of(self._opened)
        return (
            *((run.id, run.completed_at, run.external_id) for run in runs),
            *((comment.id, comment.body) for comment in comments),
        )


def _first_line(comment: Comment) -> str:
    lines = (line.strip() for line in comment.body.splitlines())
    return next((line for line in lines if line and not line.startswith("<!--")), "")
