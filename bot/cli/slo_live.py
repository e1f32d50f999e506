"""How objectives stand now, asked of their sources as the server would."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.cli.names import repository_or_exit
from bot.cli.slo_telling import Told
from bot.core.slo.model import Ratio, Slo, Source, SourceKind
from bot.core.slo.windows import Series
from bot.engine.standings import Standings
from bot.logs import configure_logging
from bot.settings import Settings
from bot.wiring.github import find_origin
from bot.wiring.objectives import open_standings
from bot.wiring.store import EmbeddedError

_TOGETHER = 25
"""Objectives that are asked for at once; after each such part one sees how far it is."""
_STORED = (SourceKind.PROBE, SourceKind.SQL)


def tell_live(
    slos: Sequence[Slo],
    repository: str | None,
    now: datetime,
    tell: Callable[[Told], None],
    *,
    drawn: bool,
) -> None:
    """Each in the order given, as soon as it is known; with ``drawn`` what a chart shows too.

    Raises CommandError where nothing can be asked. What a source does not tell is the error of
    its own objectives."""
    configure_logging(level="error", json=False)
    settings = settings_or_exit(app_needed=False)
    owner, name = repository_or_exit(repository or _origin())
    try:
        asyncio.run(_tell(settings, owner, name, slos, now, tell, drawn=drawn))
    except EmbeddedError as error:
        raise CommandError(
            f"the embedded PostgreSQL cannot be started: {error}",
            "mend that, or set DATABASE_URL to the server's own",
        ) from error


async def _tell(
    settings: Settings,
    owner: str,
    name: str,
    slos: Sequence[Slo],
    now: datetime,
    tell: Callable[[Told], None],
    *,
    drawn: bool,
) -> None:
    stored = any(_needs_store(settings, _source(slo)) for slo in slos)
    async with open_standings(settings, owner, name, stored=stored) as standings:
        for begin in range(0, len(slos), _TOGETHER):
            part = slos[begin : begin + _TOGETHER]
            states = await standings.states(part, now)
            backs = await asyncio.gather(
                *(
                    standings.returns_at(slo, state, now)
                    for slo, state in zip(part, states, strict=True)
                )
            )
            drawings = await _drawings(standings, part, now) if drawn else [Series(())] * len(part)
            for slo, state, back, series in zip(part, states, backs, drawings, strict=True):
                tell(Told(slo, replace(state, returns_at=back), series))
            if len(slos) > _TOGETHER:
                click.echo(f"asked {begin + len(part):,} of {len(slos):,} objectives", err=True)


async def _drawings(standings: Standings, slos: Sequence[Slo], now: datetime) -> list[Series]:
    return await asyncio.gather(*(standings.series(slo, now) for slo in slos))


def _needs_store(settings: Settings, source: Source) -> bool:
    """A repository is known to the store alone by its id, and to a credential perhaps by that."""
    named = settings.sources.get(source.details.get("credential", ""))
    by_id = named is not None and any(one.isdigit() for one in named.repositories)
    return source.kind in _STORED or by_id


def _source(slo: Slo) -> Source:
    metric = slo.indicator.total if isinstance(slo.indicator, Ratio) else slo.indicator.metric
    return metric.source


def _origin() -> str:
    found = find_origin(Path())
    if not found:
        raise CommandError(
            "nobody says whose objectives they are: this is no clone of a repository on GitHub",
            "name it with --repository OWNER/REPO, or give the numbers with --samples",
        )
    return found
