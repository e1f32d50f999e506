"""Records as GitHub's REST answers and webhook payloads show them: people, Apps, repositories,
commits. Field names are GitHub's own (https://docs.github.com/rest)."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from bot.sandbox.model import FOLDED_PERMISSION, Account, App, Installation, Json, Repository
from bot.sandbox.objects import CommitObject, FileDiff, Signature

_REPOSITORY_LINKS: Final = (
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
)
_USER_LINKS: Final = (
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe_stamp(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def git_stamp(signature: Signature) -> str:
    return stamp(datetime.fromtimestamp(signature.seconds, UTC))


def node_id(prefix: str, number: int | str) -> str:
    packed = base64.urlsafe_b64encode(f"{prefix}{number}".encode()).decode().rstrip("=")
    return f"{prefix}_kw{packed}"


def object_id(repository: Repository, kind: str, oid: str) -> str:
    """The node id of a git object: of the repository that it is seen in, too."""
    return node_id(kind[0].upper(), f"{repository.id}:{oid}")


def read_object_id(given: str) -> tuple[int, str] | None:
    """The repository's id and the object's, of what ``object_id`` made; None for another id."""
    prefix, _, packed = given.partition("_kw")
    try:
        plain = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except ValueError:
        return None
    repository, _, oid = plain.removeprefix(prefix).partition(":")
    return (int(repository), oid) if repository.isdigit() and oid else None


class Shapes:
    """``base`` is the address the sandbox answers at: for the API and for the pages."""

    def __init__(self, account_of_email: Callable[[str], Account | None]) -> None:
        self.base = "http://sandbox.invalid"
        self._account_of_email = account_of_email
        self._users: dict[tuple[int, str, str], Json] = {}

    def user(self, account: Account | None) -> Json | None:
        return None if account is None else self.account(account)

    def account(self, account: Account) -> Json:
        key = (account.id, account.login, self.base)
        if key not in self._users:
            url = f"{self.base}/users/{quote(account.login)}"
            path = f"apps/{account.login.removesuffix('[bot]')}"
            self._users[key] = {
                "login": account.login,
                "id": account.id,
                "node_id": node_id({"User": "U", "Bot": "BOT"}.get(account.kind, "O"), account.id),
                "avatar_url": f"{self.base}/_sandbox/avatars/{account.id}",
                "gravatar_id": "",
                "url": url,
                "html_url": f"{self.base}/{path if account.kind == 'Bot' else account.login}",
                **{name: url + path for name, path in _USER_LINKS},
                "type": account.kind,
                "user_view_type": "public",
                "site_admin": False,
            }
        return self._users[key]

    def own_account(self, account: Account) -> Json:
        """``GET /user``: the public profile."""
        return self.account(account) | {
            "name": account.name or None,
            "company": None,
            "blog": "",
            "location": None,
            "email": account.email or None,
            "hireable": None,
            "bio": None,
            "twitter_username": None,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": stamp(account.created_at),
            "updated_at": stamp(account.created_at),
        }

    def app(self, app: App) -> Json:
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": node_id("A", app.id),
            "client_id": app.client_id,
            "owner": self.account(app.owner),
            "name": app.name,
            "description": app.description,
            "external_url": app.external_url,
            "html_url": f"{self.base}/apps/{app.slug}",
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "permissions": dict(app.permissions),
            "events": list(app.events),
        }

    def installation(self, installation: Installation) -> Json:
        api = self.base
        return {
            "id": installation.id,
            "client_id": installation.app.client_id,
            "account": self.account(installation.account),
            "repository_selection": installation.selection,
            "access_tokens_url": f"{api}/app/installations/{installation.id}/access_tokens",
            "repositories_url": f"{api}/installation/repositories",
            "html_url": f"{api}/settings/installations/{installation.id}",
            "app_id": installation.app.id,
            "app_slug": installation.app.slug,
            "target_id": installation.account.id,
            "target_type": installation.account.kind,
            "permissions": dict(installation.permissions),
            "events": list(installation.events),
            "created_at": stamp(installation.created_at),
            "updated_at": stamp(installation.updated_at),
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_by": self.user(installation.suspended_by),
            "suspended_at": maybe_stamp(installation.suspended_at),
        }

    def repository_url(self, repository: Repository) -> str:
        return f"{self.base}/repos/{repository.full_name}"

    def minimal_repository(self, repository: Repository) -> Json:
        url = self.repository_url(repository)
        return {
            "id": repository.id,
            "node_id": node_id("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.private,
            "owner": self.account(repository.owner),
            "html_url": f"{self.base}/{repository.full_name}",
            "description": repository.description,
            "fork": repository.parent is not None,
            "url": url,
            **{name: url + path for name, path in _REPOSITORY_LINKS},
        }

    def repository(self, repository: Repository) -> Json:
        """As it stands inside other answers and in webhook payloads."""
        web = f"{self.base}/{repository.full_name}"
        settings = repository.settings
        open_pulls = sum(pull.closed_at is None for pull in repository.pulls.values())
        return self.minimal_repository(repository) | {
            "clone_url": f"{web}.git",
            "git_url": f"git:{web.partition(':')[2]}.git",
            "ssh_url": f"git@sandbox:{repository.full_name}.git",
            "svn_url": web,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            "topics": [],
            "forks": 0,
            "forks_count": 0,
            "stargazers_count": 0,
            "watchers": 0,
            "watchers_count": 0,
            "size": 1,
            "default_branch": repository.default_branch,
            "open_issues": open_pulls,
            "open_issues_count": open_pulls,
            "is_template": False,
            "has_issues": True,
            "has_projects": True,
            "has_wiki": True,
            "has_pages": False,
            "has_downloads": True,
            "has_discussions": False,
            "archived": repository.archived,
            "disabled": False,
            "visibility": "private" if repository.private else "public",
            "pushed_at": stamp(repository.pushed_at),
            "created_at": stamp(repository.created_at),
            "updated_at": stamp(repository.updated_at),
            "allow_forking": settings.allow_forking,
            "web_commit_signoff_required": settings.web_commit_signoff_required,
        }

    def full_repository(self, repository: Repository, viewer: str, *, full: bool) -> Json:
        """``GET /repos/{owner}/{repo}``; ``viewer`` is the asker's role. The merge settings are
        given to those who may push, or to an App with write access to the contents."""
        settings = repository.settings
        shown = self.repository(repository) | {
            "permissions": permissions_of(viewer),
            "network_count": 0,
            "subscribers_count": 0,
            "temp_clone_token": "",
        }
        if full:
            shown |= {
                "allow_squash_merge": settings.allow_squash_merge,
                "allow_merge_commit": settings.allow_merge_commit,
                "allow_rebase_merge": settings.allow_rebase_merge,
                "allow_auto_merge": settings.allow_auto_merge,
                "allow_update_branch": settings.allow_update_branch,
                "delete_branch_on_merge": settings.delete_branch_on_merge,
                "use_squash_pr_title_as_default": (
                    settings.squash_merge_commit_title == "PR_TITLE"
                ),
                "squash_merge_commit_title": settings.squash_merge_commit_title,
                "squash_merge_commit_message": settings.squash_merge_commit_message,
                "merge_commit_title": settings.merge_commit_title,
                "merge_commit_message": settings.merge_commit_message,
            }
        if repository.owner.kind == "Organization":
            shown["organization"] = self.account(repository.owner)
        if repository.parent is not None:
            shown["parent"] = self.repository(repository.parent)
            shown["source"] = self.repository(repository.parent)
        return shown

    def git_person(self, signature: Signature) -> Json:
        return {"name": signature.name, "email": signature.email, "date": git_stamp(signature)}

    def commit(self, repository: Repository, commit: CommitObject) -> Json:
        """A commit as the list endpoints give it."""
        url = self.repository_url(repository)
        web = f"{self.base}/{repository.full_name}/commit"
        return {
            "sha": commit.oid,
            "node_id": object_id(repository, "commit", commit.oid),
            "commit": {
                "author": self.git_person(commit.author),
                "committer": self.git_person(commit.committer),
                "message": commit.message.rstrip("\n"),
                "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
                "url": f"{url}/git/commits/{commit.oid}",
                "comment_count": 0,
                "verification": unsigned(),
            },
            "url": f"{url}/commits/{commit.oid}",
            "html_url": f"{web}/{commit.oid}",
            "comments_url": f"{url}/commits/{commit.oid}/comments",
            "author": self.user(self._account_of_email(commit.author.email)),
            "committer": self.user(self._account_of_email(commit.committer.email)),
            "parents": [
                {"sha": oid, "url": f"{url}/commits/{oid}", "html_url": f"{web}/{oid}"}
                for oid in commit.parents
            ],
        }

    def git_commit(self, repository: Repository, commit: CommitObject) -> Json:
        """A commit as the Git database endpoints give it."""
        url = self.repository_url(repository)
        web = f"{self.base}/{repository.full_name}/commit"
        return {
            "sha": commit.oid,
            "node_id": object_id(repository, "commit", commit.oid),
            "url": f"{url}/git/commits/{commit.oid}",
            "html_url": f"{web}/{commit.oid}",
            "author": self.git_person(commit.author),
            "committer": self.git_person(commit.committer),
            "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
            "message": commit.message.rstrip("\n"),
            "parents": [
                {"sha": oid, "url": f"{url}/git/commits/{oid}", "html_url": f"{web}/{oid}"}
                for oid in commit.parents
            ],
            "verification": unsigned(),
        }

    def simple_commit(self, commit: CommitObject) -> Json:
        """The head commit inside suites and merge groups."""
        return {
            "id": commit.oid,
            "tree_id": commit.tree,
            "message": commit.message.rstrip("\n"),
            "timestamp": git_stamp(commit.author),
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        }

    def pushed_commit(
        self, repository: Repository, commit: CommitObject, files: tuple[FileDiff, ...]
    ) -> Json:
        """A commit inside a push event."""

        def person(signature: Signature) -> Json:
            account = self._account_of_email(signature.email)
            known = {"username": account.login} if account is not None else {}
            return {
                "name": signature.name, "email": signature.email, "date": git_stamp(signature)
            } | known  # fmt: skip

        def paths(*statuses: str) -> list[str]:
            return [file.path for file in files if file.status in statuses]

        return self.simple_commit(commit) | {
            "distinct": True,
            "url": f"{self.base}/{repository.full_name}/commit/{commit.oid}",
            "author": person(commit.author),
            "committer": person(commit.committer),
            "added": paths("added", "renamed"),
            "removed": paths("removed"),
            "modified": paths("modified"),
        }

    def file(self, repository: Repository, ref: str, diff: FileDiff) -> Json:
        """A file of a comparison or a pull request."""
        path = quote(diff.path)
        web = f"{self.base}/{repository.full_name}"
        shown: Json = {
            "sha": None if diff.status == "removed" else diff.oid,
            "filename": diff.path,
            "status": diff.status,
            "additions": diff.additions,
            "deletions": diff.deletions,
            "changes": diff.additions + diff.deletions,
            "blob_url": f"{web}/blob/{ref}/{path}",
            "raw_url": f"{web}/raw/{ref}/{path}",
            "contents_url": f"{self.repository_url(repository)}/contents/{path}?ref={ref}",
        }
        if diff.previous_path is not None:
            shown["previous_filename"] = diff.previous_path
        return shown


def permissions_of(role: str) -> dict[str, bool]:
    """The five flags that GitHub gives of a role."""
    order = ("pull", "triage", "push", "maintain", "admin")
    level = {"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}.get(role, 0)
    return {name: level > index for index, name in reversed(list(enumerate(order)))}


def folded(role: str) -> str:
    return FOLDED_PERMISSION.get(role, "read")


def unsigned() -> Json:
    return {
        "verified": False,
        "reason": "unsigned",
        "signature": None,
        "payload": None,
        "verified_at": None,
    }


def avatar(account_id: int) -> str:
    """A quiet SVG picture, the same for the same account."""
    hue = int(hashlib.sha256(str(account_id).encode()).hexdigest()[:4], 16) % 360
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<rect width="40" height="40" fill="hsl({hue} 45% 82%)"/>'
        f'<circle cx="20" cy="16" r="7" fill="hsl({hue} 45% 38%)"/>'
        f'<path d="M6 40a14 12 0 0 1 28 0z" fill="hsl({hue} 45% 38%)"/></svg>'
    )
