"""What the GitHub App is: ``app.yml`` read, and turned into what GitHub's manifest flow takes.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML

import bot

FILE = "app.yml"
HOOK_PATH = "/webhooks/github"
SIGN_IN_PATH = "/login/callback"
_LONGEST_NAME = 34
"""GitHub's limit for an App's name."""


@dataclass(frozen=True, slots=True)
class AppManifest:
    """``app.yml``. Permissions are read or write by name; events by name."""

    name: str
    description: str
    url: str
    public: bool
    permissions: Mapping[str, str]
    events: tuple[str, ...]


def load_manifest() -> AppManifest:
    """Read ``app.yml``: from within the installed package, else from beside it in a checkout."""
    packaged = files(bot).joinpath(FILE)
    if packaged.is_file():
        return parse_manifest(packaged.read_text("utf-8"))
    return parse_manifest((Path(bot.__file__).parent.parent / FILE).read_text("utf-8"))


def parse_manifest(text: str) -> AppManifest:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return AppManifest(
        name=found["name"],
        description=found["description"],
        url=found["url"],
        public=found["public"],
        permissions=dict(found["default_permissions"]),
        events=tuple(found["default_events"]),
    )


def manifest_form(
    manifest: AppManifest, *, name: str, public_url: str, redirect_url: str
) -> dict[str, Any]:
    """What is posted to GitHub as ``manifest``; a person may still change the name there."""
    return {
        "name": (name or manifest.name)[:_LONGEST_NAME],
        "description": manifest.description,
        "url": manifest.url,
        "public": manifest.public,
        "hook_attributes": {"url": public_url + HOOK_PATH, "active": True},
        "redirect_url": redirect_url,
        "callback_urls": [public_url + SIGN_IN_PATH],
        "default_permissions": dict(manifest.permissions),
        "default_events": list(manifest.events),
    }


def site_url(api_url: str) -> str:
    """GitHub's pages for people, from the address of its API.

    ``https://HOST/api/v3`` is GitHub Enterprise Server; ``https://api.HOST`` is github.com, and
    GitHub Enterprise Cloud with data residency.
    """
    parts = urlsplit(api_url)
    if parts.path.rstrip("/") == "/api/v3":
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"


def new_app_url(api_url: str, *, organisation: str, state: str) -> str:
    """Where the manifest is posted to, by the browser of somebody who is signed in there."""
    owner = f"/organizations/{organisation}" if organisation else ""
    return f"{site_url(api_url)}{owner}/settings/apps/new?state={state}"
