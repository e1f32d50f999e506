"""GitHub's answers about commands and promotions as the bot's own words. Pure.

What GitHub left out is never taken for "there is none": it raises HubRefused.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.adapters.github.reading import read_actor, read_commit
from bot.core.model import Actor, ActorKind, PullRef, RepoRef, Sha
from bot.core.promotion import Approval, CheckState, RequiredCheck
from bot.ports import HubGone, HubRefused
from bot.ports.operations import CommandComment, CommitFacts, PullFacts


def read_recent_comment(ref: PullRef, node: dict[str, Any]) -> CommandComment:
    """A comment of GraphQL. ``lastEditedAt`` is set by any edit of the text and by nothing else,
    while ``updatedAt`` has whole seconds: an edit within the first one would not show."""
    return CommandComment(
        id=int(node["fullDatabaseId"]),
        ref=ref,
        author=read_actor(node["author"]),
        body=node["body"],
        created_at=datetime.fromisoformat(node["createdAt"]),
        edited=node["lastEditedAt"] is not None,
        own=node["viewerDidAuthor"],
    )


def read_rest_comment(ref: PullRef, item: dict[str, Any], *, app_id: int) -> CommandComment:
    """A comment of REST, which tells nothing of edits but the time of the last change. Of the
    App's own are those that it wrote as itself, and not those of people who signed in by it.

    Raises:
        HubGone: it stands on another pull request.
    """
    if item["issue_url"].rpartition("/")[2] != str(ref.number):
        raise HubGone(f"comment {item['id']} does not stand on {ref}")
    author = _account(item["user"])
    app = item.get("performed_via_github_app") or {}
    return CommandComment(
        id=item["id"],
        ref=ref,
        author=author,
        body=item["body"] or "",
        created_at=datetime.fromisoformat(item["created_at"]),
        edited=item["updated_at"] != item["created_at"],
        own=author.kind is ActorKind.BOT and app.get("id") == app_id,
    )


def _account(item: dict[str, Any] | None) -> Actor:
    """Who did it, as REST has it: a deleted account is null or GitHub's own ``ghost``."""
    kinds = {"User": ActorKind.USER, "Bot": ActorKind.BOT}
    if item is None or item["type"] not in kinds:
        return read_actor(None)
    return Actor(item["id"], item["login"], kinds[item["type"]])


def read_pull_facts(ref: PullRef, repository: dict[str, Any]) -> PullFacts:
    node = repository["pullRequest"]
    head, merge = node["headRepository"], node["mergeCommit"]
    merged = node["state"] == "MERGED"
    return PullFacts(
        ref=ref,
        title=node["title"] or "",
        author=read_actor(node["author"]),
        head_sha=Sha(node["headRefOid"]),
        head_ref=node["headRefName"],
        base_ref=node["baseRefName"],
        merged=merged,
        merge_sha=Sha(merge["oid"]) if merged and merge else None,
        open=node["state"] == "OPEN",
        # A fork that was deleted is null, and was a fork all the same.
        from_fork=head is None or head["databaseId"] != ref.repo.id,
        private=repository["isPrivate"],
    )


def pick_commit(name: str, repository: dict[str, Any]) -> dict[str, Any]:
    """The one commit that a name means: as a tag, as a branch, or as the beginning of a SHA.

    Raises:
        HubGone: it means none, or more than one.
    """
    found: dict[str, str] = {}
    nodes: dict[str, dict[str, Any]] = {}
    for kind in ("tag", "branch"):
        ref = repository[kind]
        if ref is None:
            continue
        commit = _peeled(ref["target"])
        if commit is None:
            raise HubGone(f"the {kind} `{name}` names no commit")
        found[kind] = commit["oid"]
        nodes[commit["oid"]] = commit
    by_sha = repository.get("object")
    if by_sha is not None and by_sha["__typename"] == "Commit":
        # Git prefers a ref of that name to a commit whose id begins so.
        if by_sha["oid"].startswith(name.lower()):
            found["SHA"] = by_sha["oid"]
            nodes[by_sha["oid"]] = by_sha
        elif found:
            found["SHA"] = ""
    if len(set(found.values())) > 1:
        kinds = ", ".join(kind for kind in found)
        raise HubGone(f"`{name}` is ambiguous ({kinds}): give the commit's whole SHA")
    if not nodes:
        raise HubGone(f"`{name}` is no tag and no branch, and no one commit's id begins so")
    return next(iter(nodes.values()))


def _peeled(target: dict[str, Any] | None) -> dict[str, Any] | None:
    """The commit of a ref: its target, or what its annotated tag is on."""
    if target is not None and target["__typename"] == "Tag":
        target = target["target"]
    return target if target is not None and target["__typename"] == "Commit" else None


