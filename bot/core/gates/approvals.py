"""The gate on approvals: enough people with write access said yes, and none said no."""

from bot.core.decision import Finding, GateResult, Json, Verdict
from bot.core.phrases import counted, listed
from bot.core.promotion import PromotionFacts, Read, Unread
from bot.core.reviews import count_reviews
from bot.core.slo.alerts import Step
from bot.core.slo.model import record
from bot.core.slo.steps import Holding, holding

GATE = "approvals"


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge the reviews of the candidate's pull request."""
    spent = holding(facts.policy.slo, facts.slo, Step.SECOND_APPROVAL)
    more = _because(spent)
    needed = facts.policy.approvals.count + bool(more)
    number = facts.candidate.build.pull_number
    if not needed:
        return GateResult(
            GATE,
            Verdict.SKIP,
            "the policy asks for no review",
            reason="The policy sets `approvals.count` to 0.",
        )
    not_author = facts.policy.approvals.not_author or bool(more)
    own = ", the author's own not counted" if not_author else ""
    reason = f"The policy asks for {counted(needed, 'approving review')}{own}.{more}"
    evidence: dict[str, Json] = {"needed": needed, "pull_number": number}
    if not isinstance(spent, Unread):
        evidence |= {"objectives": [record(one.objective.state) for one in spent]} if spent else {}

    def result(
        verdict: Verdict, summary: str, remedy: str = "", findings: tuple[Finding, ...] = ()
    ) -> GateResult:
        return GateResult(GATE, verdict, summary, remedy, reason, findings, evidence)

    if isinstance(facts.approvals, Unread):
        return result(
            Verdict.ERROR,
            f"the reviews could not be read: {facts.approvals.reason}",
            "run the command again",
        )
    reviews = count_reviews(facts.approvals, facts.candidate, not_author=not_author)
    evidence |= {
        "approved_by": list(reviews.approving),
        "refused_by": list(reviews.refusing),
        "not_counted": [{"actor": login, "why": why} for login, why in reviews.not_counted],
    }
    findings = tuple(
        Finding(f"@{login}", GATE, f"the approval does not count: @{login} {why}")
        for login, why in reviews.not_counted
    )
    if reviews.refusing:
        names = listed([f"@{login}" for login in reviews.refusing])
        verb = "asks" if len(reviews.refusing) == 1 else "ask"
        return result(
            Verdict.FAIL,
            f"{names} {verb} for changes",
            f"settle it with @{reviews.refusing[0]}, or have the review dismissed",
            findings,
        )
    found = f"{len(reviews.approving)} of {counted(needed, 'approval')}"
    if len(reviews.approving) >= needed:
        names = listed([f"@{login}" for login in reviews.approving])
        return result(Verdict.PASS, f"approved by {names}", findings=findings)
    if not number:
        return result(
            Verdict.FAIL,
            f"{found}: the commit came by no pull request",
            "promote a commit that came by a pull request",
            findings,
        )
    asked = counted(needed - len(reviews.approving), "more approving review")
    return result(
        Verdict.WAIT,
        f"{found}{_shortly(spent)}",
        f"ask for {asked} of #{number}{_remedy(spent)}",
        findings,
    )


def _because(spent: Read[tuple[Holding, ...]]) -> str:
    """Why one more is asked for than the policy says; nothing where it is not."""
    if isinstance(spent, Unread):
        return (
            f" One of them because the objectives could not be read: {spent.reason}. What is not "
            "known does not count as a budget that is left."
        )
    if not spent:
        return ""
    return f" One of them because of a step of the error budget's policy: {spent[0].said}."


def _shortly(spent: Read[tuple[Holding, ...]]) -> str:
    if isinstance(spent, Unread):
        return f": one more than usual, since the objectives could not be read: {spent.reason}"
    return f": one more than usual, since {spent[0].said}" if spent else ""


def _remedy(spent: Read[tuple[Holding, ...]]) -> str:
    if isinstance(spent, Unread) or not spent:
        return ""
    return f"; or {spent[0].remedy}; a rollback is not held by this gate"
