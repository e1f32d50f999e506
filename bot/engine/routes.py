"""From a webhook delivery to the work it hints at. Pure: event, action and payload in, work out.

Payloads are signed by GitHub but may hold nulls anywhere and be of shapes not seen yet: what
does not fit leads to no work, never to an error. Nothing read here is believed later: the work
names what to look at, and is done on what GitHub says then.

Events and their fields: https://docs.github.com/webhooks/webhook-events-and-payloads
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from typing import Any, TypeAlias

from bot.core.commands.grammar import body_digest
from bot.core.merge_queue import QUEUE_BRANCHES, parse_candidate
from bot.core.model import Sha
from bot.core.policy import POLICY_PATH
from bot.core.release.pull_request import BRANCHES
from bot.core.render.check import FIX_TITLE
from bot.core.render.release import RELEASE_CHECK
from bot.core.work.kinds import Work
from bot.core.work.observations import ObserveEnvironment
from bot.core.work.promotions import PromoteRelease, ReconcilePromotion, RejudgePromotion
from bot.core.work.pulls import (
    FixTitle,
    ReconcileMergeGroup,
    ReconcilePullRequest,
    RerunHead,
    RerunPullRequest,
    RunCommand,
)
from bot.core.work.releases import (
    ReconcileLine,
    ReconcileRelease,
    RefreshRelease,
    ReplanRelease,
    RerunRelease,
)
from bot.core.work.repositories import LocateRepository, ReconcileInstallation, ReconcileRepository
from bot.core.work.schemas import RefreshMigrations

Payload: TypeAlias = Mapping[str, Any]

_PULL_ACTIONS = frozenset(
    {
        "opened",
        "edited",
        "synchronize",
        "reopened",
        "ready_for_review",
        "converted_to_draft",
        "closed",
    }
)
_VERCEL_ACTIONS = frozenset(
    f"vercel.deployment.{state}"
    for state in ("ready", "success", "error", "failed", "canceled", "promoted")
)
_REPOSITORY_ACTIONS = frozenset({"privatized", "publicized", "renamed", "transferred"})
_COMMAND_LINE = re.compile(r"^ {0,3}/[A-Za-z]", re.MULTILINE)
"""A line that could be a command: cheap to ask of every comment, and settled later."""
_MAX_TAG = 250
_MAX_BRANCH = 250
_NO_LINES = (BRANCHES, QUEUE_BRANCHES)
"""Branches that nothing is released from: the bot's own, and a merge queue's."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SHA = re.compile(r"[0-9a-f]{40}")
_MAX_ID = 2**63 - 1


def route(
    event: str, action: str, payload: Payload, *, received_at: float | None = None
) -> list[Work]:
    """The work that a delivery hints at; an empty list for whatever is not ours to act on."""
    handler = _ROUTES.get((event, action))
    if handler is None:
        return []
    return list(handler(payload, received_at))


def is_routed(event: str, action: str, payload: Payload) -> bool:
    """Whether a delivery needs a job at all. Cheap: asked before it is acknowledged, so no part of
    the payload is read that the first hint of work does not need."""
    handler = _ROUTES.get((event, action))
    return handler is not None and any(True for _ in handler(payload, None))


def head_in(event: str, payload: Payload) -> tuple[int, int, Sha] | None:
    """The repository, the pull request and its head that a delivery tells of: what a person who
    comments after it could see."""
    repository_id = _integer(payload.get("repository"), "id")
    number, head = _integer(payload, "number"), _sha(_at(payload, "pull_request", "head", "sha"))
    if event != "pull_request" or not repository_id or not number or not head:
        return None
    return repository_id, number, Sha(head)


def place_in(payload: Payload) -> LocateRepository | None:
    """The work to find the repository that a delivery is about, wherever it is."""
    repo = _repo(payload)
    return LocateRepository(**repo) if repo else None


def hidden_in(event: str, action: str, payload: Payload) -> int:
    """The id of the repository that a delivery says to have been made private, or 0. To hide what
    is not private does little harm, so that nobody need be asked first."""
    told = (event, action) == ("repository", "privatized")
    return _integer(payload.get("repository"), "id") if told else 0


def _pull_request(payload: Payload, received_at: float | None) -> Iterator[Work]:
    repo = _repo(payload)
    number = _integer(payload, "number")
    if repo and number:
        yield ReconcilePullRequest(**repo, number=number, received_at=received_at)
    head = _at(payload, "pull_request", "head")
    branch = _at(head, "ref")
    own = repo and _at(head, "repo", "id") == repo["repository_id"]
    if own and isinstance(branch, str) and branch.startswith(BRANCHES):
        yield ReconcileRelease(**repo)


