"""What people asked for on release pull requests: ``bot.ports.steering.SteeringStore``."""

from psycopg.rows import dict_row

from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.statements import load_queries
from bot.core.release.steering import Wish, WishKind

_SQL = load_queries("steering")


class PostgresSteering:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add_wish(self, repository_id: int, pull_number: int, wish: Wish) -> None:
        arguments = {
            "repository_id": repository_id,
            "pull_number": pull_number,
            "comment_id": wish.comment_id,
            "kind": wish.kind.value,
            "value": text(wish.value),
            "package": wish.package if wish.package is None else text(wish.package),
            "actor": text(wish.actor),
            "asked_at": wish.at,
        }
        await with_connection(self._pool, lambda c: c.execute(_SQL["add_wish"], arguments))

    async def fetch_wishes(self, repository_id: int, pull_number: int) -> list[Wish]:
        arguments = {"repository_id": repository_id, "pull_number": pull_number}

        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SQL["fetch_wishes"], arguments, prepare=False)
                return await cursor.fetchall()

        return [
            Wish(
                kind=WishKind(row["kind"]),
                value=row["value"],
                package=row["package"],
                actor=row["actor"],
                comment_id=row["comment_id"],
                at=row["asked_at"],
            )
            for row in await with_connection(self._pool, fetch)
        ]
