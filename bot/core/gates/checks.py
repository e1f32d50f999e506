"""The gate on checks: what ran on the commit is green, and comes from whom it must come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.core.decision import Finding, GateResult, Json, Verdict, worst
from bot.core.phrases import listed, quoted, say_duration
from bot.core.policy.environments import ChecksMode, ChecksPolicy
from bot.core.promotion import CheckState, PromotionFacts, RequiredCheck, Unread

GATE = "checks"
OWN_CHECKS = frozenset({"lockgate/promotion", "lockgate/audit"})
"""Left out: the one says what this gate says and would wait for itself, the other keeps a
checkpoint and is never green."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_EVIDENCE = 100


@dataclass(frozen=True, slots=True)
class _Judged:
    name: str
    verdict: Verdict
    found: str
    """What stands against it, empty where nothing does."""
    check: CheckState | None = None


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge the check runs and statuses of the candidate's commit.

    A check that must come from an App is satisfied by that App's runs alone: a status, which
    anybody who may push can post, never satisfies it.
    """
    policy, sha = facts.policy.checks, quoted(facts.candidate.build.sha[:7])
    reason = _reason(policy, sha)
    if isinstance(facts.checks, Unread):
        return _unread("checks", facts.checks, sha, reason)
    if isinstance(facts.required_checks, Unread):
        return _unread("required checks", facts.required_checks, sha, reason)
    newest = _newest(facts.checks)
    required = [check for check in facts.required_checks if check.name not in OWN_CHECKS]
    judged = _judge(policy, newest, required, facts.now)
    evidence = _evidence(policy, facts, judged)
    if not judged:
        return _nothing(policy, sha, reason, evidence)
    held = [one for one in judged if one.verdict is not Verdict.PASS]
    if not held:
        green = f"all {len(judged)}" if len(judged) > 1 else quoted(judged[0].name)
        return GateResult(GATE, Verdict.PASS, f"{green} green", reason=reason, evidence=evidence)
    verdict = worst(one.verdict for one in held)
    worst_ones = [one for one in held if one.verdict is verdict]
    green = f"{len(judged) - len(held)} of {len(judged)} green"
    names = listed(list(dict.fromkeys(quoted(one.name) for one in worst_ones)), 3)
    first = worst_ones[0].found if len(worst_ones) == 1 else ""
    said = first or ("not green" if verdict is Verdict.FAIL else "not finished")
    return GateResult(
        GATE,
        verdict,
        f"{green}, {names} {said}",
        _remedy(worst_ones[0], facts),
        reason,
        tuple(
            Finding(f"check {one.name}", f"{GATE}/{one.verdict.value}", one.found)
            for one in sorted(held, key=lambda one: one.verdict is Verdict.WAIT)
        ),
        evidence,
    )


def _unread(what: str, read: Unread, sha: str, reason: str) -> GateResult:
    return GateResult(
        GATE,
        Verdict.ERROR,
        f"the {what} of {sha} could not be read: {read.reason}",
        "run the command again; `lockgate doctor` says whether a permission is missing",
        reason,
        evidence={"unread": what},
    )


def _judge(
    policy: ChecksPolicy,
    newest: Sequence[CheckState],
    required: Sequence[RequiredCheck],
    now: datetime,
) -> list[_Judged]:
    """Every check that counts, each once for every source that it must have."""
    names = [name for name in policy.names if name not in OWN_CHECKS]
    match policy.mode:
        case ChecksMode.LIST:
            wanted = names
        case ChecksMode.REQUIRED:
            wanted = [check.name for check in required]
        case ChecksMode.ALL:
            wanted = [*(check.name for check in required), *(check.name for check in newest)]
    judged = []
    for name in sorted(set(wanted)):
        of_name = [check for check in newest if check.name == name]
        pins = {check.app_id for check in required if check.name == name and check.app_id}
        if name in policy.apps:
            pins.add(policy.apps[name])
        for pin in sorted(pins):
            judged.append(_judge_pinned(name, pin, of_name, policy, now))
        others = [check for check in of_name if check.app_id not in pins]
        # Beside a run by the right App, a check of the same name from elsewhere says nothing in
        # favour; where everything that ran is to be green it still has to be.
        if not pins or policy.mode is ChecksMode.ALL:
            judged += [_judge_one(check, policy, now) for check in others]
        if not pins and not of_name:
            judged.append(_Judged(name, Verdict.WAIT, "has not begun on this commit"))
    return judged


def _judge_pinned(
    name: str, pin: int, of_name: Sequence[CheckState], policy: ChecksPolicy, now: datetime
) -> _Judged:
    by_app = next((check for check in of_name if check.app_id == pin), None)
    if by_app is not None:
        return _judge_one(by_app, policy, now)
    if of_name:
        others = listed(sorted({check.app or "unknown" for check in of_name}), 3)
        return _Judged(
            name,
            Verdict.FAIL,
            f"comes from {others}, and only App {pin} counts",
            of_name[0],
        )
    return _Judged(name, Verdict.WAIT, f"has not begun on this commit, by App {pin}")


def _judge_one(check: CheckState, policy: ChecksPolicy, now: datetime) -> _Judged:
    name = check.name
    if not check.completed:
        since = f" for {say_duration(now - check.started_at)}" if check.started_at else ""
        return _Judged(name, Verdict.WAIT, f"running{since}", check)
    allowed = {"success"}
    if name in policy.neutral:
        allowed.add("neutral")
    if name in policy.skipped:
        allowed.add("skipped")
    if check.conclusion in allowed:
        return _Judged(name, Verdict.PASS, "", check)
    conclusion = check.conclusion.replace("_", " ")[:40] or "without a conclusion"
    return _Judged(name, Verdict.FAIL, f"ended: {conclusion}", check)


def _newest(checks: Iterable[CheckState]) -> list[CheckState]:
    """Of each name and source the run that began last; where two tie, the one less green."""
    kept: dict[tuple[str, int | None], CheckState] = {}
    for check in checks:
        if check.name in OWN_CHECKS:
            continue
        # Statuses of one name by two people are one status: GitHub shows the newest.
        source = (check.name, check.app_id)
        if source not in kept or _age(check) > _age(kept[source]):
            kept[source] = check
    return [kept[source] for source in sorted(kept, key=lambda key: (key[0], key[1] or 0))]


def _age(check: CheckState) -> tuple[datetime, bool, bool, str, str, str]:
    return (
        check.started_at or _NEVER,
        not check.completed,
        check.conclusion != "success",
        check.conclusion,
        check.app,
        check.url,
    )


def _reason(policy: ChecksPolicy, sha: str) -> str:
    which = {
        ChecksMode.ALL: "every check that ran on {sha}, and every one that branch protection and "
        "rulesets require,",
        ChecksMode.REQUIRED: "every check that branch protection and rulesets require of {sha}",
        ChecksMode.LIST: f"every check of {sha} that the policy lists",
    }[policy.mode].format(sha=sha)
    return (
        f"With `checks.mode: {policy.mode.value}` {which} must be a success. The newest run of "
        "each name and App counts."
    )


def _nothing(policy: ChecksPolicy, sha: str, reason: str, evidence: dict[str, Json]) -> GateResult:
    """No check is no green check."""
    if policy.mode is ChecksMode.ALL:
        return GateResult(
            GATE,
            Verdict.WAIT,
            f"no check has begun on {sha}",
            "wait for the first one; where none ever runs, take `checks` out of `requires`",
            reason,
            evidence=evidence,
        )
    if policy.mode is ChecksMode.REQUIRED:
        return GateResult(
            GATE,
            Verdict.FAIL,
            "no check is required, so that this gate would let anything through",
            "require checks in a ruleset of the trunk, or set `checks.mode` to `all`",
            reason,
            evidence=evidence,
        )
    return GateResult(
        GATE,
        Verdict.FAIL,
        "the policy lists no check, so that this gate would let anything through",
        "name the checks under `checks.names`",
        reason,
        evidence=evidence,
    )


def _remedy(first: _Judged, facts: PromotionFacts) -> str:
    name, sha = quoted(first.name), quoted(facts.candidate.build.sha[:7])
    if first.verdict is Verdict.WAIT:
        if first.check is not None:
            return f"wait for {name}"
        return f"wait for {name}; if no workflow runs it on the trunk, run it for {sha}"
    conclusion = first.check.conclusion if first.check else ""
    if conclusion in ("neutral", "skipped"):
        return (
            f"run {name} on {sha}, or allow it under "
            f"`environments.{facts.environment}.checks.{conclusion}`"
        )
    if "only App" in first.found:
        return f"let the App that the rule names run {name} on {sha}"
    return f"mend {name}, or run it again if it was not the commit's fault"


def _evidence(
    policy: ChecksPolicy, facts: PromotionFacts, judged: Sequence[_Judged]
) -> dict[str, Json]:
    return {
        "mode": policy.mode.value,
        "sha": facts.candidate.build.sha,
        "counted": len(judged),
        "checks": [
            {
                "name": one.name,
                "verdict": one.verdict.value,
                "conclusion": one.check.conclusion if one.check else "",
                "source": one.check.app if one.check else "",
                "app_id": one.check.app_id if one.check else None,
                "url": one.check.url if one.check else "",
            }
            for one in judged[:_EVIDENCE]
        ],
    }
