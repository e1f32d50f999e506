"""A database's schema as records by object, with a digest of each and one root over them.

An object is called ``<kind> <qualified name>``: ``table public.recipes``. A record holds what the
object is, in JSON, and nothing of where the server keeps it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.core.decision import Json
from bot.core.migrations.model import Version

FORMAT = 1
"""Of records, and of what goes into a digest. Digests of two formats say nothing of each other."""


@dataclass(frozen=True, slots=True)
class SchemaDigests:
    """SHA-256 in hexadecimal of the whole, and of each object."""

    root: str
    objects: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    objects: Mapping[str, Mapping[str, Json]]
    left_out: frozenset[str] = frozenset()
    """Schemas that were there and were not looked at."""

    @property
    def digests(self) -> SchemaDigests:
        objects = {name: digest_of(record) for name, record in sorted(self.objects.items())}
        return SchemaDigests(root_of(objects), objects)


@dataclass(frozen=True, slots=True)
class MeantSchema:
    """The schema that an environment is meant to have: as it was after the last known change.

    ``digests`` are by object, so that a difference can be named.
    """

    root: str
    digests: Mapping[str, str]
    applied: frozenset[Version]
    cause: str
    """What changed it last, in plain words."""
    at: datetime


def digest_of(record: Mapping[str, Json]) -> str:
    """Of its canonical JSON: keys sorted, no blanks, UTF-8."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def root_of(digests: Mapping[str, str]) -> str:
    """One digest over those of all objects, in the order of their names."""
    whole = hashlib.sha256(f"lockgate schema {FORMAT}\n".encode())
    for name in sorted(digests):
        # JSON, so that no name can be made to look like two.
        line = json.dumps([name, digests[name]], ensure_ascii=False)
        whole.update(f"{line}\n".encode("utf-8", "surrogatepass"))
    return whole.hexdigest()


def move_on(
    meant: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, str]:
    """The digests that are meant once a change has led from ``before`` to ``after``. What was not
    as it is meant before the change is not meant after it either: that somebody has to say."""
    moved = dict(meant)
    for name in before.keys() | after.keys():
        if meant.get(name) != before.get(name):
            continue
        if name in after:
            moved[name] = after[name]
        else:
            moved.pop(name, None)
    return moved
