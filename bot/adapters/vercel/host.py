"""Vercel behind the port ``bot.ports.host.Host``."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from bot.adapters.domain import DomainAnswer, DomainReader
from bot.adapters.vercel import operations, reading
from bot.adapters.vercel.client import VercelClient, is_local
from bot.core.hosting import (
    AliasFailure,
    BuildState,
    HostDeployment,
    HostJob,
    HostProject,
    HostTarget,
)
from bot.core.model import RepoRef, Sha
from bot.ports import Clock
from bot.ports.host import HostGone, HostRefused, HostUnavailable, Switched

_T = TypeVar("_T")
_LONGEST_REASON = 140


class VercelHost:
    """``domains`` asks the production domain itself, without the token."""

    def __init__(self, client: VercelClient, domains: DomainReader) -> None:
        self._client = client
        self._domains = domains
        self._project_ids: dict[str, str] = {}

    @classmethod
    def connect(cls, *, api_url: str, token: str, team: str = "", clock: Clock) -> "VercelHost":
        """A host for one token. Where ``api_url`` is on this machine, a stand-in for Vercel, the
        domains are asked there too, by their name."""
        client = VercelClient(api_url=api_url, token=token, team=team, clock=clock)
        return cls(client, DomainReader(stand_in=api_url if is_local(api_url) else ""))

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._domains.aclose()

    async def fetch_project(self, repo: RepoRef, target: HostTarget) -> HostProject:
        return _read(reading.project_of, await self._project(target))

    async def fetch_builds(
        self, repo: RepoRef, target: HostTarget, sha: Sha
    ) -> tuple[HostDeployment, ...]:
        query = {"projectId": await self._project_id(target), "sha": sha}
        found = [
            _read(reading.deployment_of, each)
            async for each in self._deployments(query, about=f"of {sha[:7]}")
        ]
        # Held to the commit here too: it is not the filter's word that counts.
        builds = [build for build in found if build.sha == sha]
        return tuple(sorted(builds, key=lambda build: build.created_at, reverse=True))

    async def fetch_build(
        self, repo: RepoRef, target: HostTarget, deployment_id: str
    ) -> HostDeployment:
        project_id = await self._project_id(target)
        answer = await self._client.call(
            operations.GET_DEPLOYMENT, path={"idOrUrl": deployment_id}, about=deployment_id
        )
        build = _read(reading.deployment_of, answer.data, candidate=False)
        if build.id != deployment_id or (_read(reading.project_id_of, answer.data) != project_id):
            raise HostGone(f"deployment {deployment_id} is not one of project {target.project}")
        if not (build.production and build.state is BuildState.READY):
            return build
        return _read(
            reading.deployment_of,
            answer.data,
            candidate=await self._is_candidate(project_id, build),
        )

    async def promote(self, repo: RepoRef, target: HostTarget, deployment_id: str) -> Switched:
        answer = await self._client.call(
            operations.PROMOTE,
            path={"projectId": await self._project_id(target), "deploymentId": deployment_id},
            body={},
            about=deployment_id,
        )
        return Switched(queued=answer.status == 202)

    async def rollback(
        self, repo: RepoRef, target: HostTarget, deployment_id: str, *, reason: str
    ) -> Switched:
        answer = await self._client.call(
            operations.ROLLBACK,
            path={"projectId": await self._project_id(target), "deploymentId": deployment_id},
            query={"description": reason[:_LONGEST_REASON]} if reason else {},
            body={},
            about=f"to {deployment_id}",
        )
        return Switched(queued=answer.status == 202)

    async def fetch_job(self, repo: RepoRef, target: HostTarget) -> HostJob | None:
        return _read(reading.job_of, await self._project(target))

    async def fetch_failed_aliases(
        self, repo: RepoRef, target: HostTarget, kind: str
    ) -> tuple[AliasFailure, ...]:
        rollback = kind == "rollback"
        operation = (
            operations.LIST_ROLLBACK_ALIASES if rollback else operations.LIST_PROMOTE_ALIASES
        )
        failures: list[AliasFailure] = []
        async for data in self._client.pages(
            operation,
            path={"projectId": await self._project_id(target)},
            query={"failedOnly": "true"},
            about=target.project,
        ):
            failures += _read(reading.failures_of, data)
        return tuple(failures)

    async def fetch_elsewhere(
        self, repo: RepoRef, target: HostTarget, deployment_id: str
    ) -> tuple[str, ...]:
        names: list[str] = []
        async for data in self._client.pages(
            operations.LIST_DOMAINS,
            path={"idOrName": await self._project_id(target)},
            query={"production": "true", "redirects": "false", "verified": "true"},
            about=f"of {target.project}",
        ):
            names += _read(reading.domains_of, data)
        return tuple([name for name in names if await self._alias(target, name) != deployment_id])

    async def lead(
        self, repo: RepoRef, target: HostTarget, deployment_id: str, domain: str
    ) -> None:
        await self._client.call(
            operations.ASSIGN_ALIAS,
            path={"id": deployment_id},
            body={"alias": domain},
            about=f"{domain} to {deployment_id}",
        )

    async def fetch_serving(self, repo: RepoRef, target: HostTarget) -> str:
        """What can be proved: the id that Vercel's alias of the domain leads to, while the domain
        itself answers over https, and says nothing else of itself.

        An answer of Vercel does not bear the deployment's id, so without help the alias is the
        proof and the domain's answer shows that it is reachable. Where the site serves
        ``/.well-known/lockgate.json``, its ``deployment`` or its ``sha`` must be the alias's.

        Raises:
            HostUnavailable: the domain does not answer, answers 5xx, or contradicts its alias.
        """
        domain = target.domain
        data = (
            await self._client.call(
                operations.GET_ALIAS,
                path={"idOrAlias": domain},
                query={"projectId": await self._project_id(target)},
                about=f"of {domain}",
            )
        ).data
        if data.get("redirect"):
            raise HostRefused(
                f"{domain} only redirects, so it serves no build",
                "name the domain that it leads to in the policy",
            )
        aliased = data.get("deploymentId")
        if not isinstance(aliased, str) or not aliased:
            raise HostUnavailable(f"{domain} leads to no deployment at Vercel")
        if data.get("projectId") not in (None, await self._project_id(target)):
            raise HostRefused(
                f"{domain} belongs to another project at Vercel than {target.project}",
                "name the project and its own production domain in the policy",
            )
        answer = await self._domains.ask(domain)
        _require_answer(domain, answer)
        if answer.deployment:
            _require_same(domain, answer.deployment, aliased, aliased)
        elif answer.sha:
            build = await self._client.call(
                operations.GET_DEPLOYMENT, path={"idOrUrl": aliased}, about=aliased
            )
            sha = _read(reading.deployment_of, build.data, candidate=False).sha
            _require_same(domain, answer.sha, sha or "", aliased)
        return aliased

    async def _alias(self, target: HostTarget, domain: str) -> str:
        """The deployment that a domain leads to; empty where it leads to none."""
        try:
            answer = await self._client.call(
                operations.GET_ALIAS,
                path={"idOrAlias": domain},
                query={"projectId": await self._project_id(target)},
                about=f"of {domain}",
            )
        except HostGone:
            return ""
        aliased = answer.data.get("deploymentId")
        return aliased if isinstance(aliased, str) else ""

    async def _project(self, target: HostTarget) -> Any:
        answer = await self._client.call(
            operations.GET_PROJECT, path={"idOrName": target.project}, about=target.project
        )
        project = _read(reading.project_of, answer.data)
        self._project_ids[target.project] = project.id
        return answer.data

    async def _project_id(self, target: HostTarget) -> str:
        """The operations that move production take an id only; a policy may name the project."""
        if target.project not in self._project_ids:
            await self._project(target)
        return self._project_ids[target.project]

    async def _is_candidate(self, project_id: str, build: HostDeployment) -> bool:
        """The single answer does not tell it; the list does."""
        query: dict[str, str | int] = {
            "projectId": project_id,
            "rollbackCandidate": "true",
            "since": _milliseconds(build.created_at) - 1,
            "until": _milliseconds(build.created_at) + 1,
        }
        async for each in self._deployments(query, about=f"like {build.id}"):
            if _read(reading.deployment_of, each).id == build.id:
                return True
        return False

    async def _deployments(
        self, query: Mapping[str, str | int], *, about: str
    ) -> AsyncIterator[Any]:
        async for data in self._client.pages(operations.LIST_DEPLOYMENTS, query=query, about=about):
            deployments = data.get("deployments")
            if not isinstance(deployments, list):
                raise HostUnavailable("Vercel's answer holds no list of deployments")
            for each in deployments:
                yield each


def _require_answer(domain: str, answer: DomainAnswer) -> None:
    if answer.host_error:
        raise HostUnavailable(f"{domain} answers with Vercel's error {answer.host_error}")
    if answer.status >= 500:
        raise HostUnavailable(f"{domain} answers {answer.status}")


def _require_same(domain: str, told: str, wanted: str, aliased: str) -> None:
    if told != wanted:
        raise HostUnavailable(
            f"{domain} says that it serves {told[:40]}, while its alias leads to {aliased}"
        )


def _read(read: Callable[..., _T], data: Any, **kwargs: Any) -> _T:
    try:
        return read(data, **kwargs)
    except ValueError as error:
        raise HostUnavailable(f"Vercel's answer could not be read: {error}") from None


def _milliseconds(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
