"""What Vercel's answers look like. Held to the published description by the contract tests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.sandbox.vercel.model import Deployment, Job, Json, Project

_CREATOR: Final = {
    "uid": "sandboxUser000000000000",
    "username": "octo",
    "email": "octo@example.com",
}


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def project(item: Project) -> Json:
    resources = {
        "buildMachineType": "standard",
        "fluid": True,
        "functionDefaultRegions": ["iad1"],
        "functionDefaultTimeout": 300,
        "functionDefaultMemoryType": "standard",
        "functionZeroConfigFailover": False,
    }
    return {
        "accountId": item.team.id,
        "alias": [
            {"domain": domain, "environment": "production", "target": "PRODUCTION"}
            for domain in item.domains
        ],
        "autoAssignCustomDomains": item.auto_assign,
        "createdAt": milliseconds(item.created_at),
        "defaultResourceConfig": resources,
        "deploymentExpiration": {"deploymentsToKeep": 10},
        "directoryListing": False,
        "framework": None,
        "id": item.id,
        "lastAliasRequest": _job(item.job) if item.job else None,
        "lastRollbackTarget": {"deploymentId": item.pinned.id} if item.pinned else None,
        "live": False,
        "name": item.name,
        "nodeVersion": "22.x",
        "resourceConfig": resources,
        "updatedAt": milliseconds(item.created_at),
    }


def _job(job: Job) -> Json:
    shown: Json = {
        "fromDeploymentId": job.origin.id if job.origin else None,
        "toDeploymentId": job.goal.id,
        "jobStatus": job.state,
        "requestedAt": milliseconds(job.requested_at),
        "type": job.kind,
    }
    if job.rolling:
        shown["fromRollingReleaseId"] = f"rr_{job.goal.id[4:]}"
    return shown


def listed_deployment(item: Deployment, *, candidate: bool) -> Json:
    """As in the list of deployments."""
    shown: Json = {
        "uid": item.id,
        "name": item.project.name,
        "projectId": item.project.id,
        "url": item.url,
        "created": milliseconds(item.created_at),
        "createdAt": milliseconds(item.created_at),
        "creator": dict(_CREATOR),
        "inspectorUrl": f"https://vercel.example/{item.project.name}/{item.id}",
        "isRollbackCandidate": candidate,
        "meta": _meta(item),
        "readyState": item.state,
        "state": item.state,
        "source": "git",
        "target": "production" if item.target == "production" else None,
        "type": "LAMBDAS",
        "aliasAssigned": item.was_live > 0,
        **_progress(item),
    }
    if item.state == "DELETED":
        shown["deleted"] = milliseconds(item.created_at)
    return shown


def deployment(item: Deployment) -> Json:
    """As the single answer has it: a deleted one keeps its state and tells when it was deleted."""
    deleted = item.state == "DELETED"
    state = "READY" if deleted else item.state
    return {
        "deletedAt": milliseconds(item.created_at) if deleted else None,
        "id": item.id,
        "name": item.project.name,
        "projectId": item.project.id,
        "ownerId": item.project.team.id,
        "url": item.url,
        "alias": sorted(item.project.domains) if item.project.live is item else [],
        "aliasAssigned": item.was_live > 0,
        "bootedAt": milliseconds(item.created_at),
        "buildingAt": milliseconds(item.created_at),
        "buildSkipped": False,
        "build": {"env": []},
        "createdAt": milliseconds(item.created_at),
        "createdIn": "iad1",
        "creator": dict(_CREATOR),
        "env": [],
        "inspectorUrl": f"https://vercel.example/{item.project.name}/{item.id}",
        "isInConcurrentBuildsQueue": False,
        "isInSystemBuildsQueue": False,
        "meta": _meta(item),
        "gitSource": {
            "type": "github",
            "repoId": 1,
            "ref": item.branch,
            "sha": item.sha,
            "prId": None,
        },
        "plan": item.project.team.plan,
        "project": {"id": item.project.id, "name": item.project.name, "framework": None},
        "projectSettings": {},
        "public": False,
        "readyState": state,
        "regions": ["iad1"],
        "routes": None,
        "source": "git",
        "status": state,
        "target": "production" if item.target == "production" else None,
        "type": "LAMBDAS",
        "version": 2,
        **_progress(item),
    }


def alias(domain: str, item: Project) -> Json:
    serving = item.domains[domain]
    shown: Json = {
        "uid": f"als_{domain.replace('.', '-')}",
        "alias": domain,
        "created": item.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "createdAt": milliseconds(item.created_at),
        "deploymentId": serving.id if serving else None,
        "projectId": item.id,
        "redirect": None,
        "redirectStatusCode": None,
    }
    if serving is not None:
        shown["deployment"] = {"id": serving.id, "url": serving.url, "meta": "{}"}
    return shown


def project_domain(domain: str, item: Project) -> Json:
    return {
        "name": domain,
        "apexName": ".".join(domain.split(".")[-2:]),
        "projectId": item.id,
        "redirect": None,
        "redirectStatusCode": None,
        "gitBranch": None,
        "customEnvironmentId": None,
        "createdAt": milliseconds(item.created_at),
        "updatedAt": milliseconds(item.created_at),
        "verified": True,
    }


def assigned_alias(domain: str, item: Project, before: Deployment | None) -> Json:
    return {
        "uid": f"als_{domain.replace('.', '-')}",
        "alias": domain,
        "created": item.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "oldDeploymentId": before.id if before else None,
    }


def moved_alias(domain: str, status: str) -> Json:
    return {"alias": domain, "id": f"als_{domain.replace('.', '-')}", "status": status}


def page(name: str, items: Sequence[Json], *, next_until: int | None) -> Json:
    first = items[0]["createdAt"] if items and "createdAt" in items[0] else None
    return {
        name: list(items),
        "pagination": {"count": len(items), "next": next_until, "prev": first},
    }


def event_payload(item: Deployment) -> Json:
    return {
        "team": {"id": item.project.team.id},
        "user": {"id": _CREATOR["uid"]},
        "alias": [],
        "deployment": {
            "id": item.id,
            "meta": _meta(item),
            "url": item.url,
            "name": item.project.name,
        },
        "links": {
            "deployment": f"https://vercel.example/{item.project.name}/{item.id}",
            "project": f"https://vercel.example/{item.project.name}",
        },
        "name": item.project.name,
        "plan": item.project.team.plan,
        "project": {"id": item.project.id},
        "regions": ["iad1"],
        "target": "production" if item.target == "production" else None,
        "type": "LAMBDAS",
        "url": item.url,
    }


def _meta(item: Deployment) -> dict[str, str]:
    meta = {
        "githubCommitSha": item.sha,
        "githubCommitRef": item.branch,
        "githubCommitMessage": item.message,
        "githubDeployment": "1",
    }
    return meta | {"gitDirty": "1"} if item.dirty else meta


def _progress(item: Deployment) -> Json:
    shown: Json = {}
    if item.ready_at is not None:
        shown["ready"] = milliseconds(item.ready_at)
    if item.state == "READY" and item.target == "production":
        shown["readySubstate"] = "PROMOTED" if item.was_live else "STAGED"
    if item.checks_state:
        shown["checksState"] = item.checks_state
    if item.checks_conclusion:
        shown["checksConclusion"] = item.checks_conclusion
    return shown
