"""The check ``lockgate/migrations`` on pull requests that change a database."""

import sys
from pathlib import Path

import pytest
from journey import Journey
from kitchen import ADD_COLUMN, CONTRACT, EXPAND, FOLDER, Kitchen

from bot.core.migrations.findings import page_of
from bot.core.render.migrations_check import MIGRATIONS_CHECK
from bot.engine.migration_checks import DATABASE_UNREAD, SQUAWK_UNASKED
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import CheckRun, Pull

NOTES = ADD_COLUMN.replace("title_norm", "notes")
INDEX = "CREATE INDEX by_title ON recipes (title);\n"


def check_of(journey: Journey, pull: Pull, sha: str = "") -> CheckRun | None:
    runs = journey.github.latest_checks(
        pull.repository, sha or pull.head_sha, name=MIGRATIONS_CHECK, app_id=journey.github.app.id
    )
    return runs[0] if runs else None


def opened(journey: Journey, files: dict[str, str | bytes], title: str = "feat: search") -> Pull:
    repository = next(iter(journey.github.repositories.values()), None) or journey.shop()
    return journey.github.open_pull(repository, title, CommitSpec("feat: search", files))


async def test_an_unsafe_statement_is_annotated_with_the_safe_one(journey: Journey) -> None:
    pull = opened(journey, {f"{FOLDER}/{EXPAND}_index.expand.sql": INDEX})
    await journey.rest()
    check = check_of(journey, pull)
    assert check is not None
    assert check.conclusion == "failure"
    found = [one for one in check.annotations if "CONCURRENTLY" in one["message"]]
    assert found[0]["path"] == f"{FOLDER}/{EXPAND}_index.expand.sql"
    assert found[0]["start_line"] == 1
    assert "by_title" in found[0]["message"]
    assert journey.check_of(pull).conclusion == "success", "the message is another matter"

    safe = CommitSpec("fix: lock less", {f"{FOLDER}/{EXPAND}_index.expand.sql": ADD_COLUMN})
    journey.github.push(pull.repository, pull.head_ref, safe)
    await journey.rest()
    check = check_of(journey, pull)
    assert check is not None
    assert check.conclusion == "success", check.summary


async def test_who_changes_no_database_gets_no_check_and_costs_nothing(journey: Journey) -> None:
    opened(journey, {"README.md": "# Search\n"})
    await journey.rest()
    journey.requests.seen.clear()
    pull = opened(journey, {"shop.py": "pass\n"})
    await journey.rest()
    assert check_of(journey, pull) is None
    assert journey.requests.kinds["read"] == 1
    near = opened(journey, {"supabase/config.toml": "x = 1\n"})
    await journey.rest()
    assert check_of(journey, near) is None


async def test_two_pull_requests_do_not_take_one_version(journey: Journey) -> None:
    first = opened(journey, {f"{FOLDER}/{EXPAND}_a.expand.sql": ADD_COLUMN})
    await journey.rest()
    second = opened(journey, {f"{FOLDER}/{EXPAND}_b.expand.sql": ADD_COLUMN})
    await journey.rest()
    check = check_of(journey, second)
    assert check is not None
    assert any(f"#{first.number} adds" in one["message"] for one in check.annotations)
    assert check.conclusion == "failure"
    journey.github.close(first)
    await journey.rest()
    journey.github.rerequest_check(check)
    await journey.rest()
    check = check_of(journey, second)
    assert check is not None
    assert check.conclusion == "success"


