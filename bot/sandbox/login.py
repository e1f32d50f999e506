"""Making an App from a manifest, and signing in with one.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.sandbox.browser import headers, viewer_of
from bot.sandbox.model import Account, App, Json
from bot.sandbox.tickets import Grant

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

Page = Callable[..., Response]


def routes(sandbox: "Sandbox", page: Page) -> list[Route]:
    async def new_app(request: Request) -> Response:
        """The form that another site sends here: shows what is asked for."""
        text = str((await request.form()).get("manifest", ""))
        manifest = _manifest(text)
        return page(
            request, "new_app.html", manifest=manifest, text=text,
            state=request.query_params.get("state", ""), owner=_owner(request).login,
        )  # fmt: skip

    async def agree(request: Request) -> Response:
        form = await request.form()
        manifest = _manifest(str(form.get("manifest", "")))
        code = sandbox.agree_to_manifest(manifest, owner=_owner(request))
        query = {"code": code} | ({"state": str(form["state"])} if form.get("state") else {})
        return _elsewhere(str(manifest["redirect_url"]), query)

    def _owner(request: Request) -> Account:
        name = request.path_params.get("org")
        return sandbox.organization(name) if name else viewer_of(sandbox, request)

    async def authorize(request: Request) -> Response:
        query = request.query_params
        return page(
            request, "authorize.html", app=_app(query.get("client_id", "")), query=dict(query)
        )

    async def consent(request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        app = _app(form.get("client_id", ""))
        code = secrets.token_hex(10)
        redirect = form.get("redirect_uri", "")
        if urlsplit(redirect).scheme not in ("http", "https"):
            raise HTTPException(422, "The redirect_uri is not associated with this application.")
        challenge = form.get("code_challenge", "")
        sandbox.grants[code] = Grant(app, viewer_of(sandbox, request), redirect, challenge)
        return _elsewhere(redirect, {"code": code, "state": form.get("state", "")})

    async def access_token(request: Request) -> Response:
        given = await _given(request)
        found = sandbox.grants.pop(given.get("code", ""), None)
        answer: Json
        if found is None or found.app.client_id != given.get("client_id"):
            answer = _error("bad_verification_code", "The code passed is incorrect or expired.")
        elif not hmac.compare_digest(found.app.client_secret, given.get("client_secret", "")):
            answer = _error(
                "incorrect_client_credentials",
                "The client_id and/or client_secret passed are incorrect.",
            )
        elif found.challenge and not _proved(found.challenge, given.get("code_verifier", "")):
            answer = _error("bad_verification_code", "The code_verifier does not match.")
        else:
            token = sandbox.tokens.for_user(found.account, app=found.app)
            answer = {"access_token": token.value, "scope": "", "token_type": "bearer"}
        if "json" in request.headers.get("accept", ""):
            return JSONResponse(answer, headers=headers())
        return Response(urlencode(answer), media_type="application/x-www-form-urlencoded")

    def _app(client_id: str) -> App:
        for app in sandbox.apps.values():
            if app.client_id == client_id:
                return app
        raise HTTPException(404, "There is no App with that client_id.")

    return [
        Route("/settings/apps/new", new_app, methods=["POST"]),
        Route("/organizations/{org}/settings/apps/new", new_app, methods=["POST"]),
        Route("/_sandbox/apps", agree, methods=["POST"]),
        Route("/_sandbox/organizations/{org}/apps", agree, methods=["POST"]),
        Route("/login/oauth/authorize", authorize),
        Route("/_sandbox/oauth", consent, methods=["POST"]),
        Route("/login/oauth/access_token", access_token, methods=["POST"]),
    ]


def _manifest(text: str) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
    except ValueError:
        raise HTTPException(422, "The manifest is not JSON.") from None
    if not isinstance(manifest, dict) or not manifest.get("url"):
        raise HTTPException(422, "The manifest needs a url.")
    if urlsplit(str(manifest.get("redirect_url"))).scheme not in ("http", "https"):
        raise HTTPException(422, "The manifest needs a redirect_url.")
    return manifest


def _elsewhere(url: str, query: dict[str, str]) -> Response:
    joined = f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"
    return RedirectResponse(joined, 302)


async def _given(request: Request) -> dict[str, str]:
    raw = (await request.body()).decode()
    if "json" in request.headers.get("content-type", ""):
        loaded = json.loads(raw)
        return {str(key): str(value) for key, value in loaded.items()}
    return {key: values[0] for key, values in parse_qs(raw).items()}


def _proved(challenge: str, verifier: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).decode().rstrip("="), challenge)


def _error(code: str, description: str) -> Json:
    return {"error": code, "error_description": description}