def _push(payload: Payload, _: float | None) -> Iterator[Work]:
    repo = _repo(payload)
    branch = _branch(payload.get("ref"))
    if repo and _is_tag(payload.get("ref")):
        yield ReconcileRelease(**repo)
    if not repo or not branch:
        return
    if payload.get("deleted") is True:
        if branch.startswith(BRANCHES):  # what stood there may have been in the way
            yield ReconcileRelease(**repo)
        return
    default_branch = _at(payload, "repository", "default_branch")
    # The list of commits does not tell what a forced push took away.
    rewritten = payload.get("forced") is True and branch == default_branch
    changed = list(_changed(payload.get("commits")))
    policy_changed = rewritten or any(POLICY_PATH in paths for paths in changed)
    if branch == default_branch:
        yield RejudgePromotion(**repo) if policy_changed else ReconcilePromotion(**repo)
        yield ReplanRelease(**repo) if policy_changed else ReconcileRelease(**repo)
        # In which folders migrations are is not known here; after a change of policy all is done.
        if not policy_changed and any(str(path).endswith(".sql") for path in chain(*changed)):
            yield RefreshMigrations(**repo)
    elif len(branch) <= _MAX_BRANCH and not branch.startswith(_NO_LINES):
        yield ReconcileLine(**repo, branch=branch)
    if not policy_changed:
        return
    if repo["name"] == ".github" and branch == default_branch:
        yield ReconcileInstallation(repo["installation_id"])
    else:
        yield ReconcileRepository(**repo, base_ref=branch)


def _check_run_rerequested(payload: Payload, _: float | None) -> Iterator[Work]:
    run = payload.get("check_run")
    if _at(run, "name") == RELEASE_CHECK:
        yield from _rerun_release(payload, run)
        return
    yield from _rerun(payload, run, _at(run, "check_suite", "head_branch"))


def _check_suite_rerequested(payload: Payload, _: float | None) -> Iterator[Work]:
    suite = payload.get("check_suite")
    if _at(suite, "head_branch") == _at(payload, "repository", "default_branch"):
        yield from _rerun_release(payload, suite)
    yield from _rerun(payload, suite, _at(suite, "head_branch"))


def _rerun_release(payload: Payload, subject: Any) -> Iterator[Work]:
    repo, head_sha = _repo(payload), _sha(_at(subject, "head_sha"))
    if repo and head_sha:
        yield RerunRelease(**repo, head_sha=head_sha)


def _rerun(payload: Payload, subject: Any, head_branch: Any) -> Iterator[Work]:
    repo = _repo(payload)
    head_sha = _sha(_at(subject, "head_sha"))
    if not repo or not head_sha:
        return
    if isinstance(head_branch, str) and (group := parse_candidate(head_branch, Sha(head_sha))):
        yield ReconcileMergeGroup(**repo, **asdict(group))
        return
    numbers = [
        number
        for pull in _objects(_at(subject, "pull_requests"))
        # A commit can be the head of pull requests in other repositories of the fork network.
        if _at(pull, "base", "repo", "id") == repo["repository_id"]
        and (number := _integer(pull, "number"))
    ]
    if numbers:
        for number in numbers:
            yield RerunPullRequest(**repo, number=number)
    else:
        yield RerunHead(**repo, head_sha=head_sha)


def _requested_action(payload: Payload, _: float | None) -> Iterator[Work]:
    repo = _repo(payload)
    head_sha = _sha(_at(payload, "check_run", "head_sha"))
    actor_id = _integer(payload.get("sender"), "id")
    login = _at(payload, "sender", "login")
    if (
        repo
        and head_sha
        and actor_id
        and isinstance(login, str)
        and _at(payload, "requested_action", "identifier") == FIX_TITLE
    ):
        yield FixTitle(**repo, head_sha=head_sha, actor_id=actor_id, actor_login=login)


def _merge_group(payload: Payload, _: float | None) -> Iterator[Work]:
    repo = _repo(payload)
    group = payload.get("merge_group")
    head_sha, base_sha = _sha(_at(group, "head_sha")), _sha(_at(group, "base_sha"))
    base_ref = _branch(_at(group, "base_ref"))
    if repo and head_sha and base_sha and base_ref:
        yield ReconcileMergeGroup(**repo, head_sha=head_sha, base_sha=base_sha, base_ref=base_ref)


def _installation(payload: Payload, _: float | None) -> Iterator[Work]:
    if installation_id := _integer(payload.get("installation"), "id"):
        yield ReconcileInstallation(installation_id)


def _installation_repositories(payload: Payload, _: float | None) -> Iterator[Work]:
    for repository in _objects(payload.get("repositories_added")):
        repo = _repo({"installation": payload.get("installation"), "repository": repository})
        if repo:
            yield LocateRepository(**repo)
            yield ReconcileRepository(**repo)
            yield RefreshRelease(**repo)


def _repository(payload: Payload, _: float | None) -> Iterator[Work]:
    """It has another name or owner, or is for other eyes. GitHub sends a transfer to the App's
    installation on the new owner only."""
    if repo := _repo(payload):
        yield LocateRepository(**repo)


