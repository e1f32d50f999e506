"""The environment, read once into one frozen value. No other module reads the environment."""

import base64
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

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
    audit_key: Secret = field(default_factory=lambda: Secret(""))
    """``LOCKGATE_AUDIT_KEY``; empty means the file ``audit.key`` under ``home``."""
    github_token: Secret = field(default_factory=lambda: Secret(""))
    """``GITHUB_TOKEN``: a person's own, for what they ask from a terminal; the bot itself never
    uses it."""
    databases: Mapping[str, Secret] = field(default_factory=dict)
    """``LOCKGATE_DB_<NAME>``: the databases of environments, by the environments' names."""
    pg_bin: Path | None = None
    """``LOCKGATE_PG_BIN``: where the embedded database's programs are; None means wherever."""
    warnings: tuple[str, ...] = ()
    """What works and should be mended all the same; ``serve`` logs it and ``doctor`` shows it."""


CREDENTIALS_FILE = "credentials.env"


@dataclass(frozen=True, slots=True)
class Variable:
    """A name in the environment; ``default`` as a person would write it, empty for none."""

    name: str
    default: str
    meaning: str


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "DATABASE_URL", "", "The PostgreSQL to use; an embedded one under LOCKGATE_HOME if unset."
    ),
    Variable("GITHUB_APP_ID", "", "The GitHub App's id, a number."),
    Variable(
        "GITHUB_PRIVATE_KEY",
        "",
        "The App's private key: PEM, PEM with \\n for its line ends, or base64 of PEM.",
    ),
    Variable("GITHUB_PRIVATE_KEY_FILE", "", "A file with the App's private key, in its place."),
    Variable("GITHUB_WEBHOOK_SECRET", "", "The App's webhook secret."),
    Variable(
        "GITHUB_WEBHOOK_SECRET_PREVIOUS", "", "The former secret, still accepted while rotating."
    ),
    Variable(
        "GITHUB_API_URL",
        DEFAULT_API_URL,
        "GitHub's REST API; https://HOST/api/v3 on GitHub Enterprise Server.",
    ),
    Variable(
        "GITHUB_TOKEN", "", "Your own token, for what you ask from a terminal; no bot uses it."
    ),
    Variable("GITHUB_CLIENT_ID", "", "The App's client id; with it people sign in to the pages."),
    Variable("GITHUB_CLIENT_SECRET", "", "The App's client secret; goes with the client id."),
    Variable("VERCEL_TOKEN", "", "A Vercel access token; only for environments on Vercel."),
    Variable("VERCEL_API_URL", DEFAULT_VERCEL_API_URL, "Vercel's API."),
    Variable("VERCEL_TEAM_ID", "", "The Vercel team that the token acts for: its id or slug."),
    Variable(
        "VERCEL_WEBHOOK_SECRET", "", "What Vercel signs its webhooks to /webhooks/vercel with."
    ),
    Variable("SLACK_WEBHOOK_URL", "", "An incoming webhook of Slack that is told the news."),
    Variable("PAGERDUTY_ROUTING_KEY", "", "An Events API v2 integration that pages somebody."),
    Variable("HOST", "127.0.0.1", "The address that the web server listens on."),
    Variable("PORT", "8000", "The port that the web server listens on; 0 takes a free one."),
    Variable(
        "LOCKGATE_PUBLIC_URL", "http://HOST:PORT", "Where people and GitHub reach the web server."
    ),
    Variable("LOCKGATE_HOME", "~/.lockgate", "Where credentials and the embedded database live."),
    Variable(
        "LOCKGATE_SESSION_KEY",
        "",
        "32 bytes in base64 that sign-ins are sealed with; a file under LOCKGATE_HOME if unset.",
    ),
    Variable(
        "LOCKGATE_OPERATORS",
        "",
        "Ids of GitHub accounts, with commas: they see deliveries, jobs and the audit log.",
    ),
    Variable(
        "LOCKGATE_AUDIT_KEY",
        "",
        "What signs the audit log: 32 bytes in base64; former keys after it, with commas.",
    ),
    Variable(
        "LOCKGATE_DB_<NAME>",
        "",
        "The database of the environment of that name, e.g. LOCKGATE_DB_PRODUCTION.",
    ),
    Variable(
        "LOCKGATE_PG_BIN",
        "",
        "The folder of PostgreSQL's programs for the embedded database, in place of those found.",
    ),
    Variable("LOCKGATE_RETENTION_DAYS", "7", "How many days raw deliveries are kept."),
    Variable("LOCKGATE_CONCURRENCY", "8", "How many jobs one worker runs at once."),
)

