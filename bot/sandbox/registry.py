"""Accounts, Apps, installations and repositories."""

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.sandbox.errors import custom_invalid
from bot.sandbox.git import Change, GitHost, NewCommit, Signature
from bot.sandbox.model import (
    Account,
    AccountKind,
    App,
    Hook,
    Installation,
    Json,
    Repository,
    RepositorySettings,
    Role,
    Team,
)
from bot.sandbox.shapes import node_id
from bot.sandbox.shapes_pulls import PullShapes
from bot.sandbox.webhooks import Hooks, organization_of

APP_PERMISSIONS: Final = {
    "checks": "write",
    "contents": "write",
    "deployments": "write",
    "issues": "write",
    "members": "read",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
}
APP_EVENTS: Final = (
    "check_run",
    "check_suite",
    "deployment_status",
    "issue_comment",
    "merge_group",
    "pull_request",
    "push",
    "release",
    "repository",
    "repository_dispatch",
    "status",
)
# https://docs.github.com/webhooks/webhook-events-and-payloads: each needs this permission
EVENT_PERMISSIONS: Final = {
    "check_run": "checks",
    "check_suite": "checks",
    "create": "contents",
    "delete": "contents",
    "deployment": "deployments",
    "deployment_status": "deployments",
    "issue_comment": "issues",
    "merge_group": "merge_queues",
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "push": "contents",
    "release": "contents",
    "repository": "metadata",
    "repository_dispatch": "contents",
    "status": "statuses",
}
_BUILT_IN_ROLES: Final = frozenset({"read", "triage", "write", "maintain", "admin"})


@cache
def _shared_key() -> tuple[str, str]:
    """One key pair a process: to make one takes longer than most tests."""
    return new_key()


