"""Reads the environment once. No other module does."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from bot.settings import values as read
from bot.settings.credentials import CREDENTIALS_FILE, kept_credentials
from bot.settings.github_app import read_app
from bot.settings.model import Settings, SettingsError
from bot.settings.sources import read_sources
from bot.settings.variables import DEFAULTS, is_read, likely_typos


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
        name: value.strip() for name, value in environ.items() if is_read(name) and value.strip()
    }
    problems: list[str] = []
    warnings = list(likely_typos(name for name, value in environ.items() if value.strip()))
    home = Path(told.get("LOCKGATE_HOME", DEFAULTS["LOCKGATE_HOME"])).expanduser()
    kept = kept_credentials(home / CREDENTIALS_FILE, problems)
    if "GITHUB_PRIVATE_KEY" in told or "GITHUB_PRIVATE_KEY_FILE" in told:
        # One key in the environment puts both ways of naming one in the file out of force.
        kept.pop("GITHUB_PRIVATE_KEY", None)
        kept.pop("GITHUB_PRIVATE_KEY_FILE", None)
    values = {**kept, **told}
    host = values.get("HOST", DEFAULTS["HOST"])
    port = read.whole_number(values, "PORT", problems, least=0, most=65535)
    settings = Settings(
        home=home,
        database_url=read.database_url(values, problems),
        github_app=read_app(values, problems, warnings),
        github_api_url=read.api_url(values, problems),
        host=host,
        port=port,
        public_url=read.public_url(values, host, port, problems),
        retention=timedelta(
            days=read.whole_number(values, "LOCKGATE_RETENTION_DAYS", problems, least=1, most=3650)
        ),
        concurrency=read.whole_number(values, "LOCKGATE_CONCURRENCY", problems, least=1, most=100),
        vercel_token=read.token(values, "VERCEL_TOKEN", problems),
        vercel_api_url=read.vercel_api_url(values, problems),
        vercel_team=read.vercel_team(values, problems),
        vercel_webhook_secret=read.vercel_webhook_secret(values, warnings),
        slack_webhook_url=read.slack_webhook_url(values, problems),
        pagerduty_routing_key=read.pagerduty_routing_key(values, problems),
        oauth=read.oauth(values, problems),
        session_key=read.session_key(values, problems),
        operators=read.operators(values, problems),
        probe_hosts=read.probe_hosts(values, problems),
        audit_key=read.audit_key(values, problems),
        github_token=read.token(values, "GITHUB_TOKEN", problems),
        databases=read.databases(values, problems),
        sources=read_sources(values, problems),
        pg_bin=read.folder(values, "LOCKGATE_PG_BIN", problems),
        warnings=tuple(warnings),
    )
    if problems:
        raise SettingsError(problems)
    return settings
