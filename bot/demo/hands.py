"""What the people of the story do to production, and what they see of it."""

from collections.abc import Mapping

from bot.core.model import Sha
from bot.demo.stage import Stage
from bot.demo.watching import NotTrue, until
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Comment, Pull
from bot.sandbox.vercel.model import Deployment


class Hands:
    """Mona opens pull requests; Ada merges them and types commands."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sandbox = stage.sandbox
        self._ada = stage.sandbox.user("ada")
        self._mona = stage.sandbox.user("mona")

    def merged(self, title: str, files: Mapping[str, str] | None = None) -> Pull:
        change = [CommitSpec(title, dict(files))] if files else []
        pull = self._sandbox.open_pull(self._stage.repository, title, *change, by=self._mona)
        self.merge(pull)
        return pull

    def merge(self, pull: Pull) -> None:
        self._sandbox.merge(pull, "squash", by=self._ada)

    def check(self, pull: Pull, conclusion: str) -> None:
        """What the shop's own tests say of the commit that landed."""
        sha = Sha(pull.merge_commit_sha or "")
        self._sandbox.create_check(
            self._stage.repository, self._stage.ci, sha, "test", conclusion=conclusion
        )

    async def say(self, pull: Pull, line: str, wanted: str) -> str:
        """Type a command; the first line of the bot's answer that says what is wanted.

        Raises:
            NotTrue: it is refused and was not to be, or no such answer comes.
        """
        typed = self._sandbox.comment(pull, line, by=self._ada)

        def look() -> Comment | None:
            answers = [
                comment
                for comment in self._sandbox.comments_of(pull)
                if comment.app is self._sandbox.app and comment.id > typed.id
            ]
            refused = next((one for one in answers if "refused" in _said(one)), None)
            if refused is not None and wanted not in refused.body:
                raise NotTrue(f"{line}: {_said(refused)}")
            return next((one for one in answers if wanted in one.body), None)

        answer = await until(look, f"no answer to {line} says “{wanted}”")
        return f"{line}: {_said(answer)}"

    async def is_refused(self, pull: Pull, line: str, because: str) -> str:
        """Type a command; the first line of the refusal that says why.

        Raises:
            NotTrue: it is not refused, or for another reason.
        """
        said = await self.say(pull, line, because)
        if "refused" not in said:
            raise NotTrue(said)
        return said

    @property
    def live(self) -> Deployment | None:
        return self._stage.vercel.live(self._stage.project)

    def must_serve(self, pull: Pull) -> None:
        live = self.live
        if live is None or live.sha != pull.merge_commit_sha:
            raise NotTrue("the production domain serves another build")


def _said(comment: Comment) -> str:
    """Its first line that is seen."""
    return next((one for one in comment.body.splitlines() if one and one[:4] != "<!--"), "")
