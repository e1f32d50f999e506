"""The section on releases by its own models, without those of everything else."""

from bot.core.policy.loader import MappingNode
from bot.core.policy.release import ReleasePolicy
from bot.core.policy.release_whole import complaints_of_release
from bot.core.policy.validate import validate


def read_release_alone(section: MappingNode) -> ReleasePolicy | None:
    """None for a section with a fault: which one it is ``parse_policy`` says, at its place."""
    release = validate(ReleasePolicy, section)
    if not isinstance(release, ReleasePolicy) or any(complaints_of_release(release)):
        return None
    return release
