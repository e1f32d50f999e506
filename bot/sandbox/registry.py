"""Repositories, and who may do what in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.sandbox.errors import custom_invalid
from bot.sandbox.git import GitHost
from bot.sandbox.installing import Installing
from bot.sandbox.model import Account, Json, Repository, RepositorySettings, Role, Team
from bot.sandbox.objects import Change, NewCommit
from bot.sandbox.webhooks import organization_of

_BUILT_IN_ROLES: Final = frozenset({"read", "triage", "write", "maintain", "admin"})


class Registry(Installing):
    """Who and what there is. Every change of it is one call, and emits what GitHub emits."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.teams: dict[tuple[int, str], Team] = {}
        """By the organisation's id and the slug."""
        self.renamed: dict[str, int] = {}
        """Lower-case former full names; a new repository of that name takes it over."""
        self.git_host = GitHost(folder)
        self._by_name: dict[str, Repository] = {}

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

    def delete_account(self, account: Account) -> None:
        """What it wrote stays, with null as its author; commits belong to nobody."""
        self._forget_account(account)
        for repository in self.repositories.values():
            repository.roles.pop(account.id, None)
            for pull in repository.pulls.values():
                if pull.author is account:
                    pull.author = None
            for comment in repository.comments.values():
                if comment.author is account:
                    comment.author = None
