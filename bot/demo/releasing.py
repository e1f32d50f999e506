"""The third part of the story: what is on the trunk becomes a release, and goes live."""

from bot.demo.hands import Hands
from bot.demo.stage import Stage
from bot.demo.watching import NotTrue, Step, until
from bot.sandbox.model import Pull, Release

_TITLE = "chore(release): "


class Releasing:
    """The release pull request has kept itself since the first merge; now it is merged."""

    def __init__(self, stage: Stage) -> None:
        self._repository = stage.repository
        self._sandbox = stage.sandbox
        self._hands = Hands(stage)
        self._pull: Pull | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            Step("the release pull request says what is next", self.read),
            Step("it is merged: there are a tag and a release", self.merge),
            Step("/promote puts the release live", self.promote),
        )

    async def read(self) -> str:
        bad = next(one for one in self._repository.pulls.values() if "clams" in one.title)
        self._hands.merged(f"revert: {bad.title} (#{bad.number})")
        self._hands.merged("fix: round prices")

        def look() -> Pull | None:
            mine = [one for one in self._repository.pulls.values() if one.title.startswith(_TITLE)]
            return next((one for one in mine if "round prices" in (one.body or "")), None)

        self._pull = await until(look, "no pull request says what is next")
        if "in clams" in (self._pull.body or ""):
            raise NotTrue("it promises what was reverted")
        told = (line for line in (self._pull.body or "").splitlines() if "is next" in line)
        return f"{self._pull.title}: {next(told, '')}"

    async def merge(self) -> str:
        pull = self._opened
        tag = pull.title.removeprefix(_TITLE)
        self._hands.merge(pull)

        def look() -> Release | None:
            releases = self._repository.releases.values()
            return next((one for one in releases if one.tag_name == tag), None)

        release = await until(look, f"there is no release {tag}")
        git = self._repository.git
        if git.refs.get(f"refs/tags/{tag}") != pull.merge_commit_sha:
            raise NotTrue("the tag is not on what was merged")
        found = git.store.at_path(pull.merge_commit_sha or "", "CHANGELOG.md")
        if found is None or "round prices" not in found[2].decode():
            raise NotTrue("CHANGELOG.md does not tell of it")
        first = next(line for line in (release.body or "").splitlines() if line.startswith("- "))
        return f"{release.tag_name} with {first.removeprefix('- ')}"

    async def promote(self) -> str:
        self._hands.check(self._opened, "success")
        answer = await self._hands.say(self._opened, "/promote", "**Live:")
        self._hands.must_serve(self._opened)
        return answer

    @property
    def _opened(self) -> Pull:
        assert self._pull is not None  # noqa: S101 (an earlier step has found it)
        return self._pull
