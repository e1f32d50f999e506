"""The names in the environment that Lockgate reads."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from bot.settings.model import DEFAULT_API_URL, DEFAULT_VERCEL_API_URL


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
        "LOCKGATE_PROBE_HOSTS",
        "",
        "Hosts, with commas, that probes of objectives may ask although they are not public.",
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
        "LOCKGATE_SOURCE_<NAME>",
        "",
        "Where objectives may get numbers: the address that a file's `credential` of it names.",
    ),
    Variable(
        "LOCKGATE_SOURCE_<NAME>_REPOSITORIES",
        "",
        "The repositories, with commas, that may ask it: owner/name, or ids. Needed.",
    ),
    Variable("LOCKGATE_SOURCE_<NAME>_TOKEN", "", "The bearer token that it takes, if any."),
    Variable(
        "LOCKGATE_SOURCE_<NAME>_LOGIN", "", "In its place user:password, for what asks for those."
    ),
    Variable(
        "LOCKGATE_PG_BIN",
        "",
        "The folder of PostgreSQL's programs for the embedded database, in place of those found.",
    ),
    Variable("LOCKGATE_RETENTION_DAYS", "7", "How many days raw deliveries are kept."),
    Variable("LOCKGATE_CONCURRENCY", "8", "How many jobs one worker runs at once."),
)

DEFAULTS = {variable.name: variable.default for variable in VARIABLES}
DATABASE = re.compile(r"LOCKGATE_DB_([A-Z][A-Z0-9_]{0,40})")
"""The environment's name in capitals, with ``_`` for each hyphen: such a name has none itself."""
_OURS = "LOCKGATE_"
SOURCE = re.compile(r"LOCKGATE_SOURCE_([A-Z][A-Z0-9_]{0,40}?)(_REPOSITORIES|_TOKEN|_LOGIN)?")


def is_read(name: str) -> bool:
    return name in DEFAULTS or any(one.fullmatch(name) for one in (DATABASE, SOURCE))


def likely_typos(names: Iterable[str]) -> Iterator[str]:
    """Of those that begin as ours do and are read by nobody, what is nearly one of ours: that may
    be said without taking somebody else's for a mistake."""
    ours = [name for name in DEFAULTS if name.startswith(_OURS) and "<" not in name]
    for name in sorted(names):
        if name.startswith(_OURS) and not is_read(name):
            for meant in get_close_matches(name, ours, n=1, cutoff=0.85):
                yield f"{name}: nothing reads it. Did you mean {meant}?"
