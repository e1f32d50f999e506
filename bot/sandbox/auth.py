"""Who asks, and what they may: App JWTs, installation tokens and user tokens.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import jwt

from bot.sandbox.errors import ApiError, bad_credentials, custom_invalid
from bot.sandbox.model import Account, App, Installation
from bot.sandbox.registry import Registry

TOKEN_LIFETIME: Final = timedelta(hours=1)
_JWT_LIFETIME_SECONDS: Final = 600
_CLOCK_SKEW_SECONDS: Final = 60
_LEVELS: Final = {"": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Principal:
    kind: Literal["anonymous", "app", "installation", "user"]
    limit_key: str
    """Whose rate limit a request counts against."""
    app: App | None = None
    installation: Installation | None = None
    account: Account | None = None
    permissions: Mapping[str, str] | None = None
    repository_ids: frozenset[int] | None = None
    """The repositories a token was narrowed to; None for all of the installation's."""

    @property
    def writes_as(self) -> Account | None:
        return self.app.bot if self.kind == "installation" and self.app else self.account

    @property
    def ruled_as(self) -> App | None:
        """The App that rulesets may let pass; a person is none."""
        return self.app if self.kind == "installation" else None

    @property
    def is_bounded(self) -> bool:
        """Whether it may only what ``permissions`` says."""
        return self.kind == "installation" or self.permissions is not None

    def may(self, needs: str) -> bool:
        """``needs`` is ``permission:level``, alternatives apart by ``|``; empty asks nothing."""
        granted = self.permissions or {}
        for need in needs.split("|"):
            name, _, level = need.partition(":")
            implied = "read" if name == "metadata" else ""
            if _LEVELS[granted.get(name, implied)] >= _LEVELS[level]:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    expires_at: datetime | None
    principal: Principal


class Tokens:
    def __init__(self, world: Registry) -> None:
        self._world = world
        self._tokens: dict[str, Token] = {}

    def for_installation(
        self,
        installation: Installation,
        *,
        permissions: Mapping[str, str] | None = None,
        repository_ids: Sequence[int] | None = None,
    ) -> Token:
        """A token for an hour. Raises ApiError (422) when more is asked for than was granted."""
        granted = installation.permissions
        wanted = dict(granted if permissions is None else permissions)
        for name, level in wanted.items():
            if _LEVELS.get(level, 9) > _LEVELS[granted.get(name, "")]:
                raise ApiError(
                    422, "The permissions requested are not granted to this installation."
                )
        if repository_ids is not None:
            covered = {r.id for r in self._world.repositories_of(installation)}
            if not covered.issuperset(repository_ids):
                raise custom_invalid(
                    "Repository", "There is at least one repository that does not exist or is not "
                    "accessible to the parent installation.",
                )  # fmt: skip
        principal = Principal(
            "installation",
            f"installation ID {installation.id}",
            app=installation.app,
            installation=installation,
            permissions={**wanted, "metadata": "read"},
            repository_ids=None if repository_ids is None else frozenset(repository_ids),
        )
        expires_at = self._world.now() + TOKEN_LIFETIME
        return self._issue("ghs_", principal, expires_at)

    def for_user(
        self,
        account: Account,
        *,
        app: App | None = None,
        permissions: Mapping[str, str] | None = None,
    ) -> Token:
        """A token that acts as a person; with ``app``, one that the App got by OAuth; with
        ``permissions``, a fine-grained one, which may no more than those."""
        granted = None if permissions is None else {**permissions, "metadata": "read"}
        principal = Principal(
            "user", f"user ID {account.id}", app=app, account=account, permissions=granted
        )
        prefix = "ghu_" if app else "ghp_" if granted is None else "github_pat_"
        return self._issue(prefix, principal, None)

    def _issue(self, prefix: str, principal: Principal, expires_at: datetime | None) -> Token:
        token = Token(prefix + secrets.token_hex(18), expires_at, principal)
        self._tokens[token.value] = token
        return token

    def revoke(self, value: str) -> None:
        self._tokens.pop(value, None)

    def revoke_all(self) -> None:
        """As after a leak: every token has to be minted anew."""
        self._tokens.clear()

    def identify(self, authorization: str, address: str) -> Principal:
        """Raises ApiError (401, or 403 for a suspended installation)."""
        if not authorization:
            return Principal("anonymous", address)
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() not in ("bearer", "token") or not value:
            raise bad_credentials()
        if value.count(".") == 2:
            return self._app(value)
        token = self._tokens.get(value)
        if token is None:
            raise bad_credentials()
        if token.expires_at is not None and token.expires_at <= self._world.now():
            raise bad_credentials()
        installation = token.principal.installation
        if installation is not None:
            if installation.id not in self._world.installations:
                raise bad_credentials()
            if installation.suspended_at is not None:
                raise ApiError(403, "This installation has been suspended")
        return token.principal

    def _app(self, value: str) -> Principal:
        undecodable = ApiError(401, "A JSON web token could not be decoded")
        try:
            claims = jwt.decode(value, options={"verify_signature": False})
            issuer = str(claims["iss"])
            issued, expires = int(claims["iat"]), int(claims["exp"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise undecodable from None
        app = next(
            (a for a in self._world.apps.values() if issuer in (str(a.id), a.client_id)), None
        )
        if app is None:
            raise ApiError(404, "Integration not found")
        try:
            jwt.decode(
                value,
                app.public_key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except jwt.PyJWTError:
            raise undecodable from None
        now = self._world.clock().timestamp()
        if expires < now:
            raise ApiError(
                401, "'Expiration time' claim ('exp') must be a numeric value representing the "
                "future time at which the assertion expires",
            )  # fmt: skip
        if expires > now + _JWT_LIFETIME_SECONDS + _CLOCK_SKEW_SECONDS:
            raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
        if issued > now + _CLOCK_SKEW_SECONDS:
            raise ApiError(
                401, "'Issued at' claim ('iat') must be an Integer representing the time that the "
                "assertion was issued",
            )  # fmt: skip
        return Principal("app", f"app ID {app.id}", app=app)