_NAMES = frozenset(variable.name for variable in VARIABLES)
_DEFAULTS = {variable.name: variable.default for variable in VARIABLES}
_DATABASE = re.compile(r"LOCKGATE_DB_([A-Z][A-Z0-9_]{0,40})")
"""The environment's name in capitals, with ``_`` for each hyphen: such a name has none itself."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHORT_SECRET = 16


def read_settings(overrides: Mapping[str, str] | None = None) -> Settings:
    """``load_settings`` of this process's own environment, with ``overrides`` put over it."""
    return load_settings({**os.environ, **(overrides or {})})


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the environment, and under it the credentials file that ``lockgate setup`` wrote.

    A variable that is set but empty counts as unset. What the environment sets wins.

    Raises:
        SettingsError: something cannot be used; every problem is named, with its remedy.
    """
    told = {
        name: value.strip()
        for name, value in environ.items()
        if (name in _NAMES or _DATABASE.fullmatch(name)) and value.strip()
    }
    problems: list[str] = []
    warnings: list[str] = []
    home = Path(told.get("LOCKGATE_HOME", _DEFAULTS["LOCKGATE_HOME"])).expanduser()
    kept = _kept_credentials(home / CREDENTIALS_FILE, problems)
    if "GITHUB_PRIVATE_KEY" in told or "GITHUB_PRIVATE_KEY_FILE" in told:
        # One key in the environment puts both ways of naming one in the file out of force.
        kept.pop("GITHUB_PRIVATE_KEY", None)
        kept.pop("GITHUB_PRIVATE_KEY_FILE", None)
    values = {**kept, **told}
    host = values.get("HOST", _DEFAULTS["HOST"])
    port = _whole_number(values, "PORT", problems, least=0, most=65535)
    settings = Settings(
        home=home,
        database_url=_database_url(values, problems),
        github_app=_app(values, problems, warnings),
        github_api_url=_api_url(values, problems),
        host=host,
        port=port,
        public_url=_public_url(values, host, port, problems),
        retention=timedelta(
            days=_whole_number(values, "LOCKGATE_RETENTION_DAYS", problems, least=1, most=3650)
        ),
        concurrency=_whole_number(values, "LOCKGATE_CONCURRENCY", problems, least=1, most=100),
        vercel_token=_token(values, "VERCEL_TOKEN", problems),
        vercel_api_url=_vercel_api_url(values, problems),
        vercel_team=_vercel_team(values, problems),
        vercel_webhook_secret=_vercel_webhook_secret(values, warnings),
        slack_webhook_url=_slack_webhook_url(values, problems),
        pagerduty_routing_key=_pagerduty_routing_key(values, problems),
        oauth=_oauth(values, problems),
        session_key=_session_key(values, problems),
        operators=_operators(values, problems),
        audit_key=_audit_key(values, problems),
        github_token=_token(values, "GITHUB_TOKEN", problems),
        databases=_databases(values, problems),
        pg_bin=_folder(values, "LOCKGATE_PG_BIN", problems),
        warnings=tuple(warnings),
    )
    if problems:
        raise SettingsError(problems)
    return settings


def write_credentials(path: Path, values: Mapping[str, str]) -> None:
    """Write a credentials file that its owner alone can read, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"{name}={_one_line(values[name])}\n" for name in values]
    # mkstemp creates the file for its owner alone: it is never readable by others, not even before
    # it is complete.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(
                [
                    "# Written by `lockgate setup`. Keep it secret: it is the App's identity.\n",
                    *lines,
                ]
            )
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _one_line(value: str) -> str:
    return value.strip().replace("\r\n", "\n").replace("\n", "\\n")


