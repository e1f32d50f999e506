"""What the pages ask of GitHub on behalf of somebody who signs in."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    login: str


@dataclass(frozen=True, slots=True)
class UserToken:
    """What acts for somebody, with no more than they may. ``lifetime`` is None where GitHub gave
    none: it holds until it is revoked."""

    value: str = field(repr=False)
    lifetime: timedelta | None


class SignInRefused(Exception):
    """The code or the token is not, or no longer, good. Sign in again."""


class People(Protocol):
    """Every method may raise HubUnavailable."""

    def sign_in_url(self, *, redirect_uri: str, state: str, challenge: str) -> str:
        """Where a browser is sent. ``challenge`` is PKCE's, by S256 (RFC 7636, 4.2)."""
        ...

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> UserToken:
        """Raises SignInRefused: the code is used, expired, or another's."""
        ...

    async def fetch_person(self, token: UserToken) -> Person:
        """Raises SignInRefused."""
        ...

    async def fetch_readable(self, token: UserToken) -> frozenset[int]:
        """Ids of the App's repositories that the person may read; what could not be read is not
        among them. Raises SignInRefused."""
        ...

    async def revoke(self, token: UserToken) -> None:
        """It acts for nobody from now on; one that is not good any more is no error."""
        ...
