"""What the bot remembers of the databases of environments: whose they are, what runs on them, which
schema is meant."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from bot.core.migrations.builds import BuildSchema, KnownBackfill, KnownMigration
from bot.core.migrations.model import Version
from bot.core.migrations.runs import Run
from bot.core.model import Sha
from bot.core.schema.snapshot import MeantSchema


class SchemaStore(Protocol):
    """Every method may raise StoreUnavailable."""

    async def bind_database(self, name: str, repository_id: int) -> int:
        """The repository that a database belongs to: the first that asked, for good."""
        ...

    async def fetch_bindings(self) -> Mapping[str, int]:
        """Repositories by the name of the database that is theirs."""
        ...

    async def save_known(self, repository_id: int, migrations: Iterable[KnownMigration]) -> None:
        """What the trunk says of migrations; a later word on a version replaces the earlier."""
        ...

    async def save_trunk(
        self,
        repository_id: int,
        migrations: Iterable[KnownMigration],
        backfills: Iterable[KnownBackfill],
        applied: Iterable[Version],
    ) -> None:
        """All that the trunk has now. What it has no more is forgotten, unless it is among the
        ``applied``, or was applied when a schema was recorded as meant: a database that has it
        counts for as long as it does."""
        ...

    async def fetch_known(self, repository_id: int) -> dict[Version, KnownMigration]: ...

    async def fetch_known_backfills(self, repository_id: int) -> dict[Version, KnownBackfill]:
        """Those of the trunk, as it was last looked at."""
        ...

    async def save_build(self, repository_id: int, build: BuildSchema) -> None:
        """What a build needs; what was known of commits that it contains is kept."""
        ...

    async def fetch_builds(
        self, repository_id: int, shas: Iterable[Sha]
    ) -> dict[Sha, BuildSchema]: ...

    async def add_run(self, run: Run) -> Run | None:
        """With its id; the one that is there already for its comment; None while another run of
        the environment is under way."""
        ...

    async def fetch_run(self, run_id: int) -> Run | None: ...

    async def fetch_run_of_comment(self, repository_id: int, comment_id: int) -> Run | None: ...

    async def fetch_runs(
        self, repository_id: int, environment: str, *, open_only: bool = False, limit: int = 20
    ) -> list[Run]:
        """Newest first."""
        ...

    async def save_run(self, run: Run) -> Run | None:
        """None if somebody has changed it since it was read."""
        ...

    async def take_environment(self, run: Run) -> bool:
        """Keep operations from moving the environment; False while one moves it. Taken again by
        the run that has it, it is a yes."""
        ...

    async def release_environment(self, run: Run) -> None:
        """Does nothing if the run does not have it."""
        ...

    async def fetch_open_runs(self) -> list[int]: ...

    async def save_pull_versions(
        self, repository_id: int, number: int, versions: Iterable[Version]
    ) -> None:
        """The versions that an open pull request adds; none for one that is closed."""
        ...

    async def fetch_pull_versions(self, repository_id: int, *, besides: int) -> dict[Version, int]:
        """What other open pull requests add, by version."""
        ...

    async def fetch_pulls_with_versions(self, repository_id: int) -> list[int]:
        """The open pull requests that add any."""
        ...

    async def save_meant(
        self, repository_id: int, environment: str, schema: MeantSchema
    ) -> None: ...

    async def fetch_meant(self, repository_id: int, environment: str) -> MeantSchema | None: ...
