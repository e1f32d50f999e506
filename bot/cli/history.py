"""A local clone's releases: what `lockgate release plan` and `lockgate changelog` work on."""

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.adapters.localgit import HEAD, LocalGit, LocalGitError, ShallowCloneError
from bot.cli.errors import CommandError
from bot.core.release.changelog import render_changelog, render_sections
from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.model import HistoryCommit, NothingToRelease, ReleasePlan, Tag
from bot.core.release.packages import Release, last_release, releases
from bot.core.release.plan import plan_releases
from bot.core.render.escape import plain
from bot.core.sha import Sha

if TYPE_CHECKING:  # a clone without the section needs none of it
    from bot.core.policy.loader import MappingNode
    from bot.core.policy.release import ReleasePolicy

_POLICY = ".github/lockgate.yml"
_REDRAW = 0.2
"""Seconds that pass before progress is shown, and between two looks of it."""


class LocalHistory:
    """The clone that ``repo`` is in, from ``base`` to ``head``, both as people name them."""

    def __init__(self, repo: str, base: str | None, head: str | None) -> None:
        self._git = LocalGit(Path(repo))
        self._named_head = head
        self._head = self._git.fetch_commit_id(head) if head is not None else HEAD
        self._base = self._git.fetch_commit_id(base) if base is not None else None
        self.config = self._read_config()
        self._tags = self._git.fetch_tags()
        named = any(tag.name == base for tag in self._tags)
        self._base_name = (base if named else self._base) or ""

    def package(self, name: str | None) -> Package:
        """The only one where none is named."""
        packages = self.config.packages
        if name is None and len(packages) == 1:
            return packages[0]
        for package in packages:
            if package.name == name:
                return package
        names = ", ".join(package.name for package in packages if package.name)
        if name is None:
            raise CommandError(f"there are several packages: {names}", "name one with --package")
        raise CommandError(
            f"the policy has no package {plain(name)}",
            f"it has: {names}" if names else "leave --package out: there is one package alone",
        )

    def plan(self, packages: Sequence[Package]) -> dict[str, ReleasePlan | NothingToRelease]:
        """By name, in the policy's order."""
        wanted = {package.name for package in packages}
        asked = self._with_dependencies(packages)
        tags, commits = self._since_last_release(asked)
        plans = plan_releases(self.config, tags, {one.name: commits for one in asked})
        found = {name: plan for name, plan in plans.items() if name in wanted}
        if self._base is None:
            for plan in found.values():
                self._refuse_taken_tag(plan)
        return found

    def whole_changelog(self, package: Package) -> str:
        commits = self._commits(None)
        return render_changelog(self.config, package, self._tags, commits)

    def changelog(self, package: Package) -> str | NothingToRelease:
        """The section of the release that the head is, or else would be; with a base the sections
        of all releases since then."""
        if self._base is not None:
            commits = self._commits(self._base)
            shas = {commit.sha for commit in commits}
            if any(one.tag.sha in shas for one in releases(package, self._tags)):
                return self._sections(package, self._tags, commits, self._base_name)
        else:
            head = self._git.fetch_commit_id(self._head)
            here = [tag for tag in self._tags if tag.sha == head]
            if release := last_release(package, here, final=False):
                last = self._release_before(package, release, head)
                commits = self._commits(last.tag.sha if last else None)
                name = last.tag.name if last else ""
                return self._sections(package, [release.tag], commits, name)
        plan = self.plan([package])[package.name]
        return plan.changelog if isinstance(plan, ReleasePlan) else plan

    def _release_before(self, package: Package, release: Release, head: Sha) -> Release | None:
        """A prerelease follows whatever there was, a release the last one that was none."""
        before = [
            one.tag
            for one in releases(package, self._git.fetch_tags(head))
            if one.version < release.version and one.tag.sha != head
        ]
        return last_release(package, before, final=not release.version.prerelease)

    def _sections(
        self, package: Package, tags: Iterable[Tag], commits: Sequence[HistoryCommit], base: str
    ) -> str:
        return "\n".join(render_sections(self.config, package, tags, commits, base))

    def _since_last_release(
        self, packages: Sequence[Package]
    ) -> tuple[Sequence[Tag], Sequence[HistoryCommit]]:
        """The tags that are reached, and the commits since the earliest of the packages' last
        releases."""
        if self._base is not None:
            return self._git.fetch_tags(self._base), self._commits(self._base)
        # Which tags are reached takes a walk through the whole history, and mostly all are: their
        # last ones then are among the commits since, or are a parent of one of these.
        try:
            commits = self._commits(self._common_base(packages, self._tags))
            if self._reaches_last_releases(packages, commits):
                return self._tags, commits
        except ShallowCloneError:
            pass  # for a tag that is not reached, perhaps
        tags = self._git.fetch_tags(self._head)
        return tags, self._commits(self._common_base(packages, tags))

    def _common_base(self, packages: Sequence[Package], tags: Sequence[Tag]) -> Sha | None:
        bases = set()
        for package in packages:
            last = last_release(package, tags)
            if last is None:
                return None
            bases.add(last.tag.sha)
        return bases.pop() if len(bases) == 1 else self._git.fetch_common_ancestor(sorted(bases))

    def _reaches_last_releases(
        self, packages: Sequence[Package], commits: Sequence[HistoryCommit]
    ) -> bool:
        reached = {commit.sha for commit in commits}
        reached.update(*(commit.parent_shas or () for commit in commits))
        if not commits:
            reached.add(self._git.fetch_commit_id(self._head))
        return all(
            last is None or last.tag.sha in reached
            for package in packages
            for last in (
                last_release(package, self._tags),
                last_release(package, self._tags, final=False),
            )
        )

    def _with_dependencies(self, packages: Sequence[Package]) -> list[Package]:
        wanted, waiting = set(), [package.name for package in packages]
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += self.config.package(name).depends_on
        return [package for package in self.config.packages if package.name in wanted]

    def _commits(self, base: Sha | None) -> list[HistoryCommit]:
        packages = self.config.packages
        paths = len(packages) > 1 or not packages[0].is_whole
        commits = self._git.fetch_commits(base, self._head, paths=paths)
        return list(_shown(commits) if sys.stderr.isatty() else commits)

    def _refuse_taken_tag(self, plan: ReleasePlan | NothingToRelease) -> None:
        if isinstance(plan, NothingToRelease):
            return
        for tag in self._tags:
            if tag.name == plan.tag:
                raise CommandError(
                    f"the next version would be {plan.next}, and there is a tag {tag.name} on "
                    f"{tag.sha[:7]} already, which {self._named_head or 'HEAD'} does not contain",
                    "merge that commit, delete the tag, or ask for another version in the footer "
                    "of a commit: `Release-As: 1.2.3`",
                )

    def _read_config(self) -> ReleaseConfig:
        url = self._git.fetch_web_url()
        text = self._policy_text()
        # The policy's models take longer to load than all else: a text without the word has no
        # such section, unless an escape spells it.
        if "release" not in text and "\\" not in text:
            return replace(ReleaseConfig(), repo_url=url)
        from bot.core.policy.release_plain import read_plainly, release_section

        section = release_section(text)
        plainly = read_plainly(section) if section else None
        if plainly is None:
            return self._by_models(section, text, url)
        config, branch = plainly
        prerelease = bool(branch) and branch == self._branch()
        return replace(config, prerelease=prerelease, repo_url=url)

    def _by_models(self, section: "MappingNode | None", text: str, url: str) -> ReleaseConfig:
        from bot.core.policy.release import release_config
        from bot.core.policy.release_alone import read_release_alone

        alone = read_release_alone(section) if section else None
        release = alone or _read_release(text)
        branch = self._branch() if release.prerelease else ""
        return release_config(release, branch=branch, repo_url=url)

    def _policy_text(self) -> str:
        """As it stands at the head that was named, if it does; else among the files, with what
        nobody has committed yet."""
        top = self._git.find_work_tree()
        path = top / _POLICY if top else None
        try:
            if self._named_head is not None or path is None:
                content = self._git.fetch_file(self._head, _POLICY)
                if content is not None:
                    return content.decode("utf-8")
            return path.read_text("utf-8") if path and path.is_file() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(
                f"{_POLICY} cannot be read: {error}", "make it a readable UTF-8 file"
            ) from error

    def _branch(self) -> str:
        name = self._named_head or self._git.fetch_branch()
        for prefix in ("refs/heads/", "refs/remotes/", "origin/"):
            name = name.removeprefix(prefix)
        return name


