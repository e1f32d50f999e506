"""``bot.ports.operations.CommandHub`` on GitHub's API."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.command_reading import (
    pick_commit,
    read_approvals,
    read_check_states,
    read_commit_facts,
    read_protected_checks,
    read_pull_facts,
    read_recent_comment,
    read_rest_comment,
    read_ruled_checks,
)
from bot.adapters.github.payloads import deployment_body, deployment_status_body
from bot.adapters.github.reading import read_policy_files
from bot.core.model import PolicyFiles, PullRef, RepoRef, Sha
from bot.core.promotion import Approval, CheckState, RequiredCheck
from bot.ports import HubGone, HubRefused
from bot.ports.operations import CommandComment, CommitFacts, OwnComment, PullFacts

DEPLOYMENT_TASK = "deploy:lockgate"
"""Sets our deployments apart from those that the host and workflows make."""
_SHA = re.compile(r"[0-9a-fA-F]{7,40}")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@-]{0,199}")
_MEMBERS = "A policy that names teams needs the App's organization permission Members: Read-only."
_NO_RULESETS = "Upgrade to GitHub"
"""How GitHub's answer begins where the owner's plan has no rulesets: none can be in force."""
_NO_REF = re.compile(r"\.\.|//|/\.|\.lock(/|$)|[./]$")
"""What git allows in no name of a ref: https://git-scm.com/docs/git-check-ref-format"""


