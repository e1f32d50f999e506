"""GitHub's answers about releases as the bot's own words. Pure: JSON in, values out."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.adapters.github.reading import read_commit
from bot.core.model import (
    GHOST,
    AbsentFile,
    FileRead,
    FoundFile,
    PullRef,
    PullState,
    RepoRef,
    Sha,
    UnreadableFile,
)
from bot.core.release.messages import may_override
from bot.core.release.model import HistoryCommit, PullSummary, Tag
from bot.ports.releases import BranchCommit, HubRelease, ReleasePull

SYMLINK = 0o120000
FILE = 0o100644
MAX_FILE_BYTES = 20_000_000
_FILE_KIND = 0o100000
_KINDS = 0o170000
_WEB = "web-flow"
"""The account that GitHub commits with when it signs for an App."""
_WEB_EMAIL = "noreply@"
"""How the address begins that it uses then; on GitHub Enterprise Server no account has it."""


def read_tags(nodes: Iterable[dict[str, Any]]) -> list[Tag]:
    """The tags that are on a commit, also through other tags."""
    found = []
    for node in nodes:
        target = node["target"]
        dates = []
        while target is not None and target["__typename"] == "Tag":
            dates.append((target.get("tagger") or {}).get("date"))
            target = target.get("target")
        if target is None or target["__typename"] != "Commit":
            continue
        date = next(filter(None, dates), target["committedDate"])
        found.append(Tag(node["name"], Sha(target["oid"]), datetime.fromisoformat(date)))
    return found


def read_history_commit(repo: RepoRef, node: dict[str, Any]) -> HistoryCommit:
    commit, author = read_commit(node), node["author"] or {}
    parents = tuple(Sha(parent["oid"]) for parent in node["parents"]["nodes"])
    return HistoryCommit(
        sha=commit.sha,
        message=commit.message,
        at=datetime.fromisoformat(node["committedDate"]),
        author=(author.get("name") or "") if commit.author is GHOST else commit.author.login,
        parents=commit.parents,
        parent_shas=parents,
        pull=_read_summary(repo, node),
    )


def _read_summary(repo: RepoRef, node: dict[str, Any]) -> PullSummary | None:
    """The pull request that a commit came by: the one whose merge it is, else the first that was
    opened of those that held it."""
    merged = [
        pull
        for pull in (node["associatedPullRequests"] or {}).get("nodes", ())
        if pull is not None
        and pull["state"] == "MERGED"
        and pull["repository"]["databaseId"] == repo.id
    ]
    merged.sort(key=lambda pull: (pull["mergeCommit"] or {}).get("oid") != node["oid"])
    if not merged:
        return None
    pull, author = merged[0], merged[0]["author"] or {"__typename": "", "login": ""}
    login = author["login"]
    if author["__typename"] == "Bot" and not login.endswith("[bot]"):
        login += "[bot]"
    body = pull["body"] or ""
    # Thousands of long descriptions would be kept for nothing.
    body = body if may_override(body) else ""
    return PullSummary(pull["number"], pull["title"] or "", body, login)


def read_paths(files: Iterable[dict[str, Any]]) -> set[str]:
    """What a page of a commit's files names; a file that was renamed is two."""
    return {
        path for item in files for path in (item["filename"], item.get("previous_filename")) if path
    }


def read_text(repo: RepoRef, path: str, entry: dict[str, Any] | None) -> FileRead | None:
    """A file of a commit. None: GraphQL gave another text than stands there, cut at its end or
    without the mark at its beginning, and the bytes are to be asked for."""
    refused = unfit(entry)
    if refused:
        return UnreadableFile(repo.full_name, path, refused)
    if entry is None:
        return AbsentFile()
    blob = entry["object"]
    if blob["byteSize"] > MAX_FILE_BYTES:
        large = f"it is too large to be read ({blob['byteSize']:,} bytes)"
        return UnreadableFile(repo.full_name, path, large)
    if blob["isBinary"]:
        return UnreadableFile(repo.full_name, path, "it is not a text file")
    text = blob["text"]
    if blob["isTruncated"] or text is None:
        return None
    whole = len(text.encode("utf-8", "replace")) == blob["byteSize"]
    return FoundFile(repo.full_name, path, text) if whole else None


def read_bytes(repo: RepoRef, path: str, content: bytes) -> FileRead:
    try:
        return FoundFile(repo.full_name, path, content.decode("utf-8"))
    except UnicodeDecodeError:
        return UnreadableFile(repo.full_name, path, "it is not a text in UTF-8")


def unfit(entry: Mapping[str, Any] | None) -> str:
    """Why there is no file to be read or written at an entry of a tree; empty if one may be."""
    if entry is None or entry["mode"] & _KINDS == _FILE_KIND:
        return ""
    return "it is a symbolic link" if entry["mode"] == SYMLINK else "it is not a file"


def blob_id(text: str) -> str:
    """The id that git has for a file of this text.

    https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_object_storage
    """
    content = text.encode()
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def read_branch_commit(item: dict[str, Any], login: str) -> BranchCommit:
    """A commit of a REST comparison; ``login`` is the App's own."""
    author, made = item.get("author") or {}, item["commit"]
    name = author.get("login") or (made["author"] or {}).get("name") or ""
    return BranchCommit(
        sha=Sha(item["sha"]),
        message=made["message"] or "",
        author=name,
        own=_same(author, login) and _committed_by(item, login),
        parents=len(item["parents"]),
    )


def _committed_by(item: dict[str, Any], login: str) -> bool:
    """Whether a commit was made by the App, or by GitHub for it: who amends one stays its
    committer. Names can be forged, to no other end than to have one's own commit replaced."""
    committer = item.get("committer") or {}
    if committer:
        return _same(committer, login) or _same(committer, _WEB)
    email = (item["commit"]["committer"] or {}).get("email") or ""
    return bool(email.lower().startswith(_WEB_EMAIL))


def _same(account: dict[str, Any] | None, login: str) -> bool:
    return account is not None and str(account.get("login", "")).lower() == login.lower()


def read_release_pull(repo: RepoRef, item: dict[str, Any], login: str) -> ReleasePull:
    merged, closed = item["merged_at"] is not None, item["state"] == "closed"
    return ReleasePull(
        ref=PullRef(repo, item["number"]),
        title=item["title"] or "",
        body=item["body"] or "",
        state=PullState.MERGED if merged else PullState.CLOSED if closed else PullState.OPEN,
        draft=bool(item.get("draft")),
        branch=item["head"]["ref"],
        base=item["base"]["ref"],
        head_sha=Sha(item["head"]["sha"]),
        # Of one that is open it is a merge that GitHub tried out.
        merge_sha=Sha(item["merge_commit_sha"]) if merged and item["merge_commit_sha"] else None,
        author=(item["user"] or {"login": ""})["login"],
        ours=_same(item["user"], login),
        closed_at=datetime.fromisoformat(item["closed_at"]) if item["closed_at"] else None,
    )


def read_release(item: dict[str, Any], login: str) -> HubRelease:
    return HubRelease(
        id=item["id"],
        tag=item["tag_name"],
        title=item["name"] or "",
        body=item["body"] or "",
        draft=item["draft"],
        prerelease=item["prerelease"],
        ours=_same(item["author"], login),
        url=item["html_url"],
    )
