"""Tags, releases, and the rules that protect branches and tags."""

import re
from typing import Final

from bot.sandbox import shapes_shipping as shown
from bot.sandbox.errors import custom_invalid, invalid
from bot.sandbox.git import GitError, run_git
from bot.sandbox.model import Account, App, RefRule, Release, Repository
from bot.sandbox.rules import RULES
from bot.sandbox.world import World

BODY_CHARACTERS: Final = 125_000


class Releasing(World):
    # tags

    def tag(
        self,
        repository: Repository,
        name: str,
        target: str = "",
        *,
        message: str = "",
        by: Account | None = None,
    ) -> str:
        """Put a tag on a commit, the default branch's tip unless told; with a message it is an
        annotated one. A tag that is there is moved. Returns the id that the ref holds."""
        who = by or self._owner_of(repository.owner)
        oid = repository.git.resolve(target or repository.default_branch)
        if oid is None:
            raise custom_invalid("Tag", f"{target} names no commit")
        if message:
            oid = self.tag_object(repository, name, oid, message, by=who)
        self.point_tag(repository, name, oid, by=who)
        return oid

    def tag_object(
        self, repository: Repository, name: str, oid: str, message: str, *, by: Account | None
    ) -> str:
        """Write an annotated tag that no ref is on yet. Raises GitError for what git refuses."""
        person, store = self.signature(by), repository.git.store
        kind = (store.read(oid) or ("", "commit", b""))[1]
        tagger = f"{person.name} <{person.email}> {person.seconds} +0000"
        text = f"object {oid}\ntype {kind}\ntag {name}\ntagger {tagger}\n\n{message}\n"
        return store.write_object("tag", text.encode())

    def point_tag(
        self, repository: Repository, name: str, oid: str, *, by: Account | None = None
    ) -> None:
        """Make or move a tag's ref to an object. Raises GitError."""
        ref = f"refs/tags/{name}"
        before = repository.git.refs.get(ref)
        run_git("update-ref", ref, oid, cwd=repository.git.path)
        repository.git.refs[ref] = oid
        self._refs_moved(repository, {ref: before}, by or self._owner_of(repository.owner))

    def delete_tag(self, repository: Repository, name: str, *, by: Account | None = None) -> None:
        self.move_refs(repository, {f"refs/tags/{name}": None}, by=by)

    # rules

    def protect(
        self,
        repository: Repository,
        pattern: str,
        *forbids: str,
        bypass: App | None = None,
    ) -> RefRule:
        """Have a ruleset forbid what the API does to refs such as ``refs/tags/v*``: ``creation``,
        ``update``, ``deletion``, ``non_fast_forward``; all of them unless told."""
        unknown = set(forbids) - set(RULES)
        if unknown:
            raise ValueError(f"no such rule: {', '.join(sorted(unknown))}")
        passes = {bypass.id} if bypass else set()
        rule = RefRule(self.next_id("ruleset"), pattern, forbids or RULES, passes)
        repository.ref_rules.append(rule)
        return rule

    # releases

    def create_release(
        self,
        repository: Repository,
        tag_name: str,
        *,
        target: str = "",
        name: str | None = None,
        body: str | None = None,
        draft: bool = False,
        prerelease: bool = False,
        make_latest: str = "true",
        by: Account | None = None,
    ) -> Release:
        """The tag is made if there is none yet, unless the release is a draft. Of drafts there may
        be several for one tag. Raises ApiError for a tag that a published release has already."""
        if not draft:
            self._refuse_released(repository, tag_name)
        self._refuse_long(body)
        author, now = by or self._owner_of(repository.owner), self.now()
        release = Release(
            id=self.next_id("release"),
            repository=repository,
            tag_name=tag_name,
            target=target or repository.default_branch,
            name=name,
            body=body,
            draft=True,
            prerelease=prerelease,
            author=author,
            created_at=now,
            published_at=None,
        )
        if not draft:
            self._tag_of(release, author)
        repository.releases[release.id] = release
        if not draft:
            self.publish_release(release, make_latest=make_latest, by=author)
        return release

    def publish_release(
        self, release: Release, *, make_latest: str = "true", by: Account | None = None
    ) -> None:
        """Raises ApiError if its tag is another release's, or can be put on nothing."""
        author = by or release.author
        self._refuse_released(release.repository, release.tag_name)
        self._tag_of(release, author)
        release.draft, release.published_at = False, self.now()
        self.set_latest(release, make_latest)
        kind = "prereleased" if release.prerelease else "released"
        for action in ("created", "published", kind):
            self._release_event(action, release, author)

    def set_latest(self, release: Release, make_latest: str) -> None:
        """``true`` makes it the latest, ``legacy`` where none has a higher version; ``false``
        leaves the others as they are. A pre-release never is."""
        others = release.repository.releases.values()
        full = [one for one in others if not one.draft and not one.prerelease]
        if (
            release not in full
            or make_latest == "false"
            or (make_latest == "legacy" and release is not max(full, key=_version))
        ):
            release.latest = False
            return
        for other in others:
            other.latest = other is release

    def edit_release(
        self,
        release: Release,
        *,
        body: str | None = None,
        name: str | None = None,
        prerelease: bool | None = None,
        by: Account | None = None,
    ) -> None:
        """Raises ApiError for a body that is too long."""
        self._refuse_long(body)
        changes: dict[str, dict[str, str]] = {}
        if name is not None and name != release.name:
            changes["name"] = {"from": release.name or ""}
            release.name = name
        if body is not None and body != release.body:
            changes["body"] = {"from": release.body or ""}
            release.body = body
        if prerelease is not None:
            release.prerelease = prerelease
        if changes:
            self._release_event("edited", release, by or release.author, changes=changes)

    def delete_release(self, release: Release, *, by: Account | None = None) -> None:
        """Its tag stays."""
        del release.repository.releases[release.id]
        self._release_event("deleted", release, by or release.author)

    def _tag_of(self, release: Release, by: Account) -> None:
        repository = release.repository
        if f"refs/tags/{release.tag_name}" in repository.git.refs:
            return
        if repository.git.resolve(release.target) is None:
            raise invalid("Release", "target_commitish", "invalid")
        try:
            self.tag(repository, release.tag_name, release.target, by=by)
        except GitError:
            raise invalid("Release", "tag_name", "invalid") from None

    def _refuse_released(self, repository: Repository, tag_name: str) -> None:
        found = self.release_of(repository, tag_name)
        if found is not None and not found.draft:
            raise invalid("Release", "tag_name", "already_exists")

    def _refuse_long(self, body: str | None) -> None:
        if body is not None and len(body) > BODY_CHARACTERS:
            text = f"body is too long (maximum is {BODY_CHARACTERS} characters)"
            raise invalid("Release", "body", "custom", text)

    def _release_event(self, action: str, release: Release, by: Account, **more: object) -> None:
        self.emit(
            "release",
            release.repository,
            lambda: {
                "action": action,
                **more,
                "release": shown.release(self.shapes, release),
                "repository": self.shapes.repository(release.repository),
                "sender": self.shapes.account(by),
            },
        )

    def release_of(self, repository: Repository, tag_name: str) -> Release | None:
        """The published one, or else the oldest draft."""
        found = [r for r in repository.releases.values() if r.tag_name == tag_name]
        return min(found, key=lambda release: (release.draft, release.id), default=None)

    def latest_release(self, repository: Repository) -> Release | None:
        full = [r for r in repository.releases.values() if not r.draft and not r.prerelease]
        marked = [release for release in full if release.latest] or full
        return marked[-1] if marked else None


def _version(release: Release) -> tuple[list[int], int]:
    """The numbers of its tag; of two that have the same the newer one is higher."""
    return [int(number) for number in re.findall(r"\d+", release.tag_name)], release.id
