"""What differs between two policies, key by key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.core.decision import Json


@dataclass(frozen=True, slots=True)
class Change:
    """``key`` is a path of the policy file, ``environments.production.approvals``. None stands for
    what was not, or is no longer, written there."""

    key: str
    before: Json
    after: Json


def changes(
    before: Mapping[str, Json], after: Mapping[str, Json], *, within: str = ""
) -> Iterator[Change]:
    """What each key of a policy, as JSON, was and is; in the order of the keys' names. The order in
    which a file names its keys says nothing. A list is compared as a whole."""
    return _changes("", before, after)


def _changes(
    prefix: str, before: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        key = f"{prefix}{name}"
        was, now = before.get(name), after.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _changes(f"{key}.", was, now)
        elif was != now:
            yield Change(key, was, now)
