"""The last policy of a repository that could be used, as the store keeps it."""

import structlog

from bot.core.policy import Policy

log = structlog.get_logger()


def parse_remembered(text: str) -> Policy | None:
    """None for one that a newer release has written, with keys that this one does not know: both
    run for a while during an upgrade."""
    try:
        return Policy.model_validate_json(text)
    except ValueError:
        log.warning("remembered_policy_unknown")
        return None
