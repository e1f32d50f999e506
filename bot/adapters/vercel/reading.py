"""Vercel's answers as the product's own words. What cannot be read is never guessed.

Raises ValueError for what does not read; the host turns it into HostUnavailable.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bot.core.hosting import (
    AliasFailure,
    BuildState,
    HostDeployment,
    HostJob,
    HostJobState,
    HostProject,
)
from bot.core.model import Sha

_STATES: Final[Mapping[str, BuildState]] = {
    "BLOCKED": BuildState.BLOCKED,
    "BUILDING": BuildState.BUILDING,
    "CANCELED": BuildState.CANCELED,
    "DELETED": BuildState.DELETED,
    "ERROR": BuildState.FAILED,
    "INITIALIZING": BuildState.BUILDING,
    "QUEUED": BuildState.QUEUED,
    "READY": BuildState.READY,
}
_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_KINDS: Final = ("promote", "rollback")


def project_of(data: Any) -> HostProject:
    # Vercel assigns the domains by itself unless it says that it does not.
    auto = data.get("autoAssignCustomDomains") is not False
    return HostProject(_text(data, "id"), _text(data, "name"), auto)


def deployment_of(data: Any, *, candidate: bool | None = None) -> HostDeployment:
    """From the list (``uid``) or the single answer (``id``). ``candidate`` is what is known from
    elsewhere: the single answer does not tell whether one can roll back to it."""
    state = _STATES.get(_text(data, "readyState"))
    if state is None:
        raise ValueError(f"a deployment in the unknown state {data['readyState']!r}")
    if data.get("deleted") or data.get("deletedAt") or data.get("softDeletedByRetention"):
        state = BuildState.DELETED
    told = data.get("isRollbackCandidate")
    url = data.get("url")
    return HostDeployment(
        id=_text(data, "uid" if "uid" in data else "id"),
        sha=_sha(data),
        state=state,
        production=data.get("target") == "production",
        created_at=_time(data, "createdAt" if "createdAt" in data else "created"),
        url=f"https://{url}" if isinstance(url, str) and url else "",
        rollback_candidate=told is True if candidate is None else candidate,
        checks_failed=data.get("checksConclusion") in ("failed", "canceled")
        or _gating_checks(data) == "failed",
        checks_running=data.get("checksState") in ("registered", "running")
        or _gating_checks(data) == "pending",
    )


def project_id_of(data: Any) -> str:
    return _text(data, "projectId")


def job_of(data: Any) -> HostJob | None:
    """The project's ``lastAliasRequest``."""
    job = data.get("lastAliasRequest")
    if job is None:
        return None
    if not isinstance(job, dict):
        raise ValueError("a job that is no object")  # noqa: TRY004
    kind = _text(job, "type")
    if kind not in _KINDS:
        raise ValueError(f"a job of the unknown kind {kind!r}")
    origin = job.get("fromDeploymentId")
    return HostJob(
        kind=kind,
        to_deployment=_text(job, "toDeploymentId"),
        from_deployment=origin if isinstance(origin, str) else "",
        state=HostJobState(_text(job, "jobStatus")),
        requested_at=_time(job, "requestedAt"),
    )


def failures_of(data: Any) -> list[AliasFailure]:
    aliases = data.get("aliases", [])
    if not isinstance(aliases, list):
        raise ValueError("aliases that are no list")  # noqa: TRY004
    return [
        AliasFailure(_text(alias, "alias"), _text(alias, "status"))
        for alias in aliases
        if alias.get("status") != "succeeded"
    ]


def domains_of(data: Any) -> list[str]:
    """Those of a project's domains that lead to its production by themselves."""
    domains = data.get("domains")
    if not isinstance(domains, list):
        raise ValueError("domains that are no list")  # noqa: TRY004
    return [
        _text(domain, "name")
        for domain in domains
        if not any(domain.get(other) for other in ("redirect", "gitBranch", "customEnvironmentId"))
        and domain.get("verified") is True
    ]


def _sha(data: Mapping[str, Any]) -> Sha | None:
    """The commit of a deployment; None where it is unknown, or a tree with other changes."""
    meta = data.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    if meta.get("gitDirty") == "1":
        return None
    source = data.get("gitSource")
    found = source.get("sha") if isinstance(source, dict) else None
    found = found or meta.get("githubCommitSha")
    return Sha(found) if isinstance(found, str) and _SHA.fullmatch(found) else None


def _gating_checks(data: Mapping[str, Any]) -> str:
    """Of the checks that hold the domains back: ``pending``, ``succeeded``, ``failed`` or none."""
    checks = data.get("checks")
    gating = checks.get("deployment-alias") if isinstance(checks, dict) else None
    state = gating.get("state") if isinstance(gating, dict) else None
    return state if isinstance(state, str) else ""


def _text(data: Any, name: str) -> str:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {name}")
    return value


def _time(data: Mapping[str, Any], name: str) -> datetime:
    """Vercel's times are milliseconds since 1970."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"no {name}")  # noqa: TRY004
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"a {name} that is no time") from error