def new_key() -> tuple[str, str]:
    """A fresh RSA key pair as PEM: private, public."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


class Registry:
    """Who and what there is. Every change of it is one call, and emits what GitHub emits."""

    def __init__(self, folder: Path) -> None:
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.accounts: dict[int, Account] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[int, Repository] = {}
        self.teams: dict[tuple[int, str], Team] = {}
        """By the organisation's id and the slug."""
        self.renamed: dict[str, int] = {}
        """Lower-case former full names; a new repository of that name takes it over."""
        self.git_host = GitHost(folder)
        self.shapes = PullShapes(self.account_of_email)
        self.hooks = Hooks(self.now, self.installations, self.next_id)
        self._by_login: dict[str, Account] = {}
        self._by_email: dict[str, Account] = {}
        self._by_name: dict[str, Repository] = {}
        self._ids: dict[str, Iterator[int]] = {}

    def now(self) -> datetime:
        return self.clock().replace(microsecond=0)

    def next_id(self, kind: str) -> int:
        """Ids are unique over all kinds, and of the size of GitHub's."""
        start = {
            "user": 9_100_001,
            "app": 410_001,
            "installation": 52_000_001,
            "repository": 710_000_001,
            "pull": 1_900_000_001,
            "comment": 2_100_000_001,
            "check_suite": 31_000_000_001,
            "check_run": 28_000_000_001,
            "delivery": 190_000_000_001,
        }.get(kind, 4_000_001)
        return next(self._ids.setdefault(kind, itertools.count(start, 2)))

    # accounts

    def user(self, login: str, *, name: str = "", email: str = "") -> Account:
        """The account of that login, made on first use."""
        return self._account(login, "User", name, email)

    def organization(self, login: str) -> Account:
        return self._account(login, "Organization", "", "")

    def bot_user(self, login: str) -> Account:
        """A bot that is no App of this sandbox, as ``dependabot[bot]``."""
        return self._account(login, "Bot", "", "")

    def _account(self, login: str, kind: AccountKind, name: str, email: str) -> Account:
        known = self._by_login.get(login.lower())
        if known is None:
            known = Account(self.next_id("user"), login, kind, self.now(), name or login)
            known.email = email or known.noreply
            self.accounts[known.id] = known
            self._by_login[login.lower()] = known
            self._by_email[known.email.lower()] = known
            self._by_email[known.noreply.lower()] = known
        return known

    def find_account(self, login: str) -> Account | None:
        return self._by_login.get(login.lower())

    def account_of_email(self, email: str) -> Account | None:
        return self._by_email.get(email.lower())

    def signature(self, account: Account | None) -> Signature:
        seconds = int(self.now().timestamp())
        if account is None:
            return Signature("ghost", "ghost@example.invalid", seconds)
        return Signature(account.name or account.login, account.email, seconds)

    def delete_account(self, account: Account) -> None:
        """What it wrote stays, with null as its author; commits belong to nobody."""
        self.accounts.pop(account.id, None)
        self._by_login.pop(account.login.lower(), None)
        for email in (account.email, account.noreply):
            self._by_email.pop(email.lower(), None)
        for repository in self.repositories.values():
            repository.roles.pop(account.id, None)
            for pull in repository.pulls.values():
                if pull.author is account:
                    pull.author = None
            for comment in repository.comments.values():
                if comment.author is account:
                    comment.author = None

    # Apps

    def create_app(
        self,
        slug: str,
        *,
        owner: str = "lockgate-hq",
        name: str = "",
        permissions: Mapping[str, str] | None = None,
        events: Sequence[str] | None = None,
        webhook_url: str = "",
        webhook_secret: str = "",
        fresh_key: bool = False,
    ) -> App:
        private, public = new_key() if fresh_key else _shared_key()
        app_id = self.next_id("app")
        app = App(
            id=app_id,
            slug=slug,
            name=name or slug.capitalize(),
            owner=self.find_account(owner) or self.organization(owner),
            bot=self.bot_user(f"{slug}[bot]"),
            permissions=dict(APP_PERMISSIONS if permissions is None else permissions),
            events=list(APP_EVENTS if events is None else events),
            hook=Hook(webhook_url, webhook_secret, active=bool(webhook_url)),
            private_key=private,
            public_key=public,
            client_id=f"Iv23li{app_id:014d}",
            client_secret=secrets.token_hex(20),
            created_at=self.now(),
        )
        self.apps[app.id] = app
        return app

    def install(
        self,
        app: App,
        account: Account,
        *,
        repositories: Sequence[Repository] | None = None,
        by: Account | None = None,
    ) -> Installation:
        """Install on all repositories of an account, or on the ones given."""
        selection: Literal["all", "selected"] = "all" if repositories is None else "selected"
        now = self.now()
        installation = Installation(
            id=self.next_id("installation"),
            app=app,
            account=account,
            selection=selection,
            repository_ids={repository.id for repository in repositories or ()},
            permissions=dict(app.permissions),
            events=list(app.events),
            created_at=now,
            updated_at=now,
        )
        self.installations[installation.id] = installation
        self._installation_event("created", installation, by)
        return installation

    def uninstall(self, installation: Installation, *, by: Account | None = None) -> None:
        self._installation_event("deleted", installation, by)
        del self.installations[installation.id]

    def suspend(self, installation: Installation, *, by: Account | None = None) -> None:
        installation.suspended_at = self.now()
        installation.suspended_by = by or self._owner_of(installation.account)
        self._installation_event("suspend", installation, by)

    def unsuspend(self, installation: Installation, *, by: Account | None = None) -> None:
        installation.suspended_at = installation.suspended_by = None
        self._installation_event("unsuspend", installation, by)

    def accept_permissions(self, installation: Installation, *, by: Account | None = None) -> None:
        """Take over what the App asks for by now."""
        installation.permissions = dict(installation.app.permissions)
        installation.events = list(installation.app.events)
        self._installation_event("new_permissions_accepted", installation, by)

    def select_repositories(
        self,
        installation: Installation,
        *,
        add: Sequence[Repository] = (),
        remove: Sequence[Repository] = (),
        by: Account | None = None,
    ) -> None:
        installation.selection = "selected"
        installation.repository_ids |= {repository.id for repository in add}
        installation.repository_ids -= {repository.id for repository in remove}
        for action, changed in (("added", add), ("removed", remove)):
            if changed:
                self._selection_event(installation, action, changed, by)

    def _selection_event(
        self,
        installation: Installation,
        action: str,
        changed: Sequence[Repository],
        by: Account | None,
    ) -> None:
        listed = [self._listed(repository) for repository in changed]
        payload: Json = {
            "action": action,
            "installation": self.shapes.installation(installation),
            "repository_selection": installation.selection,
            "repositories_added": listed if action == "added" else [],
            "repositories_removed": listed if action == "removed" else [],
            "requester": None,
            "sender": self.shapes.account(by or self._owner_of(installation.account)),
        }
        self.hooks.emit_to(installation, "installation_repositories", payload)

    def _installation_event(
        self, action: str, installation: Installation, by: Account | None
    ) -> None:
        payload: Json = {
            "action": action,
            "installation": self.shapes.installation(installation),
            "sender": self.shapes.account(by or self._owner_of(installation.account)),
        }
        if action not in ("suspend", "unsuspend"):
            covered = self.repositories_of(installation)
            payload["repositories"] = [self._listed(repository) for repository in covered]
        if action == "created":
            payload["requester"] = None
        self.hooks.emit_to(installation, "installation", payload)

    def _listed(self, repository: Repository) -> Json:
        return {
            "id": repository.id,
            "node_id": node_id("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.private,
        }

    def _owner_of(self, account: Account) -> Account:
        return account if account.kind == "User" else self.user(f"{account.login}-owner")

    def covers(self, installation: Installation, repository: Repository) -> bool:
        if installation.account is not repository.owner:
            return False
        return installation.selection == "all" or repository.id in installation.repository_ids

    def repositories_of(self, installation: Installation) -> list[Repository]:
        return [r for r in self.repositories.values() if self.covers(installation, r)]

    def installation_of(self, app: App, repository: Repository) -> Installation | None:
        for installation in self.installations.values():
            if installation.app is app and self.covers(installation, repository):
                return installation
        return None

    # repositories

    def create_repository(
        self,
        full_name: str,
        *,
        files: Mapping[str, str | bytes] | None = None,
        message: str = "chore: first commit",
        private: bool = False,
        description: str | None = None,
        by: Account | None = None,
        install: bool = True,
        **settings: bool | str,
    ) -> Repository:
        """A repository with one commit on ``main``. An owner that is not known becomes an
        organisation. With ``install``, each App that is not on the owner yet is installed on all
        its repositories. ``settings`` are fields of RepositorySettings."""
        owner_login, name = full_name.split("/")
        if full_name.lower() in self._by_name:
            raise custom_invalid("Repository", "name already exists on this account")
        owner = self.find_account(owner_login) or self.organization(owner_login)
        repository_id = self.next_id("repository")
        now = self.now()
        repository = Repository(
            id=repository_id,
            owner=owner,
            name=name,
            git=self.git_host.create(f"{repository_id}.git"),
            created_at=now,
            updated_at=now,
            pushed_at=now,
            private=private,
            description=description,
            settings=RepositorySettings(**settings),  # type: ignore[arg-type]
        )
        author = self.signature(by or self._owner_of(owner))
        content = files if files is not None else {"README.md": f"# {name}\n"}
        changes = tuple(
            Change(path, text.encode() if isinstance(text, str) else text)
            for path, text in content.items()
        )
        repository.git.write(
            [NewCommit(message + "\n", author, author, (), changes)], {"refs/heads/main": 0}
        )
        self._add(repository)
        if install:
            for app in list(self.apps.values()):
                if self.installation_of(app, repository) is None:
                    self.install(app, owner)
        return repository

    def fork(self, parent: Repository, by: Account, *, name: str = "") -> Repository:
        now = self.now()
        repository_id = self.next_id("repository")
        branches = {
            ref: oid for ref, oid in parent.git.refs.items() if ref.startswith("refs/heads/")
        }
        fork = Repository(
            id=repository_id,
            owner=by,
            name=name or parent.name,
            git=self.git_host.fork(parent.git, f"{repository_id}.git", branches),
            created_at=now,
            updated_at=now,
            pushed_at=now,
            private=parent.private,
            description=parent.description,
            default_branch=parent.default_branch,
            parent=parent,
        )
        self._add(fork)
        return fork

    def _add(self, repository: Repository) -> None:
        self.repositories[repository.id] = repository
        self._by_name[repository.full_name.lower()] = repository
        self.renamed.pop(repository.full_name.lower(), None)
        for installation in self.installations.values():
            if installation.selection == "all" and self.covers(installation, repository):
                self._selection_event(installation, "added", [repository], None)

    def find_repository(self, full_name: str, *, follow: bool = False) -> Repository | None:
        """By its present name, or with ``follow`` also by a former one."""
        found = self._by_name.get(full_name.lower())
        if found is None and follow:
            return self.repositories.get(self.renamed.get(full_name.lower(), 0))
        return found

    def rename(self, repository: Repository, name: str) -> None:
        """Or transfer, with ``owner/name``: then only Apps on the new owner are told. The former
        name leads on to it."""
        owner_login, _, new_name = name.rpartition("/")
        before, former_name = repository.owner, repository.name
        owner = self.organization(owner_login) if owner_login else before
        del self._by_name[repository.full_name.lower()]
        self.renamed[repository.full_name.lower()] = repository.id
        repository.owner, repository.name = owner, new_name
        self._by_name[repository.full_name.lower()] = repository
        if owner is not before:
            described = self.shapes.account(before)
            former = (
                {"user": described}
                if before.kind == "User"
                else {"organization": organization_of(described)}
            )
            self._repository_event("transferred", repository, {"owner": {"from": former}})
        if new_name != former_name:
            self._repository_event(
                "renamed", repository, {"repository": {"name": {"from": former_name}}}
            )

    def set_private(self, repository: Repository, private: bool) -> None:
        if private is not repository.private:
            repository.private = private
            self._repository_event("privatized" if private else "publicized", repository)

    def _repository_event(
        self, action: str, repository: Repository, changes: Json | None = None
    ) -> None:
        self.hooks.emit(
            "repository",
            lambda: {
                "action": action,
                **({"changes": changes} if changes else {}),
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(self._owner_of(repository.owner)),
            },
            repository,
            self.covers,
        )

    def delete_repository(self, repository: Repository) -> None:
        """Pull requests that came from it keep their commits and lose their ``head.repo``."""
        del self.repositories[repository.id]
        del self._by_name[repository.full_name.lower()]
        for other in self.repositories.values():
            if other.parent is repository:
                other.parent = None
            for pull in other.pulls.values():
                if pull.head_repository is repository:
                    pull.head_repository = None

    def set_role(self, repository: Repository, account: Account, role: str, base: str = "") -> None:
        """``role`` is one of GitHub's five, ``none``, or a custom one built on ``base``."""
        if role == "none":
            repository.roles.pop(account.id, None)
        else:
            repository.roles[account.id] = Role(role, role if role in _BUILT_IN_ROLES else base)

    def role_of(self, repository: Repository, account: Account) -> Role:
        if account.id == repository.owner.id:
            return Role("admin", "admin")
        if repository.owner.kind == "Organization" and account.login == (
            f"{repository.owner.login}-owner"
        ):
            return Role("admin", "admin")
        known = repository.roles.get(account.id)
        if known is not None:
            return known
        return Role("none", "none") if repository.private else Role("read", "read")
