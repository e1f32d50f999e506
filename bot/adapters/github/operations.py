"""Every request that the bot can make. A request that stands not here cannot be sent.

The REST operations bear the ids of GitHub's OpenAPI description, so that what is declared can be
compared with it and with what is exercised.
"""

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files


class Auth(StrEnum):
    """Who asks: the App itself (a JWT), the App as one installation (a token), or nobody. On the
    command line a person's own token stands in for an installation's."""

    APP = "app"
    INSTALLATION = "installation"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Operation:
    """One REST operation.

    ``task`` completes "could not …" in an error's text. ``repeatable`` says that sending it twice
    does what sending it once does, so that it may be sent again when nobody knows whether the
    first one arrived.
    """

    id: str
    method: str
    path: str
    task: str
    auth: Auth = Auth.INSTALLATION
    repeatable: bool = True

    @property
    def route(self) -> str:
        """The label of metrics and logs: no name of a repository or person in it."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Document:
    """One GraphQL document, each of them safe to repeat. ``task`` as in Operation."""

    name: str
    text: str
    task: str

    @property
    def route(self) -> str:
        return f"graphql {self.name}"


def _document(name: str, task: str) -> Document:
    text = files(__package__).joinpath("queries", f"{name}.graphql").read_text("utf-8")
    return Document(name, text, task)


GET_APP = Operation("apps/get-authenticated", "GET", "/app", "read the App", Auth.APP)
GET_HOOK_CONFIG = Operation(
    "apps/get-webhook-config-for-app",
    "GET",
    "/app/hook/config",
    "read the App's webhook settings",
    Auth.APP,
)
LIST_DELIVERIES = Operation(
    "apps/list-webhook-deliveries",
    "GET",
    "/app/hook/deliveries",
    "list the App's webhook deliveries",
    Auth.APP,
)
REDELIVER = Operation(
    "apps/redeliver-webhook-delivery",
    "POST",
    "/app/hook/deliveries/{delivery_id}/attempts",
    "ask for a webhook delivery again",
    Auth.APP,
    repeatable=False,
)
LIST_INSTALLATIONS = Operation(
    "apps/list-installations", "GET", "/app/installations", "list the installations", Auth.APP
)
CREATE_TOKEN = Operation(
    "apps/create-installation-access-token",
    "POST",
    "/app/installations/{installation_id}/access_tokens",
    "get a token for the installation",
    Auth.APP,
)
CONVERT_MANIFEST = Operation(
    "apps/create-from-manifest",
    "POST",
    "/app-manifests/{code}/conversions",
    "fetch the new App's credentials",
    Auth.NONE,
    repeatable=False,
)
GET_REPO_INSTALLATION = Operation(
    "apps/get-repo-installation",
    "GET",
    "/repos/{owner}/{repo}/installation",
    "find the installation of the repository",
    Auth.APP,
)
GET_RATE_LIMIT = Operation("rate-limit/get", "GET", "/rate_limit", "read the rate limit", Auth.NONE)
"""Counts against no limit: https://docs.github.com/rest/rate-limit/rate-limit"""
LIST_REPOSITORIES = Operation(
    "apps/list-repos-accessible-to-installation",
    "GET",
    "/installation/repositories",
    "list the repositories of the installation",
)
GET_REPO = Operation("repos/get", "GET", "/repos/{owner}/{repo}", "read the repository")
GET_PERMISSION = Operation(
    "repos/get-collaborator-permission-level",
    "GET",
    "/repos/{owner}/{repo}/collaborators/{username}/permission",
    "read a person's role",
)
COMPARE = Operation(
    "repos/compare-commits-with-basehead",
    "GET",
    "/repos/{owner}/{repo}/compare/{basehead}",
    "compare commits",
)
CREATE_CHECK = Operation(
    "checks/create",
    "POST",
    "/repos/{owner}/{repo}/check-runs",
    "create a check run",
    repeatable=False,
)
UPDATE_CHECK = Operation(
    "checks/update",
    "PATCH",
    "/repos/{owner}/{repo}/check-runs/{check_run_id}",
    "update a check run",
)
APPEND_ANNOTATIONS = Operation(
    "checks/update",
    "PATCH",
    "/repos/{owner}/{repo}/check-runs/{check_run_id}",
    "add annotations to a check run",
    repeatable=False,
)
"""The same operation with annotations, which are added to those there: never sent twice blindly."""
CREATE_COMMENT = Operation(
    "issues/create-comment",
    "POST",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "post a comment",
    repeatable=False,
)
UPDATE_COMMENT = Operation(
    "issues/update-comment",
    "PATCH",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "edit a comment",
)
DELETE_COMMENT = Operation(
    "issues/delete-comment",
    "DELETE",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "delete a comment",
)
UPDATE_PULL = Operation(
    "pulls/update",
    "PATCH",
    "/repos/{owner}/{repo}/pulls/{pull_number}",
    "edit the pull request",
)
GET_COMMENT = Operation(
    "issues/get-comment",
    "GET",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "read the comment",
)
CREATE_REACTION = Operation(
    "reactions/create-for-issue-comment",
    "POST",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "react to the comment",
)
"""Repeatable: the same reaction of the same account is one, however often it is sent."""
LIST_COMMENTS = Operation(
    "issues/list-comments",
    "GET",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "list the comments of",
)
LIST_REACTIONS = Operation(
    "reactions/list-for-issue-comment",
    "GET",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "list the reactions to the comment on",
)
GET_BRANCH = Operation(
    "repos/get-branch", "GET", "/repos/{owner}/{repo}/branches/{branch}", "read the branch"
)
LIST_BRANCH_RULES = Operation(
    "repos/get-branch-rules",
    "GET",
    "/repos/{owner}/{repo}/rules/branches/{branch}",
    "read the rules of the branch",
)
GET_TEAM_MEMBERSHIP = Operation(
    "teams/get-membership-for-user-in-org",
    "GET",
    "/orgs/{org}/teams/{team_slug}/memberships/{username}",
    "read who is in a team",
)
LIST_DEPLOYMENTS = Operation(
    "repos/list-deployments",
    "GET",
    "/repos/{owner}/{repo}/deployments",
    "list the deployments",
)
CREATE_DEPLOYMENT = Operation(
    "repos/create-deployment",
    "POST",
    "/repos/{owner}/{repo}/deployments",
    "create a deployment",
    repeatable=False,
)
CREATE_DEPLOYMENT_STATUS = Operation(
    "repos/create-deployment-status",
    "POST",
    "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
    "set the status of the deployment",
    repeatable=False,
)
GET_COMMIT = Operation(
    "repos/get-commit", "GET", "/repos/{owner}/{repo}/commits/{ref}", "read the files of the commit"
)
GET_BLOB = Operation(
    "git/get-blob", "GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", "read the file"
)
CREATE_TREE = Operation(
    "git/create-tree", "POST", "/repos/{owner}/{repo}/git/trees", "write the files of"
)
"""Repeatable: git names what it keeps by its content, so that the same tree is one."""
CREATE_COMMIT = Operation(
    "git/create-commit", "POST", "/repos/{owner}/{repo}/git/commits", "write a commit for"
)
"""Repeatable: a commit that no branch is on is nothing to anybody."""
CREATE_REF = Operation("git/create-ref", "POST", "/repos/{owner}/{repo}/git/refs", "create")
"""Repeatable: the second of two is told that the ref exists."""
MERGE_BRANCH = Operation(
    "repos/merge", "POST", "/repos/{owner}/{repo}/merges", "merge the trunk into"
)
"""Repeatable: what is merged is not merged again."""
LIST_PULLS = Operation(
    "pulls/list", "GET", "/repos/{owner}/{repo}/pulls", "list the pull requests from"
)
CREATE_PULL = Operation(
    "pulls/create", "POST", "/repos/{owner}/{repo}/pulls", "open a pull request from"
)
"""Repeatable: GitHub opens one from a branch into another, and tells the second that there is."""
GET_RELEASE = Operation(
    "repos/get-release-by-tag",
    "GET",
    "/repos/{owner}/{repo}/releases/tags/{tag}",
    "read the release",
)
LIST_RELEASES = Operation(
    "repos/list-releases", "GET", "/repos/{owner}/{repo}/releases", "list the releases of"
)
CREATE_RELEASE = Operation(
    "repos/create-release",
    "POST",
    "/repos/{owner}/{repo}/releases",
    "create the release",
    repeatable=False,
)
"""Of drafts GitHub makes as many as it is asked for."""
UPDATE_RELEASE = Operation(
    "repos/update-release",
    "PATCH",
    "/repos/{owner}/{repo}/releases/{release_id}",
    "edit the release",
)
DELETE_RELEASE = Operation(
    "repos/delete-release",
    "DELETE",
    "/repos/{owner}/{repo}/releases/{release_id}",
    "delete the second draft of",
)