def read_commit_facts(
    repo: RepoRef,
    name: str,
    repository: dict[str, Any],
    node: dict[str, Any],
    *,
    trunk: str,
    on_trunk: bool,
) -> CommitFacts:
    """``node`` is the commit picked. A release counts when it is neither a draft nor a
    pre-release, and its tag is on this very commit."""
    oid = node["oid"]
    releases = [repository["release"], *(repository["releases"] or {}).get("nodes", ())]
    on_it = [
        release["tagName"]
        for release in releases
        if release is not None
        and not release["isDraft"]
        and not release["isPrerelease"]
        and (release["tagCommit"] or {}).get("oid") == oid
    ]
    tags = [
        tag["name"]
        for tag in (repository["tags"] or {}).get("nodes", ())
        if oid in (tag["target"]["oid"], (tag["target"].get("target") or {}).get("oid"))
    ]
    named = [name] if repository["tag"] is not None else []
    return CommitFacts(
        commit=read_commit(node),
        on_trunk=on_trunk,
        pull_number=_merged_by(repo, node, trunk),
        tag=next(iter([*named, *on_it, *tags]), ""),
        released=bool(on_it),
    )


def _merged_by(repo: RepoRef, node: dict[str, Any], trunk: str) -> int:
    """The pull request that brought a commit to the trunk, 0 if none did. The one whose merge
    made the commit comes before those that merely hold it."""
    pulls = [
        pull
        for pull in (node["associatedPullRequests"] or {}).get("nodes", ())
        if pull is not None
        and pull["state"] == "MERGED"
        and pull["baseRefName"] == trunk
        and pull["repository"]["databaseId"] == repo.id
    ]
    pulls.sort(key=lambda pull: (pull["mergeCommit"] or {}).get("oid") != node["oid"])
    return int(pulls[0]["number"]) if pulls else 0


def read_check_states(contexts: Iterable[dict[str, Any] | None]) -> tuple[CheckState, ...]:
    """The newest of each name and source.

    Raises:
        HubRefused: GitHub kept one of them from us.
    """
    newest: dict[tuple[str, int | None], tuple[tuple[str, int], CheckState]] = {}
    for node in contexts:
        if node is None:
            raise HubRefused("GitHub lists checks that it does not show to this App")
        order, state = _check_run(node) if node["__typename"] == "CheckRun" else _status(node)
        known = newest.get((state.name, state.app_id))
        if known is None or known[0] < order:
            newest[state.name, state.app_id] = (order, state)
    return tuple(state for _, state in newest.values())


def _check_run(node: dict[str, Any]) -> tuple[tuple[str, int], CheckState]:
    app = node["checkSuite"]["app"] or {"databaseId": None, "slug": ""}
    completed = node["status"] == "COMPLETED"
    started = node["startedAt"]
    state = CheckState(
        name=node["name"],
        app_id=app["databaseId"],
        app=app["slug"],
        completed=completed,
        conclusion=(node["conclusion"] or "").lower() if completed else "",
        started_at=datetime.fromisoformat(started) if started else None,
        url=node["url"] or "",
    )
    # Ids grow with time. The time that a run says it started at is its App's own word.
    return ("", node["databaseId"]), state


def _status(node: dict[str, Any]) -> tuple[tuple[str, int], CheckState]:
    completed = node["state"] not in ("PENDING", "EXPECTED")
    state = CheckState(
        name=node["context"],
        app_id=None,
        app=(node["creator"] or {"login": ""})["login"],
        completed=completed,
        conclusion=node["state"].lower() if completed else "",
        started_at=datetime.fromisoformat(node["createdAt"]),
        url=node["targetUrl"] or "",
    )
    return (node["createdAt"], 0), state


def read_ruled_checks(rules: Iterable[Mapping[str, Any]]) -> set[RequiredCheck]:
    """What the rulesets that apply to a branch require.

    Raises:
        HubRefused: checks are required, and GitHub does not say which.
    """
    required = set()
    for rule in rules:
        if rule["type"] != "required_status_checks":
            continue
        if not rule.get("parameters"):
            raise HubRefused("GitHub does not say which checks a ruleset requires")
        required |= {
            RequiredCheck(check["context"], check.get("integration_id"))
            for check in rule["parameters"]["required_status_checks"]
        }
    return required


def read_protected_checks(branch: dict[str, Any]) -> set[RequiredCheck]:
    """What the classic protection of a branch requires.

    Raises:
        HubRefused: it is protected, and GitHub does not say how.
    """
    protection = branch.get("protection") or {}
    required = protection.get("required_status_checks")
    if required is None:
        if branch.get("protected") is False or protection.get("enabled") is False:
            return set()
        raise HubRefused(f"GitHub does not say which checks the branch {branch['name']} requires")
    if required.get("enforcement_level") == "off":
        return set()
    pinned = {
        # -1 is "any App"
        RequiredCheck(check["context"], app if (app := check.get("app_id") or -1) > 0 else None)
        for check in required.get("checks") or ()
    }
    named = {check.name for check in pinned}
    bare = {RequiredCheck(context) for context in required.get("contexts") or ()}
    return pinned | {check for check in bare if check.name not in named}


def read_approvals(reviews: Iterable[dict[str, Any]]) -> tuple[Approval, ...]:
    """The newest of each person, of reviews oldest first. A deleted account's say is nobody's."""
    newest: dict[int, Approval] = {}
    for node in reviews:
        actor = read_actor(node["author"])
        if actor.kind is ActorKind.GHOST:
            continue
        newest[actor.id] = Approval(
            actor=actor,
            role_may_write=node["authorCanPushToRepository"],
            state=node["state"].lower(),
            sha=(node["commit"] or {}).get("oid", ""),
        )
    return tuple(newest.values())
