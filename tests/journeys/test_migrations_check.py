"""The check ``lockgate/migrations`` on pull requests that change a database."""

from journey import Journey
from kitchen import ADD_COLUMN, CONTRACT, EXPAND, FOLDER, Kitchen

from bot.core.render.migrations_check import MIGRATIONS_CHECK
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import CheckRun, Pull

INDEX = "CREATE INDEX by_title ON recipes (title);\n"


def check_of(journey: Journey, pull: Pull) -> CheckRun | None:
    runs = journey.github.latest_checks(
        pull.repository, pull.head_sha, name=MIGRATIONS_CHECK, app_id=journey.github.app.id
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


async def test_what_cannot_be_read_fails_at_its_line(journey: Journey) -> None:
    files = {f"{FOLDER}/{EXPAND}_a.expand.sql": "SELECT 1;\nSELEC 2;\n"}
    pull = opened(journey, files)
    await journey.rest()
    check = check_of(journey, pull)
    assert check is not None
    assert check.conclusion == "failure"
    assert check.annotations[0]["start_line"] == 2


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
    live = kitchen.merged("feat: show titles")
    await kitchen.say(live, "/promote")
    path = f"{FOLDER}/{CONTRACT}_drop_title.contract.sql"
    text = (
        f"-- requires-build: {'0' * 39}1\nSET lock_timeout = '2s';\n"
        "ALTER TABLE recipes DROP COLUMN title;\n"
    )
    pull = production.github.open_pull(
        production.repository, "refactor: drop titles", CommitSpec("drop", {path: text})
    )
    await production.journey.rest()
    check = check_of(production.journey, pull)
    assert check is not None
    assert live.merge_commit_sha[:7] in check.summary
    assert f"/contract {CONTRACT}" in check.summary
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
