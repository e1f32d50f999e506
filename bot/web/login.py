"""Signing in with GitHub, and what those who have signed in may see.

The App's OAuth web flow with state and PKCE (RFC 6749, RFC 7636, RFC 9700). It tells who somebody
is and what they may read; whatever changes something is done in pull requests.
"""

import asyncio
import base64
import hmac
import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import parse_qs, quote
from weakref import WeakValueDictionary

import structlog
from cachetools import TTLCache
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.engine.app_manifest import SIGN_IN_PATH
from bot.ports import Clock, HubUnavailable
from bot.ports.operations import AuditEntry, AuditLog
from bot.ports.people import People, SignInRefused, UserToken
from bot.web.pages.failures import FailureView
from bot.web.pages.pages import Page, Site, render
from bot.web.sessions import SESSION_FOR, Session, Sessions, SignIn
from bot.web.viewer import PublicOnly, Reader, Repository

log = structlog.get_logger()

ASK_AGAIN_SECONDS = 60
"""How long an answer of GitHub's on what somebody may read is taken for true."""
_FAILED_SECONDS = 5
_PEOPLE = 10_000
_LONGEST_NEXT = 512
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""Printable ASCII without a backslash: browsers take ``/\\host`` and ``//host`` for a host."""
_LONGEST_FORM = 4096
_CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")


class SignedIn:
    """A viewer who knows people: public repositories, those that GitHub says somebody can read,
    and for operators what belongs to all repositories."""

    def __init__(
        self, sessions: Sessions, people: People, clock: Clock, operators: frozenset[int]
    ) -> None:
        self._sessions = sessions
        self._people = people
        self._operators = operators

        def seconds() -> float:
            return clock.now().timestamp()

        self._known: TTLCache[str, frozenset[int]] = TTLCache(_PEOPLE, ASK_AGAIN_SECONDS, seconds)
        self._failed: TTLCache[str, bool] = TTLCache(_PEOPLE, _FAILED_SECONDS, seconds)
        self._ended: TTLCache[str, bool] = TTLCache(_PEOPLE, SESSION_FOR.total_seconds(), seconds)
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def session(self, request: HTTPConnection) -> Session | None:
        """None also for one whose token GitHub does not take any more."""
        session = self._sessions.session(request)
        return None if session is None or _key(session) in self._ended else session

    def end(self, session: Session) -> None:
        """A copy of its cookie counts for nothing here from now on."""
        self._ended[_key(session)] = True

    def reader(self, request: HTTPConnection) -> Reader | None:
        session = self.session(request)
        if session is None:
            return Reader()
        return Reader(session.id, session.login, self._sessions.form_token(request))

    async def readable(
        self, request: HTTPConnection, repositories: Sequence[Repository]
    ) -> frozenset[int]:
        public = await PublicOnly().readable(request, repositories)
        session = self.session(request)
        if session is None or all(repository.id in public for repository in repositories):
            return public
        granted = await self._granted(session)
        return public | {each.id for each in repositories if each.id in (granted or ())}

    async def sees_operations(self, request: HTTPConnection) -> bool:
        session = self.session(request)
        if session is None or session.id not in self._operators:
            return False
        return await self._granted(session) is not None

    async def _granted(self, session: Session) -> frozenset[int] | None:
        """None where GitHub does not say, or does not know the token any more."""
        key = _key(session)
        async with self._asking.setdefault(key, asyncio.Lock()):
            if key in self._ended or key in self._failed:
                return None
            found = self._known.get(key)
            if found is not None:
                return found
            try:
                found = await self._people.fetch_readable(UserToken(session.token, None))
            except SignInRefused:
                self._ended[key] = True
                return None
            except HubUnavailable as error:
                log.warning("readable_repositories_unknown", error=str(error))
                self._failed[key] = True
                return None
            self._known[key] = found
            return found


