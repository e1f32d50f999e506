"""The gate on the build: ready, for production, and of exactly the commit."""

from bot.core.decision import Finding, GateResult, Json, Verdict
from bot.core.hosting import BuildState, HostDeployment
from bot.core.phrases import quoted, say_duration
from bot.core.promotion import PromotionFacts, Unread, pick_build

GATE = "deployment"

_HOSTS = {"vercel": "Vercel", "github": "GitHub"}
_COMING = {BuildState.QUEUED: "is queued", BuildState.BUILDING: "is being built"}
_GONE = {
    BuildState.FAILED: ("failed", "look at its log, mend it and merge"),
    BuildState.CANCELED: ("was cancelled", "have it built again"),
    BuildState.BLOCKED: ("is blocked by the host", "see there what blocks it"),
    BuildState.DELETED: ("was deleted", "have it built again"),
}
_REASON = (
    "What is promoted is one immutable build: made for production, from exactly this commit, and "
    "ready. Nothing is built anew, so that what was checked is what goes live."
)


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge the build that would be put in place."""
    build, policy = facts.candidate.build, facts.policy
    sha = quoted(build.sha[:7])
    host = _HOSTS.get(policy.target.host, "the host") if policy.target else "the host"
    evidence: dict[str, Json] = {"sha": build.sha, "deployment_id": build.deployment_id}
    if isinstance(facts.project, Unread):
        return _unread("project", facts.project, host)
    if isinstance(facts.deployments, Unread):
        return _unread("builds", facts.deployments, host)
    of_commit = [one for one in facts.deployments if one.sha == build.sha]
    if build.deployment_id:
        chosen = next((one for one in of_commit if one.id == build.deployment_id), None)
    else:
        chosen = pick_build(of_commit, build.sha)
    findings: tuple[Finding, ...] = ()
    evidence |= {
        "project": facts.project.name,
        "auto_assigns": facts.project.auto_assigns,
        "builds": [_described(one) for one in sorted(facts.deployments, key=lambda one: one.id)],
    }
    if facts.project.auto_assigns:
        findings = (
            Finding(
                f"project {facts.project.name}",
                f"{GATE}/auto-assigned",
                f"{host} puts new production builds live by itself, so that no gate holds them: "
                "switch off “Auto-assign Custom Production Domains” in the project's settings",
            ),
        )

    def result(verdict: Verdict, summary: str, remedy: str = "") -> GateResult:
        return GateResult(GATE, verdict, summary, remedy, _REASON, findings, evidence)

    preview_only = (
        Verdict.FAIL,
        f"{sha} has only a preview build: promoting it would build it anew, as another build",
        f"have {host} build {sha} for production, then promote that",
    )
    if chosen is None:
        if build.deployment_id:
            return result(
                Verdict.FAIL,
                f"{host} has no build {quoted(build.deployment_id)} of {sha}",
                f"name a build of {sha}",
            )
        if of_commit:
            return result(*preview_only)
        return result(
            Verdict.WAIT,
            f"{host} has no build of {sha} yet",
            f"wait for it; if none comes, have {host} build {sha} for production",
        )
    if not chosen.production:
        return result(*preview_only)
    evidence["chosen"] = chosen.id
    name = quoted(chosen.id)
    if chosen.state in _COMING:
        since = say_duration(facts.now - chosen.created_at)
        return result(
            Verdict.WAIT, f"{name} {_COMING[chosen.state]}, for {since}", f"wait for {host}"
        )
    if chosen.state is not BuildState.READY:
        said, remedy = _GONE[chosen.state]
        return result(Verdict.FAIL, f"{name} {said}", remedy)
    if chosen.checks_failed:
        return result(
            Verdict.FAIL,
            f"{host}'s own checks of {name} failed",
            f"see at {host} which one, and mend it",
        )
    if chosen.checks_running:
        return result(Verdict.WAIT, f"{host}'s own checks of {name} are running", "wait for them")
    if findings:
        return result(
            Verdict.PASS,
            f"{name} is ready, but {host} puts builds live by itself: this gate holds nothing yet",
            "switch off “Auto-assign Custom Production Domains” in the project's settings",
        )
    return result(Verdict.PASS, f"{name} is ready, built from {sha}")


def _unread(what: str, read: Unread, host: str) -> GateResult:
    return GateResult(
        GATE,
        Verdict.ERROR,
        f"{host}'s {what} could not be read: {read.reason}",
        f"see that {host} answers, then run the command again",
        _REASON,
        evidence={"unread": what},
    )


def _described(build: HostDeployment) -> dict[str, Json]:
    return {
        "id": build.id,
        "sha": build.sha,
        "state": build.state.value,
        "production": build.production,
        "created_at": build.created_at.isoformat(),
    }
