"""``bot.ports.Hub`` on GitHub's API.

Repositories are known by id. Their names may be old: reads follow a rename and then compare the
id, and nothing is written by a name that was not seen to belong to the id.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.auth import AppAuth
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.inspection import fetch_deliveries
from bot.adapters.github.payloads import check_payloads, comment_body, title_body
from bot.adapters.github.reading import (
    read_changed,
    read_checks,
    read_comments,
    read_commit,
    read_compared_commit,
    read_policy_files,
    read_pull,
    read_repo,
)
from bot.core.checks import CheckOutput, PresentCheck, PresentComment
from bot.core.merge_queue import QUEUE_BRANCHES, Candidate, parse_candidate
from bot.core.model import Commit, MergeGroup, PullRef, RepoRef, Role, Sha
from bot.ports import (
    Clock,
    HookDelivery,
    HubGone,
    HubSuspended,
    HubUnavailable,
    MergeGroupSnapshot,
    PullSnapshot,
    RateLimit,
)
from bot.ports.environments import KnownRepository

_LISTED_COMMITS = 250
"""GitHub lists no more of a pull request's commits; beyond it commits are compared.
https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request"""


class GitHubHub:
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    def __init__(self, client: GitHubClient, *, app_id: int) -> None:
        self._client = client
        self._app_id = app_id
        self.access = RepositoryAccess(client, app_id=app_id)
        """To be shared with what else speaks to the same repositories."""

    @classmethod
    def connect(
        cls,
        *,
        app_id: int,
        private_key: str,
        api_url: str,
        clock: Clock,
        http: httpx.AsyncClient | None = None,
    ) -> "GitHubHub":
        """A hub for one App. ``private_key`` is PEM, ``api_url`` the REST address.

        Raises:
            ValueError: the key is not an RSA private key.
        """
        app = AppAuth(app_id, private_key, clock)
        return cls(GitHubClient(api_url=api_url, clock=clock, app=app, http=http), app_id=app_id)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def fetch_pull_request(self, ref: PullRef) -> PullSnapshot:
        """One request for a pull request of up to 100 commits whose summary comment, if there is
        one, stands among the first 50."""
        variables = {"number": ref.number, "appId": self._app_id}
        data, errors = await self.access.query(op.PULL_REQUEST, ref.repo, str(ref), variables)
        repo = self.access.learn(ref.repo, data["repository"])
        if repo.owner.lower() != ref.repo.owner.lower():
            # Moved to another owner: the shared policy that was read is the former owner's.
            data, errors = await self.access.query(op.PULL_REQUEST, repo, str(ref), variables)
            repo = self.access.learn(ref.repo, data["repository"])
        node = data["repository"]["pullRequest"]
        if node is None:
            raise HubGone(f"could not {op.PULL_REQUEST.task} {ref}: there is none")
        ref = PullRef(repo, ref.number)
        base = node["baseRef"]
        return PullSnapshot(
            pull=read_pull(ref, data["repository"], await self._all_commits(ref, node)),
            policy_files=read_policy_files(
                repo, base and base["target"], data["organisation"], errors
            ),
            checks=await self._head_checks(ref, node),
            comments=tuple(await self._our_comments(ref, node["comments"])),
            changed=read_changed(
                base and base["target"], [one["commit"] for one in node["head"]["nodes"]]
            ),
            base_tip=Sha(base["target"]["oid"]) if base else None,
        )

    async def fetch_merge_group(
        self, repo: RepoRef, *, head_sha: Sha, base_sha: Sha, base_ref: str
    ) -> MergeGroupSnapshot:
        about = f"{repo.full_name}@{head_sha}"
        variables = {
            "sha": head_sha,
            "baseSha": base_sha,
            "baseRef": f"refs/heads/{base_ref}",
            "appId": self._app_id,
        }
        data, errors = await self.access.query(op.MERGE_GROUP, repo, about, variables)
        repo = self.access.learn(repo, data["repository"])
        commit, base = data["repository"]["object"], data["repository"]["ref"]
        if not commit:
            raise HubGone(f"could not {op.MERGE_GROUP.task} {about}: there is no such commit")
        return MergeGroupSnapshot(
            group=MergeGroup(
                repo, head_sha, base_ref, base_sha, await self._compare(repo, base_sha, head_sha)
            ),
            policy_files=read_policy_files(
                repo, base and base["target"], data["organisation"], errors
            ),
            checks=read_checks(commit),
            changed=read_changed(data["repository"]["base"], [commit]),
        )

    async def fetch_open_pulls(self, repo: RepoRef, *, base_ref: str = "") -> list[int]:
        return [node["number"] async for node in self._open_pulls(repo, base_ref)]

    async def fetch_candidates(self, repo: RepoRef) -> list[Candidate]:
        found: list[Candidate | None] = []
        after: str | None = None
        while True:
            variables = {"prefix": QUEUE_BRANCHES, "after": after}
            data, _ = await self.access.query(op.MERGE_GROUPS, repo, repo.full_name, variables)
            read_repo(repo, data["repository"])
            refs = data["repository"]["refs"]
            found += [
                parse_candidate(node["name"], Sha(node["target"]["oid"])) for node in refs["nodes"]
            ]
            if not refs["pageInfo"]["hasNextPage"]:
                return [candidate for candidate in found if candidate is not None]
            after = refs["pageInfo"]["endCursor"]

    async def fetch_pulls_with_head(self, repo: RepoRef, head_sha: Sha) -> list[int]:
        # GitHub's list of a commit's pull requests leaves out those from forks.
        pulls = self._open_pulls(repo, "")
        return [node["number"] async for node in pulls if node["headRefOid"] == head_sha]

    async def fetch_repositories(self, installation_id: int) -> list[RepoRef]:
        pages = self._client.pages(
            op.LIST_REPOSITORIES, installation=installation_id, about=str(installation_id)
        )
        return [
            RepoRef(installation_id, item["id"], item["owner"]["login"], item["name"])
            async for page in pages
            for item in page.data["repositories"]
        ]

    async def fetch_repository(self, owner: str, name: str) -> RepoRef:
        return (await self.fetch_known(owner, name)).repo

    async def fetch_known(self, owner: str, name: str) -> KnownRepository:
        path, about = {"owner": owner, "repo": name}, f"{owner}/{name}"
        answer = await self._client.rest(op.GET_REPO_INSTALLATION, path=path, about=about)
        installation = int(answer.data["id"])
        if answer.data.get("suspended_at"):
            raise HubSuspended(
                f"the App's installation on {owner} is suspended: unsuspend it at "
                f"{answer.data['html_url']}"
            )
        found = (
            await self._client.rest(op.GET_REPO, installation=installation, path=path, about=about)
        ).data
        repo = RepoRef(installation, found["id"], found["owner"]["login"], found["name"])
        self.access.note(repo)
        return KnownRepository(repo, private=found["private"])

    async def fetch_role(self, repo: RepoRef, login: str) -> Role:
        repo = await self.access.named(repo)
        answer = await self._client.rest(
            op.GET_PERMISSION,
            installation=repo.installation_id,
            path={**path_of(repo), "username": login},
            about=repo.full_name,
        )
        return Role(answer.data["role_name"], answer.data["permission"])

    async def post_check(self, repo: RepoRef, head_sha: Sha, output: CheckOutput) -> int:
        first, *rest = check_payloads(output)
        repo = await self.access.named(repo)
        answer = await self._client.rest(
            op.CREATE_CHECK,
            installation=repo.installation_id,
            path=path_of(repo),
            body={**first, "head_sha": head_sha},
            about=f"{repo.full_name}@{head_sha}",
        )
        check_id = int(answer.data["id"])
        await self._append(repo, check_id, rest)
        return check_id

    async def update_check(self, repo: RepoRef, check_id: int, output: CheckOutput) -> None:
        """GitHub adds annotations to those that a run has: a run that had some is posted anew
        rather than updated."""
        repo = await self.access.named(repo)
        await self._append(repo, check_id, check_payloads(output))

    async def post_comment(self, ref: PullRef, body: str) -> int:
        repo = await self.access.named(ref.repo)
        answer = await self._client.rest(
            op.CREATE_COMMENT,
            installation=repo.installation_id,
            path={**path_of(repo), "issue_number": ref.number},
            body=comment_body(body),
            about=str(ref),
        )
        return int(answer.data["id"])

    async def update_comment(self, repo: RepoRef, comment_id: int, body: str) -> None:
        repo = await self.access.named(repo)
        await self._client.rest(
            op.UPDATE_COMMENT,
            installation=repo.installation_id,
            path={**path_of(repo), "comment_id": comment_id},
            body=comment_body(body),
            about=repo.full_name,
        )

    async def delete_comment(self, repo: RepoRef, comment_id: int) -> None:
        repo = await self.access.named(repo)
        await self._client.rest(
            op.DELETE_COMMENT,
            installation=repo.installation_id,
            path={**path_of(repo), "comment_id": comment_id},
            about=repo.full_name,
        )

    async def update_title(self, ref: PullRef, title: str) -> None:
        repo = await self.access.named(ref.repo)
        await self._client.rest(
            op.UPDATE_PULL,
            installation=repo.installation_id,
            path={**path_of(repo), "pull_number": ref.number},
            body=title_body(title),
            about=str(ref),
        )

    async def react(self, repo: RepoRef, comment_id: int, content: str) -> None:
        repo = await self.access.named(repo)
        await self._client.rest(
            op.CREATE_REACTION,
            installation=repo.installation_id,
            path={**path_of(repo), "comment_id": comment_id},
            body={"content": content},
            about=repo.full_name,
        )

    async def is_reachable(self) -> bool:
        return await self._client.is_answered(op.GET_RATE_LIMIT)

    def rate_limit(self, installation_id: int) -> RateLimit | None:
        return self._client.quota.tightest(installation_id, self._client.clock.now())

    def fetch_deliveries(self, *, since: datetime) -> AsyncIterator[HookDelivery]:
        return fetch_deliveries(self._client, since=since)

    async def redeliver(self, delivery_id: int) -> None:
        await self._client.rest(op.REDELIVER, path={"delivery_id": delivery_id})

    async def _open_pulls(self, repo: RepoRef, base_ref: str) -> AsyncIterator[dict[str, Any]]:
        after: str | None = None
        while True:
            variables = {"baseRef": base_ref or None, "after": after}
            data, _ = await self.access.query(op.OPEN_PULLS, repo, repo.full_name, variables)
            read_repo(repo, data["repository"])
            pulls = data["repository"]["pullRequests"]
            for node in pulls["nodes"]:
                yield node
            if not pulls["pageInfo"]["hasNextPage"]:
                return
            after = pulls["pageInfo"]["endCursor"]

    async def _all_commits(self, ref: PullRef, node: dict[str, Any]) -> list[Commit]:
        connection = node["commits"]
        total = connection["totalCount"]
        if total >= _LISTED_COMMITS:
            base, head = Sha(node["baseRefOid"]), Sha(node["headRefOid"])
            return list(await self._compare(ref.repo, base, head))
        commits = [read_commit(item["commit"]) for item in connection["nodes"]]
        while connection["pageInfo"]["hasNextPage"]:
            variables = {"number": ref.number, "after": connection["pageInfo"]["endCursor"]}
            data, _ = await self.access.query(
                op.PULL_REQUEST_COMMITS, ref.repo, str(ref), variables
            )
            pull = data["repository"]["pullRequest"]
            if pull is None or pull["headRefOid"] != node["headRefOid"]:
                raise HubUnavailable(f"{ref} changed while its commits were read")
            connection = pull["commits"]
            commits += [read_commit(item["commit"]) for item in connection["nodes"]]
        if len(commits) != total:
            raise HubUnavailable(f"GitHub gave {len(commits)} of the {total} commits of {ref}")
        return commits

    async def _compare(self, repo: RepoRef, base: Sha, head: Sha) -> tuple[Commit, ...]:
        """The commits of ``head`` that ``base`` does not have, oldest first."""
        about = f"{repo.full_name} {base[:7]}...{head[:7]}"
        commits: list[Commit] = []
        total = 0
        async for page in self._client.pages(
            op.COMPARE,
            installation=repo.installation_id,
            path={**path_of(repo), "basehead": f"{base}...{head}"},
            about=about,
        ):
            total = page.data["total_commits"]
            commits += [read_compared_commit(item) for item in page.data["commits"]]
        if len(commits) != total:
            raise HubUnavailable(f"GitHub gave {len(commits)} of the {total} commits of {about}")
        return tuple(commits)

    async def _head_checks(self, ref: PullRef, node: dict[str, Any]) -> tuple[PresentCheck, ...]:
        last = [item["commit"] for item in node["head"]["nodes"]]
        listed = node["commits"]["totalCount"] < _LISTED_COMMITS
        if listed and last and last[0]["oid"] == node["headRefOid"]:
            return read_checks(last[0])
        # Of more commits than GitHub lists, the last one listed need not be the head.
        variables = {"sha": node["headRefOid"], "appId": self._app_id}
        data, _ = await self.access.query(op.COMMIT_CHECKS, ref.repo, str(ref), variables)
        return read_checks(data["repository"]["object"] or {})

    async def _our_comments(self, ref: PullRef, connection: dict[str, Any]) -> list[PresentComment]:
        found = read_comments(connection["nodes"])
        while not found and connection["pageInfo"]["hasNextPage"]:
            variables = {"number": ref.number, "after": connection["pageInfo"]["endCursor"]}
            data, _ = await self.access.query(
                op.PULL_REQUEST_COMMENTS, ref.repo, str(ref), variables
            )
            pull = data["repository"]["pullRequest"]
            if pull is None:
                raise HubGone(f"{ref} was deleted while its comments were read")
            connection = pull["comments"]
            found = read_comments(connection["nodes"])
        return found

    async def _append(self, repo: RepoRef, check_id: int, bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            annotated = "annotations" in body["output"]
            await self._client.rest(
                op.APPEND_ANNOTATIONS if annotated else op.UPDATE_CHECK,
                installation=repo.installation_id,
                path={**path_of(repo), "check_run_id": check_id},
                body=body,
                about=f"{repo.full_name} (check run {check_id})",
            )
