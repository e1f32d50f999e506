"""What the gates say of a pull request or a merge group under the policy in force."""

from dataclasses import dataclass, replace

from bot.core.decision import Decision
from bot.core.gates import commits
from bot.core.model import MergeGroup, PolicyFiles, PullRequest
from bot.core.policy import PolicyInForce, PolicyOutcome, policy_result, resolve_policy


@dataclass(frozen=True, slots=True)
class Decided:
    policy: PolicyOutcome
    decision: Decision


def decide(subject: PullRequest | MergeGroup, files: PolicyFiles) -> Decided:
    """Without a usable policy no gate is asked: the policy's own fault is the whole answer."""
    outcome = resolve_policy(files)
    if not isinstance(outcome, PolicyInForce):
        return Decided(outcome, Decision((policy_result(outcome),)))
    result = commits.evaluate(subject, outcome.policy.commits)
    result = replace(result, evidence={**result.evidence, "policy": outcome.sentence})
    return Decided(outcome, Decision((result,)))
