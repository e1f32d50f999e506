"""The policy: everything that a repository or an organisation may ask for."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.core.commits.config import CommitsConfig
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.policy.migrations import MigrationsPolicy
from bot.core.policy.release import ReleasePolicy
from bot.core.policy.values import ENVIRONMENT_NAME, EnvironmentName, wrong

POLICY_PATH = ".github/lockgate.yml"


def _named(schema: dict[str, Any]) -> None:
    schema["propertyNames"] = {"pattern": ENVIRONMENT_NAME}


def _not_null(schema: dict[str, Any]) -> None:
    schema["$ref"] = schema.pop("anyOf")[0]["$ref"]
    del schema["default"]


class Policy(BaseModel):
    """What Lockgate asks of the pull requests into a repository.

    A section that is left out holds its defaults, and so does a whole file that is left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(
        default=1,
        description="The version of this file's format. There is one so far, so it may be left "
        "out.",
    )
    commits: CommitsConfig = Field(
        default_factory=CommitsConfig,
        description="What commit messages and pull request titles must look like.",
    )
    environments: Mapping[EnvironmentName, EnvironmentPolicy] = Field(
        default_factory=dict,
        max_length=20,
        json_schema_extra=_named,
        description="Where builds go, by name, e.g. `production`: small letters, digits and "
        "hyphens.",
    )
    migrations: MigrationsPolicy = Field(
        default_factory=MigrationsPolicy,
        description="Where database changes are kept, and what is asked of them.",
    )

    release: ReleasePolicy | None = Field(
        default=None,
        json_schema_extra=_not_null,
        description="How releases are made. Left out: Lockgate makes none.",
    )

    @field_validator("release")
    @classmethod
    def _says_something(cls, release: ReleasePolicy | None) -> ReleasePolicy:
        # Nothing may be meant as "as it is by default", or as "not at all".
        if release is None:
            raise wrong(
                "must be a mapping of keys to values; leave the key out where there are to be no "
                "releases",
                "release: {}",
            )
        return release

    @field_validator("version", mode="before")
    @classmethod
    def _is_a_number(cls, version: object) -> object:
        # True equals 1, and so would do for a literal 1.
        if isinstance(version, bool):
            raise ValueError("must be `1`")  # noqa: TRY004 (pydantic collects ValueErrors alone)
        return version


DEFAULT_POLICY = Policy()
"""What holds without any file."""