def _kept_credentials(path: Path, problems: list[str]) -> dict[str, str]:
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: it cannot be read ({type(error).__name__}). Give this user it.")
        return {}
    if mode & 0o077:
        problems.append(f"{path}: others can read it. Run: chmod 600 {path}")
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        known = name.strip() in _NAMES or _DATABASE.fullmatch(name.strip())
        if not equals or not known:
            problems.append(
                f"{path}, line {number}: it is not NAME=value with a name that Lockgate reads."
            )
        elif _unquoted(value):
            values[name.strip()] = _unquoted(value)
    return values


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value


def _app(
    values: Mapping[str, str], problems: list[str], warnings: list[str]
) -> AppCredentials | None:
    names = (
        "GITHUB_APP_ID",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_PRIVATE_KEY_FILE",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_WEBHOOK_SECRET_PREVIOUS",
    )
    if not any(name in values for name in names):
        return None
    app_id = values.get("GITHUB_APP_ID", "")
    if not app_id:
        problems.append(
            "GITHUB_APP_ID: it is not set. It stands on the App's settings page as “App ID”."
        )
    elif not (app_id.isascii() and app_id.isdigit() and int(app_id) > 0):
        problems.append(
            "GITHUB_APP_ID: it is not a number. Use the “App ID”, not the client id or the name."
        )
        app_id = ""
    secrets = tuple(
        Secret(values[name])
        for name in ("GITHUB_WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET_PREVIOUS")
        if name in values
    )
    if "GITHUB_WEBHOOK_SECRET" not in values:
        problems.append(
            "GITHUB_WEBHOOK_SECRET: it is not set. Use the secret that the App's settings hold; "
            "without one anybody could send events."
        )
    elif any(len(secret.reveal()) < _SHORT_SECRET for secret in secrets):
        warnings.append(
            f"GITHUB_WEBHOOK_SECRET: it is shorter than {_SHORT_SECRET} characters and could be "
            "guessed. Make a longer one: openssl rand -hex 32"
        )
    key = _private_key(values, problems, warnings)
    if not (app_id and key and "GITHUB_WEBHOOK_SECRET" in values):
        return None
    return AppCredentials(int(app_id), Secret(key), secrets)


def _private_key(values: Mapping[str, str], problems: list[str], warnings: list[str]) -> str:
    """The key as PEM, or empty after noting why there is none."""
    inline, file = values.get("GITHUB_PRIVATE_KEY"), values.get("GITHUB_PRIVATE_KEY_FILE")
    if inline and file:
        problems.append(
            "GITHUB_PRIVATE_KEY and GITHUB_PRIVATE_KEY_FILE: both are set. Unset one of them."
        )
        return ""
    if inline:
        return _pem(inline, "GITHUB_PRIVATE_KEY", problems)
    if not file:
        problems.append(
            "GITHUB_PRIVATE_KEY: neither it nor GITHUB_PRIVATE_KEY_FILE is set. Generate a key on "
            "the App's settings page and point GITHUB_PRIVATE_KEY_FILE at it."
        )
        return ""
    path = Path(file).expanduser()
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            f"GITHUB_PRIVATE_KEY_FILE: {path} cannot be read ({type(error).__name__}). "
            "Name a readable file with the App's private key."
        )
        return ""
    if mode & 0o022:
        # Whoever can change the key can put the App out of action.
        problems.append(
            f"GITHUB_PRIVATE_KEY_FILE: others can write to {path}. Run: chmod 600 {path}"
        )
    elif mode & 0o044:
        # No error: secrets that a container platform mounts are readable within the container.
        warnings.append(
            f"GITHUB_PRIVATE_KEY_FILE: others can read {path}. "
            f"Unless this is a container's mounted secret, run: chmod 600 {path}"
        )
    return _pem(text, "GITHUB_PRIVATE_KEY_FILE", problems)


