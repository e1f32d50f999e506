"""``bot.ports.releases.ReleaseHub`` on GitHub's API."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cachetools import LRUCache

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.payloads import comment_body, pull_body, release_body
from bot.adapters.github.refusals import told
from bot.adapters.github.release_history import ReleaseHistory
from bot.adapters.github.release_reading import (
    read_branch_commit,
    read_release,
    read_release_pull,
)
from bot.adapters.github.release_refs import ReleaseRefs
from bot.core.model import FileRead, PullRef, PullState, RepoRef, Sha
from bot.core.release.kinds import Latest
from bot.core.release.model import FileChange, HistoryCommit, Tag
from bot.core.release.pull_request import BRANCHES
from bot.ports import HubGone, HubRefused
from bot.ports.releases import (
    BranchApart,
    BranchCommit,
    HubRelease,
    ReleaseBranch,
    ReleaseLine,
    ReleasePull,
)

_A_PAGE = 100
_KEPT_SAID = 20_000
"""Comments that are known to stand there. A release of a thousand pull requests is told in many
runs, as GitHub lets us write; to look at all of them in each would use up the hour's requests."""


class GitHubReleaseHub:
    """Every method may raise HubUnavailable, HubGone or HubRefused. It shares connection, tokens,
    cache and known names with the hub whose ``access`` it is given."""

    def __init__(self, access: RepositoryAccess) -> None:
        self._access = access
        self._client = access.client
        self._history = ReleaseHistory(access)
        self._refs = ReleaseRefs(access)
        self._comments = GitHubCommandHub(access)
        self._said: LRUCache[tuple[int, int, str], bool] = LRUCache(_KEPT_SAID)
        self._login = ""

    # the history

    async def fetch_line(self, repo: RepoRef, branch: str = "") -> ReleaseLine:
        return await self._history.fetch_line(repo, branch)

    async def find_reachable(
        self, repo: RepoRef, candidates: Iterable[Tag], head: Sha
    ) -> Tag | None:
        return await self._history.find_reachable(repo, candidates, head)

    async def fetch_commits(
        self, repo: RepoRef, base: Sha | None, head: Sha, *, paths: bool = False
    ) -> tuple[HistoryCommit, ...]:
        return await self._history.fetch_commits(repo, base, head, paths=paths)

    async def fetch_files(
        self, repo: RepoRef, at: Sha, paths: Iterable[str]
    ) -> Mapping[str, FileRead]:
        return await self._history.fetch_files(repo, at, paths)

    # the branch

    async def fetch_branch(self, repo: RepoRef, branch: str, *, line: Sha) -> ReleaseBranch | None:
        """Two requests for up to 100 commits."""
        head = await self._refs.fetch_target(repo, f"refs/heads/{branch}")
        if head is None:
            return None
        repo = await self._access.named(repo)
        login = await self._own_login()
        commits: list[BranchCommit] = []
        try:
            async for page in self._history.compare(repo, line, head):
                commits += [read_branch_commit(item, login) for item in page]
        except HubGone:
            raise BranchApart(
                f"the branch {branch} of {repo.full_name} has no commit in common with the one it "
                "is to be merged into: delete it, and it is made anew"
            ) from None
        return ReleaseBranch(branch, head, tuple(commits))

    async def write_branch(
        self,
        repo: RepoRef,
        branch: str,
        *,
        expected: Sha | None,
        parent: Sha,
        message: str,
        changes: Sequence[FileChange],
    ) -> Sha:
        return await self._refs.write_branch(
            repo, branch, expected=expected, parent=parent, message=message, changes=changes
        )

    async def merge_into(self, repo: RepoRef, branch: str, sha: Sha, *, message: str) -> Sha | None:
        return await self._refs.merge_into(repo, branch, sha, message=message)

    # the pull request

    async def fetch_pulls(self, repo: RepoRef, branch: str) -> tuple[ReleasePull, ...]:
        repo = await self._access.named(repo)
        answer = await self._client.rest(
            op.LIST_PULLS,
            installation=repo.installation_id,
            path=path_of(repo),
            query={"head": f"{repo.owner}:{branch}", "state": "all", "per_page": _A_PAGE},
            about=f"{repo.full_name}@{branch}",
        )
        login = await self._own_login()
        # A fork within the same organisation has the same label.
        return tuple(
            read_release_pull(repo, item, login)
            for item in answer.data
            if (item["head"]["repo"] or {}).get("id") == repo.id and item["head"]["ref"] == branch
        )

    async def fetch_open_pulls(self, repo: RepoRef) -> tuple[ReleasePull, ...]:
        """A request for each 100 that are open, whoever's they are."""
        repo = await self._access.named(repo)
        login = await self._own_login()
        pages = self._client.pages(
            op.LIST_PULLS,
            installation=repo.installation_id,
            path=path_of(repo),
            query={"state": "open"},
            about=repo.full_name,
        )
        found = [
            read_release_pull(repo, item, login)
            async for page in pages
            for item in page.data
            if (item["head"]["repo"] or {}).get("id") == repo.id
        ]
        return tuple(pull for pull in found if pull.ours and pull.branch.startswith(BRANCHES))

    async def open_pull(
        self, repo: RepoRef, *, branch: str, base: str, title: str, body: str, draft: bool = False
    ) -> ReleasePull:
        repo = await self._access.named(repo)
        wanted = {"head": branch, "base": base, "draft": draft}
        try:
            answer = await self._client.rest(
                op.CREATE_PULL,
                installation=repo.installation_id,
                path=path_of(repo),
                body={**wanted, **pull_body(title=title, body=body)},
                about=f"{repo.full_name}@{branch}",
            )
        except HubRefused as error:
            if "already exists" not in str(error):
                raise
            for pull in await self.fetch_pulls(repo, branch):
                if pull.state is PullState.OPEN and pull.base == base:
                    return pull
            raise
        return read_release_pull(repo, answer.data, await self._own_login())

    async def edit_pull(
        self, ref: PullRef, *, title: str | None = None, body: str | None = None
    ) -> None:
        await self._update_pull(ref, pull_body(title=title, body=body))

    async def close_pull(self, ref: PullRef) -> None:
        await self._update_pull(ref, {"state": "closed"})

    async def comment_once(self, ref: PullRef, marker: str, body: str) -> bool:
        said = (ref.repo.id, ref.number, marker)
        if said in self._said:
            return False
        if await self._comments.fetch_own_comment(ref, marker) is not None:
            self._said[said] = True
            return False
        repo = await self._access.named(ref.repo)
        await self._client.rest(
            op.CREATE_COMMENT,
            installation=repo.installation_id,
            path={**path_of(repo), "issue_number": ref.number},
            body=comment_body(body),
            about=str(ref),
        )
        self._said[said] = True
        return True

    # the release

    async def create_tag(self, repo: RepoRef, name: str, sha: Sha) -> bool:
        return await self._refs.create_tag(repo, name, sha)

    async def find_release(self, repo: RepoRef, tag: str) -> HubRelease | None:
        """One request for one that is published, two for a draft or none: drafts are listed only,
        and to those who may write."""
        repo = await self._access.named(repo)
        login = await self._own_login()
        try:
            answer = await self._client.rest(
                op.GET_RELEASE,
                installation=repo.installation_id,
                path={**path_of(repo), "tag": tag},
                about=f"{repo.full_name}@{tag}",
            )
            return read_release(answer.data, login)
        except HubGone:
            drafts = await self._drafts(repo, tag, login)
        return drafts[0] if drafts else None

    async def create_release(
        self,
        repo: RepoRef,
        *,
        tag: str,
        title: str,
        body: str,
        draft: bool = False,
        prerelease: bool = False,
        latest: Latest = Latest.LEGACY,
    ) -> HubRelease:
        repo = await self._access.named(repo)
        # Of a draft or a pre-release GitHub refuses to be asked for it.
        shown = "" if draft or prerelease else latest
        written = release_body(
            title=title, body=body, draft=draft, prerelease=prerelease, latest=shown
        )
        try:
            answer = await self._client.rest(
                op.CREATE_RELEASE,
                installation=repo.installation_id,
                path=path_of(repo),
                body={"tag_name": tag, **written},
                about=f"{repo.full_name}@{tag}",
            )
        except HubRefused as error:
            known = await self.find_release(repo, tag) if "already_exists" in str(error) else None
            if known is None:
                raise told(error, repo, f"refs/tags/{tag}") from None
            return known
        login = await self._own_login()
        made = read_release(answer.data, login)
        return await self._older_draft(repo, made, login) if draft else made

    async def edit_release(
        self,
        repo: RepoRef,
        release_id: int,
        *,
        title: str | None = None,
        body: str | None = None,
        draft: bool | None = None,
    ) -> HubRelease:
        repo = await self._access.named(repo)
        answer = await self._client.rest(
            op.UPDATE_RELEASE,
            installation=repo.installation_id,
            path={**path_of(repo), "release_id": release_id},
            body=release_body(title=title, body=body, draft=draft),
            about=f"{repo.full_name} (release {release_id})",
        )
        return read_release(answer.data, await self._own_login())

    async def _own_login(self) -> str:
        """What the App is called where it writes."""
        if not self._login:
            app = await self._client.rest(op.GET_APP)
            self._login = f"{app.data['slug']}[bot]"
        return self._login

    async def _update_pull(self, ref: PullRef, body: dict[str, Any]) -> None:
        repo = await self._access.named(ref.repo)
        await self._client.rest(
            op.UPDATE_PULL,
            installation=repo.installation_id,
            path={**path_of(repo), "pull_number": ref.number},
            body=body,
            about=str(ref),
        )

    async def _drafts(self, repo: RepoRef, tag: str, login: str) -> list[HubRelease]:
        """Those of a tag among the last hundred releases, the oldest first."""
        answer = await self._client.rest(
            op.LIST_RELEASES,
            installation=repo.installation_id,
            path=path_of(repo),
            query={"per_page": _A_PAGE},
            about=repo.full_name,
        )
        found = [
            read_release(item, login)
            for item in answer.data
            if item["draft"] and item["tag_name"] == tag
        ]
        return sorted(found, key=lambda release: release.id)

    async def _older_draft(self, repo: RepoRef, made: HubRelease, login: str) -> HubRelease:
        """Of the drafts that were made at once the first: whoever made a later one deletes it."""
        drafts = [draft for draft in await self._drafts(repo, made.tag, login) if draft.ours]
        if not drafts or drafts[0].id >= made.id:
            return made
        await self._client.rest(
            op.DELETE_RELEASE,
            installation=repo.installation_id,
            path={**path_of(repo), "release_id": made.id},
            about=f"{repo.full_name}@{made.tag}",
        )
        return drafts[0]
