"""The fourth part of the story: a column gets another name while customers write to it."""

from collections.abc import Mapping

from bot.core.migrations.drafts.facts import Column, Place, Table, TableName
from bot.core.migrations.drafts.files import Draft, Part
from bot.core.migrations.drafts.recipe import Asked
from bot.core.migrations.model import Version
from bot.core.migrations.recipes.rename_column import RENAME_COLUMN
from bot.demo.hands import Hands
from bot.demo.stage import Stage
from bot.demo.watching import NotTrue, Step
from bot.sandbox.model import Pull

_ORDERS = TableName("public", "orders")
_VERSIONS = tuple(Version(f"2026112218400{digit}") for digit in range(9))
_CONTRACT = _VERSIONS[2]


class Renaming:
    """``price`` becomes ``price_cents``, in three steps, with promotions and a refused rollback in
    between."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._shop = stage.shop
        self._hands = Hands(stage)
        self._old = ""
        self._pulls: list[Pull] = []

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            Step("a build that needs a migration is refused", self.promote_early),
            Step("/migrate runs while customers write", self.migrate),
            Step("the build that uses the new column goes live", self.promote),
            Step("/contract is refused: an old build may come back", self.contract_early),
            Step("one build later the old column goes", self.contract),
            Step("/rollback past it is refused, with where to", self.roll_back),
            Step("no order was lost", self.count),
        )

    async def promote_early(self) -> str:
        live = self._stage.vercel.live(self._stage.project)
        self._old = (live.sha if live else "")[:7]
        files = _files(_draft(""), Part.EXPAND, Part.BACKFILL)
        pull = self._merged("feat: prices in cents", files)
        return await self._hands.is_refused(
            pull, "/promote", "1 migration of this build is not applied"
        )

    async def migrate(self) -> str:
        async with self._shop.customers():
            answer = await self._hands.say(self._pulls[-1], "/migrate", "**Migrated:")
        if self._shop.refused:
            raise NotTrue(f"a customer was told {self._shop.refused[0]}")
        behind = await self._shop.count("price IS DISTINCT FROM price_cents")
        if behind:
            raise NotTrue(f"{behind} orders have two prices")
        return f"{answer} {self._shop.written:,} orders, all with both prices"

    async def promote(self) -> str:
        answer = await self._hands.say(self._pulls[-1], "/promote", "**Live:")
        self._hands.must_serve(self._pulls[-1])
        self._shop.column = "price_cents"
        return answer

    async def contract_early(self) -> str:
        using = self._pulls[-1].merge_commit_sha or ""
        self._merged("refactor: drop the old price", _files(_draft(using), Part.CONTRACT))
        return await self._hands.is_refused(
            self._pulls[-1], f"/contract {_CONTRACT}", "still needs `public.orders.price`"
        )

    async def contract(self) -> str:
        await self._hands.say(self._pulls[-1], "/promote", "**Live:")
        async with self._shop.customers():
            answer = await self._hands.say(
                self._pulls[-1], f"/contract {_CONTRACT}", "**The contract is applied"
            )
        if self._shop.refused:
            raise NotTrue(f"a customer was told {self._shop.refused[0]}")
        return answer

    async def roll_back(self) -> str:
        return await self._hands.is_refused(
            self._pulls[-1], f"/rollback {self._old}", "orders.price"
        )

    async def count(self) -> str:
        orders = await self._shop.count("price_cents IS NOT NULL")
        if orders != self._shop.written:
            raise NotTrue(f"customers made {self._shop.written} orders, and {orders} are there")
        return f"{orders:,} orders were made, and {orders:,} are there"

    def _merged(self, title: str, files: Mapping[str, str]) -> Pull:
        pull = self._hands.merged(title, files)
        self._hands.check(pull, "success")
        self._pulls.append(pull)
        return pull


def _draft(build: str) -> Draft:
    """What ``lockgate emc new rename-column orders.price orders.price_cents`` writes."""
    old, new = Place(_ORDERS, "price"), Place(_ORDERS, "price_cents")
    table = Table(_ORDERS, {"price": Column("integer")}, ("id",))
    return RENAME_COLUMN.draft(Asked((old, new), {_ORDERS: table}, build=build), _VERSIONS)


def _files(draft: Draft, *parts: Part) -> Mapping[str, str]:
    folders = {Part.BACKFILL: "supabase/backfills"}
    return {
        f"{folders.get(file.part, 'supabase/migrations')}/{file.name}": file.text
        for file in draft.files
        if file.part in parts
    }
