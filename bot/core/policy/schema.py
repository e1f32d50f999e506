"""The policy file's JSON Schema, for editors and for the reference."""

from typing import Any

from bot.core.policy.model import Policy

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:lockgate:policy:1"


def policy_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``.github/lockgate.yml``.

    What it refuses the parser refuses. The parser also refuses what a schema cannot say, such as
    a pattern that is no RE2 expression or a key that stands twice.
    """
    schema = Policy.model_json_schema()
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        **schema,
        "title": "Lockgate policy",
        "description": "What Lockgate asks of the pull requests into a repository: "
        "`.github/lockgate.yml` on the base branch, or in the organisation's `.github` repository.",
    }
