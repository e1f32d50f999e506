"""The last usable policy, as it is kept and read again."""

from bot.core.policy import Policy, parse_policy
from bot.engine.remembered import parse_remembered

TEXT = """\
environments:
  production: {vercel: {project: shop, domain: shop.example.com}, timeout: 15m}
migrations: {rollback_window: {age: 3d}}
"""


def test_what_was_written_comes_back_without_what_was_not() -> None:
    policy = parse_policy(TEXT)
    assert isinstance(policy, Policy)
    kept = policy.model_dump_json(by_alias=True, exclude_unset=True)
    assert parse_remembered(kept) == policy
    assert "release" not in kept
    assert "builds" not in kept


def test_what_a_newer_release_wrote_is_none_and_no_error() -> None:
    assert parse_remembered('{"tides": {}}') is None
    assert parse_remembered("{") is None
