"""A policy file's text → the policy, or every problem in it."""

from functools import lru_cache

from bot.core.policy.loader import MAX_BYTES, load
from bot.core.policy.model import DEFAULT_POLICY, Policy
from bot.core.policy.problems import PolicyProblems, sorted_problems
from bot.core.policy.validate import validate
from bot.core.policy.whole import problems_of_the_whole


def parse_policy(text: str) -> Policy | PolicyProblems:
    """Read ``.github/lockgate.yml``. Never raises, whatever the text.

    An empty file is ``DEFAULT_POLICY`` itself. All problems are reported together, except that
    nothing can be said of what follows a syntax error.
    """
    # What is too long is refused without being read, and need not be remembered.
    return _parse_again(text) if len(text) <= MAX_BYTES else _parse(text)


def _parse(text: str) -> Policy | PolicyProblems:
    loaded = load(text)
    if loaded.root is None:
        return sorted_problems(loaded.problems, text) if loaded.problems else DEFAULT_POLICY
    problems = loaded.problems
    policy = DEFAULT_POLICY
    if not loaded.fatal:
        checked = validate(Policy, loaded.root)
        if isinstance(checked, Policy):
            policy = checked
            problems = [*problems, *problems_of_the_whole(policy, loaded.root)]
        else:
            problems = [*problems, *checked]
    return sorted_problems(problems, text) if problems else policy


_parse_again = lru_cache(maxsize=128)(_parse)
"""Every pull request into a branch has the same file."""
