"""A repository with objectives in every state, as a worker found them, and what led there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

from served_pages import BAD, GOOD, NOW, SHOP, evaluation, shipped_build

from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.core.hosting import Origin
from bot.core.model import Sha
from bot.core.slo.budget import evaluate, failed
from bot.core.slo.burn import lengths_of
from bot.core.slo.kept import KeptState, kept_state
from bot.core.slo.model import Counts, Metric, Ratio, Slo, Source, SourceKind, Window
from bot.core.slo.probes import DueProbe, Outcome, Probe, ProbeAnswer

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LOOKED = NOW - timedelta(seconds=20)
PROBE = Probe("api-probe", "https://shop.example.com/healthz")
_PROBED = Metric(Source("api-probe", SourceKind.PROBE), {"measure": "all"})
_ASKED = Metric(Source("metrics", SourceKind.PROMETHEUS), {"query": "all[{{.window}}]"})
FILES = {"slo/shop.yml": "kind: SLO\n"}


def slo(name: str = "api-availability", title: str = "API availability", **changes: Any) -> Slo:
    whole = Slo(
        name,
        "api",
        Fraction(999, 1000),
        Window(30 * DAY),
        Ratio(_ASKED, _ASKED),
        display_name=title,
        environments=("production",),
        path="slo/shop.yml",
        line=12,
    )
    return replace(whole, **changes)


def kept(
    one: Slo | None = None,
    bad: int = 0,
    rates: Mapping[timedelta, int] | None = None,
    *,
    total: int = 100_000,
    age: timedelta = timedelta(seconds=20),
    repository_id: int = SHOP.id,
) -> KeptState:
    """``bad`` of ``total`` events in the window; ``rates`` are the burn rates, 1 where none is
    named."""
    one = one or slo()
    burn = {length: (rates or {}).get(length, 1) for length in lengths_of(one)}
    recent = {length: Counts(1000 - rate, 1000) for length, rate in burn.items()}
    state = evaluate(one, Counts(total - bad, total), recent if total else {}, NOW - age)
    return kept_state(repository_id, one, state)


def unread(one: Slo, reason: str, repository_id: int = SHOP.id) -> KeptState:
    return kept_state(repository_id, one, failed(one, reason, LOOKED))


PROBED = slo(indicator=Ratio(_PROBED, _PROBED))
MINUTES = {HOUR / 12: 11, HOUR / 2: 9, HOUR: 9, 2 * HOUR: 2, 6 * HOUR: 4, DAY: 2, 3 * DAY: 0}
STATES = (
    kept(PROBED, 62, MINUTES),
    kept(slo("api-latency", "API latency"), 112, {HOUR: 3}),
    kept(
        slo("checkout", "Checkout"),
        40,
        {HOUR / 12: 20, HOUR / 2: 20, HOUR: 16, 2 * HOUR: 12, 6 * HOUR: 8},
    ),
    kept(slo("database-errors", "Database errors", environments=()), 10),
    kept(slo("flag-response", "Flag response"), total=0),
    unread(slo("search", "Search"), "metrics answered 422: <b>bad query</b>"),
)


async def save(
    store: PostgresStore, *states: KeptState, repository_id: int = SHOP.id
) -> PostgresSlos:
    slos = PostgresSlos(store.pool)
    await slos.want_objectives(repository_id, Sha("a" * 40), FILES)
    await slos.save_states(repository_id, states)
    return slos


async def tell_objectives(store: PostgresStore) -> PostgresSlos:
    """A week of a budget with a bad build and its rollback, a probe's answers, and others."""
    await store.save_evaluation(evaluation())
    slos = PostgresSlos(store.pool)
    await slos.want_objectives(SHOP.id, Sha("a" * 40), FILES)
    for hours in range(7 * 24, 0, -1):
        if not 90 < hours < 110:  # no worker ran
            spent = 10 + (60 - min(max(hours, 20), 60)) * 52 // 40
            await slos.save_states(SHOP.id, [kept(bad=spent, age=hours * HOUR)])
    await slos.save_states(SHOP.id, STATES)
    await ship_twice(store)
    await answer(slos)
    return slos


async def ship_twice(store: PostgresStore) -> None:
    operations = PostgresOperations(store.pool)
    for build, origin, hours in (
        (shipped_build(GOOD, "v1.4.2"), Origin.PROMOTION, 140),
        (shipped_build(BAD), Origin.PROMOTION, 60),
        (shipped_build(GOOD, "v1.4.2"), Origin.ROLLBACK, 20),
    ):
        await operations.record_live(
            SHOP.id,
            "production",
            build,
            origin=origin,
            actor="maria",
            at=NOW - hours * HOUR,
            verified=True,
            operation_id=None,
            fence=None,
        )


async def answer(slos: PostgresSlos) -> None:
    await slos.want_probes(SHOP.id, [PROBE])
    found = (
        ProbeAnswer(Outcome.TLS, 41),
        ProbeAnswer(Outcome.DNS, 12),
        ProbeAnswer(Outcome.TIMEOUT, 10_000),
        ProbeAnswer(Outcome.STATUS, 90, 503),
        ProbeAnswer(Outcome.OK, 88, 200),
    )
    for index, each in enumerate(found):
        at = NOW - timedelta(minutes=len(found) - index)
        await slos.record_probes([(DueProbe(1, SHOP.id, at, PROBE), each)])
