"""Who the bot is to GitHub: the App's JWT, and one token per installation.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from functools import lru_cache

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.ports import Clock

_JWT_LIFE = timedelta(minutes=9)
"""GitHub accepts ten minutes at most; the rest is for clocks that differ."""
_JWT_BACKDATED = timedelta(seconds=60)
_RENEW_BEFORE = timedelta(minutes=5)
"""A token is renewed this long before it expires, so that none expires under way."""


@lru_cache(maxsize=4)
def _read_key(pem: str) -> RSAPrivateKey:
    """Once for all that sign with it: proving that it is a sound one takes 40 ms."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("a GitHub App's private key is an RSA key")  # noqa: TRY004
    return key


class Bearer(httpx.Auth):
    """A credential that shows itself to nobody but the request it is put on."""

    def __init__(self, value: str, expires_at: datetime) -> None:
        self._value = value
        self.expires_at = expires_at

    def __repr__(self) -> str:
        return f"Bearer(********, expires_at={self.expires_at.isoformat()})"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._value}"
        yield request


class AppAuth:
    """Signs the App's JWT, and signs a new one when the last is about to expire."""

    def __init__(self, app_id: int, private_key: str, clock: Clock) -> None:
        """Take the App's id and its private key as PEM.

        Raises:
            ValueError: the key is not an RSA private key.
        """
        self.app_id = app_id
        self._key = _read_key(private_key)
        self._clock = clock
        self._bearer: Bearer | None = None

    def bearer(self) -> Bearer:
        now = self._clock.now()
        if self._bearer is None or self._bearer.expires_at - now < timedelta(minutes=1):
            expires_at = now + _JWT_LIFE
            claims = {
                "iat": int((now - _JWT_BACKDATED).timestamp()),
                "exp": int(expires_at.timestamp()),
                "iss": str(self.app_id),
            }
            self._bearer = Bearer(jwt.encode(claims, self._key, algorithm="RS256"), expires_at)
        return self._bearer


class InstallationTokens:
    """One token per installation: minted once however many ask, reused until it nears its end."""

    def __init__(self, mint: Callable[[int], Awaitable[Bearer]], clock: Clock) -> None:
        self._mint = mint
        self._clock = clock
        self._tokens: dict[int, Bearer] = {}
        self._minting: dict[int, asyncio.Task[Bearer]] = {}

    async def get(self, installation: int) -> Bearer:
        """The token to use now.

        Raises:
            HubUnavailable, HubGone, HubRefused: GitHub gave none.
        """
        token = self._tokens.get(installation)
        if token is not None and token.expires_at - self._clock.now() > _RENEW_BEFORE:
            return token
        task = self._minting.get(installation)
        if task is None:
            task = asyncio.create_task(self._renew(installation))
            # Were all callers cancelled, nobody would take a failure from it.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._minting[installation] = task
        # Shielded: a caller that is cancelled must not take the token from the others.
        return await asyncio.shield(task)

    def drop(self, installation: int, token: Bearer) -> None:
        """Forget a token that GitHub no longer takes, unless it was replaced already."""
        if self._tokens.get(installation) is token:
            del self._tokens[installation]

    async def _renew(self, installation: int) -> Bearer:
        try:
            token = await self._mint(installation)
            self._tokens[installation] = token
            return token
        finally:
            del self._minting[installation]
