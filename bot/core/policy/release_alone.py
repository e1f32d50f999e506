"""A policy that speaks of nothing but releases, read without the models of everything else: these
take longer to load than a plan to make."""

from bot.core.policy.loader import MappingNode, Node, ScalarNode, load
from bot.core.policy.release import ReleasePolicy
from bot.core.policy.release_whole import complaints_of_release
from bot.core.policy.validate import validate


def read_release_alone(text: str) -> ReleasePolicy | None:
    """The section of a file that has no other, and no fault. Of any other file None: what is the
    matter with it, if anything, is for ``parse_policy`` to say."""
    loaded = load(text)
    if loaded.problems or not isinstance(loaded.root, MappingNode):
        return None
    sections = dict(loaded.root.items)
    section, version = sections.pop("release", None), sections.pop("version", None)
    if sections or section is None or not (version is None or _is_current(version)):
        return None
    release = validate(ReleasePolicy, section)
    if not isinstance(release, ReleasePolicy) or any(complaints_of_release(release)):
        return None
    return release


def _is_current(version: Node) -> bool:
    """Neither `"1"` nor `true`, which equals 1."""
    return isinstance(version, ScalarNode) and type(version.value) is int and version.value == 1