class GitHubCommandHub:
    """Every method may raise HubUnavailable, HubGone or HubRefused. It shares connection, tokens,
    cache and known names with the hub whose ``access`` it is given."""

    def __init__(self, access: RepositoryAccess) -> None:
        self._access = access

    async def fetch_comment(self, ref: PullRef, comment_id: int) -> CommandComment:
        """One request for one of the last 50 comments of its pull request."""
        variables = {"number": ref.number, "before": None}
        data, _ = await self._access.query(op.RECENT_COMMENTS, ref.repo, str(ref), variables)
        repo = self._access.learn(ref.repo, data["repository"])
        ref = PullRef(repo, ref.number)
        for node in data["repository"]["pullRequest"]["comments"]["nodes"]:
            if int(node["fullDatabaseId"]) == comment_id:
                return read_recent_comment(ref, node)
        answer = await self._access.client.rest(
            op.GET_COMMENT,
            installation=repo.installation_id,
            path={**path_of(repo), "comment_id": comment_id},
            about=str(ref),
        )
        return read_rest_comment(ref, answer.data, app_id=self._access.app_id)

    async def fetch_pull(self, ref: PullRef) -> PullFacts:
        data, _ = await self._access.query(
            op.PULL_FACTS, ref.repo, str(ref), {"number": ref.number}
        )
        repo = self._access.learn(ref.repo, data["repository"])
        return read_pull_facts(PullRef(repo, ref.number), data["repository"])

    async def fetch_commit(self, repo: RepoRef, name: str, *, trunk: str) -> CommitFacts:
        """One request, and one more unless the commit is the trunk's tip. The name never stands in
        an address, and is no expression of git's: only what could be a ref or a SHA is sent."""
        if not (_is_ref(name) and _is_ref(trunk)):
            raise HubGone("that is no name of a commit: give a SHA, a tag or a branch")
        by_sha = _SHA.fullmatch(name) is not None
        variables = {
            "tag": f"refs/tags/{name}",
            "tagName": name,
            "branch": f"refs/heads/{name}",
            "trunk": f"refs/heads/{trunk}",
            "sha": name.lower() if by_sha else "",
            "bySha": by_sha,
        }
        about = f"{repo.full_name}@{name}"
        data, _ = await self._access.query(op.COMMIT_BY_NAME, repo, about, variables)
        found = data["repository"]
        repo = self._access.learn(repo, found)
        node = pick_commit(name, found)
        tip = (found["trunk"] or {}).get("target")
        on_trunk = tip is not None and await self._access.is_behind(repo, node["oid"], tip["oid"])
        return read_commit_facts(repo, name, found, node, trunk=trunk, on_trunk=on_trunk)

    async def fetch_trunk(self, repo: RepoRef) -> tuple[str, Sha]:
        data, _ = await self._access.query(op.TRUNK, repo, repo.full_name, {})
        repo = self._access.learn(repo, data["repository"])
        branch = data["repository"]["defaultBranchRef"]
        if branch is None:
            raise HubGone(f"{repo.full_name} has no commit on its default branch yet")
        return branch["name"], Sha(branch["target"]["oid"])

    async def fetch_trunk_policy(self, repo: RepoRef) -> PolicyFiles:
        data, errors = await self._access.query(op.POLICY_FILES, repo, repo.full_name, {})
        repo = self._access.learn(repo, data["repository"])
        branch = data["repository"]["defaultBranchRef"]
        return read_policy_files(repo, branch and branch["target"], data["organisation"], errors)

    async def fetch_checks(self, repo: RepoRef, sha: Sha) -> tuple[CheckState, ...]:
        """One request for up to 100 checks."""
        return read_check_states([node async for node in self._checks(repo, sha)])

    async def fetch_required_checks(self, repo: RepoRef, branch: str) -> tuple[RequiredCheck, ...]:
        """Two requests, of which neither needs a permission to administrate."""
        if not _is_ref(branch):
            raise HubGone("that is no name of a branch")
        repo = await self._access.named(repo)
        path, about = {**path_of(repo), "branch": branch}, f"{repo.full_name}@{branch}"
        required: set[RequiredCheck] = set()
        try:
            async for page in self._access.client.pages(
                op.LIST_BRANCH_RULES, installation=repo.installation_id, path=path, about=about
            ):
                required |= read_ruled_checks(page.data)
        except HubRefused as error:
            if _NO_RULESETS not in str(error):
                raise
        answer = await self._access.client.rest(
            op.GET_BRANCH, installation=repo.installation_id, path=path, about=about
        )
        required |= read_protected_checks(answer.data)
        return tuple(sorted(required, key=lambda check: (check.name, check.app_id or 0)))

    async def fetch_approvals(self, ref: PullRef) -> tuple[Approval, ...]:
        return read_approvals([node async for node in self._reviews(ref)])

    async def fetch_teams(self, repo: RepoRef, login: str, slugs: Sequence[str]) -> frozenset[str]:
        """One request a team. Whoever only was invited is no member; and somebody whose team
        GitHub does not know, or does not show to the App, is in none."""
        repo = await self._access.named(repo)
        teams = set()
        for slug in dict.fromkeys(slugs):
            try:
                answer = await self._access.client.rest(
                    op.GET_TEAM_MEMBERSHIP,
                    installation=repo.installation_id,
                    path={"org": repo.owner, "team_slug": slug, "username": login},
                    about=f"{repo.owner}/{slug}",
                )
            except HubGone:
                continue
            except HubRefused as error:
                raise HubRefused(f"{error}. {_MEMBERS}") from None
            if answer.data["state"] == "active":
                teams.add(slug)
        return frozenset(teams)

    async def fetch_deployment(self, repo: RepoRef, *, environment: str, key: str) -> int | None:
        """Among our newest 100 of the environment: only one of them is under way at a time."""
        repo = await self._access.named(repo)
        answer = await self._access.client.rest(
            op.LIST_DEPLOYMENTS,
            installation=repo.installation_id,
            path=path_of(repo),
            query={"environment": environment, "task": DEPLOYMENT_TASK, "per_page": 100},
            about=repo.full_name,
        )
        for item in answer.data:
            payload = item["payload"]
            if isinstance(payload, dict) and payload.get("lockgate") == key and self._ours(item):
                return int(item["id"])
        return None

    async def post_deployment(
        self, repo: RepoRef, *, sha: Sha, environment: str, key: str, description: str
    ) -> int:
        repo = await self._access.named(repo)
        answer = await self._access.client.rest(
            op.CREATE_DEPLOYMENT,
            installation=repo.installation_id,
            path=path_of(repo),
            body=deployment_body(
                sha, environment, task=DEPLOYMENT_TASK, key=key, description=description
            ),
            about=f"{repo.full_name}@{sha}",
        )
        if "id" not in answer.data:
            raise HubRefused(
                f"could not {op.CREATE_DEPLOYMENT.task} {repo.full_name}@{sha}: "
                "GitHub merged branches instead"
            )
        return int(answer.data["id"])

    async def post_deployment_status(
        self,
        repo: RepoRef,
        deployment_id: int,
        *,
        state: str,
        description: str,
        environment_url: str = "",
        log_url: str = "",
    ) -> None:
        repo = await self._access.named(repo)
        await self._access.client.rest(
            op.CREATE_DEPLOYMENT_STATUS,
            installation=repo.installation_id,
            path={**path_of(repo), "deployment_id": deployment_id},
            body=deployment_status_body(
                state, description, environment_url=environment_url, log_url=log_url
            ),
            about=f"{repo.full_name} (deployment {deployment_id})",
        )

    async def fetch_own_comment(self, ref: PullRef, marker: str) -> OwnComment | None:
        """Looked for from the newest comment back; anybody may write the marker, so that only a
        comment of ours counts."""
        before: str | None = None
        while True:
            variables = {"number": ref.number, "before": before}
            data, _ = await self._access.query(op.RECENT_COMMENTS, ref.repo, str(ref), variables)
            self._access.learn(ref.repo, data["repository"])
            connection = data["repository"]["pullRequest"]["comments"]
            for node in reversed(connection["nodes"]):
                if node["viewerDidAuthor"] and node["body"].startswith(marker):
                    return OwnComment(int(node["fullDatabaseId"]), node["body"])
            if not connection["pageInfo"]["hasPreviousPage"]:
                return None
            before = connection["pageInfo"]["startCursor"]

    async def _checks(self, repo: RepoRef, sha: Sha) -> AsyncIterator[dict[str, Any] | None]:
        about = f"{repo.full_name}@{sha}"
        after: str | None = None
        while True:
            variables = {"sha": sha, "after": after}
            data, _ = await self._access.query(op.ALL_CHECKS, repo, about, variables)
            self._access.learn(repo, data["repository"])
            commit = data["repository"]["object"]
            if not commit:
                raise HubGone(f"could not {op.ALL_CHECKS.task} {about}: there is no such commit")
            if commit["statusCheckRollup"] is None:
                return
            contexts = commit["statusCheckRollup"]["contexts"]
            for node in contexts["nodes"]:
                yield node
            if not contexts["pageInfo"]["hasNextPage"]:
                return
            after = contexts["pageInfo"]["endCursor"]

    async def _reviews(self, ref: PullRef) -> AsyncIterator[dict[str, Any]]:
        after: str | None = None
        while True:
            variables = {"number": ref.number, "after": after}
            data, _ = await self._access.query(op.REVIEWS, ref.repo, str(ref), variables)
            self._access.learn(ref.repo, data["repository"])
            reviews = data["repository"]["pullRequest"]["reviews"]
            for node in reviews["nodes"]:
                yield node
            if not reviews["pageInfo"]["hasNextPage"]:
                return
            after = reviews["pageInfo"]["endCursor"]

    def _ours(self, item: dict[str, Any]) -> bool:
        """Made by this App, or by an App that GitHub does not name: never by a person."""
        app = item.get("performed_via_github_app")
        if app is not None:
            return bool(app["id"] == self._access.app_id)
        return (item.get("creator") or {}).get("type") == "Bot"


def _is_ref(name: str) -> bool:
    return bool(_REF.fullmatch(name)) and not _NO_REF.search(name)
