"""Vercel's App on the sandbox GitHub: a push makes a build."""

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from bot.sandbox.vercel.model import Project

if TYPE_CHECKING:
    from bot.sandbox.model import Repository
    from bot.sandbox.server import Sandbox
    from bot.sandbox.vercel.server import SandboxVercel

_SLUG: Final = "vercel"
_BRANCH: Final = "refs/heads/"


def attach(
    vercel: "SandboxVercel", sandbox: "Sandbox", repository: "Repository", project: Project
) -> None:
    app = next((each for each in sandbox.apps.values() if each.slug == _SLUG), None)
    if app is None:
        app = sandbox.create_app(
            _SLUG,
            permissions={"metadata": "read", "contents": "read"},
            events=["push"],
            webhook_url=f"{vercel.url}/_github",
            webhook_secret=vercel.github_secret,
        )
    if sandbox.installation_of(app, repository) is None:
        sandbox.install(app, repository.owner)
    vercel.repositories[repository.full_name] = project


def take(vercel: "SandboxVercel", headers: Headers, body: bytes) -> int:
    """A delivery of the sandbox GitHub; returns the status to answer."""
    wanted = "sha256=" + hmac.new(vercel.github_secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, headers.get("x-hub-signature-256", "")):
        return 401
    if headers.get("x-github-event") != "push":
        return 202
    payload = json.loads(body)
    project = vercel.repositories.get(payload["repository"]["full_name"])
    if project is None or payload["deleted"] or not payload["ref"].startswith(_BRANCH):
        return 202
    branch = payload["ref"].removeprefix(_BRANCH)
    default = payload["repository"]["default_branch"]
    head = payload.get("head_commit") or {}
    vercel.build(
        project,
        payload["after"],
        target="production" if branch == default else "preview",
        branch=branch,
        message=str(head.get("message", "")).partition("\n")[0],
    )
    return 202