def _issue_comment(payload: Payload, received_at: float | None) -> Iterator[Work]:
    """A created comment on a pull request with a line that could be a command."""
    repo = _repo(payload)
    issue, comment = payload.get("issue"), payload.get("comment")
    number, comment_id = _integer(issue, "number"), _integer(comment, "id")
    actor_id, body = _integer(payload.get("sender"), "id"), _at(comment, "body")
    if (
        repo
        and number
        and comment_id
        and actor_id
        and isinstance(_at(issue, "pull_request"), Mapping)
        and isinstance(body, str)
        and _COMMAND_LINE.search(body)
    ):
        yield RunCommand(
            **repo,
            number=number,
            comment_id=comment_id,
            actor_id=actor_id,
            body_digest=body_digest(body),
            received_at=received_at or 0.0,
        )


def _promotion(payload: Payload, _: float | None) -> Iterator[Work]:
    """Something that promotion gates look at has changed. Our own checks are no news."""
    name = _at(payload, "check_run", "name")
    if isinstance(name, str) and name.startswith("lockgate/"):
        return
    if repo := _repo(payload):
        yield ReconcilePromotion(**repo)


def _vercel(payload: Payload, received_at: float | None) -> Iterator[Work]:
    """Something happened to a build. What is no preview may have changed what is served."""
    yield from _promotion(payload, received_at)
    repo = _repo(payload)
    if repo and _at(payload, "client_payload", "environment") != "preview":
        yield ObserveEnvironment(**repo)


def _release(payload: Payload, _: float | None) -> Iterator[Work]:
    repo = _repo(payload)
    tag = _at(payload, "release", "tag_name")
    actor_id, login = _integer(payload.get("sender"), "id"), _at(payload, "sender", "login")
    if repo and isinstance(tag, str) and 0 < len(tag) <= _MAX_TAG and isinstance(login, str):
        yield ReconcilePromotion(**repo)
        yield ReconcileRelease(**repo)
        yield PromoteRelease(**repo, tag=tag, actor_id=actor_id, actor_login=login)


def _release_gone(payload: Payload, _: float | None) -> Iterator[Work]:
    if repo := _repo(payload):
        yield ReconcileRelease(**repo)


_Handler: TypeAlias = Callable[[Payload, float | None], Iterable[Work]]

_ROUTES: dict[tuple[str, str], _Handler] = {
    **{("pull_request", action): _pull_request for action in _PULL_ACTIONS},
    ("push", ""): _push,
    ("check_run", "rerequested"): _check_run_rerequested,
    ("check_run", "requested_action"): _requested_action,
    ("check_suite", "rerequested"): _check_suite_rerequested,
    ("merge_group", "checks_requested"): _merge_group,
    ("installation", "created"): _installation,
    ("installation", "unsuspend"): _installation,
    ("installation", "new_permissions_accepted"): _installation,
    ("installation_repositories", "added"): _installation_repositories,
    **{("repository", action): _repository for action in _REPOSITORY_ACTIONS},
    ("issue_comment", "created"): _issue_comment,
    ("check_run", "completed"): _promotion,
    ("status", ""): _promotion,
    ("deployment_status", "created"): _promotion,
    ("release", "published"): _release,
    ("release", "unpublished"): _release_gone,
    ("release", "deleted"): _release_gone,
    **{("repository_dispatch", action): _vercel for action in _VERCEL_ACTIONS},
}


def _at(value: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _integer(value: Any, key: str) -> int:
    """A positive id that the database can hold, or 0."""
    number = _at(value, key)
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= _MAX_ID:
        return number
    return 0


def _sha(value: Any) -> str:
    return value if isinstance(value, str) and _SHA.fullmatch(value) else ""


def _branch(ref: Any) -> str:
    """``main`` of ``refs/heads/main``; empty for tags and anything else."""
    prefix = "refs/heads/"
    return ref.removeprefix(prefix) if isinstance(ref, str) and ref.startswith(prefix) else ""


def _is_tag(ref: Any) -> bool:
    return isinstance(ref, str) and ref.startswith("refs/tags/")


def _changed(commits: Any) -> Iterator[list[Any]]:
    """The paths of files that the commits of a push changed."""
    for commit in _objects(commits):
        for key in ("added", "modified", "removed"):
            if isinstance(paths := commit.get(key), list):
                yield paths


def _repo(payload: Payload) -> dict[str, Any]:
    """The fields that all work on a repository carries, or an empty dict."""
    installation_id = _integer(payload.get("installation"), "id")
    repository_id = _integer(payload.get("repository"), "id")
    full_name = _at(payload, "repository", "full_name")
    if not installation_id or not repository_id or not isinstance(full_name, str):
        return {}
    owner, _, name = full_name.partition("/")
    if not _NAME.fullmatch(owner) or not _NAME.fullmatch(name):
        return {}
    return {
        "installation_id": installation_id,
        "repository_id": repository_id,
        "owner": owner,
        "name": name,
    }
