"""How each value of the environment is read. What is wrong with it is added to ``problems``: its
name, and what to do."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bot.settings.model import (
    DEFAULT_API_URL,
    DEFAULT_VERCEL_API_URL,
    OAuthCredentials,
    Secret,
)
from bot.settings.variables import DATABASE, DEFAULTS

SHORT_SECRET = 16
"""Characters below which a secret could be guessed."""
_HOST = re.compile(r"[a-z0-9:](?:[a-z0-9.:-]{0,251}[a-z0-9])?")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def folder(values: Mapping[str, str], name: str, problems: list[str]) -> Path | None:
    if name not in values:
        return None
    path = Path(values[name]).expanduser()
    if not path.is_dir():
        problems.append(f"{name}: there is no folder {path}. Name one that is there, or unset it.")
    return path


def database_url(
    values: Mapping[str, str], problems: list[str], name: str = "DATABASE_URL"
) -> Secret:
    url = values.get(name, "")
    if url and not url.startswith(("postgres://", "postgresql://")) and "=" not in url:
        problems.append(
            f"{name}: it is no PostgreSQL address. "
            "Write postgresql://user:password@host:5432/database"
        )
    return Secret(url)


def databases(values: Mapping[str, str], problems: list[str]) -> Mapping[str, Secret]:
    return {
        match[1].lower().replace("_", "-"): database_url(values, problems, name)
        for name in sorted(values)
        if (match := DATABASE.fullmatch(name))
    }


def api_url(values: Mapping[str, str], problems: list[str]) -> str:
    url = web_url(values.get("GITHUB_API_URL", DEFAULT_API_URL), "GITHUB_API_URL", problems)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        problems.append("GITHUB_API_URL: it is not https, so tokens could be read under way.")
    if parts.hostname in ("github.com", "www.github.com"):
        problems.append(f"GITHUB_API_URL: this is GitHub's site. Its API is {DEFAULT_API_URL}")
    return url


def vercel_api_url(values: Mapping[str, str], problems: list[str]) -> str:
    name = "VERCEL_API_URL"
    url = web_url(values.get(name, DEFAULT_VERCEL_API_URL), name, problems)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        problems.append(f"{name}: it is not https, so the token could be read under way.")
    if parts.hostname in ("vercel.com", "www.vercel.com"):
        problems.append(f"{name}: this is Vercel's site. Its API is {DEFAULT_VERCEL_API_URL}")
    return url


def token(values: Mapping[str, str], name: str, problems: list[str]) -> Secret:
    token = values.get(name, "")
    if not is_token(token) and token:
        problems.append(f"{name}: it holds what no token holds. Copy it whole, and nothing but it.")
        return Secret("")
    return Secret(token)


def is_token(text: str) -> bool:
    """Whether a text could be a token, which goes into a header: printable ASCII, no blank."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def vercel_webhook_secret(values: Mapping[str, str], warnings: list[str]) -> Secret:
    secret = Secret(values.get("VERCEL_WEBHOOK_SECRET", ""))
    if secret and len(secret.reveal()) < SHORT_SECRET:
        warnings.append(
            f"VERCEL_WEBHOOK_SECRET: it is shorter than {SHORT_SECRET} characters and could be "
            "guessed. Use the one that Vercel showed when the webhook was made."
        )
    return secret


def slack_webhook_url(values: Mapping[str, str], problems: list[str]) -> Secret:
    name = "SLACK_WEBHOOK_URL"
    if name not in values:
        return Secret("")
    url = web_url(values[name], name, problems)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        problems.append(f"{name}: it is not https, so the news could be read under way.")
    return Secret(url)


def pagerduty_routing_key(values: Mapping[str, str], problems: list[str]) -> Secret:
    key = values.get("PAGERDUTY_ROUTING_KEY", "")
    if key and not (key.isascii() and key.isalnum() and len(key) == 32):
        problems.append(
            "PAGERDUTY_ROUTING_KEY: it is no routing key. It has 32 letters and digits, and stands "
            "on the service's Integrations page as the “Integration Key” of an Events API v2."
        )
    return Secret(key)


def oauth(values: Mapping[str, str], problems: list[str]) -> OAuthCredentials | None:
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


def session_key(values: Mapping[str, str], problems: list[str]) -> Secret:
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


def operators(values: Mapping[str, str], problems: list[str]) -> frozenset[int]:
    ids = [part.strip() for part in values.get("LOCKGATE_OPERATORS", "").split(",")]
    ids = [part for part in ids if part]
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in ids):
        problems.append(
            "LOCKGATE_OPERATORS: it holds something else than accounts' ids, which are numbers. "
            "The dashboard tells somebody who is signed in theirs; so does `gh api user --jq .id`"
        )
        return frozenset()
    return frozenset(map(int, ids))


def probe_hosts(values: Mapping[str, str], problems: list[str]) -> frozenset[str]:
    hosts = [part.strip() for part in values.get("LOCKGATE_PROBE_HOSTS", "").split(",")]
    hosts = [part for part in hosts if part]
    if not all(_HOST.fullmatch(part) for part in hosts):
        problems.append(
            "LOCKGATE_PROBE_HOSTS: it holds something else than hosts. Write them as in an address "
            "and in small letters, without port or path: metrics.internal, 10.0.0.7"
        )
        return frozenset()
    return frozenset(hosts)


def audit_key(values: Mapping[str, str], problems: list[str]) -> Secret:
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


def vercel_team(values: Mapping[str, str], problems: list[str]) -> str:
    team = values.get("VERCEL_TEAM_ID", "")
    if not (team.isascii() and team.replace("-", "").replace("_", "").isalnum()) and team:
        problems.append(
            "VERCEL_TEAM_ID: it is no team's id or slug. It stands in the team's settings on "
            "Vercel as “Team ID”, and begins with team_."
        )
    return team


def public_url(values: Mapping[str, str], host: str, port: int, problems: list[str]) -> str:
    if "LOCKGATE_PUBLIC_URL" in values:
        return web_url(values["LOCKGATE_PUBLIC_URL"], "LOCKGATE_PUBLIC_URL", problems)
    # The addresses that mean "all of this machine's" lead nowhere in a link.
    reachable = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def web_url(url: str, name: str, problems: list[str]) -> str:
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


def whole_number(
    values: Mapping[str, str], name: str, problems: list[str], *, least: int, most: int
) -> int:
    text = values.get(name, DEFAULTS[name])
    if text.isascii() and text.isdigit() and least <= int(text[:9]) <= most:
        return int(text)
    problems.append(
        f"{name}: it is not a whole number from {least} to {most}. Default: {DEFAULTS[name]}"
    )
    return least
