"""The gate on where a build comes from: the trunk, a release, or an approved head."""

from bot.core.decision import GateResult, Json, Verdict
from bot.core.phrases import counted, listed, quoted
from bot.core.policy.environments import Source
from bot.core.promotion import PromotionFacts, Unread
from bot.core.reviews import count_reviews

GATE = "source"

_REASONS = {
    Source.MERGED: "only commits on the trunk go there (`source: merged`)",
    Source.RELEASE: "only commits with a published release go there (`source: release`)",
    Source.APPROVED: "commits on the trunk go there, and approved heads of pull requests "
    "(`source: approved`)",
}


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge whether the candidate may go to the environment at all."""
    candidate, source = facts.candidate, facts.policy.source
    sha = quoted(candidate.build.sha[:7])
    evidence: dict[str, Json] = {
        "source": source.value,
        "sha": candidate.build.sha,
        "on_trunk": candidate.on_trunk,
        "released": candidate.released,
        "tag": candidate.build.tag,
    }
    reason = f"In {quoted(facts.environment)} {_REASONS[source]}."

    def result(verdict: Verdict, summary: str, remedy: str = "") -> GateResult:
        return GateResult(GATE, verdict, summary, remedy, reason, evidence=evidence)

    if source is Source.RELEASE:
        if candidate.released:
            tag = quoted(candidate.build.tag) if candidate.build.tag else "a release"
            return result(Verdict.PASS, f"{sha} is released as {tag}")
        return result(
            Verdict.FAIL, f"{sha} has no published release", f"publish a release of {sha}"
        )
    if candidate.on_trunk:
        return result(Verdict.PASS, f"{sha} is on the trunk")
    number = candidate.build.pull_number
    if source is Source.MERGED or candidate.merged:
        mergeable = number and not candidate.merged
        return result(
            Verdict.FAIL,
            f"{sha} is not on the trunk",
            f"merge #{number} and promote what landed"
            if mergeable
            else "promote a commit that is on the trunk",
        )
    if isinstance(facts.approvals, Unread):
        return result(
            Verdict.ERROR,
            f"the reviews of {sha} could not be read: {facts.approvals.reason}",
            "run the command again",
        )
    needed = max(facts.policy.approvals.count, 1)
    reviews = count_reviews(
        facts.approvals, candidate, not_author=facts.policy.approvals.not_author
    )
    evidence["approved_by"] = list(reviews.approving)
    if len(reviews.approving) >= needed and not reviews.refusing:
        names = listed([f"@{login}" for login in reviews.approving])
        return result(Verdict.PASS, f"{sha} is approved by {names}")
    return result(
        Verdict.FAIL,
        f"{sha} is neither on the trunk nor approved",
        f"ask for {counted(needed, 'approving review')} of exactly {sha}, or merge it",
    )
