"""The policy file: ``.github/lockgate.yml`` → the policy in force, or its problems."""

from bot.core.policy.model import DEFAULT_POLICY, POLICY_PATH, Policy
from bot.core.policy.parse import parse_policy
from bot.core.policy.problems import PolicyProblem, PolicyProblems
from bot.core.policy.resolve import (
    POLICY_GATE,
    PolicyInForce,
    PolicyInvalid,
    PolicyOrigin,
    PolicyOutcome,
    PolicySource,
    PolicyUnreadable,
    policy_result,
    resolve_policy,
)
from bot.core.policy.schema import policy_schema

__all__ = [
    "DEFAULT_POLICY",
    "POLICY_GATE",
    "POLICY_PATH",
    "Policy",
    "PolicyInForce",
    "PolicyInvalid",
    "PolicyOrigin",
    "PolicyOutcome",
    "PolicyProblem",
    "PolicyProblems",
    "PolicySource",
    "PolicyUnreadable",
    "parse_policy",
    "policy_result",
    "policy_schema",
    "resolve_policy",
]