OPERATIONS: tuple[Operation, ...] = (
    GET_APP,
    GET_HOOK_CONFIG,
    LIST_DELIVERIES,
    REDELIVER,
    LIST_INSTALLATIONS,
    CREATE_TOKEN,
    CONVERT_MANIFEST,
    GET_REPO_INSTALLATION,
    GET_RATE_LIMIT,
    LIST_REPOSITORIES,
    GET_REPO,
    GET_PERMISSION,
    COMPARE,
    CREATE_CHECK,
    UPDATE_CHECK,
    APPEND_ANNOTATIONS,
    CREATE_COMMENT,
    UPDATE_COMMENT,
    DELETE_COMMENT,
    UPDATE_PULL,
    GET_COMMENT,
    CREATE_REACTION,
    LIST_COMMENTS,
    LIST_REACTIONS,
    GET_BRANCH,
    LIST_BRANCH_RULES,
    GET_TEAM_MEMBERSHIP,
    LIST_DEPLOYMENTS,
    CREATE_DEPLOYMENT,
    CREATE_DEPLOYMENT_STATUS,
    GET_COMMIT,
    GET_BLOB,
    CREATE_TREE,
    CREATE_COMMIT,
    CREATE_REF,
    MERGE_BRANCH,
    LIST_PULLS,
    CREATE_PULL,
    GET_RELEASE,
    LIST_RELEASES,
    CREATE_RELEASE,
    UPDATE_RELEASE,
    DELETE_RELEASE,
)

