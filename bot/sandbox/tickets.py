"""What a person agreed to, until the code for it is exchanged."""

from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.model import Account, App, Json


@dataclass(frozen=True, slots=True)
class Manifest:
    """An App to be made. https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest"""

    slug: str
    owner: Account
    manifest: Json
    at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """A sign-in. ``challenge`` is that of PKCE with S256, empty without."""

    app: App
    account: Account
    redirect_uri: str
    challenge: str
