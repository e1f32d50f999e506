"""A schema that was kept as a file: JSON, made to be compared with what a database has later."""

import json

from bot.core.schema.snapshot import FORMAT, Snapshot

_KEY = "lockgate_schema"


class NotSaved(Exception):
    """A text that is no saved schema; it says why."""


def render_saved(snapshot: Snapshot) -> str:
    """One object a line, so that a version control's own comparison can be read too."""
    lines = [
        f"{json.dumps(name, ensure_ascii=False)}: "
        f"{json.dumps(record, sort_keys=True, ensure_ascii=False)}"
        for name, record in sorted(snapshot.objects.items())
    ]
    head = {
        _KEY: FORMAT,
        "root": snapshot.digests.root,
        "left_out": sorted(snapshot.left_out),
    }
    body = ",\n".join(lines)
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "objects": {{\n{body}\n}}}}\n'


def parse_saved(text: str) -> Snapshot:
    """
    Raises:
        NotSaved: it is something else, of another format, or was changed since.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise NotSaved("it is no JSON") from None
    if not isinstance(content, dict) or _KEY not in content:
        raise NotSaved("it is no schema that was saved")
    if content[_KEY] != FORMAT:
        raise NotSaved(f"it is of format {content[_KEY]!r}, and {FORMAT} is read")
    objects, left_out = content.get("objects"), content.get("left_out")
    if (
        not isinstance(objects, dict)
        or not all(isinstance(record, dict) for record in objects.values())
        or not isinstance(left_out, list)
        or not all(isinstance(name, str) for name in left_out)
    ):
        raise NotSaved("parts of it are missing")
    snapshot = Snapshot(objects, frozenset(left_out))
    if snapshot.digests.root != content.get("root"):
        raise NotSaved("it was changed after it had been saved: its digest is another")
    return snapshot