class Login:
    """The pages that sign in and out."""

    def __init__(
        self,
        *,
        people: People,
        audit: AuditLog,
        sessions: Sessions,
        public_url: str,
        clock: Clock,
        operators: frozenset[int],
    ) -> None:
        self.viewer = SignedIn(sessions, people, clock, operators)
        self._people = people
        self._audit = audit
        self._sessions = sessions
        self._public_url = public_url.rstrip("/")

    def routes(self, site: Site) -> list[Route]:
        return [
            Route("/login", self._begin, methods=["GET"]),
            Route(SIGN_IN_PATH, self._finish(site), methods=["GET"]),
            Route("/logout", self._end(site), methods=["POST"]),
        ]

    async def _begin(self, request: Request) -> Response:
        wanted = local_path(request.query_params.get("next", ""))
        if not self._sessions.at_home(request):
            # The cookie would be left behind at another name of this server.
            return _redirect(f"{self._public_url}/login?next={quote(wanted, safe='')}")
        if self.viewer.session(request) is not None:
            return _redirect(wanted)
        sign_in = SignIn(secrets.token_urlsafe(32), secrets.token_urlsafe(48), wanted)
        digest = sha256(sign_in.verifier.encode()).digest()
        response = _redirect(
            self._people.sign_in_url(
                redirect_uri=self._public_url + SIGN_IN_PATH,
                state=sign_in.state,
                challenge=base64.urlsafe_b64encode(digest).decode().rstrip("="),
            )
        )
        self._sessions.begin(response, sign_in)
        return response

    def _finish(self, site: Site) -> Page:
        async def finish(request: Request) -> Response:
            sign_in = self._sessions.sign_in(request)
            state = request.query_params.get("state", "")
            code = request.query_params.get("code", "")
            if sign_in is None or not hmac.compare_digest(state.encode(), sign_in.state.encode()):
                return self._refused(site, request, _NOT_OURS)
            if request.query_params.get("error"):
                return self._refused(site, request, _DENIED)
            if not _CODE.fullmatch(code):
                return self._refused(site, request, _NOT_OURS)
            try:
                token = await self._people.exchange(
                    code,
                    verifier=sign_in.verifier,
                    redirect_uri=self._public_url + SIGN_IN_PATH,
                )
                person = await self._people.fetch_person(token)
            except SignInRefused as error:
                log.warning("sign_in_refused", reason=str(error))
                return self._refused(site, request, _REFUSED)
            except HubUnavailable as error:
                log.warning("sign_in_failed", error=str(error))
                return self._refused(site, request, _NO_ANSWER, status=502)
            await self._audit.append(
                AuditEntry(
                    kind="login",
                    actor=person.login,
                    repository="",
                    subject="signed in to the pages",
                    detail={"account": person.id},
                )
            )
            response = _redirect(sign_in.next)
            lifetime = min(token.lifetime or SESSION_FOR, SESSION_FOR)
            self._sessions.keep(response, Session(person.id, person.login, token.value), lifetime)
            return response

        return finish

    def _end(self, site: Site) -> Page:
        async def end(request: Request) -> Response:
            session = self._sessions.session(request)
            if session is not None:
                given = (await _form(request)).get("token", [""])[0]
                ours = self._sessions.form_token(request)
                elsewhere = request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
                if elsewhere or not hmac.compare_digest(given.encode(), ours.encode()):
                    view = _NOT_YOU
                    return render(site, request, "failure.html", view, status=403, live=False)
                self.viewer.end(session)
                try:
                    await self._people.revoke(UserToken(session.token, None))
                except HubUnavailable as error:
                    log.warning("token_not_revoked", error=str(error))
            response = _redirect("/")
            self._sessions.drop(response, self._sessions.session_cookie)
            return response

        return end

    def _refused(
        self, site: Site, request: Request, view: FailureView, *, status: int = 400
    ) -> Response:
        response = render(site, request, "failure.html", view, status=status, live=False)
        self._sessions.drop(response, self._sessions.sign_in_cookie)
        return response


def local_path(wanted: str) -> str:
    """Where to go after signing in: a path of these pages, or the dashboard in its place."""
    usable = len(wanted) <= _LONGEST_NEXT and _LOCAL_PATH.fullmatch(wanted)
    return wanted if usable and not wanted.startswith(("/login", "/logout")) else "/"


def _redirect(url: str) -> RedirectResponse:
    return RedirectResponse(url, 303)


async def _form(request: Request) -> dict[str, list[str]]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return {}
    return parse_qs(body.decode("ascii", "replace"))


def _key(session: Session) -> str:
    return sha256(session.token.encode()).hexdigest()


_TITLE = "You are not signed in"
_AGAIN = "Start again with “Sign in with GitHub” at the top of this page."
_NOT_OURS = FailureView(
    _TITLE,
    "What GitHub sent back does not belong to a sign-in that this browser began here in the last "
    "ten minutes.",
    _AGAIN,
)
_DENIED = FailureView(
    _TITLE,
    "GitHub was not told to go on.",
    "The pages show public repositories without signing in. " + _AGAIN,
)
_REFUSED = FailureView(
    _TITLE,
    "GitHub does not take the code that it gave: it was used before, or it is too old.",
    _AGAIN,
)
_NO_ANSWER = FailureView(
    _TITLE,
    "GitHub did not say who you are.",
    "Try again in a minute. If it stays, ask on the machine that runs the bot:",
    "lockgate doctor",
)
_NOT_YOU = FailureView(
    "You are still signed in",
    "The request to sign out did not come from a page of this sign-in.",
    "Press “Sign out” at the top of this page.",
)
