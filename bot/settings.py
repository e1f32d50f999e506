"""The environment, read once into one frozen value. No other module reads the environment."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


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


DEFAULT_API_URL = "https://api.github.com"
CREDENTIALS_FILE = "credentials.env"
