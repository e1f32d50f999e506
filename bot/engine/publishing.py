"""From a merged release pull request to its tag, its release and the word to whoever is in it.

Each step reads before it writes, and what was done is in the ledger: a run that is killed anywhere
is completed by the next one, and two runs at once make one tag and one release.
"""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from urllib.parse import quote

import structlog

from bot.core.audit.entry import content_key
from bot.core.model import FoundFile, PullRef, RepoRef, Sha
from bot.core.policy.release import ReleasePolicy
from bot.core.release.changelog import render_late
from bot.core.release.changelog_file import find_section
from bot.core.release.changes import read_statements
from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.notes import cut_section, render_notes
from bot.core.release.packages import of_package
from bot.core.release.pull_request import parse_pull
from bot.core.release.reverts import settle
from bot.core.release.version import parse_version
from bot.core.render import escape
from bot.engine.apply import noted
from bot.engine.release_plans import fetch_reached, needs_paths
from bot.ports import EffectRecord, HubGone, HubRefused, Store
from bot.ports.operations import AuditBroken, AuditEntry, AuditLog
from bot.ports.release_ledger import MadeRelease, ReleaseLedger, ReleaseState
from bot.ports.releases import (
    HubRelease,
    RefProtected,
    ReleaseHub,
    ReleaseLine,
    ReleasePull,
    TagTaken,
)

log = structlog.get_logger()

