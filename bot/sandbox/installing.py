"""Apps, and what they are installed on."""

import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.sandbox.accounts import Accounts
from bot.sandbox.model import Account, App, Hook, Installation, Json, Repository
from bot.sandbox.shapes import node_id
from bot.sandbox.shapes_pulls import PullShapes
from bot.sandbox.webhooks import Hooks

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


class Installing(Accounts):
    def __init__(self) -> None:
        super().__init__()
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[int, Repository] = {}
        self.shapes = PullShapes(self.account_of_email)
        self.hooks = Hooks(self.now, self.installations, self.next_id)

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
