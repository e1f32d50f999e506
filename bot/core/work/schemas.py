"""Work on database changes and on schemas."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.work.repositories import RepoWork


@dataclass(frozen=True, slots=True)
class CheckMigrations(RepoWork):
    """Hold the database changes of a pull request, or of a merge queue's candidate, to the rules,
    and say so in a check."""

    kind: ClassVar[str] = "check_migrations"
    number: int
    """0 for a candidate."""
    head_sha: str
    base_sha: str
    rerun: bool = False
    closed: bool = False
    """Nothing is written on it any more, and the versions that it would have added are free."""

    @property
    def key(self) -> str:
        subject = f"#{self.number}" if self.number else f"@{self.head_sha}"
        return f"migrations:{self.repository_id}{subject}"


@dataclass(frozen=True, slots=True)
class RefreshMigrations(RepoWork):
    """The trunk's SQL changed: look again at the open pull requests that add migrations."""

    kind: ClassVar[str] = "refresh_migrations"

    @property
    def key(self) -> str:
        return f"migrations:{self.repository_id}"


@dataclass(frozen=True, slots=True)
class AdvanceSchemaRun:
    """Do the next parts of a run of database changes, and bring its comment up to date."""

    kind: ClassVar[str] = "advance_schema_run"
    priority: ClassVar[int] = 5
    run_id: int

    @property
    def key(self) -> str:
        return f"schema_run:{self.run_id}"


@dataclass(frozen=True, slots=True)
class SweepSchemas:
    """Compare the schema of every environment's database with the one that is meant."""

    kind: ClassVar[str] = "sweep_schemas"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_schemas"