def _pem(text: str, name: str, problems: list[str]) -> str:
    """PEM from PEM, PEM with escaped line ends, or base64 of either."""
    text = _unquoted(text)
    if "-----BEGIN" not in text:
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode("ascii").strip()
        except ValueError:
            text = ""
    text = text.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n")
    if "-----BEGIN" not in text:
        problems.append(
            f"{name}: it is no private key. Give the .pem file that GitHub offered for download, "
            "as it is or in base64."
        )
        return ""
    problem = _key_problem(text)
    if problem:
        problems.append(f"{name}: {problem}")
        return ""
    return text.strip() + "\n"


def _key_problem(pem: str) -> str:
    # Imported here: it takes a while, and commands without an App do without it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        return "it is encrypted. Give it without a passphrase, as GitHub offers it."
    except (ValueError, UnsupportedAlgorithm):
        return "it is damaged or no private key. Copy the whole .pem file, first to last line."
    if not isinstance(key, RSAPrivateKey):
        return "it is no RSA key, so it is not a GitHub App's. Generate one on the App's page."
    return ""


def _folder(values: Mapping[str, str], name: str, problems: list[str]) -> Path | None:
    if name not in values:
        return None
    path = Path(values[name]).expanduser()
    if not path.is_dir():
        problems.append(f"{name}: there is no folder {path}. Name one that is there, or unset it.")
    return path


def _database_url(
    values: Mapping[str, str], problems: list[str], name: str = "DATABASE_URL"
) -> Secret:
    url = values.get(name, "")
    if url and not url.startswith(("postgres://", "postgresql://")) and "=" not in url:
        problems.append(
            f"{name}: it is no PostgreSQL address. "
            "Write postgresql://user:password@host:5432/database"
        )
    return Secret(url)


def _databases(values: Mapping[str, str], problems: list[str]) -> Mapping[str, Secret]:
    return {
        match[1].lower().replace("_", "-"): _database_url(values, problems, name)
        for name in sorted(values)
        if (match := _DATABASE.fullmatch(name))
    }


def _api_url(values: Mapping[str, str], problems: list[str]) -> str:
    url = _web_url(values.get("GITHUB_API_URL", DEFAULT_API_URL), "GITHUB_API_URL", problems)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        problems.append("GITHUB_API_URL: it is not https, so tokens could be read under way.")
    if parts.hostname in ("github.com", "www.github.com"):
        problems.append(f"GITHUB_API_URL: this is GitHub's site. Its API is {DEFAULT_API_URL}")
    return url


def _vercel_api_url(values: Mapping[str, str], problems: list[str]) -> str:
    name = "VERCEL_API_URL"
    url = _web_url(values.get(name, DEFAULT_VERCEL_API_URL), name, problems)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        problems.append(f"{name}: it is not https, so the token could be read under way.")
    if parts.hostname in ("vercel.com", "www.vercel.com"):
        problems.append(f"{name}: this is Vercel's site. Its API is {DEFAULT_VERCEL_API_URL}")
    return url


def _token(values: Mapping[str, str], name: str, problems: list[str]) -> Secret:
    token = values.get(name, "")
    if not is_token(token) and token:
        problems.append(f"{name}: it holds what no token holds. Copy it whole, and nothing but it.")
        return Secret("")
    return Secret(token)


