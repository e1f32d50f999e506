"""What the environment says, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

DEFAULT_API_URL = "https://api.github.com"
DEFAULT_VERCEL_API_URL = "https://api.vercel.com"


class SettingsError(Exception):
    """Something in the environment cannot be used. ``problems`` names every one of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that never shows itself: not in a repr, a format string, or a traceback."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "********"

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """The GitHub App's id, its private key (PEM) and the webhook secrets, newest first."""

    app_id: int
    private_key: Secret
    webhook_secrets: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class OAuthCredentials:
    """The GitHub App's client id and client secret: with them people sign in to the pages."""

    client_id: str
    client_secret: Secret


@dataclass(frozen=True, slots=True)
class NumbersSource:
    """``LOCKGATE_SOURCE_<NAME>``: where objectives may get numbers, and whose."""

    url: str
    """What is asked begins with it."""
    repositories: frozenset[str]
    """``owner/name`` in small letters, or ids."""
    authorization: Secret = field(default_factory=lambda: Secret(""))
    """The header's value; empty where none is sent."""


@dataclass(frozen=True, slots=True)
class Settings:
    home: Path
    """``LOCKGATE_HOME``: the embedded database and the credentials file live here."""
    database_url: Secret
    """``DATABASE_URL``; empty means an embedded PostgreSQL under ``home``."""
    github_app: AppCredentials | None
    """None where no App is configured: enough for ``commits check`` and ``demo``."""
    github_api_url: str
    host: str
    port: int
    public_url: str
    """Where people and GitHub reach the bot; ``http://host:port`` unless told."""
    retention: timedelta
    """``LOCKGATE_RETENTION_DAYS``: how long raw deliveries are kept."""
    concurrency: int
    """``LOCKGATE_CONCURRENCY``: jobs at once in one worker."""
    vercel_token: Secret = field(default_factory=lambda: Secret(""))
    """``VERCEL_TOKEN``; empty where no environment lives on Vercel."""
    vercel_api_url: str = DEFAULT_VERCEL_API_URL
    vercel_team: str = ""
    """``VERCEL_TEAM_ID``: the id or the slug of the team that the token acts for."""
    vercel_webhook_secret: Secret = field(default_factory=lambda: Secret(""))
    """``VERCEL_WEBHOOK_SECRET``; empty where Vercel sends no webhooks: production is polled."""
    slack_webhook_url: Secret = field(default_factory=lambda: Secret(""))
    """``SLACK_WEBHOOK_URL``; empty where Slack is told nothing."""
    pagerduty_routing_key: Secret = field(default_factory=lambda: Secret(""))
    """``PAGERDUTY_ROUTING_KEY``; empty where nobody is paged."""
    oauth: OAuthCredentials | None = None
    """None where nobody can sign in: the pages show public repositories."""
    session_key: Secret = field(default_factory=lambda: Secret(""))
    """``LOCKGATE_SESSION_KEY``; empty means the file ``session.key`` under ``home``."""
    operators: frozenset[int] = frozenset()
    """``LOCKGATE_OPERATORS``: ids of the GitHub accounts that see deliveries, jobs and audit log
    once they have signed in. Ids, since a login can be taken over."""
    probe_hosts: frozenset[str] = frozenset()
    """``LOCKGATE_PROBE_HOSTS``: hosts that probes may ask although they are not public."""
    audit_key: Secret = field(default_factory=lambda: Secret(""))
    """``LOCKGATE_AUDIT_KEY``; empty means the file ``audit.key`` under ``home``."""
    github_token: Secret = field(default_factory=lambda: Secret(""))
    """``GITHUB_TOKEN``: a person's own, for what they ask from a terminal; the bot itself never
    uses it."""
    databases: Mapping[str, Secret] = field(default_factory=dict)
    """``LOCKGATE_DB_<NAME>``: the databases of environments, by the environments' names."""
    sources: Mapping[str, NumbersSource] = field(default_factory=dict)
    """``LOCKGATE_SOURCE_<NAME>``, by the names that files know them by."""
    pg_bin: Path | None = None
    """``LOCKGATE_PG_BIN``: where the embedded database's programs are; None means wherever."""
    warnings: tuple[str, ...] = ()
    """What works and should be mended all the same; ``serve`` logs it and ``doctor`` shows it."""
