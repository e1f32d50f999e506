"""Which builds go with a database, and when a contract may be applied: what is said of each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from compatibility_kit import (
    BEFORE,
    CONTRACT,
    CONTRACTED,
    DROP_FILE,
    DROP_TITLE,
    EXPANDED,
    FILLED,
    LIVE,
    NOW,
    STOPPED,
    STRANGE,
    TITLE,
    TITLE_NORM,
    UNREAD,
    V13,
    V14,
    V15,
    by_version,
    database,
    going,
    migration,
    sha,
)

from bot.core.backfills.model import NEVER_COUNTED
from bot.core.decision import Verdict
from bot.core.migrations.builds import (
    BackfillState,
    BuildFacts,
    DatabaseState,
    InUse,
    Taken,
)
from bot.core.migrations.compatibility import may_contract, may_promote, may_roll_back
from bot.core.migrations.judgement import Judgement
from bot.core.migrations.model import Migration, Phase, Version
from bot.core.migrations.taken import taken_by


def said(judgement: Judgement) -> tuple[str, str, str]:
    return judgement.verdict.value, judgement.summary, judgement.remedy


@pytest.mark.parametrize(
    ("build", "state", "expected"),
    [
        (
            V14,
            EXPANDED,
            (
                "pass",
                "2 expands of this build are applied; 1 backfill of this build is complete",
                "",
            ),
        ),
        (
            replace(V14, migrations={}, backfills={}),
            EXPANDED,
            ("pass", "this build needs no migration; this build needs no backfill", ""),
        ),
        (
            V14,
            database(),
            (
                "fail",
                (
                    "2 migrations of this build are not applied: `20260101000000_add_title` and "
                    "`20260102000000_add_title_norm`"
                ),
                "comment `/migrate production`",
            ),
        ),
        (
            V14,
            database(TITLE),
            (
                "fail",
                "1 migration of this build is not applied: `20260102000000_add_title_norm`",
                "comment `/migrate production`",
            ),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, fill=going()),
            ("wait", "backfill `title_norm` is at 83 %, about 4 min left", "wait for it"),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, fill=going(done=1.0, left=None)),
            ("wait", "backfill `title_norm` is at 99 %", "wait for it"),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, fill=going(done=None, left=None)),
            ("wait", "backfill `title_norm` is under way", "wait for it"),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, fill=None),
            ("fail", "backfill `title_norm` has not begun", "comment `/migrate production`"),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, fill=going(BackfillState.WAITING, done=0.0)),
            ("fail", "backfill `title_norm` has not begun", "comment `/migrate production`"),
        ),
        # Between two turns of a run, or after its runner was killed.
        (
            V14,
            database(TITLE, TITLE_NORM, fill=going(BackfillState.WAITING)),
            (
                "wait",
                "backfill `title_norm` is at 83 %, and nobody works on it at this moment",
                "wait for it, or comment `/migrate production`",
            ),
        ),
        (
            V14,
            database(
                TITLE, TITLE_NORM, fill=going(BackfillState.PAUSED, why="replica is 40 s behind")
            ),
            (
                "fail",
                "backfill `title_norm` is paused at 83 %: replica is 40 s behind",
                "run `lockgate emc resume 20260103000000`",
            ),
        ),
        (
            V14,
            database(
                TITLE, TITLE_NORM, fill=going(BackfillState.FAILED, why="id 7 breaks a constraint")
            ),
            (
                "fail",
                "backfill `title_norm` failed at 83 %: id 7 breaks a constraint",
                "mend what it failed of, then run `lockgate emc run 20260103000000`",
            ),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, fill=going(BackfillState.CANCELED)),
            (
                "fail",
                "backfill `title_norm` was cancelled at 83 %",
                "comment `/migrate production`",
            ),
        ),
        # The end of the work is no proof.
        (
            V14,
            database(TITLE, TITLE_NORM, fill=replace(FILLED, proven=False)),
            (
                "error",
                (
                    "backfill `title_norm` has come to its end, and nobody has proven that no row "
                    "is left"
                ),
                "run `lockgate emc verify 20260103000000`",
            ),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, fill=replace(FILLED, proven=False, uncounted=True)),
            (
                "error",
                (
                    "backfill `title_norm` has come to its end, and has nothing to count by: "
                    "nobody can prove that no row is left"
                ),
                NEVER_COUNTED,
            ),
        ),
        # An older build, promoted anew, after what it reads is gone.
        (
            V13,
            CONTRACTED,
            (
                "fail",
                "v1.3 reads `recipes.title`, which contract `20260301000000` dropped",
                "take a build that was made for the schema in place",
            ),
        ),
        # A build from before the contract was written, and after the code that used it had gone.
        (
            V14,
            CONTRACTED,
            (
                "pass",
                "2 expands of this build are applied; 1 backfill of this build is complete",
                "",
            ),
        ),
        # The three files of a change are often merged together: the contract in a tree proves
        # nothing where a commit is named.
        (
            replace(V15, contains={STOPPED: False}),
            CONTRACTED,
            (
                "fail",
                "v1.5 reads `recipes.title`, which contract `20260301000000` dropped",
                "take a build that was made for the schema in place",
            ),
        ),
        (
            replace(V15, contains={}),
            CONTRACTED,
            (
                "error",
                (
                    "nobody can tell whether v1.5 contains `5709b3d`, which contract "
                    "`20260301000000` requires"
                ),
                "see that `5709b3d` is a commit of this repository",
            ),
        ),
        # Where no commit is named, the contract in its tree is what tells.
        (
            replace(V15, contains={}),
            database(TITLE, TITLE_NORM, replace(DROP_TITLE, requires_build=None)),
            (
                "pass",
                "2 expands of this build are applied; 1 backfill of this build is complete",
                "",
            ),
        ),
        (
            V14,
            database(TITLE, TITLE_NORM, migration(CONTRACT, "tidy", Phase.CONTRACT)),
            (
                "fail",
                "v1.4 was made for the schema before contract `20260301000000_tidy`",
                "take a build that was made for the schema in place",
            ),
        ),
        # Versions that no tree knows.
        (
            V14,
            database(TITLE, TITLE_NORM, migration(STRANGE, "", None)),
            (
                "error",
                (
                    "nobody knows what `20260302000000` did, which is applied in `production` and "
                    "not of this build"
                ),
                "merge the file that was applied, marked as expand or contract",
            ),
        ),
        # An expand of another branch does no harm, and neither does an old file without a mark
        # that the build was made with.
        (
            V14,
            database(TITLE, TITLE_NORM, migration(STRANGE, "other", Phase.EXPAND)),
            (
                "pass",
                "2 expands of this build are applied; 1 backfill of this build is complete",
                "",
            ),
        ),
        (
            replace(V14, migrations=by_version(migration(STRANGE, "old", None))),
            database(migration(STRANGE, "old", None)),
            ("pass", "this build needs no migration; 1 backfill of this build is complete", ""),
        ),
        (
            replace(V14, migrations=by_version(migration(STRANGE, "odd", None))),
            database(),
            (
                "error",
                (
                    "nobody can tell whether this build needs `20260302000000_odd`, which is not "
                    "applied"
                ),
                "mark each as `.expand.sql` or `.contract.sql`",
            ),
        ),
        (
            UNREAD,
            EXPANDED,
            (
                "error",
                "the migrations of v1.6 could not be read: GitHub answered 502",
                "see that GitHub answers, then run the command again",
            ),
        ),
        # The worst comes first, and the rest is counted.
        (
            V14,
            database(migration(STRANGE, "", None), fill=going()),
            (
                "error",
                (
                    "nobody knows what `20260302000000` did, which is applied in `production` and "
                    "not of this build (and 2 more)"
                ),
                "merge the file that was applied, marked as expand or contract",
            ),
        ),
    ],
)
def test_a_promotion(
    build: BuildFacts, state: DatabaseState, expected: tuple[str, str, str]
) -> None:
    assert said(may_promote(build, state)) == expected


READS_TITLE = "v1.3 reads `recipes.title`, which contract `20260301000000` dropped"


@pytest.mark.parametrize(
    ("target", "state", "candidates", "expected"),
    [
        (V13, EXPANDED, [V14, V13], ("pass", "v1.3 goes with the schema in place", "")),
        (
            V13,
            CONTRACTED,
            [V14, V13],
            (
                "fail",
                f"{READS_TITLE}; nearest safe target is v1.4",
                "roll back to v1.4 instead",
            ),
        ),
        (
            V13,
            CONTRACTED,
            [UNREAD, V13],
            ("fail", f"{READS_TITLE}; no safe target is left", "promote a build that mends it"),
        ),
        (
            UNREAD,
            CONTRACTED,
            [V15, UNREAD, V13],
            (
                "error",
                (
                    "the migrations of v1.6 could not be read: GitHub answered 502; nearest safe "
                    "target is v1.5"
                ),
                "roll back to v1.5 instead",
            ),
        ),
        # Nearest to what was asked for, not the newest.
        (
            V13,
            CONTRACTED,
            [replace(V15, sha=sha("7"), label="v1.7"), V15, V14, V13],
            (
                "fail",
                f"{READS_TITLE}; nearest safe target is v1.4",
                "roll back to v1.4 instead",
            ),
        ),
        # Of two as near, the newer.
        (
            V13,
            CONTRACTED,
            [V15, V13, V14],
            (
                "fail",
                f"{READS_TITLE}; nearest safe target is v1.5",
                "roll back to v1.5 instead",
            ),
        ),
        # Restored from a backup of before its expand.
        (
            V14,
            database(TITLE),
            [V13],
            (
                "fail",
                (
                    "1 migration of this build is not applied: `20260102000000_add_title_norm`; "
                    "nearest safe target is v1.3"
                ),
                "roll back to v1.3 instead",
            ),
        ),
    ],
)
def test_a_rollback(
    target: BuildFacts,
    state: DatabaseState,
    candidates: Sequence[BuildFacts],
    expected: tuple[str, str, str],
) -> None:
    assert said(may_roll_back(target, state, candidates)) == expected


def rolled_back_to(build: BuildFacts, **leaves: object) -> InUse:
    return replace(InUse(build, "production", live=False), **leaves)


OUT_OF_TREE = replace(DROP_FILE, requires_build=None)
FLAGGED = replace(DROP_FILE, requires_flag_off="old_title")
LOOKED = Version("20260228000000")
GONE = ("pass", "no live build and no rollback target needs `recipes.title` any more", "")


@pytest.mark.parametrize(
    ("contract", "in_use", "state", "flags", "expected"),
    [
        (DROP_FILE, [LIVE, BEFORE], EXPANDED, {}, GONE),
        (
            DROP_FILE,
            [InUse(V13, "production", live=True)],
            EXPANDED,
            {},
            (
                "fail",
                (
                    "v1.3, live in `production`, still needs `recipes.title` (it does not contain "
                    "`5709b3d`); that ends when another build is live in `production` and this "
                    "one out of the window for rollbacks"
                ),
                "promote a build to `production` that contains `5709b3d`",
            ),
        ),
        (
            DROP_FILE,
            [LIVE, BEFORE, rolled_back_to(V13, leaves_at=NOW + timedelta(days=9, hours=2))],
            EXPANDED,
            {},
            (
                "wait",
                (
                    "v1.3, a rollback target of `production`, still needs `recipes.title` (it "
                    "does not contain `5709b3d`); that ends on 2026-03-11 14:00 UTC"
                ),
                "wait until v1.3 has left the window for rollbacks",
            ),
        ),
        (
            DROP_FILE,
            [LIVE, rolled_back_to(V13, leaves_after=1)],
            EXPANDED,
            {},
            (
                "wait",
                (
                    "v1.3, a rollback target of `production`, still needs `recipes.title` (it "
                    "does not contain `5709b3d`); that ends when 1 more build has gone live"
                ),
                "wait until v1.3 has left the window for rollbacks",
            ),
        ),
        (
            DROP_FILE,
            [LIVE, rolled_back_to(V13, leaves_after=3, leaves_at=NOW)],
            EXPANDED,
            {},
            (
                "wait",
                (
                    "v1.3, a rollback target of `production`, still needs `recipes.title` (it "
                    "does not contain `5709b3d`); that ends when 3 more builds have gone live, "
                    "and not before 2026-03-02 12:00 UTC"
                ),
                "wait until v1.3 has left the window for rollbacks",
            ),
        ),
        (
            OUT_OF_TREE,
            [LIVE, rolled_back_to(V14, leaves_after=2)],
            EXPANDED,
            {},
            (
                "wait",
                (
                    "v1.4, a rollback target of `production`, still needs `recipes.title` (its "
                    "tree does not have `20260301000000`); that ends when 2 more builds have gone "
                    "live"
                ),
                "wait until v1.4 has left the window for rollbacks",
            ),
        ),
        (OUT_OF_TREE, [LIVE], EXPANDED, {}, GONE),
        (
            DROP_FILE,
            [LIVE, rolled_back_to(UNREAD)],
            EXPANDED,
            {},
            (
                "error",
                (
                    "nobody can tell whether v1.6, a rollback target of `production`, still needs "
                    "it: GitHub answered 502"
                ),
                "try again once its tree can be read",
            ),
        ),
        (
            DROP_FILE,
            [LIVE, rolled_back_to(replace(V14, contains={}))],
            EXPANDED,
            {},
            (
                "error",
                (
                    "nobody can tell whether v1.4 contains `5709b3d`, which contract "
                    "`20260301000000` requires"
                ),
                "see that `5709b3d` is a commit of this repository",
            ),
        ),
        (
            DROP_FILE,
            [LIVE],
            database(TITLE, TITLE_NORM, fill=going()),
            {},
            ("wait", "backfill `title_norm` is at 83 %, about 4 min left", "wait for it"),
        ),
        (
            DROP_FILE,
            [LIVE],
            database(TITLE, TITLE_NORM, fill=None),
            {},
            ("fail", "backfill `20260103000000` has not begun", "comment `/migrate production`"),
        ),
        (
            replace(DROP_FILE, requires_contracts=(LOOKED,)),
            [LIVE],
            EXPANDED,
            {},
            (
                "fail",
                "contract `20260228000000`, which it requires, is not applied",
                "comment `/contract 20260228000000 production` first",
            ),
        ),
        (
            replace(DROP_FILE, requires_contracts=(LOOKED,)),
            [LIVE],
            replace(
                EXPANDED,
                applied={**EXPANDED.applied, LOOKED: migration(LOOKED, "look", Phase.CONTRACT)},
            ),
            {},
            GONE,
        ),
        (FLAGGED, [LIVE], EXPANDED, {"old_title": False}, GONE),
        (
            FLAGGED,
            [LIVE],
            EXPANDED,
            {"old_title": True},
            (
                "fail",
                "flag `old_title` is on: it leads to what is dropped",
                "switch `old_title` off",
            ),
        ),
        (
            FLAGGED,
            [LIVE],
            EXPANDED,
            {},
            (
                "error",
                "nobody can tell whether flag `old_title` is off: no flags are read yet",
                "see that it is off, then take `requires-flag-off` out of the contract's header",
            ),
        ),
        *(
            (
                DROP_FILE,
                in_use,
                EXPANDED,
                {},
                (
                    "error",
                    "nothing is known to be live in `production`",
                    "promote a build, or wait until the host says what is live",
                ),
            )
            for in_use in (None, [], [BEFORE])
        ),
    ],
)
def test_a_contract(
    contract: Migration,
    in_use: Sequence[InUse] | None,
    state: DatabaseState,
    flags: Mapping[str, bool],
    expected: tuple[str, str, str],
) -> None:
    assert said(may_contract(contract, in_use, state, flags)) == expected


def test_what_a_contract_names_is_the_build_itself() -> None:
    """A commit contains itself, whether or not anybody compared."""
    build = replace(V14, sha=STOPPED, contains={})
    assert may_promote(build, CONTRACTED).allowed


def test_every_build_that_holds_a_contract_up_is_named() -> None:
    judgement = may_contract(
        DROP_FILE,
        [InUse(V13, "production", live=True), rolled_back_to(UNREAD), LIVE],
        EXPANDED,
        {},
    )
    assert [one.subject for one in judgement.obstacles] == ["build v1.6", "build v1.3"]
    assert judgement.verdict is Verdict.ERROR


def test_a_contract_leaves_what_it_was_allowed_for() -> None:
    """Whatever was in the window when a contract was applied can still be rolled back to."""
    for build in (V14, V15):
        assert may_contract(DROP_FILE, [LIVE, rolled_back_to(build)], EXPANDED, {}).allowed
        assert may_roll_back(build, CONTRACTED, ()).allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alter table public.r drop column c, add x int;", "public.r.c dropped"),
        ("drop table a, b.c cascade", "a dropped, b.c dropped"),
        ('alter table recipes rename column "Title" to t', 'recipes."Title" renamed'),
        ("alter table recipes rename to meals", "recipes renamed"),
        ("alter schema shop rename to store", "shop renamed"),
        ("alter table recipes set schema attic", "recipes moved"),
        ("alter table t alter column c type bigint", "t.c changed"),
        ("drop function s.f(int); drop type t; drop view v", "s.f() dropped, t dropped, v dropped"),
        ("alter type mood rename value 'ok' to 'fine'", "mood: 'ok' renamed"),
        ("alter type pair rename attribute a to b", "pair.a renamed"),
        # No application names these.
        ("drop index i; drop trigger t on r; drop policy p on r", ""),
        ("alter table r drop constraint c", ""),
        ("drop function public.lockgate_sync_r_a_b(); drop table t", "t dropped"),
        ("alter table r add column c int", ""),
        ("alter table r drop column", ""),
    ],
)  # fmt: skip
def test_what_is_taken_away(text: str, expected: str) -> None:
    assert ", ".join(f"{one.name} {one.how}" for one in taken_by(text)) == expected


def test_several_things_taken_away_are_listed() -> None:
    taken = (Taken("recipes.title"), Taken("recipes.body", "renamed"))
    state = database(TITLE, TITLE_NORM, replace(DROP_TITLE, taken_away=taken))
    assert may_promote(V13, state).summary == (
        "v1.3 reads `recipes.title` and `recipes.body`, which contract `20260301000000` dropped "
        "and renamed"
    )
