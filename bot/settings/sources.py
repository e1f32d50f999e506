"""How ``LOCKGATE_SOURCE_<NAME>`` is read: where objectives may get numbers, and whose."""

import base64
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.settings.model import NumbersSource, Secret
from bot.settings.values import LOOPBACK, is_token, web_url
from bot.settings.variables import SOURCE

_REPOSITORY = re.compile(r"[a-z0-9._-]+/[a-z0-9._-]+|[1-9][0-9]{0,18}")


def read_sources(values: Mapping[str, str], problems: list[str]) -> Mapping[str, NumbersSource]:
    """By the names that files know them by: ``eu-metrics`` of ``LOCKGATE_SOURCE_EU_METRICS``."""
    of = {name: match for name in sorted(values) if (match := SOURCE.fullmatch(name))}
    for name, match in of.items():
        address = name.removesuffix(match[2] or "")
        if address not in values:
            problems.append(f"{name}: there is no {address} that it could be for. Set both.")
    return {
        match[1].lower().replace("_", "-"): _source(values, name, problems)
        for name, match in of.items()
        if not match[2]
    }


def _source(values: Mapping[str, str], name: str, problems: list[str]) -> NumbersSource:
    url = web_url(values[name], name, problems)
    parts = urlsplit(url)
    authorization = _authorization(values, name, problems)
    if authorization and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        problems.append(f"{name}: it is not https, so its credential could be read under way.")
    if not url.isascii():
        problems.append(f"{name}: it is not ASCII. Write the host's name as xn--…")
    return NumbersSource(
        url, _repositories(values, f"{name}_REPOSITORIES", problems), authorization
    )


def _repositories(values: Mapping[str, str], name: str, problems: list[str]) -> frozenset[str]:
    named = [part.strip().lower() for part in values.get(name, "").split(",")]
    named = [part for part in named if part]
    if not named or not all(_REPOSITORY.fullmatch(part) for part in named):
        wrong = "it holds something else than repositories" if named else "it is not set"
        problems.append(f"{name}: {wrong}. Name those that may ask: octo/shop, or ids, with commas")
        return frozenset()
    return frozenset(named)


def _authorization(values: Mapping[str, str], name: str, problems: list[str]) -> Secret:
    token, login = values.get(f"{name}_TOKEN", ""), values.get(f"{name}_LOGIN", "")
    if token and login:
        problems.append(f"{name}_TOKEN and {name}_LOGIN: both are set. Unset one of them.")
    if token and not is_token(token):
        problems.append(f"{name}_TOKEN: it holds what no token holds. Copy it whole.")
    elif token:
        return Secret(f"Bearer {token}")
    user, colon, _ = login.partition(":")
    if login and not (user and colon and login.isprintable()):
        problems.append(f"{name}_LOGIN: it is no user and password. Write user:password")
    elif login:
        return Secret(f"Basic {base64.b64encode(login.encode()).decode()}")
    return Secret("")
