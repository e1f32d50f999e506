"""A database as a source: one number, read and nothing else."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import psycopg
import pytest

from bot.adapters.database import numbers
from bot.adapters.postgres.connection import connection_string
from bot.adapters.slo.sql import SqlSource
from bot.core.model import RepoRef
from bot.core.slo.model import (
    Counts,
    Indicator,
    Metric,
    Operator,
    Ratio,
    Sample,
    Source,
    SourceKind,
    Threshold,
)
from bot.ports import StoreUnavailable
from bot.ports.slo import Asked, SourceError, SourceRefused, SourceUnavailable

SHOP = RepoRef(1, 42, "octo", "shop")
AT = datetime(2026, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DATABASE = Source("orders", SourceKind.SQL, {"database": "shop"})
ALL = "SELECT count(*) FROM operations_done WHERE at > :start AND at <= :end"
FINE = f"{ALL} AND note NOT LIKE '100%%'"


@pytest.fixture
def shop(empty_database_url: str) -> str:
    with psycopg.connect(connection_string(empty_database_url), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA lockgate")
        connection.execute("CREATE TABLE operations_done (at timestamptz, note text, took numeric)")
        connection.execute(
            "INSERT INTO operations_done VALUES"
            " ('2026-01-01 23:30Z', 'a', 10), ('2026-01-01 23:40Z', '100% lost', 'NaN'),"
            " ('2026-01-01 22:30Z', 'b', 20), ('2026-01-02 00:00Z', 'c', NULL)"
        )
    return connection_string(empty_database_url)


def ratio(good: str = ALL, total: str = ALL, source: Source = DATABASE) -> Ratio:
    return Ratio(Metric(source, {"query": total}), Metric(source, {"query": good}))


def shop_of(url: str, owner: int = SHOP.id) -> SqlSource:
    """The database ``shop``, as it is asked by the repository that it is of, or by another."""

    async def owner_of(name: str, repository_id: int) -> int:
        assert (name, repository_id) == ("shop", SHOP.id)
        return owner

    return SqlSource(SHOP, {"shop": url}, owner_of)


async def counts(url: str, indicator: Indicator, window: timedelta = HOUR) -> Counts:
    (found,) = await shop_of(url).fetch_counts([Asked(indicator, (window,))], AT)
    if isinstance(found, SourceError):
        raise found
    return found[window]


async def test_a_window_is_after_its_start_up_to_its_end(shop: str) -> None:
    fine = FINE.replace("%%", "%")
    assert await counts(shop, ratio(fine, ALL)) == Counts(2, 3)
    assert await counts(shop, ratio(fine, f" {ALL};  "), 2 * HOUR) == Counts(3, 4)
    steps = await shop_of(shop).fetch_samples(ratio(fine, ALL), AT - 3 * HOUR, AT, HOUR)
    assert steps == [Sample(AT - HOUR, 1, 1), Sample(AT, 2, 3)]


async def test_each_row_is_held_to_a_threshold_and_what_is_no_number_is_none(shop: str) -> None:
    rows = "SELECT took FROM operations_done WHERE at::date >= (:start)::date AND at <= :end"
    slow = Threshold(Metric(DATABASE, {"query": rows}), Operator.LTE, Fraction(25, 2))
    assert await counts(shop, slow) == Counts(1, 2)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT at, note FROM operations_done", "one number is needed"),
        ("SELECT 1 FROM operations_done", "gives several rows"),
        ("SELECT 'many'", "many is no number"),
        ("SELECT -1", "less than nothing"),
        ("SELECT 9", "more events were good"),
        ("SELECT NULL::int", "finds nothing"),
        ("SELECT count(*) FROM nowhere", 'relation "nowhere" does not exist'),
        ("DELETE FROM operations_done", "syntax error"),
        ("DELETE FROM operations_done RETURNING 1", "syntax error"),
        ("WITH gone AS (DELETE FROM operations_done RETURNING 1) SELECT 1", "top level"),
        ("SELECT 1; DELETE FROM operations_done", "syntax error"),
        ("SELECT 1) AS a; DELETE FROM operations_done; SELECT (1", "multiple commands"),
        ("COMMIT", "syntax error"),
        ("SET TRANSACTION READ WRITE", "syntax error"),
        ("COPY (SELECT 1) TO PROGRAM 'cat > {file}'", "syntax error"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "read-write mode"),
    ],
)
async def test_a_query_that_gives_no_number_is_refused_and_changes_nothing(
    shop: str, query: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "written"
    with pytest.raises(SourceRefused, match=said):
        await counts(shop, ratio(good=query.replace("{file}", str(file))))
    assert not file.exists()
    assert await counts(shop, ratio(), timedelta(days=9)) == Counts(4, 4)


async def test_a_query_that_takes_too_long_is_ended(
    shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "SECONDS", 0.1)
    with pytest.raises(SourceRefused, match=r"took longer than 0\.1 s"):
        await counts(shop, ratio(good="SELECT 1 FROM pg_sleep(20)"))


async def test_a_database_that_is_not_there_or_not_known_is_told_without_its_address() -> None:
    with pytest.raises(SourceUnavailable) as away:
        await counts("postgresql://u:s3cret@127.0.0.1:1/x", ratio())
    assert "s3cret" not in str(away.value)
    other = Source("orders", SourceKind.SQL, {"database": "other"})
    with pytest.raises(SourceRefused, match="the database other, which this server does not have"):
        await counts("", ratio(source=other))


async def test_another_repositorys_database_is_not_asked(shop: str) -> None:
    (found,) = await shop_of(shop, owner=43).fetch_counts([Asked(ratio(), (HOUR,))], AT)
    assert "the database shop, which is another repository's" in str(found)


async def test_a_database_of_nobody_knows_whom_is_not_asked(shop: str) -> None:
    async def away(name: str, repository_id: int) -> int:
        raise StoreUnavailable("the store is away")

    source = SqlSource(SHOP, {"shop": shop}, away)
    (found,) = await source.fetch_counts([Asked(ratio(), (HOUR,))], AT)
    assert isinstance(found, SourceUnavailable)
    assert "nobody knows whose shop is: the store is away" in str(found)
