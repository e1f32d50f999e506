"""``bot.ports.person.PersonHub`` on GitHub's API: a person's own token, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.auth import Bearer
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.payloads import comment_body
from bot.core.commands.following import Look, Reaction, Remark, Writer
from bot.core.model import PullRef, RepoRef
from bot.ports import Clock
from bot.ports.person import Posted

_NO_APP = 0
"""A person is no App, and has no installation: what is kept by either has one place here."""
_EARLIER = timedelta(seconds=60)
"""Whether GitHub's ``since`` holds the second itself is nowhere said."""


class GitHubPerson:
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self.access = RepositoryAccess(client, app_id=_NO_APP)
        """To be shared with what else asks in this person's name."""

    @classmethod
    def connect(cls, *, token: str, api_url: str, clock: Clock) -> "GitHubPerson":
        bearer = Bearer(token, datetime.max.replace(tzinfo=UTC))
        return cls(GitHubClient(api_url=api_url, clock=clock, person=bearer))

    async def aclose(self) -> None:
        await self._client.aclose()

    async def fetch_repository(self, owner: str, name: str) -> RepoRef:
        answer = await self._client.rest(
            op.GET_REPO, path={"owner": owner, "repo": name}, about=f"{owner}/{name}"
        )
        found = answer.data
        repo = RepoRef(_NO_APP, found["id"], found["owner"]["login"], found["name"])
        self.access.note(repo)
        return repo

    async def post_comment(self, ref: PullRef, body: str) -> Posted:
        repo = await self.access.named(ref.repo)
        answer = await self._client.rest(
            op.CREATE_COMMENT,
            path={**path_of(repo), "issue_number": ref.number},
            body=comment_body(body),
            about=str(ref),
        )
        made = answer.data
        return Posted(
            made["id"],
            (made["user"] or {"login": ""})["login"],
            made["html_url"],
            datetime.fromisoformat(made["created_at"]),
        )

    async def fetch_look(self, ref: PullRef, posted: Posted) -> Look:
        """What has not changed since the last look costs nothing of the limit."""
        repo = await self.access.named(ref.repo)
        reactions = [
            Reaction(_writer(item), item["content"])
            async for page in self._client.pages(
                op.LIST_REACTIONS,
                path={**path_of(repo), "comment_id": posted.id},
                about=str(ref),
            )
            for item in page.data
        ]
        return Look(tuple(reactions), await self.fetch_remarks(ref, posted.at - _EARLIER))

    async def fetch_remarks(
        self, ref: PullRef, since: datetime | None = None
    ) -> tuple[Remark, ...]:
        repo = await self.access.named(ref.repo)
        query = {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}
        remarks: list[Remark] = []
        async for page in self._client.pages(
            op.LIST_COMMENTS,
            path={**path_of(repo), "issue_number": ref.number},
            query=query,
            about=str(ref),
        ):
            remarks += [Remark(_writer(item), item["body"] or "") for item in page.data]
            if since is None:
                break
        return tuple(remarks)


def _writer(item: dict[str, Any]) -> Writer:
    """A deleted account is null, and nobody's."""
    user = item["user"] or {"login": "", "type": ""}
    app = item.get("performed_via_github_app") or {"id": 0}
    return Writer(user["login"], user["type"] == "Bot", app["id"])
