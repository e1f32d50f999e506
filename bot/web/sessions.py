"""Cookies that only the bot can read or make: sealed with AES-GCM, bound to one address.

Nothing of a session is kept on the server, so that every web process can read it. Rules: OWASP
Session Management Cheat Sheet; RFC 6265bis for the ``__Host-`` prefix.
"""

import base64
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.requests import HTTPConnection
from starlette.responses import Response

from bot.ports import Clock

T = TypeVar("T")

SESSION_FOR = timedelta(hours=8)
SIGN_IN_FOR = timedelta(minutes=10)
_NONCE = 12
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in. ``token`` acts for them at GitHub."""

    id: int
    login: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that has begun: what must come back, what proves that it is ours, where to go."""

    state: str
    verifier: str = field(repr=False)
    next: str


class Sessions:
    """``public_url`` is where people reach the pages: a cookie of another address counts for
    nothing, also where it was sealed with the same key."""

    def __init__(self, key: bytes, public_url: str, clock: Clock) -> None:
        parts = urlsplit(public_url)
        self.origin = f"{parts.scheme}://{parts.netloc}".lower()
        self._host = parts.netloc.lower()
        self._secure = parts.scheme == "https"
        self._clock = clock
        self._aead = AESGCM(_derived(key, b"lockgate cookies"))
        self._forms = _derived(key, b"lockgate forms")
        # A name that begins like this is taken over TLS only, and from this very host.
        prefix = "__Host-" if self._secure else ""
        self.session_cookie = f"{prefix}lockgate"
        self.sign_in_cookie = f"{prefix}lockgate-sign-in"

    def at_home(self, request: HTTPConnection) -> bool:
        """Whether the request was sent to the address that cookies are bound to."""
        return request.headers.get("host", "").lower() == self._host

    def session(self, request: HTTPConnection) -> Session | None:
        found = self._open(request, self.session_cookie)
        return _made(Session, found)

    def sign_in(self, request: HTTPConnection) -> SignIn | None:
        found = self._open(request, self.sign_in_cookie)
        return _made(SignIn, found)

    def begin(self, response: Response, sign_in: SignIn) -> None:
        self._set(response, self.sign_in_cookie, asdict(sign_in), SIGN_IN_FOR)

    def keep(self, response: Response, session: Session, lifetime: timedelta) -> None:
        self.drop(response, self.sign_in_cookie)
        self._set(response, self.session_cookie, asdict(session), lifetime)

    def drop(self, response: Response, cookie: str) -> None:
        response.delete_cookie(cookie, path="/", secure=self._secure, httponly=True, samesite="lax")

    def form_token(self, request: HTTPConnection) -> str:
        """What a form of this session must bring along; another session's is another."""
        cookie = request.cookies.get(self.session_cookie, "")
        return hmac.new(self._forms, cookie.encode(), sha256).hexdigest()

    def _set(
        self, response: Response, cookie: str, content: dict[str, Any], lifetime: timedelta
    ) -> None:
        until = self._clock.now() + lifetime
        sealed = self._seal(cookie, {**content, "until": until.timestamp()})
        response.set_cookie(
            cookie,
            sealed,
            max_age=int(lifetime.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def _seal(self, cookie: str, content: dict[str, Any]) -> str:
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._aead.encrypt(nonce, json.dumps(content).encode(), self._bound_to(cookie))
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def _open(self, request: HTTPConnection, cookie: str) -> dict[str, Any] | None:
        """None for what is missing, forged, tampered with, of another address, or too old."""
        sealed = request.cookies.get(cookie, "")
        if not sealed or len(sealed) > _LONGEST or not self.at_home(request):
            return None
        try:
            raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            opened = self._aead.decrypt(raw[:_NONCE], raw[_NONCE:], self._bound_to(cookie))
            content: dict[str, Any] = json.loads(opened)
            until = datetime.fromtimestamp(content.pop("until"), UTC)
        except (ValueError, InvalidTag, KeyError):
            return None
        return content if self._clock.now() < until else None

    def _bound_to(self, cookie: str) -> bytes:
        return f"{cookie} {self.origin}".encode()


def _made(kind: type[T], content: dict[str, Any] | None) -> T | None:
    """None also for a cookie of another release, which had other fields."""
    try:
        return None if content is None else kind(**content)
    except TypeError:
        return None


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)
