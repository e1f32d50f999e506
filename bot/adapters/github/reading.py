"""GitHub's answers as the bot's own words. Pure: JSON in, values out.

GitHub's JSON is trusted in its form and nowhere else: titles, messages and files are what people
wrote, and pass through as they are.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.core.checks import SUMMARY_MARKER, PresentCheck, PresentComment
from bot.core.model import (
    GHOST,
    AbsentFile,
    Actor,
    ActorKind,
    Commit,
    FileRead,
    FoundFile,
    MergeSettings,
    MergeTitle,
    PolicyFiles,
    PullRef,
    PullRequest,
    PullState,
    RepoRef,
    Sha,
    SquashTitle,
    UnreadableFile,
)
from bot.core.policy import POLICY_PATH
from bot.ports import HubError, HubGone, HubRefused, HubUnavailable

MAX_POLICY_BYTES = 1_000_000
_SYMLINK = 0o120000
_BOT_EMAIL = re.compile(r"(\d+)\+([A-Za-z0-9-]+\[bot\])@users\.noreply\.")
"""How GitHub writes a bot's address; GraphQL names no account for a bot's commit."""


def read_repo(repo: RepoRef, node: dict[str, Any]) -> RepoRef:
    """The repository by the name that it has now.

    Raises:
        HubGone: the name belongs to another repository by now.
    """
    if node["databaseId"] != repo.id:
        raise HubGone(
            f"{repo.full_name} is another repository now than the one asked for (id {repo.id})"
        )
    owner = node["owner"]["login"] if "owner" in node else repo.owner
    return RepoRef(repo.installation_id, repo.id, owner, node.get("name", repo.name))


def read_pull(ref: PullRef, repository: dict[str, Any], commits: Sequence[Commit]) -> PullRequest:
    """A pull request from the ``repository`` of the PullRequest document."""
    node = repository["pullRequest"]
    head = node["headRepository"]
    return PullRequest(
        ref=ref,
        title=node["title"] or "",
        body=node["body"] or "",
        state=PullState(node["state"].lower()),
        draft=node["isDraft"],
        author=read_actor(node["author"]),
        head_sha=Sha(node["headRefOid"]),
        head_repo=head["nameWithOwner"] if head else None,
        base_ref=node["baseRefName"],
        base_sha=Sha(node["baseRefOid"]),
        merge_settings=MergeSettings(
            squash=repository["squashMergeAllowed"],
            merge=repository["mergeCommitAllowed"],
            rebase=repository["rebaseMergeAllowed"],
            squash_title=SquashTitle(repository["squashMergeCommitTitle"]),
            merge_title=MergeTitle(repository["mergeCommitTitle"]),
        ),
        commits=tuple(commits),
        private=repository["isPrivate"],
    )


def read_actor(node: dict[str, Any] | None) -> Actor:
    """Who did it. A deleted account is null; a bot's login gets the suffix that REST gives it."""
    if node is None:
        return GHOST
    login, number = node["login"], node.get("databaseId") or 0
    if node["__typename"] == "Bot":
        return Actor(number, login if login.endswith("[bot]") else f"{login}[bot]", ActorKind.BOT)
    if node["__typename"] == "User" and number:
        return Actor(number, login)
    return Actor(0, login, ActorKind.GHOST)


def read_commit(node: dict[str, Any]) -> Commit:
    """A commit of a GraphQL answer."""
    return Commit(
        sha=Sha(node["oid"]),
        message=node["message"] or "",
        author=_commit_author(node["author"]),
        parents=node["parents"]["totalCount"],
    )


def _commit_author(author: dict[str, Any] | None) -> Actor:
    if author is None:
        return GHOST
    user = author["user"]
    if user is not None:
        return Actor(user["databaseId"] or 0, user["login"])
    bot = _BOT_EMAIL.match(author["email"] or "")
    return Actor(int(bot[1]), bot[2], ActorKind.BOT) if bot else GHOST


def read_compared_commit(item: dict[str, Any]) -> Commit:
    """A commit of a REST comparison."""
    account = item.get("author") or {}
    actor = GHOST
    if account.get("login"):
        kind = ActorKind.BOT if account.get("type") == "Bot" else ActorKind.USER
        actor = Actor(account.get("id", 0), account["login"], kind)
    return Commit(Sha(item["sha"]), item["commit"]["message"] or "", actor, len(item["parents"]))


