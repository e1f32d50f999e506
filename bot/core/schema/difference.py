"""What differs between two schemas, object by object."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.core.decision import Json
from bot.core.schema.snapshot import Snapshot

_LONGEST = 120
"""Characters of a value that are told."""


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Detail:
    """A part of an object: where it stands in the record, and what it was and is, None for what is
    not there. Texts come from the database: escape them where they are shown."""

    path: tuple[str, ...]
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    change: Change
    name: str
    details: tuple[Detail, ...] = ()
    """What changed; empty where only digests are known."""


def differences(before: Snapshot, after: Snapshot) -> tuple[Difference, ...]:
    """In the order of the objects' names. Schemas that either leaves out are looked at in none."""
    left_out = before.left_out | after.left_out
    one, two = _kept(before, left_out), _kept(after, left_out)
    return tuple(
        Difference(change, name, tuple(_details(one[name], two[name])) if both else ())
        for name, change, both in _changes(one, two)
    )


def digest_differences(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[Difference, ...]:
    """The same from digests by object alone: which objects differ, and not in what."""
    return tuple(Difference(change, name) for name, change, _ in _changes(before, after))


def _changes(
    before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[tuple[str, Change, bool]]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield name, Change.ADDED, False
        elif name not in after:
            yield name, Change.REMOVED, False
        elif before[name] != after[name]:
            yield name, Change.CHANGED, True


def _kept(snapshot: Snapshot, left_out: frozenset[str]) -> dict[str, Mapping[str, Json]]:
    return {
        name: record
        for name, record in snapshot.objects.items()
        if record.get("schema") not in left_out
    }


def _details(
    before: Mapping[str, Json], after: Mapping[str, Json], path: tuple[str, ...] = ()
) -> Iterator[Detail]:
    for key in sorted({*before, *after}):
        one, two = before.get(key), after.get(key)
        if one == two and (key in before) == (key in after):
            continue
        if isinstance(one, dict) and isinstance(two, dict):
            yield from _details(one, two, (*path, key))
        else:
            yield Detail((*path, key), _said(before, key), _said(after, key))


def _said(record: Mapping[str, Json], key: str) -> str | None:
    if key not in record:
        return None
    value = record[key]
    said = (
        value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    )
    line = " ".join(said.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
