"""An entry of the audit log, and the bytes that are hashed.

Version 1: a JSON object in ASCII, keys sorted, no white space, with the entry's fields, its ``id``,
``v`` for the version and ``at``, the time in UTC to the microsecond. It holds nothing that JSON in
a database cannot: no NUL, no half of a surrogate pair, no infinite number.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import re2  # type: ignore[import-untyped]

from bot.core.decision import Json
from bot.core.redaction import MASK, redact

VERSION = 1
LONGEST_TEXT = 2_000
"""Characters kept of each text."""
DEEPEST = 12
"""Levels kept of nested evidence."""
_SUSPECT = re2.compile(
    r"-----BEGIN|\bgh[pousr]_|github_pat_|\bv1\.[0-9a-f]{40}|\beyJ[A-Za-z0-9_\-]+\.|\bsha(?:256|1)="
    r"|(?i:bearer|token|basic)\s|(?i:password|passwd|secret|key|token)[\"']?\s*[=:]"
    r"|://[^\s/:@]*:"
)
"""Found wherever ``redact`` would find something, and faster: most entries hold nothing of it."""
_SECRET_NAME = re.compile(r"(?i)(?:^|[_-])(?:token|secret|password|passwd|authorization|api_?key)$")


KINDS = (
    "backfill",
    "command",
    "contract",
    "login",
    "migrate",
    "migration",
    "observation",
    "policy",
    "promotion",
    "release",
    "rollback",
    "schema",
    "watch",
)
"""What entries are about. Who set aside, locked or froze stands in the ``command``; what was set
aside for a promotion also in its own entry."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was asked, decided or done. ``detail`` holds evidence, never a secret."""

    kind: str
    """One of ``KINDS``."""
    actor: str
    repository: str
    subject: str
    detail: Mapping[str, Json]
    build_sha: str = ""
    schema_hash: str = ""
    release_tag: str = ""
    pull_number: int = 0
    key: str = ""
    """Of entries with the same one the log keeps the first, whoever appends it again; see
    ``content_key``. Empty for what may be said any number of times."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry as it stands in the log."""

    id: int
    at: datetime
    entry: AuditEntry


_TEXTS = ("kind", "actor", "repository", "subject", "build_sha", "schema_hash", "release_tag")


def content_key(*parts: str | int | bool) -> str:
    """A key for what these words say: whoever says it again, after a crash say, gives the same."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def encode_entry(entry_id: int, at: datetime, entry: AuditEntry) -> str:
    """The entry's content. What has the shape of a secret is masked, and long texts are cut."""
    detail = dict(entry.detail)
    named = {name: getattr(entry, name) for name in _TEXTS}
    suspect = _SUSPECT.search("\n".join(_texts_in([*named.values(), detail]))) is not None
    fields: dict[str, Json] = {name: _text(text, suspect) for name, text in named.items()}
    fields["detail"] = _value(detail, suspect, 0)
    fields["pull_number"] = entry.pull_number
    if entry.key:
        fields["key"] = entry.key
    fields["id"] = entry_id
    fields["at"] = format_time(at)
    fields["v"] = VERSION
    return _ENCODER.encode(fields)


def decode_entry(content: str) -> AuditRecord:
    """
    Raises:
        ValueError: this is no entry of a version known here.
    """
    try:
        fields: dict[str, Any] = json.loads(content)
        if fields["v"] != VERSION:
            raise ValueError(f"version {fields['v']} of entries is not known here")
        entry = AuditEntry(
            **{name: str(fields[name]) for name in _TEXTS},
            detail=dict(fields["detail"]),
            pull_number=int(fields["pull_number"]),
            key=str(fields.get("key", "")),
        )
        return AuditRecord(int(fields["id"]), datetime.fromisoformat(fields["at"]), entry)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an entry of an audit log: {error!r}") from error


def record_json(record: AuditRecord) -> dict[str, Json]:
    """The record's fields under the names that its content has."""
    fields: dict[str, Json] = {name: getattr(record.entry, name) for name in _TEXTS}
    if record.entry.key:
        fields["key"] = record.entry.key
    return fields | {
        "id": record.id,
        "at": format_time(record.at),
        "pull_number": record.entry.pull_number,
        "detail": dict(record.entry.detail),
    }


def format_time(at: datetime) -> str:
    """In UTC and of one width, so that such texts sort as the times do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def _texts_in(value: Json) -> Iterator[str]:
    match value:
        case str():
            # What RE2 cannot read is no part of any secret's shape.
            yield value if value.isascii() else value.encode("ascii", "replace").decode()
        case list():
            for item in value:
                yield from _texts_in(item)
        case dict():
            for key, item in value.items():
                yield from _texts_in(key)
                yield from _texts_in(item)
        case _:
            pass


def _text(text: str, suspect: bool) -> str:
    kept = (redact(text) if suspect else text)[:LONGEST_TEXT]
    if kept.isascii() and "\0" not in kept:
        return kept
    kept = kept.replace("\0", "\ufffd")
    return kept.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _value(value: Json, suspect: bool, depth: int) -> Json:
    match value:
        case str():
            return _text(value, suspect)
        case float() if not math.isfinite(value):
            return str(value)
        case list() | dict() if depth >= DEEPEST:
            return "…"
        case list():
            return [_value(item, suspect, depth + 1) for item in value]
        case dict():
            return {
                _text(key, suspect): MASK
                if _SECRET_NAME.search(key)
                else _value(item, suspect, depth + 1)
                for key, item in value.items()
            }
        case _:
            return value
