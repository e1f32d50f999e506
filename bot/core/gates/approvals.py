"""The gate on approvals: enough people with write access said yes, and none said no."""

from bot.core.decision import Finding, GateResult, Json, Verdict
from bot.core.phrases import counted, listed
from bot.core.promotion import PromotionFacts, Unread
from bot.core.reviews import count_reviews

GATE = "approvals"


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge the reviews of the candidate's pull request."""
    needed, number = facts.policy.approvals.count, facts.candidate.build.pull_number
    if not needed:
        return GateResult(
            GATE,
            Verdict.SKIP,
            "the policy asks for no review",
            reason="The policy sets `approvals.count` to 0.",
        )
    own = "" if not facts.policy.approvals.not_author else ", the author's own not counted"
    reason = f"The policy asks for {counted(needed, 'approving review')}{own}."
    evidence: dict[str, Json] = {"needed": needed, "pull_number": number}

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
    reviews = count_reviews(
        facts.approvals, facts.candidate, not_author=facts.policy.approvals.not_author
    )
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
    more = counted(needed - len(reviews.approving), "more approving review")
    return result(Verdict.WAIT, found, f"ask for {more} of #{number}", findings)