_LATE_LIMIT = 20_000
"""Characters of a comment."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """What a reconcile works on."""

    repo: RepoRef
    line: ReleaseLine
    policy: ReleasePolicy
    config: ReleaseConfig
    cause: str
    dry: bool = False
    """Whether to say what would be written and to write nothing."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A release as far as it has got. ``refused``: why it could not go on, in a sentence;
    ``waits``: it is to be tagged all the same, before anything else is released."""

    made: MadeRelease
    refused: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Publisher:
    releases: ReleaseHub
    ledger: ReleaseLedger
    store: Store
    audit: AuditLog

    async def publish(self, trunk: Trunk, pulls: Sequence[ReleasePull]) -> list[Completed]:
        """Complete what was merged of these pull requests, the newest of which is first. What was
        complete before is left out."""
        merged = [(pull, pull.merge_sha) for pull in pulls if pull.merge_sha]
        numbers = [pull.ref.number for pull, _ in merged]
        known = await self.ledger.fetch_releases(trunk.repo.id, numbers) if merged else ()
        packages = {package.name for package in trunk.config.packages}
        done: list[Completed] = []
        for pull, sha in reversed(merged):
            begun = [Completed(one) for one in known if one.pull_number == pull.ref.number]
            if not begun:
                begun = await self._settle(trunk, pull, sha, newest=pull is merged[0][0])
            for one in begun:
                if one.made.state is ReleaseState.TOLD or one.made.package not in packages:
                    continue
                left = one.refused or trunk.dry
                done.append(one if left else await self._complete(trunk, pull, one.made))
        return done

    async def is_outdated(self, trunk: Trunk, pulls: Sequence[ReleasePull]) -> bool:
        """Whether something of these pull requests was tagged since the line was read, by whoever
        it was: this run, or another one."""
        numbers = [pull.ref.number for pull in pulls if pull.merge_sha]
        known = await self.ledger.fetch_releases(trunk.repo.id, numbers) if numbers else ()
        tags = {tag.name for tag in trunk.line.tags}
        return any(one.state is not ReleaseState.MERGED and one.tag not in tags for one in known)

    async def _settle(
        self, trunk: Trunk, pull: ReleasePull, sha: Sha, *, newest: bool
    ) -> list[Completed]:
        """What a pull request released. Its title and description only say where to look: what
        counts is the section in the changelog that its merge put on the trunk."""
        said = parse_pull(trunk.config, pull.title, pull.body).versions
        packages = {package.name: package for package in trunk.config.packages}
        named = [(packages[name], said[name]) for name in said if name in packages]
        tags = {tag.name for tag in trunk.line.tags}
        if not newest and all(package.tag_of(version) in tags for package, version in named):
            return []  # released before the ledger was there
        settled = []
        for package, version in named:
            tag = package.tag_of(version)
            made = MadeRelease(package.name, str(version), tag, sha, pull.ref.number)
            refused = ""
            if await self._section(trunk, package, sha, str(version)) is None:
                refused = (
                    "the changelog that this was merged with has no section of that version. Add "
                    "one on a branch of your own, or have the next release take its place."
                )
                if not trunk.dry:
                    text = f"{escape.inline(tag)} is not released: {refused}"
                    await self._say(trunk, pull.ref, tag, text)
            settled.append(Completed(made, refused=refused))
        for one in settled:
            if not one.refused and not trunk.dry:
                await self.ledger.add_release(trunk.repo.id, one.made)
        return settled

    async def _complete(self, trunk: Trunk, pull: ReleasePull, made: MadeRelease) -> Completed:
        release: HubRelease | None = None
        try:
            if made.state is ReleaseState.MERGED:
                async with noted_on(trunk, self.store, "create_tag", made.tag, made.sha):
                    await self.releases.create_tag(trunk.repo, made.tag, made.sha)
                made = await self._reached(trunk, made, ReleaseState.TAGGED)
            if made.state is ReleaseState.TAGGED:
                release = await self._release(trunk, pull, made)
                made = await self._reached(trunk, made, ReleaseState.RELEASED, release.url)
        except HubRefused as error:
            return await self._refused(trunk, pull, made, error)
        if release is None:
            release = await self.releases.find_release(trunk.repo, made.tag)
        if await self._tell(trunk, made, release):
            made = await self._reached(trunk, made, ReleaseState.TOLD)
        return Completed(made)

    async def _release(self, trunk: Trunk, pull: ReleasePull, made: MadeRelease) -> HubRelease:
        # First, so that the checkpoint in the release covers it.
        await self.audit.append(
            AuditEntry(
                kind="release",
                actor=pull.author,
                repository=trunk.repo.full_name,
                subject=made.tag,
                detail={"package": made.package, "version": made.version},
                build_sha=made.sha,
                release_tag=made.tag,
                pull_number=made.pull_number,
                key=content_key("release", trunk.repo.id, made.tag),
            )
        )
        release = await self.releases.find_release(trunk.repo, made.tag)
        if release is None:
            package = trunk.config.package(made.package)
            section = await self._section(trunk, package, made.sha, made.version) or ""
            base = await self._base(trunk, package, made)
            policy = trunk.policy.package(made.package)
            path = trunk.policy.changelog_of(policy)
            late = await self._late(trunk, package, pull, made)
            body = render_notes(
                section,
                late=late,
                compare_url=trunk.config.compare_url(base, made.tag) if base else "",
                whole_url=f"{trunk.config.repo_url}/blob/{quote(made.tag)}/{quote(path)}",
                checkpoint=await self._checkpoint(),
            )
            async with noted_on(trunk, self.store, "create_release", made.tag, body):
                release = await self.releases.create_release(
                    trunk.repo,
                    tag=made.tag,
                    title=made.tag,
                    body=body,
                    draft=trunk.policy.draft_of(policy),
                    prerelease=bool(parse_version(made.version).prerelease),
                    latest=trunk.policy.latest_of(policy),
                )
        log.info("released", repository=trunk.repo.full_name, tag=made.tag, sha=made.sha)
        return release

    async def _late(
        self, trunk: Trunk, package: Package, pull: ReleasePull, made: MadeRelease
    ) -> str:
        """A section on what landed after the pull request was renewed last and before it was
        merged: it is in the release, and whoever merged it was not shown it."""
        try:
            commits = await self.releases.fetch_commits(
                trunk.repo, pull.head_sha, made.sha, paths=needs_paths(trunk.config)
            )
        except HubGone as error:
            log.info("release_branch_gone", tag=made.tag, error=str(error))
            return ""
        others = [
            one
            for one in commits
            if one.sha != made.sha and not (one.pull and one.pull.number == made.pull_number)
        ]
        own = of_package(trunk.config, package, read_statements(trunk.config, others))
        late = render_late(trunk.config, settle(own).changes)
        if late:
            marker = f"<!-- lockgate:release-late {quote(made.tag)} -->"
            text = (
                f"{marker}\n{escape.inline(made.tag)} has more than this said when it was merged. "
                "The release's text has it too, the changelog does not. To rule that out, require "
                "branches to be up to date before they are merged into "
                f"{escape.code(trunk.line.branch)}.\n\n{cut_section(late, _LATE_LIMIT)}"
            )
            async with noted_on(trunk, self.store, "comment_once", str(pull.ref), text):
                await self.releases.comment_once(pull.ref, marker, text)
        return late

    async def _checkpoint(self) -> str:
        """A log that cannot be gone on with holds up no release: ``lockgate doctor`` tells it."""
        try:
            return await self.audit.checkpoint()
        except AuditBroken as error:
            log.warning("audit_log_broken", error=str(error))
            return ""

    async def _tell(self, trunk: Trunk, made: MadeRelease, release: HubRelease | None) -> bool:
        """One comment on each pull request that is in it; False while it is a draft still. Of one
        that somebody deleted since, nobody is told."""
        if release is None or release.draft:
            return release is None
        package = trunk.config.package(made.package)
        tags = [tag for tag in trunk.line.tags if tag.name != made.tag]
        last = await fetch_reached(self.releases, trunk.repo, package, tags, made.sha)
        commits = await self.releases.fetch_commits(
            trunk.repo,
            last[0].sha if last else None,
            made.sha,
            paths=needs_paths(trunk.config),
        )
        own = of_package(trunk.config, package, read_statements(trunk.config, commits))
        numbers = {one.commit.pull.number for one in own if one.commit.pull} - {made.pull_number}
        text = f"Released in {escape.link(made.tag, release.url)}."
        for number in sorted(numbers):
            try:
                await self._say(trunk, PullRef(trunk.repo, number), made.tag, text)
            except (HubGone, HubRefused) as error:  # locked, say: nobody else is to miss it
                log.info("release_not_told", pull=number, tag=made.tag, error=str(error))
        return True

    async def _base(self, trunk: Trunk, package: Package, made: MadeRelease) -> str:
        """The tag that a release follows; empty for the first."""
        tags = [tag for tag in trunk.line.tags if tag.name != made.tag]
        last = await fetch_reached(self.releases, trunk.repo, package, tags, made.sha)
        final = [tag for tag in last if not _is_prerelease(package, tag.name)]
        followed = last if parse_version(made.version).prerelease else final
        return followed[0].name if followed else ""

    async def _section(self, trunk: Trunk, package: Package, at: Sha, version: str) -> str | None:
        path = trunk.policy.changelog_of(trunk.policy.package(package.name))
        found = (await self.releases.fetch_files(trunk.repo, at, [path]))[path]
        if not isinstance(found, FoundFile):
            return None
        return find_section(found.text, parse_version(version))

    async def _refused(
        self, trunk: Trunk, pull: ReleasePull, made: MadeRelease, error: HubRefused
    ) -> Completed:
        remedy = "It is tried again with the next push."
        if isinstance(error, TagTaken):
            remedy = "Delete that tag, or merge the next release in its place."
        elif isinstance(error, RefProtected):
            remedy = error.remedy
        reason = f"{error}. {remedy}"
        log.warning("release_refused", repository=trunk.repo.full_name, tag=made.tag, why=reason)
        missing = "tagged" if made.state is ReleaseState.MERGED else "released"
        text = f"{escape.inline(made.tag)} could not be {missing}: {escape.sentence(reason)}"
        await self._say(trunk, pull.ref, made.tag, text)
        waits = made.state is ReleaseState.MERGED and not isinstance(error, TagTaken)
        return Completed(made, reason, waits)

    async def _say(self, trunk: Trunk, ref: PullRef, tag: str, text: str) -> None:
        """Once for a tag."""
        marker = f"<!-- lockgate:released {quote(tag)} -->"
        async with noted_on(trunk, self.store, "comment_once", str(ref), text):
            await self.releases.comment_once(ref, marker, f"{marker}\n{text}")

    async def _reached(
        self, trunk: Trunk, made: MadeRelease, state: ReleaseState, url: str = ""
    ) -> MadeRelease:
        await self.ledger.note_state(trunk.repo.id, made.tag, state, url=url)
        return replace(made, state=state, url=url or made.url)


def noted_on(
    trunk: Trunk, store: Store, kind: str, subject: str, content: str
) -> AbstractAsyncContextManager[None]:
    """As ``noted``, around a write for a trunk's release; ``content`` is what is written."""
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return noted(EffectRecord(kind, trunk.repo, subject, digest, trunk.cause), store)


def _is_prerelease(package: Package, tag: str) -> bool:
    version = package.version_of(tag)
    return version is not None and bool(version.prerelease)