def _read_release(text: str) -> "ReleasePolicy":
    from bot.core.policy import PolicyProblems, parse_policy
    from bot.core.policy.release import ReleasePolicy

    policy = parse_policy(text)
    if isinstance(policy, PolicyProblems):
        first = policy.problems[0]
        raise CommandError(
            f"{_POLICY} is not valid; line {first.line}, column {first.column}: "
            f"{plain(str(first), 500)}",
            "`lockgate policy check` tells all that is wrong in it",
        )
    return policy.release or ReleasePolicy()


@contextmanager
def reading() -> Iterator[None]:
    """What a clone cannot tell is an error of the command."""
    # Many objects are made, none of them in a circle, and nearly all of them stay.
    gc.disable()
    try:
        yield
    except LocalGitError as error:
        raise CommandError(plain(str(error), 500), error.remedy) from error
    finally:
        gc.enable()


def _shown(commits: Iterable[HistoryCommit]) -> Iterator[HistoryCommit]:
    """Counts on standard error what is read, if it takes long."""
    drawn, begun = 0, time.monotonic()
    for number, commit in enumerate(commits, start=1):
        if number % 1_000 == 0 and time.monotonic() - begun > _REDRAW * (drawn + 1):
            drawn += 1
            click.echo(f"\r{number:,} commits read …", nl=False, err=True)
        yield commit
    if drawn:
        click.echo("\r\033[K", nl=False, err=True)
