"""The gates on an environment's database: migrations, backfills, and drift of its schema."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from promotion_kit import DIGESTS, EXPAND, FILL, SCHEMA, facts, said

from bot.core.catalog import GATES
from bot.core.decision import Verdict
from bot.core.migrations.builds import BackfillProgress, BackfillState, KnownMigration, UnreadBuild
from bot.core.migrations.model import Version
from bot.core.promotion import SchemaFacts, Unread
from bot.core.schema.snapshot import SchemaDigests, root_of

ALL = ["migrations", "backfills", "schema"]


def spoiled(**changes: Any) -> SchemaFacts:
    """``applied`` and ``backfills`` are of the database."""
    of_database = {key: changes.pop(key) for key in ("applied", "backfills") if key in changes}
    return replace(SCHEMA, database=replace(SCHEMA.database, **of_database), **changes)


def in_place(**objects: str) -> SchemaDigests:
    changed = {**DIGESTS.objects, **{name.replace("__", " "): one for name, one in objects.items()}}
    kept = {name: one for name, one in changed.items() if one}
    return SchemaDigests(root_of(kept), kept)


LEFT = "as `/migrate` of @ada left it at 2026-03-02 12:00 UTC"
UNDO = "undo it by hand, or comment `/migrate production --accept-schema` if it is to stay"


@pytest.mark.parametrize(
    ("gate", "schema", "expected"),
    [
        ("migrations", SCHEMA, ("pass", "1 expand of this build is applied", "")),
        ("backfills", SCHEMA, ("pass", "1 backfill of this build is complete", "")),
        ("schema", SCHEMA, ("pass", LEFT, "")),
        (
            "migrations",
            spoiled(applied={}),
            (
                "fail",
                "1 migration of this build is not applied: `20260101000000_add_title_norm`",
                "comment `/migrate production`",
            ),
        ),
        (
            "migrations",
            spoiled(build=UnreadBuild(SCHEMA.build.sha, "v1.5.0", "GitHub answered 502")),
            (
                "error",
                "the migrations of v1.5.0 could not be read: GitHub answered 502",
                "see that GitHub answers, then run the command again",
            ),
        ),
        (
            "backfills",
            spoiled(
                backfills={
                    FILL: BackfillProgress(
                        FILL,
                        "title_norm",
                        BackfillState.RUNNING,
                        done=0.83,
                        left=timedelta(minutes=4),
                    )
                }
            ),
            ("wait", "backfill `title_norm` is at 83 %, about 4 min left", "wait for it"),
        ),
        (
            "schema",
            spoiled(in_place=in_place(table__public_x="1")),
            (
                "fail",
                f"the schema of `production` is not {LEFT}: added `table public_x`",
                UNDO,
            ),
        ),
        (
            "schema",
            spoiled(in_place=SchemaDigests("0", dict.fromkeys((*DIGESTS.objects, *"abc"), "0"))),
            (
                "fail",
                (
                    f"the schema of `production` is not {LEFT}: added `a`, added `b`, added `c` "
                    "and 2 objects more"
                ),
                UNDO,
            ),
        ),
        # Applied by somebody else's hand: the ledger tells.
        (
            "schema",
            spoiled(
                in_place=SchemaDigests("0", {"view public.menu": "77aa"}),
                applied={
                    **SCHEMA.database.applied,
                    Version("20260109000000"): KnownMigration(Version("20260109000000")),
                },
            ),
            (
                "fail",
                (
                    f"the schema of `production` is not {LEFT}: removed `table public.recipes`; "
                    "`20260109000000` went past Lockgate"
                ),
                UNDO,
            ),
        ),
        (
            "schema",
            spoiled(in_place=replace(DIGESTS, root="0")),
            (
                "fail",
                (
                    f"the schema of `production` is not {LEFT}: what is recorded of it and what is "
                    "in place were read in different ways"
                ),
                UNDO,
            ),
        ),
        (
            "schema",
            spoiled(in_place=Unread("permission denied for schema public")),
            (
                "error",
                "the schema of `production` could not be read: permission denied for schema public",
                "see that its database answers, then run the command again",
            ),
        ),
        (
            "schema",
            spoiled(meant=None),
            (
                "skip",
                "no schema is recorded yet to compare with: the next change records one",
                "",
            ),
        ),
    ],
)
def test_what_is_said(gate: str, schema: SchemaFacts, expected: tuple[str, str, str]) -> None:
    assert said(GATES[gate].evaluate(facts(schema=schema))) == expected


@pytest.mark.parametrize("gate", ALL)
def test_without_a_database_there_is_nothing_to_ask(gate: str) -> None:
    assert said(GATES[gate].evaluate(facts())) == ("skip", "no database is configured", "")
    assert said(GATES[gate].evaluate(facts(policy={"requires": [gate]}))) == (
        "fail",
        "no database is configured for `production`",
        (
            "have whoever runs the bot set `LOCKGATE_DB_PRODUCTION` to the database's URL, or take "
            f"`{gate}` out of `environments.production.requires`"
        ),
    )


@pytest.mark.parametrize("gate", ALL)
def test_what_cannot_be_read_never_passes(gate: str) -> None:
    assert said(GATES[gate].evaluate(facts(schema=Unread("it did not answer within 5 s")))) == (
        "error",
        "the database of `production` could not be read: it did not answer within 5 s",
        "see that it answers, then run the command again",
    )


def test_all_that_stands_against_it_is_found() -> None:
    strange = KnownMigration(Version("20260109000000"))
    result = GATES["migrations"].evaluate(facts(schema=spoiled(applied={strange.version: strange})))
    assert result.verdict is Verdict.ERROR
    assert result.summary.endswith("(and 1 more)")
    assert [finding.message for finding in result.findings] == [
        (
            "nobody knows what `20260109000000` did, which is applied in `production` and not of "
            "this build"
        ),
        "1 migration of this build is not applied: `20260101000000_add_title_norm`",
    ]
    assert result.evidence["applied"] == ["20260109000000"]


def test_drift_is_found_object_by_object() -> None:
    schema = spoiled(in_place=SchemaDigests("0", {"view public.menu": "0", "type public.x": "0"}))
    result = GATES["schema"].evaluate(facts(schema=schema))
    assert [(one.subject, one.message) for one in result.findings] == [
        ("table public.recipes", "removed past Lockgate"),
        ("type public.x", "added past Lockgate"),
        ("view public.menu", "changed past Lockgate"),
    ]
    assert EXPAND in SCHEMA.database.applied