def is_token(text: str) -> bool:
    """Whether a text could be a token, which goes into a header: printable ASCII, no blank."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _vercel_webhook_secret(values: Mapping[str, str], warnings: list[str]) -> Secret:
    secret = Secret(values.get("VERCEL_WEBHOOK_SECRET", ""))
    if secret and len(secret.reveal()) < _SHORT_SECRET:
        warnings.append(
            f"VERCEL_WEBHOOK_SECRET: it is shorter than {_SHORT_SECRET} characters and could be "
            "guessed. Use the one that Vercel showed when the webhook was made."
        )
    return secret


def _slack_webhook_url(values: Mapping[str, str], problems: list[str]) -> Secret:
    name = "SLACK_WEBHOOK_URL"
    if name not in values:
        return Secret("")
    url = _web_url(values[name], name, problems)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        problems.append(f"{name}: it is not https, so the news could be read under way.")
    return Secret(url)


def _pagerduty_routing_key(values: Mapping[str, str], problems: list[str]) -> Secret:
    key = values.get("PAGERDUTY_ROUTING_KEY", "")
    if key and not (key.isascii() and key.isalnum() and len(key) == 32):
        problems.append(
            "PAGERDUTY_ROUTING_KEY: it is no routing key. It has 32 letters and digits, and stands "
            "on the service's Integrations page as the “Integration Key” of an Events API v2."
        )
    return Secret(key)


def _oauth(values: Mapping[str, str], problems: list[str]) -> OAuthCredentials | None:
    given = [name in values for name in ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET")]
    if not any(given):
        return None
    if not all(given):
        problems.append(
            "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET: only one of them is set. Both stand on the "
            "App's settings page; unset both to have nobody sign in."
        )
        return None
    return OAuthCredentials(values["GITHUB_CLIENT_ID"], Secret(values["GITHUB_CLIENT_SECRET"]))


def _session_key(values: Mapping[str, str], problems: list[str]) -> Secret:
    key = values.get("LOCKGATE_SESSION_KEY", "")
    try:
        right = not key or len(base64.b64decode(key, validate=True)) == 32
    except ValueError:
        right = False
    if not right:
        problems.append(
            "LOCKGATE_SESSION_KEY: it is not 32 bytes in base64. Make one: openssl rand -base64 32"
        )
        return Secret("")
    return Secret(key)


def _operators(values: Mapping[str, str], problems: list[str]) -> frozenset[int]:
    ids = [part.strip() for part in values.get("LOCKGATE_OPERATORS", "").split(",")]
    ids = [part for part in ids if part]
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in ids):
        problems.append(
            "LOCKGATE_OPERATORS: it holds something else than accounts' ids, which are numbers. "
            "The dashboard tells somebody who is signed in theirs; so does `gh api user --jq .id`"
        )
        return frozenset()
    return frozenset(map(int, ids))


def _audit_key(values: Mapping[str, str], problems: list[str]) -> Secret:
    keys = values.get("LOCKGATE_AUDIT_KEY", "")
    for key in keys.split(",") if keys else ():
        try:
            usable = len(base64.b64decode(key.strip(), validate=True)) == 32
        except ValueError:
            usable = False
        if not usable:
            problems.append(
                "LOCKGATE_AUDIT_KEY: a key of it is not 32 bytes in base64. "
                "Make one: openssl rand -base64 32"
            )
            return Secret("")
    return Secret(keys)


def _vercel_team(values: Mapping[str, str], problems: list[str]) -> str:
    team = values.get("VERCEL_TEAM_ID", "")
    if not (team.isascii() and team.replace("-", "").replace("_", "").isalnum()) and team:
        problems.append(
            "VERCEL_TEAM_ID: it is no team's id or slug. It stands in the team's settings on "
            "Vercel as “Team ID”, and begins with team_."
        )
    return team


def _public_url(values: Mapping[str, str], host: str, port: int, problems: list[str]) -> str:
    if "LOCKGATE_PUBLIC_URL" in values:
        return _web_url(values["LOCKGATE_PUBLIC_URL"], "LOCKGATE_PUBLIC_URL", problems)
    # The addresses that mean "all of this machine's" lead nowhere in a link.
    reachable = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _web_url(url: str, name: str, problems: list[str]) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        problems.append(f"{name}: it is no web address. Write it whole: https://host/path")
        return ""
    if parts.query or parts.fragment or parts.username is not None:
        problems.append(f"{name}: it must hold no user, query or fragment. Leave them out.")
    return url.rstrip("/")


def _whole_number(
    values: Mapping[str, str], name: str, problems: list[str], *, least: int, most: int
) -> int:
    text = values.get(name, _DEFAULTS[name])
    if text.isascii() and text.isdigit() and least <= int(text[:9]) <= most:
        return int(text)
    problems.append(
        f"{name}: it is not a whole number from {least} to {most}. Default: {_DEFAULTS[name]}"
    )
    return least