PULL_REQUEST = _document("pull_request", "read the pull request")
PULL_REQUEST_COMMITS = _document("pull_request_commits", "read the pull request's commits")
PULL_REQUEST_COMMENTS = _document("pull_request_comments", "read the pull request's comments")
COMMIT_CHECKS = _document("commit_checks", "read the check runs of a commit")
MERGE_GROUP = _document("merge_group", "read the merge group")
MERGE_GROUPS = _document("merge_groups", "list the merge groups")
OPEN_PULLS = _document("open_pulls", "list the open pull requests")
RECENT_COMMENTS = _document("recent_comments", "read the last comments of the pull request")
PULL_FACTS = _document("pull_facts", "read the pull request")
COMMIT_BY_NAME = _document("commit_by_name", "find the commit")
TRUNK = _document("trunk", "read the default branch")
ALL_CHECKS = _document("all_checks", "read the checks of the commit")
REVIEWS = _document("reviews", "read the reviews of the pull request")
POLICY_FILES = _document("policy_files", "read the policy of")
RELEASE_LINE = _document("release_line", "read the branch and the tags of")
RELEASE_HISTORY = _document("release_history", "read the history of")
RELEASE_COMMITS = _document("release_commits", "read the commits of")
FILES_AT = _document("files_at", "read the files of")
FOLDERS_AT = _document("folders_at", "read the folders of")
BRANCH_BASE = _document("branch_base", "read the branch")
REF_TARGET = _document("ref_target", "read what is at")
MOVE_BRANCH = _document("move_branch", "move the branch")
"""Safe to repeat, though it writes: it names what the branch is to be moved from."""

DOCUMENTS: tuple[Document, ...] = (
    PULL_REQUEST,
    PULL_REQUEST_COMMITS,
    PULL_REQUEST_COMMENTS,
    COMMIT_CHECKS,
    MERGE_GROUP,
    MERGE_GROUPS,
    OPEN_PULLS,
    RECENT_COMMENTS,
    PULL_FACTS,
    COMMIT_BY_NAME,
    TRUNK,
    ALL_CHECKS,
    REVIEWS,
    POLICY_FILES,
    RELEASE_LINE,
    RELEASE_HISTORY,
    RELEASE_COMMITS,
    FILES_AT,
    FOLDERS_AT,
    BRANCH_BASE,
    REF_TARGET,
    MOVE_BRANCH,
)