async def test_what_is_merged_makes_others_late(journey: Journey) -> None:
    there = f"{FOLDER}/20250101000000_there.expand.sql"
    repository = journey.shop()
    journey.github.push(repository, "main", CommitSpec("feat: start", {there: NOTES}))
    late = opened(journey, {f"{FOLDER}/{EXPAND}_a.expand.sql": ADD_COLUMN})
    same = opened(journey, {f"{FOLDER}/{CONTRACT}_b.expand.sql": NOTES})
    merged = opened(journey, {f"{FOLDER}/{CONTRACT}_c.expand.sql": NOTES})
    await journey.rest()
    check = check_of(journey, late)
    assert check is not None
    assert check.conclusion == "success"
    journey.github.merge(merged, "squash")
    await journey.rest()
    check = check_of(journey, late)
    assert check is not None
    assert check.conclusion == "failure"
    assert f"{EXPAND} comes before {CONTRACT}" in check.annotations[0]["message"]
    check = check_of(journey, same)
    assert check is not None
    assert f"{CONTRACT}_c.expand.sql on the trunk adds" in check.annotations[0]["message"]
    schemas = journey.bot.engine.shipping.schema_store
    assert await schemas.fetch_pulls_with_versions(repository.id) == [late.number, same.number]

    later = {
        f"{FOLDER}/{EXPAND}_a.expand.sql": None,
        f"{FOLDER}/20260401000000_a.expand.sql": ADD_COLUMN,
    }
    journey.github.push(repository, late.head_ref, CommitSpec("fix: come later", later))
    mended = CommitSpec("docs: say why", {there: f"-- why\n{NOTES}"})
    journey.github.push(repository, "main", mended)
    await journey.rest()
    check = check_of(journey, late)
    assert check is not None
    assert check.conclusion == "success", "who is behind has not changed what the trunk did"


async def test_a_merge_queues_candidate_is_held_to_the_rules_too(journey: Journey) -> None:
    first = opened(journey, {f"{FOLDER}/{EXPAND}_a.expand.sql": ADD_COLUMN})
    second = opened(journey, {f"{FOLDER}/{CONTRACT}_index.expand.sql": INDEX})
    other = opened(journey, {"shop.py": "pass\n"})
    await journey.rest()
    conclusions = []
    for pulls in ([first], [first, second], [other]):
        group = journey.github.request_merge_group(pulls, "squash")
        await journey.rest()
        check = check_of(journey, first, group.head_sha)
        conclusions.append(check and check.conclusion)
    assert conclusions == ["success", "failure", None]


async def test_what_cannot_be_read_fails_at_its_line(journey: Journey) -> None:
    files = {f"{FOLDER}/{EXPAND}_a.expand.sql": "SELECT 1;\nSELEC 2;\n"}
    pull = opened(journey, files)
    await journey.rest()
    check = check_of(journey, pull)
    assert check is not None
    assert check.conclusion == "failure"
    assert check.annotations[0]["start_line"] == 2


