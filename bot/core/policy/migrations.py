"""The policy's section on database changes."""

from datetime import timedelta
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bot.core.policy.release_values import FolderPath
from bot.core.policy.values import Duration

_FROZEN = ConfigDict(extra="forbid", frozen=True)

SchemaName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$")]
RuleName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,60}$")]


class RollbackWindow(BaseModel):
    """Builds that a rollback may lead back to: contracts leave them what they need."""

    model_config = _FROZEN

    builds: int = Field(
        default=5, ge=1, le=50, description="The last so many builds that were live, at least."
    )
    age: Duration = Field(
        default=timedelta(days=7), description="And all that were live within this time."
    )


class MigrationsPolicy(BaseModel):
    model_config = _FROZEN

    path: FolderPath = Field(
        default="supabase/migrations", description="The folder of the migrations."
    )
    backfills: FolderPath = Field(
        default="supabase/backfills", description="The folder of the backfills."
    )
    exposed_schemas: tuple[SchemaName, ...] = Field(
        default=("public",),
        max_length=20,
        description="Schemas that the outside can ask, through Supabase's API say: their tables "
        "need row level security, and policies.",
    )
    ignore: tuple[RuleName, ...] = Field(
        default=(),
        max_length=100,
        description="Rules of the lint that are not asked; docs/rules/ has them all.",
    )
    rollback_window: RollbackWindow = Field(
        default_factory=RollbackWindow,
        description="Which builds a contract has to leave what they need, besides the live ones.",
    )


DEFAULT_MIGRATIONS = MigrationsPolicy()
