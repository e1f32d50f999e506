"""What a watch reads of sources that count by themselves: once before, and then what is new."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from bot.core.hosting import Build
from bot.core.model import RepoRef, Sha
from bot.core.policy.slo import OnFail
from bot.core.slo.model import Indicator, Sample, SourceKind
from bot.core.slo.watch import Compare, FailOn
from bot.core.slo.watching import Watch
from bot.engine.watch_reading import WatchReading
from bot.ports.slo import SourceUnavailable

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REPO = RepoRef(1, 42, "octo", "shop")
MINUTE = timedelta(minutes=1)
FILE = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {name: numbers}
spec: {type: sql, connectionDetails: {database: orders}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: orders}
spec:
  service: shop
  indicator:
    spec:
      ratioMetric:
        good: {metricSource: {metricSourceRef: numbers, spec: {query: "good :start :end"}}}
        total: {metricSource: {metricSourceRef: numbers, spec: {query: "all :start :end"}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"""
WATCH = Watch(
    id=1,
    repo=REPO,
    environment="production",
    operation_id=1,
    build=Build(Sha("a" * 40), "dpl_a"),
    pull_number=7,
    moved_at=AT - 4 * timedelta(seconds=1),
    begun=AT,
    policy_lasts=15 * MINUTE,
    every=timedelta(seconds=15),
    compare=Compare.BEFORE,
    fail_on=FailOn.REGRESSION,
    on_fail=OnFail.ROLLBACK,
    doubt=Fraction(1, 100),
    files={"slo/orders.yml": FILE},
)


class Numbers:
    """A source that counted ten a step, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.down = False

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> Sequence[Sample]:
        if self.down:
            raise SourceUnavailable("numbers did not answer")
        self.asked.append((since, until))
        return [Sample(since + step * n, 10, 10) for n in range(1, (until - since) // step + 1)]


class At:
    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        return self.at


def reading(source: Numbers, clock: At) -> WatchReading:
    sources = {SourceKind.SQL: lambda repo: source}
    return WatchReading(None, None, sources, None, None, clock)  # type: ignore[arg-type]


async def test_whole_minutes_are_read_once_and_kept():
    source, clock = Numbers(), At()
    read = reading(source, clock)
    clock.at = AT + timedelta(seconds=59)
    watch, _, (seen,) = await read.read(WATCH, REPO)
    until = WATCH.moved_at - timedelta(hours=1)
    before = [(until, WATCH.moved_at), (until - timedelta(days=1), until)]
    assert source.asked == before
    assert (len(seen.before), seen.after) == (60, ())
    clock.at = AT + timedelta(seconds=150)
    watch, _, (seen,) = await read.read(watch, REPO)
    assert source.asked[2:] == [(AT, AT + 2 * MINUTE)]
    clock.at = AT + 60 * MINUTE
    watch, _, (seen,) = await read.read(watch, REPO)
    assert source.asked[3:] == [(AT + 2 * MINUTE, AT + 15 * MINUTE)]
    assert [one.at for one in seen.after] == [AT + n * MINUTE for n in range(1, 16)]
    assert len(seen.before) == 60


async def test_a_source_that_is_down_is_unread_and_what_it_said_before_stays():
    source, clock = Numbers(), At()
    read = reading(source, clock)
    clock.at = AT + 2 * MINUTE
    watch, _, _ = await read.read(WATCH, REPO)
    source.down, clock.at = True, AT + 4 * MINUTE
    watch, _, (seen,) = await read.read(watch, REPO)
    assert (seen.unread, len(seen.after)) == ("numbers did not answer", 2)
    source.down = False
    _, _, (seen,) = await read.read(watch, REPO)
    assert (seen.unread, len(seen.after)) == ("", 4)


async def test_a_kind_of_source_that_the_server_cannot_ask_is_unread():
    read = replace(reading(Numbers(), At()), sources={})
    _, _, (seen,) = await read.read(WATCH, REPO)
    assert seen.unread == "this server cannot ask sql"
