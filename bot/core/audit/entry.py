"""An entry of the audit log, and the bytes that are hashed.

Version 1: a JSON object in ASCII, keys sorted, no white space, with the entry's fields, its ``id``,
``v`` for the version and ``at``, the time in UTC to the microsecond. It holds nothing that JSON in
a database cannot: no NUL, no half of a surrogate pair, no infinite number.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.core.decision import Json
from bot.core.redaction import MASK, redact

VERSION = 1
LONGEST_TEXT = 2_000
"""Characters kept of each text."""
DEEPEST = 12
"""Levels kept of nested evidence."""
_SECRET_NAME = re.compile(r"(?i)(?:^|[_-])(?:token|secret|password|passwd|authorization|api_?key)$")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was asked, decided or done. ``detail`` holds evidence, never a secret."""

    kind: str
    """``command``, ``decision``, ``effect``, ``override``, ``lock``, ``configuration``, ``login``,
    ``promotion`` or ``rollback``."""
    actor: str
    repository: str
    subject: str
    detail: Mapping[str, Json]
    build_sha: str = ""
    schema_hash: str = ""
    release_tag: str = ""
    pull_number: int = 0


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry as it stands in the log."""

    id: int
    at: datetime
    entry: AuditEntry


_TEXTS = ("kind", "actor", "repository", "subject", "build_sha", "schema_hash", "release_tag")


def encode_entry(entry_id: int, at: datetime, entry: AuditEntry) -> str:
    """The entry's content. What has the shape of a secret is masked, and long texts are cut."""
    fields: dict[str, Json] = {name: _text(getattr(entry, name)) for name in _TEXTS}
    fields["detail"] = _value(dict(entry.detail), 0)
    fields["pull_number"] = entry.pull_number
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
        )
        return AuditRecord(int(fields["id"]), datetime.fromisoformat(fields["at"]), entry)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an entry of an audit log: {error!r}") from error


def format_time(at: datetime) -> str:
    """In UTC and of one width, so that such texts sort as the times do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def _text(text: str) -> str:
    kept = redact(text)[:LONGEST_TEXT].replace("\0", "\ufffd")
    return kept.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _value(value: Json, depth: int) -> Json:
    match value:
        case str():
            return _text(value)
        case float() if not math.isfinite(value):
            return str(value)
        case list() | dict() if depth >= DEEPEST:
            return "…"
        case list():
            return [_value(item, depth + 1) for item in value]
        case dict():
            return {
                _text(key): MASK if _SECRET_NAME.search(key) else _value(item, depth + 1)
                for key, item in value.items()
            }
        case _:
            return value
