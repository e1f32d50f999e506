"""What releases read of a repository: a line's head and tags, its history, files of a commit."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from cachetools import LRUCache

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.release_reading import (
    read_bytes,
    read_history_commit,
    read_paths,
    read_tags,
    read_text,
)
from bot.adapters.github.release_refs import slots_of
from bot.core.model import FileRead, RepoRef, Sha
from bot.core.release.model import HistoryCommit, Tag
from bot.ports import HubGone, HubUnavailable
from bot.ports.releases import ReleaseLine

_AT_ONCE = 8
"""Requests for the files of commits. GitHub allows 100 for all processes together."""
_KEPT_PATHS = 500_000
"""Of commits, which never change: so that a history that takes more requests than an hour's limit
allows is read to its end by the job's next tries."""


class ReleaseHistory:
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    def __init__(self, access: RepositoryAccess) -> None:
        self._access = access
        self._client = access.client
        self._paths: LRUCache[tuple[int, Sha], tuple[str, ...]] = LRUCache(
            _KEPT_PATHS, getsizeof=lambda paths: len(paths) + 1
        )

    async def fetch_line(self, repo: RepoRef, branch: str = "") -> ReleaseLine:
        """One request for up to 100 tags, and one for each further 100."""
        variables: dict[str, Any] = {"branch": f"refs/heads/{branch}", "named": bool(branch)}
        first: dict[str, Any] = {}
        tags: list[Tag] = []
        after: str | None = None
        while True:
            data, _ = await self._access.query(
                op.RELEASE_LINE, repo, repo.full_name, {**variables, "after": after}
            )
            node = data["repository"]
            repo = self._access.learn(repo, node)
            first = first or node
            tags += read_tags(node["refs"]["nodes"])
            if not node["refs"]["pageInfo"]["hasNextPage"]:
                break
            after = node["refs"]["pageInfo"]["endCursor"]
        default, line = first["defaultBranchRef"], first.get("branch")
        if default is None:
            raise HubGone(f"{repo.full_name} has no commit on its default branch yet")
        if branch and line is None:
            raise HubGone(f"{repo.full_name} has no branch {branch}")
        head = (line or default)["target"]["oid"]
        return ReleaseLine(branch or default["name"], Sha(head), default["name"], tuple(tags))

    async def find_reachable(
        self, repo: RepoRef, candidates: Iterable[Tag], head: Sha
    ) -> Tag | None:
        repo = await self._access.named(repo)
        for tag in candidates:
            if await self._access.is_behind(repo, tag.sha, head):
                return tag
        return None

    async def fetch_commits(
        self, repo: RepoRef, base: Sha | None, head: Sha, *, paths: bool = False
    ) -> tuple[HistoryCommit, ...]:
        """One or two requests for each 100 commits, but for the paths."""
        read = self._history(repo, head) if base is None else self._since(repo, base, head)
        commits = await read
        if not paths:
            return tuple(commits)
        repo = await self._access.named(repo)
        pathed: list[HistoryCommit] = []
        for start in range(0, len(commits), _AT_ONCE):
            some = commits[start : start + _AT_ONCE]
            touched = await asyncio.gather(*(self._touched(repo, each.sha) for each in some))
            pathed += map(_with_paths, some, touched)
        return tuple(pathed)

    async def fetch_files(
        self, repo: RepoRef, at: Sha, paths: Iterable[str]
    ) -> Mapping[str, FileRead]:
        """One request for up to eight files, and one more for each that GraphQL does not give as
        it is: one of more than half a megabyte, say."""
        about = f"{repo.full_name}@{at}"
        wanted = tuple(dict.fromkeys(paths))
        found: dict[str, FileRead] = {}
        for batch in slots_of(wanted):
            data, _ = await self._access.query(op.FILES_AT, repo, about, {"at": at, **batch})
            repo = self._access.learn(repo, data["repository"])
            commit = data["repository"]["object"]
            if not commit:
                raise HubGone(f"could not {op.FILES_AT.task} {about}: there is no such commit")
            for slot, path in batch.items():
                read = read_text(repo, path, commit[slot])
                found[path] = read or await self._read_blob(repo, path, commit[slot]["oid"])
        return {path: found[path] for path in wanted}

    async def _history(self, repo: RepoRef, head: Sha) -> list[HistoryCommit]:
        """All that leads to a commit, newest first."""
        about = f"{repo.full_name}@{head}"
        found: list[HistoryCommit] = []
        after: str | None = None
        while True:
            data, _ = await self._access.query(
                op.RELEASE_HISTORY, repo, about, {"head": head, "after": after}
            )
            repo = self._access.learn(repo, data["repository"])
            commit = data["repository"]["object"]
            if not commit:
                raise HubGone(f"could not {op.RELEASE_HISTORY.task} {about}: no such commit")
            found += [read_history_commit(repo, node) for node in commit["history"]["nodes"]]
            if not commit["history"]["pageInfo"]["hasNextPage"]:
                return found
            after = commit["history"]["pageInfo"]["endCursor"]

    async def _since(self, repo: RepoRef, base: Sha, head: Sha) -> list[HistoryCommit]:
        """What a comparison lists, newest first. It names no pull requests: GraphQL is asked for
        the commits themselves, by the ids that they have there."""
        repo = await self._access.named(repo)
        about = f"{repo.full_name} {base[:7]}...{head[:7]}"
        found: list[HistoryCommit] = []
        async for page in self.compare(repo, base, head):
            if not page:
                continue
            ids = [item["node_id"] for item in page]
            data, _ = await self._access.query(op.RELEASE_COMMITS, repo, about, {"ids": ids})
            self._access.learn(repo, data["repository"])
            found += [read_history_commit(repo, node) for node in data["nodes"]]
        found.reverse()
        return found

    async def compare(
        self, repo: RepoRef, base: Sha, head: Sha
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The commits that ``head`` has and ``base`` has not, oldest first, a hundred a page.

        GitHub lists no more than 10,000 of a comparison. One that ends early is gone on with from
        the last commit listed that was built on ``base``: what comes after it, ``base`` has not.
        """
        about = f"{repo.full_name} {base[:7]}...{head[:7]}"
        seen: set[str] = set()
        built_on = {str(base)}
        total: int | None = None
        last, start = str(base), ""
        while last != start and (total is None or len(seen) < total):
            start = last
            async for page in self._client.pages(
                op.COMPARE,
                installation=repo.installation_id,
                path={**path_of(repo), "basehead": f"{start}...{head}"},
                about=about,
            ):
                total = page.data["total_commits"] if total is None else total
                fresh = [item for item in page.data["commits"] if item["sha"] not in seen]
                for item in fresh:
                    seen.add(item["sha"])
                    if any(parent["sha"] in built_on for parent in item["parents"]):
                        last = item["sha"]
                        built_on.add(last)
                yield fresh
        if len(seen) != total:
            raise HubUnavailable(f"GitHub gave {len(seen):,} of the {total:,} commits of {about}")

    async def _touched(self, repo: RepoRef, sha: Sha) -> tuple[str, ...]:
        """GitHub names no more than 3,000 files of a commit."""
        known = self._paths.get((repo.id, sha))
        if known is not None:
            return known
        found: set[str] = set()
        async for page in self._client.pages(
            op.GET_COMMIT,
            installation=repo.installation_id,
            path={**path_of(repo), "ref": sha},
            about=f"{repo.full_name}@{sha}",
        ):
            found |= read_paths(page.data.get("files") or ())
        paths = self._paths[repo.id, sha] = tuple(sorted(found))
        return paths

    async def _read_blob(self, repo: RepoRef, path: str, oid: str) -> FileRead:
        answer = await self._client.rest(
            op.GET_BLOB,
            installation=repo.installation_id,
            path={**path_of(repo), "file_sha": oid},
            about=f"{repo.full_name}/{path}",
        )
        return read_bytes(repo, path, base64.b64decode(answer.data["content"]))


def _with_paths(commit: HistoryCommit, paths: tuple[str, ...]) -> HistoryCommit:
    return replace(commit, paths=paths)