@pytest.mark.slow
async def test_a_linter_that_does_not_run_is_no_pass(
    journey: Journey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as nowhere:
        nowhere.setattr(sys, "executable", str(tmp_path / "python"))
        pull = opened(journey, {f"{FOLDER}/{EXPAND}_a.expand.sql": ADD_COLUMN})
        await journey.rest()
    check = check_of(journey, pull)
    assert check is not None
    assert check.conclusion == "failure"
    assert "the linter could not be asked: squawk cannot be run" in check.annotations[0]["message"]
    assert f"]({page_of(SQUAWK_UNASKED)})" in check.summary
    journey.github.rerequest_check(check)
    await journey.rest()
    check = check_of(journey, pull)
    assert check is not None
    assert check.conclusion == "success"


async def test_re_run_writes_it_anew(journey: Journey) -> None:
    pull = opened(journey, {f"{FOLDER}/{EXPAND}_index.expand.sql": INDEX})
    await journey.rest()
    before = check_of(journey, pull)
    journey.github.rerequest_check(before)
    await journey.rest()
    after = check_of(journey, pull)
    assert after is not None
    assert after.id != before.id
    assert after.conclusion == "failure"


async def test_a_contract_says_who_still_needs_what_it_drops(kitchen: Kitchen) -> None:
    production = kitchen.production
    earlier = kitchen.merged("feat: list titles")
    await kitchen.say(earlier, "/promote")
    live = kitchen.merged("feat: show titles")
    await kitchen.say(live, "/promote")
    path = f"{FOLDER}/{CONTRACT}_drop_title.contract.sql"
    text = (
        f"-- requires-build: {'0' * 39}1\n-- requires-flag-off: old-titles\n"
        "SET lock_timeout = '2s';\n"
        "ALTER TABLE recipes DROP COLUMN title;\n"
    )
    pull = production.github.open_pull(
        production.repository, "refactor: drop titles", CommitSpec("drop", {path: text})
    )
    await production.journey.rest()
    check = check_of(production.journey, pull)
    assert check is not None
    for build, needs, ends in (
        (live, "live in `production`", "that ends when another build is live in `production`"),
        (earlier, "a rollback target of `production`", "5 more builds have gone live"),
    ):
        (found,) = [
            one["message"]
            for one in check.annotations
            if one["message"].startswith(f"`{build.merge_commit_sha[:7]}`, {needs}")
        ]
        assert ends in found
    flag = (
        "nobody can tell whether flag `old-titles` is off: no flags are read yet; see that it is "
        "off, then take `requires-flag-off` out of the contract's header; until then "
        f"`/contract {CONTRACT}` is refused"
    )
    assert flag in [one["message"] for one in check.annotations]
    assert check.conclusion == "success", "it may be merged, and is applied later"


async def test_an_applied_file_that_is_taken_away_is_an_error(kitchen: Kitchen) -> None:
    production = kitchen.production
    path = f"{FOLDER}/{EXPAND}_title_norm.expand.sql"
    other = {
        f"{FOLDER}/{CONTRACT}_notes.expand.sql": "CREATE TABLE notes (id bigint PRIMARY KEY);\n"
    }
    behind = production.github.open_pull(
        production.repository, "feat: notes", CommitSpec("feat: notes", other)
    )
    merged = kitchen.merged("feat: search", {path: ADD_COLUMN})
    await kitchen.say(merged, "/migrate")
    pull = production.github.open_pull(
        production.repository, "refactor: tidy up", CommitSpec("tidy", {path: None})
    )
    await production.journey.rest()
    check = check_of(production.journey, pull)
    assert check is not None
    assert check.conclusion == "failure"
    assert [one["path"] for one in check.annotations] == [path]
    assert f"{EXPAND} is applied, and its file is gone" in check.annotations[0]["message"]

    production.github.push(production.repository, behind.head_ref, CommitSpec("docs: say why"))
    await production.journey.rest()
    check = check_of(production.journey, behind)
    assert check is not None
    assert not any("is gone" in one["message"] for one in check.annotations), "it never had it"


async def test_a_database_that_cannot_be_read_is_no_pass(kitchen: Kitchen) -> None:
    production = kitchen.production
    journey = production.journey
    path = f"{FOLDER}/{EXPAND}_title_norm.expand.sql"
    applied = kitchen.merged("feat: search", {path: ADD_COLUMN})
    await kitchen.say(applied, "/migrate")
    kitchen.rows("ANALYZE recipes")
    with kitchen.closed():
        edit = CommitSpec("edit", {path: ADD_COLUMN.replace("text", "varchar")})
        edited = production.github.open_pull(production.repository, "fix: spell it", edit)
        added = CommitSpec("add", {f"{FOLDER}/{CONTRACT}_notes.expand.sql": NOTES})
        new = production.github.open_pull(production.repository, "feat: notes", added)
        await journey.rest()
        check = check_of(journey, edited)
        assert check is not None
        assert check.conclusion == "failure"
        (unread,) = [one for one in check.annotations if one["title"] == "error: database-unread"]
        assert unread["path"] == path
        assert "the database of production could not be read (" in unread["message"]
        assert "what is applied, sizes and who needs it are unknown" in unread["message"]
        assert unread["message"].endswith("press Re-run")
        check = check_of(journey, new)
        assert check is not None
        assert check.conclusion == "success"
        assert [one["title"] for one in check.annotations].count("warning: database-unread") == 1
        assert f"]({page_of(DATABASE_UNREAD)})" in check.summary
        assert "2,500 rows" not in check.text
    for pull in (edited, new):
        journey.github.rerequest_check(check_of(journey, pull))
    await journey.rest()
    check = check_of(journey, edited)
    assert check is not None
    assert check.conclusion == "failure"
    assert [one["title"] for one in check.annotations] == ["error: applied-file-edited"]
    check = check_of(journey, new)
    assert check is not None
    assert "could not be read" not in check.summary
    assert "2,500 rows" in check.text, "the table's own size"
