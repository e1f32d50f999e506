"""The policy file: ``.github/lockgate.yml`` → the policy in force, or its problems."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_MODULES = {
    "DEFAULT_POLICY": "model",
    "POLICY_GATE": "resolve",
    "POLICY_PATH": "model",
    "Policy": "model",
    "PolicyInForce": "resolve",
    "PolicyInvalid": "resolve",
    "PolicyOrigin": "resolve",
    "PolicyOutcome": "resolve",
    "PolicyProblem": "problems",
    "PolicyProblems": "problems",
    "PolicySource": "resolve",
    "PolicyUnreadable": "resolve",
    "parse_policy": "parse",
    "policy_result": "resolve",
    "policy_schema": "schema",
    "resolve_policy": "resolve",
}


def __getattr__(name: str) -> Any:
    """Each is imported when it is asked for: a command line that wants the releases alone does not
    wait for the models of the rest."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