def read_checks(commit: dict[str, Any]) -> tuple[PresentCheck, ...]:
    """Our runs on a commit, the newest of each name."""
    newest: dict[str, PresentCheck] = {}
    suites = (commit.get("checkSuites") or {}).get("nodes") or ()
    for suite in suites:
        for run in (suite or {}).get("checkRuns", {}).get("nodes") or ():
            check = PresentCheck(
                run["databaseId"],
                run["name"],
                run["externalId"] or "",
                completed=run["status"] == "COMPLETED",
            )
            known = newest.get(check.name)
            if known is None or known.id < check.id:
                newest[check.name] = check
    return tuple(newest.values())


def read_comments(nodes: Iterable[dict[str, Any]]) -> list[PresentComment]:
    """Those that are ours and bear the marker: anybody may write the marker."""
    return [
        PresentComment(int(node["fullDatabaseId"]), node["body"])
        for node in nodes
        if node["viewerDidAuthor"] and SUMMARY_MARKER in node["body"]
    ]


def read_policy_files(
    repo: RepoRef,
    target: dict[str, Any] | None,
    organisation: dict[str, Any] | None,
    errors: Sequence[dict[str, Any]],
) -> PolicyFiles:
    """The two places of a policy; ``target`` is the commit at the base branch's tip."""
    name = f"{repo.owner}/.github"
    if organisation is not None and not errors:
        branch = organisation["defaultBranchRef"]
        return PolicyFiles(
            read_file(repo.full_name, target),
            read_file(organisation["nameWithOwner"], branch and branch["target"]),
        )
    reason = next((_reason(error) for error in errors if error.get("type") != "NOT_FOUND"), "")
    shared: FileRead = UnreadableFile(name, POLICY_PATH, reason) if reason else AbsentFile()
    return PolicyFiles(read_file(repo.full_name, target), shared)


def read_file(repo: str, commit: dict[str, Any] | None) -> FileRead:
    """The policy file of a commit; of a branch that is not there, none."""
    entry = commit.get("file") if commit else None
    if not entry:
        return AbsentFile()
    blob = entry["object"]
    if entry["mode"] == _SYMLINK:
        return UnreadableFile(repo, POLICY_PATH, "it is a symbolic link")
    if not blob or "byteSize" not in blob:
        return UnreadableFile(repo, POLICY_PATH, "it is not a file")
    if blob["byteSize"] > MAX_POLICY_BYTES or blob["isTruncated"]:
        return UnreadableFile(
            repo, POLICY_PATH, f"it is too large to be read ({blob['byteSize']:,} bytes)"
        )
    if blob["isBinary"] or blob["text"] is None:
        return UnreadableFile(repo, POLICY_PATH, "it is not a text file")
    return FoundFile(repo, POLICY_PATH, blob["text"])


def _reason(error: dict[str, Any]) -> str:
    kind = str(error.get("type") or "an error")
    return f"GitHub gave {kind} instead of it"


def graphql_error(task: str, about: str, errors: Sequence[dict[str, Any]]) -> HubError:
    """The port's error for errors that touch what was asked for."""
    kinds = {str(error.get("type") or "") for error in errors}
    message = "; ".join(str(error.get("message") or "no message") for error in errors)[:200]
    text = f"could not {task} {about}: GitHub answered: {message}"
    if kinds == {"NOT_FOUND"}:
        return HubGone(text)
    if kinds & {"FORBIDDEN", "INSUFFICIENT_SCOPES"} or any("extensions" in e for e in errors):
        return HubRefused(text)
    return HubUnavailable(text)


def read_changed(base: dict[str, Any] | None, head: list[dict[str, Any]]) -> frozenset[str]:
    """Names in the topmost folder that the head's commit has otherwise than the base, or no more;
    all of the head's where the base is gone. ``head`` is empty where there is no commit."""
    there = {(one["name"], one["oid"]) for one in base["tree"]["entries"]} if base else set()
    return frozenset(
        name
        for commit in head
        for name, _ in there ^ {(one["name"], one["oid"]) for one in commit["tree"]["entries"]}
    )
