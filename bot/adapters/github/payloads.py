"""What is sent to GitHub, cut to its limits.

https://docs.github.com/rest/checks/runs#create-a-check-run
"""

from collections.abc import Iterable
from typing import Any

from bot.core.checks import Annotation, CheckOutput, Conclusion, digest_of

ANNOTATIONS_A_REQUEST = 50
_LONGEST_TITLE = 255
_LONGEST_TEXT = 64_000
"""Bytes. GitHub's limit is 65,535; a text is cut well below, so that our closing line fits."""
_LONGEST_ANNOTATION = 60_000
_LONGEST_COMMENT = 65_000
"""Characters, below GitHub's 65,536."""
_LONGEST_DESCRIPTION = 140
"""Characters of a deployment's description: https://docs.github.com/rest/deployments/statuses"""
_LONGEST_RELEASE = 124_000
"""Characters of a release's text, below GitHub's 125,000."""
_CUT = "\n\n… cut here: the rest does not fit into GitHub's limit."
_INCOMPLETE = "incomplete:"


def check_payloads(output: CheckOutput) -> list[dict[str, Any]]:
    """The bodies of the requests that write a check, in order: the run itself, then what is left
    of the annotations, 50 a request.

    Only the last one bears the digest. Were the bot killed before it, the next reconcile would
    find a run that does not say what it should.
    """
    batches = [
        output.annotations[start : start + ANNOTATIONS_A_REQUEST]
        for start in range(0, len(output.annotations), ANNOTATIONS_A_REQUEST)
    ] or [()]
    digest = digest_of(output)
    bodies = [_body(output, batch, f"{_INCOMPLETE}{digest}") for batch in batches]
    bodies[-1]["external_id"] = digest
    return bodies


def comment_body(body: str) -> dict[str, Any]:
    return {"body": _shortened(body, _LONGEST_COMMENT)}


def title_body(title: str) -> dict[str, Any]:
    return {"title": _encodable(title)}


def pull_body(*, title: str | None, body: str | None) -> dict[str, Any]:
    """What is None is not sent, and stays as it is."""
    written = {} if title is None else title_body(title)
    return written if body is None else written | comment_body(body)


def tree_body(base: str, files: Iterable[tuple[str, int, str]]) -> dict[str, Any]:
    """``files`` are paths with mode and text, to be put into the tree ``base``. GitHub makes the
    blobs itself: https://docs.github.com/rest/git/trees#create-a-tree"""
    entries = [
        {"path": path, "mode": f"{mode:06o}", "type": "blob", "content": _encodable(text)}
        for path, mode, text in files
    ]
    return {"base_tree": base, "tree": entries}


def commit_body(message: str, tree: str, parent: str) -> dict[str, Any]:
    """Without an author and a committer: GitHub signs what an App commits so."""
    return {"message": _encodable(message), "tree": tree, "parents": [parent]}


def release_body(
    *,
    title: str | None = None,
    body: str | None = None,
    draft: bool | None = None,
    prerelease: bool | None = None,
    latest: str = "",
) -> dict[str, Any]:
    """What is not given is not sent. A text is cut to fit: by then its tag is there."""
    written: dict[str, Any] = {"draft": draft, "prerelease": prerelease}
    if title is not None:
        written["name"] = _encodable(title)
    if body is not None:
        written["body"] = _shortened(body, _LONGEST_RELEASE)
    if latest:
        written["make_latest"] = latest
    return {name: value for name, value in written.items() if value is not None}


def _shortened(text: str, limit: int) -> str:
    """A text of at most ``limit`` characters and a closing line, cut at the end of a line."""
    text = _encodable(text)
    if len(text) <= limit:
        return text
    return text[: text.rfind("\n", 0, limit) + 1 or limit] + _CUT


def deployment_body(
    sha: str, environment: str, *, task: str, key: str, description: str
) -> dict[str, Any]:
    """Without its last two fields GitHub may merge the base branch instead of deploying, and asks
    for every check there is: https://docs.github.com/rest/deployments/deployments"""
    return {
        "ref": sha,
        "task": task,
        "environment": environment,
        "description": _described(description),
        "payload": {"lockgate": key},
        "auto_merge": False,
        "required_contexts": [],
    }


def deployment_status_body(
    state: str, description: str, *, environment_url: str, log_url: str
) -> dict[str, Any]:
    body = {"state": state, "description": _described(description)}
    addresses = {"environment_url": environment_url, "log_url": log_url}
    return body | {name: address for name, address in addresses.items() if address}


def _described(text: str) -> str:
    line = " ".join(_encodable(text).split())
    if len(line) <= _LONGEST_DESCRIPTION:
        return line
    return line[: _LONGEST_DESCRIPTION - 1] + "…"


def _body(output: CheckOutput, batch: tuple[Annotation, ...], external_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "title": _encodable(output.title)[:_LONGEST_TITLE],
        "summary": fit(output.summary, _LONGEST_TEXT),
    }
    if output.text:
        shown["text"] = fit(output.text, _LONGEST_TEXT)
    if batch:
        shown["annotations"] = [_annotation(note, output.conclusion) for note in batch]
    body: dict[str, Any] = {
        "name": output.name,
        "status": "completed",
        "conclusion": output.conclusion.value,
        "external_id": external_id,
        "output": shown,
        # Sent also when there is none: otherwise an update leaves the last button standing.
        "actions": [
            {
                "identifier": action.identifier[:20],
                "label": action.label[:20],
                "description": action.description[:40],
            }
            for action in output.actions[:3]
        ],
    }
    if output.details_url:
        body["details_url"] = output.details_url
    return body


def _annotation(note: Annotation, conclusion: Conclusion) -> dict[str, Any]:
    return {
        "path": note.location.path,
        "start_line": note.location.line,
        "end_line": note.location.line,
        "start_column": note.location.column,
        "end_column": note.location.column,
        "annotation_level": "failure" if conclusion is Conclusion.FAILURE else "warning",
        "title": _encodable(note.title)[:_LONGEST_TITLE],
        "message": fit(note.message, _LONGEST_ANNOTATION),
    }


def fit(text: str, limit: int) -> str:
    """A text of at most ``limit`` bytes and a closing line, cut at the end of a line."""
    encoded = _encodable(text).encode()
    if len(encoded) <= limit:
        return encoded.decode()
    line_end = encoded.rfind(b"\n", 0, limit)
    kept = encoded[: line_end if line_end > 0 else limit]
    return kept.decode(errors="ignore") + _CUT


def _encodable(text: str) -> str:
    """Half a surrogate pair, which JSON can carry and UTF-8 cannot, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
