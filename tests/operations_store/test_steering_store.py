"""What people asked for on release pull requests is kept once, in the order of their comments."""

from datetime import UTC, datetime

import pytest

from bot.adapters.postgres.steering import PostgresSteering
from bot.adapters.postgres.store import PostgresStore
from bot.core.release.steering import Wish, WishKind

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)


def wish(comment_id: int, value: str = "2.0.0", package: str | None = None) -> Wish:
    return Wish(WishKind.AS, value, package, "maria", comment_id, NOW)


@pytest.fixture
def steering(store: PostgresStore) -> PostgresSteering:
    return PostgresSteering(store.pool)


async def test_wishes_come_back_as_they_were_in_the_order_of_their_comments(
    steering: PostgresSteering,
) -> None:
    second = Wish(WishKind.NOTE, "Grüße, \N{PARTY POPPER}", "@acme/api", "o\N{BULLET}o", 12, NOW)
    await steering.add_wish(42, 7, second)
    await steering.add_wish(42, 7, wish(11))
    assert await steering.fetch_wishes(42, 7) == [wish(11), second]


async def test_the_same_comment_counts_once(steering: PostgresSteering) -> None:
    await steering.add_wish(42, 7, wish(11))
    await steering.add_wish(42, 7, wish(11, "3.0.0"))
    assert await steering.fetch_wishes(42, 7) == [wish(11)]


async def test_wishes_are_those_of_one_pull_request_of_one_repository(
    steering: PostgresSteering,
) -> None:
    await steering.add_wish(42, 7, wish(11))
    await steering.add_wish(42, 8, wish(12))
    await steering.add_wish(43, 7, wish(11, package="api"))
    assert await steering.fetch_wishes(42, 7) == [wish(11)]
    assert await steering.fetch_wishes(43, 7) == [wish(11, package="api")]
    assert await steering.fetch_wishes(43, 8) == []
